//! A session of RStudio from its start to its end: the page, typing, ports, suspending.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use portcullis_testing::{Stage, process, until, websocket};
use serde_json::json;

use super::{Rstudio, running, running_in};
use crate::operations::{exits, portcullis, said};

pub(super) fn works(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-shell=1", "ann")?;
    let second = ide.client.post("/sessions", &[("ide", "rstudio")])?.expect(403)?.text();
    ensure!(second.contains("one state for each person"), "{second}");
    let page = ide.get("/")?.expect(200)?.text();
    ensure!(page.contains("rstudio/rstudio.nocache.js") && page.contains("name=\"rs-csrf-token\""), "{page}");
    ensure!(ide.get("/rstudio/rstudio.nocache.js")?.expect(200)?.text() == "start();\n", "its script");
    let init = ide.init()?;
    ensure!(init["userIdentity"] == ide.user.as_str(), "{init}");
    ensure!(init["request"].as_str().is_some_and(|url| url.contains(&ide.at("/rpc/client_init"))), "{init}");
    ensure!(init["root_path"] == ide.at("").as_str(), "{init}");
    ensure!(init["authorization"] == "", "nothing of another IDE's: {init}");
    // The newest client counts: the first poll of the older one ends.
    let old = ide.call_at("/events/get_events", &ide.body("get_events", &json!([-1])))?;
    ensure!(old["error"]["code"] == 4, "{old}");
    let ide = Rstudio { page: init["clientId"].as_str().context("no id")?.to_owned(), ..ide };
    ensure!(ide.call("console_input", &json!(["1+1", "", 0]))?["result"].is_null(), "it is taken");
    let events = ide.call_at("/events/get_events", &ide.body("get_events", &json!([-1])))?;
    let told: Vec<_> = events["result"].as_array().context("no events")?.iter().collect();
    ensure!(told.iter().any(|event| event["data"]["text"] == "ran 1+1"), "{events}");
    let last = told.last().context("no event")?["id"].clone();
    let waited = ide.call_at("/events/get_events", &ide.body("get_events", &json!([last])))?;
    ensure!(waited["result"].as_array().is_some_and(Vec::is_empty), "a long poll that ends empty: {waited}");
    // A terminal through the page's own address for its port.
    let terminal = ide.call("start_terminal", &json!([{"handle": "", "caption": "1", "cwd": "~"}]))?;
    let channel = terminal["result"]["channel_id"].as_str().context("no channel")?;
    let mut socket = websocket::open(&ide.client, &ide.at(&format!("/p/{channel}/terminal/0123ABCD/")), &[])?;
    let said = websocket::echo(&mut socket, "aid -un")?;
    ensure!(said == format!("a{}\n", ide.user), "{said}");
    ensure!(websocket::echo(&mut socket, "b")? == "b", "kept alive");
    ide.client.request("POST", &ide.at("/rpc/stat")).json(&json!({})).bare().send()?.expect(403)?;
    Ok(())
}

pub(super) fn suspends(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-shell=1", "max")?;
    let state = ide.home.join(".local/share/rstudio/suspended-session-data");
    ide.client.post(&format!("/sessions/{}/stop", ide.id), &[])?;
    until::is("its state is on disk", 30, || state.exists())?;
    let Rstudio { world, client, user, home, .. } = ide;
    until::is("it is gone", 30, || {
        world.count_audit("session-ended", &[("user", &user)]).is_ok_and(|n| n > 0)
    })?;
    let id = client.open_session_of("rstudio")?;
    client.await_running(&id, 30)?;
    let ide = Rstudio { world, client, id, user, home, page: String::new() };
    ensure!(ide.init()?["resumed"] == true, "it resumed");
    ensure!(!state.exists(), "once");
    // By itself, when it is told so by a signal or from its page.
    let pid = ide.world.ide_process(&ide.id)?.pid;
    process::signal(pid, Signal::SIGUSR1)?;
    until::is("it suspended", 30, || state.exists())?;
    ide.world.await_audit("session-ended", &[("session", &ide.id)], 30)?;
    Ok(())
}

/// One that was asked to suspend and went on is ended like any other.
pub(super) fn goes_on(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .rsession(&["--double-stubborn"])
        .conf("portcullis.conf", "session-end-seconds=1")
        .start()?;
    let (account, client) = world.signed_in("uma")?;
    let asked = || -> Result<String> {
        let id = client.open_session_of("rstudio")?;
        client.await_running(&id, 30)?;
        let output = portcullis(&world, &["session", "suspend", &id]).output()?;
        ensure!(said(&output).contains("goes on: something runs in it"), "{output:?}");
        Ok(id)
    };
    let id = asked()?;
    let begun = Instant::now();
    exits(&world, &["revoke", &account.name], 0)?;
    until::is("nothing of theirs runs", 10, || process::of_user(account.uid).is_empty())?;
    ensure!(begun.elapsed() < until::promised(Duration::from_secs(4)), "revoked after {:?}", begun.elapsed());
    world.await_audit("session-ended", &[("session", &id), ("why", "revoked")], 5)?;

    client.sign_in(&account.name, &account.password)?;
    let id = asked()?;
    let begun = Instant::now();
    client.post(&format!("/sessions/{id}/stop"), &[])?;
    world.await_audit("session-ended", &[("session", &id), ("why", "stopped")], 30)?;
    // Its second is over, and not the twenty of lost patience behind it.
    ensure!(begun.elapsed() < Duration::from_secs(18), "stopped after {:?}", begun.elapsed());

    // Its owner is back, and ends it some time later: not because it was asked.
    let id = asked()?;
    client.post(&format!("/sessions/{id}/stay"), &[])?;
    let ide = Rstudio { world, client, id, user: account.name, home: PathBuf::new(), page: String::new() };
    let page = ide.init()?["clientId"].as_str().context("no client id")?.to_owned();
    let ide = Rstudio { page, ..ide };
    let body = ide.body("quit_session", &json!([false, "", null, ""]));
    ide.client.request("POST", &ide.at("/rpc/quit_session")).json(&body).send()?;
    let ended = ide.world.await_audit("session-ended", &[("session", &ide.id)], 30)?;
    ensure!(ended["suspended"] == false, "{ended}");
    ensure!(ide.world.count_audit("process-lost", &[])? == 0, "a keeper was lost");
    Ok(())
}

