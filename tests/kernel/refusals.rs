//! What the kernel refuses in a session is recorded, with what refused it.

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Stage, case, until};
use serde_json::Value;

use crate::scene::{RULES, Scene};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("refusals::what_permissions_refuse_is_named", permissions),
        case("refusals::what_landlock_and_the_filter_refuse_is_named_without_any_rule", without_rules),
        case("refusals::the_daemon_is_refused_nothing_itself", nothing_of_ours),
        case("refusals::alike_ones_are_counted_together", alike),
    ]
}

fn refusal(scene: &Scene, what: &str, target: &str) -> Result<Value> {
    until::some("a refusal", 15, || {
        let all = scene.records("denied")?;
        Ok(all
            .into_iter()
            .find(|one| one["what"] == what && one["target"].as_str().is_some_and(|t| t.contains(target))))
    })
    .with_context(|| format!("{what} {target} among {:#?}", scene.records("denied").unwrap_or_default()))
}

fn permissions(stage: &Stage) -> Result<()> {
    let scene = Scene::begin(stage, RULES)?;
    ensure!(!scene.run("/bin/cat", &["/etc/shadow"])?, "it can read what is root's");
    let record = refusal(&scene, "openat", "/etc/shadow")?;
    ensure!(record["by"] == "permissions" && record["count"] == 1, "{record}");
    ensure!(record["program"].as_str().is_some_and(|program| program.ends_with("/cat")), "{record}");
    ensure!(!scene.run("/bin/mkdir", &["/usr/mine"])?, "it can make a folder of root's");
    refusal(&scene, "mkdir", "/usr")?;
    ensure!(!scene.run("/bin/sh", &["-c", "kill -9 1"])?, "it can end what is root's");
    // Process 1 is the machine's, or the session process where the session has processes of its own.
    until::some("the signal's refusal", 15, || {
        let all = scene.records("denied")?;
        let kill = |one: &Value| {
            one["target"].as_str().is_some_and(|target| target.starts_with("process "))
                && one["program"].as_str().is_some_and(|program| program.ends_with("sh"))
        };
        Ok(all.into_iter().find(kill))
    })
    .with_context(|| format!("{:#?}", scene.records("denied").unwrap_or_default()))?;
    Ok(())
}

fn without_rules(stage: &Stage) -> Result<()> {
    let scene = Scene::begin(stage, "")?;
    ensure!(!scene.run("/usr/bin/unshare", &["-U", "/bin/true"])?, "it can have users of its own");
    let record = refusal(&scene, "unshare", "")?;
    ensure!(record["by"] == "seccomp" && record["program"] == "/usr/bin/unshare", "{record}");
    ensure!(!scene.run("/bin/sh", &["-c", "kill -9 1"])?, "it can end the session process");
    let record = refusal(&scene, "send a signal", "portcullis-sess")?;
    ensure!(record["by"] == "landlock", "{record}");
    Ok(())
}

fn nothing_of_ours(stage: &Stage) -> Result<()> {
    let scene = Scene::begin(stage, RULES)?;
    ensure!(!scene.run("/bin/cat", &["/etc/shadow"])?, "it can read what is root's");
    // What the start was refused was told before.
    refusal(&scene, "openat", "/etc/shadow")?;
    let ours = |one: &Value| one["program"].as_str().is_some_and(|program| program.contains("portcullis-"));
    let all: Vec<Value> = scene.records("denied")?.into_iter().filter(ours).collect();
    ensure!(all.is_empty(), "{all:#?}");
    Ok(())
}

fn alike(stage: &Stage) -> Result<()> {
    let scene = Scene::begin(stage, RULES)?;
    ensure!(
        !scene.run("/bin/sh", &["-c", "for n in 1 2 3 4 5 6 7 8 9; do read x < /etc/shadow; done; false"])?,
        "done"
    );
    refusal(&scene, "openat", "/etc/shadow")?;
    scene.run("/bin/true", &["behind"])?;
    scene.await_argv("/bin/true|behind")?;
    let count = || -> Result<(usize, u64)> {
        let all = scene.records("denied")?;
        let ours: Vec<&Value> = all.iter().filter(|one| one["target"] == "/etc/shadow").collect();
        Ok((ours.len(), ours.iter().filter_map(|one| one["count"].as_u64()).sum()))
    };
    ensure!(count()? == (1, 1), "told one by one: {:?}", count()?);
    // The end of the session tells the rest.
    scene.client.post(&format!("/sessions/{}/stop", scene.session), &[])?.expect(303)?;
    until::some("all are counted", 30, || Ok((count()? == (2, 9)).then_some(())))
        .with_context(|| format!("{:?}", count()))
}
