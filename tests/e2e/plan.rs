//! What the kernel is to hold: demanded and had, said to the person, proven in the audit log.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Stage, case};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("plan::what_is_demanded_of_the_kernel_is_had_and_said", demanded),
        case("plan::off_is_as_if_there_were_none", off),
    ]
}

const STRICT: &str = "allow-shell=0\nallow-package-installation=0\nrestrict-directory-view=1";

fn demanded(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .conf("rsession.conf", STRICT)
        .conf(
            "portcullis.conf",
            "session-sandbox=required\nminimum-level=allow-shell:kernel restrict-directory-view:kernel",
        )
        .start()?;
    let (_, client) = world.signed_in("ann")?;
    client.start_session(30)?;
    let page = client.get("/")?.expect(200)?.text();
    ensure!(page.contains("by the kernel inside the session"), "{page}");
    let started = world.await_audit("session-started", &[], 10)?;
    let proof = started["proof"].as_str().unwrap_or_default();
    ensure!(proof.contains("landlock=") && proof.contains("calls=closed"), "{proof}");
    Ok(())
}

fn off(stage: &Stage) -> Result<()> {
    let world =
        stage.world().conf("rsession.conf", STRICT).conf("portcullis.conf", "session-sandbox=off").start()?;
    let (_, client) = world.signed_in("ann")?;
    client.start_session(30)?;
    let page = client.get("/")?.expect(200)?.text();
    ensure!(!page.contains("by the kernel inside the session"), "{page}");
    ensure!(page.contains("Held at the door"), "{page}");
    let started = world.await_audit("session-started", &[], 10)?;
    let proof = started["proof"].as_str().unwrap_or_default();
    ensure!(!proof.contains("calls=closed"), "{proof}");
    Ok(())
}
