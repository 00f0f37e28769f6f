//! `kill -9` of each process at any time: sessions live on where that is promised, nobody is let in, what was revoked stays
//! revoked, the audit log is whole.

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::{Client, Stage, World, case, module, process, until, websocket};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("crash::no_process_with_keys_leaves_a_core_or_can_be_looked_into", not_dumpable),
        case("crash::a_killed_launcher_keeps_sessions_and_sign_ins", launcher),
        case("crash::a_killed_server_is_replaced_and_sessions_live_on", server),
        case("crash::a_killed_pam_helper_lets_nobody_in", helper),
        case("crash::a_killed_session_process_takes_its_ide_along", session),
        case("crash::a_killed_keeper_leaves_nothing_behind", keeper),
        case("crash::a_restart_in_order_keeps_sessions", restart),
        case("crash::what_was_signed_out_stays_signed_out", signed_out_stays_out),
        case("crash::the_audit_log_survives_being_cut_short", torn_audit),
        case("crash::a_state_file_cut_short_lets_nobody_in", torn_state),
        case("crash::a_journal_cut_short_or_changed_lets_nobody_back_in", torn_journal),
        case("crash::killing_at_random_moments_never_breaks_the_state", random_kills),
        case("crash::who_comes_and_goes_as_it_is_killed_is_in_or_out_as_they_were_told", comings_and_goings),
        case("crash::an_ordered_end_ends_the_sessions", ordered_end),
    ]
}

fn running(stage: &Stage, stem: &str) -> Result<(World, u32, Client, String)> {
    let world = stage.world().start()?;
    world.log.expect("ended");
    world.log.expect("lost");
    world.log.expect("died");
    world.log.expect("killed");
    world.log.expect("the launcher is gone");
    world.log.expect("the launcher can't be told");
    let (account, client) = world.signed_in(stem)?;
    let id = client.start_session(30)?;
    Ok((world, account.uid, client, id))
}

/// The same browser at the address of a restarted launcher: port 0 was another number before.
fn again(world: &World, client: &Client) -> Result<Client> {
    let fresh = world.client()?;
    fresh.set_cookie("portcullis", &client.cookie("portcullis").context("no cookie")?);
    Ok(fresh)
}

fn await_me(client: &Client, id: &str) -> Result<()> {
    until::is("the session answers again", 30, || {
        client.get(&format!("/s/{id}/api/me")).is_ok_and(|answer| answer.status == 200)
    })
}

fn launcher(stage: &Stage) -> Result<()> {
    let (mut world, _, client, id) = running(stage, "ann")?;
    let ide = world.ide_process(&id)?.pid;
    let server = world.server()?.pid;
    world.stop(Signal::SIGKILL)?;
    // Its server serves on meanwhile.
    ensure!(process::is_alive(server) && client.is_signed_in()?, "the server went along");
    world.launch()?;
    let client = again(&world, &client)?;
    ensure!(client.is_signed_in()?, "the sign-in is lost");
    until::is("the old server is gone", 120, || !process::is_alive(server))?;
    await_me(&client, &id)?;
    ensure!(process::is_alive(ide), "another IDE answers");
    world.await_audit("started", &[("adopted", "1")], 5)?;
    client.post(&format!("/sessions/{id}/stop"), &[])?.expect(303)?;
    world.await_audit("session-ended", &[("session", &id), ("why", "stopped")], 30)?;
    Ok(())
}

fn server(stage: &Stage) -> Result<()> {
    let (world, _, client, id) = running(stage, "bob")?;
    let ide = world.ide_process(&id)?.pid;
    for _ in 0..2 {
        let old = world.server()?.pid;
        process::kill_hard(old)?;
        until::is("another server serves", 30, || {
            world.server().is_ok_and(|server| server.pid != old) && client.get("/healthz").is_ok()
        })?;
        await_me(&client, &id)?;
    }
    ensure!(process::is_alive(ide), "the IDE was replaced");
    ensure!(client.is_signed_in()?, "signed out");
    world.await_audit("process-lost", &[("process", "server")], 5)?;
    Ok(())
}

fn helper(stage: &Stage) -> Result<()> {
    let module = module::path()?;
    let world = stage
        .world()
        .pam(&format!("auth required {module} hang\naccount required pam_permit.so\n"))
        .start()?;
    world.log.expect("helper");
    let account = world.account("cat")?;
    let client = world.client()?;
    let attempt = {
        let (client, account) = (client.clone(), account.clone());
        std::thread::spawn(move || client.try_sign_in(&account.name, &account.password))
    };
    let launcher = world.launcher_pid()?;
    let helper = until::some("there is a helper", 20, || {
        Ok(process::all()
            .into_iter()
            .find(|one| one.parent == launcher && one.args.iter().any(|arg| arg == "pam-helper")))
    })?;
    process::kill_hard(helper.pid)?;
    let answer = attempt.join().ok().context("the thread died")??;
    ensure!(answer.status != 303 && !client.is_signed_in()?, "let in by a killed helper");
    world.await_audit("sign-in-denied", &[("user", &account.name), ("reason", "system")], 10)?;
    Ok(())
}

