//! API keys with two machines: what one made opens the other, with its limits, and is over on both at once.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_model::key::NewKey;
use portcullis_testing::servers::postgres::{Database, Postgres};
use portcullis_testing::{Client, Stage, World, case, process, until, websocket};
use serde_json::json;

use super::super::keys::{by_cookie, by_key, guid, make};
use super::{PROMISED, Pair, at, done, ended_by, portcullis};

pub(super) fn all() -> Vec<Trial> {
    vec![
        case("identity::daemon::two::a_key_made_on_one_opens_the_other_with_its_limits", opened),
        case("identity::daemon::two::a_key_ended_on_one_is_over_on_the_other_within_a_second", ended),
        case(
            "identity::daemon::two::a_key_follows_the_lock_the_role_and_the_transfer_of_its_owner",
            followed,
        ),
        case("identity::daemon::two::key_rows_that_nobody_sealed_open_nothing", forged),
        case("identity::daemon::two::a_key_ended_while_a_machine_is_dead_is_over_there_too", killed),
    ]
}

const ALL: &str = "sessions ide account:read users:read users:write audit:read";

/// What a machine answers to somebody who asks for their own account by this key.
fn status(world: &World, key: &str) -> Result<u16> {
    Ok(by_key(world, key, "GET", "user", None)?.status)
}

/// Looks at something until it is so, with pauses: a refusal is believed for a second, and of many bad keys of one address few are
/// looked at.
fn paced<T>(what: &str, mut probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let mut last: Option<Instant> = None;
    until::some(what, 60, || {
        if last.is_some_and(|last| last.elapsed() < Duration::from_millis(1100)) {
            return Ok(None);
        }
        last = Some(Instant::now());
        probe()
    })
}

/// Waits until a key opens something, at a machine that may know it by the database alone.
fn opens(world: &World, key: &str) -> Result<()> {
    paced("the key opens", || Ok((status(world, key)? == 200).then_some(())))
}

/// Waits until a key opens nothing; it must not take longer than is promised.
fn shut(world: &World, key: &str, since: Instant) -> Result<Duration> {
    let took =
        until::some("the key is over", 30, || Ok((status(world, key)? == 401).then(|| since.elapsed())))?;
    ensure!(took <= until::promised(PROMISED), "it took {took:?}");
    Ok(took)
}

fn sql(database: &Database, text: &str) -> Result<String> {
    Ok(database.query(text, "disable")?.trim().to_owned())
}

fn opened(stage: &Stage) -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let pair = Pair::start(stage, &database, "")?;
    let (ann, client) = pair.a.signed_in("ann")?;
    let (key, id) = make(&client, &json!({ "name": "ci", "scopes": ALL, "days": 7 }))?;
    opens(&pair.b, &key)?;
    pair.b.await_audit("key-elsewhere", &[("user", &ann.name), ("key", &id)], 5)?;
    // It is B's own by now: asked about once, told once.
    for _ in 0..5 {
        let me = by_key(&pair.b, &key, "GET", "user", None)?.expect(200)?.json()?;
        ensure!(me["username"] == ann.name.as_str(), "{me}");
    }
    ensure!(pair.b.count_audit("key-elsewhere", &[])? == 1, "taken over more than once");
    let made = by_key(&pair.b, &key, "POST", "sessions", Some(&json!({ "ide": "jupyter" })))?.expect(201)?;
    let session = made.json()?["id"].as_str().context("no id")?.to_owned();
    let (program, bearer, inside) = (pair.b.client()?, format!("Key {key}"), format!("/s/{session}/api/me"));
    until::is("the session answers", 30, || {
        let answer = program.request("GET", &inside).header("Authorization", &bearer).send();
        answer.is_ok_and(|answer| answer.status == 200)
    })?;
    by_key(&pair.b, &key, "DELETE", &format!("sessions/{session}"), None)?.expect(204)?;
    until::is("the session ends", 30, || process::of_user(ann.uid).is_empty())?;
    // The other way round.
    let (_, of_ben) = pair.b.signed_in("ben")?;
    let (back, _) = make(&of_ben, &json!({ "name": "back", "scopes": ALL }))?;
    opens(&pair.a, &back)?;
    // Its limits hold there.
    let (narrow, _) = make(&client, &json!({ "name": "narrow", "scopes": "account:read" }))?;
    let (viewer, _) = make(&client, &json!({ "name": "viewer", "scopes": ALL, "role": "viewer" }))?;
    for (key, path) in [(&narrow, "sessions"), (&viewer, "audit_logs")] {
        opens(&pair.b, key)?;
        ensure!(by_key(&pair.b, key, "GET", path, None)?.status == 403, "{path} beyond its limits");
    }
    ensure!(
        by_key(&pair.b, &key, "GET", "audit_logs", None)?.status == 200,
        "an administrator's key is less there"
    );
    let (far, far_id) = make(&client, &json!({ "name": "far", "scopes": ALL, "sources": ["192.0.2.0/24"] }))?;
    ensure!(status(&pair.b, &far)? == 401, "a key from where it may not be used");
    pair.b.await_audit("key-refused", &[("key", &far_id), ("why", "source")], 5)?;
    // One of our form that nobody made, and one whose owner may not be there.
    let (nobodys, ..) = foreign()?;
    ensure!(status(&pair.b, &nobodys)? == 401, "a key that nobody made");
    let (cid, of_cid) = pair.a.signed_in("cid")?;
    let (stranger, _) = make(&of_cid, &json!({ "name": "x", "scopes": ALL }))?;
    portcullis_testing::account::shadow("chage", &["-E", "0", &cid.name])?;
    ensure!(status(&pair.b, &stranger)? == 401, "a key of an expired account");
    for world in [&pair.a, &pair.b] {
        world.log.expect("an identity is lost");
    }
    // Uses are written from both.
    let used = || sql(&database, &format!("SELECT COALESCE(last_used, 0) FROM api_keys WHERE id = '{id}'"));
    until::is("its use at B is written", 60, || used().is_ok_and(|at| at != "0"))?;
    let before = used()?;
    opens(&pair.a, &key)?;
    until::is("its use at A is written", 60, || used().is_ok_and(|at| at != before))
}

