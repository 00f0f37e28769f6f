//! Reads the pages' HTML strictly enough to check it: every tag closed, every attribute quoted.

use std::collections::BTreeMap;

/// Elements without an end tag (HTML, "void elements").
const VOID: [&str; 6] = ["br", "hr", "img", "input", "link", "meta"];

/// A start tag.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Names of the elements around it, outermost first.
    pub(crate) around: Vec<String>,
    /// The text between it and the next tag, with references resolved.
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).map(String::as_str)
    }
}

/// All start tags of a well-formed page in order; panics where it is not well-formed.
pub(crate) fn elements(html: &str) -> Vec<Element> {
    let mut rest = html.strip_prefix("<!doctype html>").expect("a doctype");
    let mut open: Vec<String> = Vec::new();
    let mut found: Vec<Element> = Vec::new();
    while let Some(at) = rest.find('<') {
        let text = unescape(&rest[..at]);
        if let Some(last) = found.last_mut().filter(|last| last.text.is_empty()) {
            last.text = text.trim().to_owned();
        }
        rest = &rest[at + 1..];
        if let Some(end) = rest.strip_prefix('/') {
            let (name, after) = end.split_once('>').expect("an end tag ends");
            assert_eq!(open.pop().as_deref(), Some(name), "in order, before {:.80}", after);
            rest = after;
            continue;
        }
        let (element, after) = start_tag(rest, &open);
        rest = after;
        if !VOID.contains(&element.name.as_str()) {
            open.push(element.name.clone());
        }
        found.push(element);
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    assert!(!rest.contains('>'), "a bracket in the text: {rest}");
    found
}

fn start_tag<'a>(text: &'a str, open: &[String]) -> (Element, &'a str) {
    let length = text.find(|c: char| !c.is_ascii_alphanumeric()).expect("a tag ends");
    let (name, mut rest) = text.split_at(length);
    assert!(!name.is_empty(), "a bare bracket before {text:.40}");
    let mut attributes = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('>') {
            let element =
                Element { name: name.to_owned(), attributes, around: open.to_vec(), text: String::new() };
            return (element, after);
        }
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).expect("a tag ends");
        let (key, after) = rest.split_at(length);
        assert!(!key.is_empty(), "an attribute in <{name} before {rest:.40}");
        let value = match after.strip_prefix("=\"") {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"').expect("a value ends");
                assert!(!value.contains('<'), "{key}={value}");
                rest = after;
                value
            }
            None => {
                rest = after;
                ""
            }
        };
        assert!(attributes.insert(key.to_owned(), unescape(value)).is_none(), "{key} twice in <{name}");
    }
}

/// Resolves the references that the template engine writes; panics at a bare `&`.
fn unescape(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (reference, after) = part.split_once(';').unwrap_or_else(|| panic!("a bare & before {part}"));
        out.push(match reference {
            "#60" | "lt" => '<',
            "#62" | "gt" => '>',
            "#38" | "amp" => '&',
            "#34" | "quot" => '"',
            "#39" => '\'',
            other => panic!("reference &{other};"),
        });
        out += after;
    }
    out
}
