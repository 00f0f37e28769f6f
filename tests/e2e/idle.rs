//! The clocks of sessions by the real clock, once each: a tab that only polls ends; a person who acts, a kernel that computes and
//! a file on its way stay. The rules themselves are tested as a table, by a clock that is a number (`portcullis_model::lifetime`).

mod notice;
mod real;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::{Client, Stage, World, case, until, websocket};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("idle::a_forgotten_tab_ends_and_a_person_who_acts_stays", forgotten_tab),
        case("idle::a_kernel_that_computes_stays", busy_kernel),
        case("idle::what_a_person_did_before_a_crash_counts_after_it", crashed),
        case("idle::without_a_browser_it_ends_and_with_one_it_stays", disconnected),
        case("idle::rstudio_is_suspended_and_resumed", suspended),
        case("idle::a_sign_in_has_a_longest_life_whatever_its_person_does", longest_life),
        case("idle::the_button_keeps_a_session_and_only_its_owner_has_it", notice::stays),
        case("idle::a_countdown_is_seen_and_pressed", notice::seen),
        case("idle::jupyterlab_shows_the_countdown_and_the_button", notice::in_jupyterlab),
        case("idle::real_jupyterlab_ends_only_for_who_forgot_it", real::jupyterlab),
    ]
}

/// The shortest that the option knows.
const ONE_MINUTE: &str = "session-timeout-minutes=1";
/// Until a session that is a minute idle must have ended: the minute, the sweep, the IDE's own end.
const ENDED_WITHIN: u64 = 100;
/// Beyond the minute, its sweep and some.
const LONGER: Duration = Duration::from_secs(85);

/// What an untouched tab of JupyterLab sends, all day.
fn poll(client: &Client, id: &str) -> Result<()> {
    for path in ["api/kernels", "api/sessions", "api/terminals", "api/contents?content=1&hash=0"] {
        client.get(&format!("/s/{id}/{path}"))?;
    }
    Ok(())
}

/// Whether a session has ended.
fn over(world: &World, id: &str) -> Result<bool> {
    Ok(world.count_audit("session-ended", &[("session", id)])? > 0)
}

fn forgotten_tab(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", ONE_MINUTE).start()?;
    let (_, forgetful) = world.signed_in("fay")?;
    let (_, busy) = world.signed_in("gus")?;
    let forgotten = forgetful.start_session(60)?;
    let used = busy.start_session(60)?;
    let begun = Instant::now();
    let mut polled = Instant::now();
    let mut acted = Instant::now();
    until::some("the forgotten tab's session ends", ENDED_WITHIN, || {
        if polled.elapsed() > Duration::from_secs(2) {
            polled = Instant::now();
            // It answers 410 once it has ended: that is what is waited for.
            poll(&forgetful, &forgotten)?;
        }
        if acted.elapsed() > Duration::from_secs(10) {
            acted = Instant::now();
            busy.post(&format!("/s/{used}/api/kernels"), &[])?;
        }
        Ok(over(&world, &forgotten)?.then_some(()))
    })?;
    let took = begun.elapsed();
    ensure!(took > Duration::from_secs(55), "it ended after {took:?}");
    let record = world.await_audit("session-ended", &[("session", &forgotten)], 5)?;
    ensure!(record["why"]["idle"] == 1, "another reason: {record}");
    until::is("the other one had its minute as well", 60, || begun.elapsed() > LONGER)?;
    busy.get(&format!("/s/{used}/api/kernels"))?.expect(200)?;
    ensure!(!over(&world, &used)?, "the used one ended");
    Ok(())
}

fn busy_kernel(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", ONE_MINUTE).double(&["--double-busy"]).start()?;
    let (_, client) = world.signed_in("hal")?;
    let id = client.start_session(60)?;
    let begun = Instant::now();
    until::is("more than the minute passes", 120, || begun.elapsed() > LONGER)?;
    ensure!(!over(&world, &id)?, "it ended while it computed");
    Ok(())
}

