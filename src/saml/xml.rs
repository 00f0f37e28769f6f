//! XML as far as SAML needs it: a tree within limits, and the questions asked of it.
//!
//! No document type, so no entities but the five; UTF-8 alone. Names are compared with their namespaces.

use std::collections::HashSet;

use roxmltree::{Document, Node, ParsingOptions};
use thiserror::Error;

use crate::limits::Limits;
use crate::shown::Shown;

/// Assertions.
pub(crate) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// The protocol's messages.
pub(crate) const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// Metadata.
pub(crate) const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// XML Signature.
pub(crate) const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// XML Encryption.
pub(crate) const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
/// XML Encryption 1.1.
pub(crate) const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
/// Exclusive canonical form: the namespace of its parameters, and its name as an algorithm.
pub(crate) const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Why a text is not looked at, or is no XML.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum XmlError {
    /// Longer than the limit, in bytes.
    #[error("the document has more than {0} bytes")]
    Bytes(usize),
    /// More nodes than the limit.
    #[error("the document has more than {0} nodes")]
    Nodes(u32),
    /// Deeper than the limit.
    #[error("the document's elements are nested deeper than {0}")]
    Depth(usize),
    /// More attributes at one element than the limit.
    #[error("an element has more than {0} attributes")]
    Attributes(usize),
    /// More namespaces in force at one place than the limit.
    #[error("more than {0} namespaces are in force at one element")]
    Namespaces(usize),
    /// Another encoding than UTF-8.
    #[error("the document is not UTF-8")]
    Encoding,
    /// A carriage return without a line feed after it: a line end of a kind that no provider writes, and that readers take for
    /// different characters.
    #[error("the document has a carriage return that ends no line")]
    LineEnd,
    /// A document type, which could define entities.
    #[error("the document has a document type")]
    Dtd,
    /// A comment where a value's reading could depend on it.
    #[error("the document has a comment")]
    Comment,
    /// A processing instruction.
    #[error("the document has a processing instruction")]
    Instruction,
    /// Two elements with the same ID.
    #[error("the ID `{}` stands at two elements", Shown(.0))]
    DuplicateId(String),
    /// No well-formed XML with namespaces.
    #[error("the document is no well-formed XML: {}", Shown(.0))]
    Malformed(String),
}

/// Builds the tree.
pub(crate) fn parse<'a>(text: &'a [u8], limits: &Limits) -> Result<Document<'a>, XmlError> {
    if text.len() > limits.bytes {
        return Err(XmlError::Bytes(limits.bytes));
    }
    let text = std::str::from_utf8(text).map_err(|_| XmlError::Encoding)?;
    declared_utf8(text)?;
    // Before a character reference the parser leaves one as it is, where XML (2.11) wants a line feed.
    let lone = |at: usize| text.as_bytes().get(at + 1) != Some(&b'\n');
    if text.match_indices('\r').any(|(at, _)| lone(at)) {
        return Err(XmlError::LineEnd);
    }
    limits.measure(text)?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: limits.nodes, entity_resolver: None };
    let doc = Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected => XmlError::Dtd,
        roxmltree::Error::NodesLimitReached => XmlError::Nodes(limits.nodes),
        other => XmlError::Malformed(other.to_string()),
    })?;
    bound_prefixes(&doc)?;
    unique_ids(&doc)?;
    Ok(doc)
}

/// A declaration may name UTF-8 or nothing: another reader would believe it, and see another document than we do.
fn declared_utf8(text: &str) -> Result<(), XmlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(declaration) = text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) else {
        return Ok(());
    };
    let Some((_, value)) = declaration.0.split_once("encoding") else { return Ok(()) };
    let value = value.trim_matches(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '"' | '\''));
    let value = value.split(['"', '\'']).next().unwrap_or_default();
    if value.eq_ignore_ascii_case("utf-8") { Ok(()) } else { Err(XmlError::Encoding) }
}

/// A prefix stands for a namespace: it can't be taken back (XML namespaces 1.0, 2.2), which the parser does not mind.
fn bound_prefixes(doc: &Document<'_>) -> Result<(), XmlError> {
    for element in doc.descendants().filter(Node::is_element) {
        if element.namespaces().any(|one| one.name().is_some() && one.uri().is_empty()) {
            return Err(XmlError::Malformed("a prefix without a namespace".to_owned()));
        }
    }
    Ok(())
}

/// An ID in any spelling stands once: which of two elements a reference means must not be a matter of taste.
fn unique_ids(doc: &Document<'_>) -> Result<(), XmlError> {
    let mut seen = HashSet::new();
    for element in doc.descendants().filter(Node::is_element) {
        for attribute in element.attributes() {
            let ours = attribute.namespace().is_none_or(|namespace| namespace == XML);
            if ours && attribute.name().eq_ignore_ascii_case("id") && !seen.insert(attribute.value()) {
                return Err(XmlError::DuplicateId(attribute.value().to_owned()));
            }
        }
    }
    Ok(())
}

/// Refuses comments and instructions. The canonical form drops a comment, so it can be put into a signed value afterwards;
/// readers that then take the first of two texts see `user@example.com` where `user@example.com.evil` was signed.
pub(crate) fn plain(doc: &Document<'_>) -> Result<(), XmlError> {
    for node in doc.descendants() {
        if node.is_comment() {
            return Err(XmlError::Comment);
        }
        if node.is_pi() {
            return Err(XmlError::Instruction);
        }
    }
    Ok(())
}

