//! What somebody with an account, a shell on the machine or the server in their hands could do to everybody else.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use portcullis_model::audit::Event;
use portcullis_model::proof::Evidence;
use portcullis_model::session::{EndReason, State, Transport};
use portcullis_model::sign_in::Denied;
use portcullis_model::{Secret, SessionId, SignInId};
use portcullis_testing::{Stage, account, case, module, process, until};
use portcullis_wire::{Channel, ToLauncher, ToServer};

use crate::drive::{Drive, UNIX};
use crate::sessions::{end, nothing_left, open, processes, running, signed_in};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("guesses side by side are no more than guesses in a row", side_by_side),
        case("one address never has every helper", one_address),
        case("nobody takes all sign-ins there may be", many_sign_ins),
        case("records beyond their rate become one", flood_of_records),
        case("a server that guesses sign-ins of other machines learns of none", guessed_ids),
        case("a port is nobody else's before the server knows of the end", port_kept),
        case("a directory that is filled as fast as it is emptied holds nobody up", filled_directory),
        case("a session process that its owner stops ends in time, and PAM's session with it", stopped),
        case("a session is not spared when memory runs out, and the server gains nothing", as_others),
        case("whoever knocks at the servers' door without end holds nobody up", knocking),
        case("what a start left that nobody was told of is removed", left_over),
    ]
}

/// PAM that asks for a code.
fn asking() -> Result<String> {
    Ok(format!("auth required {} ask=Code: answer=1\naccount required pam_permit.so\n", module::path()?))
}

fn side_by_side(_: &Stage) -> Result<()> {
    let drive = Drive::start(&asking()?, "sign-in-max-concurrent=64", "")?;
    let link = drive.ready()?;
    for conversation in 1..=15 {
        link.sign_in(conversation, "alice", "x")?;
    }
    for conversation in 11..=15 {
        let reason = link.denied(conversation)?;
        ensure!(reason == Denied::Throttled, "{conversation}: {reason:?}");
    }
    for conversation in 1..=10 {
        link.prompts(conversation)?;
    }
    Ok(())
}

fn one_address(_: &Stage) -> Result<()> {
    let drive = Drive::start(&asking()?, "sign-in-max-concurrent=4", "")?;
    let link = drive.ready()?;
    for conversation in 1..=4 {
        link.sign_in(conversation, &format!("user{conversation}"), "x")?;
    }
    let remote = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 8));
    let evidence = Evidence::Form { user: "user5".into(), password: Secret::from("x".to_owned()) };
    link.send(&ToLauncher::SignInStart { conversation: 5, remote, evidence, agent: String::new() })?;
    for conversation in [1, 2, 3, 5] {
        link.prompts(conversation)?;
    }
    link.answer(1, "1")?;
    link.prompts(4).map(drop)
}

fn guessed_ids(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let alice = account::create("alice", &[])?;
    let link = drive.ready()?;
    let ask = |request: u64, sign_in: SignInId| -> Result<bool> {
        link.send(&ToLauncher::Known { request, sign_in })?;
        link.find("an answer", |message| match message {
            ToServer::Recognised { request: answered, lives } if *answered == request => Some(*lives),
            _ => None,
        })
    };
    // Beyond its rate it is answered all the same, and nobody is ended for what browsers send.
    for request in 1..=600_u64 {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&request.to_le_bytes());
        ensure!(!ask(request, SignInId::from_bytes(id))?, "a sign-in that nobody has");
    }
    link.sign_in(1, &alice.name, &alice.password)?;
    let own = link.signed_in(1)?;
    // What came beyond the row's 500 a second is refused unread, whoever it names.
    let begun = std::time::Instant::now();
    until::is("another second begins", 3, || begun.elapsed().as_millis() > 1100)?;
    ensure!(ask(601, own.id)?, "one that lives here is not known");
    link.sign_out(own.id)?;
    ensure!(!ask(602, own.id)?, "one that is over is known");
    Ok(())
}

