//! TLS and HTTP/2: the same rules, and the cookie that only TLS carries.

use std::net::TcpStream;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Stage, World, case, http2, tls, websocket};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("secure::https_signs_in_with_the_host_cookie", https),
        case("secure::tls_1_2_and_1_3_are_spoken_and_nothing_older", versions),
        case("secure::plain_http_on_the_tls_port_reaches_nothing", plain_on_tls),
        case("secure::http2_has_the_same_rules", h2),
        case("secure::websockets_work_over_http2", h2_websocket),
        case("secure::a_wrong_key_is_said_at_start", wrong_key),
    ]
}

fn running(stage: &Stage, flags: &str) -> Result<(World, Client, String)> {
    let world = stage.world().conf("rsession.conf", flags).tls()?.start()?;
    let (_, client) = world.signed_in("tls")?;
    let id = client.start_session(30)?;
    Ok((world, client, id))
}

fn https(stage: &Stage) -> Result<()> {
    let world = stage.world().tls()?.start()?;
    let account = world.account("tia")?;
    let client = world.client()?;
    let answer = client.try_sign_in(&account.name, &account.password)?.expect(303)?;
    let cookie = answer.header("set-cookie").context("no cookie")?;
    for part in ["__Host-portcullis=v1.", "Secure", "HttpOnly", "Path=/"] {
        ensure!(cookie.contains(part), "{cookie}");
    }
    ensure!(!cookie.contains("Domain"), "{cookie}");
    let home = client.request("GET", "/").header("Accept", "text/html").send()?.expect(200)?;
    ensure!(home.header("strict-transport-security").is_some(), "{:?}", home.headers);
    let id = client.start_session(30)?;
    let answer = client.get(&format!("/s/{id}/api/me"))?.expect(200)?.text();
    ensure!(answer.contains("[\"x-forwarded-proto\",\"https\"]"), "{answer}");
    let mut socket = websocket::open(&client, &format!("/s/{id}/api/events/subscribe"), &[])?;
    ensure!(websocket::echo(&mut socket, "over tls")? == "over tls", "no echo");
    // The plain name is not the TLS name.
    let other = world.client()?;
    other.set_cookie("portcullis", &client.cookie("__Host-portcullis").context("no cookie")?);
    ensure!(!other.is_signed_in()?, "a cookie of another name is taken");
    Ok(())
}

fn versions(stage: &Stage) -> Result<()> {
    let world = stage.world().tls()?.start()?;
    let certificate = world.certificate().context("no certificate")?;
    let old = Client::new_tls(world.address(), tls::client(certificate, &["http/1.1"], true)?);
    old.get("/healthz")?.expect(200)?;
    let new = Client::new_tls(world.address(), tls::client(certificate, &["http/1.1"], false)?);
    new.get("/healthz")?.expect(200)?;
    // A TLS 1.0 client hello: record header, then a hello that offers 0x0301 at most.
    let mut hello = vec![0x16, 3, 1, 0, 0x2d, 1, 0, 0, 0x29, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let mut stream = TcpStream::connect(world.address())?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10)))?;
    std::io::Write::write_all(&mut stream, &hello)?;
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut stream, &mut answer);
    ensure!(answer.is_empty() || answer[0] == 0x15, "TLS 1.0 was answered {answer:?}");
    Ok(())
}

fn plain_on_tls(stage: &Stage) -> Result<()> {
    let world = stage.world().tls()?.start()?;
    let plain = Client::new(world.address());
    let raw = format!("GET /auth-sign-in HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", plain.host());
    let text = String::from_utf8_lossy(&plain.raw(raw.as_bytes())?).into_owned();
    ensure!(!text.contains("auth-do-sign-in"), "a sign-in page without TLS: {text}");
    Ok(())
}

fn h2(stage: &Stage) -> Result<()> {
    let (world, client, id) = running(stage, "allow-file-downloads=0")?;
    let config = tls::client(world.certificate().context("no certificate")?, &["h2"], false)?;
    let cookie = client.cookie_header();
    let origin = client.origin();
    let ask = |method: &str, path: &str, headers: &[(&str, &str)]| {
        http2::request(&client, &config, method, path, headers, b"")
    };
    ask("GET", "/healthz", &[])?.expect(200)?;
    let me = ask("GET", &format!("/s/{id}/api/me"), &[("cookie", &cookie), ("x-forwarded-for", "forged")])?
        .expect(200)?;
    ensure!(!me.text().contains("forged"), "{}", me.text());
    ensure!(!me.text().contains(&cookie), "our cookie reached the IDE: {}", me.text());
    let refused = ask("GET", &format!("/s/{id}/files/a"), &[("cookie", &cookie)])?;
    ensure!(
        refused.status == 403 && refused.text().contains("allow-file-downloads"),
        "{} {}",
        refused.status,
        refused.text()
    );
    ensure!(ask("GET", &format!("/s/{id}/api/me"), &[])?.status != 200, "no cookie is needed");
    let foreign = ask("POST", "/auth-sign-out", &[("cookie", &cookie), ("origin", "https://evil.example")])?;
    ensure!(foreign.status == 403, "{}", foreign.status);
    // Cookies may come in pieces over HTTP/2.
    let split = ask("GET", &format!("/s/{id}/api/me"), &[("cookie", "a=1"), ("cookie", &cookie)])?;
    ensure!(split.status == 200, "{}", split.status);
    ask("POST", &format!("/sessions/{id}/stop"), &[("cookie", &cookie), ("origin", &origin)])?.expect(303)?;
    Ok(())
}

fn h2_websocket(stage: &Stage) -> Result<()> {
    let (world, client, id) = running(stage, "allow-shell=0")?;
    let config = tls::client(world.certificate().context("no certificate")?, &["h2"], false)?;
    let cookie = client.cookie_header();
    let origin = client.origin();
    // One whose messages are not read: a kernel's would have to be a kernel's.
    let path = format!("/s/{id}/api/events/subscribe");
    let good = [("cookie", cookie.as_str()), ("origin", origin.as_str())];
    let said = http2::websocket_echo(&client, &config, &path, &good, "over h2")?;
    ensure!(said == Ok("over h2".to_owned()), "{said:?}");
    let foreign = [("cookie", cookie.as_str()), ("origin", "https://evil.example")];
    let said = http2::websocket_echo(&client, &config, &path, &foreign, "x")?;
    ensure!(said == Err(403), "{said:?}");
    let terminal = format!("/s/{id}/terminals/websocket/1");
    let said = http2::websocket_echo(&client, &config, &terminal, &good, "x")?;
    ensure!(said == Err(403), "a terminal over HTTP/2: {said:?}");
    Ok(())
}

fn wrong_key(stage: &Stage) -> Result<()> {
    let other = tls::certificate()?;
    let world = stage.world().tls()?.build()?;
    std::fs::write(world.folder().join("tls.key"), other.key)?;
    let mut world = world;
    world.log.expect("");
    ensure!(world.launch().is_err(), "it serves with a key that does not fit");
    let lines = world.log.lines().join("\n");
    ensure!(lines.contains("key"), "the reason is not said: {lines}");
    world.abandon();
    Ok(())
}
