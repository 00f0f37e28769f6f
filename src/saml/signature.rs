//! An enveloped XML signature over one element: checked, and what it covers handed on as bytes.
//!
//! Far less than XML Signature allows: one reference, to the element that the signature is a child of, by its ID; two
//! transforms; keys of the configuration alone. What [`verify`] returns are the canonical bytes whose digest was compared.
//! A caller parses exactly these and reads nothing else, so there is no second view of a document for a wrapped element to
//! hide in.

use aws_lc_rs::digest::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node};
use thiserror::Error;

use crate::algorithm::{self, ENVELOPED, SignatureMethod};
use crate::canonical::exclusive;
use crate::certificate::Certificate;
use crate::limits::Limits;
use crate::shown::Shown;
use crate::xml::{self, DS, EXC_C14N, XmlError, attribute, is};

/// Most words of a prefix list. Each costs a look at each element, and a list may stand in what nobody has signed yet; real
/// ones have one word (`xs`), a few at most.
const PREFIXES_MAX: usize = 16;

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The element has no ID to refer to.
    #[error("the signed element has no ID")]
    NoId,
    /// Something is missing, twice there or in the wrong place.
    #[error("the signature's `{0}` is missing, there twice or unreadable")]
    Part(&'static str),
    /// Something that a plain signature has not: an `Object`, a `Manifest`, another transform's parameters.
    #[error("the signature has a `{}`, which is not looked at", Shown(.0))]
    Unexpected(String),
    /// A canonical form other than the exclusive one without comments.
    #[error("the canonical form `{}` is not offered", Shown(.0))]
    Canonicalization(String),
    /// A signature method that is not offered, SHA-1 and HMAC among them.
    #[error("the signature method `{}` is not offered", Shown(.0))]
    Method(String),
    /// A digest that is not offered, SHA-1 among them.
    #[error("the digest method `{}` is not offered", Shown(.0))]
    Digest(String),
    /// A transform other than the two, or not those two.
    #[error("the transform `{}` is not offered here", Shown(.0))]
    Transform(String),
    /// Several references, or none.
    #[error("the signature has {0} references, it needs exactly one")]
    References(usize),
    /// A reference to the whole document.
    #[error("the signature's reference is empty: it covers whatever document it stands in")]
    EmptyReference,
    /// A reference to another element than the signature's parent.
    #[error("the signature covers `{}`, not the element it stands in", Shown(.0))]
    Elsewhere(String),
    /// No configured certificate has a key for this method.
    #[error("no configured certificate has a key for the method `{0}`")]
    NoKey(&'static str),
    /// No configured key made it.
    #[error("none of the configured certificates' keys made this signature")]
    Forged,
    /// The element is not what was signed.
    #[error("the element is not the one that was signed: its digest differs")]
    Changed,
}

/// Checks the signature that is a child of `element`, and returns the canonical bytes that it covers.
pub(crate) fn verify(
    doc: &Document<'_>,
    element: Node<'_, '_>,
    keys: &[Certificate],
    limits: &Limits,
) -> Result<Vec<u8>, SignatureError> {
    use SignatureError::Part;
    debug_assert!(std::ptr::eq(element.document(), doc), "IDs are unique in the element's own document");
    let signature = one(element, "Signature")?;
    let id = attribute(element, "ID").filter(|id| !id.is_empty()).ok_or(SignatureError::NoId)?;
    only(signature, &["SignedInfo", "SignatureValue", "KeyInfo"])?;
    let signed_info = one(signature, "SignedInfo")?;
    let value = decoded(one(signature, "SignatureValue")?).ok_or(Part("SignatureValue"))?;

    // The bytes that the key signed; from here on only they are read, not the tree they came from.
    let inclusive = canonicalization(one(signed_info, "CanonicalizationMethod")?)?;
    let signed_bytes = exclusive(signed_info, None, &inclusive);
    let signed_doc = xml::parse(&signed_bytes, limits).map_err(|_: XmlError| Part("SignedInfo"))?;
    let signed_info = signed_doc.root_element();
    only(signed_info, &["CanonicalizationMethod", "SignatureMethod", "Reference"])?;
    let method = one(signed_info, "SignatureMethod")?;
    only(method, &[])?;
    let name = attribute(method, "Algorithm").unwrap_or_default();
    let method = SignatureMethod::named(name).ok_or_else(|| SignatureError::Method(name.to_owned()))?;
    if !keys.iter().any(|key| key.fits(method)) {
        return Err(SignatureError::NoKey(method.uri()));
    }
    if !keys.iter().any(|key| key.made(method, &signed_bytes, &value)) {
        return Err(SignatureError::Forged);
    }

    let reference = Reference::read(signed_info)?;
    match reference.uri.strip_prefix('#') {
        Some(found) if found == id => {}
        None if reference.uri.is_empty() => return Err(SignatureError::EmptyReference),
        Some(_) | None => return Err(SignatureError::Elsewhere(reference.uri)),
    }
    let bytes = exclusive(element, Some(signature.id()), &reference.inclusive);
    if digest(reference.digest, &bytes).as_ref() == reference.value {
        Ok(bytes)
    } else {
        Err(SignatureError::Changed)
    }
}

/// What the signature is about.
struct Reference {
    uri: String,
    inclusive: Vec<String>,
    digest: &'static aws_lc_rs::digest::Algorithm,
    value: Vec<u8>,
}

impl Reference {
    fn read(signed_info: Node<'_, '_>) -> Result<Self, SignatureError> {
        let count = xml::children(signed_info, DS, "Reference").count();
        if count != 1 {
            return Err(SignatureError::References(count));
        }
        let reference = one(signed_info, "Reference")?;
        only(reference, &["Transforms", "DigestMethod", "DigestValue"])?;
        let uri = attribute(reference, "URI").ok_or(SignatureError::Part("Reference"))?.to_owned();
        let inclusive = transforms(one(reference, "Transforms")?)?;
        let method = one(reference, "DigestMethod")?;
        only(method, &[])?;
        let name = attribute(method, "Algorithm").unwrap_or_default();
        let digest = algorithm::digest(name).ok_or_else(|| SignatureError::Digest(name.to_owned()))?;
        let value = decoded(one(reference, "DigestValue")?).ok_or(SignatureError::Part("DigestValue"))?;
        Ok(Self { uri, inclusive, digest, value })
    }
}

/// Exactly: the signature taken out, then the exclusive form. Any other one could change what is covered (XPath, XSLT), and
/// without the second it would be the inclusive form, in which a document around it changes the bytes.
fn transforms(node: Node<'_, '_>) -> Result<Vec<String>, SignatureError> {
    only(node, &["Transform"])?;
    let found: Vec<_> = xml::children(node, DS, "Transform").collect();
    let name = |at: usize| found.get(at).and_then(|one| attribute(*one, "Algorithm")).unwrap_or_default();
    match found.len() {
        2 if name(0) == ENVELOPED && name(1) == EXC_C14N => {
            only(found[0], &[])?;
            prefixes(found[1])
        }
        _ => {
            let odd = (0..found.len()).map(name).find(|name| ![ENVELOPED, EXC_C14N].contains(name));
            let missing =
                if found.len() < 2 { "without the exclusive canonical form" } else { "in another order" };
            Err(SignatureError::Transform(odd.unwrap_or(missing).to_owned()))
        }
    }
}

fn canonicalization(node: Node<'_, '_>) -> Result<Vec<String>, SignatureError> {
    match attribute(node, "Algorithm").unwrap_or_default() {
        EXC_C14N => prefixes(node),
        other => Err(SignatureError::Canonicalization(other.to_owned())),
    }
}

/// The parameter of the exclusive form: `<InclusiveNamespaces PrefixList="a b #default"/>`.
fn prefixes(node: Node<'_, '_>) -> Result<Vec<String>, SignatureError> {
    let mut list = Vec::new();
    for (at, child) in node.children().filter(Node::is_element).enumerate() {
        if at > 0 || !is(child, EXC_C14N, "InclusiveNamespaces") {
            return Err(SignatureError::Unexpected(child.tag_name().name().to_owned()));
        }
        let words = attribute(child, "PrefixList").unwrap_or_default();
        list.extend(words.split_ascii_whitespace().take(PREFIXES_MAX + 1).map(str::to_owned));
        if list.len() > PREFIXES_MAX {
            return Err(SignatureError::Part("InclusiveNamespaces"));
        }
    }
    Ok(list)
}

/// The one child of this name.
fn one<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> Result<Node<'a, 'input>, SignatureError> {
    xml::at_most_one(node, DS, name).ok().flatten().ok_or(SignatureError::Part(name))
}

/// No element within but these of XML Signature.
fn only(node: Node<'_, '_>, names: &[&str]) -> Result<(), SignatureError> {
    let odd = node
        .children()
        .filter(Node::is_element)
        .find(|child| child.tag_name().namespace() != Some(DS) || !names.contains(&child.tag_name().name()));
    match odd {
        Some(odd) => Err(SignatureError::Unexpected(odd.tag_name().name().to_owned())),
        None => Ok(()),
    }
}

/// Base64 with white space anywhere.
pub(crate) fn decoded(node: Node<'_, '_>) -> Option<Vec<u8>> {
    let mut text = xml::text(node)?;
    text.retain(|c| !matches!(c, ' ' | '\t' | '\n' | '\r'));
    STANDARD.decode(text).ok()
}
