//! What `systemd-analyze security` says: of the launcher's unit, with a reason for each thing that it holds against it; of the server,
//! by the unit that would confine it as the launcher does.
//!
//! Both lists are the page docs/services.md.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::{Completion, Trial};

/// The most that the server may be rated, of 10.
const SERVER_MOST: f64 = 2.0;

/// What is held against the launcher, by systemd's names, and why it is so.
pub(crate) const EXPOSURES: &[(&str, &str)] = &[
    (
        "UserOrDynamicUser",
        "PAM, and becoming other people, are root's. The part that talks to the network is not root.",
    ),
    (
        "NoNewPrivileges",
        "Sessions inherit it, and `allow-sudo=1` needs it off. Each session has it set unless that flag is; so has the server.",
    ),
    (
        "ProtectSystem ProtectHome PrivateTmp PrivateDevices DeviceAllow ProtectProc ProcSubset ProtectKernelTunables ProtectControlGroups ProtectKernelModules ProtectKernelLogs ProtectHostname ProtectClock PrivateMounts RootDirectoryOrRootImage",
        "Each is a mount namespace (or a list of devices) that sessions would inherit: people's files, GPUs, homes that PAM mounts at sign-in would be gone or seen by nobody else. Each session has a mount namespace of its own.",
    ),
    (
        "PrivateUsers PrivateNetwork IPAddressDeny RestrictAddressFamilies_AF_INET_INET6 RestrictAddressFamilies_AF_UNIX RestrictAddressFamilies_AF_NETLINK RestrictAddressFamilies_AF_PACKET RestrictAddressFamilies_OTHER",
        "Listening sockets are opened here, sessions are people with the machine's network. `session-network` rules each session; families that no session needs are closed by its filter.",
    ),
    (
        "RestrictNamespaces_user RestrictNamespaces_pid RestrictNamespaces_net RestrictNamespaces_uts RestrictNamespaces_mnt RestrictNamespaces_cgroup RestrictNamespaces_ipc SystemCallFilter_mount CapabilityBoundingSet_CAP_SYS_ADMIN CapabilityBoundingSet_CAP_SYS_CHROOT CapabilityBoundingSet_CAP_MKNOD",
        "Making a session's sandbox takes mounts and namespaces, and root. Sessions can make none.",
    ),
    (
        "SystemCallFilter_privileged CapabilityBoundingSet_CAP_SET_UID_GID_PCAP CapabilityBoundingSet_CAP_CHOWN_FSETID_SETFCAP CapabilityBoundingSet_CAP_DAC_FOWNER_IPC_OWNER CapabilityBoundingSet_CAP_KILL",
        "Becoming a person, giving them their folder below /run, ending what is theirs; PAM modules that make homes and read /etc/shadow.",
    ),
    (
        "SystemCallFilter_resources CapabilityBoundingSet_CAP_SYS_NICE_RESOURCE CapabilityBoundingSet_CAP_IPC_LOCK CapabilityBoundingSet_CAP_LINUX_IMMUTABLE RestrictRealtime",
        "`pam_limits` and the options for limits set what a person may have, also more than a service has.",
    ),
    (
        "SystemCallFilter_debug CapabilityBoundingSet_CAP_SYS_PTRACE",
        "Debuggers in sessions; looking at processes of sessions in /proc. The kernel keeps sessions from each other's processes.",
    ),
    (
        "CapabilityBoundingSet_CAP_AUDIT CapabilityBoundingSet_CAP_BPF CapabilityBoundingSet_CAP_NET_ADMIN CapabilityBoundingSet_CAP_SYSLOG",
        "The record of programs (`audit-programs`), rules for connections on a session's control group (`session-network`), and the kernel's word on what it ended for want of memory.",
    ),
    (
        "CapabilityBoundingSet_CAP_NET_BIND_SERVICE_BROADCAST_RAW)",
        "Ports below 1024, such as 443. `ping` in sessions.",
    ),
    (
        "MemoryDenyWriteExecute LockPersonality RestrictSUIDSGID",
        "Sessions inherit them: R, Python and Node compile to memory, debuggers switch randomness off, shared folders have the set-group-ID bit.",
    ),
    ("Delegate", "Each session has a control group with its own limits."),
    (
        "UMask",
        "Sessions inherit it; `pam_umask` and the launcher set their own. What the launcher makes has its mode named.",
    ),
];

/// The server's confinement in systemd's words, and what holds each.
const SERVER: &[(&str, &str)] = &[
    ("User=portcullis", "ids set and checked before it is started; no supplementary groups"),
    ("NoNewPrivileges=yes", "set before it is started"),
    ("CapabilityBoundingSet=\nAmbientCapabilities=", "no capability, and none to be had (`CapBnd` is empty)"),
    ("UMask=0077", "set before it is started"),
    (
        "SystemCallFilter=@system-service\nSystemCallFilter=~@privileged @resources @mount @debug @cpu-emulation @obsolete @raw-io @reboot @swap @module @clock\nSystemCallArchitectures=native",
        "a list of some 100 calls that pass (`src/sys/seccomp/rows/server.rs`), shorter than these groups; other numberings end it",
    ),
    (
        "RestrictNamespaces=yes\nRestrictRealtime=yes\nRestrictSUIDSGID=yes\nLockPersonality=yes\nKeyringMode=private\nRemoveIPC=yes",
        "none of their calls is on the list: no namespace, priority, mode, personality, key, shared memory",
    ),
    ("MemoryDenyWriteExecute=yes", "rows of the filter for `mmap` and `mprotect`"),
    (
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        "rows of the filter; of netlink only routes and whose a listener is. It can open no port: `bind` and `listen` are not on the list",
    ),
    (
        "ProtectSystem=strict\nProtectHome=yes\nPrivateTmp=yes\nPrivateDevices=yes\nDevicePolicy=closed\nProtectProc=invisible\nProcSubset=pid\nProtectKernelTunables=yes\nProtectKernelModules=yes\nProtectKernelLogs=yes\nProtectControlGroups=yes\nProtectClock=yes\nProtectHostname=yes",
        "Landlock: it reads /usr, the linker's cache and RStudio's page, executes itself, writes nothing; homes, /etc, /proc, /sys, /tmp, /run and devices can't be opened. That a file is there, and how large, can still be asked",
    ),
    ("NotifyAccess=none\nDelegate=no", "it has no word with the service manager"),
];

