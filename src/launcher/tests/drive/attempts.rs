//! Answers that come late, or not at all: whose they are, and what nobody learns from them.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_model::sign_in::{Denied, PublicDenial};
use portcullis_testing::servers::people::Person;
use portcullis_testing::servers::slapd::{READER_PASSWORD, Slapd};
use portcullis_testing::{Stage, account, case, place, process, until};
use portcullis_wire::{ToLauncher, ToServer};

use crate::drive::{Drive, Link, UNIX};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("an answer to an attempt of before is not the next one's", numbers),
        case("a store that hangs tells no right password from a wrong one", hangs),
        case("who is revoked while their account is opened does not come in", revoked),
    ]
}

/// A role's process of this launcher.
fn role(drive: &Drive, shown: &str) -> Result<i32> {
    let launcher = drive.pid()?;
    until::some(&format!("a process {shown}"), 20, || {
        let named = |pid: i32| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == shown)
        };
        Ok(process::descendants(launcher).into_iter().map(|one| one.pid).find(|pid| named(*pid)))
    })
}

/// The number of a conversation is the server's choice, and may be used again while what was asked before is still examined.
fn numbers(_: &Stage) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    const RIGHT: &str = "Directory-Pass-1";
    let slapd = Slapd::shared()?;
    let mut drive = Drive::start(UNIX, "", "")?;
    let conf = drive.state().with_file_name("conf");
    let secret = conf.join("reader");
    std::fs::write(&secret, READER_PASSWORD)?;
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600))?;
    let section = format!(
        "[main]\nserver-address={}\nstart-tls=1\nca-file={}\nbind-dn={}\nbind-password-file={}\n\
         user-search-base=ou=people,{}\nuser-object-class=inetOrgPerson\nusername-attribute=uid\n\
         unique-id-attribute=entryUUID\n",
        slapd.address(),
        slapd.ca_file().display(),
        slapd.reader(),
        secret.display(),
        slapd.suffix(),
    );
    std::fs::write(conf.join("ldap.conf"), section)?;
    let own = std::fs::read_to_string(conf.join("portcullis.conf"))?;
    std::fs::write(conf.join("portcullis.conf"), format!("{own}auth-ldap=1\n"))?;
    drive.restart()?;
    let link = drive.ready()?;
    let account = account::create("dir", &[])?;
    slapd.person(&Person::new(&account.name, "Dora", "Directory", RIGHT, account.uid))?;
    link.sign_in(1, &account.name, RIGHT)?;
    link.signed_in(1)?;
    // Both are asked while nobody answers: the first by somebody who went away, the second by somebody who doesn't know it.
    let ask = role(&drive, "pc-ask")?;
    process::signal(ask, Signal::SIGSTOP)?;
    link.sign_in(7, &account.name, RIGHT)?;
    link.send(&ToLauncher::SignInCancel { conversation: 7 })?;
    ensure!(link.denied(7)? == Denied::Cancelled);
    link.sign_in(7, &account.name, "wrong")?;
    process::signal(ask, Signal::SIGCONT)?;
    let reason = link.denied(7)?;
    ensure!(reason == Denied::Credentials, "{reason:?}: the answer to the first was the second's");
    Ok(())
}

/// All that is told of these conversations, and when.
fn told(link: &Link, wanted: &[u64], since: Instant) -> Result<Vec<(Denied, Duration)>> {
    let mut all = Vec::new();
    for _ in wanted {
        all.push(link.find("denial", |message| match message {
            ToServer::Denied { conversation, reason, .. } if wanted.contains(conversation) => {
                Some((*reason, since.elapsed()))
            }
            _ => None,
        })?);
    }
    Ok(all)
}

/// Whoever proved something waits for the account, and is told in the end that it doesn't work; who proved nothing must not be told
/// that sooner.
fn hangs(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let link = drive.ready()?;
    let account = account::create("held", &[])?;
    link.sign_in(1, &account.name, &account.password)?;
    link.signed_in(1)?;
    let store = role(&drive, "pc-store")?;
    process::signal(store, Signal::SIGSTOP)?;
    let since = Instant::now();
    link.sign_in(2, &account.name, &account.password)?;
    link.sign_in(3, &account.name, "wrong")?;
    link.sign_in(4, "nobody-of-this-name", "wrong")?;
    let all = told(&link, &[2, 3, 4], since)?;
    let (first, last) = (all[0].1, all[2].1);
    ensure!(all.iter().all(|(reason, _)| reason.public() == PublicDenial::Unavailable), "{all:?}");
    // Who proved nothing could be told nine seconds before the others; beside other tests PAM takes its time with either.
    let most = until::promised(Duration::from_millis(1500)).min(Duration::from_secs(5));
    ensure!(last - first < most, "a clock tells them apart: {all:?}");
    // It is there again: each is told what it is.
    process::signal(store, Signal::SIGCONT)?;
    link.sign_in(5, &account.name, "wrong")?;
    ensure!(link.denied(5)? == Denied::Credentials);
    link.sign_in(6, &account.name, &account.password)?;
    link.signed_in(6)?;
    Ok(())
}

fn revoked(_: &Stage) -> Result<()> {
    let marker = format!("/run/marker-{}", place::next_number());
    // The last module runs when the password is proven; then comes the account.
    let pam = format!("{UNIX}account optional pam_exec.so quiet /usr/bin/touch {marker}\n");
    let drive = Drive::start(&pam, "", "")?;
    let link = drive.ready()?;
    let account = account::create("put-out", &[])?;
    let store = role(&drive, "pc-store")?;
    process::signal(store, Signal::SIGSTOP)?;
    link.sign_in(1, &account.name, &account.password)?;
    let launcher = drive.pid()?;
    until::is("PAM said yes", 20, || {
        let helps = |one: &process::Process| one.args.iter().any(|arg| arg == "pam-helper");
        std::path::Path::new(&marker).exists() && !process::descendants(launcher).iter().any(helps)
    })?;
    let mut command = Command::new(place::program("portcullis"));
    command.args(["revoke", &account.name]).arg("--run-dir").arg(drive.state().with_file_name("run"));
    let output = command.output().context("cannot run portcullis")?;
    process::signal(store, Signal::SIGCONT)?;
    let reason = link.denied(1).with_context(|| format!("{output:?}"))?;
    ensure!(reason == Denied::Account, "{reason:?}");
    // Afterwards it is a matter of a password again.
    link.sign_in(2, &account.name, &account.password)?;
    link.signed_in(2)?;
    Ok(())
}
