//! Restart, reload, upgrade and `kill -9`: what people do goes on through them, what is revoked is cut off wherever it hangs, and
//! nobody but a server comes back as one.

mod ends;
mod impostors;
mod revoked;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::traffic::Traffic;
use portcullis_testing::{Client, Stage, World, case, process, tls, until};

/// Longer than a restart takes on a busy machine; read slowly.
const DOWNLOAD: u64 = 200_000_000;

pub(crate) fn all() -> Vec<Trial> {
    let mut all = vec![
        case("handover::a_restart_breaks_nothing_off", |stage| {
            through(stage, "ann", |world| {
                world.stop(Signal::SIGTERM)?;
                world.launch()
            })
        }),
        case("handover::an_upgrade_breaks_nothing_off", |stage| {
            through(stage, "bob", |world| {
                world.upgrade()?;
                world.stop(Signal::SIGTERM)?;
                world.launch()
            })
        }),
        case("handover::a_reload_breaks_nothing_off", |stage| {
            through(stage, "cat", |world| {
                world.set("portcullis.conf", "session-end-seconds=7")?;
                world.reload()
            })
        }),
        case("handover::a_killed_launcher_breaks_nothing_off", |stage| {
            through(stage, "dan", |world| {
                world.stop(Signal::SIGKILL)?;
                world.launch()
            })
        }),
        case("handover::many_restarts_in_a_row_break_nothing_off", |stage| {
            through(stage, "eva", |world| {
                for signal in [Signal::SIGTERM, Signal::SIGKILL, Signal::SIGTERM] {
                    world.stop(signal)?;
                    world.launch()?;
                }
                Ok(())
            })
        }),
        case("handover::after_a_killed_server_the_next_one_takes_whoever_waits", killed_server),
        case("handover::after_both_are_killed_sessions_and_sign_ins_are_there", both_killed),
        case("handover::a_session_started_before_an_upgrade_is_used_and_ended_after_it", old_session),
    ];
    all.extend(revoked::all());
    all.extend(ends::all());
    all.extend(impostors::all());
    all
}

/// A world with TLS, so that both versions of HTTP are spoken, and somebody in a session.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) client: Client,
    pub(crate) session: String,
}

impl Scene {
    pub(crate) fn new(stage: &Stage, stem: &str, conf: &str) -> Result<Self> {
        let world = stage.world().tls()?.conf("portcullis.conf", conf).start()?;
        for part in ["ended", "lost", "the launcher is gone", "knocked", "of before", "the system manager"] {
            world.log.expect(part);
        }
        let (_, client) = world.signed_in(stem)?;
        let session = client.start_session(30)?;
        Ok(Self { world, client, session })
    }

    /// A socket to the session's IDE.
    pub(crate) fn path(&self) -> String {
        format!("/s/{}/api/events/subscribe", self.session)
    }

    pub(crate) fn two(&self) -> Result<Arc<tls::Config>> {
        tls::client(self.world.certificate().context("a certificate")?, &["h2"], false)
    }

    /// What people do, of each kind.
    pub(crate) fn traffic(&self) -> Result<Vec<Traffic>> {
        let (client, two) = (&self.client, self.two()?);
        let me = format!("/s/{}/api/me", self.session);
        Ok(vec![
            Traffic::socket(client, &self.path())?,
            Traffic::socket_two(client, &two, &self.path())?,
            Traffic::requests(client, &me),
            Traffic::requests(client, "/"),
            Traffic::requests_two(client, &two, &me),
            Traffic::download(client, &self.session, DOWNLOAD),
        ])
    }
}

/// Leaves to the next launcher, and waits until the server of before accepts nobody any more.
pub(crate) fn restart(world: &mut World) -> Result<()> {
    let old = world.server()?.pid;
    world.stop(Signal::SIGTERM)?;
    world.launch()?;
    let new = world.server()?.pid;
    until::is("the server of before listens no more", 30, || sockets(old).is_disjoint(&sockets(new)))
}

/// The sockets that a process has: two processes have the same ones only where they were handed on.
fn sockets(pid: i32) -> BTreeSet<PathBuf> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let is_socket = |link: &PathBuf| link.to_string_lossy().starts_with("socket:");
    links.filter_map(|entry| std::fs::read_link(entry.path()).ok()).filter(is_socket).collect()
}

/// Traffic goes on through something that happens to the daemon, and nothing of it breaks off.
fn through(stage: &Stage, stem: &str, event: impl FnOnce(&mut World) -> Result<()>) -> Result<()> {
    let mut scene = Scene::new(stage, stem, "")?;
    let address = scene.world.address();
    let traffic = scene.traffic()?;
    for one in &traffic {
        one.goes_on(20)?;
    }
    event(&mut scene.world)?;
    ensure!(scene.world.address() == address, "another address");
    for one in &traffic {
        one.goes_on(50)?;
    }
    ensure!(scene.client.is_signed_in()?, "signed out");
    for one in traffic {
        let _ = one.stop()?;
    }
    // What is replaced and carries nothing any more ends, also with a connection that asks nothing.
    until::is("one server is left", 120, || scene.world.servers().is_ok_and(|left| left.len() == 1))?;
    let lost = scene.world.count_audit("process-lost", &[("process", "server")])?;
    ensure!(lost == 0, "{lost} servers were lost");
    Ok(())
}

fn killed_server(stage: &Stage) -> Result<()> {
    let scene = Scene::new(stage, "fay", "")?;
    let ide = scene.world.ide_process(&scene.session)?.pid;
    for _ in 0..3 {
        process::kill_hard(scene.world.server()?.pid)?;
        // At once: it waits in the socket's queue, which the launcher holds open.
        scene.client.get(&format!("/s/{}/api/me", scene.session))?.expect(200)?;
    }
    ensure!(process::is_alive(ide), "another IDE");
    Ok(())
}

fn both_killed(stage: &Stage) -> Result<()> {
    let mut scene = Scene::new(stage, "gus", "")?;
    let ide = scene.world.ide_process(&scene.session)?.pid;
    for _ in 0..3 {
        let server = scene.world.server()?.pid;
        // The launcher first: it would start another server else.
        let launcher = scene.world.launcher_pid()?;
        process::kill_hard(launcher)?;
        process::kill_hard(server)?;
        scene.world.stop(Signal::SIGKILL)?;
        scene.world.launch()?;
        let client = scene.world.client()?;
        client
            .set_cookie("__Host-portcullis", &scene.client.cookie("__Host-portcullis").context("a cookie")?);
        client.get(&format!("/s/{}/api/me", scene.session))?.expect(200)?;
    }
    ensure!(process::is_alive(ide), "another IDE");
    Ok(())
}

fn old_session(stage: &Stage) -> Result<()> {
    let mut scene = Scene::new(stage, "hal", "")?;
    let session = scene.world.session_process(&scene.session)?;
    scene.world.upgrade()?;
    scene.world.stop(Signal::SIGTERM)?;
    scene.world.launch()?;
    ensure!(
        scene.world.server()?.program != session.program.with_file_name("portcullis-server"),
        "not upgraded"
    );
    scene.client.get(&format!("/s/{}/api/me", scene.session))?.expect(200)?;
    scene.client.post(&format!("/sessions/{}/stop", scene.session), &[])?.expect(303)?;
    scene.world.await_audit("session-ended", &[("session", &scene.session), ("why", "stopped")], 30)?;
    ensure!(!process::is_alive(session.pid), "it runs still");
    scene.client.start_session(30)?;
    Ok(())
}
