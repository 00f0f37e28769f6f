//! Metadata of an identity provider (metadata 2.4): who it is, where it takes requests, what it signs with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;
use thiserror::Error;

use crate::certificate::{Certificate, CertificateError};
use crate::instant;
use crate::limits::METADATA;
use crate::shown::Shown;
use crate::signature::{self, SignatureError};
use crate::xml::{self, DS, MD, SAMLP, XmlError, attribute, is};

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// Most signing certificates of a provider: one in use, one coming, one going, and the same for a second machine.
const CERTIFICATES_MAX: usize = 8;

/// Why metadata can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetadataError {
    /// No XML that is looked at.
    #[error("the metadata can't be read")]
    Xml(#[from] XmlError),
    /// Neither one entity nor several.
    #[error("the document is `{}`, not SAML 2.0 metadata", Shown(.0))]
    NoMetadata(String),
    /// The wanted provider is not in it.
    #[error("there is no identity provider `{}` in the metadata", Shown(.0))]
    Unknown(String),
    /// No name was wanted, and there are several providers, or none.
    #[error("the metadata has {0} identity providers; name the one that is meant")]
    Several(usize),
    /// Something missing or unreadable.
    #[error("the metadata's `{0}` is missing or unreadable")]
    Missing(&'static str),
    /// Past its end.
    #[error("the metadata ended at {}", Shown(.0))]
    Expired(String),
    /// An address that is none of the web.
    #[error("`{}` is no address that a browser can be sent to", Shown(.0))]
    Location(String),
    /// A certificate that can't be used, and no other.
    #[error("a signing certificate can't be used")]
    Certificate(#[from] CertificateError),
    /// A signature was wanted, and does not count.
    #[error("the metadata's signature does not count")]
    Signature(#[from] SignatureError),
}

/// What is known of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Its entity id.
    pub entity_id: String,
    /// Where it takes requests by redirect.
    pub redirect: Option<String>,
    /// Where it takes requests by post.
    pub post: Option<String>,
    /// What it signs with. A certificate that can't be used is left out when another one can.
    pub certificates: Vec<Certificate>,
    /// It wants requests signed.
    pub wants_signed_requests: bool,
    /// Until when the metadata is good, in seconds since 1970.
    pub valid_until: Option<u64>,
}

impl Metadata {
    /// Reads one provider's metadata: of a document with one entity, or with several of which `wanted` names one. With
    /// `trusted`, the whole document must be signed by one of these. `now` in seconds since 1970.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub fn parse(
        text: &[u8],
        wanted: Option<&str>,
        trusted: Option<&[Certificate]>,
        now: u64,
    ) -> Result<Self, MetadataError> {
        let doc = xml::parse(text, &METADATA)?;
        match trusted {
            None => Self::of(doc.root_element(), wanted, now),
            Some(keys) => {
                let covered = signature::verify(&doc, doc.root_element(), keys, &METADATA)?;
                Self::of(xml::parse(&covered, &METADATA)?.root_element(), wanted, now)
            }
        }
    }

    fn of(root: Node<'_, '_>, wanted: Option<&str>, now: u64) -> Result<Self, MetadataError> {
        if !is(root, MD, "EntityDescriptor") && !is(root, MD, "EntitiesDescriptor") {
            return Err(MetadataError::NoMetadata(root.tag_name().name().to_owned()));
        }
        let mut found = Vec::new();
        for entity in root.descendants().filter(|node| is(*node, MD, "EntityDescriptor")) {
            for role in xml::children(entity, MD, "IDPSSODescriptor") {
                let protocols = attribute(role, "protocolSupportEnumeration").unwrap_or_default();
                if protocols.split_ascii_whitespace().any(|word| word == SAMLP) {
                    found.push((entity, role));
                }
            }
        }
        if let Some(wanted) = wanted {
            found.retain(|(entity, _)| attribute(*entity, "entityID") == Some(wanted));
        }
        match (found.as_slice(), wanted) {
            ([(entity, role)], _) => Self::of_role(*entity, *role, now),
            ([], Some(wanted)) => Err(MetadataError::Unknown(wanted.to_owned())),
            (several, _) => Err(MetadataError::Several(several.len())),
        }
    }

    fn of_role(entity: Node<'_, '_>, role: Node<'_, '_>, now: u64) -> Result<Self, MetadataError> {
        let entity_id = attribute(entity, "entityID").filter(|id| !id.is_empty() && id.len() <= 1024);
        let entity_id = entity_id.ok_or(MetadataError::Missing("entityID"))?.to_owned();
        let mut valid_until: Option<u64> = None;
        for node in role.ancestors().filter(Node::is_element) {
            let Some(text) = attribute(node, "validUntil") else { continue };
            let end = instant::parse(text).ok_or(MetadataError::Missing("validUntil"))?;
            if end <= now {
                return Err(MetadataError::Expired(text.to_owned()));
            }
            valid_until = Some(valid_until.map_or(end, |before| before.min(end)));
        }
        let (redirect, post) = (location(role, REDIRECT)?, location(role, POST)?);
        if redirect.is_none() && post.is_none() {
            return Err(MetadataError::Missing("SingleSignOnService"));
        }
        Ok(Self {
            entity_id,
            redirect,
            post,
            certificates: certificates(role)?,
            wants_signed_requests: matches!(attribute(role, "WantAuthnRequestsSigned"), Some("true" | "1")),
            valid_until,
        })
    }
}

/// The first address for a binding.
fn location(role: Node<'_, '_>, binding: &str) -> Result<Option<String>, MetadataError> {
    let mut services = xml::children(role, MD, "SingleSignOnService");
    let Some(service) = services.find(|one| attribute(*one, "Binding") == Some(binding)) else {
        return Ok(None);
    };
    let found = attribute(service, "Location").ok_or(MetadataError::Missing("Location"))?;
    // It becomes a `Location` header or a form's target: an address of the web, in visible ASCII, or nothing.
    let web = found.starts_with("https://") || found.starts_with("http://");
    let visible = found.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>'));
    if web && visible && found.len() <= 2048 {
        Ok(Some(found.to_owned()))
    } else {
        Err(MetadataError::Location(found.to_owned()))
    }
}

fn certificates(role: Node<'_, '_>) -> Result<Vec<Certificate>, MetadataError> {
    let mut found: Vec<Certificate> = Vec::new();
    let mut wrong = None;
    for key in xml::children(role, MD, "KeyDescriptor") {
        if attribute(key, "use").is_some_and(|usage| usage != "signing") {
            continue;
        }
        for node in key.descendants().filter(|node| is(*node, DS, "X509Certificate")) {
            match certificate(node) {
                Ok(one) if !found.contains(&one) && found.len() < CERTIFICATES_MAX => found.push(one),
                Ok(_) => {}
                Err(why) => wrong = wrong.or(Some(why)),
            }
        }
    }
    if found.is_empty() {
        return Err(wrong.map_or(MetadataError::Missing("KeyDescriptor"), MetadataError::from));
    }
    Ok(found)
}

fn certificate(node: Node<'_, '_>) -> Result<Certificate, CertificateError> {
    let mut text = xml::text(node).ok_or(CertificateError::Malformed)?;
    text.retain(|c| !c.is_ascii_whitespace());
    Certificate::from_der(&STANDARD.decode(text).map_err(|_| CertificateError::Malformed)?)
}
