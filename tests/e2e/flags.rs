//! Every door to each flag, through the real proxy: refused with its reason when the flag is 0, open when it is 1.

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Response, Stage, World, case, websocket};
use serde_json::json;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("flags::terminals_are_closed_at_every_door", shell),
        case("flags::downloads_are_closed_at_every_door", downloads),
        case("flags::uploads_are_closed_and_saving_is_not", uploads),
        case("flags::packages_are_closed", packages),
        case("flags::version_control_is_closed", vcs),
        case("flags::publishing_is_closed", publish),
        case("flags::a_large_upload_is_cut_by_its_limit", upload_limit),
        case("flags::only_the_listed_folders_are_seen", directories),
        case("flags::an_unknown_route_is_refused_when_any_flag_restricts", unknown_route),
        case("flags::spellings_of_a_closed_door_stay_closed", spellings),
        case("flags::a_profile_restricts_its_users_only", profiles),
        case("flags::transfers_are_in_the_audit_log", transfers),
        case("flags::the_home_page_says_what_is_restricted_and_where", home_page),
    ]
}

fn running(stage: &Stage, flags: &str, stem: &str) -> Result<(World, Client, String)> {
    let world = stage.world().conf("rsession.conf", flags).start()?;
    let (_, client) = world.signed_in(stem)?;
    let id = client.start_session(30)?;
    Ok((world, client, id))
}

/// Method, path below the session, JSON body.
type Door<'a> = (&'a str, &'a str, Option<serde_json::Value>);

fn knock(client: &Client, id: &str, door: &Door<'_>) -> Result<Response> {
    let (method, path, body) = door;
    let request = client.request(method, &format!("/s/{id}{path}"));
    match body {
        Some(body) => request.json(body).send(),
        None if matches!(*method, "GET" | "HEAD" | "OPTIONS") => request.send(),
        None => request.body("").send(),
    }
}

/// What the double has seen so far.
fn seen(client: &Client, id: &str) -> Result<Vec<String>> {
    let status = client.get(&format!("/s/{id}/api/status"))?.expect(200)?.json()?;
    let seen = status["seen"].as_array().context("no list")?;
    Ok(seen.iter().filter_map(|line| line.as_str().map(str::to_owned)).collect())
}

