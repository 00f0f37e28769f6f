//! What somebody with a browser, or a program in its place, tries on the running system beyond what a person does.

use std::io::{BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Stage, case, http1, until};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("attacks::ports_of_root_and_of_others_are_out_of_reach", ports),
        case("attacks::a_body_behind_a_refusal_is_no_request", body_as_request),
        case("attacks::requests_in_one_packet_are_decided_apart", pipelined),
        case("attacks::people_who_share_a_connection_stay_apart", shared_connection),
        case("attacks::files_in_the_browser_are_no_pages_of_ours", files_are_sandboxed),
        case("attacks::nobody_reads_anything_without_a_sign_in", signed_out),
        case("attacks::what_is_typed_cannot_forge_a_log_line", log_lines),
        case("attacks::another_sign_in_in_the_same_browser_ends_the_first", second_sign_in),
    ]
}

/// Listens on a port of its own choice as this user until it is dropped.
struct Listener(Child);

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn listen_as(uid: u32) -> Result<(Listener, String)> {
    let script = "import socket,time; s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen(); \
        print(s.getsockname()[1], flush=True); time.sleep(600)";
    let mut child = Command::new("setpriv")
        .args(["--reuid", &uid.to_string(), "--clear-groups", "--", "/usr/bin/python3", "-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start a listener")?;
    let said = child.stdout.take().context("no output")?;
    let listener = Listener(child);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut BufReader::new(said), &mut line)?;
    Ok((listener, line.trim().to_owned()))
}

/// The port proxy connects as the person, so the kernel lets it; what answers would be a page of the person's own.
fn ports(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (owner, client) = world.signed_in("amy")?;
    let other = world.account("abe")?;
    let id = client.start_session(30)?;
    let session_port = world.await_audit("session-started", &[("session", &id)], 10)?["port"].to_string();
    let (_own, own_port) = listen_as(owner.uid)?;
    let (_others, others_port) = listen_as(other.uid)?;
    let (_roots, roots_port) = listen_as(0)?;
    client.get(&format!("/s/{id}/proxy/{own_port}/a"))?.expect(200)?;
    let www_port = world.address().port().to_string();
    for port in [&others_port, &roots_port, &session_port, &www_port] {
        for way in ["proxy", "proxy/absolute"] {
            let answer = client.get(&format!("/s/{id}/{way}/{port}/a"))?.expect(403)?;
            ensure!(answer.text().contains("another account"), "{port}: {}", answer.text());
        }
    }
    world.await_audit("refused", &[("session", &id), ("capability", "port-proxy")], 10)?;
    let seen = client.get(&format!("/s/{id}/api/status"))?.expect(200)?.text();
    ensure!(seen.matches("/proxy/").count() == 1, "a refused request reached the IDE: {seen}");
    Ok(())
}

/// Sends all of it in one packet; returns the statuses that come back: so many must, and another one, or the end, or silence.
fn statuses(client: &Client, bytes: &[u8], wanted: usize) -> Result<Vec<u16>> {
    let mut stream = client.connect_tcp()?;
    stream.write_all(bytes)?;
    let mut reader = BufReader::new(stream);
    let mut found = Vec::new();
    while found.len() <= wanted {
        if found.len() == wanted {
            reader.get_ref().set_read_timeout(Some(std::time::Duration::from_secs(4)))?;
        }
        let Ok(head) = http1::read_head(&mut reader) else { break };
        let length = head.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        std::io::Read::read_exact(&mut reader, &mut vec![0; length])?;
        found.push(head.status);
    }
    Ok(found)
}

fn head(client: &Client, method: &str, path: &str, more: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\n{}{more}\r\n", client.head_lines())
}

fn body_as_request(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", "allow-shell=0\n").start()?;
    let (_, client) = world.signed_in("bea")?;
    let id = client.start_session(30)?;
    let inner = head(&client, "POST", "/auth-sign-out", "Content-Length: 0\r\n");
    for path in
        [format!("/s/{id}/api/terminals"), "/sessions".into(), "/none".into(), "/auth-continue".into()]
    {
        let outer = head(
            &client,
            "POST",
            &path,
            &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", inner.len()),
        );
        let found = statuses(&client, format!("{outer}{inner}").as_bytes(), 1)?;
        ensure!(found.len() == 1 && found[0] >= 400, "{path}: {found:?}");
        ensure!(client.is_signed_in()?, "{path}: the body was taken for a request");
    }
    Ok(())
}

fn pipelined(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", "allow-shell=0\n").start()?;
    let (_, client) = world.signed_in("cai")?;
    let id = client.start_session(30)?;
    let ask = |path: &str| head(&client, "GET", &format!("/s/{id}{path}"), "");
    let together =
        [ask("/api/kernels"), ask("/api/terminals"), ask("/api/kernels"), ask("/terminals/1")].concat();
    let found = statuses(&client, together.as_bytes(), 4)?;
    ensure!(found == [200, 403, 200, 403], "{found:?}");
    Ok(())
}

