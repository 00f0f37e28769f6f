//! Whom an assertion speaks of, by the attributes that are configured.
//!
//! What is missing is missing: without a name nobody is meant, and a list of groups that the provider says it left out is an error,
//! because the group that restricts may be in it.

use portcullis_conf::Settings;
use portcullis_model::account::{GroupRef, Provider, UniqueId};
use portcullis_model::proof::{Attributes, Failure, Proven, ROLE_VALUES_MAX};
use portcullis_saml::{Assertion, SKEW};

use super::chain;

/// Longest text that is taken of a profile, in bytes.
const TEXT_MAX: usize = 320;
/// A name that is another one at each sign-in (core 8.3.8): it names nobody for long.
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
/// Where Entra ID says that it left groups out because they are too many.
const LEFT_OUT: &str = "http://schemas.microsoft.com/claims/groups.link";

/// Who it is.
pub(super) fn proven(settings: &Settings, assertion: &Assertion) -> Result<Proven, Failure> {
    let saml = &settings.saml;
    let user = assertion
        .user_name(&saml.auth_saml_sp_attribute_username)
        .map_err(|why| Failure::rejected(&chain(&why)))?
        .to_owned();
    let unique = match &assertion.name_id {
        // Marked, so that nobody's lasting name is ever the same.
        name if name.format == TRANSIENT => format!("user:{user}"),
        name => name.value.clone(),
    };
    let (first, last) = name(settings, assertion);
    let proven = Proven {
        provider: Provider::Saml(assertion.issuer.clone()),
        unique: UniqueId::try_from(unique.into_bytes())
            .map_err(|_| Failure::protocol("the `NameID` is too long"))?,
        user,
        attributes: Attributes {
            first,
            last,
            email: optional(&saml.auth_saml_sp_attribute_email, assertion),
            role_values: role_values(&settings.ways.auth_saml_role_attribute, assertion),
        },
        groups: groups(&saml.auth_saml_sp_attribute_groups, assertion)?,
        // As late as the answer itself would be believed: the provider's clock may be behind ours.
        until: assertion.session_not_on_or_after.map(|end| end.saturating_add(SKEW)),
        register: true,
    };
    proven.check().map_err(|why| Failure::protocol(&why.to_string()))?;
    Ok(proven)
}

/// The first value of an attribute that is configured; empty where the provider says none. A profile is never a reason to refuse.
fn optional(attribute: &str, assertion: &Assertion) -> Option<String> {
    (!attribute.is_empty()).then(|| cut(assertion.values(attribute).next().unwrap_or_default()))
}

/// First and last name, out of one text.
fn name(settings: &Settings, assertion: &Assertion) -> (Option<String>, Option<String>) {
    let saml = &settings.saml;
    let shown = optional(&saml.auth_saml_sp_attribute_display_name, assertion);
    let plain = optional(&saml.auth_saml_sp_attribute_name, assertion);
    let Some(whole) = shown.filter(|text| !text.trim().is_empty()).or(plain) else { return (None, None) };
    let (first, last) = whole.trim().rsplit_once(' ').unwrap_or(("", whole.trim()));
    (Some(first.trim().to_owned()), Some(last.to_owned()))
}

fn role_values(attribute: &str, assertion: &Assertion) -> Vec<String> {
    if attribute.is_empty() {
        return Vec::new();
    }
    assertion.values(attribute).take(ROLE_VALUES_MAX).map(cut).collect()
}

fn groups(attribute: &str, assertion: &Assertion) -> Result<Vec<GroupRef>, Failure> {
    if attribute.is_empty() {
        return Ok(Vec::new());
    }
    if assertion.attributes.iter().any(|one| one.name == LEFT_OUT) {
        return Err(Failure::protocol("the provider left groups out because they are too many"));
    }
    let mut names: Vec<&str> = assertion.values(attribute).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names.into_iter().map(|name| GroupRef { name: name.to_owned(), unique: None, dn: None }).collect())
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
