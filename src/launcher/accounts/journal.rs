//! Live sign-ins and API keys on disk, in `sign-ins.journal` beside `state.json`: what begins and ends is appended, so that one of a hundred
//! thousand sign-ins costs what the only one does.
//!
//! Entries of a turn wait here until [`Journal::commit`] has written them and made them durable with one `fdatasync`; the loop tells
//! nobody before. A write or a sync that failed is never believed to have mended itself, as in the audit log: what it was about is cut
//! off and written anew. What was not written to its end when this process was killed is cut off at the next start; a file with
//! anything changed in it counts as nothing, for what follows may be that somebody signed out. When more of it is dead than lives it
//! is written anew beside itself, in steps ([`compaction`]). It must not decide who is signed in.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use portcullis_model::SignInId;
use portcullis_model::sign_in::SignIn;
use portcullis_wire::batches::{SIGN_IN_MAX, size};
use thiserror::Error;

use self::compaction::Compaction;
use self::debts::Debts;
pub(crate) use self::record::Unreadable;
use self::record::{Check, Entry, TOUCHED_AT_ONCE};
use super::keys::Keys;
use crate::audit::keep_torn;
use crate::launcher::LAZY;
use crate::sign_in::living::SignIns;

mod compaction;
pub(crate) mod debts;
mod of_keys;
mod record;
#[cfg(test)]
mod tests;

const NAME: &str = "sign-ins.journal";
/// Largest file read: four times as many sign-ins as there may be, of usual length.
const FILE_MAX: u64 = 512 * 1024 * 1024;

/// Which file says who is signed in.
#[derive(Debug)]
pub(crate) enum Truth {
    /// The journal: the state was written by a launcher that has one.
    Journal,
    /// The state, written by a launcher of before there were journals. A journal that is there is older still, and of no account:
    /// what has ended since is not in it.
    State(Vec<SignIn>),
    /// Neither: there is no state, or none that can be read, and nobody knows what a journal beside it is worth.
    Nothing,
}

/// What a start found.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    /// Who is signed in.
    pub(crate) sign_ins: SignIns,
    /// API keys that live.
    pub(crate) keys: Keys,
    /// Bytes of an end that was not written whole; they are kept beside the journal.
    pub(crate) torn: u64,
    /// Why the journal counts as nothing, and where it was moved to.
    pub(crate) refused: Option<(Refused, PathBuf)>,
    /// Whether there should be a journal and is none.
    pub(crate) missing: bool,
}

/// Why a journal counts as nothing.
#[derive(Debug, Error)]
pub(crate) enum Refused {
    /// It can't be read as one.
    #[error(transparent)]
    Unreadable(Unreadable),
    /// Nothing says that it is the last word.
    #[error("there is no state beside it that says it counts")]
    Alone,
}

/// Why the journal can't be read or written.
#[derive(Debug, Error)]
#[error("cannot {what} `{}`", path.display())]
pub(crate) struct JournalError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// The open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: PathBuf,
    file: File,
    /// What the next record is bound to.
    chain: Check,
    /// Length of the file up to the end of what is on disk.
    durable: u64,
    /// The records since.
    fresh: Vec<u8>,
    /// Whether the file may hold something else than them from `durable` on.
    doubtful: bool,
    /// Whether the name may point at the file of before the last compaction, should the machine stop now.
    unnamed: bool,
    failing: bool,
    /// Bytes of the records of those who live.
    live: u64,
    /// Whose end was moved and is not written yet, and since when there are any.
    touched: BTreeSet<SignInId>,
    touched_since: Option<Instant>,
    compaction: Option<Compaction>,
    /// Ends that the database has not confirmed.
    debts: Debts,
    /// When the next step of a compaction may be made.
    next_step: Instant,
    sync: fn(&File) -> io::Result<()>,
}

