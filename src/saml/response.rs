//! An answer of an identity provider: from bytes to an assertion that a configured key vouches for.
//!
//! In this order: the shape of the document (so that there is one assertion, one place for it, and at most one signature at
//! each of the two places); the signatures; then the signed bytes are parsed anew and their conditions looked at. Of what no
//! signature covers nothing is taken: it can be reason for a refusal only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node};

use crate::assertion::{self, Assertion};
use crate::conditions;
use crate::decryption;
use crate::expectation::{Expectation, Request, Signed};
use crate::limits::{RESPONSE, RESPONSE_MAX};
use crate::refusal::Refusal;
use crate::signature;
use crate::xml::{self, DS, SAML, SAMLP, attribute, is};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// The bytes of the form's field `SAMLResponse` (bindings, 3.5.4): base64, lines allowed.
///
/// # Errors
/// [`Refusal::Encoding`].
pub fn decode(field: &str) -> Result<Vec<u8>, Refusal> {
    let wrong = || Refusal::Encoding(RESPONSE_MAX);
    // Four characters are three bytes; the rest is room for line ends.
    if field.len() > RESPONSE_MAX / 3 * 4 + RESPONSE_MAX / 16 {
        return Err(wrong());
    }
    let text: String = field.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(text).map_err(|_| wrong())?;
    if bytes.len() > RESPONSE_MAX { Err(wrong()) } else { Ok(bytes) }
}

/// Checks an answer (the decoded XML) and returns what it asserts. `now` in seconds since 1970.
///
/// # Errors
/// The first rule that failed.
pub fn verify(response: &[u8], expected: &Expectation, now: u64) -> Result<Assertion, Refusal> {
    let doc = xml::parse(response, &RESPONSE)?;
    xml::plain(&doc)?;
    let root = doc.root_element();
    if !is(root, SAMLP, "Response") {
        return Err(Refusal::NoResponse(root.tag_name().name().to_owned()));
    }
    // A provider that says no sends no assertion and often no signature; what it says is for the log.
    status(root)?;
    let found = Found::of(&doc, root)?;
    let whole = match found.response_signed {
        true => Some(signature::verify(&doc, root, &expected.certificates, &RESPONSE)?),
        false if expected.signed == Signed::Response => return Err(Refusal::ResponseUnsigned),
        false => None,
    };
    // The assertion's own signature stands in the original document, where its namespaces come from.
    let part = match found.assertion {
        Some(own) if found.assertion_signed => {
            Some(signature::verify(&doc, own, &expected.certificates, &RESPONSE)?)
        }
        Some(_) | None => None,
    };
    let covered = whole.as_deref().map(|bytes| xml::parse(bytes, &RESPONSE)).transpose()?;
    let outer = covered.as_ref().unwrap_or(&doc).root_element();
    let opened = match found.assertion {
        Some(_) => None,
        None => {
            let encrypted = xml::children(outer, SAML, "EncryptedAssertion").next();
            let encrypted = encrypted.ok_or(Refusal::Missing("EncryptedAssertion"))?;
            Some(decryption::open(encrypted, whole.is_some(), &expected.decryption)?)
        }
    };
    let part = match &opened {
        Some(bytes) => own_signature(bytes, expected)?,
        None => part,
    };
    if part.is_none() {
        if whole.is_none() {
            return Err(Refusal::Unsigned);
        }
        if expected.signed == Signed::Assertion {
            return Err(Refusal::AssertionUnsigned);
        }
    }

    message(outer, expected, whole.is_some())?;
    let encrypted = opened.is_some();
    // ORDER: what was signed closest comes first; what was decrypted without its own signature is covered by the answer's.
    let read = |node: Node<'_, '_>| -> Result<Assertion, Refusal> {
        if !is(node, SAML, "Assertion") {
            return Err(Refusal::Missing("Assertion"));
        }
        let until = conditions::check(node, expected, now)?;
        assertion::read(node, until, encrypted, expected)
    };
    match part.as_deref().or_else(|| opened.as_ref().map(|bytes| bytes.as_slice())) {
        Some(bytes) => read(xml::parse(bytes, &RESPONSE)?.root_element()),
        None => read(xml::children(outer, SAML, "Assertion").next().ok_or(Refusal::Missing("Assertion"))?),
    }
}

/// The signature of a decrypted assertion, if it has one, and what it covers.
fn own_signature(opened: &[u8], expected: &Expectation) -> Result<Option<Vec<u8>>, Refusal> {
    let doc = xml::parse(opened, &RESPONSE)?;
    xml::plain(&doc)?;
    let root = doc.root_element();
    if !is(root, SAML, "Assertion") {
        return Err(Refusal::Missing("Assertion"));
    }
    let mut signatures = 0;
    for node in doc.descendants().filter(|node| *node != root) {
        if is(node, SAML, "Assertion") || is(node, SAML, "EncryptedAssertion") || is(node, SAMLP, "Response")
        {
            return Err(Refusal::Misplaced("Assertion"));
        }
        if is(node, DS, "Signature") {
            if node.parent() != Some(root) {
                return Err(Refusal::Misplaced("Signature"));
            }
            signatures += 1;
        }
    }
    match signatures {
        0 => Ok(None),
        1 => Ok(Some(signature::verify(&doc, root, &expected.certificates, &RESPONSE)?)),
        count => Err(Refusal::Count { name: "Signature", count }),
    }
}

