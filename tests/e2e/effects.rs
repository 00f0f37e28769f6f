//! The effect `audit`: what a flag forbids passes and is recorded, beside flags that are enforced; by profile, too.

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Stage, case, websocket};
use serde_json::json;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("effects::what_is_only_recorded_passes_and_is_in_the_audit_log", recorded),
        case("effects::a_flag_that_is_enforced_beside_one_that_is_recorded_wins", beside),
        case("effects::folders_and_sizes_are_recorded_too", folders_and_sizes),
        case("effects::the_last_matching_section_of_profiles_decides_on_the_effect", by_profile),
        case("effects::a_reload_enforces_what_was_only_recorded", enforced_later),
    ]
}

fn terminal(client: &Client, id: &str) -> Result<u16> {
    Ok(client.request("POST", &format!("/s/{id}/api/terminals")).json(&json!({})).send()?.status)
}

fn recorded(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .conf("rsession.conf", "allow-shell=0")
        .conf("portcullis.conf", "audit-only=allow-shell")
        .start()?;
    let (account, client) = world.signed_in("ann")?;
    let id = client.start_session(30)?;
    ensure!(terminal(&client, &id)? < 300, "it was refused");
    let fields =
        [("session", id.as_str()), ("capability", "shell"), ("effect", "audit"), ("user", &account.name)];
    let record = world.await_audit("refused", &fields, 10)?;
    ensure!(
        record["rule"].as_str().is_some_and(|rule| rule.starts_with("allow-shell=0 (rsession.conf:")),
        "{record}"
    );
    let mut socket = websocket::open(&client, &format!("/s/{id}/terminals/websocket/1"), &[])?;
    ensure!(websocket::echo(&mut socket, "[\"stdin\",\"x\"]")? == "[\"stdin\",\"x\"]", "no echo");
    client.get(&format!("/s/{id}/some/new/door"))?.expect(200)?;
    let fields = [("session", id.as_str()), ("capability", "unknown"), ("effect", "audit")];
    world.await_audit("refused", &fields, 10)?;
    ensure!(world.count_audit("refused", &[("effect", "block")])? == 0, "something was refused");
    let page = client.request("GET", "/").header("Accept", "text/html").send()?.expect(200)?.text();
    ensure!(page.contains("allow-shell=0") && page.contains("Not enforced"), "{page}");
    Ok(())
}

fn beside(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .conf("rsession.conf", "allow-shell=0\nallow-vcs=0")
        .conf("portcullis.conf", "audit-only=allow-shell")
        .start()?;
    let (_, client) = world.signed_in("ben")?;
    let id = client.start_session(30)?;
    ensure!(terminal(&client, &id)? < 300, "the recorded flag is enforced");
    let git = client.request("POST", &format!("/s/{id}/git/x/status")).json(&json!({})).send()?;
    ensure!(git.status == 403 && git.text().contains("allow-vcs"), "{} {}", git.status, git.text());
    let unknown = client.get(&format!("/s/{id}/some/new/door"))?;
    ensure!(
        unknown.status == 403 && unknown.text().contains("allow-vcs"),
        "{} {}",
        unknown.status,
        unknown.text()
    );
    world.await_audit("refused", &[("capability", "unknown"), ("effect", "block")], 10)?;
    Ok(())
}

fn folders_and_sizes(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .conf("rsession.conf", "restrict-directory-view=1\nlimit-file-upload-size-mb=1")
        .conf("portcullis.conf", "audit-only=restrict-directory-view limit-file-upload-size-mb")
        .start()?;
    let (account, client) = world.signed_in("hue")?;
    std::os::unix::fs::symlink("/etc", account.home.join("away"))?;
    std::fs::create_dir(account.home.join("inside"))?;
    let id = client.start_session(30)?;
    client.get(&format!("/s/{id}/api/contents/inside?content=1"))?.expect(200)?;
    ensure!(world.count_audit("refused", &[])? == 0, "what is allowed was recorded");
    client.get(&format!("/s/{id}/api/contents/away/passwd?content=1"))?.expect(200)?;
    let record = world.await_audit("refused", &[("session", &id), ("effect", "audit")], 10)?;
    ensure!(
        record["rule"].as_str().is_some_and(|rule| rule.contains("restrict-directory-view=1")),
        "{record}"
    );
    let content = "A".repeat(1_500_000);
    let file = json!({ "type": "file", "format": "base64", "content": content });
    let answer = client.request("PUT", &format!("/s/{id}/api/contents/big.bin")).json(&file).send()?;
    ensure!(answer.status < 300, "{} {}", answer.status, answer.text());
    let record = world.await_audit("refused", &[("capability", "upload"), ("effect", "audit")], 10)?;
    ensure!(
        record["rule"].as_str().is_some_and(|rule| rule.contains("limit-file-upload-size-mb")),
        "{record}"
    );
    Ok(())
}

fn by_profile(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (pilot, strict) = (world.account("ann")?, world.account("ben")?);
    drop(world);
    let sections = format!(
        "[*]\naudit-only=allow-shell\n\n[{0}]\nallow-vcs=0\n\n[{1}]\naudit-only=\n\n[{0}]\naudit-only=allow-shell allow-vcs\n",
        pilot.name, strict.name
    );
    let world = stage.world().conf("rsession.conf", "allow-shell=0").file("profiles", &sections).start()?;
    for (account, passes) in [(&pilot, true), (&strict, false)] {
        let client = world.client()?;
        client.sign_in(&account.name, &account.password)?;
        let id = client.start_session(30)?;
        ensure!((terminal(&client, &id)? < 300) == passes, "{}", account.name);
    }
    let line = |user: &str, effect| world.await_audit("refused", &[("user", user), ("effect", effect)], 10);
    line(&pilot.name, "audit")?;
    line(&strict.name, "block")?;
    Ok(())
}

fn enforced_later(stage: &Stage) -> Result<()> {
    let mut world = stage
        .world()
        .conf("rsession.conf", "allow-shell=0")
        .conf("portcullis.conf", "audit-only=allow-shell")
        .start()?;
    let (_, client) = world.signed_in("cat")?;
    let id = client.start_session(30)?;
    let mut socket = websocket::open(&client, &format!("/s/{id}/terminals/websocket/1"), &[])?;
    ensure!(websocket::echo(&mut socket, "[\"stdin\",\"x\"]")? == "[\"stdin\",\"x\"]", "no echo");
    world.set("portcullis.conf", "audit-only=")?;
    world.reload()?;
    websocket::await_close(&mut socket).context("the terminal stayed open")?;
    ensure!(terminal(&client, &id)? == 403, "it is not enforced");
    Ok(())
}
