//! What is believed of another's word, and who may name whom.

use portcullis_conf::{Sources, load};

use super::*;

fn settings(rserver: &str, own: &str) -> Settings {
    let files = [("rserver.conf", rserver), ("portcullis.conf", own)];
    load(&Sources::new("/c", files.map(|(name, text)| (name.to_owned(), text.to_owned())))).settings
}

fn told(settings: &Settings, evidence: &Evidence, remote: &str) -> Result<String, Denied> {
    let told = asserted(settings, evidence, remote.parse().expect("an address")).expect("nothing to examine");
    told.map(|name| name.to_string()).map_err(|(reason, _)| reason)
}

#[test]
fn a_proxy_is_believed_as_the_files_say() {
    let on = settings("auth-proxy=1\nauth-user-rewrite-rule=^(.*)@a$ $1\n", "auth-proxy-from=10.0.0.0/8\n");
    let header = |user: &str, peer: &str| Evidence::Header {
        user: user.into(),
        peer: peer.parse().expect("an address"),
    };
    assert_eq!(told(&on, &header("anna@a", "10.0.0.7"), "10.0.0.7"), Ok("anna".into()));
    assert_eq!(told(&on, &header("anna", "::ffff:10.0.0.7"), "10.0.0.7"), Ok("anna".into()));
    // A server that was taken over may say anything: what it says of addresses must fit the files all the same.
    assert_eq!(told(&on, &header("anna", "192.0.2.1"), "10.0.0.7"), Err(Denied::NotPermitted));
    assert_eq!(told(&on, &header("anna", "10.0.0.7"), "192.0.2.1"), Err(Denied::NotPermitted));
    for bad in ["Anna", "", "a/b", "-o", "a b"] {
        assert_eq!(told(&on, &header(bad, "10.0.0.7"), "10.0.0.7"), Err(Denied::BadName), "{bad}");
    }
    for off in [settings("", "auth-proxy-from=10.0.0.0/8\n"), settings("auth-proxy=1\n", "")] {
        assert_eq!(told(&off, &header("anna", "10.0.0.7"), "10.0.0.7"), Err(Denied::NotPermitted));
    }
}

#[test]
fn nobody_is_somebody_only_on_this_machine() {
    let on = settings("auth-none=1\n", "auth-none-user=anna\n");
    for here in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(told(&on, &Evidence::Nothing, here), Ok("anna".into()));
    }
    assert_eq!(told(&on, &Evidence::Nothing, "192.0.2.1"), Err(Denied::NotPermitted));
    for off in [settings("", "auth-none-user=anna\n"), settings("auth-none=1\n", "")] {
        assert_eq!(told(&off, &Evidence::Nothing, "127.0.0.1"), Err(Denied::NotPermitted));
    }
}

#[test]
fn a_method_names_nobody_of_anothers_provider() {
    let files = [
        ("rserver.conf", "auth-openid=1\nauth-openid-issuer=https://idp.example.test\n"),
        ("portcullis.conf", "auth-ldap=1\n"),
        ("ldap.conf", "[corp]\nserver-address=ldap.example.test:389\nuser-search-base=dc=example\n"),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let settings = load(&Sources::new("/c", files)).settings;
    let proven = |provider: Provider, unique: Vec<u8>| Proven {
        provider,
        unique: UniqueId::try_from(unique).expect("an id"),
        user: "alice".into(),
        attributes: Attributes::default(),
        groups: Vec::new(),
        until: None,
        register: true,
    };
    let ldap = |section: &str| Provider::Ldap(section.into());
    let openid = |issuer: &str| Provider::OpenId(issuer.into());
    let saml = SamlKnown::of("urn:idp");
    for (method, provider, may) in [
        (MethodName::Saml, Provider::Saml("urn:idp".into()), true),
        (MethodName::Saml, Provider::System, false),
        (MethodName::Ldap, ldap("corp"), true),
        (MethodName::Ldap, ldap("other"), false),
        (MethodName::Ldap, Provider::System, false),
        (MethodName::Ldap, openid("https://idp.example.test"), false),
        (MethodName::Openid, openid("https://idp.example.test"), true),
        (MethodName::Openid, openid("https://evil.example.test"), false),
        (MethodName::Openid, Provider::System, false),
        (MethodName::Openid, ldap("corp"), false),
        (MethodName::Pam, Provider::System, false),
        (MethodName::Saml, Provider::Saml("x".into()), false),
    ] {
        let told = is_of_its_method(&settings, &saml, method, &proven(provider.clone(), b"1000".to_vec()));
        assert_eq!(told.is_ok(), may, "{method} {provider}");
    }
    let mut huge = proven(ldap("corp"), b"1".to_vec());
    huge.user = "x".repeat(200_000);
    assert!(is_of_its_method(&settings, &saml, MethodName::Ldap, &huge).is_err(), "larger than may be");
}
