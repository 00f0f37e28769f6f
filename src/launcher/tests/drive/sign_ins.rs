//! Every way a sign-in can go.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use libtest_mimic::Trial;
use portcullis_model::sign_in::Denied;
use portcullis_testing::{Stage, account, case, module, process, until};
use portcullis_wire::{PromptStyle, ToLauncher};

use crate::drive::{Drive, UNIX};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("a sign-in is on disk before it is told, and a sign-out survives kill -9", durable),
        case("refusals take the same time whatever their reason", refusals),
        case("an expired password is changed in the conversation", expired),
        case("two prompts and messages are relayed", two_prompts),
        case("a module that hangs meets its deadline, and a cancel kills its helper", hanging),
        case("no more helpers than allowed run at a time, the others wait", pool),
        case("a module that crashes refuses", crashing),
        case("an account that another name leads to is judged by what it is", renamed),
        case("guessing is slowed down", throttled),
    ]
}

fn durable(_: &Stage) -> Result<()> {
    let mut drive = Drive::start(UNIX, "", "")?;
    let alice = account::create("alice", &[])?;
    let link = drive.ready()?;
    for conversation in [1, 2] {
        link.sign_in(conversation, &alice.name, &alice.password)?;
    }
    let (first, second) = (link.signed_in(1)?, link.signed_in(2)?);
    ensure!(first.principal.uid.0 == alice.uid && first.principal.groups == [alice.name.clone()]);
    let records = drive.records()?;
    ensure!(records.iter().filter(|record| record["event"] == "sign-in").count() == 2, "{records:?}");
    link.sign_out(first.id)?;
    drive.restart()?;
    let link = drive.ready()?;
    let alive = link.signed_in_before();
    ensure!(alive == [second], "{alive:?}");
    drive.record("sign-in-ended", &[("why", "signed-out"), ("sign_in", &first.id.to_string())])?;
    Ok(())
}

fn refusals(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "sign-in-failure-seconds=2", "")?;
    let locked = account::create("locked", &[])?;
    account::shadow("usermod", &["-L", &locked.name])?;
    let system = account::create("system", &["--system"])?;
    let alice = account::create("alice", &[])?;
    let gone = account::create("gone", &[])?;
    account::shadow("chage", &["-E", "2020-01-01", &gone.name])?;
    let link = drive.ready()?;
    let long = "x".repeat(64 * 1024);
    let cases = [
        (alice.name.as_str(), "wrong", Denied::Credentials),
        ("no-such-account", "wrong", Denied::Credentials),
        (&locked.name, &locked.password, Denied::Credentials),
        (&gone.name, &gone.password, Denied::Account),
        (&system.name, &system.password, Denied::NotPermitted),
        ("a b;c", "x", Denied::BadName),
        ("../../etc/passwd", "x", Denied::BadName),
        (&alice.name, "", Denied::Credentials),
        (&alice.name, &long, Denied::Credentials),
        (&alice.name, "a\0b", Denied::Credentials),
    ];
    for (n, (user, password, reason)) in (1..).zip(cases) {
        let begun = Instant::now();
        link.sign_in(n, user, password)?;
        let found = link.denied(n)?;
        ensure!(found == reason, "{user}: {found:?}");
        let took = begun.elapsed();
        // What is promised is the moment before which nothing is told; afterwards it is the machine's own time.
        let most = Duration::from_secs(2) + until::promised(Duration::from_millis(600));
        ensure!(took >= Duration::from_millis(1990) && took < most, "{user}: {took:?}");
    }
    let denied = drive.records()?.iter().filter(|record| record["event"] == "sign-in-denied").count();
    ensure!(denied == cases.len(), "{denied}");
    Ok(())
}

fn expired(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let alice = account::create("alice", &[])?;
    account::shadow("chage", &["-d", "0", &alice.name])?;
    let link = drive.ready()?;
    link.sign_in(1, &alice.name, &alice.password)?;
    for answer in [alice.password.as_str(), "A-new-1-pass-word", "A-new-1-pass-word"] {
        let prompts = link.prompts(1)?;
        ensure!(prompts.iter().filter(|prompt| prompt.style.wants_answer()).count() == 1, "{prompts:?}");
        link.answer(1, answer)?;
    }
    link.signed_in(1)?;
    link.sign_in(2, &alice.name, "A-new-1-pass-word")?;
    link.signed_in(2).map(drop)
}

fn two_prompts(_: &Stage) -> Result<()> {
    let module = module::path()?;
    let pam = format!(
        "auth required {module} info=Welcome ask=Password: answer=pw error=Look ask=Code: answer=123456\n\
         account required pam_permit.so\n"
    );
    let drive = Drive::start(&pam, "", "")?;
    let alice = account::create("alice", &[])?;
    let link = drive.ready()?;
    link.sign_in(1, &alice.name, "pw")?;
    let said: Vec<_> = link.prompts(1)?.into_iter().map(|prompt| (prompt.style, prompt.text)).collect();
    let wanted =
        [(PromptStyle::Info, "Welcome"), (PromptStyle::Error, "Look"), (PromptStyle::Hidden, "Code:")];
    ensure!(said.iter().map(|(style, text)| (*style, text.as_str())).eq(wanted), "{said:?}");
    link.answer(1, "123456")?;
    link.signed_in(1)?;
    link.sign_in(2, &alice.name, "pw")?;
    link.prompts(2)?;
    link.answer(2, "000000")?;
    ensure!(link.denied(2)? == Denied::Credentials);
    // An answer that nobody asked for, and one that is too long.
    link.sign_in(3, &alice.name, "pw")?;
    link.prompts(3)?;
    link.answer(3, &"1".repeat(600))?;
    ensure!(link.denied(3)? == Denied::Credentials);
    Ok(())
}

