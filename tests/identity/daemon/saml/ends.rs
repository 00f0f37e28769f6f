//! The end that a provider gives its own session: nobody is signed in by it for longer, whatever they do and whoever starts the daemon anew.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::client::Client;
use portcullis_testing::saml::Key;
use portcullis_testing::servers::postgres::Postgres;
use portcullis_testing::{Stage, World, case, until};

use super::{answer, denied, goes, key, known, lets_nobody_in, now, posts, trusting, world};
use crate::daemon::two::on;

/// Seconds for which clocks may differ: an answer is believed so long after its end, and a sign-in lives so long.
const SKEW: u64 = 60;
/// Seconds that are left of a session: time for a start of the daemon on a busy machine.
const LEFT: u64 = 60;

/// Those of two machines.
pub(in crate::daemon) fn of_two() -> Vec<Trial> {
    vec![case("identity::daemon::two::a_provider_s_end_holds_on_the_other_machine", elsewhere)]
}

/// Somebody who comes with a session that ends then.
fn comes(world: &World, key: &Key, user: &str, end: Option<u64>) -> Result<Client> {
    let client = world.client()?;
    let (request, state) = goes(&client)?;
    let mut answer = answer(user, Some(&request));
    answer.session_end = end;
    posts(&client, &answer.signed(key)?, &state)?.expect(303)?;
    Ok(client)
}

pub(super) fn ends(stage: &Stage) -> Result<()> {
    let key = key()?;
    let mut world = world(stage, &key, "", "")?;
    let (ada, ben, cid) = (world.account("send")?, world.account("slong")?, world.account("snone")?);
    // One that is over by any clock is not believed.
    let client = world.client()?;
    let (request, state) = goes(&client)?;
    let mut over = answer(&ada.name, Some(&request));
    over.session_end = Some(now() - SKEW - 30);
    denied(&world, "credentials", || lets_nobody_in(&posts(&client, &over.signed(&key)?, &state)?, 401))?;

    let long = comes(&world, &key, &ben.name, Some(now() + 28_800))?;
    let without = comes(&world, &key, &cid.name, None)?;
    let end = now() - SKEW + LEFT;
    let short = comes(&world, &key, &ada.name, Some(end))?;
    ensure!(short.is_signed_in()? || now() >= end + SKEW, "signed out before its time");
    world.stop(Signal::SIGTERM)?;
    world.launch()?;
    let (short, long, without) = (anew(&world, &short)?, anew(&world, &long)?, anew(&world, &without)?);
    // They act all the time; it is the provider's word that counts.
    until::is("the sign-in ends", LEFT + 30, || short.is_signed_in().is_ok_and(|signed_in| !signed_in))?;
    ensure!(now() >= end + SKEW, "it ended {} s too soon", end + SKEW - now());
    world.await_audit("sign-in-ended", &[("user", &ada.name), ("why", "expired")], 30)?;
    ensure!(long.is_signed_in()? && without.is_signed_in()?, "others ended with it");
    Ok(())
}

fn elsewhere(stage: &Stage) -> Result<()> {
    let key = key()?;
    let database = Postgres::shared()?.database()?;
    let machine = || -> Result<World> {
        let mut world = on(stage, &database, "")?;
        world.set("rserver.conf", &trusting(&key)?)?;
        world.launch()?;
        known(&world)?;
        Ok(world)
    };
    let (a, b) = (machine()?, machine()?);
    let (ada, ben) = (a.account("sboth")?, a.account("slong")?);
    let long = comes(&a, &key, &ben.name, Some(now() + 28_800))?;
    let end = now() - SKEW + LEFT;
    let here = comes(&a, &key, &ada.name, Some(end))?;
    let (there, long) = (anew(&b, &here)?, anew(&b, &long)?);
    until::is("the sign-in is honoured", 30, || there.is_signed_in().is_ok_and(|signed_in| signed_in))?;
    b.await_audit("sign-in-elsewhere", &[("user", &ada.name)], 30)?;
    // What they do at the other machine moves nothing of it on either.
    until::is("it ends there", LEFT + 30, || there.is_signed_in().is_ok_and(|signed_in| !signed_in))?;
    ensure!(now() >= end + SKEW, "it ended {} s too soon", end + SKEW - now());
    until::is("it ends here", 30, || here.is_signed_in().is_ok_and(|signed_in| !signed_in))?;
    until::is("others go on", 30, || long.is_signed_in().is_ok_and(|signed_in| signed_in))
}

/// The same browser at another start, or another machine.
fn anew(world: &World, before: &Client) -> Result<Client> {
    let client = world.client()?;
    for name in ["portcullis", "__Host-portcullis"] {
        if let Some(value) = before.cookie(name) {
            client.set_cookie(name, &value);
        }
    }
    Ok(client)
}
