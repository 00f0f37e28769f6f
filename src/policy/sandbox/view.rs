//! The view: temporary files of a session's own, what is hidden in it, what stays, and where nothing is a program.

use portcullis_model::sandbox::{Network, View};

use super::files::{Files, add, below, real};
use super::{Asked, Machine, TEMPORARY, network, programs, reach};

/// Where a person's own service manager and terminals listen: code would ask them to start a program outside.
const OUTSIDE: [&str; 2] = ["/run/user", "/run/screen"];

/// Services that start programs for whoever may ask them, some as root, are reached here: out of sight where anything is
/// restricted. Whole folders: a cover over one socket is gone when its service starts anew, and makes the socket anew.
const SERVICES: [&str; 3] = [RUN, "/var/snap/lxd/common/lxd", "/var/lib/incus"];

/// Where what runs on the machine listens.
const RUN: &str = "/run";

/// Resolves names too: it stays only where the network is open.
const CACHE: &str = "/run/nscd";

/// What stays of it, since programs look there and nothing is started by it, with the reason.
/// Files rather than folders, where beside them somebody listens who resolves names.
const OF_RUN: [(&str, &str); 9] = [
    ("/run/systemd/resolve/stub-resolv.conf", "/etc/resolv.conf leads there"),
    ("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf leads there"),
    ("/run/resolvconf", "/etc/resolv.conf leads there"),
    ("/run/NetworkManager/resolv.conf", "/etc/resolv.conf leads there"),
    ("/run/systemd/userdb", "accounts of systemd's"),
    ("/run/nslcd", "accounts of LDAP's"),
    (CACHE, "accounts, cached"),
    ("/run/current-system", "the system's programs, on NixOS"),
    ("/run/opengl-driver", "libraries of graphics cards, on NixOS"),
];

/// Services that speak to the network for whoever asks: out of reach where a session may not. A resolver is one: names carry data.
/// Sockets, not their folders: `/etc/resolv.conf` may be a link into one.
const SPEAKERS: [&str; 5] = [
    "/run/nscd/socket",
    "/run/systemd/resolve/io.systemd.Resolve",
    "/run/systemd/resolve/io.systemd.Resolve.Monitor",
    "/run/avahi-daemon/socket",
    "/run/cups/cups.sock",
];

/// Variables in which PAM says where it put something for this person, and how the name of it begins, below temporary folders or
/// the person's own below `/run/user`. Nothing that listens there begins so.
const PLACES: [(&str, &str); 3] =
    [("KRB5CCNAME", "krb5cc"), ("SSH_AUTH_SOCK", "ssh-"), ("XAUTHORITY", "xauth")];

/// Folders at the top of the machine that belong to the system. `/home` is none: a group has its folder there.
const NOT_DATA: [&str; 18] = [
    "bin",
    "boot",
    "dev",
    "etc",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "lost+found",
    "opt",
    "proc",
    "root",
    "run",
    "sbin",
    "sys",
    "tmp",
    "usr",
    "var",
];

/// The view of a session; `closed` says that something restricts it.
pub(super) fn view(
    asked: &Asked<'_>,
    network: &Network,
    tmp_mb: u32,
    data_only: Vec<String>,
    kept: Vec<String>,
    closed: bool,
) -> View {
    let mut hidden = Vec::new();
    // Other sessions, the administrator's socket.
    if let Some(run) = run_dir(&asked.facts.session_dir) {
        add(&mut hidden, run);
    }
    OUTSIDE.iter().for_each(|path| add(&mut hidden, *path));
    if closed {
        SERVICES.iter().for_each(|path| add(&mut hidden, *path));
    }
    if network::narrow(network) {
        SPEAKERS.iter().for_each(|path| add(&mut hidden, *path));
    }
    View { tmp_mb, data_only, hidden, kept }
}

/// The daemon's run directory: `sessions/<id>` is below it.
fn run_dir(session_dir: &str) -> Option<&str> {
    let (sessions, _) = session_dir.trim_end_matches('/').rsplit_once('/')?;
    let (run, name) = sessions.rsplit_once('/')?;
    // Another layout has nothing else in the parent but sessions.
    Some(if name == "sessions" && !run.is_empty() { run } else { sessions }).filter(|path| !path.is_empty())
}