fn helpers(drive: &Drive) -> Result<usize> {
    let family = process::descendants(drive.pid()?);
    Ok(family.iter().filter(|one| one.args.iter().any(|arg| arg == "pam-helper") && one.state != "Z").count())
}

fn hanging(_: &Stage) -> Result<()> {
    let pam = format!("auth required {} hang\naccount required pam_permit.so\n", module::path()?);
    let drive = Drive::start(&pam, "pam-timeout-seconds=10", "")?;
    let link = drive.ready()?;
    link.sign_in(1, "somebody", "x")?;
    link.sign_in(2, "somebody-else", "x")?;
    until::is("two helpers", 10, || helpers(&drive).is_ok_and(|n| n == 2))?;
    link.send(&ToLauncher::SignInCancel { conversation: 2 })?;
    ensure!(link.denied(2)? == Denied::Cancelled);
    until::is("one helper", 10, || helpers(&drive).is_ok_and(|n| n == 1))?;
    ensure!(link.denied(1)? == Denied::Deadline);
    until::is("no helper", 10, || helpers(&drive).is_ok_and(|n| n == 0))?;
    drive.record("sign-in-denied", &[("reason", "deadline"), ("user", "somebody")])?;
    drive.record("sign-in-denied", &[("reason", "cancelled"), ("user", "somebody-else")])?;
    // A server that goes away takes its conversations with it.
    link.sign_in(3, "somebody", "x")?;
    until::is("one helper", 10, || helpers(&drive).is_ok_and(|n| n == 1))?;
    drop(link);
    until::is("no helper", 10, || helpers(&drive).is_ok_and(|n| n == 0))
}

fn pool(_: &Stage) -> Result<()> {
    let module = module::path()?;
    let pam = format!("auth required {module} ask=Code: answer=1\naccount required pam_permit.so\n");
    let drive = Drive::start(&pam, "sign-in-max-concurrent=2", "")?;
    let alice = account::create("alice", &[])?;
    let link = drive.ready()?;
    for conversation in 1..=3 {
        link.sign_in(conversation, &alice.name, "x")?;
    }
    link.prompts(1)?;
    link.prompts(2)?;
    ensure!(helpers(&drive)? == 2);
    link.answer(1, "1")?;
    link.signed_in(1)?;
    link.prompts(3)?;
    for conversation in [2, 3] {
        link.answer(conversation, "1")?;
        link.signed_in(conversation)?;
    }
    Ok(())
}

fn crashing(_: &Stage) -> Result<()> {
    for end in ["crash", "exit"] {
        let pam = format!("auth required {} {end}\naccount required pam_permit.so\n", module::path()?);
        let drive = Drive::start(&pam, "", "")?;
        let link = drive.ready()?;
        link.sign_in(1, "somebody", "x")?;
        ensure!(link.denied(1)? == Denied::System);
        drive.record("process-lost", &[("process", "helper")])?;
    }
    Ok(())
}

fn renamed(_: &Stage) -> Result<()> {
    let module = module::path()?;
    let bob = account::create("bob", &[])?;
    for (name, wanted) in [("root", None), (bob.name.as_str(), Some(bob.uid))] {
        let pam = format!("auth required {module} user={name}\naccount required pam_permit.so\n");
        let drive = Drive::start(&pam, "", "")?;
        let link = drive.ready()?;
        link.sign_in(1, "typed", "x")?;
        match wanted {
            None => ensure!(link.denied(1)? == Denied::NotPermitted),
            Some(uid) => ensure!(link.signed_in(1)?.principal.uid.0 == uid),
        }
    }
    Ok(())
}

fn throttled(_: &Stage) -> Result<()> {
    let pam = format!("auth required {} code=7\naccount required pam_permit.so\n", module::path()?);
    let drive = Drive::start(&pam, "sign-in-failure-seconds=0", "")?;
    let link = drive.ready()?;
    for conversation in 1..=10 {
        link.sign_in(conversation, "somebody", "x")?;
        ensure!(link.denied(conversation)? == Denied::Credentials);
    }
    // One more fits in every five seconds, which ten helpers take on a machine that is busy enough.
    for conversation in 11.. {
        link.sign_in(conversation, "Somebody", "x")?;
        match link.denied(conversation)? {
            Denied::Throttled => break,
            Denied::Credentials if conversation < 200 => {}
            other => bail!("attempt {conversation}: {other:?}"),
        }
    }
    link.sign_in(1000, "somebody-else", "x")?;
    ensure!(link.denied(1000)? == Denied::Credentials);
    Ok(())
}