impl Journal {
    /// Opens the one in this directory, or makes it.
    ///
    /// # Errors
    /// When the disk refuses: without it the daemon doesn't start.
    pub(crate) fn open(dir: &Path, truth: Truth) -> Result<(Self, Opened), JournalError> {
        let path = dir.join(NAME);
        let failed = |what| {
            let path = path.clone();
            move |source| JournalError { what, path, source }
        };
        // Of a compaction that was under way.
        match std::fs::remove_file(dir.join(compaction::NAME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("clear up beside")(error));
            }
            _ => {}
        }
        let mut opened = Opened::default();
        let there = match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed("read")(error)),
            Ok(meta) => Some(meta.is_file() && meta.len() <= FILE_MAX),
        };
        let refused = match (truth, there) {
            (Truth::Journal, Some(true)) => {
                let text = std::fs::read(&path).map_err(failed("read"))?;
                match replay(&text) {
                    Ok(replayed) => return Self::go_on(dir, &text, replayed).map_err(failed("open")),
                    Err(why) => Some(Refused::Unreadable(why)),
                }
            }
            (Truth::Journal, None) => {
                opened.missing = true;
                None
            }
            (Truth::Journal, Some(false)) => Some(Refused::Unreadable(Unreadable::Form)),
            (Truth::State(sign_ins), _) => {
                // None is larger that was ever let in; what can't be written must not be let in again either.
                sign_ins
                    .into_iter()
                    .filter(|one| size(one) <= SIGN_IN_MAX)
                    .for_each(|one| opened.sign_ins.insert(one));
                None
            }
            (Truth::Nothing, Some(_)) => Some(Refused::Alone),
            (Truth::Nothing, None) => None,
        };
        if let Some(why) = refused {
            let aside = free_name(&path);
            std::fs::rename(&path, &aside).map_err(failed("move away"))?;
            opened.refused = Some((why, aside));
        }
        let journal = Self::make(dir, &opened.sign_ins, &opened.keys).map_err(failed("write"))?;
        Ok((journal, opened))
    }

    /// A new file with these sign-ins, in the place of whatever is there.
    fn make(dir: &Path, sign_ins: &SignIns, keys: &Keys) -> io::Result<Self> {
        let mut whole = Compaction::begin(dir)?;
        while !whole.copy(sign_ins, keys)? {}
        std::fs::rename(dir.join(compaction::NAME), dir.join(NAME))?;
        // ORDER: the name before the state says that this file counts.
        sync_dir(dir)?;
        Ok(Self::with(dir, whole.into_file(), live(sign_ins, keys)))
    }

    /// The file that is there, without its torn end.
    fn go_on(dir: &Path, text: &[u8], replayed: Replayed) -> io::Result<(Self, Opened)> {
        let Replayed { sign_ins, keys, debts, length, chain, live } = replayed;
        let path = dir.join(NAME);
        let file = options().open(&path)?;
        let torn = &text[length..];
        let durable = u64::try_from(length).unwrap_or(0);
        if !torn.is_empty() {
            keep_torn(&path, torn)?;
            file.set_len(durable)?;
        }
        // What the last launcher was killed over may not be on disk yet, and what comes is bound to it.
        file.sync_all()?;
        let opened =
            Opened { sign_ins, keys, torn: u64::try_from(torn.len()).unwrap_or(0), ..Opened::default() };
        let journal = Self::with(dir, (file, durable, chain), live);
        Ok((Self { debts, ..journal }, opened))
    }

    fn with(dir: &Path, (file, durable, chain): (File, u64, Check), live: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            file,
            chain,
            durable,
            fresh: Vec::new(),
            doubtful: false,
            unnamed: false,
            failing: false,
            live,
            touched: BTreeSet::new(),
            touched_since: None,
            compaction: None,
            debts: Debts::default(),
            next_step: Instant::now(),
            sync: File::sync_data,
        }
    }

    /// A sign-in began.
    pub(crate) fn began(&mut self, sign_in: &SignIn) {
        self.live += record::size(sign_in);
        self.write(&Entry::of(sign_in));
    }

    /// A sign-in is another's groups, or another role's, now: the entry takes the place of the one before.
    pub(crate) fn again(&mut self, before: &SignIn, after: &SignIn) {
        self.live = self.live.saturating_sub(record::size(before));
        self.began(after);
    }

    /// A sign-in is over.
    pub(crate) fn ended(&mut self, sign_in: &SignIn) {
        self.live = self.live.saturating_sub(record::size(sign_in));
        self.touched.remove(&sign_in.id);
        self.write(&Entry::Ended(*sign_in.id.as_bytes()));
    }

    /// A person acted: written within [`LAZY`], and lost with a launcher that is killed before.
    pub(crate) fn touched(&mut self, id: SignInId) {
        self.touched.insert(id);
        self.touched_since.get_or_insert_with(Instant::now);
    }

    fn write(&mut self, entry: &Entry<'_>) {
        let body = record::body(entry);
        record::append(&mut self.fresh, &mut self.chain, &body);
        if let Some(compaction) = &mut self.compaction {
            compaction.also(&body);
        }
    }

    /// Makes everything so far durable. `last`: what could wait, too.
    ///
    /// # Errors
    /// While the disk refuses; nothing that depends on an entry may be told then. Called again, it tries again.
    pub(crate) fn commit(
        &mut self,
        sign_ins: &SignIns,
        now: Instant,
        last: bool,
    ) -> Result<(), JournalError> {
        let is_due = |since: Instant| last || now.saturating_duration_since(since) >= LAZY;
        if !self.failing && self.touched_since.is_some_and(is_due) {
            self.write_touched(sign_ins);
        }
        let result = self.make_durable();
        self.failing = result.is_err();
        result.map_err(|source| JournalError { what: "write", path: self.dir.join(NAME), source })
    }

    fn write_touched(&mut self, sign_ins: &SignIns) {
        self.touched_since = None;
        let touched: Vec<SignInId> = std::mem::take(&mut self.touched).into_iter().collect();
        for some in touched.chunks(TOUCHED_AT_ONCE) {
            let ends = some.iter().filter_map(|id| {
                let one = sign_ins.get(id)?;
                Some((*id.as_bytes(), one.until, one.seen))
            });
            self.write(&Entry::Touched(ends.collect()));
        }
    }

    fn make_durable(&mut self) -> io::Result<()> {
        if self.unnamed {
            sync_dir(&self.dir)?;
            self.unnamed = false;
        }
        if self.fresh.is_empty() {
            return Ok(());
        }
        if self.doubtful {
            // ORDER: whatever a failed write or sync left goes before it is written anew.
            self.file.set_len(self.durable)?;
        }
        self.doubtful = true;
        self.file.write_all(&self.fresh)?;
        (self.sync)(&self.file)?;
        self.doubtful = false;
        self.durable += u64::try_from(self.fresh.len()).unwrap_or(0);
        self.fresh.clear();
        Ok(())
    }

    /// Whether the disk takes entries.
    pub(crate) const fn healthy(&self) -> bool {
        !self.failing
    }

    /// When there is something to do without any entry.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let step = self.compaction.as_ref().map(|_| self.next_step);
        let touched = self.touched_since.map(|since| since + LAZY);
        step.into_iter().chain(touched).min()
    }
}

