//! Slow and hostile peers: what signed-in users notice of them, and how much memory they cost. Each round measures a calm
//! stretch and one under attack, so that a noisy minute disturbs both alike.
//!
//! The peers are a process of their own at the lowest priority: they stand for other machines, and it is the server's work that
//! is to be seen, not theirs.

mod attack;
mod frames;
mod users;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use portcullis_testing::{Client, Stage, World, module, until};

pub(crate) use attack::{Kind, peer};

use crate::report::{Bar, Row, Table};
use crate::{stats, usage};
use users::Sample;

/// What users may notice: at the 99th percentile at most twice what they see in calm.
const RATIO: f64 = 2.0;
/// Memory that ten thousand hostile connections may cost the server above what it had, in MB.
const SERVER_MB: f64 = 256.0;
/// The same of the launcher, which is asked for sign-ins only, without its helpers.
const LAUNCHER_MB: f64 = 16.0;
/// Connections that are none of the peers'.
const FEW: usize = 8;
/// Longer than the server keeps a connection that asks nothing.
const SETTLED_SECONDS: u64 = 120;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Pairs of stretches.
    pub(crate) rounds: usize,
    /// Of each stretch.
    pub(crate) stretch: Duration,
}

/// A world, somebody who works in it, and somebody signed in who is hostile.
struct Scene {
    world: World,
    user: Client,
    session: String,
    hostile: Client,
    theirs: String,
}

impl Scene {
    fn new(stage: &Stage) -> Result<Self> {
        // Hanging sign-ins are ended soon, as an administrator would have it who knows of them.
        let world = stage.world().tls()?.conf("portcullis.conf", "pam-timeout-seconds=10").start()?;
        world.log.expect("");
        let (_, user) = world.signed_in("user")?;
        let session = user.start_session(60)?;
        let (_, hostile) = world.signed_in("mallory")?;
        let theirs = hostile.start_session(60)?;
        Ok(Self { world, user, session, hostile, theirs })
    }

    fn memory(&self) -> Result<[f64; 2]> {
        let mb = |pid: i32| -> Result<f64> {
            Ok(u32::try_from(usage::rss_kb(pid)?).map_or(f64::NAN, f64::from) / 1024.0)
        };
        Ok([mb(self.world.server()?.pid)?, mb(self.world.launcher_pid()?)?])
    }

    /// Waits until the server holds no connection of peers any more.
    fn settle(&self) -> Result<()> {
        let port = self.world.address().port();
        until::is("the peers' connections are gone", SETTLED_SECONDS, || {
            usage::established(port).is_ok_and(|count| count <= FEW)
        })
    }

    fn users(&self, length: Duration) -> Result<Sample> {
        users::stretch(&self.user, &self.session, length)
    }
}

/// Measures all kinds, or those whose name contains a part.
///
/// # Errors
/// When a stretch can't be measured at all.
pub(crate) fn measure(plan: Plan, only: Option<&str>, bars: &mut Vec<Bar>) -> Result<Table> {
    let stage = Stage::default();
    let scene = Scene::new(&stage)?;
    scene.users(Duration::from_secs(1))?; // what is made at the first request is made
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        if only.is_none_or(|part| kind.name().contains(part)) {
            rows.push(one(&scene, kind, plan, bars).with_context(|| format!("under {}", kind.name()))?);
        }
    }
    Ok(Table {
        title: "Slow and hostile peers".into(),
        how: format!(
            "Milliseconds at the 99th percentile of somebody who is signed in: requests on a kept connection, requests on a new \
             connection each (with its TLS handshake), messages of a WebSocket; in calm and under each attack, {} rounds of \
             {} s each. Most memory of the server and the launcher meanwhile.",
            plan.rounds,
            plan.stretch.as_secs()
        ),
        columns: [
            "kept, calm",
            "kept",
            "ratio",
            "new, calm",
            "new",
            "ratio",
            "WebSocket, calm",
            "WebSocket",
            "ratio",
            "server MB, calm",
            "server MB",
            "launcher MB",
            "peers' acts",
        ]
        .map(str::to_owned)
        .into(),
        rows,
    })
}

