use super::*;
use crate::problem::Severity;
use crate::{Sources, load};

/// Settings of these lines; `portcullis` ones begin with `+`.
fn settings(lines: &[&str]) -> Settings {
    let of = |own: bool| -> String {
        let wanted = lines.iter().filter(|line| line.starts_with('+') == own);
        wanted.map(|line| format!("{}\n", line.trim_start_matches('+'))).collect()
    };
    let files = [("rserver.conf".to_owned(), of(false)), ("portcullis.conf".to_owned(), of(true))];
    load(&Sources::new("/c", files)).settings
}

/// As if everything did something.
fn everything(_: FileKind, _: &str) -> bool {
    true
}

fn chosen(lines: &[&str]) -> Vec<&'static str> {
    On::of(&settings(lines), everything).methods().into_iter().map(MethodName::word).collect()
}

fn found(lines: &[&str]) -> Vec<(Severity, String)> {
    let mut problems = Vec::new();
    conflicts::check(&settings(lines), &everything, &mut problems);
    problems.into_iter().map(|problem| (problem.severity, problem.option.unwrap_or_default())).collect()
}

#[test]
fn the_ways_to_sign_in() {
    for (lines, methods) in [
        (&[][..], &["pam"][..]),
        (&["+auth-ldap=1"], &["ldap"]),
        // As Workbench: OpenID and SAML take the form away, unless it is asked for.
        (&["auth-openid=1"], &["openid"]),
        (&["auth-saml=1"], &["saml"]),
        (&["auth-openid=1", "auth-saml=1"], &["openid", "saml"]),
        (&["auth-openid=1", "+auth-form=1"], &["pam", "openid"]),
        (&["auth-openid=1", "+auth-form=1", "+auth-ldap=1"], &["ldap", "openid"]),
        (&["auth-openid=1", "+auth-ldap=1"], &["openid"]),
        (&["auth-openid=1", "+auth-form=0"], &["openid"]),
        // Not every browser has a ticket.
        (&["+auth-kerberos=1"], &["pam", "kerberos"]),
        (&["+auth-kerberos=1", "+auth-form=0"], &["kerberos"]),
        (&["+auth-form=0"], &[]),
        (&["+auth-form=1"], &["pam"]),
        (&["auth-proxy=1"], &["proxy"]),
        (&["auth-none=1"], &["none"]),
        // An error each; whoever asks all the same gets less, not more.
        (&["auth-proxy=1", "auth-openid=1", "+auth-form=1"], &["proxy"]),
        (&["auth-none=1", "auth-proxy=1", "+auth-ldap=1"], &["none"]),
    ] {
        assert_eq!(chosen(lines), methods, "{lines:?}");
    }
}

