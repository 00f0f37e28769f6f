//! What passes between a browser and an IDE: our cookie and identity never leave, a client's claims never arrive, and both
//! sides agree on where a request ends.

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Stage, World, case};
use serde_json::Value;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("headers::a_clients_identity_and_forwarding_headers_never_arrive", claims_are_dropped),
        case("headers::our_cookie_stays_here_and_others_pass", cookies_are_kept_apart),
        case("headers::the_ide_cannot_set_our_cookie", foreign_set_cookie),
        case("headers::a_change_from_another_origin_is_refused", foreign_origin),
        case("headers::hop_by_hop_headers_end_at_the_proxy", hop_by_hop),
        case("headers::ambiguous_framing_is_refused", smuggling),
        case("headers::path_and_query_arrive_as_sent_and_files_in_one_spelling", target_is_kept),
        case("headers::pages_forbid_framing_scripts_and_sniffing", security_headers),
        case("headers::malformed_and_foreign_cookies_are_no_sign_in", bad_cookies),
        case("headers::head_and_options_have_no_body_and_no_side_effect", head),
    ]
}

fn running(stage: &Stage) -> Result<(World, Client, String)> {
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("hea")?;
    let id = client.start_session(30)?;
    Ok((world, client, id))
}

/// The headers that the double saw.
fn arrived(answer: &Value) -> Vec<(String, String)> {
    let pair = |pair: &Value| Some((pair[0].as_str()?.to_owned(), pair[1].as_str()?.to_owned()));
    answer["headers"].as_array().into_iter().flatten().filter_map(pair).collect()
}

fn claims_are_dropped(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    let mut request = client.request("GET", &format!("/s/{id}/api/me"));
    for name in [
        "X-Forwarded-For",
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X-Forwarded-Groups",
        "X-Forwarded-Prefix",
        "Forwarded",
        "X-Real-IP",
        "X-RStudio-Username",
        "X-RS-Anything",
        "X_Forwarded_For",
        "Remote-User",
        "X-Remote-User",
        "Proxy",
        "True-Client-IP",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-HTTP-Method-Override",
        "X-forwarded-PROTO",
        "Authorization",
    ] {
        request = request.header(name, "forged");
    }
    let headers = arrived(&request.send()?.expect(200)?.json()?);
    let forged: Vec<_> = headers.iter().filter(|(_, value)| value.contains("forged")).collect();
    ensure!(forged.is_empty(), "{forged:?}");
    let value = |name: &str| -> Vec<&str> {
        headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    };
    ensure!(value("x-forwarded-for") == ["127.0.0.1"], "{:?}", value("x-forwarded-for"));
    ensure!(value("x-forwarded-proto") == ["http"], "{:?}", value("x-forwarded-proto"));
    ensure!(value("authorization").len() == 1, "the token is not there once: {headers:?}");
    Ok(())
}

fn cookies_are_kept_apart(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    let ours = client.cookie("portcullis").context("no cookie")?;
    let cookie = format!("_xsrf=abc; portcullis={ours}; username-x=\"q r\"; portcullis-not=1");
    let answer =
        client.request("GET", &format!("/s/{id}/api/me")).header("Cookie", &cookie).send()?.expect(200)?;
    let headers = arrived(&answer.json()?);
    let cookies: Vec<_> =
        headers.iter().filter(|(name, _)| name == "cookie").map(|(_, value)| value).collect();
    ensure!(cookies.len() == 1, "{cookies:?}");
    ensure!(
        !cookies[0].contains(&ours) && !cookies[0].contains("portcullis="),
        "our cookie reached the IDE: {cookies:?}"
    );
    for part in ["_xsrf=abc", "username-x=\"q r\"", "portcullis-not=1"] {
        ensure!(cookies[0].contains(part), "{part} is missing: {cookies:?}");
    }
    Ok(())
}

fn foreign_set_cookie(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    let answer = client.get(&format!("/s/{id}/cookies"))?.expect(200)?;
    let set: Vec<_> = answer.all("set-cookie").collect();
    ensure!(set.iter().all(|cookie| !cookie.contains("stolen")), "{set:?}");
    ensure!(set.iter().any(|cookie| cookie.starts_with("own=1")), "its own cookie is lost: {set:?}");
    ensure!(client.is_signed_in()?, "the IDE signed its user out");
    Ok(())
}

fn foreign_origin(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    for (path, method) in [
        (format!("/s/{id}/api/contents/x"), "PUT"),
        (format!("/sessions/{id}/stop"), "POST"),
        ("/auth-sign-out".into(), "POST"),
        ("/sessions".into(), "POST"),
    ] {
        for (name, value) in [
            ("Origin", "https://evil.example"),
            ("Origin", "null"),
            ("Origin", "http://127.0.0.1"),
            ("Origin", ""),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
        ] {
            let answer = client.request(method, &path).bare().header(name, value).body("{}").send()?;
            ensure!(
                answer.status == 403,
                "{method} {path} with {name}: {value} was answered {}",
                answer.status
            );
        }
        let answer = client.request(method, &path).bare().body("{}").send()?;
        ensure!(answer.status == 403, "{method} {path} without an origin was answered {}", answer.status);
    }
    ensure!(client.is_signed_in()?, "signed out by another site");
    client.get(&format!("/s/{id}/api/me"))?.expect(200)?;
    Ok(())
}