/// A key of the right form that no machine of ours made: its text, its id, and its digest as hexadecimal digits.
fn foreign() -> Result<(String, String, String)> {
    let made = NewKey::random()?;
    let digest = made.digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((String::from_utf8(made.text.expose().to_vec())?, made.id.to_string(), digest))
}

/// A key of this browser's at A; where it is to be known at B, it was used there.
fn made(pair: &Pair, client: &Client, known: bool) -> Result<(String, String)> {
    let (key, id) = make(client, &json!({ "name": "x", "scopes": ALL }))?;
    if known {
        opens(&pair.b, &key)?;
    }
    Ok((key, id))
}

fn ended(stage: &Stage) -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let pair = Pair::start(stage, &database, "")?;
    let (ann, client, there) = pair.signed_in("ann")?;
    super::honoured(&[&there])?;
    let own = guid(&client)?;
    let session = there.start_session(30)?;
    let path = format!("/s/{session}/api/events/subscribe");
    let program = pair.b.client()?;
    let mut longest = Duration::ZERO;
    // By its owner at A: what is open by it at B ends, too.
    let (key, id) = made(&pair, &client, true)?;
    let bearer = format!("Key {key}");
    let mut socket = websocket::open(&program, &path, &[("Authorization", &bearer), ("Cookie", "")])?;
    websocket::echo(&mut socket, "x")?;
    by_cookie(&client, "DELETE", &format!("users/{own}/keys/{id}"), None)?.expect(204)?;
    let since = Instant::now();
    websocket::await_close(&mut socket)?;
    longest = longest.max(shut(&pair.b, &key, since)?);
    pair.b.await_audit("key-ended", &[("key", &id), ("why", "other-machine")], 5)?;
    // At B, where nobody used it: by its owner, and by nobody else.
    for known in [false, true] {
        let (key, id) = made(&pair, &client, known)?;
        let (_, of_ben) = pair.b.signed_in("ben")?;
        let foreign = format!("users/{}/keys/{id}", guid(&of_ben)?);
        ensure!(by_cookie(&of_ben, "DELETE", &foreign, None)?.status == 404, "another's key");
        ensure!(status(&pair.a, &key)? == 200, "ended by somebody else");
        by_cookie(&there, "DELETE", &format!("users/{own}/keys/{id}"), None)?.expect(204)?;
        longest = longest.max(shut(&pair.a, &key, Instant::now())?);
        ensure!(status(&pair.b, &key)? == 401, "it is taken in again");
        pair.b.await_audit("key-ended", &[("key", &id), ("why", "owner")], 5)?;
    }
    // By root's command at B.
    for known in [false, true] {
        let (key, id) = made(&pair, &client, known)?;
        ended_by(&pair.b, &["keys", "revoke", &id], |told| told)?;
        longest = longest.max(shut(&pair.a, &key, Instant::now())?);
        ensure!(status(&pair.b, &key)? == 401, "it is taken in again");
        ensure!(portcullis(&pair.b, &["keys", "revoke", &id])?.status.code() == Some(67), "ended twice");
    }
    // With everything of its owner: one that nobody used there opens nothing there either.
    let (key, _) = made(&pair, &client, true)?;
    let (unused, _) = made(&pair, &client, false)?;
    ended_by(&pair.a, &["revoke", &ann.name], |told| told)?;
    longest = longest.max(shut(&pair.b, &key, Instant::now())?);
    ensure!(
        status(&pair.b, &unused)? == 401 && status(&pair.a, &unused)? == 401,
        "a key of before a revocation"
    );
    println!("keys ended elsewhere within {longest:?} of the answer at the most");
    Ok(())
}

