//! SAML at the door: where a browser is sent, and whose post is taken.

use portcullis_model::proof::{Begin, Evidence, Flow, MethodName};
use portcullis_model::sign_in::Denied;
use portcullis_wire::{ToLauncher, ToServer};

use crate::whole::browser::{Answer, Browser};
use crate::whole::launcher::{Launcher, person};

const BASE: &str = "auth-saml=1\nauth-cookies-force-secure=1\nauth-saml-sp-base-uri=https://ide.example\n\
                    auth-saml-idp-entity-id=urn:idp\nauth-saml-idp-sso-url=https://idp.example/sso\n\
                    auth-saml-idp-sign-cert-path=/idp.pem\n";
const CROSS: &str = "Origin: https://idp.example\r\nAccept: text/html\r\nSec-Fetch-Site: cross-site\r\n\
                     Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
                     Content-Type: application/x-www-form-urlencoded\r\n";

fn serving(more: &str) -> Launcher {
    let rserver = format!("{BASE}{more}");
    Launcher::serving(&[("rserver.conf", rserver.as_str())], &[], &[])
}

fn begun(message: ToLauncher) -> Option<(u64, Flow)> {
    match message {
        ToLauncher::Begin { request, method: MethodName::Saml, flow, .. } => Some((request, *flow)),
        _ => None,
    }
}

type Brought = (u64, Vec<u8>, Option<String>, String);

fn started(message: ToLauncher) -> Option<Brought> {
    match message {
        ToLauncher::SignInStart {
            conversation,
            evidence: Evidence::Response { response, in_response_to, recipient, .. },
            ..
        } => Some((conversation, response.expose().to_vec(), in_response_to, recipient)),
        _ => None,
    }
}

/// A browser on its way: what it is answered, and its flow.
fn goes(launcher: &Launcher, browser: &mut Browser, form: Option<&str>) -> (Answer, Flow) {
    let (answer, flow) = std::thread::scope(|scope| {
        let answer = scope.spawn(|| browser.open("/saml/begin?appUri=/s/0707070707070707/lab"));
        let (request, flow) = launcher.expect("begin", begun);
        let result = Ok(Box::new(Begin {
            url: "https://idp.example/sso".into(),
            form: form.map(str::to_owned),
            request: Some("_asked".into()),
        }));
        launcher.send(ToServer::Begun { request, result });
        (answer.join().expect("answered"), flow)
    });
    let cookie = answer.header("set-cookie").split(';').next().expect("a pair").to_owned();
    browser.cookies = vec![cookie];
    (answer, flow)
}

/// The provider's page posts an answer; base64 of `<a/>`.
fn posts(browser: &Browser, state: &str) -> Answer {
    browser.ask("POST", "/saml/acs", CROSS, &format!("SAMLResponse=PGEvPg%3D%3D&RelayState={state}"))
}

#[test]
fn to_the_provider_by_redirect_or_form_and_back_by_post() {
    let launcher = serving("");
    let mut browser = launcher.browser();
    assert!(browser.open("/auth-sign-in").body.contains("Sign in at idp.example"));
    let (sent, flow) = goes(&launcher, &mut browser, None);
    assert_eq!((sent.status, sent.header("location")), (303, "https://idp.example/sso"));
    assert_eq!(flow.redirect_uri, "https://ide.example/saml/acs", "root's word, whatever host was asked for");
    assert!(sent.header("set-cookie").contains("; SameSite=None;"), "{}", sent.head);
    let (page, flow) = goes(&launcher, &mut browser, Some("UmVxdWVzdA=="));
    assert_eq!(page.status, 200);
    assert!(page.body.contains("action=\"https://idp.example/sso\""), "{}", page.body);
    assert!(page.body.contains(&format!("value=\"{}\"", flow.state)), "{}", page.body);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action https:;") && policy.contains("frame-ancestors"), "{policy}");

    let signed = std::thread::scope(|scope| {
        let answer = scope.spawn(|| posts(&browser, &flow.state));
        let (conversation, response, in_response_to, recipient) = launcher.expect("start", started);
        assert_eq!((response.as_slice(), in_response_to.as_deref()), (b"<a/>".as_slice(), Some("_asked")));
        assert_eq!(recipient, "https://ide.example/saml/acs");
        let anna = person("anna", 1);
        launcher.send(ToServer::SignIn(Box::new(anna.clone())));
        launcher.send(ToServer::SignedIn { conversation, sign_in: anna.id });
        answer.join().expect("answered")
    });
    assert_eq!((signed.status, signed.header("location")), (303, "/s/0707070707070707/lab"));
    let set = signed.all("set-cookie");
    assert!(set[0].starts_with("__Host-portcullis=v1."), "{set:?}");
    assert!(set[1].starts_with("__Host-portcullis-flow=;"), "{set:?}");
}

