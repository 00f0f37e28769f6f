//! An administrator's row for an IDE's extension: added and taken away without a build or a restart.

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Stage, case, websocket};

use super::{START, adapt, routes};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("apps::rows::a_row_opens_a_route_at_a_reload_and_its_removal_shuts_it", added_and_removed),
        case("apps::rows::a_row_never_opens_what_a_flag_shuts", never_looser),
        case("apps::rows::a_wrong_row_keeps_the_old_ones", wrong),
        case("apps::rows::a_real_extension_is_listed_and_its_line_pasted", extension),
    ]
}

fn added_and_removed(stage: &Stage) -> Result<()> {
    let mut world = stage.world().conf("rsession.conf", "allow-shell=0").start()?;
    let (_, client) = world.signed_in("ann")?;
    let id = client.start_session(30)?;
    let at = |path: &str| format!("/s/{id}{path}");
    let shut = |what: &str| -> Result<()> {
        let answer = client.get(&at("/some/new/door"))?;
        ensure!(
            answer.status == 403 && answer.text().contains("/some/new/door"),
            "{what}: {} {}",
            answer.status,
            answer.text()
        );
        let socket = websocket::open(&client, &at("/some/new/socket"), &[]);
        ensure!(websocket::refusal(socket)?.status == 403, "{what}: a socket");
        Ok(())
    };
    shut("before")?;
    adapt(&mut world, "[jupyter]\nroute = GET /some/new/socket ui socket\nroute = GET /some/new/** ui\n")?;
    client.get(&at("/some/new/door"))?.expect(200)?;
    ensure!(client.get(&at("/some/other"))?.status == 403, "another route");
    ensure!(client.request("POST", &at("/some/new/door")).body("").send()?.status == 403, "another method");
    let mut socket = websocket::open(&client, &at("/some/new/socket"), &[])?;
    ensure!(websocket::echo(&mut socket, "x")? == "x", "no echo");
    // What is not about rows leaves it open.
    world.set("portcullis.conf", "session-end-seconds=5")?;
    adapt(
        &mut world,
        "# moved\n[jupyter]\nroute = GET /some/new/socket ui socket\nroute = GET /some/new/** ui\n",
    )?;
    ensure!(websocket::echo(&mut socket, "y")? == "y", "it was cut by a comment");
    adapt(&mut world, "")?;
    websocket::await_close(&mut socket).context("a socket whose row is gone")?;
    shut("after")?;
    ensure!(client.is_signed_in()?, "signed out");
    Ok(())
}

fn never_looser(stage: &Stage) -> Result<()> {
    let rows = "[jupyter]\nroute = GET /ws ui socket\nroute = ANY ** ui\n";
    let flags = "allow-shell=0\nallow-file-downloads=0";
    let world = stage.world().conf("rsession.conf", flags).file("adapters.conf", rows).start()?;
    let (_, client) = world.signed_in("bea")?;
    let id = client.start_session(30)?;
    for (method, path) in [
        ("GET", "/api/terminals"),
        ("POST", "/api/terminals"),
        ("GET", "/files/a"),
        ("HEAD", "/files/a"),
        ("GET", "/nbconvert/html/a"),
        ("GET", "/proxy/8888/"),
        ("GET", "/%66iles/a"),
        ("GET", "//files/a"),
    ] {
        let request = client.request(method, &format!("/s/{id}{path}"));
        let answer = if method == "POST" { request.body("").send()? } else { request.send()? };
        ensure!(answer.status == 403, "{method} {path}: {} {}", answer.status, answer.text());
    }
    let socket = websocket::open(&client, &format!("/s/{id}/terminals/websocket/1"), &[]);
    ensure!(websocket::refusal(socket)?.status == 403, "a terminal");
    client.get(&format!("/s/{id}/anything"))?.expect(200)?;
    Ok(())
}

fn wrong(stage: &Stage) -> Result<()> {
    let mut world = stage
        .world()
        .conf("rsession.conf", "allow-shell=0")
        .file("adapters.conf", "[jupyter]\nroute = GET /some/** ui\n")
        .start()?;
    world.log.expect("adapters.conf");
    world.log.expect("configuration");
    let (_, client) = world.signed_in("cat")?;
    let id = client.start_session(30)?;
    adapt(&mut world, "[jupyter]\nroute = GET /some/** dowload\n")?;
    world.log.await_line("did you mean `download`?", 5)?;
    client.get(&format!("/s/{id}/some/x"))?.expect(200)?;
    ensure!(client.get(&format!("/s/{id}/other"))?.status == 403, "another route");
    Ok(())
}

/// A server extension as somebody writes one for oneself.
const EXTENSION: &str = "
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

class Hello(JupyterHandler):
    @web.authenticated
    def get(self, name):
        self.finish('hello ' + name)

def _jupyter_server_extension_points():
    return [{'module': 'hello_extension'}]

def _load_jupyter_server_extension(app):
    base = app.web_app.settings['base_url']
    app.web_app.add_handlers('.*$', [(url_path_join(base, 'hello', '([^/]+)'), Hello)])
";

fn extension(stage: &Stage) -> Result<()> {
    let mut world = stage.world().jupyter().conf("rsession.conf", "allow-shell=0").start()?;
    let (account, client) = world.signed_in("dot")?;
    let folder = account.home.join(".jupyter");
    std::fs::create_dir(&folder)?;
    std::os::unix::fs::chown(&folder, Some(account.uid), None)?;
    std::fs::write(folder.join("hello_extension.py"), EXTENSION)?;
    let config = format!("import sys\nsys.path.insert(0, '{}')\n", folder.display());
    std::fs::write(folder.join("jupyter_server_config.py"), config)?;
    // As `jupyter server extension enable` does: beside the switches that go with the flags.
    std::fs::create_dir(folder.join("jupyter_server_config.d"))?;
    let enabled = serde_json::json!({"ServerApp": {"jpserver_extensions": {"hello_extension": true}}});
    std::fs::write(folder.join("jupyter_server_config.d/hello.json"), enabled.to_string())?;
    let id = client.start_session(START)?;
    let hello = format!("/s/{id}/hello/world");
    ensure!(client.get(&hello)?.status == 403, "nobody knows it");
    // JupyterLab itself says so, asked as the session's owner; the log has it too.
    world.await_audit("refused", &[("session", &id), ("capability", "unknown")], 10)?;
    let (lines, json) = routes(&world, &["--session", &id])?;
    let line = lines.iter().find(|line| line.contains("/hello/*")).with_context(|| json.to_string())?;
    ensure!(line == "route = GET /hello/* ui", "{line}");
    ensure!(lines.contains(&"route = GET /hello/world ui".to_owned()), "not from the log: {json}");
    adapt(&mut world, &format!("[jupyter]\n{line}\n"))?;
    let greeting = client.get(&hello)?.expect(200)?.text();
    ensure!(greeting == "hello world", "{greeting}");
    let (lines, json) = routes(&world, &["--session", &id])?;
    ensure!(!lines.iter().any(|line| line.contains("/hello")), "it is covered now: {json}");
    adapt(&mut world, "")?;
    ensure!(client.get(&hello)?.status == 403, "its row is gone");
    Ok(())
}