fn hop_by_hop(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    let answer = client
        .request("GET", &format!("/s/{id}/api/me"))
        .header("Connection", "close, X-Private, X-Forwarded-For, Authorization, Cookie")
        .header("X-Private", "1")
        .header("Keep-Alive", "timeout=5")
        .header("TE", "trailers")
        .header("Proxy-Authorization", "Basic x")
        .header("Proxy-Connection", "keep-alive")
        .send()?
        .expect(200)?;
    let headers = arrived(&answer.json()?);
    for name in ["x-private", "keep-alive", "proxy-authorization", "proxy-connection"] {
        ensure!(headers.iter().all(|(known, _)| known != name), "{name} arrived: {headers:?}");
    }
    for name in ["x-forwarded-for", "authorization"] {
        ensure!(headers.iter().any(|(known, _)| known == name), "`Connection` took {name} away: {headers:?}");
    }
    Ok(())
}

fn smuggling(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    let head = client.head_lines();
    let inner = format!("GET /s/{id}/smuggled HTTP/1.1\r\n{head}\r\n");
    for framing in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: +5\r\n\r\nhello",
        "Content-Length: 0x5\r\n\r\nhello",
        "Content-Length: 5,5\r\n\r\nhello",
        " folded: 1\r\n\r\n",
        "X: a\nContent-Length: 0\r\n\r\n",
    ] {
        let raw = format!("POST /s/{id}/api/contents/x HTTP/1.1\r\n{head}{framing}{inner}");
        let answer = client.raw(raw.as_bytes());
        let text = answer.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let answers = text.matches("HTTP/1.1 ").count();
        ensure!(
            answers <= 1 || text.starts_with("HTTP/1.1 4"),
            "{framing:?} was answered {answers} times: {text}"
        );
    }
    let seen = client.get(&format!("/s/{id}/api/status"))?.expect(200)?.text();
    ensure!(!seen.contains("smuggled"), "a hidden request reached the IDE: {seen}");
    Ok(())
}

fn target_is_kept(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    for (path, sent_on) in [
        ("/api/contents/a%20b/%C3%A4.txt?content=1&x=%2F..%2F", None),
        ("/api/kernels/a%2Cb?x=%2C", None),
        ("/api/me?", None),
        // A file's name goes on in its one plain spelling: what was decided on is what is opened.
        ("/lab/tree/x%2Cy?reset", Some("/lab/tree/x,y?reset")),
    ] {
        let answer = client.get(&format!("/s/{id}{path}"))?;
        let answer = answer.expect(200)?.json()?;
        let target = answer["target"].as_str().unwrap_or_default().to_owned();
        ensure!(target == format!("/s/{id}{}", sent_on.unwrap_or(path)), "{path} arrived as {target}");
    }
    Ok(())
}

fn security_headers(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let client = world.client()?;
    let page = client.get("/auth-sign-in")?.expect(200)?;
    let policy = page.header("content-security-policy").context("no policy")?;
    for part in ["default-src", "frame-ancestors"] {
        ensure!(policy.contains(part), "{policy}");
    }
    ensure!(!policy.contains("unsafe-inline"), "{policy}");
    ensure!(page.header("x-content-type-options") == Some("nosniff"), "{:?}", page.headers);
    ensure!(
        page.header("cache-control").is_some_and(|value| value.contains("no-store")),
        "{:?}",
        page.headers
    );
    ensure!(
        page.header("server").is_none_or(|value| !value.contains(char::is_numeric)),
        "{:?}",
        page.headers
    );
    client.get("/healthz")?.expect(200)?;
    Ok(())
}

fn bad_cookies(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("coo")?;
    let good = client.cookie("portcullis").context("no cookie")?;
    let fields: Vec<&str> = good.split('.').collect();
    let flipped = |text: &str| {
        let other = if text.starts_with('A') { 'B' } else { 'A' };
        format!("{other}{}", &text[1..])
    };
    let bad = [
        String::new(),
        "x".into(),
        "v1".into(),
        "v1...".into(),
        format!("{good}x"),
        format!("{good}."),
        good.to_uppercase(),
        format!("v2.{}.{}.{}", fields[1], fields[2], fields[3]),
        format!("v1.{}.{}.{}", fields[1], flipped(fields[2]), fields[3]),
        format!("v1.{}.{}.{}", fields[1], fields[2], flipped(fields[3])),
        format!("v1.00000000.{}.{}", fields[2], fields[3]),
        format!("\"{good}\""),
        format!("{good}=="),
        "a".repeat(5000),
        "\u{e4}\u{f6}".into(),
    ];
    for value in bad {
        let answer = client
            .request("GET", "/")
            .header("Accept", "text/html")
            .header("Cookie", &format!("portcullis={value}"))
            .send()?;
        ensure!(matches!(answer.status, 302 | 303 | 400 | 401), "{value:?} was answered {}", answer.status);
    }
    // Two of the same name: somebody else may have set one of them.
    let twice = format!("portcullis={good}; portcullis=v1.x.y.z");
    let answer = client.request("GET", "/").header("Accept", "text/html").header("Cookie", &twice).send()?;
    ensure!(answer.status < 500, "{}", answer.status);
    ensure!(client.is_signed_in()?, "the good one no longer works");
    Ok(())
}

fn head(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    for path in ["/", &format!("/s/{id}/files/bytes-1000")] {
        let answer = client.request("HEAD", path).header("Accept", "text/html").send()?;
        ensure!(answer.status == 200 && answer.body.is_empty(), "{path}: {}", answer.status);
    }
    for path in ["/sessions", "/auth-sign-out", &format!("/sessions/{id}/stop")] {
        for method in ["HEAD", "OPTIONS", "GET"] {
            client.request(method, path).send()?;
        }
    }
    ensure!(client.is_signed_in()?, "signed out by a request that changes nothing");
    client.get(&format!("/s/{id}/api/me"))?.expect(200)?;
    Ok(())
}
