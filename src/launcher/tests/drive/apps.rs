//! Applications: what the launcher starts is declared, open to whoever asks, and reached by nobody else, whatever the server says.

use anyhow::{Result, bail, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_model::session::Ide;
use portcullis_model::sign_in::SignIn;
use portcullis_testing::{Stage, case};
use portcullis_wire::launcher::OpenError;
use portcullis_wire::{ToLauncher, ToServer};

use crate::drive::{Drive, Link, UNIX};
use crate::sessions::signed_in;

pub(crate) fn all() -> Vec<Trial> {
    vec![case("an application that is undeclared, closed or on TCP is not started", refused)]
}

const CONF: &str = "[app closed]\ncommand=/bin/true {socket}\nusers=somebody\n[app old]\ntitle=Old\n\
                    command=/bin/true {port}\nlisten=tcp\n[app gone]\ncommand=/nowhere/program {socket}\n";

fn open(link: &Link, sign_in: &SignIn, number: u64, name: &str) -> Result<OpenError> {
    let ide = Ide::App(name.parse()?);
    link.send(&ToLauncher::OpenSession { request: number, sign_in: sign_in.id, ide })?;
    let result = link.find("answer", |message| match message {
        ToServer::Opened { request, result } if *request == number => Some(result.clone()),
        _ => None,
    })?;
    match result {
        Ok(id) => bail!("`{name}` was opened as {id}"),
        Err(error) => Ok(error),
    }
}

fn refused(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let (_, link, sign_in) = signed_in(&drive)?;
    let nothing = open(&link, &sign_in, 11, "closed")?;
    ensure!(
        nothing
            == OpenError::NotOffered {
                why: "the application `closed` is not declared in adapters.conf".into()
            },
        "{nothing:?}"
    );
    std::fs::write(drive.folder.join("conf/adapters.conf"), CONF)?;
    drive.signal(Signal::SIGHUP)?;
    link.find("configuration", |message| matches!(message, ToServer::Configuration(_)).then_some(()))?;
    let why = |number, name| match open(&link, &sign_in, number, name)? {
        OpenError::NotOffered { why } => Ok(why),
        other => bail!("{other:?}"),
    };
    let closed = why(12, "closed")?;
    ensure!(closed == "closed is not open to this account: users=somebody (adapters.conf:3)", "{closed}");
    let tcp = why(13, "old")?;
    ensure!(tcp.starts_with("Old is not started: it can only listen on a TCP port"), "{tcp}");
    let undeclared = why(14, "ghost")?;
    ensure!(undeclared.contains("`ghost` is not declared"), "{undeclared}");
    let gone = open(&link, &sign_in, 15, "gone")?;
    ensure!(gone == OpenError::NotInstalled { program: "`/nowhere/program`".into() }, "{gone:?}");
    ensure!(
        !drive.records()?.iter().any(|record| record["event"] == "session-started"),
        "something was started"
    );
    Ok(())
}