/// What a file says.
#[derive(Debug)]
struct Replayed {
    sign_ins: SignIns,
    keys: Keys,
    debts: Debts,
    /// Where the last whole record ends.
    length: usize,
    /// What the next one is bound to.
    chain: Check,
    live: u64,
}

fn replay(text: &[u8]) -> Result<Replayed, Unreadable> {
    let (mut sign_ins, mut keys) = (SignIns::default(), Keys::default());
    let mut debts = Debts::default();
    let (length, chain) = record::read(text, |entry, _| match entry {
        Entry::SignIn(held) => sign_ins.insert(held.into_sign_in(None)),
        Entry::Ending(held, ends) => sign_ins.insert(held.into_sign_in(Some(ends))),
        Entry::Ended(id) => drop(sign_ins.remove(&SignInId::from_bytes(id))),
        Entry::Touched(ends) => {
            for (id, until, seen) in ends {
                sign_ins.move_end(&SignInId::from_bytes(id), until, seen);
            }
        }
        Entry::Key(held) => keys.insert(held.into_held()),
        Entry::KeyEnded(id, at) => {
            keys.remove(&id);
            keys.owe(id, at);
        }
        Entry::KeysPaid(ids) => ids.iter().for_each(|id| keys.paid(id)),
        Entry::Owed(number, debt) => debts.read(number, debt),
        Entry::Paid(numbers) => numbers.iter().for_each(|number| debts.forget(*number)),
    })?;
    let live = live(&sign_ins, &keys) + debts.size();
    Ok(Replayed { sign_ins, keys, debts, length, chain, live })
}

/// Bytes of the records of all that lives.
fn live(sign_ins: &SignIns, keys: &Keys) -> u64 {
    let sign_ins: u64 = sign_ins.values().map(record::size).sum();
    sign_ins + keys.values().map(record::key_size).sum::<u64>()
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).mode(0o600).custom_flags(nix::libc::O_NOFOLLOW);
    options
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn free_name(path: &Path) -> PathBuf {
    let name = |n| path.with_file_name(format!("{NAME}.refused-{n}"));
    (1..10_000).map(name).find(|name| !name.exists()).unwrap_or_else(|| name(10_000))
}

/// Between two steps of a compaction: whoever is to be told something comes in between.
const STEP_EVERY: Duration = Duration::from_millis(20);