/// True for an element of this namespace and name.
pub(crate) fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.is_element() && node.tag_name().namespace() == Some(namespace) && node.tag_name().name() == name
}

/// The children of this namespace and name.
pub(crate) fn children<'a, 'input>(
    node: Node<'a, 'input>,
    namespace: &'a str,
    name: &'a str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| is(*child, namespace, name))
}

/// The only child of this namespace and name: none, one, or an error with the second.
pub(crate) fn at_most_one<'a, 'input>(
    node: Node<'a, 'input>,
    namespace: &'a str,
    name: &'a str,
) -> Result<Option<Node<'a, 'input>>, Second> {
    let mut found = children(node, namespace, name);
    let first = found.next();
    if found.next().is_some() { Err(Second) } else { Ok(first) }
}

/// There was a second one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Second;

/// An element's text, all of it; `None` when it has elements within, which a value has not.
pub(crate) fn text(node: Node<'_, '_>) -> Option<String> {
    if node.children().any(|child| child.is_element()) {
        return None;
    }
    Some(node.children().filter(Node::is_text).filter_map(|child| child.text()).collect())
}

/// A text of which outer white space is no part (`xs:anyURI`, `xs:base64Binary`, XML Schema part 2, 4.3.6).
pub(crate) fn collapsed(node: Node<'_, '_>) -> Option<String> {
    text(node).map(|text| text.trim_matches([' ', '\t', '\n', '\r']).to_owned())
}

/// An attribute without a prefix.
pub(crate) fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes()
        .find(|found| found.namespace().is_none() && found.name() == name)
        .map(|found| found.value())
}

/// Text for an element's content or an attribute's value in double quotes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::RESPONSE;

    fn error(text: &str) -> XmlError {
        parse(text.as_bytes(), &RESPONSE).expect_err(text)
    }

    #[test]
    fn other_encodings_and_types_are_refused() {
        assert_eq!(error("<?xml version='1.0' encoding='ISO-8859-1'?><a/>"), XmlError::Encoding);
        assert_eq!(error("<?xml version='1.0' encoding = \"utf-16\" ?><a/>"), XmlError::Encoding);
        assert_eq!(parse(b"<a>\xff</a>", &RESPONSE).expect_err("bytes"), XmlError::Encoding);
        assert_eq!(error("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), XmlError::Dtd);
        assert_eq!(error("<a>x\ry</a>"), XmlError::LineEnd);
        assert_eq!(error("<a>x\r&lt;</a>"), XmlError::LineEnd);
        assert_eq!(error("<a/>\r"), XmlError::LineEnd);
        assert!(matches!(error("<a>&b;</a>"), XmlError::Malformed(_)));
        assert!(matches!(error("<a><b></a>"), XmlError::Malformed(_)));
        assert!(matches!(error("<p:a/>"), XmlError::Malformed(_)));
        assert!(matches!(error("<p:a xmlns:p=''/>"), XmlError::Malformed(_)));
        assert!(matches!(error("<p:a xmlns:p='u'><b xmlns:p=''/></p:a>"), XmlError::Malformed(_)));
        assert_eq!(error(&format!("<a>{}</a>", " ".repeat(RESPONSE.bytes))), XmlError::Bytes(RESPONSE.bytes));
        assert_eq!(error(&format!("<a>{}</a>", "<b/>".repeat(9000))), XmlError::Nodes(RESPONSE.nodes));
        for good in [
            "<a/>",
            "<?xml version='1.0' encoding='utf-8' standalone='yes'?><a/>",
            "<?xml version=\"1.0\"?>\n<a/>",
        ] {
            assert!(parse(good.as_bytes(), &RESPONSE).is_ok(), "{good}");
        }
    }

    #[test]
    fn an_id_stands_once_however_it_is_spelt() {
        for text in [
            "<a ID='1'><b ID='1'/></a>",
            "<a ID='1'><b Id='1'/></a>",
            "<a ID='1' xml:id='1'/>",
            "<a id='1' Id='1'/>",
        ] {
            assert_eq!(error(text), XmlError::DuplicateId("1".into()), "{text}");
        }
        assert!(parse(b"<a ID='1'><b ID='2' xmlns:p='q' p:id='1'/></a>", &RESPONSE).is_ok());
    }

    #[test]
    fn comments_and_instructions_are_found_anywhere() {
        for (text, wanted) in [
            ("<a>x<!----></a>", XmlError::Comment),
            ("<a/><!--x-->", XmlError::Comment),
            ("<a><?x y?></a>", XmlError::Instruction),
        ] {
            let doc = parse(text.as_bytes(), &RESPONSE).expect(text);
            assert_eq!(plain(&doc).expect_err(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let hostile = "a\"<>&'\t\r\n\u{e9}]]>";
        let text = format!("<a b=\"{0}\">{0}</a>", escape(hostile));
        let doc = parse(text.as_bytes(), &RESPONSE).expect("XML");
        assert_eq!(attribute(doc.root_element(), "b"), Some(hostile));
        assert_eq!(super::text(doc.root_element()).as_deref(), Some(hostile));
    }
}
