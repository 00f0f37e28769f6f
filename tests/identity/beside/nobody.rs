//! `auth-none`: one account for whoever comes from this machine.

use anyhow::{Result, ensure};
use portcullis_testing::{Stage, World, account};

use super::{denied, lets_nobody_in};

fn world(stage: &Stage, name: &str) -> Result<World> {
    let own = format!("auth-none-user={name}");
    stage.world().conf("rserver.conf", "auth-none=1").conf("portcullis.conf", &own).start()
}

pub(super) fn comes_in(stage: &Stage) -> Result<()> {
    let anna = account::create("nanna", &[])?;
    let world = world(stage, &anna.name)?;
    let client = world.client()?;
    client.request("GET", "/auth-sign-in").header("Accept", "text/html").send()?.expect(303)?;
    ensure!(client.is_signed_in()?);
    world.await_audit("sign-in", &[("user", &anna.name), ("method", "none")], 5)?;
    // A page of the internet whose name points here asks in that name.
    let rebound = world.client()?;
    let evil = rebound.request("GET", "/auth-sign-in").header("Host", "evil.example").send()?;
    lets_nobody_in(&evil, 401)?;
    // Beyond the loopback the daemon doesn't even start.
    let conf = "auth-none=1\nwww-address=0.0.0.0";
    let open = stage
        .world()
        .conf("rserver.conf", conf)
        .conf("portcullis.conf", &format!("auth-none-user={}", anna.name));
    let (status, said) = open.start_in_vain()?;
    ensure!(!status.success() && said.contains("auth-none"), "{said}");
    Ok(())
}

pub(super) fn stay_out(stage: &Stage) -> Result<()> {
    let locked = account::create("nlocked", &["--expiredate", "2020-01-01"])?;
    for (name, reason) in [(locked.name.as_str(), "account"), ("root", "not-permitted")] {
        let world = world(stage, name)?;
        denied(&world, "none", reason, || {
            let client = world.client()?;
            lets_nobody_in(&client.request("GET", "/auth-sign-in").header("Accept", "text/html").send()?, 401)
        })?;
    }
    Ok(())
}
