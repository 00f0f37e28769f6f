//! API keys through the whole daemon: what they open, and everything that shuts them.

mod lives;

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::client::Client;
use portcullis_testing::{Response, Stage, World, case, http2, tls, until, websocket};
use serde_json::{Value, json};

use super::ask;

/// All of them.
pub(super) fn all() -> Vec<Trial> {
    vec![
        case("identity::keys::made_shown_once_and_used", used),
        case("identity::keys::everything_that_is_refused", refused),
        case("identity::keys::an_end_cuts_what_is_open_within_a_second", cut),
        case("identity::keys::they_outlive_a_restart_and_a_kill_and_their_ends_do", lives::kept),
        case("identity::keys::switched_off_and_on_by_a_reload", switched),
        case("identity::keys::by_http_2_as_by_http_1", two),
        case("identity::keys::a_lock_bars_them_and_a_transfer_gives_them_away", lives::owners),
        case("identity::keys::bad_ones_are_counted_by_address", lives::counted),
    ]
}

/// What is promised of an end.
const WITHIN: Duration = Duration::from_secs(1);

/// The token of one of the pages, which a cookie needs beside it.
pub(super) fn token(client: &Client) -> Result<String> {
    let page =
        client.request("GET", "/account/keys").header("Accept", "text/html").send()?.expect(200)?.text();
    let (_, rest) =
        page.split_once("name=\"token\" value=\"").with_context(|| format!("no token in {page}"))?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

/// Asks the interface with a cookie.
pub(super) fn by_cookie(client: &Client, method: &str, path: &str, body: Option<&Value>) -> Result<Response> {
    let token = token(client)?;
    let request = client.request(method, &format!("/__api__/v1/{path}")).header("X-Portcullis-Token", &token);
    match body {
        Some(body) => request.json(body).send(),
        None => request.send(),
    }
}

/// Asks the interface with a key, as a program without any cookie does.
pub(super) fn by_key(
    world: &World,
    key: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Response> {
    let client = world.client()?;
    let path = format!("/__api__/v1/{path}");
    let request = client.request(method, &path).header("Authorization", &format!("Key {key}")).bare();
    match body {
        Some(body) => request.json(body).send(),
        None => request.send(),
    }
}

/// Who somebody is.
pub(super) fn guid(client: &Client) -> Result<String> {
    let own = client.get("/__api__/v1/user")?.expect(200)?.json()?;
    Ok(own["guid"].as_str().context("no guid")?.to_owned())
}

/// Makes a key: its text and its id.
pub(super) fn make(client: &Client, wish: &Value) -> Result<(String, String)> {
    let path = format!("users/{}/keys", guid(client)?);
    let made = by_cookie(client, "POST", &path, Some(wish))?.expect(201)?.json()?;
    let text =
        |name: &str| made[name].as_str().map(str::to_owned).with_context(|| format!("no {name}: {made}"));
    Ok((text("key")?, text("id")?))
}

/// What the command says as JSON.
fn told(world: &World, args: &[&str]) -> Result<Value> {
    ask::json(world, args, 0)
}

const ALL: &str = "sessions ide account:read users:read users:write audit:read";

fn is_refused(answer: &Response, status: u16, code: u64) -> Result<()> {
    ensure!(answer.status == status, "{} instead of {status}: {}", answer.status, answer.text());
    ensure!(answer.json()?["code"] == code, "{}", answer.text());
    ensure!(answer.header("set-cookie").is_none(), "a cookie");
    Ok(())
}

fn used(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (ann, client) = world.signed_in("kann")?;
    let (key, id) = make(&client, &json!({ "name": "ci", "scopes": ALL, "days": 7 }))?;
    ensure!(key.starts_with(&format!("ptk_{id}_")) && key.len() == 65, "{key}");
    let me = by_key(&world, &key, "GET", "user", None)?.expect(200)?;
    ensure!(me.json()?["username"] == ann.name.as_str(), "{}", me.text());
    ensure!(me.header("set-cookie").is_none() && me.header("cache-control") == Some("no-store"), "{me:?}");
    // In any case, and by the other header.
    for (name, value) in
        [("Authorization", format!("key {key}")), ("X-RSC-Authorization", format!("KEY {key}"))]
    {
        world.client()?.request("GET", "/__api__/v1/user").header(name, &value).send()?.expect(200)?;
    }
    // A session by it, and what is inside, without a cookie of ours; the IDE sees neither header.
    let made =
        by_key(&world, &key, "POST", "sessions", Some(&json!({ "ide": "jupyter" })))?.expect(201)?.json()?;
    let session = made["id"].as_str().context("no id")?.to_owned();
    let bearer = format!("Key {key}");
    let ide = format!("/s/{session}/api/me");
    let program = world.client()?;
    until::is("the session answers", 30, || {
        let answer = program.request("GET", &ide).header("Authorization", &bearer).send();
        answer.is_ok_and(|answer| answer.status == 200)
    })?;
    let headers = [("Authorization", bearer.as_str()), ("Origin", ""), ("Cookie", "")];
    let mut socket = websocket::open(&program, &format!("/s/{session}/api/events/subscribe"), &headers)?;
    websocket::echo(&mut socket, "x")?;
    let seen = program.request("GET", &format!("/s/{session}/echo")).header("Authorization", &bearer);
    let seen = seen.header("X-RSC-Authorization", "Bearer other").send()?.text();
    ensure!(!seen.contains(&key) && !seen.to_lowercase().contains("x-rsc-authorization"), "{seen}");
    // Listed, with its last use, and without its text.
    let listed = told(&world, &["keys", "list"])?;
    ensure!(listed["api-keys"][0]["id"] == id.as_str() && !listed.to_string().contains(&key), "{listed}");
    ensure!(listed["cookies"][0]["sign-ins"] == 1, "{listed}");
    until::is("its use is known", 10, || {
        told(&world, &["keys", "list"]).is_ok_and(|all| all["api-keys"][0]["last-used"].is_u64())
    })?;
    by_key(&world, &key, "DELETE", &format!("sessions/{session}"), None)?.expect(204)?;
    let record = world.await_audit("key-created", &[("user", &ann.name), ("key", &id)], 5)?;
    ensure!(record["scopes"] == ALL, "{record}");
    // Nowhere on the disk and in no log.
    let secret = &key.as_bytes()[15..58];
    for file in ["audit/audit.jsonl", "sign-ins.journal"] {
        let bytes = fs::read(world.state_dir().join(file))?;
        ensure!(!bytes.windows(secret.len()).any(|some| some == secret), "its text is in {file}");
    }
    ensure!(world.accounts_hold(&[id.as_bytes()])?, "what is kept was not looked at");
    ensure!(!world.accounts_hold(&[secret])?, "its text is in the database");
    ensure!(!world.log.lines().join("\n").contains(&key[15..58]), "its text is in the log");
    Ok(())
}

fn refused(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("kref")?;
    let session = client.start_session(30)?;
    let (key, id) = make(&client, &json!({ "name": "all", "scopes": ALL }))?;
    let (narrow, _) = make(&client, &json!({ "name": "narrow", "scopes": ["account:read"] }))?;
    let (elsewhere, _) =
        make(&client, &json!({ "name": "far", "scopes": ALL, "sources": ["192.0.2.0/24"] }))?;
    let (viewer, _) = make(&client, &json!({ "name": "viewer", "scopes": ALL, "role": "viewer" }))?;
    let send = |list: &[(&str, &str)], path: &str| -> Result<Response> {
        let program = world.client()?;
        let mut request = program.request("GET", path);
        for (name, value) in list {
            request = request.header(name, value);
        }
        request.send()
    };
    let bearer = format!("Key {key}");
    let user = "/__api__/v1/user";
    // Not found where it must not be looked for.
    is_refused(&send(&[], &format!("{user}?key={key}"))?, 401, 24)?;
    is_refused(&send(&[("Cookie", &format!("key={key}"))], user)?, 401, 24)?;
    is_refused(&send(&[("Authorization", &format!("Bearer {key}"))], user)?, 401, 24)?;
    // Twice, and beside a cookie.
    is_refused(&send(&[("Authorization", &bearer), ("Authorization", &bearer)], user)?, 400, 25)?;
    is_refused(&send(&[("Authorization", &bearer), ("X-RSC-Authorization", &bearer)], user)?, 400, 25)?;
    let both = client.request("GET", user).header("Authorization", &bearer).send()?;
    is_refused(&both, 400, 25)?;
    // Not a key, not this key, from elsewhere: one answer.
    let mut other = key.clone().into_bytes();
    other[20] = if other[20] == b'A' { b'B' } else { b'A' };
    let mut answers = Vec::new();
    for bad in ["", "x", &String::from_utf8(other)?, &key[..64], elsewhere.as_str()] {
        let answer = send(&[("Authorization", &format!("Key {bad}"))], user)?;
        is_refused(&answer, 401, 30)?;
        ensure!(answer.header("www-authenticate") == Some("Key"), "{answer:?}");
        answers.push(answer.json()?["error"].clone());
    }
    ensure!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
    world.await_audit("key-refused", &[("why", "source")], 5)?;
    world.await_audit("key-refused", &[("why", "form")], 5)?;
    // Without the scope, or the role.
    by_key(&world, &narrow, "GET", "user", None)?.expect(200)?;
    for (key, method, path, status, code) in [
        (&narrow, "GET", "users", 403, 22),
        (&narrow, "GET", "sessions", 403, 22),
        (&narrow, "POST", "sessions", 403, 22),
        (&narrow, "GET", "audit_logs", 403, 22),
        (&viewer, "GET", "audit_logs", 403, 19),
    ] {
        let body = json!({ "ide": "jupyter" });
        let answer = by_key(&world, key, method, path, (method == "POST").then_some(&body))?;
        is_refused(&answer, status, code).with_context(|| format!("{method} {path}"))?;
    }
    let inside = send(&[("Authorization", &format!("Key {narrow}"))], &format!("/s/{session}/api/me"))?;
    is_refused(&inside, 403, 22)?;
    let program = world.client()?;
    let headers = [("Authorization", format!("Key {narrow}")), ("Cookie", String::new())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let socket = websocket::open(&program, &format!("/s/{session}/api/events/subscribe"), &headers);
    ensure!(websocket::refusal(socket)?.status == 403, "a WebSocket without the scope");
    world.await_audit("key-refused", &[("why", "scope")], 5)?;
    // No pages, no keys, no administration by a key, whatever its scopes.
    for path in ["/", "/account", "/account/keys", "/admin", "/sessions", "/events", "/auth-sign-in"] {
        is_refused(&send(&[("Authorization", &bearer)], path)?, 403, 95).with_context(|| path.to_owned())?;
    }
    let own = guid(&client)?;
    for (method, path) in [
        ("GET", format!("users/{own}/keys")),
        ("POST", format!("users/{own}/keys")),
        ("DELETE", format!("users/{own}/keys/{id}")),
    ] {
        let body = json!({ "name": "more", "scopes": "ide" });
        let answer = by_key(&world, &key, method, &path, (method == "POST").then_some(&body))?;
        is_refused(&answer, 403, 95).with_context(|| format!("{method} {path}"))?;
    }
    // A cookie alone is not enough, and another site's page is not even asked for its token.
    is_refused(&client.get("/__api__/v1/users")?, 403, 92)?;
    let foreign = client.request("POST", "/__api__/v1/groups").header("Origin", "http://evil.test");
    is_refused(&foreign.json(&json!({ "name": "x" })).send()?, 403, 92)?;
    // What can't be made.
    let keys = format!("users/{own}/keys");
    for (wish, code) in [
        (json!({ "name": "x", "scopes": "" }), 25),
        (json!({ "name": "x", "scopes": "everything" }), 25),
        (json!({ "name": " ", "scopes": "ide" }), 62),
        (json!({ "scopes": "ide" }), 12),
        (json!({ "name": "x", "scopes": "ide", "days": 366 }), 25),
        (json!({ "name": "x", "scopes": "ide", "sources": ["here"] }), 25),
    ] {
        is_refused(&by_cookie(&client, "POST", &keys, Some(&wish))?, 400, code)
            .with_context(|| wish.to_string())?;
    }
    // The good one was good all the time.
    by_key(&world, &key, "GET", "user", None)?.expect(200)?;
    Ok(())
}

fn cut(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (ann, client) = world.signed_in("kcut")?;
    let session = client.start_session(30)?;
    let path = format!("/s/{session}/api/events/subscribe");
    let program = world.client()?;
    let own = guid(&client)?;
    for how in ["owner", "command", "revoke"] {
        if how == "revoke" {
            client.is_signed_in()?;
        }
        let (key, id) = make(&client, &json!({ "name": how, "scopes": "ide account:read" }))?;
        let bearer = format!("Key {key}");
        let headers = [("Authorization", bearer.as_str()), ("Cookie", "")];
        let mut socket = websocket::open(&program, &path, &headers)?;
        websocket::echo(&mut socket, "x")?;
        let mut bystander = websocket::open(&client, &path, &[])?;
        websocket::echo(&mut bystander, "x")?;
        let began = Instant::now();
        match how {
            "owner" => {
                by_cookie(&client, "DELETE", &format!("users/{own}/keys/{id}"), None)?.expect(204)?;
            }
            "command" => {
                let said = told(&world, &["keys", "revoke", &id])?;
                ensure!(said["websockets"] == 1 && said["whole"] == true, "{said}");
            }
            _ => {
                let said = told(&world, &["revoke", &ann.name])?;
                ensure!(said["api-keys"] == 1 && said["websockets"] == 2 && said["whole"] == true, "{said}");
            }
        }
        websocket::await_close(&mut socket)?;
        ensure!(began.elapsed() < until::promised(WITHIN), "{how}: {:?}", began.elapsed());
        is_refused(&by_key(&world, &key, "GET", "user", None)?, 401, 30)?;
        ensure!(
            websocket::refusal(websocket::open(&program, &path, &headers))?.status == 401,
            "{how}: a way back"
        );
        if how != "revoke" {
            websocket::echo(&mut bystander, "y").context("the cookie's own ended too")?;
        }
        let why = if how == "command" {
            "administrator"
        } else if how == "revoke" {
            "revoked"
        } else {
            "owner"
        };
        world.await_audit("key-ended", &[("key", &id), ("why", why)], 5)?;
        world.await_audit("revocation-done", &[("user", &ann.name), ("left", "0")], 5)?;
    }
    Ok(())
}

fn switched(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    let (_, client) = world.signed_in("ksw")?;
    let session = client.start_session(30)?;
    let (key, _) = make(&client, &json!({ "name": "x", "scopes": "ide account:read" }))?;
    let bearer = format!("Key {key}");
    let headers = [("Authorization", bearer.as_str()), ("Cookie", "")];
    let path = format!("/s/{session}/api/events/subscribe");
    let program = world.client()?;
    let mut socket = websocket::open(&program, &path, &headers)?;
    websocket::echo(&mut socket, "x")?;
    world.set("portcullis.conf", "api-keys-enabled=0")?;
    world.reload()?;
    websocket::await_close(&mut socket)?;
    is_refused(&by_key(&world, &key, "GET", "user", None)?, 401, 30)?;
    world.await_audit("key-refused", &[("why", "off")], 5)?;
    let path_of_keys = format!("users/{}/keys", guid(&client)?);
    let wish = json!({ "name": "y", "scopes": "ide" });
    is_refused(&by_cookie(&client, "POST", &path_of_keys, Some(&wish))?, 401, 30)?;
    world.set("portcullis.conf", "api-keys-enabled=1")?;
    world.reload()?;
    by_key(&world, &key, "GET", "user", None)?.expect(200)?;
    websocket::echo(&mut websocket::open(&program, &path, &headers)?, "x")?;
    Ok(())
}

fn two(stage: &Stage) -> Result<()> {
    let world = stage.world().tls()?.start()?;
    let (_, client) = world.signed_in("ktwo")?;
    let session = client.start_session(30)?;
    let (key, id) = make(&client, &json!({ "name": "x", "scopes": "ide account:read" }))?;
    let config = tls::client(world.certificate().context("a certificate")?, &["h2"], false)?;
    let bearer = format!("Key {key}");
    let headers = [("authorization", bearer.as_str())];
    let user = "/__api__/v1/user";
    let program = world.client()?;
    ensure!(http2::request(&program, &config, "GET", user, &headers, b"")?.status == 200, "refused");
    let twice = [headers[0], headers[0]];
    ensure!(http2::request(&program, &config, "GET", user, &twice, b"")?.status == 400, "twice");
    let path = format!("/s/{session}/api/events/subscribe");
    let mut socket = http2::socket(&program, &config, &path, &headers)?;
    websocket::echo(&mut socket, "x")?;
    let began = Instant::now();
    told(&world, &["keys", "revoke", &id])?;
    websocket::await_close(&mut socket)?;
    ensure!(began.elapsed() < until::promised(WITHIN), "{:?}", began.elapsed());
    ensure!(http2::request(&program, &config, "GET", user, &headers, b"")?.status == 401, "a way back");
    Ok(())
}