fn followed(stage: &Stage) -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let pair = Pair::start(stage, &database, "")?;
    let (ann, _) = pair.a.signed_in("ann")?;
    let (ben, of_ben) = pair.a.signed_in("ben")?;
    done(&pair.a, &["users", "alter", &ben.name, "--role", "administrator"])?;
    let (key, _) = make(&of_ben, &json!({ "name": "x", "scopes": ALL, "role": "administrator" }))?;
    let (unused, _) = make(&of_ben, &json!({ "name": "y", "scopes": ALL }))?;
    opens(&pair.b, &key)?;
    let audit = || -> Result<u16> { Ok(by_key(&pair.b, &key, "GET", "audit_logs", None)?.status) };
    ensure!(audit()? == 200, "less than its owner's role");
    done(&pair.a, &["users", "alter", &ben.name, "--role", "viewer"])?;
    until::some("the lower role counts", 30, || Ok((audit()? == 403).then_some(())))?;
    ended_by(&pair.a, &["users", "lock", &ben.name], |told| &told["ended"])?;
    shut(&pair.b, &key, Instant::now())?;
    ensure!(status(&pair.b, &unused)? == 401, "a key of somebody who is locked");
    done(&pair.a, &["users", "unlock", &ben.name])?;
    opens(&pair.b, &key)?;
    opens(&pair.b, &unused)?;
    // They act as somebody else from then on, on both machines: also one of B that nobody used at A. Until that is sealed B refuses.
    pair.b.log.expect("is not honoured");
    let there = at(&pair.b, &again(&pair, &ben)?)?;
    super::honoured(&[&there])?;
    let (of_b, _) = make(&there, &json!({ "name": "z", "scopes": ALL }))?;
    let transfer = ["users", "transfer", &ben.name, "--to", &ann.name, "--api-keys", "--yes"];
    let output = portcullis(&pair.a, &transfer)?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (world, key) in [(&pair.a, &key), (&pair.a, &of_b), (&pair.b, &key), (&pair.b, &of_b)] {
        paced("it acts as the other", || {
            let me = by_key(world, key, "GET", "user", None)?;
            let me = (me.status == 200).then(|| me.json()).transpose()?;
            Ok(me.filter(|me| me["username"] == ann.name.as_str()).map(drop))
        })?;
    }
    Ok(())
}

/// Somebody whose sign-ins ended, at A once more.
fn again(pair: &Pair, account: &portcullis_testing::Account) -> Result<Client> {
    let client = pair.a.client()?;
    client.sign_in(&account.name, &account.password)?;
    Ok(client)
}

/// Whether B takes a key in.
fn taken(pair: &Pair, key: &str) -> Result<bool> {
    let before = pair.b.count_audit("row-refused", &[("kind", "key")])?;
    paced("the row is looked at", || {
        if status(&pair.b, key)? == 200 {
            return Ok(Some(true));
        }
        Ok((pair.b.count_audit("row-refused", &[("kind", "key")])? > before).then_some(false))
    })
}