fn session(stage: &Stage) -> Result<()> {
    let (world, uid, client, id) = running(stage, "dan")?;
    process::kill_hard(world.session_process(&id)?.pid)?;
    world.await_audit("session-ended", &[("session", &id), ("why", "killed")], 30)?;
    until::is("its IDE is gone", 15, || process::of_user(uid).is_empty())?;
    ensure!(client.get(&format!("/s/{id}/api/me"))?.status != 200, "a dead session answers");
    client.start_session(30)?;
    Ok(())
}

fn keeper(stage: &Stage) -> Result<()> {
    let (world, uid, client, id) = running(stage, "eva")?;
    let keeper = world.session_process(&id)?.parent;
    ensure!(keeper > 1 && keeper != world.launcher_pid()?, "no keeper");
    process::kill_hard(keeper)?;
    world.await_audit("session-ended", &[("session", &id)], 30)?;
    until::is("its processes are gone", 15, || process::of_user(uid).is_empty())?;
    client.start_session(30)?;
    Ok(())
}

fn restart(stage: &Stage) -> Result<()> {
    let (mut world, _, client, id) = running(stage, "fay")?;
    let status = world.stop(Signal::SIGTERM)?;
    ensure!(status.success(), "{status}");
    world.launch()?;
    let client = again(&world, &client)?;
    await_me(&client, &id)?;
    let mut socket = websocket::open(&client, &format!("/s/{id}/api/events/subscribe"), &[])?;
    websocket::echo(&mut socket, "x")?;
    Ok(())
}

fn signed_out_stays_out(stage: &Stage) -> Result<()> {
    let (mut world, _, client, _) = running(stage, "gus")?;
    let copy = again(&world, &client)?;
    client.post("/auth-sign-out", &[])?;
    world.stop(Signal::SIGKILL)?;
    world.launch()?;
    let copy = again(&world, &copy)?;
    ensure!(!copy.is_signed_in()?, "signed in again by a crash");
    Ok(())
}

fn torn_audit(stage: &Stage) -> Result<()> {
    let (mut world, _, client, id) = running(stage, "hal")?;
    world.stop(Signal::SIGKILL)?;
    let path = world.state_dir().join("audit/audit.jsonl");
    let mut file = std::fs::OpenOptions::new().append(true).open(&path)?;
    std::io::Write::write_all(&mut file, b"{\"seq\":99,\"time\":\"2026-01-0")?;
    world.log.expect("audit");
    world.launch()?;
    let record = world.await_audit("started", &[("torn_bytes", "28")], 5);
    ensure!(record.is_ok() || world.count_audit("started", &[("torn_bytes", "0")])? == 1, "{record:?}");
    await_me(&again(&world, &client)?, &id)
}

fn torn_state(stage: &Stage) -> Result<()> {
    let (mut world, _, client, _) = running(stage, "ida")?;
    world.stop(Signal::SIGKILL)?;
    let path = world.state_dir().join("state.json");
    let text = std::fs::read(&path)?;
    std::fs::write(&path, &text[..text.len() / 2])?;
    world.log.expect("");
    // It may refuse to start or begin anew, but it never lets anybody in on half a file.
    if world.launch().is_ok() {
        ensure!(!again(&world, &client)?.is_signed_in()?, "signed in from half a state file");
    } else {
        let lines = world.log.lines().join("\n");
        ensure!(lines.contains("state.json"), "{lines}");
        world.abandon();
        std::fs::write(&path, text)?;
        world.revive();
    }
    Ok(())
}

fn torn_journal(stage: &Stage) -> Result<()> {
    let (mut world, _, client, _) = running(stage, "ivo")?;
    world.log.expect("the journal of sign-ins");
    let (_, gone) = world.signed_in("jo")?;
    let copy = again(&world, &gone)?;
    gone.post("/auth-sign-out", &[])?.expect(200)?;
    world.stop(Signal::SIGKILL)?;
    let path = world.state_dir().join("sign-ins.journal");
    let text = std::fs::read(&path)?;
    // Half of an entry that was on its way: nobody was told of it.
    std::fs::write(&path, [&text[..], &text[22..40]].concat())?;
    world.launch()?;
    ensure!(again(&world, &client)?.is_signed_in()?, "signed out by half an entry");
    ensure!(!again(&world, &copy)?.is_signed_in()?, "signed in again");
    world.stop(Signal::SIGKILL)?;
    // The sign-out is the last entry: without what is behind the change she would be in again.
    let at = text.len() - 5;
    let mut changed = text.clone();
    changed[at] ^= 1;
    std::fs::write(&path, changed)?;
    world.launch()?;
    ensure!(!again(&world, &copy)?.is_signed_in()?, "signed in by a changed journal");
    ensure!(!again(&world, &client)?.is_signed_in()?, "part of a changed journal counts");
    ensure!(world.state_dir().join("sign-ins.journal.refused-1").exists(), "it was not kept");
    Ok(())
}

