//! How much XML is looked at, and a first look at its shape that needs no tree.
//!
//! The tree's builder copies the namespaces of a parent into each element that declares one, and compares each attribute
//! with all before it: both grow with the square of what a sender chooses. So nesting, attributes and declarations are
//! counted in one pass over the bytes before anything is built. Nothing here decides what a document means.

use crate::xml::XmlError;

/// What a document may have at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of the whole text.
    pub(crate) bytes: usize,
    /// Nodes: elements, texts, comments.
    pub(crate) nodes: u32,
    /// Elements within elements.
    pub(crate) depth: usize,
    /// Attributes of one element, declarations of namespaces among them.
    pub(crate) attributes: usize,
    /// Declarations of namespaces in force at one place.
    pub(crate) namespaces: usize,
}

/// Longest answer of an identity provider, in bytes: a person in 1,000 groups with names of 60 characters and two
/// certificates is 85 KiB; it is also what the launcher hands on.
pub const RESPONSE_MAX: usize = 96 * 1024;
/// Longest metadata, in bytes: one organisation's providers. Aggregates of a federation (tens of megabytes) are not read:
/// naming the one provider's own document is what an operator wants.
pub const METADATA_MAX: usize = 1024 * 1024;

/// For an answer, and for what was encrypted in it.
pub(crate) const RESPONSE: Limits = Limits {
    bytes: RESPONSE_MAX,
    // 1,000 groups are 3,000 nodes when each stands on its own line.
    nodes: 8192,
    // The deepest element of a real answer, a certificate in an encrypted key, is at 11.
    depth: 32,
    // Answers have 9 at the most (an AuthnRequest has 13).
    attributes: 32,
    // 8 in real ones.
    namespaces: 64,
};

/// For metadata: wider, not deeper.
pub(crate) const METADATA: Limits =
    Limits { bytes: METADATA_MAX, nodes: 65_536, depth: 32, attributes: 32, namespaces: 64 };

impl Limits {
    /// Counts. A text that is no XML may pass: the parser says so with its own words.
    pub(crate) fn measure(&self, text: &str) -> Result<(), XmlError> {
        // Declarations in force for each open element.
        let mut open: Vec<usize> = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('<') {
            rest = &rest[at..];
            let end = if rest.starts_with("<!--") {
                after(rest, "-->")
            } else if rest.starts_with("<![CDATA[") {
                after(rest, "]]>")
            } else if rest.starts_with("<!") {
                return Err(XmlError::Dtd);
            } else if rest.starts_with("<?") {
                after(rest, "?>")
            } else if rest.starts_with("</") {
                open.pop();
                after(rest, ">")
            } else {
                let tag = Tag::of(rest);
                if tag.attributes > self.attributes {
                    return Err(XmlError::Attributes(self.attributes));
                }
                let in_force = open.last().copied().unwrap_or(0) + tag.namespaces;
                if in_force > self.namespaces {
                    return Err(XmlError::Namespaces(self.namespaces));
                }
                if open.len() >= self.depth {
                    return Err(XmlError::Depth(self.depth));
                }
                if !tag.empty {
                    open.push(in_force);
                }
                tag.end
            };
            let Some(end) = end else { return Ok(()) };
            rest = &rest[end..];
        }
        Ok(())
    }
}

/// Where `rest` goes on after the first `mark`.
fn after(rest: &str, mark: &str) -> Option<usize> {
    rest.find(mark).map(|at| at + mark.len())
}

/// A start tag, counted.
struct Tag {
    attributes: usize,
    namespaces: usize,
    empty: bool,
    end: Option<usize>,
}

impl Tag {
    fn of(rest: &str) -> Self {
        let mut tag = Self { attributes: 0, namespaces: 0, empty: false, end: None };
        let bytes = rest.as_bytes();
        let mut quote = None;
        for (at, &byte) in bytes.iter().enumerate().skip(1) {
            match (quote, byte) {
                (Some(open), _) if open == byte => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'=') => tag.attributes += 1,
                (None, b'x') if bytes[at - 1].is_ascii_whitespace() && bytes[at..].starts_with(b"xmlns") => {
                    tag.namespaces += 1;
                }
                (None, b'>') => {
                    tag.empty = bytes[at - 1] == b'/';
                    tag.end = Some(at + 1);
                    break;
                }
                (None, _) => {}
            }
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits = Limits { bytes: 1000, nodes: 100, depth: 3, attributes: 3, namespaces: 2 };

    #[test]
    fn what_is_within_passes() {
        for text in [
            "<a/>",
            "<a><b><c/></b><b><c/></b></a>",
            "<?xml version='1.0'?><a x='1' y='>' z=\"<='\"/>",
            "<a xmlns:p='1'><b xmlns:q='2'/><b xmlns:q='2'/></a>",
            "<a><!-- <b><c><d><e> --><![CDATA[<b><c><d><e>]]></a>",
            "<a",
            "no markup",
        ] {
            assert!(SMALL.measure(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_beyond_is_named() {
        for (text, wanted) in [
            ("<a><b><c><d/></c></b></a>", XmlError::Depth(3)),
            ("<a v='1' w='1' x='1' y='1'/>", XmlError::Attributes(3)),
            ("<a xmlns:p='1'><b xmlns:q='2'><c xmlns:r='3'/></b></a>", XmlError::Namespaces(2)),
            ("<!DOCTYPE a><a/>", XmlError::Dtd),
            ("<a><!ENTITY b 'c'></a>", XmlError::Dtd),
        ] {
            assert_eq!(SMALL.measure(text).expect_err(text), wanted, "{text}");
        }
    }

    #[test]
    fn hostile_shapes_end_soon() {
        let many = "<a>".repeat(30_000);
        assert_eq!(RESPONSE.measure(&many), Err(XmlError::Depth(RESPONSE.depth)));
        let wide = format!("<a {}/>", "b='' ".repeat(20_000));
        assert_eq!(RESPONSE.measure(&wide), Err(XmlError::Attributes(RESPONSE.attributes)));
    }
}
