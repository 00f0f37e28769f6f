use portcullis_conf::{Sources, load};
use portcullis_model::account::Provider;
use portcullis_testing::saml::{Answer, Key, Kind};

use super::answer::{Asserted, examine};
use super::*;

const BASE: &str = "https://ide.example";
const IDP: &str = "https://idp.example/metadata";
const NOW: u64 = 1_800_000_000;

fn settings(rserver: &str, own: &str) -> Configuration {
    let text = format!("auth-saml-sp-base-uri={BASE}\n{rserver}");
    let files = [("rserver.conf".to_owned(), text), ("portcullis.conf".to_owned(), own.to_owned())];
    load(&Sources::new("/c", files)).settings
}

fn provider(key: &Key) -> SamlProvider {
    SamlProvider {
        entity_id: IDP.into(),
        redirect: Some("https://idp.example/sso".into()),
        post: Some("https://idp.example/post".into()),
        certificates: vec![key.certificate.clone()],
        wants_signed_requests: false,
        valid_until: None,
    }
}

fn answer() -> Answer {
    Answer::new(&audience(BASE), &recipient(BASE), NOW)
}

fn brought(text: &str, request: Option<&str>) -> Evidence {
    Evidence::Response {
        response: Secret::from(text.to_owned()),
        in_response_to: request.map(str::to_owned),
        recipient: recipient(BASE),
        proven_since: None,
    }
}

fn examined(answer: &Answer, rserver: &str, own: &str) -> Result<Asserted, Failure> {
    let key = Key::new(Kind::P256).expect("a key");
    let text = answer.signed(&key).expect("signed");
    let request = answer.in_response_to.as_deref();
    examine(&settings(rserver, own), &provider(&key), None, &brought(&text, request), NOW)
}

#[test]
fn an_answer_says_who_it_is() {
    let mut ada = answer();
    ada.attributes.push(("mail".into(), vec!["ada@example.com".into()]));
    ada.attributes.push(("cn".into(), vec!["Ada Augusta Lovelace".into()]));
    ada.attributes.push(("job".into(), vec!["viewer".into(), "publisher".into()]));
    let rserver = "auth-saml-sp-attribute-groups=Groups\nauth-saml-sp-attribute-email=mail\n\
                   auth-saml-sp-attribute-display-name=cn\n";
    let found = examined(&ada, rserver, "auth-saml-role-attribute=job\n").expect("somebody");
    let proven = found.proven;
    assert_eq!((found.id.as_str(), found.until), ("_assertion", NOW + 300 + portcullis_saml::SKEW));
    assert_eq!((proven.user.as_str(), proven.provider), ("ada", Provider::Saml(IDP.into())));
    assert_eq!(proven.unique.as_bytes(), b"ada@example.com");
    let groups: Vec<&str> = proven.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(groups, ["analysts", "r users"]);
    assert_eq!(proven.attributes.email.as_deref(), Some("ada@example.com"));
    assert_eq!(proven.attributes.first.as_deref(), Some("Ada Augusta"));
    assert_eq!(proven.attributes.last.as_deref(), Some("Lovelace"));
    assert_eq!(proven.attributes.role_values, ["viewer", "publisher"]);
    assert_eq!(proven.until, Some(NOW + 28_800 + portcullis_saml::SKEW));
    // What is not configured is not taken.
    let plain = examined(&ada, "", "").expect("somebody").proven;
    assert!(plain.groups.is_empty() && plain.attributes == Default::default());
    let by_name_id = examined(&ada, "auth-saml-sp-attribute-username=NameID\n", "").expect("somebody");
    assert_eq!(by_name_id.proven.user, "ada@example.com");
}

#[test]
fn a_name_that_changes_each_time_is_nobodys() {
    let transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    let mut ada = answer();
    ada.format = transient.into();
    ada.name_id = "_e3b0c442".into();
    assert_eq!(examined(&ada, "", "").expect("somebody").proven.unique.as_bytes(), b"user:ada");
}

#[test]
fn names_and_groups_that_can_not_be_read() {
    for values in [vec![], vec![String::new()], vec!["ada".to_owned(), "root".to_owned()]] {
        let mut ada = answer();
        ada.attributes = vec![("Username".into(), values.clone())];
        assert!(matches!(examined(&ada, "", ""), Err(Failure::Rejected(_))), "{values:?}");
    }
    let mut many = answer();
    many.attributes[1].1 = (0..500).map(|number| format!("group-{number:03}")).collect();
    let found = examined(&many, "auth-saml-sp-attribute-groups=Groups\n", "").expect("somebody");
    assert_eq!(found.proven.groups.len(), 500);
    let mut left_out = answer();
    left_out.attributes.push(("http://schemas.microsoft.com/claims/groups.link".into(), vec!["x".into()]));
    let refused = examined(&left_out, "auth-saml-sp-attribute-groups=Groups\n", "");
    assert!(matches!(refused, Err(Failure::Protocol(_))), "{refused:?}");
    assert!(examined(&left_out, "", "").is_ok(), "where groups don't count");
}

