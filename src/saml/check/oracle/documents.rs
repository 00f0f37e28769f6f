//! Documents by chance: what the canonical form has rules for, and nothing that SAML's profile refuses anyway.

/// A small generator (SplitMix64): the same documents on every machine.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(end).expect("a size")).expect("below a size")
    }

    pub(crate) fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

const PREFIXES: &[&str] = &["p", "q", "saml", "xs", "é"];
/// Without `&`: libxml2 writes it as it is, which is no XML. Absolute, because it refuses others.
const URIS: &[&str] =
    &["urn:a", "urn:b", "http://example.com/?a=1", "urn:z", "urn:oasis:names:tc:SAML:2.0:assertion"];
const NAMES: &[&str] = &["a", "b", "Name", "Straße", "x-1.2"];
const TEXTS: &[&str] = &[
    "text",
    " ",
    "\n  ",
    "&lt;",
    "&gt;",
    ">",
    "&amp;",
    "&quot;\"'",
    "&#13;",
    "&#xD;\n",
    "\r\n",
    "\t",
    "&#9;",
    "ü€\u{1f600}",
    "&#x1F600;",
    "<![CDATA[<&>]]>",
    "<![CDATA[\r\n]]>",
    "<![CDATA[]]>",
    "]] >",
    "<?go there now?>",
    "<?go?>",
    "é",
];
const VALUES: &[&str] = &[
    "value",
    "",
    " a  b ",
    "&lt;&amp;>",
    "&quot;",
    "'",
    "\n",
    "\r\n",
    "\t",
    "&#10;",
    "&#13;",
    "&#9;",
    "&#x20;",
    "ü€\u{1f600}",
    "a&#xA0;b",
];

/// A whole document.
pub(crate) fn document(random: &mut Random) -> String {
    let mut text = String::new();
    if random.below(3) == 0 {
        text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    }
    text.push_str(&element(random, &[], 0, ""));
    text
}

/// An element that may use these prefixes, with `more` among its attributes.
pub(crate) fn element(random: &mut Random, known: &[&'static str], depth: usize, more: &str) -> String {
    let mut known = known.to_vec();
    let mut attributes: Vec<String> = Vec::new();
    let mut declared: Vec<&str> = Vec::new();
    for _ in 0..random.below(3) {
        let prefix = *random.of(PREFIXES);
        if !declared.contains(&prefix) {
            declared.push(prefix);
            attributes.push(format!("xmlns:{prefix}=\"{}\"", random.of(URIS)));
        }
    }
    match random.below(6) {
        0 => attributes.push(format!("xmlns='{}'", random.of(URIS))),
        1 => attributes.push("xmlns=\"\"".into()),
        _ => {}
    }
    known.extend(declared);
    let name = |random: &mut Random, known: &[&'static str]| {
        let local = *random.of(NAMES);
        if known.is_empty() || random.below(3) == 0 {
            local.to_owned()
        } else {
            format!("{}:{local}", random.of(known))
        }
    };
    let tag = name(random, &known);
    let mut locals: Vec<String> = Vec::new();
    for _ in 0..random.below(4) {
        let attribute = match random.below(8) {
            0 => "xml:lang".to_owned(),
            1 => "xml:space".to_owned(),
            _ => name(random, &known),
        };
        // Two prefixes may stand for one namespace, so a local name is taken once.
        let local = attribute.rsplit(':').next().unwrap_or_default().to_owned();
        if !locals.contains(&local) {
            locals.push(local);
            let value = if attribute == "xml:space" { "preserve" } else { random.of(VALUES) };
            let quote = if value.contains('\'') { '"' } else { '\'' };
            attributes.push(format!("{attribute}{}{quote}{value}{quote}", random.of(&["=", " = "])));
        }
    }
    if !more.is_empty() {
        attributes.push(more.to_owned());
    }
    for at in (1..attributes.len()).rev() {
        attributes.swap(at, random.below(at + 1));
    }
    let gap = *random.of(&[" ", "\n  ", "\t"]);
    let head: String = attributes.iter().map(|one| format!("{gap}{one}")).collect();
    let mut content = String::new();
    for _ in 0..random.below(if depth < 6 { 5 } else { 1 }) {
        match random.below(2) {
            0 => content.push_str(random.of::<&str>(TEXTS)),
            _ => content.push_str(&element(random, &known, depth + 1, "")),
        }
    }
    if content.is_empty() && random.below(2) == 0 {
        return format!("<{tag}{head}/>");
    }
    format!("<{tag}{head}>{content}</{tag}{}>", random.of(&["", " ", "\n"]))
}