fn one(scene: &Scene, kind: Kind, plan: Plan, bars: &mut Vec<Bar>) -> Result<Row> {
    let hanging = kind == Kind::HangingSignIns;
    let pam = std::fs::read_to_string(scene.world.pam_file())?;
    if hanging {
        let module = module::path()?;
        let text = format!("auth required {module} hang\naccount required pam_permit.so\n");
        std::fs::write(scene.world.pam_file(), text)?;
    }
    let (mut calm, mut under, mut acts) = (Vec::new(), Vec::new(), Vec::new());
    let [rest, _] = scene.memory()?;
    let (mut server, mut launcher) = (0.0_f64, 0.0_f64);
    let [_, launcher_rest] = scene.memory()?;
    for _ in 0..plan.rounds {
        // ORDER: calm is when the server has let go of the last peers' connections.
        scene.settle()?;
        calm.push(watched(scene, plan.stretch)?.0);
        let mut peers = Peers::start(scene, kind)?;
        let (sample, most) = watched(scene, plan.stretch)?;
        acts.push(peers.end()?);
        under.push(sample);
        server = server.max(most[0]);
        launcher = launcher.max(most[1]);
    }
    if hanging {
        std::fs::write(scene.world.pam_file(), pam)?;
    }
    let mut figures = Vec::new();
    for (what, of) in users::FIGURES {
        let before: Vec<f64> = calm.iter().map(of).collect();
        let during: Vec<f64> = under.iter().map(of).collect();
        let ratio = stats::median_ratio(&during, &before);
        bars.push(Bar::at_most(format!("{}: p99 of {what}, times the calm one", kind.name()), RATIO, ratio));
        let [before, during] = [before, during].map(stats::median);
        figures.extend([Some(before), Some(during), Some(ratio)]);
    }
    let failed: u32 = under.iter().map(|sample| sample.failed).sum();
    bars.push(Bar::at_most(format!("{}: users' requests that failed", kind.name()), 0.0, failed.into()));
    bars.push(Bar::at_most(
        format!("{}: memory of the server above calm, MB", kind.name()),
        SERVER_MB,
        server - rest,
    ));
    let grown = launcher - launcher_rest;
    bars.push(Bar::at_most(
        format!("{}: memory of the launcher above calm, MB", kind.name()),
        LAUNCHER_MB,
        grown,
    ));
    figures.extend([Some(rest), Some(server), Some(launcher), Some(stats::median(acts))]);
    Ok(Row { target: kind.name().into(), figures })
}

/// A stretch, and the most memory that server and launcher took during it.
fn watched(scene: &Scene, length: Duration) -> Result<(Sample, [f64; 2])> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = [0.0_f64; 2];
            while !over.load(Ordering::Acquire) {
                if let Ok(now) = scene.memory() {
                    most = [most[0].max(now[0]), most[1].max(now[1])];
                }
                std::thread::park_timeout(LOOK);
            }
            most
        });
        let sample = scene.users(length);
        over.store(true, Ordering::Release);
        watcher.thread().unpark();
        let most = watcher.join().ok().context("the watcher of memory panicked")?;
        Ok((sample?, most))
    })
}

/// The process of the peers.
struct Peers(Child);

impl Peers {
    /// Starts it and waits until it says that the attack is under way.
    fn start(scene: &Scene, kind: Kind) -> Result<Self> {
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(std::env::current_exe()?).args(["--hostile-peer", kind.name()]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut peers = Self(child);
        let told = serde_json::json!({
            "address": scene.world.address(),
            "certificate": scene.world.folder().join("tls.pem"),
            "cookie": scene.hostile.cookie_header(),
            "session": scene.theirs,
        });
        // ORDER: its standard input stays open: the end of it is the end of the attack.
        let input = peers.0.stdin.as_mut().context("no way to the peers")?;
        writeln!(input, "{told}")?;
        let mut line = String::new();
        BufReader::with_capacity(1, peers.0.stdout.as_mut().context("no way from the peers")?)
            .read_line(&mut line)?;
        if line.trim() != "ready" {
            bail!("the peers are not ready: `{line}`");
        }
        Ok(peers)
    }

    /// Ends the attack; tells how much of it there was.
    fn end(&mut self) -> Result<f64> {
        drop(self.0.stdin.take());
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().context("no way from the peers")?).read_line(&mut line)?;
        self.0.wait()?;
        line.trim().parse().with_context(|| format!("the peers say `{line}`"))
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended
        let _ = self.0.wait();
    }
}
