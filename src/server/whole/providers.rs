//! Ways to sign in beside the form: to a provider and back, by a proxy's header, without a proof.

use portcullis_model::proof::{Begin, Evidence, Flow, MethodName};
use portcullis_model::sign_in::Denied;
use portcullis_wire::{ToLauncher, ToServer};

use crate::whole::browser::{Answer, Browser};
use crate::whole::launcher::{Launcher, person};

const OPENID: &[(&str, &str)] =
    &[("rserver.conf", "auth-openid=1\nauth-openid-issuer=https://idp.example/realm\n")];
const PROXY: &[(&str, &str)] = &[
    ("rserver.conf", "auth-proxy=1\nauth-proxy-user-header=X-Company-User\n"),
    ("portcullis.conf", "auth-proxy-from=127.0.0.1\n"),
];
const NONE: &[(&str, &str)] =
    &[("rserver.conf", "auth-none=1\nwww-address=127.0.0.1\n"), ("portcullis.conf", "auth-none-user=anna\n")];

fn begun(message: ToLauncher) -> Option<(u64, MethodName, Flow)> {
    match message {
        ToLauncher::Begin { request, method, flow, .. } => Some((request, method, *flow)),
        _ => None,
    }
}

fn started(message: ToLauncher) -> Option<(u64, Evidence)> {
    match message {
        ToLauncher::SignInStart { conversation, evidence, .. } => Some((conversation, evidence)),
        _ => None,
    }
}

/// A browser on its way to the provider: its cookie, and what the provider was told.
fn goes(launcher: &Launcher, browser: &mut Browser, path: &str) -> (Answer, Flow) {
    let (answer, flow) = std::thread::scope(|scope| {
        let answer = scope.spawn(|| browser.open(path));
        let (request, method, flow) = launcher.expect("begin", begun);
        assert_eq!(method, MethodName::Openid);
        let url = format!("https://idp.example/auth?state={}", flow.state);
        let result = Ok(Box::new(Begin { url, form: None, request: None }));
        launcher.send(ToServer::Begun { request, result });
        (answer.join().expect("answered"), flow)
    });
    let cookie = answer.header("set-cookie").split(';').next().expect("a pair").to_owned();
    browser.cookies = vec![cookie];
    (answer, flow)
}

#[test]
fn to_the_provider_and_back() {
    let launcher = Launcher::serving(OPENID, &[], &[]);
    let mut browser = launcher.browser();
    let page = browser.open("/auth-sign-in?appUri=/s/0707070707070707/lab");
    assert!(page.body.contains("Sign in at idp.example"), "{}", page.body);
    assert!(!page.body.contains("name=\"password\""), "as Workbench: no form beside a provider");
    assert!(page.body.contains("/openid/begin?appUri=/s/0707070707070707/lab"), "{}", page.body);

    let (sent, flow) = goes(&launcher, &mut browser, "/openid/begin?appUri=/s/0707070707070707/lab");
    assert_eq!(sent.status, 303);
    assert_eq!(sent.header("location"), format!("https://idp.example/auth?state={}", flow.state));
    let set = sent.header("set-cookie");
    assert!(
        set.starts_with("portcullis-flow=v1.") && set.ends_with("; HttpOnly; SameSite=Lax; Max-Age=600"),
        "{set}"
    );
    assert_eq!(flow.redirect_uri, format!("{}/openid/callback", browser.origin()));

    let back =
        format!("/openid/callback?code=the-code&state={}&iss=https%3A%2F%2Fidp.example%2Frealm", flow.state);
    let signed = std::thread::scope(|scope| {
        // A browser comes from the provider's page: a link of another site.
        let from = "Accept: text/html\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
        let answer = scope.spawn(|| browser.ask("GET", &back, from, ""));
        let (conversation, evidence) = launcher.expect("start", started);
        let Evidence::Code { code, nonce, verifier, redirect_uri, issuer, proven_since: None } = evidence
        else {
            panic!("a code: {evidence:?}")
        };
        assert_eq!(code.expose(), b"the-code");
        assert_eq!(nonce.expose(), flow.nonce.as_bytes());
        assert_eq!(verifier.len(), 43);
        assert_eq!(
            (redirect_uri, issuer.as_deref()),
            (flow.redirect_uri.clone(), Some("https://idp.example/realm"))
        );
        let anna = person("anna", 1);
        launcher.send(ToServer::SignIn(Box::new(anna.clone())));
        launcher.send(ToServer::SignedIn { conversation, sign_in: anna.id });
        answer.join().expect("answered")
    });
    assert_eq!((signed.status, signed.header("location")), (303, "/s/0707070707070707/lab"));
    let set = signed.all("set-cookie");
    assert!(set[0].starts_with("portcullis=v1."), "{set:?}");
    assert!(set[1].starts_with("portcullis-flow=;") && set[1].ends_with("Max-Age=0"), "{set:?}");
}

