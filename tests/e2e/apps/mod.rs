//! Declared applications and administrators' rows: real R Shiny and a real WSGI server behind the real proxy.

mod rows;
mod shiny;
mod wsgi;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::stage::skip;
use portcullis_testing::{Client, Stage, World, case, place};

/// A cold start of R while other tests run.
const START: u64 = 120;

pub(crate) fn all() -> Vec<Trial> {
    let mut all = vec![
        case("apps::what_is_not_declared_or_not_open_is_not_started", not_offered),
        case("apps::an_application_on_tcp_is_shown_with_the_reason", tcp),
    ];
    all.extend(shiny::all());
    all.extend(wsgi::all());
    all.extend(rows::all());
    all
}

/// A folder that every account can read, with a file in it.
fn shared(name: &str, text: &str) -> Result<PathBuf> {
    let folder = PathBuf::from(format!("/run/apps-{}", place::next_number()));
    fs::create_dir_all(&folder)?;
    let path = folder.join(name);
    fs::write(&path, text)?;
    for (path, mode) in [(folder.as_path(), 0o755), (path.as_path(), 0o644)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    Ok(path)
}

/// Ends a test as skipped where a program is missing.
fn needs(program: &str, what: &str) -> Result<()> {
    if Path::new(program).exists() {
        Ok(())
    } else {
        skip(format!("{what} is not installed on this machine"))
    }
}

/// Starts an application; its session's id.
fn start(client: &Client, name: &str) -> Result<String> {
    let id = client.open_session_of(name)?;
    client.await_running(&id, START)?;
    Ok(id)
}

/// Writes `adapters.conf` and has it read.
fn adapt(world: &mut World, text: &str) -> Result<()> {
    fs::write(world.config_dir().join("adapters.conf"), text)?;
    world.reload()
}

fn not_offered(stage: &Stage) -> Result<()> {
    let conf = "[app mine]\ntitle = Only for some\ncommand = /bin/true {socket}\nusers = somebody\n";
    let world = stage.world().file("adapters.conf", conf).start()?;
    let (_, client) = world.signed_in("ann")?;
    let home = client.request("GET", "/").header("Accept", "text/html").send()?.expect(200)?.text();
    ensure!(!home.contains("Only for some"), "it is offered: {home}");
    for (name, says) in
        [("mine", "users=somebody (adapters.conf:4)"), ("ghost", "not set up"), ("rstudio2", "not set up")]
    {
        let answer = client.post("/sessions", &[("ide", name)])?;
        ensure!(
            answer.status == 403 && answer.text().contains(says),
            "{name}: {} {}",
            answer.status,
            answer.text()
        );
    }
    ensure!(client.post("/sessions", &[("ide", "../x")])?.status == 400, "a path is no name");
    ensure!(world.count_audit("session-started", &[])? == 0, "something was started");
    Ok(())
}

fn tcp(stage: &Stage) -> Result<()> {
    let conf = "[app old]\ntitle = Old thing\ncommand = /bin/true --port {port}\nlisten = tcp\n";
    let world = stage.world().file("adapters.conf", conf).build()?;
    let mut world = world;
    world.log.expect("adapters.conf");
    world.launch()?;
    let (_, client) = world.signed_in("bea")?;
    let home = client.request("GET", "/").header("Accept", "text/html").send()?.expect(200)?.text();
    ensure!(
        home.contains("Start Old thing") && home.contains("every account of this machine could reach"),
        "{home}"
    );
    let answer = client.post("/sessions", &[("ide", "old")])?;
    ensure!(
        answer.status == 403 && answer.text().contains("TCP port"),
        "{} {}",
        answer.status,
        answer.text()
    );
    Ok(())
}

/// The lines that `portcullis routes` has for these arguments, and all it says.
fn routes(world: &World, more: &[&str]) -> Result<(Vec<String>, serde_json::Value)> {
    let output = std::process::Command::new(place::program("portcullis"))
        .args(["routes", "--json", "--config-dir"])
        .arg(world.config_dir())
        .arg("--audit")
        .arg(world.state_dir().join("audit/audit.jsonl"))
        .args(more)
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let found = json["uncovered"].as_array().context("no list")?;
    Ok((found.iter().filter_map(|one| one["route"].as_str().map(str::to_owned)).collect(), json))
}
