//! SIGHUP: a good configuration takes effect at once for everybody, a bad one changes nothing.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Stage, case, tls, websocket};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("reload::a_new_flag_holds_in_running_sessions", new_flag),
        case("reload::a_wrong_configuration_keeps_the_old_one", wrong_configuration),
        case("reload::connections_and_sign_ins_live_on", lives_on),
        case("reload::a_new_certificate_is_served_without_a_restart", new_certificate),
        case("reload::many_reloads_in_a_row_end_in_the_last_one", many),
    ]
}

fn new_flag(stage: &Stage) -> Result<()> {
    let mut world = stage.world().conf("rsession.conf", "allow-file-downloads=1").start()?;
    let (_, client) = world.signed_in("ann")?;
    let id = client.start_session(30)?;
    let path = format!("/s/{id}/files/bytes-10");
    client.get(&path)?.expect(200)?;
    world.set("rsession.conf", "allow-file-downloads=0")?;
    world.reload()?;
    let refused = client.get(&path)?;
    ensure!(refused.status == 403 && refused.text().contains("allow-file-downloads"), "{}", refused.status);
    world.set("rsession.conf", "allow-file-downloads=1")?;
    world.reload()?;
    client.get(&path)?.expect(200)?;
    world.await_audit("configured", &[("outcome", "accepted"), ("generation", "3")], 5)?;
    Ok(())
}

fn wrong_configuration(stage: &Stage) -> Result<()> {
    let mut world = stage.world().conf("rsession.conf", "allow-file-downloads=0").start()?;
    world.log.expect("configuration");
    world.log.expect("rsession.conf");
    let (_, client) = world.signed_in("bob")?;
    let id = client.start_session(30)?;
    for wrong in ["allow-file-downloads=maybe", "no-such-option=1"] {
        world.set("rsession.conf", wrong)?;
        world.reload()?;
        ensure!(client.get(&format!("/s/{id}/files/bytes-10"))?.status == 403, "{wrong} opened a door");
        ensure!(client.is_signed_in()?, "{wrong} signed people out");
    }
    world.await_audit("configured", &[("outcome", "kept-old")], 5)?;
    // A file that vanished is no configuration either way: defaults, which are valid, but said.
    world.log.await_line("no-such-option", 5)?;
    Ok(())
}

fn lives_on(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    let (_, client) = world.signed_in("cat")?;
    let id = client.start_session(30)?;
    let mut socket = websocket::open(&client, &format!("/s/{id}/api/events/subscribe"), &[])?;
    websocket::echo(&mut socket, "before")?;
    let server = world.server()?.pid;
    world.set("portcullis.conf", "session-end-seconds=5")?;
    world.reload()?;
    ensure!(
        websocket::echo(&mut socket, "after")? == "after",
        "the socket was cut by a change that is not about it"
    );
    // A flag that changed ends what was begun under the old one; the page connects again.
    world.set("rsession.conf", "allow-shell=0")?;
    world.reload()?;
    let (code, _) = websocket::await_close(&mut socket)?;
    ensure!(code.is_none_or(|code| code == 1008), "close code {code:?}");
    ensure!(client.is_signed_in()?, "signed out");
    ensure!(world.server()?.pid == server, "the server was replaced");
    let refused =
        websocket::refusal(websocket::open(&client, &format!("/s/{id}/terminals/websocket/1"), &[]))?;
    ensure!(refused.status == 403, "{}", refused.status);
    Ok(())
}

fn new_certificate(stage: &Stage) -> Result<()> {
    let mut world = stage.world().tls()?.start()?;
    world.client()?.get("/healthz")?.expect(200)?;
    let fresh = tls::certificate()?;
    std::fs::write(world.folder().join("tls.pem"), &fresh.certificate)?;
    std::fs::write(world.folder().join("tls.key"), &fresh.key)?;
    world.reload()?;
    let client =
        portcullis_testing::Client::new_tls(world.address(), tls::client(&fresh, &["http/1.1"], false)?);
    client.get("/healthz")?.expect(200)?;
    ensure!(world.client()?.get("/healthz").is_err(), "the old certificate is still served");
    Ok(())
}

fn many(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    let (_, client) = world.signed_in("dan")?;
    let id = client.start_session(30)?;
    for round in 0..10 {
        world.set("rsession.conf", &format!("allow-file-downloads={}", round % 2))?;
        world.reload()?;
    }
    client.get(&format!("/s/{id}/files/bytes-10"))?.expect(200)?;
    Ok(())
}
