//! Exclusive canonical XML 1.0 without comments (W3C recommendation of 18 July 2002), of one element.
//!
//! Called by [`crate::signature`] for what was signed, and by [`crate::sign`] for what we sign. The names are taken as they
//! were written, prefixes and all, from the text that the tree stands on.

use std::collections::BTreeSet;

use roxmltree::{Node, NodeId};

/// The canonical form of an element: without the node `without` (the enveloped signature), and with the prefixes
/// `inclusive` treated as inclusive canonical XML does (`#default` stands for no prefix).
///
/// Calls itself for each level: the tree is one of [`crate::limits`].
pub(crate) fn exclusive(element: Node<'_, '_>, without: Option<NodeId>, inclusive: &[String]) -> Vec<u8> {
    let mut writer = Writer { out: Vec::new(), without, inclusive, rendered: Vec::new() };
    writer.node(element);
    writer.out
}

struct Writer<'a> {
    out: Vec<u8>,
    without: Option<NodeId>,
    inclusive: &'a [String],
    /// Declarations that were written and are in force, the innermost last.
    rendered: Vec<(&'a str, &'a str)>,
}

impl<'a> Writer<'a> {
    fn node(&mut self, node: Node<'a, '_>) {
        if Some(node.id()) == self.without {
            return;
        }
        if node.is_element() {
            self.element(node);
        } else if node.is_text() {
            self.text(node.text().unwrap_or_default());
        } else if let Some(instruction) = node.pi() {
            self.push("<?");
            self.push(instruction.target);
            if let Some(value) = instruction.value {
                self.push(" ");
                self.push(value);
            }
            self.push("?>");
        }
    }

    fn element(&mut self, node: Node<'a, '_>) {
        let source: &'a str = node.document().input_text();
        let name = written(source, node.range().start + 1);
        let mut attributes: Vec<Attribute<'a>> = node
            .attributes()
            .map(|found| Attribute {
                namespace: found.namespace().unwrap_or_default(),
                local: found.name(),
                written: written(source, found.range().start),
                value: found.value(),
            })
            .collect();
        attributes.sort_unstable_by_key(|one| (one.namespace, one.local));
        let kept = self.rendered.len();
        self.push("<");
        self.push(name);
        self.namespaces(node, name, &attributes);
        for one in &attributes {
            self.push(" ");
            self.push(one.written);
            self.push("=\"");
            self.value(one.value);
            self.push("\"");
        }
        self.push(">");
        for child in node.children() {
            self.node(child);
        }
        self.push("</");
        self.push(name);
        self.push(">");
        self.rendered.truncate(kept);
    }

    /// Declarations of what the element itself uses, and of the inclusive prefixes, as far as they are not in force.
    fn namespaces(&mut self, node: Node<'a, '_>, name: &'a str, attributes: &[Attribute<'a>]) {
        let mut wanted = BTreeSet::from([prefix(name).unwrap_or_default()]);
        // An attribute without a prefix is in no namespace: it uses none.
        wanted.extend(attributes.iter().filter_map(|one| prefix(one.written)));
        let inclusive = self.inclusive;
        wanted.extend(inclusive.iter().map(|word| if word == "#default" { "" } else { word.as_str() }));
        // `xml` is bound by definition and never declared.
        wanted.remove("xml");
        for prefix in wanted {
            let uri = node.lookup_namespace_uri((!prefix.is_empty()).then_some(prefix)).unwrap_or_default();
            let before = self.rendered.iter().rev().find(|(known, _)| *known == prefix).map(|(_, uri)| *uri);
            // No namespace is what holds where nothing was declared; a prefix out of scope is not declared either.
            if before.unwrap_or_default() == uri {
                continue;
            }
            self.push(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            self.push(prefix);
            self.push("=\"");
            self.value(uri);
            self.push("\"");
            self.rendered.push((prefix, uri));
        }
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn text(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'&' => self.push("&amp;"),
                b'<' => self.push("&lt;"),
                b'>' => self.push("&gt;"),
                b'\r' => self.push("&#xD;"),
                byte => self.out.push(byte),
            }
        }
    }

    fn value(&mut self, value: &str) {
        for byte in value.bytes() {
            match byte {
                b'&' => self.push("&amp;"),
                b'<' => self.push("&lt;"),
                b'"' => self.push("&quot;"),
                b'\t' => self.push("&#x9;"),
                b'\n' => self.push("&#xA;"),
                b'\r' => self.push("&#xD;"),
                byte => self.out.push(byte),
            }
        }
    }
}

struct Attribute<'a> {
    namespace: &'a str,
    local: &'a str,
    written: &'a str,
    value: &'a str,
}

/// The name that begins here, with its prefix.
fn written(source: &str, start: usize) -> &str {
    let rest = &source[start..];
    let end =
        rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '=')).unwrap_or(rest.len());
    &rest[..end]
}

