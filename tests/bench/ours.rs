//! Portcullis itself as a target: real sign-in, real session, the double of an IDE behind it, restrictive flags on.

use std::path::Path;

use anyhow::{Context as _, Result};
use portcullis_testing::world::World;
use portcullis_testing::{process, stage::Stage};

use crate::target::Target;
use crate::usage;

/// A restrictive configuration, so that each request is decided by the table and not waved through.
const FLAGS: &str = "allow-shell=0\nallow-vcs=0\nallow-package-installation=0\nallow-external-publish=0";

/// A running Portcullis with one session.
#[derive(Debug)]
pub(crate) struct Ours {
    /// What to load.
    pub(crate) target: Target,
    /// The world; it ends when dropped.
    pub(crate) world: World,
    session: String,
}

/// By which way bytes get to the IDE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The session hands over a connection (`session-transport=unix`).
    HandedOver,
    /// The session relays a port of `session-port-range`.
    Relayed,
}

/// Starts it.
///
/// # Errors
/// When sign-in or session fail.
pub(crate) fn start(stage: &Stage, way: Way, token: &str) -> Result<Ours> {
    start_of(stage, None, way, token)
}

/// Starts the daemon of another build: of the programs in this folder.
///
/// # Errors
/// When sign-in or session fail.
pub(crate) fn start_of(stage: &Stage, programs: Option<&Path>, way: Way, token: &str) -> Result<Ours> {
    let (name, transport) = match way {
        Way::HandedOver => ("portcullis", "unix"),
        Way::Relayed => ("portcullis, relayed port", "tcp"),
    };
    let mut builder = stage.world();
    if let Some(folder) = programs {
        builder = builder.programs(folder);
    }
    let world = builder
        .conf("rsession.conf", FLAGS)
        .conf("portcullis.conf", &format!("session-transport={transport}"))
        .double(&[])
        .start()?;
    let (target, session) = target(&world, name, "bench", token)?;
    Ok(Ours { target, world, session })
}

/// Somebody signs in and starts a session: both are what is loaded.
fn target(world: &World, name: &'static str, user: &str, token: &str) -> Result<(Target, String)> {
    let (_, client) = world.signed_in(user)?;
    let session = client.start_session(30)?;
    let pids = pids(world, &session)?;
    let target = Target {
        name,
        address: world.address(),
        prefix: format!("/s/{session}/"),
        cookie: client.cookie_header(),
        token: token.to_owned(),
        pids,
    };
    Ok((target, session))
}

/// Server, session process and keeper: everything that exists because of the proxying. The launcher is counted too; it
/// takes no part in a request, which the figures then show.
fn pids(world: &World, session: &str) -> Result<Vec<i32>> {
    let session = world.session_process(session)?;
    Ok(vec![world.launcher_pid()?, world.server()?.pid, session.parent, session.pid])
}

/// What each process takes when nothing happens, in kB PSS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Idle {
    /// Launcher.
    pub(crate) launcher: u64,
    /// Server.
    pub(crate) server: u64,
    /// Session process.
    pub(crate) session: u64,
    /// Keeper: root's process that holds the PAM session.
    pub(crate) keeper: u64,
}

impl Ours {
    /// After a restart that took everybody's sign-in: somebody else signs in and starts a session.
    ///
    /// # Errors
    /// When that fails.
    pub(crate) fn again(&mut self, user: &str, token: &str) -> Result<Target> {
        (self.target, self.session) = target(&self.world, self.target.name, user, token)?;
        Ok(self.target.clone())
    }

    /// Memory of each process now.
    ///
    /// # Errors
    /// When one is gone.
    pub(crate) fn idle(&self) -> Result<Idle> {
        let session = self.world.session_process(&self.session)?;
        let keeper = process::read(session.parent).context("the keeper is gone")?;
        Ok(Idle {
            launcher: usage::pss_kb(&[self.world.launcher_pid()?])?,
            server: usage::pss_kb(&[self.world.server()?.pid])?,
            session: usage::pss_kb(&[session.pid])?,
            keeper: usage::pss_kb(&[keeper.pid])?,
        })
    }
}
