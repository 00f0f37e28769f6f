//! Health: what machines ask without signing in, in the forms that they know.

use std::process::Command;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Stage, case, place, until};
use serde_json::Value;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("health::it_says_that_it_serves_and_is_ready", ready),
        case("health::the_health_check_is_off_unless_asked_for", off),
        case("health::the_health_check_has_workbenchs_form", check),
        case("health::a_file_gives_the_health_check_its_words_and_its_address", template),
        case("health::offline_is_alive_and_not_ready", offline),
    ]
}

fn json(client: &Client, path: &str) -> Result<(u16, Value)> {
    let answer = client.request("GET", path).header("Accept", "application/json").send()?;
    ensure!(answer.header("content-type") == Some("application/json"), "{:?}", answer.header("content-type"));
    Ok((answer.status, serde_json::from_str(&answer.text())?))
}

fn ready(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rserver.conf", "www-root-path=/ide").start()?;
    let client = world.client()?;
    for path in ["/healthz", "/ide/healthz"] {
        ensure!(client.get(path)?.expect(200)?.text() == "ok\n", "{path}");
    }
    for path in ["/readyz", "/ide/readyz"] {
        ensure!(client.get(path)?.expect(200)?.text() == "ready\n", "{path}");
        client.request("POST", path).send()?.expect(405)?;
    }
    ensure!(json(&client, "/healthz")? == (200, serde_json::json!({ "status": "ok" })));
    ensure!(json(&client, "/readyz")? == (200, serde_json::json!({ "ready": true, "reasons": [] })));
    Ok(())
}

fn off(stage: &Stage) -> Result<()> {
    let world = stage.world().file("health-check", "up").start()?;
    world.client()?.get("/health-check")?.expect(404)?;
    Ok(())
}

fn check(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rserver.conf", "server-health-check-enabled=1").start()?;
    let (account, client) = world.signed_in("ann")?;
    client.start_session(60)?;
    let text = world.client()?.get("/health-check")?.expect(200)?.text();
    let names: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once(": ")?.0)).collect();
    let wanted =
        ["active-sessions", "idle-seconds", "cpu-percent", "memory-percent", "swap-percent", "load-average"];
    ensure!(names == wanted, "{text}");
    ensure!(text.starts_with("active-sessions: 1\n") && !text.contains(&account.name), "{text}");
    let (status, told) = json(&world.client()?, "/health-check")?;
    ensure!(status == 200 && told["active-sessions"] == "1", "{told}");
    Ok(())
}

fn template(stage: &Stage) -> Result<()> {
    let text = "sessions=#active-sessions# license=#license-status# #unknown#\n";
    let world = stage
        .world()
        .conf("rserver.conf", "server-health-check-enabled=1")
        .file("health-check-B64C", text)
        .start()?;
    let client = world.client()?;
    let told = client.get("/health-check-B64C")?.expect(200)?.text();
    ensure!(told == "sessions=0 license=not-needed #unknown#\n", "{told}");
    for other in ["/health-check", "/health-check-b64c", "/health-check-B64C/", "/health-check-B64"] {
        client.get(other)?.expect(404)?;
    }
    Ok(())
}

fn offline(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rserver.conf", "server-health-check-enabled=1").start()?;
    let client = world.client()?;
    client.get("/readyz")?.expect(200)?;
    let mut command = Command::new(place::program("portcullis"));
    let output =
        command.args(["offline", "--message", "a test", "--run-dir"]).arg(world.run_dir()).output()?;
    ensure!(output.status.success(), "{output:?}");
    until::is("it is not ready any more", 10, || {
        client.get("/readyz").is_ok_and(|answer| answer.status == 503)
    })?;
    let answer = client.get("/readyz")?;
    ensure!(answer.text() == "not ready: offline\n", "{}", answer.text());
    ensure!(client.get("/health-check")?.status == 503, "a load balancer would send people here");
    client.get("/healthz")?.expect(200)?;
    Ok(())
}
