//! Parts by themselves, for tests/fuzz and the comparison with other people's programs. Nothing that signs anybody in calls
//! them: each leaves out what makes an answer believable.

use roxmltree::Node;

use crate::assertion::{self, Assertion};
use crate::canonical::exclusive;
use crate::certificate::Certificate;
use crate::conditions;
use crate::expectation::Expectation;
use crate::limits::RESPONSE;
use crate::refusal::Refusal;
use crate::signature::{self, SignatureError};
use crate::xml::{self, XmlError, attribute};

/// The canonical form of a document's root.
///
/// # Errors
/// When it is no XML that is looked at.
pub fn canonical(text: &[u8], inclusive: &[String]) -> Result<Vec<u8>, XmlError> {
    let doc = xml::parse(text, &RESPONSE)?;
    Ok(exclusive(doc.root_element(), None, inclusive))
}

/// What the signature within the element with this `ID` covers, wherever in a document it stands.
///
/// # Errors
/// When it does not count.
pub fn covered(text: &[u8], id: &str, keys: &[Certificate]) -> Result<Vec<u8>, SignatureError> {
    let doc = xml::parse(text, &RESPONSE).map_err(|_| SignatureError::NoId)?;
    let mut elements = doc.descendants().filter(Node::is_element);
    let element = elements.find(|node| attribute(*node, "ID") == Some(id)).ok_or(SignatureError::NoId)?;
    signature::verify(&doc, element, keys, &RESPONSE)
}

/// What an assertion says that nobody signed.
///
/// # Errors
/// The first rule that failed.
pub fn dangerous_assertion(text: &[u8], expected: &Expectation, now: u64) -> Result<Assertion, Refusal> {
    let doc = xml::parse(text, &RESPONSE)?;
    let until = conditions::check(doc.root_element(), expected, now)?;
    assertion::read(doc.root_element(), until, false, expected)
}
