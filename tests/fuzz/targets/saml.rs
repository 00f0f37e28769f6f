//! An identity provider's answers and metadata.

use std::sync::LazyLock;

use portcullis_saml::{
    Assertion, Certificate, Expectation, Metadata, Request, SKEW, Signed, decode, parts, verify,
};

use crate::Target;

/// Whatever is made of a genuine answer says what the genuine one says, or nothing.
pub(super) const SAML: Target = Target {
    name: "saml",
    run: saml,
    seeds,
    words: &[
        "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_evil\" Version=\"2.0\">",
        "</saml:Assertion>",
        "<saml:NameID>root</saml:NameID>",
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">",
        "</ds:Signature>",
        "<ds:Object>",
        "<samlp:Extensions>",
        "<!---->",
        "<![CDATA[",
        "]]>",
        "<?x y?>",
        "<!DOCTYPE a [",
        "&amp;",
        "&#13;",
        " ID=\"_assertion\"",
        " Id=\"_assertion\"",
        " xmlns=\"\"",
        " xmlns:saml=\"urn:other\"",
        "/>",
        "\r\n",
    ],
};

/// The time of the stored answers.
const NOW: u64 = 1_772_366_400;
/// Made by `portcullis_testing::saml` with a key that was thrown away: the assertion signed, the answer signed, both.
const ANSWERS: [&[u8]; 3] = [
    include_bytes!("saml/assertion-signed.xml"),
    include_bytes!("saml/answer-signed.xml"),
    include_bytes!("saml/both-signed.xml"),
];

static EXPECTED: LazyLock<Expectation> = LazyLock::new(|| Expectation {
    issuer: "https://idp.example/metadata".into(),
    certificates: Certificate::from_pem(include_bytes!("saml/certificate.pem")).expect("a certificate"),
    audience: "https://door.example/saml/metadata".into(),
    recipient: "https://door.example/saml/acs".into(),
    request: Request::Made("_request".into()),
    signed: Signed::Either,
    name_id_format: None,
    decryption: Vec::new(),
});

static GENUINE: LazyLock<Assertion> =
    LazyLock::new(|| verify(ANSWERS[0], &EXPECTED, NOW).expect("a genuine answer"));

fn saml(data: &[u8]) {
    if let Ok(found) = verify(data, &EXPECTED, NOW) {
        assert_eq!(found, *GENUINE, "a forged answer");
    }
    // What is canonical is canonical, and says the same.
    if let Ok(once) = parts::canonical(data, &[]) {
        assert_eq!(parts::canonical(&once, &[]).as_ref(), Ok(&once), "the canonical form has another one");
    }
    // Behind the signature: a provider may write what it likes.
    if let Ok(found) = parts::dangerous_assertion(data, &EXPECTED, NOW) {
        assert!(
            found.not_on_or_after + SKEW > NOW && found.spent_until >= found.not_on_or_after,
            "{found:?}"
        );
        assert!(!found.id.is_empty() && !found.name_id.value.is_empty(), "{found:?}");
    }
    if let Ok(found) = Metadata::parse(data, None, None, NOW) {
        assert!(!found.certificates.is_empty(), "a provider without a key");
        for address in found.redirect.iter().chain(&found.post) {
            assert!(address.starts_with("http") && !address.contains(['\r', '\n', '"', ' ']), "{address:?}");
        }
    }
    drop(Certificate::from_der(data));
    if let Ok(text) = std::str::from_utf8(data) {
        drop(decode(text));
    }
}

fn seeds() -> Vec<Vec<u8>> {
    for text in ANSWERS {
        assert!(verify(text, &EXPECTED, NOW).is_ok(), "a seed is not genuine");
    }
    let unsigned = include_bytes!("saml/assertion-unsigned.xml");
    assert!(parts::dangerous_assertion(unsigned, &EXPECTED, NOW).is_ok(), "a seed is not good");
    let metadata = include_bytes!("saml/metadata.xml");
    assert!(Metadata::parse(metadata, None, None, NOW).is_ok(), "a seed is no metadata");
    let mut seeds: Vec<Vec<u8>> = ANSWERS.iter().map(|text| text.to_vec()).collect();
    seeds.extend([unsigned.to_vec(), metadata.to_vec(), EXPECTED.certificates[0].der().to_vec()]);
    seeds
}
