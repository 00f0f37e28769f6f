//! WebSockets and streams: checked like any request, carried unchanged, cut when the right to them ends.

use std::io::BufRead;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Stage, World, case, http1, until, websocket};
use tungstenite::Message;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("sockets::messages_of_all_sizes_come_back", echo),
        case("sockets::another_origin_is_refused", foreign_origin),
        case("sockets::nobody_without_a_sign_in_gets_one", no_cookie),
        case("sockets::signing_out_cuts_them_within_a_second", sign_out_cuts),
        case("sockets::stopping_the_session_cuts_them", stop_cuts),
        case("sockets::compression_is_not_negotiated", no_compression),
        case("sockets::nothing_is_sent_on_before_101", nothing_early),
        case("sockets::events_pass_unbuffered_and_are_cut_too", events),
        case("sockets::the_subprotocol_is_negotiated_by_the_ide", subprotocol),
    ]
}

fn running(stage: &Stage) -> Result<(World, Client, String)> {
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("soc")?;
    let id = client.start_session(30)?;
    Ok((world, client, id))
}

fn path(id: &str) -> String {
    format!("/s/{id}/api/kernels/0b5cbc30-0000-4000-8000-000000000000/channels?session_id=1")
}

fn echo(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    let mut socket = websocket::open(&client, &path(&id), &[])?;
    for size in [0, 1, 125, 126, 65_535, 65_536, 1_000_000] {
        let payload: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect();
        socket.send(Message::binary(payload.clone()))?;
        loop {
            match socket.read()? {
                Message::Binary(bytes) => {
                    ensure!(bytes == payload, "{size} bytes came back changed");
                    break;
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => anyhow::bail!("{size} bytes came back as {other:?}"),
            }
        }
    }
    ensure!(websocket::echo(&mut socket, "grüße")? == "grüße", "a text came back changed");
    Ok(())
}

fn foreign_origin(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    let host = format!("http://{}", client.host());
    for origin in ["https://evil.example", "null", "http://127.0.0.1", &format!("{host}.evil.example"), ""] {
        let answer = websocket::refusal(websocket::open(&client, &path(&id), &[("Origin", origin)]))?;
        ensure!(answer.status == 403, "Origin {origin:?} was answered {}", answer.status);
    }
    Ok(())
}

fn no_cookie(stage: &Stage) -> Result<()> {
    let (world, client, id) = running(stage)?;
    for cookie in ["", "portcullis=v1.x.y.z"] {
        let answer = websocket::refusal(websocket::open(&client, &path(&id), &[("Cookie", cookie)]))?;
        ensure!(matches!(answer.status, 401 | 403), "{cookie:?} was answered {}", answer.status);
    }
    let (_, other) = world.signed_in("sob")?;
    let answer = websocket::refusal(websocket::open(&other, &path(&id), &[]))?;
    ensure!(answer.status == 404, "another person's socket was answered {}", answer.status);
    Ok(())
}

fn sign_out_cuts(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let mut socket = websocket::open(&client, &path(&id), &[])?;
        websocket::echo(&mut socket, "x")?;
        sockets.push(socket);
    }
    let since = Instant::now();
    client.post("/auth-sign-out", &[])?;
    for socket in &mut sockets {
        let (code, _) = websocket::await_close(socket)?;
        ensure!(since.elapsed() < until::promised(Duration::from_secs(1)), "cut after {:?}", since.elapsed());
        ensure!(code.is_none_or(|code| code == 1008), "close code {code:?}");
    }
    Ok(())
}

fn stop_cuts(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    let mut socket = websocket::open(&client, &path(&id), &[])?;
    websocket::echo(&mut socket, "x")?;
    client.post(&format!("/sessions/{id}/stop"), &[])?;
    websocket::await_close(&mut socket)?;
    Ok(())
}

fn no_compression(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    let extension = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits");
    let mut socket = websocket::open(&client, &path(&id), &[extension])?;
    ensure!(websocket::echo(&mut socket, "plain")? == "plain", "no echo");
    let seen = client.get(&format!("/s/{id}/api/me"))?.expect(200)?.text();
    ensure!(!seen.contains("permessage-deflate"), "{seen}");
    Ok(())
}

fn nothing_early(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    // An upgrade to something else than a WebSocket, with a request behind it.
    let head = client.head_lines();
    let inner = format!("GET /s/{id}/smuggled HTTP/1.1\r\n{head}\r\n");
    for upgrade in ["h2c", "tls/1.0", "websocket2"] {
        let raw = format!(
            "GET /s/{id}/api/me HTTP/1.1\r\n{head}Connection: Upgrade, close\r\nUpgrade: {upgrade}\r\n\r\n{inner}"
        );
        let text = String::from_utf8_lossy(&client.raw(raw.as_bytes())?).into_owned();
        ensure!(!text.contains("101 Switching"), "{upgrade}: {text}");
    }
    // No key, wrong version, wrong method: no socket.
    for (line, rest) in [
        ("GET", "Sec-WebSocket-Version: 13\r\n"),
        (
            "POST",
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 0\r\n",
        ),
    ] {
        let raw = format!(
            "{line} {} HTTP/1.1\r\n{head}Connection: Upgrade\r\nUpgrade: websocket\r\n{rest}\r\n{inner}",
            path(&id)
        );
        let text = client
            .raw(raw.as_bytes())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default();
        ensure!(!text.contains("101 Switching"), "{line} {rest}: {text}");
    }
    let seen = client.get(&format!("/s/{id}/api/status"))?.expect(200)?.text();
    ensure!(!seen.contains("smuggled"), "{seen}");
    Ok(())
}

fn events(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    let mut stream = client.connect()?;
    let head = [
        ("Host".to_owned(), client.host().to_owned()),
        ("Cookie".to_owned(), client.cookie_header()),
        ("Accept".to_owned(), "text/event-stream".to_owned()),
    ];
    http1::send(&mut stream, "GET", &format!("/s/{id}/sse"), &head, None)?;
    let mut reader = std::io::BufReader::new(stream);
    let answer = http1::read_head(&mut reader)?;
    ensure!(answer.status == 200, "{}", answer.status);
    let mut line = String::new();
    let mut last = Instant::now();
    for at in 1..=5 {
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            if line.contains(&format!("data: {at}")) {
                break;
            }
        }
        let passed = last.elapsed();
        ensure!(passed < until::promised(Duration::from_secs(1)), "event {at} was held back for {passed:?}");
        last = Instant::now();
    }
    client.post("/auth-sign-out", &[])?;
    let cut = Instant::now();
    while reader.read_line(&mut line).context("a hard end").unwrap_or(0) > 0 {
        ensure!(cut.elapsed() < until::promised(Duration::from_secs(2)), "events go on after signing out");
    }
    Ok(())
}

fn subprotocol(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage)?;
    let mut socket = websocket::open(
        &client,
        &path(&id),
        &[("Sec-WebSocket-Protocol", "v1.kernel.websocket.jupyter.org")],
    )?;
    ensure!(websocket::echo(&mut socket, "x")? == "x", "no echo");
    Ok(())
}