#[test]
fn ways_back_that_are_not_ones_own() {
    let launcher = Launcher::serving(OPENID, &[], &[]);
    let (mut anna, mut bob) = (launcher.browser(), launcher.browser());
    let (_, flow) = goes(&launcher, &mut anna, "/openid/begin");
    let (_, other) = goes(&launcher, &mut bob, "/openid/begin");
    let refused = |browser: &Browser, query: &str| {
        let answer = browser.open(&format!("/openid/callback{query}"));
        assert_eq!(answer.status, 200, "{query}");
        assert!(
            answer.body.contains("begin again") && !answer.head.contains("portcullis=v1"),
            "{query}: {}",
            answer.body
        );
        assert!(answer.header("set-cookie").starts_with("portcullis-flow=;"), "{query}");
    };
    // A link that an attacker made of their own way back: it would sign the victim in as the attacker.
    refused(&anna, &format!("?code=theirs&state={}", other.state));
    refused(&launcher.browser(), &format!("?code=theirs&state={}", other.state));
    for query in [
        "",
        "?code=a",
        "?state=b",
        &format!("?state={}", flow.state),
        &format!("?code=a&code=b&state={}", flow.state),
    ] {
        refused(&anna, query);
    }
    let mut forged = launcher.browser();
    forged.cookies = vec!["portcullis-flow=v1.00000000.e30.AAAA".into()];
    refused(&forged, &format!("?code=a&state={}", flow.state));
    forged.cookies = [anna.cookies.clone(), bob.cookies.clone()].concat();
    refused(&forged, &format!("?code=a&state={}", flow.state));
    // Nothing of it reached the launcher; the right one still does.
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| anna.open(&format!("/openid/callback?code=mine&state={}", flow.state)));
        let (conversation, evidence) = launcher.expect("start", started);
        assert!(matches!(evidence, Evidence::Code { code, .. } if code.expose() == b"mine"));
        launcher.send(ToServer::Denied { conversation, reason: Denied::NotPermitted, id: "the-id".into() });
        let answer = answer.join().expect("answered");
        assert_eq!(answer.status, 401);
        assert!(
            answer.body.contains("the-id") && answer.body.contains("Sign in at idp.example"),
            "{}",
            answer.body
        );
    });
}

#[test]
fn a_provider_that_refuses_or_is_away() {
    let launcher = Launcher::serving(OPENID, &[], &[]);
    let mut browser = launcher.browser();
    for (error, status, said) in [
        ("access_denied", 200, "Sign-in was cancelled"),
        ("server_error", 503, "does not work at the moment"),
    ] {
        let (_, flow) = goes(&launcher, &mut browser, "/openid/begin");
        let answer = browser.open(&format!("/openid/callback?error={error}&state={}", flow.state));
        assert_eq!(answer.status, status, "{error}");
        assert!(answer.body.contains(said), "{error}: {}", answer.body);
    }
    browser.cookies.clear();
    for result in [
        Err((Denied::System, "the-id".to_owned())),
        // Never to anything but https, whatever the launcher's child says.
        Ok(Box::new(Begin { url: "http://idp.example/".into(), form: None, request: None })),
        Ok(Box::new(Begin { url: "javascript:alert(1)".into(), form: None, request: None })),
    ] {
        let answer = std::thread::scope(|scope| {
            let answer = scope.spawn(|| browser.open("/openid/begin"));
            let (request, ..) = launcher.expect("begin", begun);
            launcher.send(ToServer::Begun { request, result });
            answer.join().expect("answered")
        });
        assert_eq!(answer.status, 503, "{}", answer.head);
        assert!(answer.all("set-cookie").is_empty());
    }
    assert_eq!(browser.submit("/openid/begin", "a=b").status, 405);
    assert_eq!(browser.submit("/openid/callback", "a=b").status, 405);
}

#[test]
fn what_is_off_is_nowhere() {
    let launcher = Launcher::serving(&[], &[], &[]);
    for path in ["/openid/begin", "/openid/callback?code=a&state=b"] {
        assert_eq!(launcher.browser().open(path).status, 404, "{path}");
    }
    // Where only a provider lets people in, a typed password is nobody's.
    let launcher = Launcher::serving(OPENID, &[], &[]);
    let answer = launcher.browser().submit("/auth-do-sign-in", "username=anna&password=secret");
    assert_eq!(answer.status, 401);
}

