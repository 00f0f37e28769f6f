//! What an attempt is after: files that ordinary permissions open to everybody, another user's home, set-user-ID programs.
//!
//! They lie where the session's own folders don't. Nothing of the machine's own is a target.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use portcullis_testing::{Account, place};

use crate::sources::Sources;

/// The folder that everybody of the machine may use: in the same file system as the homes, so that links and moves work.
const DATA: &str = "/home/rt-data";
/// Programs of root's, among them those with a hole.
const PROGRAMS: &str = "/var/lib/redteam";
/// Files that are read, written, moved … there: one for each way, so that none spoils another's.
const FILES: &[&str] = &[
    "appended",
    "beneath",
    "by-glob",
    "by-i386",
    "by-link",
    "by-notebook",
    "by-python",
    "by-r",
    "by-ring",
    "by-shell",
    "handed-over",
    "held-open",
    "in-tar",
    "linked",
    "moved",
    "only-to-find",
    "own-root",
    "r-removed",
    "raced",
    "removed",
    "shell-linked",
    "through-process",
    "truncated",
];

/// The targets, and the names by which attempts know them.
#[derive(Debug)]
pub(crate) struct Targets {
    /// Variables of an attempt's environment.
    pub(crate) env: BTreeMap<String, String>,
    drops: Vec<PathBuf>,
}

impl Targets {
    /// Makes all of them anew.
    pub(crate) fn make(sources: &Sources, alice: &Account, bob: &Account) -> Result<Self> {
        let mut env = BTreeMap::new();
        let mut tell = |name: &str, value: &dyn std::fmt::Display| {
            env.insert(format!("RT_{name}"), value.to_string());
        };
        data(alice)?;
        bobs(bob)?;
        tell("DATA", &DATA);
        tell("BOB", &bob.uid);
        tell("BOB_NAME", &bob.name);
        tell("BOB_PASSWORD", &bob.password);
        tell("BOB_HOME", &bob.home.display());

        let drop = format!("rt-drop-{}-{}", std::process::id(), place::next_number());
        let drops: Vec<PathBuf> = ["/tmp", "/dev/shm"].map(|folder| Path::new(folder).join(&drop)).into();
        for path in &drops {
            fs::write(path, "left here by somebody\n")?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o644))?;
        }
        tell("DROP", &drop);

        let programs = Path::new(PROGRAMS);
        fs::create_dir_all(programs)?;
        fs::set_permissions(programs, fs::Permissions::from_mode(0o755))?;
        let hole = programs.join("hole");
        fs::copy(sources.program("hole"), &hole)?;
        fs::set_permissions(&hole, fs::Permissions::from_mode(0o4755))?;
        tell("HOLE", &hole.display());
        let capable = programs.join("capable");
        fs::copy(sources.program("hole"), &capable)?;
        fs::set_permissions(&capable, fs::Permissions::from_mode(0o755))?;
        let set =
            Command::new("setcap").arg("cap_dac_read_search+ep").arg(&capable).status().context("setcap")?;
        ensure!(set.success(), "setcap ended with {set}");
        tell("CAPABLE", &capable.display());

        // In a file system that knows handles.
        let handle = PathBuf::from("/run/redteam-handle");
        fs::write(&handle, "what is in there\n")?;
        tell("HANDLE", &handle.display());

        let mount = programs.join("mnt");
        fs::create_dir_all(&mount)?;
        fs::write("/etc/fstab", format!("tmpfs {} tmpfs user,noauto,size=64k 0 0\n", mount.display()))?;
        tell("MOUNT", &mount.display());

        tell("LOOPBACK", &"127.0.0.1");
        tell("ANY", &"0.0.0.0");
        tell("NODE", &node());
        Ok(Self { env, drops })
    }

    /// One more name.
    pub(crate) fn tell(&mut self, name: &str, value: impl std::fmt::Display) {
        self.env.insert(format!("RT_{name}"), value.to_string());
    }
}

impl Drop for Targets {
    fn drop(&mut self) {
        for path in &self.drops {
            let _ = fs::remove_file(path);
        }
    }
}

fn data(alice: &Account) -> Result<()> {
    let folder = Path::new(DATA);
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777))?;
    for name in FILES {
        let path = folder.join(name);
        fs::write(&path, format!("what is in {name}\n"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;
    }
    let own = folder.join("own");
    fs::write(&own, "the user's own\n")?;
    chown(&own, Some(alice.uid), Some(alice.gid))?;
    Ok(())
}

/// Another user's home that is open to everybody, with a file that is not.
fn bobs(bob: &Account) -> Result<()> {
    fs::set_permissions(&bob.home, fs::Permissions::from_mode(0o755))?;
    for (name, mode) in [("notes.txt", 0o644), ("private.txt", 0o600)] {
        let path = bob.home.join(name);
        fs::write(&path, "another's\n")?;
        chown(&path, Some(bob.uid), Some(bob.gid))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Node, wherever it is.
fn node() -> String {
    let found = ["/usr/bin/node", "/usr/bin/nodejs", "/usr/local/bin/node"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    found.unwrap_or("/usr/bin/node").to_owned()
}