fn many_sign_ins(_: &Stage) -> Result<()> {
    let drive = Drive::start("auth required pam_permit.so\naccount required pam_permit.so\n", "", "")?;
    let alice = account::create("alice", &[])?;
    let link = drive.ready()?;
    for conversation in 1..=100 {
        if conversation == 50 {
            // A quick machine would come to the row's bound of 100 a second, which is not what is tried here.
            let begun = std::time::Instant::now();
            until::is("another second begins", 3, || begun.elapsed().as_millis() > 1100)?;
        }
        link.sign_in(conversation, &alice.name, "x")?;
        link.signed_in(conversation)?;
    }
    let ended =
        || anyhow::Ok(drive.records()?.iter().filter(|record| record["event"] == "sign-in-ended").count());
    ensure!(ended()? == 0);
    link.sign_in(101, &alice.name, "x")?;
    let last = link.signed_in(101)?;
    let over = link.find("end of an old sign-in", |message| match message {
        ToServer::SignInEnded { sign_in, .. } => Some(*sign_in),
        _ => None,
    })?;
    ensure!(over != last.id && ended()? == 1);
    Ok(())
}

fn knocking(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let link = drive.ready()?;
    let door = portcullis_wire::knock::socket_path(&drive.folder.join("run"));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    drop(Channel::connect(&door));
                }
            });
        }
        let answered = (1..=5).try_for_each(|conversation| {
            link.sign_in(conversation, &format!("nobody{conversation}"), "x")?;
            link.denied(conversation).map(drop)
        });
        over.store(true, Ordering::Relaxed);
        answered
    })?;
    drive.record("server-refused", &[("why", "another account than the server's")]).map(drop)
}

fn flood_of_records(_: &Stage) -> Result<()> {
    const SENT: u64 = 12_000;
    let drive = Drive::start(UNIX, "", "")?;
    let link = drive.ready()?;
    for number in 0..SENT {
        link.send(&ToLauncher::Audit(Event::Transfer {
            user: "alice".into(),
            session: SessionId::from_bytes([1; 8]),
            direction: "upload".into(),
            path: "a".into(),
            bytes: number,
            sha256: String::new(),
            hashed: "file".into(),
            range: String::new(),
            complete: true,
        }))?;
    }
    until::is("every record is written or counted", 120, || {
        drive.records().is_ok_and(|records| {
            let lost = records.iter().filter(|record| record["event"] == "overflow");
            let lost: u64 = lost.filter_map(|record| record["lost"].as_u64()).sum();
            let written = records.iter().filter(|record| record["event"] == "transfer").count();
            lost + u64::try_from(written).unwrap_or(0) == SENT
        })
    })?;
    let overflows = drive.records()?.iter().filter(|record| record["event"] == "overflow").count();
    ensure!(overflows < 10, "{overflows} records of what was lost");
    Ok(())
}

fn port_kept(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "session-transport=tcp", "session-port-range=31040-31041")?;
    let (_, link, sign_in) = signed_in(&drive)?;
    let session = running(&link, &sign_in)?;
    let Transport::Tcp(port) = session.transport else { anyhow::bail!("{:?}", session.transport) };
    let taken = || TcpListener::bind(("127.0.0.1", port.0)).is_ok();
    let (keeper, process) = processes(&drive)?;
    process::signal(keeper, Signal::SIGSTOP)?;
    process::kill_hard(process)?;
    until::is("the session process is gone", 20, || {
        process::read(process).is_ok_and(|process| process.state == "Z")
    })?;
    ensure!(!taken(), "the port was free while the server thinks that the session runs");
    process::signal(keeper, Signal::SIGCONT)?;
    ensure!(end(&link, session.id)?.why == EndReason::Killed);
    ensure!(!taken(), "the port was free at the instant at which the server heard of the end");
    until::is("the port is free again", 20, taken)
}