/// Whether a path lies in a folder that is hidden or the session's own: plainly written, or it could name anything.
fn covered(path: &str) -> bool {
    let plain = path.split('/').skip(1).all(|part| !part.is_empty() && part != "." && part != "..");
    plain && TEMPORARY.iter().chain(&OUTSIDE).any(|folder| below(path, folder) && path != *folder)
}

/// Whether what lies in such a folder has a name that begins so; below `/run/user`, that is in the folder of one person.
fn named_so(path: &str, start: &str) -> bool {
    let rest = TEMPORARY.iter().find_map(|folder| path.strip_prefix(folder)?.strip_prefix('/'));
    let own = || path.strip_prefix("/run/user/")?.split_once('/').map(|(_, rest)| rest);
    rest.or_else(own).is_some_and(|rest| rest.starts_with(start))
}

/// What stays visible below folders that are hidden or the session's own.
pub(super) fn kept(asked: &Asked<'_>, machine: &Machine<'_>) -> Vec<String> {
    let mut kept = vec![asked.facts.session_dir.clone()];
    let mut keep = |path: &str| {
        if covered(path) {
            add(&mut kept, path);
        }
    };
    // PAM may have read it in a file of the person's own: nothing but the file that it is for.
    for (variable, start) in PLACES {
        for (_, value) in asked.facts.pam_env.iter().filter(|(name, _)| name == variable) {
            let path = value.strip_prefix("FILE:").or_else(|| value.strip_prefix("DIR:")).unwrap_or(value);
            if named_so(path, start) {
                keep(path);
            }
        }
    }
    keep(&asked.facts.home);
    keep(machine.stub);
    for folder in programs::own_folders(asked.ide, &asked.command.program, machine.files) {
        keep(folder.strip_suffix("/bin").unwrap_or(&folder));
    }
    if asked.flags.restrict_directories.value {
        asked.flags.directories.value.iter().for_each(|path| keep(path));
    }
    kept
}

/// What stays of `/run` where that is hidden: what programs need of the system, the IDE itself, and what the administrator says.
pub(super) fn of_run(
    asked: &Asked<'_>,
    machine: &Machine<'_>,
    network: &Network,
    said: &[String],
) -> Vec<String> {
    let mut kept = Vec::new();
    let mut keep = |path: &str| {
        if path != RUN && below(path, RUN) {
            add(&mut kept, path);
        }
    };
    let narrow = network::narrow(network);
    OF_RUN.iter().filter(|(path, _)| !(narrow && *path == CACHE)).for_each(|(path, _)| keep(path));
    said.iter().for_each(|path| keep(path));
    keep(&asked.facts.home);
    keep(machine.stub);
    for folder in programs::own_folders(asked.ide, &asked.command.program, machine.files) {
        keep(folder.strip_suffix("/bin").unwrap_or(&folder));
    }
    asked.flags.directories.value.iter().for_each(|path| keep(path));
    kept
}

/// Folders in which nothing is a program nor a library, where neither shells nor packages are allowed: all that a person may
/// write to. Those in which the IDE itself lies are left out, and are not written to.
pub(super) fn data_only(asked: &Asked<'_>, machine: &Machine<'_>) -> Vec<String> {
    let files: &dyn Files = machine.files;
    let mut folders = reach::writable(asked, files);
    if asked.flags.restrict_directories.value {
        for path in &asked.flags.directories.value {
            if let Some(real) = real(files, path).filter(|real| path.starts_with('/') && real == path) {
                add(&mut folders, real);
            }
        }
    } else {
        let mut top = files.names("/");
        top.retain(|name| !NOT_DATA.contains(&name.as_str()));
        top.sort_unstable();
        for path in top.iter().map(|name| format!("/{name}")) {
            if real(files, &path).as_deref() == Some(path.as_str()) {
                add(&mut folders, path);
            }
        }
    }
    let ours = programs::own_folders(asked.ide, &asked.command.program, files);
    folders.retain(|folder| !ours.iter().any(|own| below(own, folder)) && !below(machine.stub, folder));
    folders
}