/// Where the parts that matter stand.
struct Found<'a, 'input> {
    /// `None`: there is an encrypted one instead.
    assertion: Option<Node<'a, 'input>>,
    response_signed: bool,
    assertion_signed: bool,
}

impl<'a, 'input> Found<'a, 'input> {
    /// One assertion in the whole document, plain or encrypted, below the root; signatures at the root and at it alone.
    /// Whatever else is called so, anywhere, is a reason to refuse: that is what wrapping needs.
    fn of(doc: &'a Document<'input>, root: Node<'a, 'input>) -> Result<Self, Refusal> {
        let mut plain = Vec::new();
        let mut encrypted = 0;
        for node in doc.descendants().filter(|node| *node != root) {
            let below = node.parent() == Some(root);
            if is(node, SAMLP, "Response") {
                return Err(Refusal::Misplaced("Response"));
            }
            if is(node, SAML, "Assertion") {
                if !below {
                    return Err(Refusal::Misplaced("Assertion"));
                }
                plain.push(node);
            }
            if is(node, SAML, "EncryptedAssertion") {
                if !below {
                    return Err(Refusal::Misplaced("EncryptedAssertion"));
                }
                encrypted += 1;
            }
            if below && !known(node) {
                return Err(Refusal::Misplaced("another element"));
            }
        }
        if plain.len() + encrypted != 1 {
            return Err(Refusal::Count { name: "Assertion", count: plain.len() + encrypted });
        }
        let assertion = plain.first().copied();
        let mut counts = [0, 0];
        for node in doc.descendants().filter(|node| is(*node, DS, "Signature")) {
            match node.parent() {
                Some(parent) if parent == root => counts[0] += 1,
                Some(parent) if Some(parent) == assertion => counts[1] += 1,
                Some(_) | None => return Err(Refusal::Misplaced("Signature")),
            }
        }
        if let Some(&count) = counts.iter().find(|&&count| count > 1) {
            return Err(Refusal::Count { name: "Signature", count });
        }
        Ok(Self { assertion, response_signed: counts[0] == 1, assertion_signed: counts[1] == 1 })
    }
}

/// What the schema has below a `Response`.
fn known(node: Node<'_, '_>) -> bool {
    !node.is_element()
        || is(node, SAML, "Issuer")
        || is(node, DS, "Signature")
        || is(node, SAMLP, "Extensions")
        || is(node, SAMLP, "Status")
        || is(node, SAML, "Assertion")
        || is(node, SAML, "EncryptedAssertion")
}

fn status(root: Node<'_, '_>) -> Result<(), Refusal> {
    let status = xml::at_most_one(root, SAMLP, "Status").ok().flatten().ok_or(Refusal::Missing("Status"))?;
    let code =
        xml::at_most_one(status, SAMLP, "StatusCode").ok().flatten().ok_or(Refusal::Missing("StatusCode"))?;
    let value = |node: Node<'_, '_>| attribute(node, "Value").unwrap_or_default().to_owned();
    if value(code) == SUCCESS {
        return Ok(());
    }
    let last = |urn: String| urn.rsplit(':').next().unwrap_or_default().to_owned();
    let detail = xml::children(code, SAMLP, "StatusCode").next().map(value).unwrap_or_default();
    Err(Refusal::Status { code: last(value(code)), detail: last(detail) })
}

/// The message's own fields (core 3.2.2, bindings 3.5.5.2). Without its own signature they prove nothing, and can still be wrong.
fn message(root: Node<'_, '_>, expected: &Expectation, signed: bool) -> Result<(), Refusal> {
    if attribute(root, "Version") != Some("2.0") {
        return Err(Refusal::Version);
    }
    if let Some(issuer) = xml::at_most_one(root, SAML, "Issuer").map_err(|_| Refusal::Missing("Issuer"))? {
        conditions::issuer(issuer, expected)?;
    }
    match attribute(root, "Destination") {
        Some(found) if found == expected.recipient => {}
        Some(found) => return Err(Refusal::Destination(found.to_owned())),
        // A signed message must say whom it is for.
        None if signed => return Err(Refusal::Missing("Destination")),
        None => {}
    }
    match (attribute(root, "InResponseTo"), &expected.request) {
        (Some(found), Request::Made(id)) if found == id => Ok(()),
        (Some(found), _) => Err(Refusal::InResponseTo(found.to_owned())),
        (None, Request::Made(_)) => Err(Refusal::Unsolicited),
        (None, Request::Unsolicited) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_base64_within_the_limit() {
        assert_eq!(decode("PGEv\r\nPg==").expect("base64"), b"<a/>");
        for wrong in ["*", "PGEv", "PGEvPg", "PGEvPg===", "PGEv_g=="] {
            let outcome = decode(wrong);
            assert!(outcome.is_err() || wrong == "PGEv", "{wrong}");
        }
        let most = STANDARD.encode(vec![b'a'; RESPONSE_MAX]);
        assert_eq!(decode(&most).expect("the longest").len(), RESPONSE_MAX);
        let more = STANDARD.encode(vec![b'a'; RESPONSE_MAX + 1]);
        assert_eq!(decode(&more), Err(Refusal::Encoding(RESPONSE_MAX)));
        assert_eq!(decode(&" ".repeat(1_000_000)), Err(Refusal::Encoding(RESPONSE_MAX)));
    }
}