pub(super) fn console(stage: &Stage) -> Result<()> {
    let world = stage.world().rsession(&[]).conf("rserver.conf", "audit-r-console=input").start()?;
    let ide = running_in(world, "ned")?;
    ide.call("console_input", &json!(["secret_plan <- 42", "", 0]))?;
    let terminal = ide.call("start_terminal", &json!([{}]))?;
    let channel = terminal["result"]["channel_id"].as_str().context("no channel")?;
    let mut socket = websocket::open(&ide.client, &ide.at(&format!("/p/{channel}/terminal/0123ABCD/")), &[])?;
    websocket::echo(&mut socket, "aecho typed\r")?;
    for text in ["secret_plan <- 42", "echo typed"] {
        until::is("it is in the audit log", 20, || {
            ide.world.audit().is_ok_and(|records| {
                records.iter().any(|record| {
                    record["event"] == "console"
                        && record["text"].as_str().is_some_and(|said| said.contains(text))
                })
            })
        })?;
    }
    Ok(())
}

pub(super) fn ends(stage: &Stage) -> Result<()> {
    let world = stage.world().rsession(&["--double-exit=7"]).start()?;
    let (_, client) = world.signed_in("oda")?;
    let id = client.open_session_of("rstudio")?;
    ensure!(client.await_running(&id, 30).is_err(), "it ran");
    let page = client.request("GET", &format!("/sessions/{id}")).header("Accept", "text/html").send()?.text();
    ensure!(page.contains("ends as it was told"), "{page}");
    drop(world);
    let ide = running(stage, "allow-shell=1", "oda")?;
    // Its end may be known before its last answer was read: then the answer is that it is over.
    let body = ide.body("quit_session", &json!([false, "", null, ""]));
    let answer = ide.client.request("POST", &ide.at("/rpc/quit_session")).json(&body).send()?;
    ensure!(matches!(answer.status, 200 | 410), "{answer:?}");
    ide.world.await_audit("session-ended", &[("session", &ide.id)], 30)?;
    ensure!(
        !Path::new(&ide.home).join(".local/share/rstudio/suspended-session-data").exists(),
        "nothing is kept"
    );
    Ok(())
}

pub(super) fn page(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-shell=1", "lea")?;
    let script = ide.get("/rstudio/0123.cache.js")?.expect(200)?;
    ensure!(script.header("cache-control").is_some_and(|said| said.contains("immutable")), "{script:?}");
    for bad in [
        "/rstudio/../secret.txt",
        "/rstudio/%2e%2e/secret.txt",
        "/rstudio/..%2fsecret.txt",
        "/rstudio/..%5csecret.txt",
        "/css/../../secret.txt",
        "/rstudio/",
        "/rstudio",
        "/css//etc/passwd",
        "/secret.txt",
        "/index.htm/",
        "/bin/rsession",
    ] {
        let answer = ide.get(bad)?;
        ensure!(
            !answer.text().contains("outside") && !answer.text().contains("root:"),
            "{bad}: {}",
            answer.text()
        );
        ensure!(answer.status != 200 || answer.text().contains("rs-csrf-token"), "{bad}: {}", answer.status);
    }
    // Nobody else gets it.
    let stranger = ide.world.client()?;
    ensure!(stranger.get(&ide.at("/"))?.status != 200, "a stranger");
    let etag = ide.get("/css/icons.css")?.header("etag").context("no mark")?.to_owned();
    ide.client
        .request("GET", &ide.at("/css/icons.css"))
        .header("If-None-Match", &etag)
        .send()?
        .expect(304)?;
    Ok(())
}

pub(super) fn ports(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-shell=1", "kim")?;
    // Root's program on a port: reached without Portcullis by anybody, through it by nobody but its owner.
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = u64::from(listener.local_addr()?.port());
    let name = format!("{:08x}", (port * 8854 % 65535 * 0x6396) ^ 0x2fb3_2008);
    let answer = ide.get(&format!("/p/{name}/"))?;
    ensure!(answer.status == 403 && answer.text().contains("another account"), "{}", answer.text());
    drop(listener);
    ide.get(&format!("/p/{name}/"))?.expect(502)?;
    // The person's own terminal's port is the person's own.
    let terminal = ide.call("start_terminal", &json!([{}]))?;
    let channel = terminal["result"]["channel_id"].as_str().context("no channel")?;
    let answer = ide.get(&format!("/p/{channel}/x"))?;
    ensure!(answer.status != 403, "{}", answer.text());
    for bad in ["/p/00000000/", "/p/zz/", "/p/123456789/"] {
        ide.get(bad)?.expect(403)?;
    }
    drop(ide);
    let ide = running(stage, "allow-file-downloads=0", "kim")?;
    ide.get("/p/112f8af0/")?.expect(403)?;
    Ok(())
}
