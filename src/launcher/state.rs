//! What must survive a `kill -9`: live sign-ins and sessions, in `state.json`.
//!
//! Written whole to a file beside it, synced, renamed over it, and the directory synced: at any instant there is the old or
//! the new state, never a half. A hash over the content stands in front, so a flipped bit is no other user's id. What can't be
//! read is moved aside and counts as nothing: nobody is signed in then, everybody signs in again.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use portcullis_model::Uid;
use portcullis_model::lifetime::Seen;
use portcullis_model::offline::Offline;
use portcullis_model::sandbox::Limits;
use portcullis_model::session::{EndReason, Session};
use portcullis_model::sign_in::SignIn;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::exemptions::KeptExemption;
use crate::recorder::talk::Watched;

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
    /// Live sign-ins.
    pub(crate) sign_ins: Vec<SignIn>,
    /// Sessions, ended ones for a while.
    pub(crate) sessions: Vec<KeptSession>,
    /// Exemptions in force. A state of an earlier version has none.
    #[serde(default)]
    pub(crate) exemptions: Vec<KeptExemption>,
    /// That nobody is let in. A state of an earlier version lets people in.
    #[serde(default)]
    pub(crate) offline: Option<Offline>,
    /// The servers there are. A state of an earlier version has none: its server ended with its launcher.
    #[serde(default)]
    pub(crate) servers: Vec<KeptServer>,
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
    Kept(Kept),
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
            Ok(kept) => Ok(Found::Kept(kept)),
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

fn decode(text: &[u8]) -> Result<Kept, Unreadable> {
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
pub(crate) mod tests {
    use super::*;
    use portcullis_model::exemption::Exemption;
    use portcullis_model::load::Load;
    use portcullis_model::session::{Ide, State, Transport};
    use portcullis_model::sign_in::Principal;
    use portcullis_model::{ExemptionId, Gid, Port, Secret, SessionId, SignInId};

    /// One sign-in and one session.
    pub(crate) fn sample() -> Kept {
        let user: portcullis_model::UserName = "alice".parse().expect("a name");
        let principal = Principal {
            user: user.clone(),
            uid: Uid(1000),
            gid: Gid(1000),
            groups: vec!["alice".into(), "staff".into()],
            home: "/home/alice".into(),
            shell: "/bin/bash".into(),
        };
        let remote = std::net::IpAddr::from([192, 0, 2, 1]);
        let sign_in =
            SignIn { id: SignInId::from_bytes([7; 16]), principal, remote, since: 100, until: 3700 };
        let session = Session {
            id: SessionId::from_bytes([9; 8]),
            user,
            ide: Ide::Jupyter,
            state: State::Running,
            transport: Transport::Tcp(Port(40_000)),
            token: Secret::new(vec![1, 2, 3]),
            started: 200,
            last_activity: 300,
            load: Load::default(),
            warning: None,
        };
        let kept = KeptSession {
            session,
            uid: Uid(1000),
            groups: vec!["staff".into()],
            keeper: Some(Known { pid: 10, started: 1 }),
            begun: true,
            process: Some(Known { pid: 11, started: 2 }),
            cgroups: vec!["/sys/fs/cgroup/user-1000/session-09".into()],
            limits: Limits::default(),
            told: Told::default(),
            seen: Seen::default(),
            ending: Some(EndReason::Stopped),
            proven: true,
            watched: None,
        };
        let exemption = Exemption {
            id: ExemptionId::from_bytes([5; 4]),
            user: "alice".parse().expect("a name"),
            flag: "allow-shell".into(),
            session: None,
            reason: "a class".into(),
            since: 100,
            until: 200,
        };
        let exemptions = vec![KeptExemption { exemption, ends: 300_000 }];
        let offline = Some(Offline { message: "new disks".into(), since: 100, suspended: true });
        let servers = vec![KeptServer { process: Known { pid: 12, started: 3 }, since: 5, until: Some(400) }];
        Kept { boot: "b".into(), sign_ins: vec![sign_in], sessions: vec![kept], exemptions, offline, servers }
    }

    #[test]
    fn a_state_comes_back_as_it_was() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::new(dir.path());
        assert!(matches!(store.load().expect("readable"), Found::Nothing));
        store.save(&sample()).expect("saved");
        let Found::Kept(kept) = store.load().expect("readable") else { panic!("no state") };
        assert_eq!(encode(&kept).expect("text"), encode(&sample()).expect("text"));
        assert_eq!(kept.sessions[0].session.token.expose(), [1, 2, 3]);
    }

    #[test]
    fn a_state_of_before_exemptions_is_one() {
        let mut old = serde_json::to_value(sample()).expect("JSON");
        for name in ["exemptions", "offline", "servers"] {
            old.as_object_mut().expect("an object").remove(name).expect("a field");
        }
        let kept: Kept = serde_json::from_value(old).expect("a state");
        assert!(
            kept.exemptions.is_empty()
                && kept.offline.is_none()
                && kept.servers.is_empty()
                && kept.sessions.len() == 1
        );
    }

    #[test]
    fn a_state_of_before_limits_is_one() {
        let directory = "/sys/fs/cgroup/session-09";
        for (before, now) in
            [(serde_json::json!(directory), vec![directory]), (serde_json::Value::Null, vec![])]
        {
            let mut old = serde_json::to_value(sample()).expect("JSON");
            let session = old["sessions"][0].as_object_mut().expect("an object");
            for name in ["cgroups", "limits", "told"] {
                session.remove(name).expect("a field");
            }
            session["session"].as_object_mut().expect("an object").remove("load").expect("a field");
            session.insert("cgroup".into(), before);
            let kept: Kept = serde_json::from_value(old).expect("a state");
            assert_eq!(kept.sessions[0].cgroups, now);
        }
    }

    #[test]
    fn no_truncation_and_no_flipped_byte_is_a_state() {
        let text = encode(&sample()).expect("text");
        for length in 0..text.len() {
            assert!(decode(&text[..length]).is_err(), "cut at {length}");
        }
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] ^= 1;
            assert!(decode(&changed).is_err(), "flipped at {at}");
        }
        assert!(matches!(decode(&text.repeat(2)), Err(Unreadable::Hash)));
        assert!(decode(&text).is_ok());
    }

    #[test]
    fn garbage_is_moved_aside_and_counts_as_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::new(dir.path());
        for n in 1..=2 {
            std::fs::write(dir.path().join("state.json"), "{}").expect("written");
            let Found::Refused(_, aside) = store.load().expect("readable") else { panic!("taken") };
            assert_eq!(aside, dir.path().join(format!("state.json.refused-{n}")));
            assert!(matches!(store.load().expect("readable"), Found::Nothing));
        }
        std::fs::create_dir(dir.path().join("state.json")).expect("a directory");
        assert!(matches!(store.load().expect("readable"), Found::Refused(..)));
    }
}