#[test]
fn what_the_configuration_does_not_say_is_refused() {
    let key = Key::new(Kind::P256).expect("a key");
    let (known, asked) = (provider(&key), answer());
    let unasked = Answer { in_response_to: None, ..answer() };
    let (signed, unsolicited) = (asked.signed(&key).expect("signed"), unasked.signed(&key).expect("signed"));
    let tried = |rserver: &str, evidence: &Evidence| {
        examine(&settings(rserver, ""), &known, None, evidence, NOW).map(drop)
    };
    let initiation = |who: &str| format!("auth-saml-sso-initiation={who}\n");
    for (who, text, request, taken) in [
        ("sp", &signed, Some("_request"), true),
        ("both", &signed, Some("_request"), true),
        ("idp", &signed, Some("_request"), false),
        ("sp", &unsolicited, None, false),
        ("both", &unsolicited, None, true),
        ("idp", &unsolicited, None, true),
        // An answer to somebody's request is never one that the provider began.
        ("both", &signed, None, false),
        ("both", &unsolicited, Some("_request"), false),
        ("sp", &signed, Some("_other"), false),
    ] {
        let result = tried(&initiation(who), &brought(text, request));
        assert_eq!(result.is_ok(), taken, "{who} {request:?}: {result:?}");
    }
    // Sent to another address than ours, whoever says so; and another key's.
    let elsewhere = Evidence::Response {
        response: Secret::from(signed.clone()),
        in_response_to: Some("_request".into()),
        recipient: "https://evil.example/saml/acs".into(),
        proven_since: None,
    };
    assert_eq!(tried("", &elsewhere), Err(Failure::Evidence));
    for base in ["https://evil.example", "https://ide.example/x"] {
        let foreign = Answer::new(&audience(base), &recipient(base), NOW).signed(&key).expect("signed");
        assert!(
            matches!(tried("", &brought(&foreign, Some("_request"))), Err(Failure::Rejected(_))),
            "{base}"
        );
    }
    let proven_since = |since| {
        let response = Secret::from(signed.clone());
        let (in_response_to, recipient) = (Some("_request".to_owned()), recipient(BASE));
        Evidence::Response { response, in_response_to, recipient, proven_since: Some(since) }
    };
    assert_eq!(tried("", &proven_since(NOW + portcullis_saml::SKEW)), Ok(()));
    let stale = tried("", &proven_since(NOW + portcullis_saml::SKEW + 1));
    assert!(matches!(stale, Err(Failure::Rejected(_))), "by a cookie of the provider's alone: {stale:?}");
    let stranger = answer().signed(&Key::new(Kind::P256).expect("a key")).expect("signed");
    assert!(matches!(tried("", &brought(&stranger, Some("_request"))), Err(Failure::Rejected(_))));
    let over = SamlProvider { valid_until: Some(NOW), ..known.clone() };
    let refused = examine(&settings("", ""), &over, None, &brought(&signed, Some("_request")), NOW);
    assert!(matches!(refused, Err(Failure::Configuration(_))));
    assert!(matches!(
        examine(&settings("", ""), &known, None, &Evidence::Nothing, NOW),
        Err(Failure::Evidence)
    ));
}

fn flow() -> Flow {
    Flow {
        state: "the-state".into(),
        nonce: String::new(),
        challenge: String::new(),
        redirect_uri: recipient(BASE),
        anew: false,
    }
}

