//! The same doors with the real JupyterLab: what it really sends and answers.

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Stage, World, case, kernel, process, until, websocket};
use serde_json::json;

/// A cold start while other tests run.
const START: u64 = 120;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("jupyter::open_flags_a_kernel_a_terminal_up_and_download_work", open),
        case("jupyter::closed_flags_hold_and_a_notebook_still_runs", closed),
        case("jupyter::its_pages_load_and_nothing_of_them_is_refused", pages),
        case("jupyter::stopping_ends_kernels_and_terminals", stop),
    ]
}

fn running(stage: &Stage, flags: &str, stem: &str) -> Result<(World, u32, Client, String)> {
    let world = stage.world().jupyter().conf("rsession.conf", flags).start()?;
    let (account, client) = world.signed_in(stem)?;
    let id = client.start_session(START)?;
    Ok((world, account.uid, client, id))
}

fn run_cells(client: &Client, id: &str) -> Result<()> {
    let kernel = kernel::start(client, id)?;
    for v1 in [true, false] {
        let mut socket = kernel::connect(client, id, &kernel, v1)?;
        ensure!(kernel::execute(&mut socket, v1, "1+1")? == "2", "1+1 is not 2 (v1: {v1})");
        let who = kernel::execute(&mut socket, v1, "__import__('os').getuid()")?;
        ensure!(who != "0", "the kernel runs as root");
    }
    Ok(())
}

fn open(stage: &Stage) -> Result<()> {
    let (_world, _, client, id) =
        running(stage, "allow-shell=1\nallow-file-uploads=1\nallow-file-downloads=1", "ann")?;
    run_cells(&client, &id)?;
    let at = |path: &str| format!("/s/{id}{path}");
    let made = client.request("POST", &at("/api/terminals")).json(&json!({})).send()?.expect(200)?.json()?;
    let name = made["name"].as_str().context("no terminal")?.to_owned();
    let mut socket = websocket::open(&client, &at(&format!("/terminals/websocket/{name}")), &[])?;
    socket.send(tungstenite::Message::text(json!(["stdin", "id -un; echo $((40+2))-done\n"]).to_string()))?;
    websocket::await_text(&mut socket, "42-done")?;
    let upload =
        json!({"type": "file", "format": "base64", "name": "u.bin", "path": "u.bin", "content": "AAECAw=="});
    client.request("PUT", &at("/api/contents/u.bin")).json(&upload).send()?.expect(201)?;
    let fetched = client.get(&at("/files/u.bin"))?.expect(200)?;
    ensure!(fetched.body == [0, 1, 2, 3], "{:?}", fetched.body);
    // An upload in pieces, as the user interface does above 1 MiB.
    for (chunk, content) in [(1, "AAAA"), (2, "AQEB"), (-1, "AgIC")] {
        let piece = json!({"type": "file", "format": "base64", "name": "p", "path": "p", "content": content, "chunk": chunk});
        let answer = client.request("PUT", &at("/api/contents/p")).json(&piece).send()?;
        ensure!(matches!(answer.status, 200 | 201), "{} {}", answer.status, answer.text());
    }
    ensure!(
        client.get(&at("/files/p"))?.expect(200)?.body == [0, 0, 0, 1, 1, 1, 2, 2, 2],
        "pieces do not fit"
    );
    Ok(())
}

fn closed(stage: &Stage) -> Result<()> {
    let flags = "allow-shell=0\nallow-file-uploads=0\nallow-file-downloads=0\nallow-package-installation=0\nallow-vcs=0\nallow-publish=0";
    let (_world, _, client, id) = running(stage, flags, "bob")?;
    run_cells(&client, &id)?;
    let at = |path: &str| format!("/s/{id}{path}");
    let save = json!({"type": "file", "format": "text", "path": "n.txt", "content": "text"});
    let saved = client.request("PUT", &at("/api/contents/n.txt")).json(&save).send()?;
    ensure!(saved.status == 201, "{} {}", saved.status, saved.text());
    for (method, path) in [
        ("POST", "/api/terminals"),
        ("GET", "/files/n.txt"),
        ("HEAD", "/files/n.txt"),
        ("GET", "/files/n.txt?download=1"),
        ("POST", "/lab/api/extensions"),
        ("GET", "/proxy/8888/"),
        ("GET", "/nbconvert/html/n.ipynb"),
    ] {
        let answer = client.request(method, &at(path)).json(&json!({})).send()?;
        ensure!(answer.status == 403, "{method} {path}: {} {}", answer.status, answer.text());
        if method == "POST" {
            ensure!(answer.json()?["message"].is_string(), "not in Jupyter's own form: {}", answer.text());
        }
    }
    let upload =
        json!({"type": "file", "format": "base64", "name": "u", "path": "u", "content": "AAEC", "chunk": 1});
    let answer = client.request("PUT", &at("/api/contents/u")).json(&upload).send()?;
    ensure!(answer.status == 403, "{}", answer.status);
    let socket = websocket::open(&client, &at("/terminals/websocket/1"), &[]);
    ensure!(websocket::refusal(socket)?.status == 403, "a terminal");
    // Its own switch is set as well: the second lock.
    let page = client.get(&at("/lab"))?.expect(200)?.text();
    ensure!(
        page.contains("\"terminalsAvailable\": false") || page.contains("\"terminalsAvailable\":false"),
        "{page}"
    );
    Ok(())
}

fn pages(stage: &Stage) -> Result<()> {
    let flags = "allow-shell=0\nallow-file-uploads=0\nallow-file-downloads=0";
    let (world, _, client, id) = running(stage, flags, "cat")?;
    let at = |path: &str| format!("/s/{id}{path}");
    let page = client.get(&at("/lab"))?.expect(200)?;
    let scripts: Vec<String> = page
        .text()
        .split("src=\"")
        .skip(1)
        .filter_map(|rest| Some(rest.split('"').next()?.to_owned()))
        .collect();
    ensure!(!scripts.is_empty(), "a page without scripts");
    for script in scripts {
        ensure!(script.starts_with(&at("/")), "{script} is not below the session");
        client.get(&script)?.expect(200)?;
    }
    // What an untouched tab asks for.
    for path in [
        "/api/me",
        "/api/kernels",
        "/api/sessions",
        "/api/kernelspecs",
        "/api/contents?content=1&hash=0",
        "/lab/api/workspaces",
        "/lab/api/settings",
        "/lab/api/translations/default",
        "/lab/api/workspaces/default",
    ] {
        let answer = client.get(&at(path))?;
        ensure!(answer.status < 400 || answer.status == 404, "{path}: {} {}", answer.status, answer.text());
    }
    websocket::open(&client, &at("/api/events/subscribe"), &[])?;
    ensure!(world.count_audit("refused", &[("session", &id)])? == 0, "{:?}", world.audit()?);
    Ok(())
}

fn stop(stage: &Stage) -> Result<()> {
    let (world, uid, client, id) = running(stage, "allow-shell=1", "dan")?;
    run_cells(&client, &id)?;
    let at = |path: &str| format!("/s/{id}{path}");
    client.request("POST", &at("/api/terminals")).json(&json!({})).send()?.expect(200)?;
    until::is("a shell, a kernel, the IDE and the session process run", 20, || {
        process::of_user(uid).len() >= 4
    })?;
    client
        .post(&at("").replace("/s/", "/sessions/").replace(&id, &format!("{id}/stop")), &[])?
        .expect(303)?;
    world.await_audit("session-ended", &[("session", &id), ("why", "stopped")], 40)?;
    ensure!(process::of_user(uid).is_empty(), "{:#?}", process::of_user(uid));
    Ok(())
}