/// The act is not on disk as the launcher dies; the minute is over before the next one is there.
fn crashed(stage: &Stage) -> Result<()> {
    let mut world = stage.world().conf("rsession.conf", ONE_MINUTE).start()?;
    world.log.expect("the launcher is gone");
    let (_, client) = world.signed_in("liv")?;
    let id = client.start_session(60)?;
    let begun = Instant::now();
    let after = |seconds| until::is("time passes", 90, || begun.elapsed() > Duration::from_secs(seconds));
    after(57)?;
    client.post(&format!("/s/{id}/api/kernels"), &[])?;
    std::thread::sleep(Duration::from_millis(300));
    world.stop(Signal::SIGKILL)?;
    after(66)?;
    world.launch()?;
    after(85)?;
    ensure!(!over(&world, &id)?, "it ended by the clock of before");
    let record = world.await_audit("session-ended", &[("session", &id)], ENDED_WITHIN)?;
    ensure!(record["why"]["idle"] == 1, "another reason: {record}");
    Ok(())
}

/// Nobody sits before either page; one of them is open.
fn disconnected(stage: &Stage) -> Result<()> {
    let options = "session-timeout-minutes=0\nsession-disconnected-timeout-minutes=1";
    let world = stage.world().conf("rsession.conf", options).start()?;
    let (_, left) = world.signed_in("ivy")?;
    let (_, there) = world.signed_in("jon")?;
    let closed = left.start_session(60)?;
    let open = there.start_session(60)?;
    let begun = Instant::now();
    let mut polled = Instant::now();
    until::some("the session without a browser ends", ENDED_WITHIN, || {
        if polled.elapsed() > Duration::from_secs(5) {
            polled = Instant::now();
            poll(&there, &open)?;
        }
        Ok(over(&world, &closed)?.then_some(()))
    })?;
    let took = begun.elapsed();
    ensure!(took > Duration::from_secs(55), "it ended after {took:?}");
    let record = world.await_audit("session-ended", &[("session", &closed)], 5)?;
    ensure!(record["why"]["disconnected"] == 1, "another reason: {record}");
    until::is("the other one had its minute as well", 60, || begun.elapsed() > LONGER)?;
    ensure!(!over(&world, &open)?, "the open page's session ended");
    Ok(())
}

fn suspended(stage: &Stage) -> Result<()> {
    let world = stage.world().rsession(&[]).conf("rsession.conf", ONE_MINUTE).start()?;
    let (account, client) = world.signed_in("kim")?;
    let id = client.open_session_of("rstudio")?;
    client.await_running(&id, 30)?;
    let record = world.await_audit("session-ended", &[("session", &id)], ENDED_WITHIN)?;
    ensure!(record["why"]["idle"] == 1 && record["suspended"] == true, "another end: {record}");
    let state = account.home.join(".local/share/rstudio/suspended-session-data");
    ensure!(state.exists(), "its state is not on disk");
    let page = || client.request("GET", "/").header("Accept", "text/html").send();
    let home = page()?.text();
    ensure!(home.contains("is-suspended") && home.contains(&format!("resume-{id}")), "{home}");
    let resumed = client.open_session_of("rstudio")?;
    client.await_running(&resumed, 30)?;
    ensure!(!state.exists(), "it has its state again");
    let home = page()?.text();
    ensure!(!home.contains("is-suspended") && home.contains(&format!("open-{resumed}")), "{home}");
    Ok(())
}

/// Somebody who never rests is signed out all the same; what they started goes on.
fn longest_life(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rserver.conf", "auth-active-timeout-minutes=1").start()?;
    let begun = Instant::now();
    let (account, client) = world.signed_in("lou")?;
    let id = client.start_session(60)?;
    let mut socket = websocket::open(&client, &format!("/s/{id}/terminals/websocket/1"), &[])?;
    let mut acted = Instant::now();
    until::some("the sign-in ends", ENDED_WITHIN, || {
        if acted.elapsed() < Duration::from_secs(3) {
            return Ok(None);
        }
        acted = Instant::now();
        Ok((client.post(&format!("/s/{id}/api/kernels"), &[])?.status == 401).then_some(()))
    })?;
    let took = begun.elapsed();
    ensure!(took > Duration::from_secs(55), "it ended after {took:?}");
    world.await_audit("sign-in-ended", &[("user", &account.name), ("why", "expired")], 5)?;
    websocket::await_close(&mut socket)?;
    ensure!(!over(&world, &id)?, "the session ended with it");
    client.sign_in(&account.name, &account.password)?;
    client.get(&format!("/s/{id}/api/kernels"))?.expect(200)?;
    Ok(())
}