#[test]
fn a_proxy_signs_people_in_and_out() {
    let launcher = Launcher::serving(PROXY, &[], &[]);
    let mut browser = launcher.browser();
    let with = |header: &str| format!("Accept: text/html\r\n{header}");
    let first = browser.ask("GET", "/", &with("X-Company-User: anna/Anna Example\r\n"), "");
    assert_eq!((first.status, first.header("location")), (303, "/auth-sign-in"));
    let anna = person("anna", 1);
    let signed = std::thread::scope(|scope| {
        let ask = || browser.ask("GET", "/auth-sign-in", &with("X-Company-User: anna/Anna Example\r\n"), "");
        let answer = scope.spawn(ask);
        let (conversation, evidence) = launcher.expect("start", started);
        assert!(matches!(evidence, Evidence::Header { user, .. } if user == "anna"));
        launcher.send(ToServer::SignIn(Box::new(anna.clone())));
        launcher.send(ToServer::SignedIn { conversation, sign_in: anna.id });
        answer.join().expect("answered")
    });
    assert_eq!((signed.status, signed.header("location")), (303, "/"));
    browser.cookies = vec![signed.header("set-cookie").split(';').next().expect("a pair").to_owned()];
    assert_eq!(browser.ask("GET", "/", &with("X-Company-User: anna\r\n"), "").status, 200);
    // The proxy names somebody else, nobody, or two: the cookie opens nothing, and its sign-in ends.
    let answer = browser.ask("GET", "/", &with("X-Company-User: bob\r\n"), "");
    assert_eq!((answer.status, answer.header("location")), (303, "/auth-sign-in"));
    let ended = launcher.expect("sign-out", |message| match message {
        ToLauncher::SignOut { sign_in } => Some(sign_in),
        _ => None,
    });
    assert_eq!(ended, anna.id);
    assert_eq!(browser.ask("GET", "/", &with("X-Company-User: anna\r\n"), "").status, 303, "it stays ended");
}

#[test]
fn headers_that_name_nobody() {
    let launcher = Launcher::serving(PROXY, &[], &[]);
    let browser = launcher.browser();
    for headers in [
        "",
        "X-Company-User: \r\n",
        "X-Company-User: anna\r\nX-Company-User: root\r\n",
        "X-Company-User: anna, root\r\n",
        "X-Company-User: Anna\r\n",
        "X-Company_User: anna\r\n",
        "X-RStudio-Username: anna\r\n",
    ] {
        let answer = browser.ask("GET", "/auth-sign-in", &format!("Accept: text/html\r\n{headers}"), "");
        assert_eq!(answer.status, 401, "{headers}");
        assert!(!answer.body.contains("password"), "{headers}");
    }
    // From anywhere else the header says nothing.
    let elsewhere = [PROXY[0], ("portcullis.conf", "auth-proxy-from=10.0.0.0/8\n")];
    let launcher = Launcher::serving(&elsewhere, &[], &[]);
    let answer =
        launcher.browser().ask("GET", "/auth-sign-in", "Accept: text/html\r\nX-Company-User: anna\r\n", "");
    assert_eq!(answer.status, 401);
    // With a page of its own the proxy has people sign in there.
    let own =
        [("rserver.conf", "auth-proxy=1\nauth-proxy-sign-in-url=https://sso.example/in?a=b\n"), PROXY[1]];
    let answer = Launcher::serving(&own, &[], &[]).browser().open("/auth-sign-in");
    assert_eq!((answer.status, answer.header("location")), (303, "https://sso.example/in?a=b"));
}

#[test]
fn without_a_proof_only_on_this_machine() {
    let launcher = Launcher::serving(NONE, &[], &[]);
    let browser = launcher.browser();
    let signed = std::thread::scope(|scope| {
        let answer = scope.spawn(|| browser.open("/auth-sign-in"));
        let (conversation, evidence) = launcher.expect("start", started);
        assert!(matches!(evidence, Evidence::Nothing));
        let anna = person("anna", 1);
        launcher.send(ToServer::SignIn(Box::new(anna.clone())));
        launcher.send(ToServer::SignedIn { conversation, sign_in: anna.id });
        answer.join().expect("answered")
    });
    assert_eq!((signed.status, signed.header("location")), (303, "/"));
    // A name of the internet that somebody has point here.
    let port = launcher.address.port();
    let rebound = format!(
        "GET /auth-sign-in HTTP/1.1\r\nHost: evil.example:{port}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(browser.raw(&rebound).status, 401);
}
