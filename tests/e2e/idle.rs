//! The idle end by the real clock, once each: a tab that only polls ends, a person who acts and a kernel that computes stay.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Stage, case, until};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("idle::a_forgotten_tab_ends_and_a_person_who_acts_stays", forgotten_tab),
        case("idle::a_kernel_that_computes_stays", busy_kernel),
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
        Ok((world.count_audit("session-ended", &[("session", &forgotten)])? > 0).then_some(()))
    })?;
    let took = begun.elapsed();
    ensure!(took > Duration::from_secs(55), "it ended after {took:?}");
    let record = world.await_audit("session-ended", &[("session", &forgotten)], 5)?;
    ensure!(record["why"]["idle"] == 1, "another reason: {record}");
    until::is("the other one had its minute as well", 60, || begun.elapsed() > LONGER)?;
    busy.get(&format!("/s/{used}/api/kernels"))?.expect(200)?;
    ensure!(world.count_audit("session-ended", &[("session", &used)])? == 0, "the used one ended");
    Ok(())
}

fn busy_kernel(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", ONE_MINUTE).double(&["--double-busy"]).start()?;
    let (_, client) = world.signed_in("hal")?;
    let id = client.start_session(60)?;
    let begun = Instant::now();
    until::is("more than the minute passes", 120, || begun.elapsed() > LONGER)?;
    ensure!(world.count_audit("session-ended", &[("session", &id)])? == 0, "it ended while it computed");
    Ok(())
}