fn forged(stage: &Stage) -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let pair = Pair::start(stage, &database, "")?;
    pair.b.log.expect("is not honoured");
    let (_, client) = pair.a.signed_in("ann")?;
    let (ben, of_ben) = pair.a.signed_in("ben")?;
    let limits = json!({ "name": "x", "scopes": "account:read", "role": "viewer", "days": 1, "sources": ["127.0.0.0/8"] });
    let (key, id) = make(&of_ben, &limits)?;
    let (_, other) = make(&client, &json!({ "name": "y", "scopes": ALL }))?;
    let of_ann = format!("(SELECT account FROM api_keys WHERE id = '{other}')");
    let seal = format!("(SELECT seal FROM api_keys WHERE id = '{other}')");
    let kept =
        format!("CREATE TABLE kept AS SELECT * FROM api_keys WHERE id = '{id}'; SELECT COUNT(*) FROM kept");
    ensure!(sql(&database, &kept)? == "1", "no row");
    let back = format!("DELETE FROM api_keys WHERE id = '{id}'; INSERT INTO api_keys SELECT * FROM kept");
    for (what, change) in [
        ("another's account", format!("account = {of_ann}")),
        ("another name", "name = 'z'".to_owned()),
        ("another secret", format!("digest = (SELECT digest FROM api_keys WHERE id = '{other}')")),
        ("more scopes", format!("scopes = '{ALL}'")),
        ("another role", "role_cap = 'administrator'".to_owned()),
        ("from everywhere", "sources = ''".to_owned()),
        ("a longer life", "until_at = until_at + 86400000".to_owned()),
        ("for ever", "until_at = NULL".to_owned()),
        ("no seal", "seal = ''".to_owned()),
        ("another's seal", format!("seal = {seal}")),
        ("another's account and seal", format!("account = {of_ann}, seal = {seal}")),
    ] {
        sql(&database, &format!("UPDATE api_keys SET {change} WHERE id = '{id}'"))?;
        ensure!(!taken(&pair, &key)?, "{what}: it opens something");
        sql(&database, &back)?;
    }
    // A row of a key of their own making, with everything else of ann's.
    let (text, made, digest) = foreign()?;
    let columns = "account, name, scopes, role_cap, sources, created, until_at, seal";
    let insert = format!(
        "INSERT INTO api_keys (id, digest, {columns}) SELECT '{made}', '\\x{digest}', {columns} FROM api_keys \
         WHERE id = '{other}'"
    );
    sql(&database, &insert)?;
    ensure!(!taken(&pair, &text)?, "a key that somebody wrote into the database opens something");
    // An account whose Unix name in the database is another's opens nothing of that one.
    let spare = pair.a.account("spare")?;
    let rename = |from: &str, to: &str| {
        sql(&database, &format!("UPDATE accounts SET unix_name = '{to}' WHERE unix_name = '{from}'"))
    };
    rename(&ben.name, &spare.name)?;
    ensure!(!taken(&pair, &key)?, "an account renamed in the database is another person");
    rename(&spare.name, &ben.name)?;
    // As it was, it is good: what was refused was refused for the change alone.
    opens(&pair.b, &key)?;
    let said = pair.b.await_audit("row-refused", &[("kind", "key"), ("id", &id)], 5)?;
    ensure!(said["why"].as_str().context("a reason")?.contains("seal"), "{said}");
    // One that is over gets no other life: neither where it was ended, nor where that was heard.
    ended_by(&pair.a, &["keys", "revoke", &id], |told| told)?;
    shut(&pair.b, &key, Instant::now())?;
    sql(&database, &back)?;
    for world in [&pair.a, &pair.b] {
        ensure!(status(world, &key)? == 401, "the database gave it another life");
    }
    Ok(())
}

/// What the log says of processes that a test kills.
fn expect(world: &World) {
    for part in [
        "ended",
        "lost",
        "died",
        "killed",
        "launcher is gone",
        "the launcher can't be told",
        "can't be asked",
        "contact with other machines",
        "not whole",
        "cannot write",
        "not written",
        "database",
    ] {
        world.log.expect(part);
    }
}

fn killed(stage: &Stage) -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let mut pair = Pair::start(stage, &database, "")?;
    [&pair.a, &pair.b].into_iter().for_each(expect);
    let (_, client) = pair.a.signed_in("ann")?;
    let (stays, _) = made(&pair, &client, true)?;
    let (goes, id) = made(&pair, &client, true)?;
    let (unused, unused_id) = made(&pair, &client, false)?;
    // B dies, and A ends a key that B has in its journal: it says that B has not.
    process::kill_hard(pair.b.launcher_pid()?)?;
    pair.b.stop(Signal::SIGKILL)?;
    let output = portcullis(&pair.a, &["keys", "revoke", &id])?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(said.contains("NOT carried out there yet") && !output.status.success(), "{said}");
    pair.b.launch()?;
    let since = Instant::now();
    let took =
        until::some("B hears of it", 30, || Ok((status(&pair.b, &goes)? == 401).then(|| since.elapsed())))?;
    println!("a machine that was down knows {took:?} after it serves");
    opens(&pair.b, &stays)?;
    // A dies, and B ends a key that only A knew.
    process::kill_hard(pair.a.launcher_pid()?)?;
    pair.a.stop(Signal::SIGKILL)?;
    let output = portcullis(&pair.b, &["keys", "revoke", &unused_id])?;
    ensure!(!output.status.success(), "A is dead: {}", String::from_utf8_lossy(&output.stdout));
    pair.a.launch()?;
    until::some("A hears of it", 30, || Ok((status(&pair.a, &unused)? == 401).then_some(())))?;
    ensure!(status(&pair.b, &unused)? == 401, "it is taken in again");
    ensure!(status(&pair.a, &stays)? == 200, "a kill ended a key");
    Ok(())
}
