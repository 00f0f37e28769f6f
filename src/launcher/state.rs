//! What must survive a `kill -9`, but for sign-ins, which have a [journal](crate::accounts::journal): sessions, servers, exemptions, in
//! `state.json`.
//!
//! Written whole to a file beside it, synced, renamed over it, and the directory synced: at any instant there is the old or
//! the new state, never a half. A hash over the content stands in front, so a flipped bit is no other user's id. What can't be
//! read is moved aside and counts as nothing, and the journal with it: nobody is signed in then, everybody signs in again.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use portcullis_model::lifetime::Seen;
use portcullis_model::offline::Offline;
use portcullis_model::sandbox::Limits;
use portcullis_model::session::{EndReason, Session};
use portcullis_model::sign_in::SignIn;
use portcullis_model::{NodeId, Uid};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::accounts::journal::Truth;
use crate::accounts::sync::KeptIdentities;
use crate::exemptions::KeptExemption;
use crate::recorder::talk::Watched;
use crate::throttle::KeptPlace;

/// Version of the content; another one is not guessed at.
const VERSION: u32 = 1;
/// Largest file read: a thousand times a busy machine's.
const FILE_MAX: u64 = 64 * 1024 * 1024;

/// A process that a later launcher can recognise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// Its number.
    pub(crate) pid: i32,
    /// When it started, in clock ticks since boot.
    pub(crate) started: u64,
}

/// A server as it is kept: the next launcher knows it by this when it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptServer {
    /// Its process.
    pub(crate) process: Known,
    /// When it was started, in seconds since 1970.
    pub(crate) since: u64,
    /// Until when it finishes, in seconds since 1970, once another took its place.
    pub(crate) until: Option<u64>,
}

/// A session as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KeptSession {
    /// As everybody knows it.
    pub(crate) session: Session,
    /// Its owner's number.
    pub(crate) uid: Uid,
    /// Its owner's groups, for options by group.
    pub(crate) groups: Vec<String>,
    /// The groups under which it was started, where those of now are others: what the kernel holds in it comes from these.
    #[serde(default)]
    pub(crate) started_groups: Option<Vec<String>>,
    /// When it ends because of that, in seconds since 1970 (`membership-change`).
    #[serde(default)]
    pub(crate) ends_at: Option<u64>,
    /// Its keeper.
    pub(crate) keeper: Option<Known>,
    /// Whether its keeper may have been told what to start, and may have started it: on disk before it is told. Until then it is
    /// in PAM's hands, perhaps. A state of an earlier version doesn't say.
    #[serde(default)]
    pub(crate) begun: bool,
    /// Its session process.
    pub(crate) process: Option<Known>,
    /// The directories of its control group. A state of before there were several has one or none.
    #[serde(default, alias = "cgroup", deserialize_with = "directories")]
    pub(crate) cgroups: Vec<String>,
    /// Its limits, as they were set at its start.
    #[serde(default)]
    pub(crate) limits: Limits,
    /// What of the kernel's refusals has been told.
    #[serde(default)]
    pub(crate) told: Told,
    /// What was seen of it beside its owner's last act. A state of an earlier version has nothing.
    #[serde(default)]
    pub(crate) seen: Seen,
    /// Why it was told to end, when it was.
    pub(crate) ending: Option<EndReason>,
    /// Whether the record of its start is in the audit log.
    pub(crate) proven: bool,
    /// How the recorder knows it. A state of an earlier version has none.
    #[serde(default)]
    pub(crate) watched: Option<Watched>,
}

/// The kernel's counters of a session's group, up to which everything is in the audit log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// Processes that were ended for want of memory.
    pub(crate) killed: u64,
    /// Processes that were not made.
    pub(crate) forks: u64,
    /// The same by the limit of all sessions of the user, where the kernel counts that apart.
    pub(crate) user_forks: u64,
    /// The last record of the kernel's log that was about this session.
    pub(crate) record: u64,
}

fn directories<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Now(Vec<String>),
        Before(Option<String>),
    }
    Ok(match Written::deserialize(from)? {
        Written::Now(all) => all,
        Written::Before(one) => one.into_iter().collect(),
    })
}

/// Everything that is kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The boot in which the processes ran: after another one, numbers and start times mean nothing.
    pub(crate) boot: String,
    /// Live sign-ins, of a launcher that had no journal; none any more. It stays, for that one refuses a state without it, and with
    /// it all sessions.
    pub(crate) sign_ins: Vec<SignIn>,
    /// Whether the journal says who is signed in. One that doesn't know this leaves it out, and its list counts again: who has signed
    /// out under it must not be in by an older journal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) journal: bool,
    /// Sessions, ended ones for a while.
    pub(crate) sessions: Vec<KeptSession>,
    /// Exemptions in force. A state of an earlier version has none.
    #[serde(default)]
    pub(crate) exemptions: Vec<KeptExemption>,
    /// That nobody is let in. A state of an earlier version lets people in.
    #[serde(default)]
    pub(crate) offline: Option<Offline>,
    /// Which machine this is among those that share a database of accounts; a state of an earlier version has none.
    #[serde(default)]
    pub(crate) node: Option<NodeId>,
    /// The servers there are. A state of an earlier version has none: its server ended with its launcher.
    #[serde(default)]
    pub(crate) servers: Vec<KeptServer>,
    /// From where people usually sign in. A state of an earlier version has none.
    #[serde(default)]
    pub(crate) usual: Vec<KeptPlace>,
    /// What is known of people's accounts on this machine. A state of an earlier version knows nothing.
    #[serde(default)]
    pub(crate) identities: KeptIdentities,
}

