//! A launcher that hangs or dies, a configuration that is wrong, a stop, a socket that systemd holds.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use nix::sys::signal::Signal;
use portcullis_testing::{Client, process, until};

use super::Scene;
use super::scene::{ADDRESS, SECONDS, await_other, launcher, output, properties, property, run};

/// The unit's own half minute would be waited for in every run.
const IMPATIENT: &str = "[Service]\nWatchdogSec=3\n";
const DROP_IN: &str = "/etc/systemd/system/portcullis.service.d";
/// Longer than `RestartSec=`.
const NOT_AGAIN: Duration = Duration::from_secs(3);

pub(super) fn hung(scene: &mut Scene) -> Result<()> {
    fs::create_dir_all(DROP_IN)?;
    fs::write(format!("{DROP_IN}/test.conf"), IMPATIENT)?;
    run("systemctl", &["daemon-reload"])?;
    let outcome = replaced(scene);
    fs::remove_dir_all(DROP_IN)?;
    run("systemctl", &["daemon-reload"])?;
    run("systemctl", &["restart", "portcullis"])?;
    outcome
}

fn replaced(scene: &mut Scene) -> Result<()> {
    run("systemctl", &["restart", "portcullis"])?;
    // It lives on its own for longer than the watchdog waits.
    let before = launcher()?;
    let began = Instant::now();
    until::is("twice the watchdog's time passes", SECONDS, || began.elapsed() > Duration::from_secs(6))?;
    ensure!(launcher()? == before, "it was replaced although it was alive");
    let restarts: u32 = property("NRestarts")?.parse()?;
    process::signal(before, Signal::SIGSTOP)?;
    await_other(before)?;
    let after: u32 = property("NRestarts")?.parse()?;
    ensure!(after == restarts + 1, "{after} restarts after {restarts}");
    ensure!(!process::is_alive(before), "the hung one is there still");
    scene.answers()?;
    scene.echoes()
}

pub(super) fn killed(scene: &mut Scene) -> Result<()> {
    let before = launcher()?;
    process::signal(before, Signal::SIGKILL)?;
    await_other(before)?;
    scene.answers()?;
    scene.echoes()
}

pub(super) fn wrong(scene: &mut Scene) -> Result<()> {
    run("systemctl", &["stop", "portcullis"])?;
    let good = fs::read_to_string("/etc/rstudio/rserver.conf")?;
    fs::write("/etc/rstudio/rserver.conf", format!("{good}www-prot=1\n"))?;
    let started = output("systemctl", &["start", "portcullis"])?;
    ensure!(!started.status.success(), "it started with a wrong configuration");
    let began = Instant::now();
    until::is("it is not tried again", SECONDS, || began.elapsed() > NOT_AGAIN)?;
    let now = properties()?;
    fs::write("/etc/rstudio/rserver.conf", good)?;
    ensure!(now["ActiveState"] == "failed", "it is {}", now["ActiveState"]);
    ensure!(now["ExecMainStatus"] == "78", "it ended with {}", now["ExecMainStatus"]);
    ensure!(now["NRestarts"] == "0", "it was started again {} times", now["NRestarts"]);
    let said = super::scene::journal();
    ensure!(
        said.contains("www-prot") && said.contains("rserver.conf:4"),
        "the journal doesn't name the line:\n{said}"
    );
    run("systemctl", &["reset-failed", "portcullis"])?;
    run("systemctl", &["start", "portcullis"])?;
    scene.answers()
}

pub(super) fn stopped(scene: &mut Scene) -> Result<()> {
    let (main, server) = (launcher()?, ["portcullis-launcher", "portcullis-server"]);
    run("systemctl", &["stop", "portcullis"])?;
    ensure!(!process::is_alive(main), "the launcher is there still");
    until::is("nobody serves any more", SECONDS, || {
        !process::all().iter().any(|one| server.contains(&one.name()) && one.args.len() <= 1)
    })?;
    let refused = std::net::TcpStream::connect(std::net::SocketAddr::from(ADDRESS));
    ensure!(refused.is_err(), "somebody listens still");
    ensure!(process::is_alive(scene.ide), "the session ended with the daemon");
    run("systemctl", &["start", "portcullis"])?;
    scene.answers()?;
    scene.connect()
}

/// systemd holds the port: whoever comes first has the daemon started, and waits.
pub(super) fn socket(scene: &mut Scene) -> Result<()> {
    let drop_in = "/etc/systemd/system/portcullis.socket.d";
    fs::create_dir_all(drop_in)?;
    fs::write(format!("{drop_in}/test.conf"), "[Socket]\nListenStream=\nListenStream=127.0.0.1:8787\n")?;
    run("systemctl", &["daemon-reload"])?;
    run("systemctl", &["stop", "portcullis"])?;
    run("systemctl", &["start", "portcullis.socket"])?;
    ensure!(property("ActiveState")? == "inactive", "the daemon runs already");
    let page = Client::new(ADDRESS.into()).get("/auth-sign-in")?;
    ensure!(page.status == 200, "the sign-in page is answered {}", page.status);
    ensure!(property("ActiveState")? == "active", "the daemon was not started");
    scene.answers()?;
    // Held by systemd: it is the same socket across a restart.
    run("systemctl", &["restart", "portcullis"])?;
    scene.answers()?;
    run("systemctl", &["stop", "portcullis.socket", "portcullis.service"])?;
    fs::remove_dir_all(drop_in)?;
    run("systemctl", &["daemon-reload"])?;
    run("systemctl", &["start", "portcullis"])?;
    scene.answers()
}
