//! Calls and terminals: what a flag takes, the session gives and the proxy doesn't.

use anyhow::{Context, Result, ensure};
use portcullis_testing::{Stage, websocket};
use serde_json::json;

use super::{Rstudio, running, running_in};

pub(super) fn shell(stage: &Stage) -> Result<()> {
    // The proxy alone: the kernel leaves no program for a terminal.
    let world = stage.world().rsession(&[]).conf("rsession.conf", "allow-shell=0");
    let ide = running_in(world.conf("portcullis.conf", "session-sandbox=off").start()?, "bob")?;
    let wish = json!([{"handle": "", "caption": "1", "cwd": "~"}]);
    for method in ["start_terminal", "process_start", "process_write_stdin", "get_terminal_shells"] {
        ide.refused(method, &wish, "allow-shell=0")?;
    }
    ide.audited("allow-shell=0")?;
    // No terminal was made, so none listens.
    let pid = ide.world.ide_process(&ide.id)?.pid;
    let listens = |pid: i32| {
        std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |entries| {
            entries
                .flatten()
                .filter(|fd| {
                    std::fs::read_link(fd.path()).is_ok_and(|to| to.to_string_lossy().contains("socket:"))
                })
                .count()
        })
    };
    let before = listens(pid);
    // The control: the session itself opens one for whoever reaches its socket, and anybody on the network reaches that.
    let opened = ide.direct_call("start_terminal", &wish)?;
    let port = opened["result"]["port_for_tests"].as_u64().context("the session refuses by itself")?;
    ensure!(listens(pid) > before, "it listens now");
    let channel = opened["result"]["channel_id"].as_str().context("no channel")?;
    let refused = websocket::open(&ide.client, &ide.at(&format!("/p/{channel}/terminal/0123ABCD/")), &[]);
    ensure!(websocket::refusal(refused)?.status == 403, "through the proxy it stays shut");
    // What only the kernel can shut: the port itself, on every interface.
    let stream = std::net::TcpStream::connect(("127.0.0.1", u16::try_from(port)?))?;
    let (mut socket, _) = tungstenite::client(format!("ws://127.0.0.1:{port}/terminal/0123ABCD/"), stream)?;
    socket.send(tungstenite::Message::text("aid -un"))?;
    ensure!(socket.read()?.to_text()?.contains(&ide.user), "the hole that a firewall must shut is open");
    Ok(())
}

pub(super) fn others(stage: &Stage) -> Result<()> {
    let calls = [
        ("git_push", "allow-vcs", "allow-vcs=0"),
        ("vcs_clone", "allow-vcs", "allow-vcs=0"),
        ("rsconnect_publish", "allow-publish", "allow-publish=0"),
        ("rpubs_upload", "allow-rpubs-publish", "allow-rpubs-publish=0"),
        ("rpubs_upload", "allow-external-publish", "allow-external-publish=0"),
        ("install_dependencies", "allow-package-installation", "allow-package-installation=0"),
    ];
    for (method, _, flag) in calls {
        let ide = running(stage, flag, "fay")?;
        ide.refused(method, &json!([]), flag)?;
        // The control.
        let done = ide.direct_call(method, &json!([]))?;
        ensure!(done["result"] == format!("{method} done"), "the session refuses by itself: {done}");
    }
    let all = calls.map(|(_, flag, _)| format!("{flag}=1")).join("\n");
    let ide = running(stage, &all, "fay")?;
    for (method, _, _) in calls {
        ensure!(ide.call(method, &json!([]))?["result"] == format!("{method} done"), "{method}");
    }
    Ok(())
}

pub(super) fn envelope(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-shell=0", "ida")?;
    let terminal = ide.body("start_terminal", &json!([{}]));
    // The control: the session runs what the body names.
    let ran = ide.direct("POST", "/rpc/stat", "", terminal.to_string().as_bytes())?;
    ensure!(ran.contains("channel_id"), "{ran}");
    let started =
        |ide: &Rstudio| ide.seen().iter().filter(|line| line.contains("ran start_terminal")).count();
    let before = started(&ide);
    for (path, body) in [
        ("/rpc/stat", terminal.to_string()),
        ("/rpc/client_init", terminal.to_string()),
        ("/rpc/stat", format!("{{\"method\":\"stat\",{}", &terminal.to_string()[1..])),
        (
            "/rpc/stat",
            format!(
                "{},\"m\\u0065thod\":\"start_terminal\"}}",
                &ide.body("stat", &json!([])).to_string().trim_end_matches('}')
            ),
        ),
        ("/rpc/stat?/rpc/start_terminal", terminal.to_string()),
        ("/rpc/stat?x=/rpc/abort", ide.body("stat", &json!(["~"])).to_string()),
        ("/rpc/st%61t", terminal.to_string()),
        ("/rpc//stat", terminal.to_string()),
        ("/rpc/stat/", terminal.to_string()),
    ] {
        let answer = ide
            .client
            .request("POST", &ide.at(path))
            .header("Content-Type", "application/json")
            .body(body.clone())
            .send()?;
        let text = answer.text();
        ensure!(
            answer.status >= 400 || text.contains("portcullis"),
            "{path} {body}: {} {text}",
            answer.status
        );
    }
    ensure!(started(&ide) == before, "it ran: {:?}", ide.seen());
    ensure!(ide.call("stat", &json!(["~"]))?["result"].is_object(), "the session is still there");
    Ok(())
}

pub(super) fn unknown(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-vcs=0", "joe")?;
    ide.refused("a_method_of_next_year", &json!([]), "a_method_of_next_year")?;
    ide.audited("a_method_of_next_year")?;
    ide.get("/a_page_of_next_year")?.expect(403)?;
    drop(ide);
    let ide = running(stage, "allow-vcs=1", "joe")?;
    ensure!(ide.call("a_method_of_next_year", &json!([]))?["result"].is_null(), "open while nothing is shut");
    Ok(())
}