/// What somebody was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    In,
    Out,
    Nothing,
}

/// Comes, and goes again or not; as far as the launcher lives.
fn come_and_go(client: &Client, (name, password): (&str, &str), goes: bool) -> Told {
    let came = client.try_sign_in(name, password).is_ok_and(|answer| answer.status == 303);
    if !came {
        return Told::Nothing;
    }
    if !goes {
        return Told::In;
    }
    match client.post("/auth-sign-out", &[]) {
        Ok(answer) if answer.status == 200 => Told::Out,
        // It may be on disk, or be said to the next launcher.
        _ => Told::Nothing,
    }
}

fn comings_and_goings(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    for part in ["ended", "lost", "the launcher is gone", "helper", "broke off", "not confirm", "of before"] {
        world.log.expect(part);
    }
    let accounts = [world.account("kat")?, world.account("lea")?];
    let mut people: Vec<(Client, Told)> = Vec::new();
    for round in 0_u64..5 {
        let browsers: Vec<Client> = (0..16).map(|_| world.client()).collect::<Result<_>>()?;
        let work: Vec<_> = browsers
            .chunks(8)
            .zip(&accounts)
            .map(|(own, account)| {
                let (own, account) = (own.to_vec(), account.clone());
                std::thread::spawn(move || -> Vec<(Client, Told)> {
                    let act = |(number, client): (usize, Client)| {
                        let told = come_and_go(&client, (&account.name, &account.password), number % 2 == 0);
                        (client, told)
                    };
                    own.into_iter().enumerate().map(act).collect()
                })
            })
            .collect();
        // Spread over the time that some of them take.
        std::thread::sleep(std::time::Duration::from_millis(120 + 170 * round));
        world.stop(Signal::SIGKILL)?;
        world.launch()?;
        for one in work {
            people.extend(one.join().ok().context("the thread died")?);
        }
        for (client, told) in people.iter().filter(|(client, _)| client.cookie("portcullis").is_some()) {
            let is_in = again(&world, client)?.is_signed_in()?;
            match told {
                Told::In => {
                    ensure!(is_in, "round {round}: the sign-in of somebody who was told of it is lost")
                }
                Told::Out => ensure!(!is_in, "round {round}: somebody is in who signed out"),
                Told::Nothing => {}
            }
        }
    }
    let count = |wanted| people.iter().filter(|(_, told)| *told == wanted).count();
    ensure!(count(Told::In) >= 5 && count(Told::Out) >= 5, "nothing was tried: {}", people.len());
    Ok(())
}

fn random_kills(stage: &Stage) -> Result<()> {
    let (mut world, _, client, id) = running(stage, "jan")?;
    world.log.expect("adopt");
    world.log.expect("a keeper ended before its session");
    let mut client = client;
    for round in 0_u64..6 {
        let busy = client.clone();
        let work = std::thread::spawn(move || {
            // Whatever it gets through before the launcher is gone.
            let _ = busy.open_session().and_then(|id| busy.post(&format!("/sessions/{id}/stop"), &[]));
        });
        // Spread over the time such a start takes, not in step with it.
        std::thread::sleep(std::time::Duration::from_millis(37 * round * round % 400));
        world.stop(Signal::SIGKILL)?;
        let _ = work.join();
        world.launch()?;
        client = again(&world, &client)?;
        ensure!(client.is_signed_in()?, "round {round}: the sign-in is lost");
        await_me(&client, &id)?;
    }
    Ok(())
}

fn ordered_end(stage: &Stage) -> Result<()> {
    let (mut world, uid, _, id) = running(stage, "kim")?;
    let status = world.stop(Signal::SIGINT)?;
    ensure!(status.success(), "{status}");
    ensure!(process::of_user(uid).is_empty(), "sessions live on");
    world.await_audit("session-ended", &[("session", &id)], 1)?;
    world.await_audit("stopped", &[], 1)?;
    Ok(())
}

fn not_dumpable(stage: &Stage) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("core")?;
    let id = client.start_session(30)?;
    let session = world.session_process(&id)?;
    for (pid, uid) in [(world.server()?.pid, world.server()?.uids[0]), (session.pid, session.uids[0])] {
        // The kernel gives these files to root when the process is closed to its own account.
        let owner = std::fs::metadata(format!("/proc/{pid}/environ"))?.uid();
        anyhow::ensure!(uid != 0 && owner == 0, "process {pid} of {uid}: /proc belongs to {owner}");
    }
    Ok(())
}
