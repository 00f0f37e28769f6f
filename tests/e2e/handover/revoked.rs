//! What is taken away ends within a second wherever it hangs: on a server that was replaced, through any number of restarts.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::{Stage, case, process, until, websocket};

use super::{Scene, restart};

const AT_ONCE: Duration = Duration::from_secs(1);

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("handover::a_sign_out_reaches_a_replaced_server", |stage| sign_out(stage, "ivy", 1)),
        case("handover::a_sign_out_reaches_a_replaced_server_after_more_restarts", |stage| {
            sign_out(stage, "jan", 3)
        }),
        case("handover::the_end_of_a_session_reaches_a_replaced_server", session_end),
        case("handover::a_tighter_configuration_reaches_a_replaced_server", tighter),
        case("handover::what_was_signed_out_while_a_server_was_away_is_cut_when_it_is_back", away),
        case("handover::a_sign_out_that_was_confirmed_holds_after_all_is_killed", killed_after),
        case("handover::a_session_of_a_replaced_server_is_audited", audited),
    ]
}

fn sign_out(stage: &Stage, stem: &str, restarts: u32) -> Result<()> {
    let mut scene = Scene::new(stage, stem, "")?;
    let mut socket = websocket::open(&scene.client, &scene.path(), &[])?;
    let old = scene.world.server()?.pid;
    for round in 0..restarts {
        scene.world.stop(if round % 2 == 0 { Signal::SIGTERM } else { Signal::SIGKILL })?;
        scene.world.launch()?;
    }
    ensure!(websocket::echo(&mut socket, "x")? == "x", "the socket broke off");
    ensure!(process::is_alive(old) && scene.world.server()?.pid != old, "not replaced");
    let told = Instant::now();
    scene.client.post("/auth-sign-out", &[])?.expect(200)?;
    let (code, _) = websocket::await_close(&mut socket)?;
    let passed = told.elapsed();
    ensure!(code.is_none_or(|code| code == 1008), "close code {code:?}");
    ensure!(passed < until::promised(AT_ONCE * 2), "cut after {passed:?}, the sign-out included");
    Ok(())
}

fn session_end(stage: &Stage) -> Result<()> {
    let mut scene = Scene::new(stage, "kim", "")?;
    let mut socket = websocket::open(&scene.client, &scene.path(), &[])?;
    scene.world.stop(Signal::SIGTERM)?;
    scene.world.launch()?;
    websocket::echo(&mut socket, "x")?;
    let told = Instant::now();
    scene.client.post(&format!("/sessions/{}/stop", scene.session), &[])?.expect(303)?;
    websocket::await_close(&mut socket)?;
    ensure!(told.elapsed() < until::promised(AT_ONCE * 2), "cut after {:?}", told.elapsed());
    Ok(())
}

fn tighter(stage: &Stage) -> Result<()> {
    let mut scene = Scene::new(stage, "lea", "")?;
    let mut socket = websocket::open(&scene.client, &scene.path(), &[])?;
    scene.world.stop(Signal::SIGTERM)?;
    scene.world.launch()?;
    websocket::echo(&mut socket, "x")?;
    scene.world.set("rsession.conf", "allow-shell=0")?;
    scene.world.reload()?;
    let (code, _) = websocket::await_close(&mut socket)?;
    ensure!(code.is_none_or(|code| code == 1008), "close code {code:?}");
    // The same by a restart: what the next launcher reads holds for what hangs on the server of before.
    let mut socket = websocket::open(&scene.client, &scene.path(), &[])?;
    websocket::echo(&mut socket, "x")?;
    scene.world.set("rsession.conf", "allow-file-downloads=0")?;
    scene.world.stop(Signal::SIGTERM)?;
    scene.world.launch()?;
    websocket::await_close(&mut socket)?;
    ensure!(scene.client.is_signed_in()?, "signed out");
    Ok(())
}

/// A server that can't hear (it is stopped) while another one takes a sign-out: cut when it goes on, or ended.
fn away(stage: &Stage) -> Result<()> {
    let mut scene = Scene::new(stage, "max", "")?;
    let mut socket = websocket::open(&scene.client, &scene.path(), &[])?;
    let old = scene.world.server()?.pid;
    scene.world.stop(Signal::SIGKILL)?;
    process::signal(old, Signal::SIGSTOP)?;
    scene.world.launch()?;
    // It could not hand its sockets over: there are others, at another port where none is named.
    let name = "__Host-portcullis";
    let client = scene.world.client()?;
    client.set_cookie(name, &scene.client.cookie(name).context("a cookie")?);
    client.post("/auth-sign-out", &[])?.expect(200)?;
    process::signal(old, Signal::SIGCONT)
        .context("it was ended already")
        .or_else(|error| if process::is_alive(old) { Err(error) } else { Ok(()) })?;
    websocket::await_close(&mut socket)?;
    until::is("no server of before is left", 30, || !process::is_alive(old))?;
    Ok(())
}

fn killed_after(stage: &Stage) -> Result<()> {
    let mut scene = Scene::new(stage, "ned", "")?;
    let name = "__Host-portcullis";
    let cookie = scene.client.cookie(name).context("a cookie")?;
    let server = scene.world.server()?.pid;
    scene.client.post("/auth-sign-out", &[])?.expect(200)?;
    process::kill_hard(scene.world.launcher_pid()?)?;
    process::kill_hard(server)?;
    scene.world.stop(Signal::SIGKILL)?;
    scene.world.launch()?;
    let thief = scene.world.client()?;
    thief.set_cookie(name, &cookie);
    ensure!(!thief.is_signed_in()?, "signed in again by a crash");
    Ok(())
}

fn audited(stage: &Stage) -> Result<()> {
    let mut scene = Scene::new(stage, "ona", "")?;
    scene.world.set("rsession.conf", "allow-file-downloads=0")?;
    scene.world.reload()?;
    // On one connection: the request after the restart is the last of the server of before.
    let mut wire = scene.client.connect()?;
    let mut ask = || -> Result<String> {
        let headers = [("Host", scene.client.host()), ("Cookie", &scene.client.cookie_header())]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .chain([("Connection".to_owned(), "keep-alive".to_owned())])
            .collect::<Vec<_>>();
        let path = format!("/s/{}/files/bytes-10", scene.session);
        portcullis_testing::http1::send(&mut wire, "GET", &path, &headers, None)?;
        let answer = portcullis_testing::http1::read(&mut wire, "GET")?.expect(403)?;
        Ok(answer.header("connection").unwrap_or_default().to_owned())
    };
    ensure!(!ask()?.contains("close"), "the first answer is the last one");
    let before = scene.world.count_audit("refused", &[("session", &scene.session)])?;
    restart(&mut scene.world)?;
    ensure!(ask()?.contains("close"), "another request would follow");
    until::is("the refusal is recorded", 30, || {
        scene.world.count_audit("refused", &[("session", &scene.session)]).is_ok_and(|now| now > before)
    })
}
