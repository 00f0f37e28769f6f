//! Two machines with one PostgreSQL: two daemons, each with folders and a port of its own, the same cookie keys.

mod ended;
mod forged;
mod groups;
mod keys;
mod lost;
mod own;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::postgres::Database;
use portcullis_testing::{Account, Client, Stage, World, place, until};
use serde_json::Value;

/// What is promised: what is ended on one machine is ended on the other.
pub(super) const PROMISED: Duration = Duration::from_secs(1);
/// A cookie key of a test; both machines have it.
const KEY: &str = "6f70656e2074686520676174652c206275742061736b2077686f20796f7520617265";
/// The same for second factors.
const FACTOR_KEY: &str = "c2VhbGVkIHVuZGVyIG9uZSBrZXkgYnkgbWFjaGluZXM=";

/// All of them.
pub(super) fn all() -> Vec<Trial> {
    [
        ended::all(),
        forged::all(),
        groups::all(),
        keys::all(),
        lost::all(),
        own::all(),
        super::factors::beside::all(),
        super::saml::ends::of_two(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The two.
pub(super) struct Pair {
    pub(super) a: World,
    pub(super) b: World,
}

/// A daemon on this database; not started.
pub(super) fn on(stage: &Stage, database: &Database, more: &str) -> Result<World> {
    let world = stage.world().conf("portcullis.conf", more).build()?;
    let secret = |name: &str, text: &str| -> Result<()> {
        let path = world.config_dir().join(name);
        fs::write(&path, text)?;
        Ok(fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?)
    };
    secret("secure-cookie-key", KEY)?;
    secret("factor-key", FACTOR_KEY)?;
    let text = format!(
        "provider=postgresql\nhost=127.0.0.1\nport={}\ndatabase={}\nusername={}\npassword={}\nssl-mode=disable\n",
        database.address.port(),
        database.name,
        database.name,
        database.password,
    );
    secret("database.conf", &text)?;
    Ok(world)
}

impl Pair {
    /// Both, started.
    pub(super) fn start(stage: &Stage, database: &Database, more: &str) -> Result<Self> {
        let (mut a, mut b) = (on(stage, database, more)?, on(stage, database, more)?);
        a.launch()?;
        b.launch()?;
        Ok(Self { a, b })
    }

    /// Somebody who is signed in at A, and the same browser at B.
    pub(super) fn signed_in(&self, stem: &str) -> Result<(Account, Client, Client)> {
        let (account, client) = self.a.signed_in(stem)?;
        let other = at(&self.b, &client)?;
        Ok((account, client, other))
    }
}

/// The same browser at another machine.
pub(super) fn at(world: &World, client: &Client) -> Result<Client> {
    let other = world.client()?;
    let value = client.cookie("portcullis").context("no cookie")?;
    other.set_cookie("portcullis", &value);
    Ok(other)
}

/// Waits until these browsers are somebody's at a machine that knows them by the database alone: a machine that is slow to ask shows its
/// sign-in page first.
pub(super) fn honoured(clients: &[&Client]) -> Result<()> {
    for client in clients {
        until::some("the sign-in is honoured", 30, || Ok(client.is_signed_in()?.then_some(())))?;
    }
    Ok(())
}

/// Ends what somebody has by a command at one machine, whose answer waits two seconds for the other; beside other tests that may need longer,
/// and the answer says so then.
pub(super) fn ended_by(world: &World, args: &[&str], told_in: fn(&Value) -> &Value) -> Result<()> {
    let (answer, success) = answered(world, args)?;
    let told = told_in(&answer);
    let whole = told["machines"].as_array().map(Vec::len) == Some(1)
        && told["machines"][0]["applied"] == true
        && told["owed"] == false;
    ensure!(told["whole"] == whole && success == whole, "{answer}");
    ensure!(whole || until::promised(PROMISED) > PROMISED, "it was not carried out in time: {answer}");
    Ok(())
}

/// Waits until a browser is nobody's any more; how long that took.
pub(super) fn gone(client: &Client, since: Instant, seconds: u64) -> Result<Duration> {
    until::some("the sign-in is over", seconds, || {
        let over = client.request("GET", "/").header("Accept", "text/html").send()?.status != 200;
        Ok(over.then(|| since.elapsed()))
    })
}

/// Runs the command for a world.
pub(super) fn portcullis(world: &World, args: &[&str]) -> Result<Output> {
    let mut command = Command::new(place::program("portcullis"));
    command.args(args).arg("--run-dir").arg(world.run_dir()).output().context("cannot run portcullis")
}

/// Runs it with `--json`, and expects this exit status.
pub(super) fn json(world: &World, args: &[&str], code: i32) -> Result<Value> {
    let output = portcullis(world, &[args, &["--json"]].concat())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(code), "{args:?}: {:?}: {text}{error}", output.status);
    serde_json::from_str(&text).with_context(|| format!("{args:?}: {text}{error}"))
}

/// Runs it until it is answered, for a few of each kind are in a second; whether it says that all was done.
fn answered(world: &World, args: &[&str]) -> Result<(Value, bool)> {
    until::some("the daemon does it", 30, || {
        let output = portcullis(world, &[args, &["--json"]].concat())?;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        if error.contains("such requests a second") {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let answer = serde_json::from_str(&text);
        let answer = answer.with_context(|| format!("{args:?}: {:?}: {text}{error}", output.status))?;
        Ok(Some((answer, output.status.success())))
    })
}

/// The same, and all was done.
pub(super) fn done(world: &World, args: &[&str]) -> Result<Value> {
    let (answer, success) = answered(world, args)?;
    ensure!(success, "{args:?}: {answer}");
    Ok(answer)
}
