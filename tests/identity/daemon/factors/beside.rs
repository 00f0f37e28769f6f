//! A limited sign-in (good for nothing but to enrol a first factor) beside a factor that exists by now: on another of two machines, where
//! nobody ended it. Whoever sits there has proven no factor, so that it enrols, removes and makes nothing.

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::postgres::Postgres;
use portcullis_testing::{Client, Stage, account, case};

use super::phone::Phone;
use super::{NEEDS, answer, begin, enrol, enrol_one, hidden, html};
use crate::daemon::two::Pair;

/// All of them: two machines have one PostgreSQL, so that there is no other database to run them on.
pub(in crate::daemon) fn all() -> Vec<Trial> {
    vec![case(
        "identity::daemon::factors::a_limited_sign_in_changes_nothing_of_a_factor_that_exists",
        limited,
    )]
}

/// The ids of the factors on the page.
fn listed(client: &Client) -> Result<Vec<String>> {
    let page = html(client, "/account/factors")?.expect(200)?.text();
    let ids = page.split("name=\"factor\" value=\"").skip(1);
    Ok(ids.filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect())
}

fn limited(stage: &Stage) -> Result<()> {
    account::shadow("groupadd", &["--force", NEEDS])?;
    let database = Postgres::shared()?.database()?;
    let pair = Pair::start(stage, &database, &format!("factor-required-groups={NEEDS}"))?;
    let ann = pair.a.account_with("fbeside", &["--groups", NEEDS])?;
    // Somebody with the password waits at A.
    let beside = pair.a.client()?;
    beside.sign_in(&ann.name, &ann.password)?;
    let page = html(&beside, "/account/factors")?.expect(200)?.text();
    ensure!(page.contains("nothing else"), "not limited: {page}");
    let token = hidden(&page, "token")?;
    // The person enrols the first one at B.
    let owner = pair.b.client()?;
    owner.sign_in(&ann.name, &ann.password)?;
    let (mut phone, _) = enrol(&owner)?;
    ensure!(owner.is_signed_in()?, "limited still");
    // At A they show their phone a secret; there is no way to make it count.
    let page = beside.post("/account/factors/totp", &[("token", &token), ("name", "theirs")])?;
    let page = page.expect(200)?.text();
    let (mut theirs, begun) = (Phone::of(&page)?, hidden(&page, "factor")?);
    let fields = [("token", token.as_str()), ("factor", &begun), ("code", &theirs.next()?)];
    let refused = beside.post("/account/factors/confirm", &fields)?.expect(409)?.text();
    ensure!(refused.contains("there is a second factor by now"), "{refused}");
    beside.post("/account/factors/codes", &[("token", &token)])?.expect(400)?;
    // One can be removed as soon as there are two: the second is enrolled by whoever has proven the first.
    let (mut second, codes) = enrol_one(&owner)?;
    ensure!(codes.is_empty(), "a second sheet");
    let ids = listed(&owner)?;
    ensure!(ids.len() == 2, "{ids:?}");
    for factor in &ids {
        let fields = [("token", token.as_str()), ("factor", factor)];
        beside.post("/account/factors/remove", &fields)?.expect(403)?;
    }
    ensure!(listed(&owner)? == ids, "something was removed");
    let home = html(&beside, "/")?.expect(303)?;
    ensure!(home.header("location") == Some("/account/factors"), "{:?}", home.header("location"));
    let other = pair.a.client()?;
    let conversation = begin(&other, &ann, &ann.password)?;
    ensure!(
        answer(&other, &conversation, &theirs.again()?)?.text().contains("not right"),
        "their phone counts"
    );
    answer(&other, &conversation, &phone.next()?)?.expect(303)?;
    ensure!(other.is_signed_in()? && !beside.is_signed_in()?);
    // Whoever has proven it does all of that, on both machines.
    let token = hidden(&html(&other, "/account/factors")?.expect(200)?.text(), "token")?;
    let page = other.post("/account/factors/codes", &[("token", &token)])?.expect(200)?.text();
    ensure!(page.contains("<li><code>"), "no sheet: {page}");
    let first = ids.first().context("none")?;
    other.post("/account/factors/remove", &[("token", &token), ("factor", first)])?.expect(303)?;
    pair.a.await_audit("factor-removed", &[("user", &ann.name), ("by", &ann.name)], 5)?;
    let third = pair.b.client()?;
    let conversation = begin(&third, &ann, &ann.password)?;
    // Whichever it was, the other one counts still.
    for phone in [&mut phone, &mut second] {
        answer(&third, &conversation, &phone.next()?)?;
        if third.is_signed_in()? {
            return Ok(());
        }
    }
    anyhow::bail!("none of the two counts")
}