impl Kept {
    /// Which file says who is signed in; a list of before is taken out.
    pub(crate) fn truth(&mut self) -> Truth {
        let mut of_before = std::mem::take(&mut self.sign_ins);
        // What is known of their last use is that they began.
        of_before.iter_mut().for_each(|one| one.seen = one.seen.max(one.since));
        if self.journal { Truth::Journal } else { Truth::State(of_before) }
    }
}

/// Why a text is no state.
#[derive(Debug, Error)]
pub(crate) enum Unreadable {
    /// Not of the form this version writes.
    #[error("it is not a state file of version {VERSION}")]
    Form,
    /// Its hash doesn't fit.
    #[error("its content does not fit its hash")]
    Hash,
    /// The content is not what the hash promised.
    #[error("its content is not a state")]
    Content(#[source] serde_json::Error),
}

/// What was found at the start.
#[derive(Debug)]
pub(crate) enum Found {
    /// No file: a first start.
    Nothing,
    /// The state.
    Kept(Box<Kept>),
    /// A file that can't be used; it was moved to that name.
    Refused(Unreadable, PathBuf),
}

/// Why the state can't be read or written.
#[derive(Debug, Error)]
#[error("cannot {what} `{}`", path.display())]
pub(crate) struct StateError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// The file.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
}

impl Store {
    /// The one in this directory.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Reads it; what can't be read as a state is moved aside.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn load(&self) -> Result<Found, StateError> {
        let path = self.dir.join("state.json");
        let failed = |what| {
            let path = path.clone();
            move |source| StateError { what, path, source }
        };
        let text = match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(failed("read")(error)),
            Ok(meta) if !meta.is_file() || meta.len() > FILE_MAX => Err(Unreadable::Form),
            Ok(_) => decode(&std::fs::read(&path).map_err(failed("read"))?),
        };
        match text {
            Ok(kept) => Ok(Found::Kept(Box::new(kept))),
            Err(why) => {
                let aside = self.free_name();
                std::fs::rename(&path, &aside).map_err(failed("move away"))?;
                Ok(Found::Refused(why, aside))
            }
        }
    }

    /// Writes it; when this returns without an error it is on disk.
    ///
    /// # Errors
    /// When the disk refuses; the old state is there still.
    pub(crate) fn save(&self, kept: &Kept) -> Result<(), StateError> {
        let (path, temporary) = (self.dir.join("state.json"), self.dir.join("state.json.new"));
        let write = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600).custom_flags(nix::libc::O_NOFOLLOW);
            let mut file = options.open(&temporary)?;
            file.write_all(&encode(kept)?)?;
            // ORDER: content on disk before the name points at it, the name before anybody is told.
            file.sync_all()?;
            std::fs::rename(&temporary, &path)?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(|source| StateError { what: "write", path: path.clone(), source })
    }

    fn free_name(&self) -> PathBuf {
        let name = |n| self.dir.join(format!("state.json.refused-{n}"));
        (1..10_000).map(name).find(|name| !name.exists()).unwrap_or_else(|| name(10_000))
    }
}

fn head(hash: &str) -> String {
    format!("{{\"version\":{VERSION},\"sha256\":\"{hash}\",\"state\":")
}

fn hash(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encode(kept: &Kept) -> Result<Vec<u8>, serde_json::Error> {
    let body = serde_json::to_vec(kept)?;
    let mut text = head(&hash(&body)).into_bytes();
    text.extend_from_slice(&body);
    text.extend_from_slice(b"}\n");
    Ok(text)
}

/// Reads a text as a state.
pub(crate) fn decode(text: &[u8]) -> Result<Kept, Unreadable> {
    let digits = "0".repeat(64);
    let length = head(&digits).len();
    if text.len() < length {
        return Err(Unreadable::Form);
    }
    let (start, rest) = text.split_at(length);
    let body = rest.strip_suffix(b"}\n").ok_or(Unreadable::Form)?;
    if start != head(&hash(body)).as_bytes() {
        let known = start.starts_with(&head(&digits).as_bytes()[..length - 74]);
        return Err(if known { Unreadable::Hash } else { Unreadable::Form });
    }
    serde_json::from_slice(body).map_err(Unreadable::Content)
}

#[cfg(test)]
pub(crate) mod tests;
