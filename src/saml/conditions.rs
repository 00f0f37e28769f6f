//! Whom an assertion is from and for, and when it is good (core 2.3–2.7, profiles 4.1.4.2 and 4.1.4.3).
//!
//! Called by [`crate::response`] with an element of bytes that a signature covers. Pure: the time is given.

use roxmltree::Node;

use crate::expectation::{Expectation, Request};
use crate::instant::{self, SKEW};
use crate::refusal::Refusal;
use crate::xml::{self, SAML, attribute, is};

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

/// Until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Until {
    /// The assertion is good before this second: the earliest end of its conditions and its confirmation.
    pub(crate) assertion: u64,
    /// The provider's session ends then.
    pub(crate) session: Option<u64>,
}

/// Checks them all.
pub(crate) fn check(assertion: Node<'_, '_>, expected: &Expectation, now: u64) -> Result<Until, Refusal> {
    if attribute(assertion, "Version") != Some("2.0") {
        return Err(Refusal::Version);
    }
    issuer(one(assertion, "Issuer")?, expected)?;
    begun("IssueInstant", required(assertion, "IssueInstant")?, now)?;
    let conditions = conditions(one(assertion, "Conditions")?, expected, now)?;
    let confirmed = confirmation(one(assertion, "Subject")?, expected, now)?;
    let session = session(assertion, now)?;
    Ok(Until { assertion: confirmed.min(conditions.unwrap_or(u64::MAX)), session })
}

/// The issuer is the configured provider, and its format that of an entity.
pub(crate) fn issuer(node: Node<'_, '_>, expected: &Expectation) -> Result<(), Refusal> {
    let found = xml::collapsed(node).ok_or(Refusal::Missing("Issuer"))?;
    if found != expected.issuer || attribute(node, "Format").is_some_and(|format| format != ENTITY) {
        return Err(Refusal::Issuer(found));
    }
    Ok(())
}

/// Returns the end, if the conditions have one.
fn conditions(node: Node<'_, '_>, expected: &Expectation, now: u64) -> Result<Option<u64>, Refusal> {
    window("Conditions", node, now)?;
    let mut for_us = false;
    for child in node.children().filter(Node::is_element) {
        if is(child, SAML, "AudienceRestriction") {
            // Several restrictions: each must hold. Several audiences in one: one of them.
            let all: Vec<_> = xml::children(child, SAML, "Audience").filter_map(xml::collapsed).collect();
            if !all.contains(&expected.audience) {
                return Err(Refusal::Audience(all.join(" ")));
            }
            for_us = true;
        } else if !is(child, SAML, "OneTimeUse") && !is(child, SAML, "ProxyRestriction") {
            // Each assertion is used once anyway, and passed on to nobody. A condition that is not understood does not hold.
            return Err(Refusal::Unsupported(child.tag_name().name().to_owned()));
        }
    }
    if !for_us {
        return Err(Refusal::Missing("AudienceRestriction"));
    }
    time(node, "NotOnOrAfter")
}

/// One bearer confirmation that holds is enough; without any, the first one's fault is named. The end is the latest of all:
/// an assertion whose first confirmation is over may still be good by its second, and must stay spent till then.
fn confirmation(subject: Node<'_, '_>, expected: &Expectation, now: u64) -> Result<u64, Refusal> {
    let mut first = None;
    let (mut held, mut latest) = (false, 0);
    for node in xml::children(subject, SAML, "SubjectConfirmation") {
        if attribute(node, "Method") != Some(BEARER) {
            continue;
        }
        let data = one(node, "SubjectConfirmationData")?;
        latest = latest.max(time(data, "NotOnOrAfter")?.unwrap_or(0));
        match bearer(data, expected, now) {
            Ok(()) => held = true,
            Err(why) => first = first.or(Some(why)),
        }
    }
    if held { Ok(latest) } else { Err(first.unwrap_or(Refusal::Confirmation)) }
}

fn bearer(data: Node<'_, '_>, expected: &Expectation, now: u64) -> Result<(), Refusal> {
    match attribute(data, "Recipient") {
        Some(found) if found == expected.recipient => {}
        Some(found) => return Err(Refusal::Recipient(found.to_owned())),
        None => return Err(Refusal::Missing("Recipient")),
    }
    match (attribute(data, "InResponseTo"), &expected.request) {
        (Some(found), Request::Made(id)) if found == id => {}
        (Some(found), _) => return Err(Refusal::InResponseTo(found.to_owned())),
        (None, Request::Made(_)) => return Err(Refusal::Unsolicited),
        (None, Request::Unsolicited) => {}
    }
    window("SubjectConfirmationData", data, now)?;
    // The browser profile demands an end; without it a stolen answer would be good for ever.
    required(data, "NotOnOrAfter").map(|_| ())
}

/// At least one statement of authentication; returns when the provider's session ends.
fn session(assertion: Node<'_, '_>, now: u64) -> Result<Option<u64>, Refusal> {
    let mut any = false;
    let mut earliest: Option<u64> = None;
    for statement in xml::children(assertion, SAML, "AuthnStatement") {
        any = true;
        begun("AuthnInstant", required(statement, "AuthnInstant")?, now)?;
        if let Some(end) = time(statement, "SessionNotOnOrAfter")? {
            ended("AuthnStatement", end, now)?;
            earliest = Some(earliest.map_or(end, |before| before.min(end)));
        }
    }
    if any { Ok(earliest) } else { Err(Refusal::Missing("AuthnStatement")) }
}

fn window(what: &'static str, node: Node<'_, '_>, now: u64) -> Result<(), Refusal> {
    if let Some(start) = time(node, "NotBefore")? {
        begun(what, start, now)?;
    }
    match time(node, "NotOnOrAfter")? {
        Some(end) => ended(what, end, now),
        None => Ok(()),
    }
}

fn begun(what: &'static str, start: u64, now: u64) -> Result<(), Refusal> {
    match start.saturating_sub(now.saturating_add(SKEW)) {
        0 => Ok(()),
        by => Err(Refusal::TooEarly { what, by }),
    }
}

fn ended(what: &'static str, end: u64, now: u64) -> Result<(), Refusal> {
    // Good before its end, not on it: one second past counts as one.
    match now.saturating_add(1).saturating_sub(end.saturating_add(SKEW)) {
        0 => Ok(()),
        by => Err(Refusal::TooLate { what, by }),
    }
}

fn required(node: Node<'_, '_>, name: &'static str) -> Result<u64, Refusal> {
    time(node, name)?.ok_or(Refusal::Missing(name))
}

fn time(node: Node<'_, '_>, name: &'static str) -> Result<Option<u64>, Refusal> {
    attribute(node, name).map(|text| instant::parse(text).ok_or(Refusal::Missing(name))).transpose()
}

fn one<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> Result<Node<'a, 'input>, Refusal> {
    let count = xml::children(node, SAML, name).count();
    match xml::children(node, SAML, name).next() {
        Some(found) if count == 1 => Ok(found),
        Some(_) => Err(Refusal::Count { name, count }),
        None => Err(Refusal::Missing(name)),
    }
}