fn filled_directory(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let (_, link, sign_in) = signed_in(&drive)?;
    let session = running(&link, &sign_in)?;
    let dir = drive.folder.join(format!("run/sessions/{}", session.id));
    fs::create_dir(dir.join("in"))?;
    // As somebody with a shell who was inside before.
    let inside = fs::File::open(dir.join("in"))?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (inside, over) = (&inside, &over);
            scope.spawn(move || {
                for number in 0_u64.. {
                    let name = format!("{thread}-{number}");
                    let made = nix::sys::stat::mkdirat(inside.as_fd(), name.as_str(), Mode::S_IRWXU);
                    if made.is_err() || over.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        let tried = || -> Result<()> {
            process::kill_hard(processes(&drive)?.0)?;
            ensure!(end(&link, session.id)?.why == EndReason::Killed);
            for _ in 0..5 {
                link.sign_out(portcullis_model::SignInId::from_bytes([9; 16]))?;
            }
            Ok(())
        };
        let tried = tried();
        over.store(true, Ordering::Relaxed);
        tried
    })?;
    until::is("the directory is gone", 60, || !dir.exists())
}

fn stopped(_: &Stage) -> Result<()> {
    let closed = format!("/run/pam-closed-{}", portcullis_testing::place::next_number());
    let pam = format!("{UNIX}session optional pam_exec.so type=close_session /bin/touch {closed}\n");
    let drive = Drive::start(&pam, "session-start-timeout-seconds=8", "")?;
    fs::write(drive.folder.join("bin/jupyter-lab"), "#!/bin/sh\nexec sleep 1000\n")?;
    let (alice, link, sign_in) = signed_in(&drive)?;
    let id = open(&link, &sign_in, 1)?.ok().context("not opened")?;
    let answers = State::Launching(portcullis_model::session::Step::Answer);
    link.session(id, "started IDE", |session| session.state == answers)?;
    process::signal(processes(&drive)?.1, Signal::SIGSTOP)?;
    until::is("PAM's session is closed", 60, || fs::exists(&closed).is_ok_and(|there| there))?;
    let found = end(&link, id)?;
    ensure!(matches!(found.why, EndReason::StartFailed(_)), "{found:?}");
    let lost = drive.records()?.iter().filter(|record| record["event"] == "process-lost").count();
    ensure!(lost == 0, "the keeper was killed: {}", drive.log());
    nothing_left(&drive, &alice)
}

fn as_others(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let score = |pid: i32| -> Result<String> {
        Ok(fs::read_to_string(format!("/proc/{pid}/oom_score_adj"))?.trim().to_owned())
    };
    let (alice, link, sign_in) = signed_in(&drive)?;
    running(&link, &sign_in)?;
    let (keeper, _) = processes(&drive)?;
    // Where a container forbids it, everybody is alike.
    ensure!(["-900", "0"].contains(&score(keeper)?.as_str()), "{}", score(keeper)?);
    ensure!(score(keeper)? == score(drive.pid()?)?);
    for one in process::of_user(alice.uid) {
        ensure!(score(one.pid)? == "0", "{one:?}");
    }
    let program = drive.folder.join("bin/portcullis-server");
    let server = process::all().into_iter().find(|one| one.program == program).context("no server")?;
    ensure!(server.status.get("NoNewPrivs").map(String::as_str) == Some("1"), "{:?}", server.status);
    ensure!(score(server.pid)? == "0");
    Ok(())
}

fn left_over(_: &Stage) -> Result<()> {
    let mut drive = Drive::start(UNIX, "", "")?;
    let (_, link, sign_in) = signed_in(&drive)?;
    let session = running(&link, &sign_in)?;
    drive.kill()?;
    let stale = drive.folder.join("run/sessions/00112233aabbccdd");
    fs::create_dir_all(stale.join("some/depth"))?;
    drive.restart_dead()?;
    let _link = drive.ready()?;
    until::is("the directory of no session is gone", 20, || !stale.exists())?;
    ensure!(drive.folder.join(format!("run/sessions/{}", session.id)).exists(), "a live one is gone");
    Ok(())
}