#[test]
fn what_does_nothing_switches_nothing_on() {
    let all = settings(&["auth-none=1", "auth-proxy=1", "auth-openid=1", "auth-saml=1", "+auth-form=0"]);
    assert_eq!(On::of(&all, |_, _| false).methods(), [MethodName::Pam]);
    let mut problems = Vec::new();
    conflicts::check(&all, &|_, _| false, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
}

#[test]
fn choices_that_can_not_work() {
    const NONE: [&str; 3] = ["auth-none=1", "+auth-none-user=anna", "www-address=127.0.0.1"];
    const PROXY: [&str; 2] = ["auth-proxy=1", "+auth-proxy-from=10.0.0.7"];
    const OPENID: [&str; 2] = ["auth-openid=1", "auth-openid-issuer=https://idp.example"];
    const BASE: &str = "auth-saml-sp-base-uri=https://ide.example";
    const SAML: [&str; 4] =
        ["auth-saml=1", "auth-saml-metadata-path=/m.xml", "auth-cookies-force-secure=1", BASE];
    const KERBEROS: [&str; 2] = ["+auth-kerberos=1", "+auth-kerberos-realms=EXAMPLE.COM"];
    for whole in [&[][..], &NONE, &PROXY, &OPENID, &SAML, &KERBEROS] {
        assert_eq!(found(whole), [], "{whole:?}");
    }
    assert_eq!(found(&[&OPENID[..], &SAML[..], &KERBEROS[..], &["+auth-form=0"]].concat()), []);
    let error = |name: &str| (Severity::Error, name.to_owned());
    let warning = |name: &str| (Severity::Warning, name.to_owned());
    for (lines, problems) in [
        ([&NONE[..], &OPENID].concat(), vec![error("auth-openid")]),
        ([&NONE[..], &PROXY].concat(), vec![error("auth-proxy")]),
        ([&PROXY[..], &["+auth-ldap=1"]].concat(), vec![error("auth-ldap")]),
        ([&PROXY[..], &SAML, &KERBEROS].concat(), vec![error("auth-saml"), error("auth-kerberos")]),
        (vec!["+auth-form=0"], vec![error("auth-form")]),
        (vec!["auth-none=1", "www-address=127.0.0.1"], vec![error("auth-none")]),
        (vec!["auth-none=1", "+auth-none-user=anna"], vec![error("auth-none")]),
        (vec!["auth-none=1", "+auth-none-user=anna", "www-address=::"], vec![error("auth-none")]),
        (vec!["auth-none=1", "+auth-none-user=anna", "www-address=::ffff:127.0.0.1"], vec![]),
        (vec!["auth-none=1", "+auth-none-user=anna", "www-address=::1"], vec![]),
        (vec!["auth-proxy=1"], vec![error("auth-proxy")]),
        (vec!["auth-proxy=1", "+auth-proxy-from=0.0.0.0/0"], vec![warning("auth-proxy-from")]),
        (vec!["auth-openid=1"], vec![error("auth-openid")]),
        ([&OPENID[..], &["auth-openid-username-claim="]].concat(), vec![error("auth-openid")]),
        (vec!["auth-saml=1", "auth-saml-metadata-path=/m.xml", BASE], vec![error("auth-saml")]),
        (vec!["auth-saml=1", "ssl-enabled=1", BASE], vec![error("auth-saml")]),
        // Whom an answer is meant for is not its bearer's to say, nor anybody's on the way.
        (SAML[..3].to_vec(), vec![error("auth-saml")]),
        ([&SAML[..3], &["auth-saml-sp-base-uri=http://ide.example"]].concat(), vec![error("auth-saml")]),
        ([&SAML[..], &["auth-saml-sp-attribute-username="]].concat(), vec![error("auth-saml")]),
        ([&SAML[..], &["auth-saml-sp-encryption-cert-path=/c.pem"]].concat(), vec![error("auth-saml")]),
        (vec!["auth-saml-metadata-path=/m.xml"], vec![warning("auth-saml-metadata-path")]),
        (
            vec![
                "auth-saml=1",
                "ssl-enabled=1",
                BASE,
                "auth-saml-idp-entity-id=x",
                "auth-saml-idp-sso-url=https://i/s",
            ],
            vec![error("auth-saml")],
        ),
        (
            [&SAML[..], &["auth-saml-sp-request-signing-method=sha1"]].concat(),
            vec![error("auth-saml-sp-request-signing-method")],
        ),
        (vec!["+auth-kerberos=1"], vec![error("auth-kerberos")]),
        ([&KERBEROS[..], &["+auth-kerberos-keytab="]].concat(), vec![error("auth-kerberos")]),
        ([&OPENID[..], &["+auth-ldap=1"]].concat(), vec![warning("auth-ldap")]),
        (vec!["+factor-required-groups=staff", "+factor-methods="], vec![error("factor-required-groups")]),
        (vec!["+factor-methods=passkey"], vec![warning("factor-methods")]),
        (vec!["+factor-methods=passkey", "ssl-enabled=1"], vec![]),
        (vec!["+auth-none-user=anna"], vec![warning("auth-none-user")]),
        (vec!["+auth-proxy-from=10.0.0.7"], vec![warning("auth-proxy-from")]),
        (vec!["auth-openid-issuer=https://idp.example"], vec![warning("auth-openid-issuer")]),
        (vec!["+auth-kerberos-realms=EXAMPLE.COM"], vec![warning("auth-kerberos-realms")]),
        (vec!["+viewer-role-groups=a"], vec![warning("viewer-role-groups")]),
        (vec!["+viewer-role-groups=a", "+user-role-mapping=groups"], vec![]),
    ] {
        assert_eq!(found(&lines), problems, "{lines:?}");
    }
}

/// Whoever runs a program on the proxy's machine sends from the proxy's address.
#[test]
fn a_proxy_of_this_machine_needs_a_header_that_is_a_secret() {
    let said = |from: &str, secret| {
        let files = [
            ("rserver.conf", "auth-proxy=1\n".to_owned()),
            ("portcullis.conf", format!("auth-proxy-from={from}\n")),
        ];
        let sources = crate::Sources::new("/c", files.map(|(name, text)| (name.to_owned(), text)));
        super::anybody_here(&crate::load(&sources).settings, secret)
    };
    for from in ["127.0.0.1", "127.0.0.0/8", "127.0.1.1", "::1", "10.0.0.7,::1", "0.0.0.0/0", "::/0"] {
        let problem = said(from, false).expect(from);
        assert_eq!(
            (problem.severity, problem.file.as_str()),
            (Severity::Warning, "portcullis.conf"),
            "{from}"
        );
        assert_eq!(said(from, true), None, "{from}: who doesn't know the header can't send it");
    }
    for from in ["10.0.0.7", "10.0.0.0/8,2001:db8::/32", "128.0.0.1"] {
        assert_eq!(said(from, false), None, "{from}");
    }
    let off = crate::load(&crate::Sources::default()).settings;
    assert_eq!(super::anybody_here(&off, false), None, "nobody believes a header");
}
