//! Administrators end and suspend sessions of others.

use anyhow::{Result, ensure};
use portcullis_testing::{Stage, place, process, until};

use crate::operations::exits;

use super::{field, member, page, world, world_of};

pub(super) fn ends(stage: &Stage) -> Result<()> {
    let world = world(stage)?;
    let (account, client) = world.signed_in("ann")?;
    let id = client.start_session(60)?;
    let (admin, doer) = member(&world, "dora", "pcdoers")?;
    let place = format!("/admin/sessions/{id}/end");
    let asked = page(&doer, &place)?.expect(200)?.text();
    ensure!(asked.contains(&account.name), "{asked}");
    let token = field(&asked, "token")?;
    // Without the token of the page, with another sign-in's, from another site, in a manner that isn't one.
    doer.post(&place, &[("manner", "stop")])?.expect(403)?;
    let other = world.client()?;
    other.sign_in(&admin.name, &admin.password)?;
    other.post(&place, &[("manner", "stop"), ("token", &token)])?.expect(403)?;
    let foreign = doer.request("POST", &place).header("Origin", "https://evil.example");
    foreign.form(&[("manner", "stop"), ("token", &token)]).send()?.expect(403)?;
    doer.post(&place, &[("manner", "burn"), ("token", &token)])?.expect(400)?;
    ensure!(world.count_audit("session-ended", &[("session", &id)])? == 0, "it ended");
    let answer = doer.post(&place, &[("manner", "stop"), ("token", &token)])?.expect(303)?;
    ensure!(
        answer.header("location") == Some("/admin/sessions?said=session"),
        "{:?}",
        answer.header("location")
    );
    let ended = world.await_audit("session-ended", &[("session", &id)], 30)?;
    ensure!(ended["why"]["administrator"] == admin.name.as_str(), "{ended}");
    let acted = world.await_audit("administered", &[("act", "session-stop"), ("target", &id)], 5)?;
    ensure!(acted["by"] == admin.name.as_str() && acted["login"] == -1, "{acted}");
    until::is("it is gone from the page", 10, || {
        page(&doer, "/admin/sessions").is_ok_and(|answer| !answer.text().contains(&id))
    })?;
    doer.post(&place, &[("manner", "stop"), ("token", &token)])?.expect(404)?;
    page(&doer, &place)?.expect(404)?;
    Ok(())
}

pub(super) fn suspends(stage: &Stage) -> Result<()> {
    let world = world_of(stage.world().rsession(&[]))?;
    let double = place::program("portcullis-double-ide");
    world.set("jupyter.conf", &format!("jupyter-exe={}\nlabs-enabled=1", double.display()))?;
    exits(&world, &["reload"], 0)?;
    let (_, client) = world.signed_in("ann")?;
    let id = client.open_session_of("rstudio")?;
    client.await_running(&id, 30)?;
    let ide = world.ide_process(&id)?.pid;
    let other = client.open_session_of("jupyter")?;
    client.await_running(&other, 30)?;
    let (admin, doer) = member(&world, "dora", "pcdoers")?;
    let place = format!("/admin/sessions/{id}/end");
    let asked = page(&doer, &place)?.expect(200)?.text();
    ensure!(asked.contains("value=\"suspend\""), "not offered: {asked}");
    let token = field(&asked, "token")?;
    let answer = doer.post(&place, &[("manner", "suspend"), ("token", &token)])?.expect(303)?;
    ensure!(
        answer.header("location") == Some("/admin/sessions?said=suspend"),
        "{:?}",
        answer.header("location")
    );
    let ended = world.await_audit("session-ended", &[("session", &id)], 30)?;
    ensure!(
        ended["suspended"] == true && ended["why"]["administrator"] == admin.name.as_str(),
        "another end: {ended}"
    );
    ensure!(!process::is_alive(ide), "it runs still");
    let acted = world.await_audit("administered", &[("act", "session-suspend"), ("target", &id)], 5)?;
    ensure!(acted["by"] == admin.name.as_str(), "{acted}");
    let said = page(&doer, "/admin/sessions?said=suspend")?.expect(200)?.text();
    ensure!(said.contains("role=\"status\""), "nothing is said: {said}");
    // JupyterLab can't be suspended, and it isn't offered.
    let asked = page(&doer, &format!("/admin/sessions/{other}/end"))?.expect(200)?.text();
    ensure!(!asked.contains("value=\"suspend\""), "offered: {asked}");
    ensure!(world.count_audit("session-ended", &[("session", &other)])? == 0, "it ended");
    // Its owner resumes what was suspended.
    until::is("it can be resumed", 10, || {
        page(&client, "/").is_ok_and(|answer| answer.text().contains(&format!("resume-{id}")))
    })?;
    Ok(())
}
