//! A proxy in front that says by a header who somebody is.

use anyhow::{Context as _, Result, ensure};
use portcullis_testing::client::Client;
use portcullis_testing::{Response, Stage, World, account};

use super::{denied, lets_nobody_in, secret_file};

pub(crate) const HEADER: &str = "X-RStudio-Username";
pub(crate) const WARNING: &str = "every account that runs programs here is believed to be anybody";

fn believing(stage: &Stage, from: &str) -> Result<World> {
    let own = format!("auth-proxy-from={from}");
    let world = stage.world().conf("rserver.conf", "auth-proxy=1").conf("portcullis.conf", &own).start()?;
    // The tests' proxy is of this machine, without a secret: that is said.
    world.log.expect(WARNING);
    Ok(world)
}

fn ask(client: &Client, path: &str, header: &str, name: &str) -> Result<Response> {
    client.request("GET", path).header("Accept", "text/html").header(header, name).send()
}

pub(super) fn comes_in(stage: &Stage) -> Result<()> {
    let world = believing(stage, "127.0.0.1")?;
    world.log.await_line(WARNING, 5)?;
    let (anna, bob) = (world.account("hanna")?, world.account("hbob")?);
    let client = world.client()?;
    let named = format!("{}/Anna Example", anna.name);
    ask(&client, "/auth-sign-in?appUri=/", HEADER, &named)?.expect(303)?;
    world.await_audit("sign-in", &[("user", &anna.name), ("method", "proxy")], 5)?;
    ask(&client, "/", HEADER, &anna.name)?.expect(200)?;
    // Without the header, and with another's, the cookie is nobody's, and stays so.
    ask(&client, "/", HEADER, &bob.name)?.expect(303)?;
    world.await_audit("sign-in-ended", &[("user", &anna.name)], 5)?;
    ask(&client, "/", HEADER, &anna.name)?.expect(303)?;
    ask(&client, "/auth-sign-in", HEADER, &bob.name)?.expect(303)?;
    ask(&client, "/", HEADER, &bob.name)?.expect(200)?;
    ensure!(!client.is_signed_in()?, "a cookie without the proxy's word opens the home page");
    Ok(())
}

pub(super) fn stay_out(stage: &Stage) -> Result<()> {
    let world = believing(stage, "127.0.0.1")?;
    let anna = world.account("hout")?;
    let locked = world.account_with("hlocked", &["--expiredate", "2020-01-01"])?;
    for (name, reason) in [(locked.name.as_str(), "account"), ("root", "not-permitted")] {
        denied(&world, "proxy", reason, || {
            lets_nobody_in(&ask(&world.client()?, "/auth-sign-in", HEADER, name)?, 401)
        })
        .with_context(|| name.to_owned())?;
    }
    let client = world.client()?;
    let capital = format!("H{}", &anna.name[1..]);
    for name in [capital.as_str(), "../../etc", "-o", "", "a,b"] {
        lets_nobody_in(&ask(&client, "/auth-sign-in", HEADER, name)?, 401)
            .with_context(|| name.to_owned())?;
    }
    let twice = client.request("GET", "/auth-sign-in").header("Accept", "text/html");
    let twice = twice.header(HEADER, &anna.name).header(HEADER, &anna.name).send()?;
    lets_nobody_in(&twice, 401)?;
    lets_nobody_in(&client.try_sign_in(&anna.name, &anna.password)?, 401)?;
    // From an address that isn't a proxy's the header is as good as none.
    let other = believing(stage, "10.0.0.0/8")?;
    lets_nobody_in(&ask(&other.client()?, "/auth-sign-in", HEADER, &anna.name)?, 401)
}

pub(super) fn secret(stage: &Stage) -> Result<()> {
    let conf = stage
        .world()
        .conf("rserver.conf", "auth-proxy=1")
        .conf("portcullis.conf", "auth-proxy-from=127.0.0.1");
    let mut world = conf.build()?;
    secret_file(&world.config_dir().join("secure-proxy-user-header"), "X-Hidden-4711-User\n")?;
    world.launch()?;
    let anna = world.account("hsecret")?;
    lets_nobody_in(&ask(&world.client()?, "/auth-sign-in", HEADER, &anna.name)?, 401)?;
    let client = world.client()?;
    ask(&client, "/auth-sign-in", "X-Hidden-4711-User", &anna.name)?.expect(303)?;
    ask(&client, "/", "X-Hidden-4711-User", &anna.name)?.expect(200)?;
    // One that others can read is no secret.
    let conf = stage
        .world()
        .conf("rserver.conf", "auth-proxy=1")
        .conf("portcullis.conf", "auth-proxy-from=127.0.0.1");
    let (status, said) = conf.file("secure-proxy-user-header", "X-Hidden-4711-User\n").start_in_vain()?;
    ensure!(
        !status.success() && said.contains("secure-proxy-user-header") && !said.contains("4711"),
        "{said}"
    );
    let _ = account::uid_of(&anna.name)?;
    Ok(())
}
