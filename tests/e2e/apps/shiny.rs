//! R Shiny as a declared application: page, WebSocket, a file each way; with flags on and off.

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::websocket::{self, Socket};
use portcullis_testing::{Client, Stage, World, case};
use serde_json::{Value, json};
use tungstenite::Message;

use super::{needs, routes, shared, start};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("apps::shiny::its_page_its_socket_and_a_file_each_way_work", open),
        case("apps::shiny::closed_flags_hold_and_the_rest_of_it_works", closed),
        case("apps::shiny::without_routes_only_pages_pass", bare),
    ]
}

const ROUTES: &str = "route = GET /session/*/download/** download name download act
route = POST /session/*/upload/** upload name upload act
route = GET /websocket ui socket act
route = GET ** ui
";

fn running(stage: &Stage, flags: &str, routes: &str, stem: &str) -> Result<(World, Client, String)> {
    needs("/usr/lib/R/site-library/shiny", "R Shiny")?;
    let script = shared("app.R", include_str!("shiny.R"))?;
    let conf = format!(
        "[app shiny]\ntitle = Shiny & more\ncommand = /usr/bin/Rscript --vanilla {} {{socket}}\n{routes}",
        script.display()
    );
    let world = stage.world().conf("rsession.conf", flags).file("adapters.conf", &conf).start()?;
    let (_, client) = world.signed_in(stem)?;
    let home = client.request("GET", "/").header("Accept", "text/html").send()?.expect(200)?.text();
    ensure!(home.contains("Start Shiny &#38; more") || home.contains("Start Shiny &amp; more"), "{home}");
    let id = start(&client, "shiny")?;
    Ok((world, client, id))
}

/// Opens the page as a browser does: the page, its scripts and styles, the socket, the first values.
fn page(client: &Client, id: &str) -> Result<Shiny> {
    let page = client.get(&format!("/s/{id}/"))?.expect(200)?.text();
    ensure!(page.contains("Shiny behind Portcullis"), "{page}");
    let assets: Vec<&str> = page
        .split("src=\"")
        .skip(1)
        .chain(page.split("href=\"").skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let own: Vec<&&str> =
        assets.iter().filter(|path| !path.is_empty() && !path.starts_with(['#', 'h', '/'])).collect();
    ensure!(own.len() >= 4, "its pages are not relative: {assets:?}");
    for path in own {
        client.get(&format!("/s/{id}/{path}"))?.expect(200)?;
    }
    let mut socket = websocket::open(client, &format!("/s/{id}/websocket/"), &[])?;
    let data = json!({
        "name": "ann", "file": null,
        ".clientdata_output_greeting_hidden": false, ".clientdata_output_content_hidden": false,
        ".clientdata_output_report_hidden": false, ".clientdata_url_protocol": "http:",
        ".clientdata_url_hostname": "localhost", ".clientdata_url_port": "", ".clientdata_url_pathname": format!("/s/{id}/"),
        ".clientdata_url_search": "", ".clientdata_singletons": "", ".clientdata_allowDataUriScheme": true,
    });
    socket.send(Message::text(json!({"method": "init", "data": data}).to_string()))?;
    let config = until(&mut socket, |message| message["config"]["sessionId"].as_str().map(str::to_owned))?;
    let mut shiny = Shiny { socket, session: config, report: String::new() };
    shiny.report =
        until(&mut shiny.socket, |message| message["values"]["report"].as_str().map(str::to_owned))?;
    Ok(shiny)
}

struct Shiny {
    socket: Socket,
    session: String,
    /// Where its download is.
    report: String,
}

/// Reads messages until one has what is looked for.
fn until<T>(socket: &mut Socket, mut wanted: impl FnMut(&Value) -> Option<T>) -> Result<T> {
    loop {
        let message = socket.read().context("the socket was closed")?;
        let Ok(text) = message.to_text() else { continue };
        let Ok(message) = serde_json::from_str::<Value>(text) else { continue };
        if let Some(found) = wanted(&message) {
            return Ok(found);
        }
    }
}

impl Shiny {
    /// Announces a file; the address to post it to.
    fn announce(&mut self, bytes: usize) -> Result<(String, String)> {
        let file = json!([{"name": "a.txt", "size": bytes, "type": "text/plain"}]);
        self.socket
            .send(Message::text(json!({"method": "uploadInit", "args": [file], "tag": 0}).to_string()))?;
        until(&mut self.socket, |message| {
            let value = &message["response"]["value"];
            Some((value["jobId"].as_str()?.to_owned(), value["uploadUrl"].as_str()?.to_owned()))
        })
    }

    fn finish(&mut self, job: &str) -> Result<String> {
        self.socket.send(Message::text(
            json!({"method": "uploadEnd", "args": [job, "file"], "tag": 1}).to_string(),
        ))?;
        until(&mut self.socket, |message| message["values"]["content"].as_str().map(str::to_owned))
    }

    fn greeting(&mut self, name: &str) -> Result<()> {
        self.socket.send(Message::text(json!({"method": "update", "data": {"name": name}}).to_string()))?;
        until(&mut self.socket, |message| {
            message["values"]["greeting"].as_str().filter(|text| *text == format!("hello {name}")).map(drop)
        })
    }
}

fn open(stage: &Stage) -> Result<()> {
    let (world, client, id) = running(stage, "allow-shell=0", ROUTES, "ann")?;
    let mut shiny = page(&client, &id)?;
    shiny.greeting("bea")?;
    let (job, to) = shiny.announce(7)?;
    client.request("POST", &format!("/s/{id}/{to}")).body("one\ntwo").send()?.expect(200)?;
    ensure!(shiny.finish(&job)? == "one|two", "the file did not arrive");
    world.await_audit("transfer", &[("session", &id), ("direction", "upload"), ("bytes", "7")], 10)?;
    let report = client.get(&format!("/s/{id}/{}", shiny.report))?.expect(200)?;
    ensure!(report.text() == "a,b\n", "{}", report.text());
    world.await_audit(
        "transfer",
        &[("session", &id), ("direction", "download"), ("complete", "true")],
        10,
    )?;
    ensure!(world.count_audit("refused", &[("session", &id)])? == 0, "{:?}", world.audit()?);
    // A route that is in no line is refused, named, and listed with a line for it.
    for (method, path) in [("POST", "/session/x/dataobj/y"), ("DELETE", "/")] {
        let answer = client.request(method, &format!("/s/{id}{path}")).body("").send()?;
        ensure!(
            answer.status == 403 && answer.text().contains(path),
            "{method} {path}: {} {}",
            answer.status,
            answer.text()
        );
    }
    let socket = websocket::open(&client, &format!("/s/{id}/other/"), &[]);
    ensure!(websocket::refusal(socket)?.status == 403, "a socket that is in no line");
    world.await_audit("refused", &[("session", &id), ("capability", "unknown"), ("path", "/other/")], 10)?;
    let (lines, json) = routes(&world, &["--session", &id])?;
    ensure!(lines.contains(&"route = GET /other ui socket".to_owned()), "{json}");
    ensure!(lines.contains(&"route = POST /session/x/dataobj/y write act".to_owned()), "{json}");
    Ok(())
}

fn closed(stage: &Stage) -> Result<()> {
    let flags = "allow-file-uploads=0\nallow-file-downloads=0";
    let (world, client, id) = running(stage, flags, ROUTES, "bob")?;
    let mut shiny = page(&client, &id)?;
    shiny.greeting("cat")?;
    let (_, to) = shiny.announce(7)?;
    let session = &shiny.session;
    for (method, path, flag) in [
        ("POST", to.clone(), "allow-file-uploads"),
        ("POST", format!("session/{session}/upload/other?w="), "allow-file-uploads"),
        ("GET", shiny.report.clone(), "allow-file-downloads"),
        ("HEAD", shiny.report.clone(), "allow-file-downloads"),
        ("GET", format!("session/{session}/%64ownload/report"), "unknown route"),
        ("GET", format!("/session/{session}/download/report"), "unknown route"),
        ("POST", "anything".to_owned(), "unknown route"),
    ] {
        let request = client.request(method, &format!("/s/{id}/{path}"));
        let answer = if method == "POST" { request.body("x").send()? } else { request.send()? };
        ensure!(answer.status == 403, "{method} {path}: {} {}", answer.status, answer.text());
        ensure!(method == "HEAD" || answer.text().contains(flag), "{method} {path}: {}", answer.text());
    }
    // The app lives on.
    shiny.greeting("dan")?;
    world.await_audit("refused", &[("session", &id), ("capability", "upload")], 10)?;
    Ok(())
}

fn bare(stage: &Stage) -> Result<()> {
    let (_world, client, id) = running(stage, "allow-shell=0", "", "cat")?;
    client.get(&format!("/s/{id}/"))?.expect(200)?;
    let refused = websocket::refusal(websocket::open(&client, &format!("/s/{id}/websocket/"), &[]))?;
    ensure!(
        refused.status == 403 && refused.text().contains("/websocket/"),
        "{} {}",
        refused.status,
        refused.text()
    );
    ensure!(client.request("POST", &format!("/s/{id}/")).body("").send()?.status == 403, "a change");
    Ok(())
}
