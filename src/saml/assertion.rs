//! What an identity provider says of a person, once it is believed.

use roxmltree::Node;

use crate::conditions::Until;
use crate::expectation::Expectation;
use crate::instant::{self, SKEW};
use crate::refusal::Refusal;
use crate::xml::{self, SAML, attribute, is};

/// Longest id, in bytes: it is kept until the assertion is over. Real ones have 33 to 60.
const ID_MAX: usize = 256;
/// The format of a name that names none.
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

/// An assertion that a configured key vouches for, and whose conditions held when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// Its id. To be spent once: kept until [`Self::spent_until`], and refused when it comes again.
    pub id: String,
    /// The provider's entity id, as configured.
    pub issuer: String,
    /// The subject's name.
    pub name_id: NameId,
    /// Attributes in the order of the document, those without values too.
    pub attributes: Vec<Attribute>,
    /// The provider's name for its session; of the first statement that has one.
    pub session_index: Option<String>,
    /// How the person was authenticated: the class's URI, of the first statement that has one.
    pub context: Option<String>,
    /// When the person proved who they are at the provider, in seconds since 1970: the earliest that it says.
    pub authenticated: u64,
    /// When the assertion ends, in seconds since 1970: the earliest end of its conditions and its confirmation.
    pub not_on_or_after: u64,
    /// Until when this very assertion could be believed again, in seconds since 1970: its end and the allowed difference of clocks.
    pub spent_until: u64,
    /// When the provider's session ends, in seconds since 1970: a sign-in must not live longer.
    pub session_not_on_or_after: Option<u64>,
    /// It came encrypted.
    pub encrypted: bool,
}

/// The subject's name (core 2.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameId {
    /// The name, as it stands.
    pub value: String,
    /// Its format's URI; without one, the URI of "unspecified".
    pub format: String,
    /// Within which the name is unique, if said: the provider's part.
    pub name_qualifier: Option<String>,
    /// The same, the service's part.
    pub sp_name_qualifier: Option<String>,
}

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name, which is what decides.
    pub name: String,
    /// A name for people, which decides nothing.
    pub friendly_name: Option<String>,
    /// Its values that are texts. A value with elements within is left out.
    pub values: Vec<String>,
}

impl Assertion {
    /// All values of the attributes of this name.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let found = self.attributes.iter().filter(move |one| one.name == name);
        found.flat_map(|one| one.values.iter().map(String::as_str))
    }

    /// Who it is: the one value of the attribute that says so, or the subject's own name when that is `NameID`
    /// (`auth-saml-sp-attribute-username`).
    ///
    /// # Errors
    /// [`Refusal::Attribute`] for none and for several.
    pub fn user_name(&self, attribute: &str) -> Result<&str, Refusal> {
        if attribute == "NameID" { Ok(&self.name_id.value) } else { self.one(attribute) }
    }

    /// The one value of an attribute that says who somebody is. Two values would be two
    /// people.
    ///
    /// # Errors
    /// [`Refusal::Attribute`] for none and for several.
    pub fn one(&self, name: &str) -> Result<&str, Refusal> {
        let mut found = self.values(name);
        match (found.next(), found.next()) {
            (Some(value), None) if !value.is_empty() => Ok(value),
            _ => Err(Refusal::Attribute { name: name.to_owned(), count: self.values(name).count() }),
        }
    }
}

/// Reads an element whose conditions held.
pub(crate) fn read(
    node: Node<'_, '_>,
    until: Until,
    encrypted: bool,
    expected: &Expectation,
) -> Result<Assertion, Refusal> {
    let id = attribute(node, "ID")
        .filter(|id| !id.is_empty() && id.len() <= ID_MAX)
        .ok_or(Refusal::Missing("ID"))?;
    let subject = xml::children(node, SAML, "Subject").next().ok_or(Refusal::Missing("Subject"))?;
    let name_id = name_id(subject)?;
    // Who asks for "unspecified" leaves it to the provider (core 8.3.1).
    let wanted = expected.name_id_format.as_deref().filter(|wanted| *wanted != UNSPECIFIED);
    if wanted.is_some_and(|wanted| wanted != name_id.format) {
        return Err(Refusal::NameIdFormat(name_id.format));
    }
    let mut attributes = Vec::new();
    for statement in xml::children(node, SAML, "AttributeStatement") {
        for child in statement.children().filter(Node::is_element) {
            if !is(child, SAML, "Attribute") {
                return Err(Refusal::Unsupported(child.tag_name().name().to_owned()));
            }
            attributes.push(Attribute {
                name: attribute(child, "Name").ok_or(Refusal::Missing("Name"))?.to_owned(),
                friendly_name: attribute(child, "FriendlyName").map(str::to_owned),
                values: xml::children(child, SAML, "AttributeValue").filter_map(xml::text).collect(),
            });
        }
    }
    let statements = || xml::children(node, SAML, "AuthnStatement");
    let instants = statements().filter_map(|one| instant::parse(attribute(one, "AuthnInstant")?));
    let authenticated = instants.min().unwrap_or(0);
    let context = statements()
        .flat_map(|one| xml::children(one, SAML, "AuthnContext"))
        .flat_map(|one| xml::children(one, SAML, "AuthnContextClassRef"))
        .find_map(xml::collapsed);
    Ok(Assertion {
        id: id.to_owned(),
        issuer: expected.issuer.clone(),
        name_id,
        attributes,
        session_index: statements().find_map(|one| attribute(one, "SessionIndex")).map(str::to_owned),
        context,
        authenticated,
        not_on_or_after: until.assertion,
        spent_until: until.assertion.saturating_add(SKEW),
        session_not_on_or_after: until.session,
        encrypted,
    })
}

fn name_id(subject: Node<'_, '_>) -> Result<NameId, Refusal> {
    for other in ["BaseID", "EncryptedID"] {
        if xml::children(subject, SAML, other).next().is_some() {
            return Err(Refusal::Unsupported(other.to_owned()));
        }
    }
    let node = xml::at_most_one(subject, SAML, "NameID").ok().flatten().ok_or(Refusal::Missing("NameID"))?;
    let owned = |name: &str| attribute(node, name).map(str::to_owned);
    Ok(NameId {
        value: xml::text(node).filter(|value| !value.is_empty()).ok_or(Refusal::Missing("NameID"))?,
        format: owned("Format").unwrap_or_else(|| UNSPECIFIED.to_owned()),
        name_qualifier: owned("NameQualifier"),
        sp_name_qualifier: owned("SPNameQualifier"),
    })
}
