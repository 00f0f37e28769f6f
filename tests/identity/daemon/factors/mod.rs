//! Second factors through the real daemon: enrolled by their person, asked for at every sign-in after, by whatever method.

pub(super) mod beside;
mod groups;
mod limit;
mod methods;
mod passkey;
mod phone;

use std::os::unix::fs::MetadataExt as _;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::account::{self, Account};
use portcullis_testing::servers::people::Standing;
use portcullis_testing::servers::slapd::Slapd;
use portcullis_testing::{Client, Response, Stage, World, case, until};

use self::phone::Phone;
use super::ask::exits;
use super::ldap;

/// A group whose members need a second factor.
const NEEDS: &str = "secondfactor";

/// What a server says when the next one serves.
const REPLACED: &str = "another server takes what is new";

/// All of them.
pub(super) fn all() -> Vec<Trial> {
    let mut all = vec![
        case("identity::daemon::factors::the_test_s_phone_is_right", |_| phone::vectors()),
        case("identity::daemon::factors::a_code_is_asked_for_and_counts_once", codes),
        case("identity::daemon::factors::five_wrong_codes_are_a_refusal_like_any", wrong),
        case("identity::daemon::factors::a_recovery_code_counts_once", recovery),
        case("identity::daemon::factors::a_required_group_is_limited_until_it_has_one", required),
        case("identity::daemon::factors::locked_or_killed_in_between_nobody_comes_in", between),
        case("identity::daemon::factors::who_lost_the_phone_is_helped_by_root", lost),
        case("identity::daemon::factors::a_directory_s_password_is_not_enough_either", directory),
        case("identity::daemon::factors::a_secret_is_sealed_on_disk_under_a_key_of_root_s", sealed),
        case("identity::daemon::factors::a_passkey_of_a_real_browser", passkey::passkey),
        case("identity::daemon::factors::a_directory_s_group_keeps_the_last_one", groups::last),
        case("identity::daemon::factors::ten_wrong_codes_of_an_account_then_one_a_minute", limit::codes),
    ];
    all.extend(methods::all());
    all
}

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> Result<String> {
    let mark = format!("name=\"{name}\" value=\"");
    let rest = page.split(&mark).nth(1).with_context(|| format!("no field {name} in {page}"))?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

fn html(client: &Client, path: &str) -> Result<Response> {
    client.request("GET", path).header("Accept", "text/html").send()
}

/// Enrols a first phone by the pages; the phone, and the recovery codes.
fn enrol(client: &Client) -> Result<(Phone, Vec<String>)> {
    let (phone, codes) = enrol_one(client)?;
    ensure!(codes.len() == 10, "{} recovery codes", codes.len());
    Ok((phone, codes))
}

/// The same of any phone: only the first brings codes.
fn enrol_one(client: &Client) -> Result<(Phone, Vec<String>)> {
    let page = html(client, "/account/factors")?.expect(200)?.text();
    let token = hidden(&page, "token")?;
    let page = client.post("/account/factors/totp", &[("token", &token), ("name", "my phone")])?;
    let page = page.expect(200)?.text();
    ensure!(page.contains("<svg"), "no picture: {page}");
    let (mut phone, factor) = (Phone::of(&page)?, hidden(&page, "factor")?);
    // A wrong code confirms nothing, and the same secret is shown once more.
    let fields = [("token", token.as_str()), ("factor", &factor), ("code", &phone.wrong()?)];
    let again = client.post("/account/factors/confirm", &fields)?.expect(200)?.text();
    ensure!(again.contains("not right") && Phone::of(&again)?.key() == phone.key(), "{again}");
    let fields = [("token", token.as_str()), ("factor", &factor), ("code", &phone.next()?)];
    let page = client.post("/account/factors/confirm", &fields)?.expect(200)?.text();
    let codes: Vec<String> = page
        .split("<li><code>")
        .skip(1)
        .filter_map(|rest| rest.split('<').next().map(str::to_owned))
        .collect();
    Ok((phone, codes))
}

/// Name and password; the conversation that goes on.
fn begin(client: &Client, account: &Account, password: &str) -> Result<String> {
    let page = client.try_sign_in(&account.name, password)?.expect(200)?;
    ensure!(page.header("set-cookie").is_none(), "a cookie before the second factor");
    let page = page.text();
    ensure!(
        page.contains("one-time-code") && !client.is_signed_in()?,
        "no second factor is asked for: {page}"
    );
    hidden(&page, "conversation")
}

fn answer(client: &Client, conversation: &str, code: &str) -> Result<Response> {
    client.post("/auth-continue", &[("conversation", conversation), ("answer", code)])
}

/// Comes in by this code.
fn comes_in(client: &Client, account: &Account, code: &str) -> Result<()> {
    let conversation = begin(client, account, &account.password)?;
    answer(client, &conversation, code)?.expect(303)?;
    ensure!(client.is_signed_in()?, "not signed in by the second factor");
    Ok(())
}

/// Starts the daemon once more, and waits until no server of before takes anybody.
fn again(world: &mut World) -> Result<()> {
    let before = world.log.lines().iter().filter(|line| line.contains(REPLACED)).count();
    world.launch()?;
    let count = |world: &World| world.log.lines().iter().filter(|line| line.contains(REPLACED)).count();
    until::is("the server of before finishes", 30, || count(world) > before)
}

fn codes(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (ann, client) = world.signed_in("fcode")?;
    let (mut phone, _) = enrol(&client)?;
    world.await_audit(
        "factor-enrolled",
        &[("user", &ann.name), ("kind", "totp"), ("name", "my phone")],
        5,
    )?;
    ensure!(client.is_signed_in()?, "who enrols stays signed in");
    let other = world.client()?;
    let conversation = begin(&other, &ann, &ann.password)?;
    // The one that confirmed it counts no more; a wrong one never did.
    for bad in [phone.again()?, phone.wrong()?, String::new(), "x".repeat(60)] {
        let page = answer(&other, &conversation, &bad)?.expect(200)?.text();
        ensure!(page.contains("not right") && !other.is_signed_in()?, "{bad}: {page}");
    }
    let code = phone.next()?;
    answer(&other, &conversation, &code)?.expect(303)?;
    ensure!(other.is_signed_in()?, "not signed in");
    world.await_audit("sign-in", &[("user", &ann.name), ("factor", "totp")], 5)?;
    ensure!(world.count_audit("factor-failed", &[("user", &ann.name), ("at", "sign-in")])? == 4);
    // In another browser the same code is used up.
    let third = world.client()?;
    let conversation = begin(&third, &ann, &ann.password)?;
    ensure!(answer(&third, &conversation, &code)?.expect(200)?.text().contains("not right"));
    // The conversation is the browser's that has its key, and is over with it.
    ensure!(!world.client()?.is_signed_in()? && !third.is_signed_in()?);
    answer(&third, &conversation, &phone.next()?)?.expect(303)?;
    Ok(())
}

fn wrong(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (ann, client) = world.signed_in("fwrong")?;
    let (mut phone, _) = enrol(&client)?;
    let other = world.client()?;
    let plain = |answer: &Response| {
        let text = answer.text();
        let id = text.split("<p class=\"id\">").nth(1).and_then(|rest| rest.split("</p>").next());
        (answer.status, text.replace(id.unwrap_or("no id"), ""))
    };
    let refused = plain(&other.try_sign_in(&ann.name, "a wrong password")?);
    let conversation = begin(&other, &ann, &ann.password)?;
    for _ in 0..4 {
        answer(&other, &conversation, &phone.wrong()?)?.expect(200)?;
    }
    let fifth = plain(&answer(&other, &conversation, &phone.wrong()?)?);
    ensure!(fifth == refused, "told apart from a wrong password: {fifth:?} {refused:?}");
    world.await_audit("sign-in-denied", &[("user", &ann.name), ("reason", "factor")], 5)?;
    ensure!(world.count_audit("factor-failed", &[("user", &ann.name), ("at", "sign-in")])? == 5);
    // It is over: the right one comes too late, and a new conversation is open to its person.
    answer(&other, &conversation, &phone.next()?)?;
    ensure!(!other.is_signed_in()?, "let in after the end");
    ensure!(client.is_signed_in()?, "a sign-in that lives is not concerned");
    comes_in(&world.client()?, &ann, &phone.next()?)
}

fn recovery(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (ann, client) = world.signed_in("frec")?;
    let (_, codes) = enrol(&client)?;
    let other = world.client()?;
    let conversation = begin(&other, &ann, &ann.password)?;
    answer(&other, &conversation, &codes[3].to_lowercase().replace('-', " "))?.expect(303)?;
    ensure!(other.is_signed_in()?, "a recovery code lets nobody in");
    world.await_audit("sign-in", &[("user", &ann.name), ("factor", "recovery")], 5)?;
    let page = html(&other, "/account/factors")?.expect(200)?.text();
    ensure!(page.contains("9 recovery codes left"), "{page}");
    let third = world.client()?;
    let conversation = begin(&third, &ann, &ann.password)?;
    ensure!(answer(&third, &conversation, &codes[3])?.expect(200)?.text().contains("not right"), "twice");
    // A new sheet makes the old one void.
    let token = hidden(&page, "token")?;
    let page = other.post("/account/factors/codes", &[("token", &token)])?.expect(200)?.text();
    let fresh = page.split("<li><code>").nth(1).and_then(|rest| rest.split('<').next()).context("no code")?;
    ensure!(
        answer(&third, &conversation, &codes[4])?.expect(200)?.text().contains("not right"),
        "a void one"
    );
    answer(&third, &conversation, fresh)?.expect(303)?;
    // No form without the page's token changes anything.
    other.post("/account/factors/codes", &[])?.expect(403)?;
    Ok(())
}

fn required(stage: &Stage) -> Result<()> {
    account::shadow("groupadd", &["--force", NEEDS])?;
    let needs = format!("factor-required-groups={NEEDS}");
    let world = stage.world().conf("portcullis.conf", &needs).start()?;
    let (_, free) = world.signed_in("ffree")?;
    ensure!(free.is_signed_in()?, "somebody in no such group is limited");
    let ann = world.account_with("flim", &["--groups", NEEDS])?;
    let client = world.client()?;
    client.sign_in(&ann.name, &ann.password)?;
    world.await_audit("sign-in", &[("user", &ann.name), ("factor", "to-enrol")], 5)?;
    let home = html(&client, "/")?.expect(303)?;
    ensure!(home.header("location") == Some("/account/factors"), "{:?}", home.header("location"));
    // No door of anything opens.
    client.post("/sessions", &[("ide", "jupyterlab")])?.expect(403)?;
    for path in [
        "/events",
        "/sessions/0011223344556677",
        "/s/0011223344556677/",
        "/__api__/v1/user",
        "/admin",
        "/none",
    ] {
        client.get(path)?.expect(403)?;
    }
    let page = html(&client, "/account/factors")?.expect(200)?.text();
    ensure!(page.contains("nothing else"), "{page}");
    let token = hidden(&page, "token")?;
    let fields = [("token", token.as_str()), ("name", "ci"), ("scope", "ide"), ("days", "1")];
    client.post("/account/keys", &fields)?.expect(403)?;
    ensure!(world.count_audit("session-started", &[("user", &ann.name)])? == 0, "a session was opened");
    // Somebody else with the password waits, too: what the person enrols lets nobody in who has proven none.
    let beside = world.client()?;
    beside.sign_in(&ann.name, &ann.password)?;
    html(&beside, "/account/factors")?.expect(200)?;
    let (mut phone, _) = enrol(&client)?;
    ensure!(client.is_signed_in()?, "limited still");
    until::is("who waited beside is out", 5, || {
        html(&beside, "/account/factors").is_ok_and(|answer| answer.status != 200)
    })?;
    ensure!(!beside.is_signed_in()?, "let in by another's factor");
    let page = html(&client, "/account/factors")?.expect(200)?.text();
    ensure!(!page.contains("nothing else"), "{page}");
    // The last one stays while it is needed.
    ensure!(!page.contains("/account/factors/remove"), "{page}");
    comes_in(&world.client()?, &ann, &phone.next()?)
}

fn between(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    world.log.expect("the launcher is gone");
    world.signed_in("fboss")?;
    let (ann, client) = world.signed_in("fbetw")?;
    let (mut phone, _) = enrol(&client)?;
    let other = world.client()?;
    let conversation = begin(&other, &ann, &ann.password)?;
    exits(&world, &["users", "lock", &ann.name], 0)?;
    let code = phone.next()?;
    answer(&other, &conversation, &code)?;
    ensure!(!other.is_signed_in()?, "let in after the lock");
    exits(&world, &["users", "unlock", &ann.name], 0)?;
    let other = world.client()?;
    let conversation = begin(&other, &ann, &ann.password)?;
    world.stop(Signal::SIGKILL)?;
    again(&mut world)?;
    let other = Client::new(world.address());
    answer(&other, &conversation, &code)?;
    ensure!(!other.is_signed_in()?, "let in by a conversation of before");
    // Nothing judged that code: it counts yet, once.
    comes_in(&world.client()?, &ann, &code)?;
    let third = world.client()?;
    let conversation = begin(&third, &ann, &ann.password)?;
    ensure!(answer(&third, &conversation, &code)?.expect(200)?.text().contains("not right"), "twice");
    world.stop(Signal::SIGKILL)?;
    again(&mut world)?;
    // What was used up is so after a crash.
    let third = world.client()?;
    let conversation = begin(&third, &ann, &ann.password)?;
    ensure!(answer(&third, &conversation, &code)?.expect(200)?.text().contains("not right"), "after a crash");
    Ok(())
}

fn lost(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (ann, client) = world.signed_in("flost")?;
    enrol(&client)?;
    begin(&world.client()?, &ann, &ann.password)?;
    let said = exits(&world, &["users", "alter", &ann.name, "--drop-factors"], 0)?;
    ensure!(said.contains("1 removed"), "{said}");
    world.await_audit("factor-removed", &[("user", &ann.name), ("kind", "totp"), ("name", "my phone")], 5)?;
    world.client()?.sign_in(&ann.name, &ann.password)?;
    let said = exits(&world, &["users", "alter", &ann.name, "--drop-factors"], 0)?;
    ensure!(said.contains("has no second factor"), "{said}");
    // And by its person, with a recent proof.
    enrol(&client)?;
    let page = html(&client, "/account/factors")?.expect(200)?.text();
    let factor = page.split("name=\"factor\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let fields = [("token", hidden(&page, "token")?), ("factor", factor.context("no button")?.to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let stranger = world.signed_in("fother")?.1;
    stranger.post("/account/factors/remove", &fields)?.expect(403)?;
    let token = hidden(&html(&stranger, "/account/factors")?.text(), "token")?;
    stranger.post("/account/factors/remove", &[("token", &token), fields[1]])?.expect(404)?;
    client.post("/account/factors/remove", &fields)?.expect(303)?;
    world.await_audit("factor-removed", &[("user", &ann.name), ("by", &ann.name)], 5)?;
    world.client()?.sign_in(&ann.name, &ann.password)
}

fn directory(stage: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let world = ldap::world(stage, &ldap::section("main", slapd, "")?)?;
    let ann = ldap::person(&world, slapd, Standing::Good)?;
    let client = world.client()?;
    client.sign_in(&ann.name, ldap::PASSWORD)?;
    let (mut phone, _) = enrol(&client)?;
    let other = world.client()?;
    let conversation = begin(&other, &ann, ldap::PASSWORD)?;
    answer(&other, &conversation, &phone.wrong()?)?.expect(200)?;
    answer(&other, &conversation, &phone.next()?)?.expect(303)?;
    world.await_audit("sign-in", &[("user", &ann.name), ("method", "ldap"), ("factor", "totp")], 5)?;
    ensure!(other.is_signed_in()?);
    Ok(())
}

fn sealed(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    let (ann, client) = world.signed_in("fseal")?;
    let (mut phone, codes) = enrol(&client)?;
    let key = std::fs::metadata(world.state_dir().join("factor-key"))?;
    ensure!(key.uid() == 0 && key.mode() & 0o777 == 0o600, "{:o}", key.mode());
    ensure!(world.accounts_hold(&[b"my phone"])?, "what is kept was not looked at");
    ensure!(!world.accounts_hold(&[phone.key()])?, "the secret stands in the database");
    let codes: Vec<&[u8]> = codes.iter().map(String::as_bytes).collect();
    ensure!(!world.accounts_hold(&codes)?, "a code stands in the database");
    // Another key opens nothing, and nobody is let in without the factor.
    world.log.expect("a factor can't be opened");
    world.stop(Signal::SIGTERM)?;
    std::fs::rename(world.state_dir().join("factor-key"), world.folder().join("kept"))?;
    again(&mut world)?;
    let other = world.client()?;
    let conversation = begin(&other, &ann, &ann.password)?;
    let answered = answer(&other, &conversation, &phone.next()?)?;
    ensure!(answered.status == 503 && !other.is_signed_in()?, "{}", answered.text());
    world.stop(Signal::SIGTERM)?;
    std::fs::rename(world.folder().join("kept"), world.state_dir().join("factor-key"))?;
    again(&mut world)?;
    comes_in(&world.client()?, &ann, &phone.next()?)
}
