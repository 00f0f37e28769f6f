//! A server of before ends: when nothing hangs on it, at its bound, when the service is stopped, when no launcher comes.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::steps::{Download, Step as _};
use portcullis_testing::{Stage, case, process, until, websocket};

use super::{Scene, restart};

/// More than all buffers on the way hold.
const LONG: u64 = 64_000_000;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("handover::a_replaced_server_ends_at_its_bound", bound),
        case("handover::without_handover_minutes_a_replaced_server_ends_at_once", none),
        case("handover::at_most_four_servers_finish", four),
        case("handover::a_stopped_service_leaves_sessions_and_no_server", stopped),
        case("handover::an_ordered_end_ends_servers_of_before_too", ordered_end),
        case("handover::without_another_launcher_servers_end_after_a_minute", no_launcher),
        case("handover::the_last_record_of_a_server_waits_for_the_next_launcher", last_record),
        case("handover::the_watchdog_hears_from_a_loop_that_turns", watchdog),
    ]
}

fn bound(stage: &Stage) -> Result<()> {
    let mut scene = Scene::new(stage, "pia", "handover-minutes=1")?;
    let mut socket = websocket::open(&scene.client, &scene.path(), &[])?;
    let old = scene.world.server()?.pid;
    let began = std::time::Instant::now();
    scene.world.stop(Signal::SIGTERM)?;
    scene.world.launch()?;
    scene.world.await_audit("server-replaced", &[("why", "replaced"), ("websockets", "1")], 20)?;
    // It goes on until its bound, and is told goodbye then.
    while websocket::echo(&mut socket, "x").is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let passed = began.elapsed().as_secs();
    ensure!((55..90).contains(&passed), "cut after {passed} s");
    until::is("it has ended", 20, || !process::is_alive(old))
}

fn none(stage: &Stage) -> Result<()> {
    let mut scene = Scene::new(stage, "quy", "handover-minutes=0")?;
    let mut socket = websocket::open(&scene.client, &scene.path(), &[])?;
    let old = scene.world.server()?.pid;
    scene.world.stop(Signal::SIGTERM)?;
    scene.world.launch()?;
    let (code, _) = websocket::await_close(&mut socket)?;
    ensure!(code == Some(1001), "close code {code:?}");
    until::is("it has ended", 20, || !process::is_alive(old))
}

fn four(stage: &Stage) -> Result<()> {
    let mut scene = Scene::new(stage, "rob", "")?;
    scene.world.log.expect("the oldest is ended");
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(websocket::open(&scene.client, &scene.path(), &[])?);
        restart(&mut scene.world)?;
    }
    scene.world.await_audit("server-replaced", &[("why", "too-many")], 30)?;
    until::is("four and the one that serves", 60, || {
        scene.world.servers().is_ok_and(|servers| servers.len() == 5)
    })?;
    for socket in sockets.iter_mut().skip(1) {
        websocket::echo(socket, "x")?;
    }
    let (code, _) = websocket::await_close(&mut sockets[0])?;
    ensure!(code == Some(1001), "close code {code:?}");
    Ok(())
}

fn stopped(stage: &Stage) -> Result<()> {
    let mut scene = Scene::new(stage, "sue", "drain-seconds=1")?;
    let mut socket = websocket::open(&scene.client, &scene.path(), &[])?;
    scene.world.stop(Signal::SIGTERM)?;
    scene.world.launch()?;
    let servers = scene.world.servers()?;
    ensure!(servers.len() == 2, "{servers:?}");
    let ide = scene.world.ide_process(&scene.session)?.pid;
    let status = scene.world.stop(Signal::SIGQUIT)?;
    ensure!(status.success(), "{status}");
    ensure!(servers.iter().all(|pid| !process::is_alive(*pid)), "servers live on");
    websocket::await_close(&mut socket)?;
    ensure!(scene.client.get("/healthz").is_err(), "somebody listens");
    ensure!(process::is_alive(ide), "the session ended");
    scene.world.launch()?;
    let fresh = scene.world.client()?;
    let name = "__Host-portcullis";
    fresh.set_cookie(name, &scene.client.cookie(name).unwrap_or_default());
    fresh.get(&format!("/s/{}/api/me", scene.session))?.expect(200)?;
    Ok(())
}

fn ordered_end(stage: &Stage) -> Result<()> {
    let mut scene = Scene::new(stage, "tom", "drain-seconds=1")?;
    let _socket = websocket::open(&scene.client, &scene.path(), &[])?;
    scene.world.stop(Signal::SIGTERM)?;
    scene.world.launch()?;
    let servers = scene.world.servers()?;
    scene.world.stop(Signal::SIGINT)?;
    ensure!(servers.iter().all(|pid| !process::is_alive(*pid)), "servers live on: {servers:?}");
    Ok(())
}

fn no_launcher(stage: &Stage) -> Result<()> {
    let mut scene = Scene::new(stage, "uma", "drain-seconds=1")?;
    scene.world.log.expect("no launcher came");
    // One of before that has something to finish, and the one that serves.
    let mut socket = websocket::open(&scene.client, &scene.path(), &[])?;
    scene.world.stop(Signal::SIGTERM)?;
    scene.world.launch()?;
    let servers = scene.world.servers()?;
    ensure!(servers.len() == 2, "{servers:?}");
    scene.world.stop(Signal::SIGTERM)?;
    // Meanwhile they serve those they know.
    scene.client.get(&format!("/s/{}/api/me", scene.session))?.expect(200)?;
    websocket::echo(&mut socket, "x")?;
    // Nobody could end that stream any more.
    until::is("the WebSocket ends", 90, || websocket::echo(&mut socket, "x").is_err())?;
    until::is("they end", 20, || !servers.iter().any(|pid| process::is_alive(*pid)))?;
    scene.world.log.await_line("no launcher came", 5)?;
    Ok(())
}

fn last_record(stage: &Stage) -> Result<()> {
    let mut scene = Scene::new(stage, "val", "")?;
    scene.world.log.expect("the launcher is gone");
    let path = format!("counted-{LONG}");
    let mut download = Download::new(&scene.client, &scene.session, LONG);
    let mut got = download.step()?;
    let old = scene.world.server()?.pid;
    scene.world.stop(Signal::SIGTERM)?;
    scene.world.launch()?;
    ensure!(scene.world.servers()?.contains(&old), "nothing hung on it");
    scene.world.log.await_line("another server takes what is new", 20)?;
    scene.world.stop(Signal::SIGKILL)?;
    while got < LONG {
        got += download.step()?;
    }
    scene.world.log.await_line("waiting for a launcher that takes the last records", 20)?;
    ensure!(process::is_alive(old), "it is gone with its record");
    ensure!(scene.world.count_audit("transfer", &[("path", &path)])? == 0, "recorded by nobody");
    scene.world.launch()?;
    scene.world.await_audit("transfer", &[("path", &path)], 20)?;
    until::is("it has ended", 20, || !process::is_alive(old))
}

fn watchdog(stage: &Stage) -> Result<()> {
    let mut world = stage.world().environment("WATCHDOG_USEC", "400000").start()?;
    for _ in 0..3 {
        world.await_notification("WATCHDOG=1", 10)?;
    }
    let launcher = world.launcher_pid()?;
    process::signal(launcher, Signal::SIGSTOP)?;
    // What was said before may still be there; then nothing comes.
    until::is("it is silent", 20, || world.await_notification("WATCHDOG=1", 2).is_err())?;
    process::signal(launcher, Signal::SIGCONT)?;
    world.await_notification("WATCHDOG=1", 10)
}