fn prefix(name: &str) -> Option<&str> {
    name.split_once(':').map(|(prefix, _)| prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::RESPONSE;
    use crate::xml::parse;

    fn of(text: &str, name: &str, inclusive: &[&str]) -> String {
        let doc = parse(text.as_bytes(), &RESPONSE).expect(text);
        let element = doc.descendants().find(|node| node.tag_name().name() == name).expect(name);
        let inclusive: Vec<String> = inclusive.iter().map(|&word| word.to_owned()).collect();
        String::from_utf8(exclusive(element, None, &inclusive)).expect("UTF-8")
    }

    /// Inputs and outputs worked out by hand from the recommendations; the programs of others are asked in `check/oracle.rs`.
    #[test]
    fn known_forms() {
        let cases: &[(&str, &str, &[&str], &str)] = &[
            ("<a/>", "a", &[], "<a></a>"),
            ("<a  c='1'   b=\"2\"/>", "a", &[], "<a b=\"2\" c=\"1\"></a>"),
            (
                "<a b='&lt;&#9;&#10;&#13;\"&apos;&gt;'/>",
                "a",
                &[],
                "<a b=\"&lt;&#x9;&#xA;&#xD;&quot;'>\"></a>",
            ),
            (
                "<a>&lt;&gt;&amp;&quot;&#13;<![CDATA[<&]]></a>",
                "a",
                &[],
                "<a>&lt;&gt;&amp;\"&#xD;&lt;&amp;</a>",
            ),
            ("<a>x\r\ny&#13;\r\n&lt;</a>", "a", &[], "<a>x\ny&#xD;\n&lt;</a>"),
            ("<a b='x\r\ny\tz'/>", "a", &[], "<a b=\"x y z\"></a>"),
            ("<a>1<!-- no -->2<?p  q ?><?r?></a>", "a", &[], "<a>12<?p q ?><?r?></a>"),
            // Unused declarations go, used ones come where they are used.
            ("<r xmlns:p='u' xmlns:q='v'><a q:x='1'/></r>", "a", &[], "<a xmlns:q=\"v\" q:x=\"1\"></a>"),
            (
                "<p:r xmlns:p='u' xmlns:q='v'><q:a/></p:r>",
                "r",
                &[],
                "<p:r xmlns:p=\"u\"><q:a xmlns:q=\"v\"></q:a></p:r>",
            ),
            // An inclusive prefix comes at once, used or not; one out of scope does not.
            ("<r xmlns:p='u'><a><b/></a></r>", "a", &["p", "z"], "<a xmlns:p=\"u\"><b></b></a>"),
            (
                "<r xmlns='u'><p:a xmlns:p='v'/></r>",
                "a",
                &["#default"],
                "<p:a xmlns=\"u\" xmlns:p=\"v\"></p:a>",
            ),
            (
                "<a xmlns:p='u'><b xmlns:p='v'/></a>",
                "a",
                &["p"],
                "<a xmlns:p=\"u\"><b xmlns:p=\"v\"></b></a>",
            ),
            // The default goes away only where it was there.
            (
                "<a xmlns='u'><b xmlns=''><c xmlns=''/></b></a>",
                "a",
                &[],
                "<a xmlns=\"u\"><b xmlns=\"\"><c></c></b></a>",
            ),
            ("<r xmlns='u'><b xmlns=''/></r>", "b", &[], "<b></b>"),
            (
                "<p:a xmlns:p='u' xmlns='w'><p:b><c/></p:b></p:a>",
                "a",
                &[],
                "<p:a xmlns:p=\"u\"><p:b><c xmlns=\"w\"></c></p:b></p:a>",
            ),
            // Sorted by namespace, not by prefix; those without come first.
            (
                "<a xmlns:y='1' xmlns:x='2' x:b='3' y:b='4' z='5' xml:lang='en'/>",
                "a",
                &[],
                "<a xmlns:x=\"2\" xmlns:y=\"1\" z=\"5\" y:b=\"4\" x:b=\"3\" xml:lang=\"en\"></a>",
            ),
            // `xml:` attributes of ancestors stay with them.
            ("<r xml:lang='en'><a/></r>", "a", &[], "<a></a>"),
            ("<é:a xmlns:é='u' é:ü='ß'/>", "a", &[], "<é:a xmlns:é=\"u\" é:ü=\"ß\"></é:a>"),
        ];
        for (text, name, inclusive, wanted) in cases {
            let found = of(text, name, inclusive);
            assert_eq!(&found, wanted, "{text}");
            // What is canonical stays as it is.
            assert_eq!(of(&found, name, inclusive), found, "{text}");
        }
    }

    #[test]
    fn the_signature_is_left_out_and_nothing_else() {
        let text = "<a><s>1</s> <b><s>2</s></b></a>";
        let doc = parse(text.as_bytes(), &RESPONSE).expect(text);
        let signature = doc.root_element().first_element_child().expect("s");
        assert_eq!(exclusive(doc.root_element(), Some(signature.id()), &[]), b"<a> <b><s>2</s></b></a>");
    }
}