#[test]
fn answers_that_nobody_here_asked_for() {
    let launcher = serving("");
    let (mut anna, mut bob) = (launcher.browser(), launcher.browser());
    let (_, flow) = goes(&launcher, &mut anna, None);
    let (_, other) = goes(&launcher, &mut bob, None);
    let refused = |browser: &Browser, state: &str| {
        let answer = posts(browser, state);
        assert_eq!(answer.status, 200, "{state}: {}", answer.head);
        assert!(answer.body.contains("begin again") && !answer.head.contains("portcullis=v1"), "{state}");
        assert!(answer.header("set-cookie").starts_with("__Host-portcullis-flow=;"), "{state}");
    };
    refused(&anna, &other.state);
    refused(&launcher.browser(), &flow.state);
    refused(&launcher.browser(), "");
    for body in ["", "SAMLResponse=*&RelayState=x", "SAMLResponse=PGEvPg%3D%3D&SAMLResponse=PGEvPg%3D%3D"] {
        let answer = anna.ask("POST", "/saml/acs", CROSS, body);
        assert!(answer.status == 200 && answer.body.contains("begin again"), "{body}");
    }
    // No other place takes a post of another site, nor this one anything else.
    for path in ["/auth-do-sign-in", "/auth-continue", "/auth-sign-out", "/saml/begin", "/sessions"] {
        assert_eq!(anna.ask("POST", path, CROSS, "a=b").status, 403, "{path}");
    }
    assert_eq!(anna.ask("PUT", "/saml/acs", CROSS, "a=b").status, 403);
    assert_eq!(anna.open("/saml/acs").status, 303);
    let kind = CROSS.replace("application/x-www-form-urlencoded", "text/plain");
    assert_eq!(anna.ask("POST", "/saml/acs", &kind, "a=b").status, 415);
}

#[test]
fn a_provider_that_may_begin_says_where_to_go_below_here() {
    let launcher = serving("auth-saml-sso-initiation=both\n");
    let browser = launcher.browser();
    for (state, place) in [("/s/0707070707070707/lab", "/s/0707070707070707/lab"), ("//evil.example", "/")] {
        let answer = std::thread::scope(|scope| {
            let answer = scope.spawn(|| posts(&browser, state));
            let (conversation, _, in_response_to, _) = launcher.expect("start", started);
            assert_eq!(in_response_to, None, "and the answer must name no request then");
            let anna = person("anna", 1);
            launcher.send(ToServer::SignIn(Box::new(anna.clone())));
            launcher.send(ToServer::SignedIn { conversation, sign_in: anna.id });
            answer.join().expect("answered")
        });
        assert_eq!((answer.status, answer.header("location")), (303, place));
    }
    let alone = serving("auth-saml-sso-initiation=idp\n");
    assert_eq!(alone.browser().open("/saml/begin").status, 404);
    assert!(!alone.browser().open("/auth-sign-in").body.contains("/saml/begin"));
}

#[test]
fn what_the_provider_is_told_of_us() {
    let launcher = serving("");
    let browser = launcher.browser();
    let described = |message| match message {
        ToLauncher::Describe { request, method: MethodName::Saml, .. } => Some(request),
        _ => None,
    };
    for (result, status) in
        [(Ok("<md:EntityDescriptor/>".to_owned()), 200), (Err((Denied::System, "the-id".to_owned())), 503)]
    {
        let answer = std::thread::scope(|scope| {
            let answer = scope.spawn(|| browser.open("/saml/metadata"));
            let request = launcher.expect("describe", described);
            launcher.send(ToServer::Described { request, result });
            answer.join().expect("answered")
        });
        assert_eq!(answer.status, status, "{}", answer.head);
        assert!(answer.body.contains(if status == 200 { "<md:Entity" } else { "the-id" }), "{}", answer.body);
    }
    assert_eq!(browser.submit("/saml/metadata", "a=b").status, 405);
    let off = Launcher::serving(&[], &[], &[]);
    for path in ["/saml/begin", "/saml/metadata", "/saml/acs"] {
        assert_eq!(off.browser().open(path).status, 404, "{path}");
    }
}
