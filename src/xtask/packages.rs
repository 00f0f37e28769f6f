//! Debian and Ubuntu packages that building, the demo or the tests need.

use std::fs::File;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use nix::fcntl::Flock;

use crate::run;

mod guests;

pub(crate) use guests::{ensure as ensure_guests, try_ensure as try_ensure_guests};

/// To build: the headers of PAM and SQLite (found by pkg-config), and a C toolchain (the TLS library compiles C).
pub(crate) const BUILD: &[&str] = &["build-essential", "libpam0g-dev", "libsqlite3-dev", "pkg-config"];
/// To run JupyterLab for other users: a Python outside anybody's home, and its virtual environments.
pub(crate) const JUPYTER: &[&str] = &["python3", "python3-venv"];
/// To build and run code-server: a compiler for its native parts, the headers they ask for, and a Python to fetch Node with.
pub(crate) const CODE_SERVER: &[&str] =
    &["build-essential", "python3", "python3-venv", "pkg-config", "libkrb5-dev", "ca-certificates", "git"];
/// To make accounts with a password.
pub(crate) const ACCOUNTS: &[&str] = &["openssl", "passwd"];
/// To boot a machine and install the package in it. Tests that need it are skipped where it is missing.
pub(crate) const SYSTEMD: &[&str] = &[
    "binutils",
    "dbus",
    "dpkg",
    "init-system-helpers",
    "libpam-modules",
    "openssl",
    "passwd",
    "python3",
    "systemd",
];
/// Applications to be declared: R Shiny, and a WSGI server. Tests that need one are skipped where it is missing.
pub(crate) const APPS: &[&str] = &["r-cran-shiny", "gunicorn"];
/// A kernel for R in JupyterLab. Tests that need it are skipped where it is missing.
pub(crate) const KERNELS: &[&str] = &["r-cran-irkernel"];
/// To ask the real fail2ban what it makes of the log. It stays a guest; the test that needs it is skipped where it is missing.
pub(crate) const FAIL2BAN: &[&str] = &["fail2ban"];
/// To drive a real browser.
pub(crate) const BROWSER: &[&str] = &["chromium", "chromium-driver"];

/// Servers that prove identities, their clients and their PAM modules; a database. They stay guests: [`ensure_guests`].
pub(crate) const IDENTITY: &[&str] = &[
    "curl",
    "freeradius",
    "freeradius-utils",
    "krb5-admin-server",
    "krb5-kdc",
    "krb5-user",
    "ldap-utils",
    "libnss-sss",
    "libpam-krb5",
    "libpam-radius-auth",
    "libpam-sss",
    "openssl",
    "pamtester",
    "passwd",
    "postgresql",
    "postgresql-client",
    "slapd",
    "sssd-ldap",
    "util-linux",
];
/// A domain controller as Active Directory is. It stays a guest too; tests that need it are skipped where it is missing.
pub(crate) const DIRECTORY: &[&str] =
    &["krb5-user", "ldap-utils", "samba-ad-dc", "samba-ad-provision", "samba-dsdb-modules", "winbind"];
/// Other people's programs for XML: canonical form, signatures, encryption. Tests that ask them are skipped where one is missing.
pub(crate) const XML: &[&str] = &["libxml2-utils", "xmlsec1"];

/// What the red team tries to get out with, and makes its targets with: programs that start others, R, Node, capabilities of files.
pub(crate) const REDTEAM: &[&str] = &[
    "gdb",
    "git",
    "iproute2",
    "libcap2-bin",
    "make",
    "nodejs",
    "perl",
    "python3",
    "r-base-core",
    "tcl",
    "util-linux",
    "vim",
];

/// Installs those that are missing and says so. Without apt, it says what is missing and goes on: the next step that
/// needs it fails with its own message.
pub(crate) fn ensure(wanted: &[&str]) -> Result<()> {
    if missing(wanted).is_empty() {
        return Ok(());
    }
    // ORDER: the lock first: what another run installs meanwhile need not be installed again.
    let _turn = turn()?;
    let missing = missing(wanted);
    if missing.is_empty() {
        return Ok(());
    }
    if !run::has("apt-get") {
        run::step(&format!("this is not a Debian or Ubuntu machine; please install: {}", missing.join(" ")));
        return Ok(());
    }
    run::step(&format!("installing packages: {}", missing.join(" ")));
    if install(&missing)? {
        return Ok(());
    }
    // A fresh image has no package lists, or old ones.
    run::must(apt().args(["update", "-q"]), "read the package lists")?;
    if install(&missing)? {
        return Ok(());
    }
    bail!("cannot install {}; apt's messages above say why", missing.join(" "))
}

fn missing<'a>(wanted: &[&'a str]) -> Vec<&'a str> {
    wanted.iter().copied().filter(|name| !is_installed(name)).collect()
}

/// Waits until no other run installs: apt waits for the lock of dpkg, but fails on that of its lists.
fn turn() -> Result<Flock<File>> {
    run::turn("packages.lock")
}

fn install(names: &[&str]) -> Result<bool> {
    Ok(apt().args(["install", "-q", "-y", "--no-install-recommends"]).args(names).status()?.success())
}

fn apt() -> Command {
    let mut command = run::as_root("env");
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"]);
    command.stdin(Stdio::null());
    command
}

fn is_installed(name: &str) -> bool {
    let status = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Status}", name])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    status.is_ok_and(|out| out.status.success() && out.stdout.ends_with(b"ok installed"))
}