fn all_closed(world: &World, client: &Client, id: &str, flag: &str, doors: &[Door<'_>]) -> Result<()> {
    let before = seen(client, id)?.len();
    for door in doors {
        let answer = knock(client, id, door)?;
        ensure!(
            answer.status == 403,
            "{} {} was answered {}: {}",
            door.0,
            door.1,
            answer.status,
            answer.text()
        );
        if door.0 != "HEAD" {
            ensure!(
                answer.text().contains(flag),
                "{} {} does not name {flag}: {}",
                door.0,
                door.1,
                answer.text()
            );
        }
    }
    ensure!(seen(client, id)?.len() == before, "a refused request reached the IDE: {:?}", seen(client, id)?);
    let record = world.await_audit("refused", &[("session", id)], 10)?;
    ensure!(record["rule"].as_str().is_some_and(|rule| rule.contains(flag)), "{record}");
    Ok(())
}

fn all_open(client: &Client, id: &str, doors: &[Door<'_>]) -> Result<()> {
    for door in doors {
        let answer = knock(client, id, door)?;
        ensure!(
            answer.status < 300,
            "{} {} was answered {}: {}",
            door.0,
            door.1,
            answer.status,
            answer.text()
        );
    }
    Ok(())
}

fn shell(stage: &Stage) -> Result<()> {
    let doors: &[Door<'_>] = &[
        ("POST", "/api/terminals", Some(json!({}))),
        ("GET", "/api/terminals/1", None),
        ("DELETE", "/api/terminals/1", None),
        ("GET", "/terminals/1", None),
        ("GET", "/terminals/websocket/1", None),
        ("HEAD", "/terminals/1", None),
    ];
    let (world, client, id) = running(stage, "allow-shell=0", "ann")?;
    all_closed(&world, &client, &id, "allow-shell", doors)?;
    let socket = websocket::open(&client, &format!("/s/{id}/terminals/websocket/1"), &[]);
    let refused = websocket::refusal(socket)?;
    ensure!(refused.status == 403 && refused.text().contains("allow-shell"), "{refused:?}");
    drop(world);
    let (_world, client, id) = running(stage, "allow-shell=1", "ann")?;
    all_open(&client, &id, &[doors[0].clone(), doors[1].clone()])?;
    let mut socket = websocket::open(&client, &format!("/s/{id}/terminals/websocket/1"), &[])?;
    ensure!(websocket::echo(&mut socket, "[\"stdin\",\"x\"]")? == "[\"stdin\",\"x\"]", "no echo");
    Ok(())
}

fn downloads(stage: &Stage) -> Result<()> {
    let doors: &[Door<'_>] = &[
        ("GET", "/files/bytes-10", None),
        ("HEAD", "/files/bytes-10", None),
        ("GET", "/files/a/b.txt?download=1", None),
        ("GET", "/nbconvert/html/a.ipynb?download=true", None),
        ("POST", "/nbconvert/html", Some(json!({"content": {}}))),
        ("GET", "/api/contents/a.bin?type=file&content=1&format=base64", None),
    ];
    let (world, client, id) = running(stage, "allow-file-downloads=0", "bea")?;
    all_closed(&world, &client, &id, "allow-file-downloads", doors)?;
    // Opening a text file in the editor is no download.
    client.get(&format!("/s/{id}/api/contents/a.txt?type=file&content=1&format=text"))?.expect(200)?;
    drop(world);
    let (_world, client, id) = running(stage, "allow-file-downloads=1", "bea")?;
    all_open(&client, &id, doors)
}

fn uploads(stage: &Stage) -> Result<()> {
    let upload =
        json!({"type": "file", "format": "base64", "name": "u.bin", "path": "u.bin", "content": "AAEC"});
    let chunk =
        json!({"type": "file", "format": "base64", "name": "u", "path": "u", "content": "AA==", "chunk": 1});
    let doors: &[Door<'_>] =
        &[("PUT", "/api/contents/u.bin", Some(upload)), ("PUT", "/api/contents/u", Some(chunk))];
    let (world, client, id) = running(stage, "allow-file-uploads=0", "cat")?;
    all_closed(&world, &client, &id, "allow-file-uploads", doors)?;
    let save = json!({"type": "file", "format": "text", "path": "a.txt", "content": "text"});
    let saved = knock(&client, &id, &("PUT", "/api/contents/a.txt", Some(save)))?;
    ensure!(saved.status == 201, "saving a text is refused: {} {}", saved.status, saved.text());
    drop(world);
    let (_world, client, id) = running(stage, "allow-file-uploads=1", "cat")?;
    all_open(&client, &id, doors)
}

fn packages(stage: &Stage) -> Result<()> {
    let doors: &[Door<'_>] = &[
        ("POST", "/lab/api/extensions", Some(json!({"cmd": "install", "extension_name": "x"}))),
        ("POST", "/lab/api/plugins", Some(json!({"cmd": "enable", "plugin_name": "x"}))),
    ];
    let (world, client, id) = running(stage, "allow-package-installation=0", "dot")?;
    all_closed(&world, &client, &id, "allow-package-installation", doors)?;
    drop(world);
    let (_world, client, id) = running(stage, "allow-package-installation=1", "dot")?;
    all_open(&client, &id, doors)
}

fn vcs(stage: &Stage) -> Result<()> {
    let doors: &[Door<'_>] = &[
        ("POST", "/git/status", Some(json!({}))),
        ("POST", "/git/a/b/clone", Some(json!({}))),
        ("POST", "/git/content", Some(json!({}))),
    ];
    let (world, client, id) = running(stage, "allow-vcs=0", "eva")?;
    all_closed(&world, &client, &id, "allow-vcs", doors)?;
    drop(world);
    let (_world, client, id) = running(stage, "allow-vcs=1", "eva")?;
    all_open(&client, &id, doors)
}

fn publish(stage: &Stage) -> Result<()> {
    let doors: &[Door<'_>] = &[("POST", "/git/push", Some(json!({})))];
    let (world, client, id) = running(stage, "allow-publish=0", "fay")?;
    all_closed(&world, &client, &id, "allow-publish", doors)?;
    drop(world);
    let (_world, client, id) = running(stage, "allow-publish=1", "fay")?;
    all_open(&client, &id, doors)
}

fn upload_limit(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage, "limit-file-upload-size-mb=1", "gil")?;
    let body = |bytes: usize| {
        let content = "A".repeat(bytes);
        json!({"type": "file", "format": "base64", "name": "u", "path": "u", "content": content})
    };
    let small = knock(&client, &id, &("PUT", "/api/contents/u", Some(body(100_000))))?;
    ensure!(small.status == 201, "{} {}", small.status, small.text());
    let large = knock(&client, &id, &("PUT", "/api/contents/u", Some(body(3_000_000))))?;
    ensure!(matches!(large.status, 403 | 413), "{} {}", large.status, large.text());
    ensure!(large.text().contains("limit-file-upload-size-mb"), "{}", large.text());
    Ok(())
}

fn directories(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .conf("rsession.conf", "restrict-directory-view=1\ndirectory-view-allow-list=/usr/share")
        .start()?;
    let (account, client) = world.signed_in("hue")?;
    std::os::unix::fs::symlink("/etc", account.home.join("away"))?;
    std::os::unix::fs::symlink("/usr/share", account.home.join("shared"))?;
    std::fs::create_dir(account.home.join("inside"))?;
    let id = client.start_session(30)?;
    for path in
        ["/api/contents", "/api/contents/inside", "/api/contents/shared/doc", "/api/contents/inside/new.txt"]
    {
        let answer = client.get(&format!("/s/{id}{path}?content=1"))?;
        ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.text());
    }
    for path in [
        "/api/contents/away/passwd",
        "/api/contents/away",
        "/files/away/passwd",
        "/api/contents/%61way/passwd",
        "/nbconvert/html/away/x.ipynb",
        "/api/contents/inside/../away/passwd",
        "/api/contents/inside/%2e%2e/away/passwd",
        "/api/contents/..",
        "/api/contents/../../etc/passwd",
    ] {
        let answer = client.get(&format!("/s/{id}{path}?content=1"))?;
        ensure!(matches!(answer.status, 400 | 403 | 404), "{path}: {} {}", answer.status, answer.text());
    }
    let seen = seen(&client, &id)?;
    ensure!(!seen.iter().any(|line| line.contains("passwd")), "the IDE was asked for it: {seen:?}");
    Ok(())
}

fn unknown_route(stage: &Stage) -> Result<()> {
    let (world, client, id) = running(stage, "allow-shell=0", "ida")?;
    let answer = client.get(&format!("/s/{id}/some/new/door"))?;
    ensure!(answer.status == 403, "{} {}", answer.status, answer.text());
    let what = "GET /some/new/door";
    let record = world.await_audit("refused", &[("session", &id), ("capability", "unknown")], 10)?;
    ensure!(
        record["what"].as_str().is_some_and(|said| said.contains("/some/new/door")),
        "not {what}: {record}"
    );
    drop(world);
    let (_world, client, id) = running(stage, "allow-shell=1", "ida")?;
    client.get(&format!("/s/{id}/some/new/door"))?.expect(200)?;
    Ok(())
}

fn spellings(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage, "allow-shell=0\nallow-file-downloads=0", "jan")?;
    for path in [
        "/%74erminals/1",
        "//terminals/1",
        "/./terminals/1",
        "/x/../terminals/1",
        "/terminals%2f1",
        "/TERMINALS/1",
        "/terminals;x/1",
        "/api//terminals",
        "/api/terminals/",
        "/api/%74erminals",
        "/files%2fa",
        "/Files/a",
        "/files//a",
        "/files/..%2ffiles/a",
        "/lab/../files/a",
        "/%66iles/a",
        "/files\\a",
        "/api/terminals?x=/lab",
    ] {
        let answer = client.get(&format!("/s/{id}{path}"))?;
        ensure!(matches!(answer.status, 400 | 403 | 404), "{path}: {} {}", answer.status, answer.text());
    }
    let seen = seen(&client, &id)?;
    ensure!(
        !seen.iter().any(|line| line.contains("erminal") || line.contains("iles")),
        "the IDE saw {seen:?}"
    );
    // HTTP/1.0 is a door too.
    let raw = format!(
        "GET /s/{id}/files/a HTTP/1.0\r\nHost: {}\r\nCookie: {}\r\n\r\n",
        client.host(),
        client.cookie_header()
    );
    let answer = String::from_utf8_lossy(&client.raw(raw.as_bytes())?).into_owned();
    ensure!(answer.contains(" 403 "), "HTTP/1.0: {answer}");
    Ok(())
}

fn profiles(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let free = world.account("kai")?;
    let bound = world.account("kim")?;
    drop(world);
    let world = stage
        .world()
        .file("profiles", &format!("[*]\nsession-limit=5\n\n[{}]\nsession-limit=1\n", bound.name))
        .start()?;
    for (account, limit) in [(&free, 2), (&bound, 1)] {
        let client = world.client()?;
        client.sign_in(&account.name, &account.password)?;
        for _ in 0..limit {
            client.start_session(30)?;
        }
        if limit == 1 {
            let answer = client.post("/sessions", &[("ide", "jupyter")])?;
            let text = match answer.header("location").map(str::to_owned) {
                Some(to) => client.request("GET", &to).header("Accept", "text/html").send()?.text(),
                None => answer.text(),
            };
            ensure!(text.contains("session-limit") || text.contains("Nothing was started"), "{text}");
        }
    }
    Ok(())
}

fn transfers(stage: &Stage) -> Result<()> {
    let (world, client, id) = running(stage, "allow-shell=1", "leo")?;
    let sum = |bytes: &[u8]| {
        let mut digest = portcullis_model::ledger::Digest::new();
        digest.update(bytes);
        digest.finish().hex()
    };
    let recorded = |fields: &[(&str, &str)]| {
        let all = [&[("session", id.as_str())], fields].concat();
        world.await_audit("transfer", &all, 10)
    };
    let upload = |path: &str, body: serde_json::Value| {
        knock(&client, &id, &("PUT", &format!("/api/contents/{path}"), Some(body)))?.expect(201).map(drop)
    };
    client.get(&format!("/s/{id}/files/bytes-12345"))?.expect(200)?;
    let zeros = sum(&[0; 12345]);
    let fields = [("direction", "download"), ("bytes", "12345"), ("complete", "true"), ("hashed", "file")];
    let record = recorded(&[&fields[..], &[("sha256", zeros.as_str())]].concat())?;
    ensure!(record["path"].as_str().is_some_and(|path| path.contains("bytes-12345")), "{record}");
    upload(
        "u.bin",
        json!({"type": "file", "format": "base64", "name": "u.bin", "path": "u.bin", "content": "AAEC"}),
    )?;
    let three = sum(&[0, 1, 2]);
    recorded(&[
        ("path", "u.bin"),
        ("bytes", "3"),
        ("complete", "true"),
        ("hashed", "file"),
        ("sha256", &three),
    ])?;
    // Larger than what is held to be judged: read as it passes.
    let large = "AAEC".repeat(1_000_000);
    upload("large.bin", json!({"type": "file", "name": "large.bin", "content": large, "format": "base64"}))?;
    let whole = sum(&[0, 1, 2].repeat(1_000_000));
    recorded(&[("path", "large.bin"), ("bytes", "3000000"), ("hashed", "file"), ("sha256", &whole)])?;
    // A file in pieces is one record.
    for (number, content) in [(1, "aGVsbG8="), (2, "IA=="), (-1, "d29ybGQ=")] {
        let piece =
            json!({"type": "file", "format": "base64", "name": "p", "content": content, "chunk": number});
        upload("p.txt", piece)?;
    }
    let hello = sum(b"hello world");
    recorded(&[("path", "p.txt"), ("bytes", "11"), ("complete", "true"), ("range", ""), ("sha256", &hello)])?;
    ensure!(world.count_audit("transfer", &[("path", "p.txt")])? == 1, "a record for each piece");
    // What can't be told from its frame says so.
    let notebook = json!({"type": "notebook", "format": "json", "name": "n.ipynb", "content": {"cells": []}});
    upload("n.ipynb", notebook)?;
    recorded(&[("path", "n.ipynb"), ("hashed", "body")])?;
    Ok(())
}

fn home_page(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", "allow-shell=0").start()?;
    let (_, client) = world.signed_in("mia")?;
    let text = client.request("GET", "/").header("Accept", "text/html").send()?.expect(200)?.text();
    ensure!(text.contains("allow-shell=0"), "{text}");
    ensure!(text.contains("rsession.conf"), "the place is not named: {text}");
    Ok(())
}
