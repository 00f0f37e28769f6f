//! What passes between a client and a session, and what does not.

use super::*;

const TOKEN: HeaderValue = HeaderValue::from_static("token T");

static HOST: HeaderValue = HeaderValue::from_static("ide.test");

static PEER: HeaderValue = HeaderValue::from_static("127.0.0.1");
static OTHERS: HeaderValue = HeaderValue::from_static("_xsrf=1");

fn edge() -> Edge<'static> {
    Edge { peer: &PEER, host: &HOST, https: true, cookies: Some(&OTHERS) }
}

#[test]
fn every_client_copy_stays_at_the_edge() {
    let mut headers = HeaderMap::new();
    for name in [
        "x-forwarded-for",
        "x-forwarded-user",
        "forwarded",
        "x-real-ip",
        "x-rstudio-request",
        "x-rs-csrf-token",
        "x-rstudiouseridentity",
        "remote-user",
        "remote_user",
        "x_forwarded_user",
        "authorization",
        "x-original-url",
        "x-rewrite-url",
        "x-http-method-override",
        "x-scheme",
        "x-auth-username",
        "x-middleware-subrequest",
        "x-postback-exitcode",
        "expect",
    ] {
        for value in ["bob", "bob, alice"] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    headers.insert("cookie", HeaderValue::from_static("portcullis=secret; _xsrf=1"));
    headers.insert("x-xsrftoken", HeaderValue::from_static("1"));
    to_session(&mut headers, edge(), &TOKEN);
    let mut left: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("ascii"))).collect();
    left.sort();
    assert_eq!(
        left,
        [
            "authorization: token T",
            "cookie: _xsrf=1",
            "host: ide.test",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: ide.test",
            "x-forwarded-proto: https",
            "x-xsrftoken: 1",
        ]
    );
}

#[test]
fn a_session_sees_no_cookie_where_only_ours_was() {
    let mut headers = HeaderMap::new();
    headers.append(COOKIE, HeaderValue::from_static("portcullis=secret"));
    headers.append(COOKIE, HeaderValue::from_static("portcullis=another"));
    to_session(&mut headers, Edge { cookies: None, ..edge() }, &TOKEN);
    assert!(!headers.contains_key(COOKIE));
}

#[test]
fn a_session_sets_neither_our_cookie_nor_our_headers() {
    let mut headers = HeaderMap::new();
    for value in [
        "_xsrf=1; Path=/s/x/",
        "portcullis=evil; Path=/",
        " __Host-portcullis=evil",
        "portcullis-stay=1",
        "portcullis",
        "=portcullis=evil; Path=/",
        " = portcullis=evil",
    ] {
        headers.append(SET_COOKIE, HeaderValue::from_static(value));
    }
    let ours = [
        "clear-site-data",
        "access-control-allow-origin",
        "service-worker-allowed",
        "server",
        "nel",
        "www-authenticate",
        "x-accel-redirect",
        "x-sendfile",
    ];
    for name in ours.into_iter().chain(["x-accel-buffering"]) {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static("*"));
    }
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("frame-ancestors 'self'"));
    let added = Header { name: "X-Site".into(), value: "a:b".into() };
    Answers::new(&FrameOrigin::None, Some("max-age=1"), &[added]).edit_session(&mut headers, true);
    let cookies: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
    assert_eq!(cookies, ["_xsrf=1; Path=/s/x/"]);
    assert!(ours.iter().all(|name| !headers.contains_key(*name)), "{headers:?}");
    assert!(headers.contains_key("x-accel-buffering"));
    assert_eq!(headers[CACHE_CONTROL], "private");
    assert_eq!(headers["x-site"], "a:b");
    assert_eq!(headers[STRICT_TRANSPORT_SECURITY], "max-age=1");
    assert_eq!(headers[X_FRAME_OPTIONS], "SAMEORIGIN");
    assert_eq!(headers.get_all(CONTENT_SECURITY_POLICY).iter().count(), 2);
}

#[test]
fn what_a_session_says_of_caching_stays() {
    let answers = Answers::new(&FrameOrigin::None, None, &[]);
    for (said, shared) in [("no-cache", false), ("Public, max-age=1", true), ("s-maxage=1", true)] {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(said));
        answers.edit_session(&mut headers, false);
        assert_eq!((&headers[CACHE_CONTROL], is_shared(&headers)), (&HeaderValue::from_static(said), shared));
    }
}

#[test]
fn our_pages_are_strict() {
    for (option, ancestors, old) in [
        (FrameOrigin::None, "'none'", Some("DENY")),
        (FrameOrigin::Same, "'self'", Some("SAMEORIGIN")),
        (FrameOrigin::Any, "*", None),
        (FrameOrigin::Hosts(vec!["a.test".into(), "b.test".into()]), "a.test b.test", None),
    ] {
        let mut headers = HeaderMap::new();
        Answers::new(&option, None, &[]).complete(&mut headers);
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().expect("ascii");
        assert!(
            policy.starts_with("default-src 'none'")
                && policy.ends_with(&format!("frame-ancestors {ancestors}"))
        );
        assert_eq!(headers.get(X_FRAME_OPTIONS).map(|value| value.to_str().expect("ascii")), old);
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}