fn set_up(rserver: &str, own: &str, files: &[(&str, &str)]) -> Result<Saml, String> {
    let secret = |name: &str| {
        files.iter().find(|(known, _)| *known == name).map(|(_, text)| Secret::from((*text).to_owned()))
    };
    let roots = Key::new(Kind::P256).expect("a key").certificate_pem;
    Saml::configured(&settings(rserver, own), secret, roots.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn browsers_are_sent_by_redirect_or_by_post() {
    let key = Key::new(Kind::Rsa).expect("a key");
    let saml = set_up("", "", &[]).expect("a provider").with_provider(Some(provider(&key)));
    let begun = saml.request(&flow()).expect("begun");
    assert!(begun.url.starts_with("https://idp.example/sso?SAMLRequest="), "{}", begun.url);
    assert!(begun.url.contains("&RelayState=the-state") && !begun.url.contains("Signature="));
    assert!(begun.form.is_none() && begun.request.is_some_and(|id| id.starts_with('_')));
    assert!(saml.describe().contains("https://ide.example/saml/acs"));

    let by_post = set_up("auth-saml-idp-post-binding=1\n", "", &[]).expect("a provider");
    let begun = by_post.with_provider(Some(provider(&key))).request(&flow()).expect("begun");
    assert_eq!(begun.url, "https://idp.example/post");
    assert!(begun.form.is_some_and(|form| !form.is_empty()));

    let files = [(SIGNING_KEY, key.key_pem.as_str()), (SIGNING_CERTIFICATE, key.certificate_pem.as_str())];
    let lines = format!("{SIGNING_KEY}=/k\n{SIGNING_CERTIFICATE}=/c\n");
    let signing = set_up(&lines, "", &files).expect("a provider").with_provider(Some(provider(&key)));
    assert!(signing.request(&flow()).expect("begun").url.contains("&SigAlg="));
    assert!(signing.describe().contains("AuthnRequestsSigned=\"true\""));
}

#[test]
fn nobody_is_sent_anywhere_without_a_provider() {
    let key = Key::new(Kind::P256).expect("a key");
    let saml = || set_up("", "", &[]).expect("a provider");
    assert_eq!(saml().request(&flow()), Err(Failure::Unreachable));
    let known = |change: fn(&mut SamlProvider)| {
        let mut provider = provider(&key);
        change(&mut provider);
        saml().with_provider(Some(provider)).request(&flow())
    };
    assert!(matches!(known(|one| one.wants_signed_requests = true), Err(Failure::Configuration(_))));
    assert!(matches!(known(|one| one.valid_until = Some(1)), Err(Failure::Configuration(_))));
    assert!(known(|one| one.redirect = None).is_ok_and(|begin| begin.form.is_some()));
    let elsewhere = Flow { redirect_uri: "https://evil.example/saml/acs".into(), ..flow() };
    assert_eq!(saml().with_provider(Some(provider(&key))).request(&elsewhere), Err(Failure::Evidence));
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let url = "auth-saml-metadata-url=https://idp.example/metadata\n";
    for (rserver, own, files, error) in [
        (url, "auth-saml-ca-file=/c\n", &[][..], "`auth-saml-ca-file` was not given"),
        (url, "auth-saml-ca-file=/c\n", &[(CA_FILE, "nothing")], "there is no authority to trust"),
        ("auth-saml-sp-signing-key-path=/k\n", "", &[], "`auth-saml-sp-signing-key-path` was not given"),
        (
            "auth-saml-sp-signing-key-path=/k\n",
            "",
            &[(SIGNING_KEY, "no key")],
            "`auth-saml-sp-signing-key-path` can't be used",
        ),
        (
            "auth-saml-sp-encryption-cert-path=/k\n",
            "",
            &[(ENCRYPTION_CERTIFICATE, "none")],
            "`auth-saml-sp-encryption-cert-path` can't be used",
        ),
    ] {
        let found = set_up(rserver, own, files).map(drop).expect_err(error);
        assert!(found.starts_with(error), "{found}");
    }
    assert!(set_up(url, "", &[]).is_ok());
}

#[test]
fn a_provider_is_read_of_metadata_or_of_the_configuration() {
    let key = Key::new(Kind::P256).expect("a key");
    let by_hand = "auth-saml-idp-entity-id=urn:idp\nauth-saml-idp-sso-url=https://idp.example/sso\n";
    let read = super::provider::read(&settings(by_hand, ""), key.certificate_pem.as_bytes(), NOW);
    let read = read.expect("a provider");
    assert_eq!((read.entity_id.as_str(), read.certificates), ("urn:idp", vec![key.certificate.clone()]));
    let metadata = |place: &str| {
        format!(
            "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"urn:idp\">\
             <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
             <md:KeyDescriptor>{}</md:KeyDescriptor><md:SingleSignOnService \
             Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{place}\"/>\
             </md:IDPSSODescriptor></md:EntityDescriptor>",
            key.key_info()
                .replace("<ds:KeyInfo>", "<ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">")
        )
    };
    let of_file = |rserver: &str, text: &str| {
        let settings = settings(&format!("auth-saml-metadata-path=/m\n{rserver}"), "");
        super::provider::read(&settings, text.as_bytes(), NOW)
    };
    let found = of_file("", &metadata("https://idp.example/sso")).expect("a provider");
    assert_eq!(found.redirect.as_deref(), Some("https://idp.example/sso"));
    for (rserver, text) in [
        ("", metadata("http://idp.example/sso")),
        ("auth-saml-idp-entity-id=urn:other\n", metadata("https://idp.example/sso")),
        ("", "<html/>".to_owned()),
        ("", key.certificate_pem.clone()),
    ] {
        assert!(matches!(of_file(rserver, &text), Err(Failure::Configuration(_))), "{text}");
    }
}
