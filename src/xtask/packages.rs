//! Debian and Ubuntu packages that building, the demo or the tests need.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::run;

/// To build: the PAM headers and a C toolchain (the TLS library compiles C).
pub(crate) const BUILD: &[&str] = &["build-essential", "libpam0g-dev"];
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
/// To drive a real browser.
pub(crate) const BROWSER: &[&str] = &["chromium", "chromium-driver"];

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
    let missing: Vec<&str> = wanted.iter().copied().filter(|name| !is_installed(name)).collect();
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