/// Tests that need no machine.
pub(crate) fn all() -> Vec<Trial> {
    vec![
        Trial::ignorable_test("hardening::the_server_is_rated_at_most_2", || outcome(server_rated())),
        Trial::ignorable_test("hardening::the_page_is_current", || {
            outcome(page().map(|()| Completion::Completed))
        }),
    ]
}

fn outcome(result: Result<Completion>) -> Result<Completion, libtest_mimic::Failed> {
    result.map_err(|error| format!("{error:#}").into())
}

/// The unit that would do the same.
fn unit() -> String {
    let lines: String = SERVER.iter().map(|(lines, _)| format!("{lines}\n")).collect();
    format!("[Service]\nExecStart=/usr/lib/portcullis/portcullis-server\n{lines}")
}

/// systemd's figure for a unit in a file.
fn rate(unit: &Path) -> Result<f64> {
    let done = Command::new("systemd-analyze")
        .args(["security", "--no-pager", "--offline=true"])
        .arg(unit)
        .output()?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let line = text.lines().find(|line| line.contains("Overall exposure level")).context("no figure")?;
    let figure = line.rsplit(": ").next().and_then(|rest| rest.split_whitespace().next());
    Ok(figure.context("no figure")?.parse()?)
}

fn server_rated() -> Result<Completion> {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return Ok(Completion::ignored_with("this machine has no systemd-analyze"));
    }
    let folder = std::env::temp_dir().join(format!("portcullis-rated-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let path = folder.join("portcullis-server.service");
    fs::write(&path, unit())?;
    let (rated, bare) = (rate(&path), {
        fs::write(
            folder.join("bare.service"),
            "[Service]\nExecStart=/usr/lib/portcullis/portcullis-server\n",
        )?;
        rate(&folder.join("bare.service"))
    });
    fs::remove_dir_all(&folder)?;
    let (rated, bare) = (rated?, bare?);
    eprintln!("rated: the server {rated}, without confinement {bare}");
    ensure!(rated <= SERVER_MOST, "the server is rated {rated}");
    ensure!(bare > 9.0, "a unit without confinement is rated {bare}: the figure is read wrongly");
    Ok(Completion::Completed)
}

const HEAD: &str = "<!-- Generated from tests/systemd/hardening.rs; PORTCULLIS_GENERATE=1 cargo test --test systemd hardening writes it. -->
# What the services can reach

`systemd-analyze security` rates what a unit's lines close, from 0 (all of it) to 10. Portcullis has one unit, the launcher's. The launcher starts
the server and the sessions itself and confines each, so its own unit says little about them.

";
const SERVER_HEAD: &str = "## The server

The part that talks to the network. The launcher confines it when it starts it, with or without systemd, and every server in the same way: the one that serves and
those that finish their connections after a restart. A unit with the lines below would do the same, and is rated **at most 2.0** by a test (1.5 by systemd
252). What is not closed: sockets of the internet, of this machine and of the kernel, since it lives by them; the machine's root as such, users and network.

| In systemd's words | Held by |
|---|---|
";
const LAUNCHER_HEAD: &str = "
## The launcher

Rated 7.8 by systemd 252. A test compares what systemd finds open with this list; a new finding without a reason fails. What nobody needs below it is closed
in the unit, with the reason beside the line: [etc/systemd/portcullis.service](../etc/systemd/portcullis.service).

| Open | Why |
|---|---|
";

fn text() -> String {
    let mut page = HEAD.to_owned() + SERVER_HEAD;
    for (lines, held) in SERVER {
        let lines: Vec<String> = lines.lines().map(|line| format!("`{line}`")).collect();
        let _ = writeln!(page, "| {} | {held} |", lines.join("<br>"));
    }
    page.push_str(LAUNCHER_HEAD);
    for (names, why) in EXPOSURES {
        let names: Vec<String> =
            names.split_whitespace().map(|name| format!("`{}`", name.trim_end_matches(')'))).collect();
        let _ = writeln!(page, "| {} | {why} |", names.join(", "));
    }
    page
}

fn page() -> Result<()> {
    let named: Vec<&str> = EXPOSURES.iter().flat_map(|(names, _)| names.split_whitespace()).collect();
    ensure!(named.iter().collect::<BTreeSet<_>>().len() == named.len(), "something is named twice");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/services.md");
    if std::env::var_os("PORTCULLIS_GENERATE").is_some() {
        fs::write(&path, text())?;
    }
    ensure!(
        fs::read_to_string(&path)? == text(),
        "docs/services.md is not what the lists say; PORTCULLIS_GENERATE=1 writes it"
    );
    Ok(())
}
