//! Who may do what with people, groups and keys: each row of matrix.csv by each actor through the real daemon, once with the cookie of a
//! sign-in and once with an API key of all scopes. A wrong answer names row and column.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::client::Client;
use portcullis_testing::{Account, Response, Stage, World, case, until};
use serde_json::{Map, Value, json};

use super::ask;
use super::keys::{by_key, guid, make, token};

/// The table.
const TABLE: &str = include_str!("../matrix.csv");
const CLOSED: &str = "users-see-themselves-only=1\nuser-info-editable-by=admin";
const OPEN: &str = "publishers-own-groups=1\npublishers-create-users=1";
const SCOPES: &str = "sessions ide account:read users:read users:write audit:read";

/// All of them.
pub(super) fn all() -> Vec<Trial> {
    vec![
        case("identity::matrix::people_groups_and_keys_with_options_closed", closed),
        case("identity::matrix::people_groups_and_keys_with_options_open", open),
    ]
}

fn closed(stage: &Stage) -> Result<()> {
    run(stage, CLOSED, &["stranger", "locked", "viewer closed", "publisher closed", "administrator closed"])
}

fn open(stage: &Stage) -> Result<()> {
    run(stage, OPEN, &["viewer open", "publisher open", "administrator open"])
}

/// Who asks.
struct Actor {
    account: Account,
    guid: String,
    client: Client,
    /// The token of a page of theirs.
    token: String,
    key: String,
}

/// Everything that rows name.
struct Scene {
    world: World,
    first: Actor,
    other: String,
    other_name: String,
    group: String,
}

