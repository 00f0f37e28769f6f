//! Starts that go wrong: what the person is told, and that nobody else notices.

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Stage, case, until};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("starts::a_missing_ide_is_said_on_a_page", missing_ide),
        case("starts::an_ide_that_dies_at_start_shows_its_last_lines", dies_at_start),
        case("starts::an_ide_that_never_answers_is_given_up", never_answers),
        case("starts::an_ide_that_floods_its_output_harms_nobody", floods),
    ]
}

fn missing_ide(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("jupyter.conf", "jupyter-exe=/nonexistent/jupyter-lab").start()?;
    let (_, client) = world.signed_in("ida")?;
    let answer = client.post("/sessions", &[("ide", "jupyter")])?;
    let page = match answer.header("location").map(str::to_owned) {
        Some(to) => client.request("GET", &to).header("Accept", "text/html").send()?,
        None => answer,
    };
    ensure!(
        page.text().contains("/nonexistent/jupyter-lab"),
        "the page does not name the program: {}",
        page.text()
    );
    Ok(())
}

/// Waits until a session's page says that it is over.
pub(crate) fn await_end_page(client: &Client, id: &str, seconds: u64) -> Result<String> {
    until::some("the session's page says how it ended", seconds, || {
        let page = client.request("GET", &format!("/sessions/{id}")).header("Accept", "text/html").send()?;
        let text = page.text();
        Ok((page.status == 200 && !text.contains("data-go=")).then_some(text))
    })
}

fn dies_at_start(stage: &Stage) -> Result<()> {
    let world = stage.world().double(&["--double-exit"]).start()?;
    let (_, client) = world.signed_in("jan")?;
    let id = client.open_session()?;
    let page = await_end_page(&client, &id, 30)?;
    for text in ["cannot find my configuration", "line 30 before the end", "Start the IDE"] {
        ensure!(page.contains(text), "the page lacks `{text}`: {page}");
    }
    ensure!(!page.contains("line 1 before"), "more than the last lines");
    world.await_audit("session-ended", &[("session", &id)], 10)?;
    Ok(())
}

fn never_answers(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .double(&["--double-silent"])
        .conf("portcullis.conf", "session-start-timeout-seconds=3\nsession-end-seconds=2")
        .start()?;
    let (_, client) = world.signed_in("kai")?;
    let id = client.open_session()?;
    let page = await_end_page(&client, &id, 30)?;
    ensure!(page.contains("Wait for its first answer"), "the page does not name the step: {page}");
    Ok(())
}

fn floods(stage: &Stage) -> Result<()> {
    let world = stage.world().double(&["--double-flood"]).start()?;
    let (_, client) = world.signed_in("lea")?;
    let id = client.start_session(60)?;
    client.get(&format!("/s/{id}/files/bytes-1000"))?.expect(200)?;
    let flooded = world.log.lines().iter().filter(|line| line.contains("flood flood")).count();
    ensure!(flooded < 100, "{flooded} lines of the IDE are in the log");
    let session = world.session_process(&id)?;
    let memory = session.pss_kb().context("no figure")?;
    ensure!(memory < 20_000, "the session process holds {memory} kB");
    Ok(())
}
