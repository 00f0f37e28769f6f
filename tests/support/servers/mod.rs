//! Real identity servers and a real database, started by the tests on 127.0.0.1: what a sign-in method is proven against.
//!
//! Each module is one server: `start()` makes a folder of its own, writes a configuration, starts the daemon on free ports and
//! returns when it answers; dropped, it is gone. Most tests share one per program (`shared()`) and bring people of their own. A
//! server that is to be stopped, hung or killed is one's own. Where its package is missing, `start` ends the test as skipped.
//!
//! What a machine has once (`/etc/krb5.conf`, `/etc/nsswitch.conf`, sssd's pipes) is the namespaces' own: one test program has one
//! of it for all its worlds.

pub mod authority;
pub mod daemon;
pub mod kerberos;
pub mod ldif;
pub mod negotiate;
pub mod openid;
pub mod people;
pub mod postgres;
pub mod providers;
pub mod radius;
pub mod samba;
pub mod saml;
pub mod slapd;
pub mod sssd;
pub mod stand_in;
pub mod visitor;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context as _, Result, bail};

use crate::{place, process, stage};

/// Ports of servers: below those of sessions (20,000 up) and of the kernel's own choice (32,768 up).
const FIRST_PORT: u16 = 10_000;
const LAST_PORT: u16 = 19_999;

/// A port on 127.0.0.1 where nobody listens, by TCP or UDP, and that no other server of this process is given.
///
/// # Errors
/// When there is none left.
pub fn free_address() -> Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(FIRST_PORT);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if !(FIRST_PORT..=LAST_PORT).contains(&port) {
            bail!("no free port for a server");
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return Ok(address);
        }
    }
}

/// Ends the test as skipped when one of these programs is not there.
///
/// # Errors
/// That.
pub fn need(programs: &[&str]) -> Result<()> {
    match programs.iter().find(|program| !Path::new(program).is_file()) {
        Some(missing) => stage::skip(format!("`{missing}` is not installed on this machine")),
        None => Ok(()),
    }
}

/// Ends the test as skipped when a PAM module (`pam_krb5.so`) is not there.
///
/// # Errors
/// That.
pub fn need_pam_module(name: &str) -> Result<()> {
    // Debian keeps them in a folder of each architecture.
    let mut folders = fs::read_dir("/usr/lib")?.flatten().map(|entry| entry.path().join("security"));
    if folders.any(|folder| folder.join(name).is_file()) {
        return Ok(());
    }
    stage::skip(format!("`{name}` is not installed on this machine"))
}

/// A new folder for a server, which every account may enter.
///
/// # Errors
/// When it can't be made.
fn folder(stem: &str) -> Result<PathBuf> {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    let root = ROOT.get_or_init(|| {
        // Outside the namespaces a run leaves its folder: the next one takes away those of processes that are gone.
        let (base, stem) = (Path::new("/run"), "portcullis-servers-");
        for entry in fs::read_dir(base).into_iter().flatten().flatten() {
            let owner = entry.file_name().to_str().and_then(|name| name.strip_prefix(stem)?.parse().ok());
            if owner.is_some_and(|pid: i32| !process::is_alive(pid)) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        base.join(format!("{stem}{}", std::process::id()))
    });
    let folder = root.join(format!("{stem}{}", place::next_number()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    for open in [root, &folder] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o755))?;
    }
    Ok(folder)
}

/// Writes a file with this mode.
fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

/// Gives a file or folder to an account of the machine.
fn give(path: &Path, account: &str) -> Result<()> {
    must(Command::new("chown").arg(format!("{account}:")).arg(path)).map(drop)
}

/// What a program did that ran to its end.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Its exit status; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs a program to its end, with this on its standard input.
///
/// # Errors
/// When it can't be started.
pub fn run(command: &mut Command, input: &str) -> Result<Ran> {
    use std::io::Write as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut pipe = child.stdin.take().context("no pipe")?;
    let text = input.as_bytes().to_vec();
    // Of its own accord: a program that writes much before it reads would wait for us as we for it.
    let writer = std::thread::spawn(move || {
        // One that ends without reading all is judged by its status.
        let _ = pipe.write_all(&text);
    });
    let output = child.wait_with_output()?;
    let _ = writer.join();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) })
}

/// The same of a program that must succeed; returns its standard output.
///
/// # Errors
/// What it said.
pub fn must(command: &mut Command) -> Result<String> {
    must_with(command, "")
}

/// The same with this on its standard input.
///
/// # Errors
/// What it said.
pub fn must_with(command: &mut Command, input: &str) -> Result<String> {
    let ran = run(command, input)?;
    if ran.code != Some(0) {
        bail!("{command:?} ended with {:?}: {}{}", ran.code, ran.err, ran.out);
    }
    Ok(ran.out)
}