/// Names that nobody has.
fn fresh(stem: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{stem}{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn actor(world: &World, stem: &str, role: &str) -> Result<Actor> {
    let (account, client) = world.signed_in(stem)?;
    ask::exits(world, &["users", "alter", &account.name, "--role", role, "--force"], 0)?;
    let (key, _) = make(&client, &json!({ "name": "matrix", "scopes": SCOPES }))?;
    Ok(Actor { guid: guid(&client)?, token: token(&client)?, account, client, key })
}

fn run(stage: &Stage, options: &str, columns: &[&str]) -> Result<()> {
    let rows: Vec<Vec<&str>> =
        TABLE.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(',').collect()).collect();
    let (head, rows) = rows.split_first().context("a head")?;
    let world = stage.world().conf("portcullis.conf", options).start()?;
    let first = actor(&world, "mfirst", "administrator")?;
    let other = actor(&world, "mother", "viewer")?;
    let made =
        by_key(&world, &first.key, "POST", "groups", Some(&json!({ "name": "theirs" })))?.expect(201)?;
    let group = made.json()?["guid"].as_str().context("no guid")?.to_owned();
    let (other, other_name) = (other.guid, other.account.name);
    let scene = Scene { world, first, other, other_name, group };
    let mut wrong = Vec::new();
    for column in columns {
        let at =
            head.iter().position(|name| name == column).with_context(|| format!("no column `{column}`"))?;
        let mut who = match *column {
            "stranger" => None,
            "locked" => {
                let who = actor(&scene.world, "mlocked", "viewer")?;
                ask::exits(&scene.world, &["users", "lock", &who.account.name], 0)?;
                Some(who)
            }
            name => Some(actor(&scene.world, "mact", name.split(' ').next().unwrap_or_default())?),
        };
        for row in rows {
            let [name, method, path, body, ..] = row[..] else { anyhow::bail!("a short row: {row:?}") };
            let expected = match row[at] {
                "y" => [true, true],
                "c" => [true, false],
                "n" => [false, false],
                "-" => continue,
                other => anyhow::bail!("`{other}` in {name}, {column}"),
            };
            for (by_a_key, expected) in [(false, expected[0]), (true, expected[1])] {
                let asked = Asked { name, method, path, body, column, by_a_key };
                // The launcher takes so many questions a second and no more.
                let answer = in_time(|| asked.carry_out(&scene, who.as_ref()))?;
                let how = if by_a_key { "key" } else { "cookie" };
                let text = answer.text();
                let is_answer = match answer.status {
                    200..300 => true,
                    401 | 403 => false,
                    _ => {
                        wrong.push(format!("{name}, {column}, by {how}: {} {text}", answer.status));
                        continue;
                    }
                };
                if is_answer != expected {
                    wrong.push(format!("{name}, {column}, by {how}: {} instead: {text}", answer.status));
                }
                if is_answer {
                    asked.undo(&scene, who.as_mut())?;
                }
            }
        }
    }
    ensure!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// A cell.
struct Asked<'a> {
    name: &'a str,
    method: &'a str,
    path: &'a str,
    body: &'a str,
    column: &'a str,
    by_a_key: bool,
}

impl Asked<'_> {
    fn carry_out(&self, scene: &Scene, who: Option<&Actor>) -> Result<Response> {
        let own = who.map_or(scene.other.as_str(), |who| who.guid.as_str());
        let owned = if self.path.contains("{own}") {
            who.map(|who| own_group(scene, who)).transpose()?
        } else {
            None
        };
        if self.path.contains("/members/{self}") {
            set_member(scene, own)?;
        }
        let path = self
            .path
            .replace("{self}", own)
            .replace("{other}", &scene.other)
            .replace("{group}", &scene.group);
        let path = path.replace("{own}", owned.as_deref().unwrap_or_default());
        let body = self.body(scene)?;
        let Some(who) = who else {
            let client = scene.world.client()?;
            let request = client.request(self.method, &format!("/__api__/v1/{path}"));
            return match (&body, self.by_a_key) {
                // Whoever has a key's text from somewhere, and not the right one.
                (_, true) => by_key(
                    &scene.world,
                    &scene.first.key.replace('_', "."),
                    self.method,
                    &path,
                    body.as_ref(),
                ),
                (Some(body), false) => request.json(body).send(),
                (None, false) => request.send(),
            };
        };
        if self.by_a_key {
            return by_key(&scene.world, &who.key, self.method, &path, body.as_ref());
        }
        let request = who.client.request(self.method, &format!("/__api__/v1/{path}"));
        let request = request.header("X-Portcullis-Token", &who.token);
        match &body {
            Some(body) => request.json(body).send(),
            None => request.send(),
        }
    }

    fn body(&self, scene: &Scene) -> Result<Option<Value>> {
        let role = || self.body.split(' ').nth(1).context("a role");
        Ok(match self.body {
            "" => None,
            "{name}" => Some(json!({ "name": fresh("group-") })),
            "{member}" => Some(json!({ "user_guid": scene.other })),
            wish if wish.starts_with("{new}") => {
                let name = fresh("pcnew");
                // Of a directory that nobody asks: no account of this machine is needed.
                Some(json!({
                    "username": name, "provider": "ldap:none", "unique_id": "AAEC", "user_role": role()?,
                    "unix_name": name,
                }))
            }
            wish if wish.starts_with("{key}") => {
                Some(json!({ "name": "made", "scopes": "account:read", "role": role()? }))
            }
            field => {
                let (name, value) = field.split_once('=').with_context(|| field.to_owned())?;
                let value = match value {
                    "true" => json!(true),
                    "false" => json!(false),
                    text => json!(text),
                };
                Some(Value::Object(Map::from_iter([(name.to_owned(), value)])))
            }
        })
    }

    /// As it was before, for the next cell.
    fn undo(&self, scene: &Scene, who: Option<&mut Actor>) -> Result<()> {
        let command = |args: &[&str]| ask::exits(&scene.world, args, 0).map(drop);
        let Some(who) = who else { return Ok(()) };
        match self.name {
            "lock-other" => command(&["users", "unlock", &scene.other_name]),
            "lock-self" => {
                command(&["users", "unlock", &who.account.name])?;
                // Whoever was locked signs in again; the key is as it was.
                who.client = scene.world.client()?;
                who.client.sign_in(&who.account.name, &who.account.password)?;
                who.token = token(&who.client)?;
                Ok(())
            }
            "role-self-viewer" => {
                let role = self.column.split(' ').next().unwrap_or_default();
                command(&["users", "alter", &who.account.name, "--role", role, "--force"])
            }
            "role-other-administrator" => {
                command(&["users", "alter", &scene.other_name, "--role", "viewer", "--force"])
            }
            "create-viewer" | "create-publisher" | "create-administrator" => {
                // The next one is the same identity.
                let all = ask::json(&scene.world, &["users", "list"], 0)?;
                for one in all.as_array().into_iter().flatten() {
                    if one["provider"] == "ldap:none" {
                        command(&[
                            "users",
                            "remove",
                            one["unix-name"].as_str().unwrap_or_default(),
                            "--yes",
                        ])?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// A group of this actor's own.
fn own_group(scene: &Scene, who: &Actor) -> Result<String> {
    let made = in_time(|| {
        by_key(&scene.world, &who.key, "POST", "groups", Some(&json!({ "name": fresh("own-") })))
    })?;
    let made = made.expect(201)?;
    Ok(made.json()?["guid"].as_str().context("no guid")?.to_owned())
}

fn set_member(scene: &Scene, who: &str) -> Result<()> {
    let path = format!("groups/{}/members", scene.group);
    let body = json!({ "user_guid": who });
    in_time(|| by_key(&scene.world, &scene.first.key, "POST", &path, Some(&body)))?.expect(204).map(drop)
}

/// Once more when there were too many at once.
fn in_time(ask: impl Fn() -> Result<Response>) -> Result<Response> {
    until::some("an answer", 20, || Ok(Some(ask()?).filter(|answer| answer.status != 429)))
}
