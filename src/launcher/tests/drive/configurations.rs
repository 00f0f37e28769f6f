//! Which configuration is in force: the newest server says so, once.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::{Stage, case, until};
use portcullis_wire::{ToLauncher, ToServer};

use crate::drive::{Drive, Link, UNIX};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("a configuration in force is not given up for a server that refuses it later", later),
        case("two reloads that the server refuses end where it was before", both),
        case("a server that died before it judged leaves that to the next one", unjudged),
        case("what is in force is given up for no server that is started with it", started),
    ]
}

/// Reads the configuration again, which has another line then.
fn reload(drive: &Drive, link: &Link, generation: u64) -> Result<()> {
    let conf = drive.folder.join("conf/portcullis.conf");
    // An option may stand there once.
    let line = ["drain-seconds=3", "connections-max=5000"][usize::from(generation > 2)];
    fs::write(&conf, format!("{}{line}\n", fs::read_to_string(&conf)?))?;
    drive.signal(Signal::SIGHUP)?;
    link.find("configuration", |message| match message {
        ToServer::Configuration(told) => (told.generation == generation).then_some(()),
        _ => None,
    })
}

fn refuse(link: &Link, generation: u64) -> Result<()> {
    link.send(&ToLauncher::ConfigurationRefused { generation, why: "a test says so".into() })
}

/// What the next server is started with.
fn next(drive: &Drive) -> Result<(Link, u64)> {
    let link = drive.server()?;
    let generation = link.find("greeting", |message| match message {
        ToServer::Hello(hello) => Some(hello.configuration.generation),
        _ => None,
    })?;
    Ok((link, generation))
}

fn later(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let link = drive.ready()?;
    reload(&drive, &link, 2)?;
    link.send(&ToLauncher::ConfigurationInForce { generation: 2 })?;
    for generation in [2, 1, 3] {
        refuse(&link, generation)?;
    }
    until::is("they are ignored", 20, || drive.log().matches("decided: ignored").count() == 3)?;
    drop(link);
    let (link, generation) = next(&drive)?;
    ensure!(generation == 2, "{generation} is in force");
    // So it is when a server has been started with it.
    link.send(&ToLauncher::Ready)?;
    refuse(&link, 2)?;
    until::is("it is ignored", 20, || drive.log().matches("decided: ignored").count() == 4)?;
    drop(link);
    ensure!(next(&drive)?.1 == 2);
    ensure!(!drive.records()?.iter().any(|record| record["outcome"] == "kept-old"));
    Ok(())
}

fn both(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let link = drive.ready()?;
    reload(&drive, &link, 2)?;
    reload(&drive, &link, 3)?;
    for generation in [2, 3] {
        refuse(&link, generation)?;
        let number = generation.to_string();
        drive.record("configured", &[("outcome", "kept-old"), ("generation", &number)])?;
    }
    drop(link);
    let generation = next(&drive)?.1;
    ensure!(generation == 1, "{generation} is in force");
    Ok(())
}

fn unjudged(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let link = drive.ready()?;
    reload(&drive, &link, 2)?;
    drop(link);
    let (link, generation) = next(&drive)?;
    ensure!(generation == 2, "{generation} is in force");
    refuse(&link, 2)?;
    link.is_closed()?;
    drop(link);
    let generation = next(&drive)?.1;
    ensure!(generation == 1, "{generation} is in force");
    Ok(())
}

fn started(_: &Stage) -> Result<()> {
    let mut drive = Drive::start(UNIX, "", "")?;
    let link = drive.ready()?;
    reload(&drive, &link, 2)?;
    link.send(&ToLauncher::ConfigurationInForce { generation: 2 })?;
    until::is("it is in force", 20, || drive.log().contains("configuration 2 is in force"))?;
    drop(link);
    for _ in 0..2 {
        let (link, generation) = next(&drive)?;
        ensure!(generation == 2, "{generation} is in force");
        refuse(&link, 2)?;
        // Nobody is served by it, nor by anything older.
        link.is_closed()?;
    }
    drive.record("process-lost", &[("status", "the server can't use the configuration")])?;
    let (link, generation) = next(&drive)?;
    ensure!(generation == 2 && drive.launcher.try_wait()?.is_none());
    link.send(&ToLauncher::Ready)?;
    link.sign_in(1, "nobody-like-that", "x")?;
    link.denied(1).map(drop).context("it works on")
}
