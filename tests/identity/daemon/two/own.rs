//! One's own sign-ins of all machines: shown and ended on each of them.

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::postgres::Postgres;
use portcullis_testing::{Account, Client, Stage, World, case, process, until, websocket};

use super::lost::expect;
use super::{Pair, ended_by};

pub(super) fn all() -> Vec<Trial> {
    vec![
        case("identity::daemon::two::ones_own_sign_ins_of_all_machines_are_shown_and_ended", own),
        case("identity::daemon::two::without_the_database_the_others_are_not_said_to_be_over", without),
    ]
}

fn page(client: &Client) -> Result<String> {
    Ok(client.request("GET", "/account").header("Accept", "text/html").send()?.expect(200)?.text())
}

/// What stands behind this in the page, up to the next quotation mark.
fn all_behind(page: &str, mark: &str) -> Vec<String> {
    page.split(mark).skip(1).filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect()
}

/// The ids that a page offers to end, when they are as many as this.
fn offered(client: &Client, count: usize) -> Result<Vec<String>> {
    until::some("the page has them", 30, || {
        let ids = all_behind(&page(client)?, "name=\"sign-in\" value=\"");
        Ok((ids.len() == count).then_some(ids))
    })
}

fn end(client: &Client, field: (&str, &str)) -> Result<portcullis_testing::Response> {
    let tokens = all_behind(&page(client)?, "name=\"token\" value=\"");
    client.post("/account/sign-ins/end", &[("token", tokens.first().context("no token")?), field])
}

fn at(world: &World, account: &Account) -> Result<Client> {
    let client = world.client()?;
    client.sign_in(&account.name, &account.password)?;
    Ok(client)
}

fn over(client: &Client) -> Result<()> {
    until::some("it is over", 30, || Ok((!client.is_signed_in()?).then_some(())))
}

fn own(stage: &Stage) -> Result<()> {
    let pair = Pair::start(stage, &Postgres::shared()?.database()?, "")?;
    let (ann, here) = pair.a.signed_in("ann")?;
    let there = at(&pair.b, &ann)?;
    let (_, ben) = pair.b.signed_in("ben")?;
    let id = there.start_session(30)?;
    let mut socket = websocket::open(&there, &format!("/s/{id}/api/events/subscribe"), &[])?;
    websocket::echo(&mut socket, "x")?;
    // One is offered; the one that looks has its own button.
    let theirs = offered(&here, 1)?;
    ensure!(page(&here)?.contains("at another machine"), "{}", page(&here)?);
    // Somebody else's is none of theirs, whichever machine knows it.
    let (cid, of_cid) = pair.a.signed_in("cid")?;
    let cids = at(&pair.b, &cid)?;
    let mut answers = Vec::new();
    for id in offered(&at(&pair.b, &cid)?, 2)? {
        answers.push(end(&here, ("sign-in", &id))?.status);
    }
    answers.sort_unstable();
    ensure!(answers == [403, 404], "{answers:?}");
    ensure!(of_cid.is_signed_in()?, "somebody else's was ended");
    ensure!(cids.is_signed_in()? && ben.is_signed_in()?, "somebody else's was ended");

    let answer = end(&here, ("sign-in", &theirs[0]))?;
    ensure!(answer.status == 303, "{}: {}", answer.status, answer.text());
    over(&there)?;
    websocket::await_close(&mut socket)?;
    ensure!(here.is_signed_in()?, "the one that asked is over too");
    // Sessions go on, as after a sign-out.
    ensure!(!process::of_user(ann.uid).is_empty(), "the session ended");
    pair.a.await_audit("revoked", &[("user", &ann.name), ("sign_ins", "1"), ("by", &ann.name)], 5)?;
    pair.b.await_audit("sign-in-ended", &[("user", &ann.name)], 5)?;
    offered(&here, 0)?;

    let (second, third) = (at(&pair.b, &ann)?, at(&pair.a, &ann)?);
    offered(&here, 2)?;
    let answer = end(&here, ("which", "others"))?;
    ensure!(answer.status == 303, "{}: {}", answer.status, answer.text());
    ensure!(!third.is_signed_in()?, "the other one here lives");
    over(&second)?;
    ensure!(here.is_signed_in()?, "the one that asked is over too");

    let fourth = at(&pair.b, &ann)?;
    offered(&here, 1)?;
    let answer = end(&here, ("which", "all"))?;
    ensure!(answer.status == 200 && answer.text().contains("You are signed out"), "{}", answer.text());
    ensure!(!here.is_signed_in()?, "the one that asked lives");
    over(&fourth)?;
    ensure!(cids.is_signed_in()? && ben.is_signed_in()?, "a bystander was signed out");
    ended_by(&pair.b, &["revoke", &ann.name], |told| told)?;
    until::is("the session is over", 30, || process::of_user(ann.uid).is_empty())
}

fn without(stage: &Stage) -> Result<()> {
    let server = Postgres::start()?;
    let pair = Pair::start(stage, &server.database()?, "")?;
    [&pair.a, &pair.b].into_iter().for_each(expect);
    let (ann, here) = pair.a.signed_in("ann")?;
    let (second, there) = (at(&pair.a, &ann)?, at(&pair.b, &ann)?);
    offered(&here, 2)?;
    server.stop()?;
    let answer = end(&here, ("which", "all"))?;
    let place = answer.header("location").unwrap_or_default().to_owned();
    ensure!(answer.status == 303 && place.ends_with("said=here"), "{}: {}", answer.status, answer.text());
    ensure!(!second.is_signed_in()?, "the other one here lives");
    ensure!(here.is_signed_in()? && there.is_signed_in()?, "it was said that they live");
    Ok(())
}
