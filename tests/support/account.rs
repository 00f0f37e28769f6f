//! Real accounts, made in the namespaces' throw-away `/etc`.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

use crate::place;

/// The account the server runs as.
pub const SERVICE: &str = "portcullis";
/// The account the identity program runs as.
pub const IDENTITY: &str = "portcullis-identity";

/// shadow's programs lock /etc/passwd against each other and give up after a while; tests run side by side.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// An account of one test.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name, unique in this run.
    pub name: String,
    /// Its password.
    pub password: String,
    /// Its number.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// Its home.
    pub home: PathBuf,
}

/// Makes an account whose name begins with `stem`, with these arguments to `useradd` besides.
///
/// # Errors
/// What the programs said.
pub fn create(stem: &str, more: &[&str]) -> Result<Account> {
    let name = format!("{stem}{}", place::next_number());
    let password = format!("Pass word-{}-ä", place::next_number());
    let guard = ONE_AT_A_TIME.lock().expect("no test thread died holding it");
    let mut useradd = Command::new("useradd");
    useradd.args(["--create-home", "--shell", "/bin/bash"]).args(numbers()).args(more);
    admin(useradd.arg(&name))?;
    drop(guard);
    let account = look_up(&name, &password)?;
    set_password(&account.name, &account.password)?;
    Ok(account)
}

/// Where other processes of the machine are seen, `cargo xtask isolated` says which numbers accounts of tests have.
fn numbers() -> Vec<String> {
    let range = std::env::var("PORTCULLIS_ACCOUNTS").unwrap_or_default();
    let Some((first, last)) = range.split_once('-') else { return Vec::new() };
    let bounds = [("MIN", first), ("MAX", last)];
    let of = |whose: &str| bounds.map(|(end, number)| format!("--key={whose}_{end}={number}"));
    [of("UID"), of("GID")].concat()
}

/// Gives an account a password; PAM modules are not asked for their opinion of it.
///
/// # Errors
/// What the programs said.
pub fn set_password(name: &str, password: &str) -> Result<()> {
    // -5 is quicker than -6's default rounds on a debug-loaded machine; the form doesn't matter here.
    let hash = feed(Command::new("openssl").args(["passwd", "-5", "-stdin"]), password)?;
    let _guard = ONE_AT_A_TIME.lock().expect("no test thread died holding it");
    feed(Command::new("chpasswd").arg("-e"), &format!("{name}:{}\n", hash.trim())).map(drop)
}

/// Runs one of shadow's programs (`chage`, `usermod`, `groupadd` …).
///
/// # Errors
/// What the program said.
pub fn shadow(program: &str, args: &[&str]) -> Result<()> {
    let _guard = ONE_AT_A_TIME.lock().expect("no test thread died holding it");
    admin(Command::new(program).args(args))
}

/// Makes the service's accounts once per run: the server's, and the identity program's.
///
/// # Errors
/// What `useradd` said.
pub fn ensure_service() -> Result<()> {
    let _guard = ONE_AT_A_TIME.lock().expect("no test thread died holding it");
    let known = fs::read_to_string("/etc/passwd")?;
    for name in [SERVICE, IDENTITY] {
        if known.lines().any(|line| line.starts_with(&format!("{name}:"))) {
            continue;
        }
        let mut useradd = Command::new("useradd");
        useradd.args(["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]);
        admin(useradd.args(["--shell", "/usr/sbin/nologin", name]))?;
    }
    Ok(())
}

/// The number of an account.
///
/// # Errors
/// When there is none of this name.
pub fn uid_of(name: &str) -> Result<u32> {
    look_up(name, "").map(|account| account.uid)
}

fn look_up(name: &str, password: &str) -> Result<Account> {
    let passwd = fs::read_to_string("/etc/passwd")?;
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name)).context("no such account")?;
    let fields: Vec<&str> = line.split(':').collect();
    let [_, _, uid, gid, _, home, _] = fields[..] else { bail!("a broken line in /etc/passwd: {line}") };
    Ok(Account {
        name: name.to_owned(),
        password: password.to_owned(),
        uid: uid.parse()?,
        gid: gid.parse()?,
        home: home.into(),
    })
}

fn admin(command: &mut Command) -> Result<()> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn feed(command: &mut Command, text: &str) -> Result<String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    child.stdin.take().context("no pipe")?.write_all(text.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}