fn shared_connection(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (one, ann) = world.signed_in("ann")?;
    let (other, ben) = world.signed_in("ben")?;
    let mut stream = ann.connect_tcp()?;
    let mut reader = BufReader::new(stream.try_clone()?);
    for round in 0..200 {
        let (client, mine, foreign) = match round % 3 {
            0 => (&ann, Some(&one.name), &other.name),
            1 => (&ben, Some(&other.name), &one.name),
            _ => (&ann, None, &one.name),
        };
        let cookie = mine.map_or_else(String::new, |_| format!("Cookie: {}\r\n", client.cookie_header()));
        write!(stream, "GET / HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\n{cookie}\r\n", client.host())?;
        let head = http1::read_head(&mut reader)?;
        let length = head.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        std::io::Read::read_exact(&mut reader, &mut body)?;
        let text = String::from_utf8_lossy(&body);
        ensure!(head.status == if mine.is_some() { 200 } else { 303 }, "round {round}: {}", head.status);
        ensure!(mine.is_none_or(|mine| text.contains(mine.as_str())), "round {round}");
        ensure!(!text.contains(foreign.as_str()), "round {round}: somebody else's page");
    }
    Ok(())
}

fn files_are_sandboxed(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("dee")?;
    let id = client.start_session(30)?;
    for path in ["/files/a.html", "/files/A.SVG", "/files/a", "/nbconvert/html/a.ipynb", "/files/%61.xhtml"] {
        let answer = client.request("GET", &format!("/s/{id}{path}")).header("Accept", "text/html").send()?;
        let answer = answer.expect(200)?;
        let policies: Vec<_> = answer.all("content-security-policy").collect();
        let sandboxed = policies.iter().any(|policy| {
            policy.split(';').any(|part| part.trim().starts_with("sandbox"))
                && !policy.contains("allow-same-origin")
        });
        ensure!(sandboxed, "{path}: {policies:?}");
        ensure!(answer.header("x-content-type-options") == Some("nosniff"), "{path}");
    }
    Ok(())
}

fn signed_out(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (account, client) = world.signed_in("eli")?;
    let id = client.start_session(30)?;
    let stranger = world.client()?;
    let seen = || client.get(&format!("/s/{id}/api/status"))?.expect(200).map(|answer| answer.text());
    let before = seen()?;
    for path in [
        "/".into(),
        "/sessions".into(),
        "/events".into(),
        format!("/sessions/{id}"),
        format!("/sessions/{id}/stop"),
        format!("/s/{id}"),
        format!("/s/{id}/"),
        format!("/s/{id}/api/status"),
        format!("/s/{id}/api/contents"),
        format!("/s/{id}/files/a"),
        format!("/s/{id}/static/a.js"),
        format!("/s/{id}/proxy/8080/"),
        "/%2e%2e/".into(),
        format!("/auth-sign-in/../s/{id}/api/status"),
        format!("/static/../s/{id}/api/status"),
        format!("//s/{id}/api/status"),
    ] {
        for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] {
            for accept in ["text/html", "*/*"] {
                let answer = stranger.request(method, &path).header("Accept", accept).body("").send()?;
                ensure!(answer.status >= 300, "{method} {path}: {} {}", answer.status, answer.text());
                ensure!(!answer.text().contains(&account.name), "{method} {path} names somebody");
            }
        }
    }
    ensure!(seen()? == before, "a stranger's request reached the IDE");
    Ok(())
}

fn log_lines(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("fay")?;
    let id = client.start_session(30)?;
    let forged = "x\nERROR portcullis-server: forged\r\n\u{1b}[2J\u{9b}31m\u{2028}";
    let _ = client.try_sign_in(forged, "wrong")?;
    let _ = client.get(&format!("/s/{id}/files/a%0aERROR%20forged%1b%5b2J"))?;
    let _ = client.get("/none%0aERROR%20forged")?;
    let evil = client.request("POST", "/none").header("Origin", "http://x\u{85}y");
    let _ = evil.body("").send()?;
    until::some("both are recorded", 10, || {
        let denied = world.count_audit("sign-in-denied", &[])?;
        Ok((denied > 0 && world.count_audit("refused", &[])? > 0).then_some(()))
    })?;
    for line in world.log.lines() {
        ensure!(!line.starts_with("ERROR") && !line.chars().any(char::is_control), "{line:?}");
    }
    let audit = std::fs::read_to_string(world.state_dir().join("audit/audit.jsonl"))?;
    let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{2028}';
    ensure!(!audit.contains(bad) && !audit.contains("\\u001b"), "a record holds what a terminal obeys");
    Ok(())
}

fn second_sign_in(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (first, client) = world.signed_in("gus")?;
    let stolen = client.cookie_header();
    let second = world.account("gia")?;
    client.sign_in(&second.name, &second.password)?;
    let home = client.request("GET", "/").header("Accept", "text/html").send()?.expect(200)?;
    ensure!(home.text().contains(&second.name) && !home.text().contains(&first.name), "a mixed page");
    until::some("the first sign-in is over", 10, || {
        let thief = world.client()?;
        let answer =
            thief.request("GET", "/").header("Cookie", &stolen).header("Accept", "text/html").send()?;
        Ok((answer.status == 303).then_some(()))
    })
}
