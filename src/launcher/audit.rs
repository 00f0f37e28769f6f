//! The audit log's writer: JSON lines, chained (`portcullis_model::audit`), appended by this process alone.
//!
//! Each record is one `write`; [`Log::commit`] makes a turn's records durable with one `fdatasync`, before anything that
//! depends on them is told to anybody. When the disk refuses, records wait here (bounded) and [`Log::healthy`] says no: the
//! callers then refuse sign-ins and session starts. A sync that failed is never believed to have mended itself: the kernel
//! tells an error once and takes the pages for written, so what it was about is cut off and written anew, byte for byte. It
//! must not decide what is worth a record.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use portcullis_model::audit::{self, Event, GENESIS, Lost};
use thiserror::Error;

use self::bounded::bounded;
use crate::clock;
use crate::figures::Counts;

mod bounded;

/// Records that wait for a disk that refuses; more are counted and lost, and an `overflow` record says how many.
const WAITING_MAX: usize = 1024;
/// The last record is looked for in so many bytes from the end: no record is as long.
const TAIL: u64 = 1024 * 1024;

/// Why the log can't be used.
#[derive(Debug, Error)]
pub(crate) enum LogError {
    /// The file can't be opened, read or cut.
    #[error("cannot use the audit log `{}`", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others than root may write or read it, or it is not a file.
    #[error("the audit log `{}` must be a file of root's that nobody else can open (mode 0600)", .0.display())]
    Unsafe(PathBuf),
    /// The last whole line is no record: nothing may be chained to it.
    #[error("the last line of `{}` is not a record\nhint: keep the file, look at it with `portcullis audit verify`, and move it away", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What is wrong with the line.
        #[source]
        source: audit::ChainError,
    },
}

/// The open log.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    path: PathBuf,
    /// Length of the file up to the end of the last whole record.
    good: u64,
    seq: u64,
    prev: String,
    waiting: VecDeque<(String, Event)>,
    lost: Lost,
    /// Length of the file up to the end of what is on disk.
    durable: u64,
    /// The lines since: one turn's, for while the disk refuses none is added.
    fresh: Vec<u8>,
    /// Whether the file may hold something else than them from `durable` on.
    doubtful: bool,
    failing: bool,
    sync: fn(&File) -> io::Result<()>,
    /// What was written, counted.
    pub(crate) counts: Counts,
}

impl Log {
    /// Opens `dir/audit.jsonl`, makes it when missing, and returns how many bytes of a half-written last line were moved to
    /// `audit.jsonl.torn-N` beside it.
    ///
    /// # Errors
    /// See [`LogError`]: without its log the daemon doesn't start.
    pub(crate) fn open(dir: &Path) -> Result<(Self, u64), LogError> {
        let path = dir.join("audit.jsonl");
        let failed = |source| LogError::File { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600).custom_flags(nix::libc::O_NOFOLLOW);
        let mut file = options.open(&path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        if !meta.is_file() || meta.mode() & 0o077 != 0 || meta.uid() != nix::unistd::geteuid().as_raw() {
            return Err(LogError::Unsafe(path));
        }
        let (tail, start) = read_tail(&mut file, meta.len()).map_err(failed)?;
        let whole = tail.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let torn = &tail[whole..];
        let good = start + u64::try_from(whole).unwrap_or(0);
        if !torn.is_empty() {
            keep_torn(&path, torn).map_err(failed)?;
            file.set_len(good).and_then(|()| file.sync_all()).map_err(failed)?;
        }
        let (seq, prev) = match last_record(&tail[..whole]) {
            None => (0, GENESIS.to_owned()),
            Some(line) => {
                identify(line).map_err(|source| LogError::Foreign { path: path.clone(), source })?
            }
        };
        let torn = u64::try_from(torn.len()).unwrap_or(0);
        let log = Self {
            file,
            path,
            good,
            seq,
            prev,
            waiting: VecDeque::new(),
            lost: Lost::new(),
            // What an earlier launcher told anybody was on disk before.
            durable: good,
            fresh: Vec::new(),
            doubtful: false,
            failing: false,
            sync: File::sync_data,
            counts: Counts::default(),
        };
        Ok((log, torn))
    }

    /// Writes a record, or keeps it until the disk takes it.
    pub(crate) fn write(&mut self, event: Event) {
        self.counts.note(&event);
        if self.waiting.len() >= WAITING_MAX {
            self.counts.lost(&event);
            self.lost.note(&event);
            return;
        }
        self.waiting.push_back((clock::stamp(), bounded(event)));
        if !self.failing {
            self.failing = self.drain().is_err();
        }
    }

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// While the disk refuses; nothing that depends on a record may be told then. Called again, it tries again.
    pub(crate) fn commit(&mut self) -> Result<(), LogError> {
        // ORDER: what is doubtful first: a record behind a lost one would break the chain.
        let result = self.write_again().and_then(|()| self.drain()).and_then(|()| self.make_durable());
        self.failing = result.is_err();
        result.map_err(|source| LogError::File { path: self.path.clone(), source })
    }

    /// Number of the last record.
    pub(crate) const fn seq(&self) -> u64 {
        self.seq
    }

    /// Whether the disk takes records.
    pub(crate) const fn healthy(&self) -> bool {
        !self.failing
    }

    fn drain(&mut self) -> io::Result<()> {
        while let Some((stamp, event)) = self.waiting.front() {
            self.append(&stamp.clone(), &event.clone())?;
            self.waiting.pop_front();
        }
        if !self.lost.is_empty() {
            // Kept until all of it is written: a record too many is better than one too few.
            let lost = self.lost.clone().take();
            lost.into_iter().try_for_each(|event| self.append(&clock::stamp(), &event))?;
            self.lost = Lost::new();
        }
        Ok(())
    }

    /// After a sync that failed: everything since the last one that didn't, in place of whatever is there.
    fn write_again(&mut self) -> io::Result<()> {
        if !self.doubtful {
            return Ok(());
        }
        self.file.set_len(self.durable)?;
        self.file.write_all(&self.fresh)?;
        self.doubtful = false;
        self.make_durable()
    }

    fn make_durable(&mut self) -> io::Result<()> {
        if self.fresh.is_empty() {
            return Ok(());
        }
        (self.sync)(&self.file).inspect_err(|_| self.doubtful = true)?;
        self.durable = self.good;
        self.fresh.clear();
        Ok(())
    }

    fn append(&mut self, stamp: &str, event: &Event) -> io::Result<()> {
        let record = audit::record(self.seq + 1, stamp, event, &self.prev)?;
        let mut line = record.line.into_bytes();
        line.push(b'\n');
        let written = self.file.write(&line)?;
        if written != line.len() {
            // A full disk takes a part: away with it, so that the next try starts a fresh line.
            self.doubtful |= self.file.set_len(self.good).is_err();
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.good += u64::try_from(written).unwrap_or(0);
        self.seq += 1;
        self.prev = record.hash;
        self.fresh.append(&mut line);
        Ok(())
    }
}

fn read_tail(file: &mut File, length: u64) -> io::Result<(Vec<u8>, u64)> {
    let start = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    Ok((tail, start))
}

/// The last whole line, without its line feed.
fn last_record(whole: &[u8]) -> Option<&[u8]> {
    let line = whole.strip_suffix(b"\n")?;
    Some(line.rsplit(|&byte| byte == b'\n').next().unwrap_or(line))
}

/// Number and hash of a record, whose bytes must fit its hash.
fn identify(line: &[u8]) -> Result<(u64, String), audit::ChainError> {
    let line = std::str::from_utf8(line).map_err(|_| audit::ChainError::Malformed)?;
    let fields: serde_json::Value = serde_json::from_str(line).map_err(|_| audit::ChainError::Malformed)?;
    let (Some(seq), Some(prev)) = (fields["seq"].as_u64(), fields["prev"].as_str()) else {
        return Err(audit::ChainError::Malformed);
    };
    Ok((seq, audit::check(line, seq, prev)?))
}

/// Keeps what was not written to its end under the first free number.
pub(crate) fn keep_torn(path: &Path, torn: &[u8]) -> io::Result<()> {
    for n in 1..10_000 {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".torn-{n}"));
        let mut options = OpenOptions::new();
        match options.write(true).create_new(true).mode(0o600).open(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(mut file) => return file.write_all(torn).and_then(|()| file.sync_all()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;

    fn stopped(why: &str) -> Event {
        Event::Stopped { why: why.into() }
    }

    fn chain(dir: &Path) -> usize {
        let text = std::fs::read_to_string(dir.join("audit.jsonl")).expect("the log");
        let mut prev = GENESIS.to_owned();
        let mut seq = 0;
        for line in text.lines() {
            seq += 1;
            prev = audit::check(line, seq, &prev).expect("the next record");
        }
        assert!(text.is_empty() || text.ends_with('\n'));
        usize::try_from(seq).expect("few")
    }

    #[test]
    fn the_chain_goes_on_after_a_restart() {
        let dir = tempfile::tempdir().expect("a directory");
        for round in 1..=3 {
            let (mut log, torn) = Log::open(dir.path()).expect("the log");
            assert_eq!(torn, 0);
            log.write(stopped("a\nb"));
            log.write(stopped("c"));
            log.commit().expect("durable");
            assert_eq!(chain(dir.path()), 2 * round);
        }
    }

    #[test]
    fn a_line_torn_at_any_byte_is_kept_beside_and_the_chain_holds() {
        let dir = tempfile::tempdir().expect("a directory");
        let (mut log, _) = Log::open(dir.path()).expect("the log");
        log.write(stopped("first"));
        log.commit().expect("durable");
        let path = dir.path().join("audit.jsonl");
        let first = std::fs::read(&path).expect("the log");
        log.write(stopped("second"));
        let both = std::fs::read(&path).expect("the log");
        drop(log);
        for cut in first.len() + 1..both.len() {
            std::fs::write(&path, &both[..cut]).expect("written");
            let (mut log, torn) = Log::open(dir.path()).expect("the log");
            assert_eq!(usize::try_from(torn).expect("small"), cut - first.len());
            log.write(stopped("third"));
            log.commit().expect("durable");
            assert_eq!(chain(dir.path()), 2, "cut at {cut}");
        }
        let kept = std::fs::read(dir.path().join("audit.jsonl.torn-1")).expect("kept");
        assert_eq!(kept, both[first.len()..=first.len()]);
    }

    #[test]
    fn a_file_that_others_can_open_or_a_foreign_line_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("audit.jsonl");
        std::fs::write(&path, "").expect("written");
        assert!(matches!(Log::open(dir.path()), Err(LogError::Unsafe(_))));
        std::fs::remove_file(&path).expect("removed");
        let (mut log, _) = Log::open(dir.path()).expect("the log");
        log.write(stopped("x"));
        let text = std::fs::read_to_string(&path).expect("the log").replace("\"x\"", "\"y\"");
        std::fs::write(&path, text).expect("written");
        assert!(matches!(Log::open(dir.path()), Err(LogError::Foreign { .. })));
        std::fs::remove_file(&path).expect("removed");
        std::os::unix::fs::symlink("/dev/null", &path).expect("a link");
        assert!(matches!(Log::open(dir.path()), Err(LogError::File { .. })));
    }

    #[test]
    fn a_disk_that_refuses_keeps_records_waiting_and_counts_the_rest() {
        let dir = tempfile::tempdir().expect("a directory");
        let (mut log, _) = Log::open(dir.path()).expect("the log");
        let good = std::mem::replace(&mut log.file, File::open("/dev/full").expect("a file not for writing"));
        for _ in 0..WAITING_MAX + 5 {
            log.write(stopped("x"));
        }
        assert!(log.commit().is_err() && !log.healthy());
        log.file = good;
        log.commit().expect("durable");
        assert!(log.healthy());
        assert_eq!(chain(dir.path()), WAITING_MAX + 1);
        let text = std::fs::read_to_string(dir.path().join("audit.jsonl")).expect("the log");
        assert!(text.contains("\"event\":\"overflow\",\"kind\":\"stopped\",\"lost\":5"));
    }

    /// A disk that loses everything behind the first line, and says so once.
    fn loses(file: &File) -> io::Result<()> {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let text = std::fs::read(&path)?;
        let kept = text.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        // Not by the log's own descriptor, which appends.
        let mut writer = OpenOptions::new().write(true).open(&path)?;
        writer.write_all(&text[..kept])?;
        writer.write_all(&vec![0; text.len() - kept])?;
        Err(io::ErrorKind::StorageFull.into())
    }

    #[test]
    fn what_a_failed_sync_was_about_is_written_anew() {
        let dir = tempfile::tempdir().expect("a directory");
        let (mut log, _) = Log::open(dir.path()).expect("the log");
        log.write(stopped("on disk"));
        log.commit().expect("durable");
        log.sync = loses;
        log.write(stopped("lost"));
        log.write(stopped("lost too"));
        assert!(log.commit().is_err() && !log.healthy());
        // Again: nothing is added to what can't be kept.
        log.write(stopped("waits"));
        assert!(log.commit().is_err());
        assert_eq!((log.waiting.len(), log.fresh.is_empty()), (1, false));
        log.sync = File::sync_data;
        log.commit().expect("durable");
        assert!(log.healthy() && log.fresh.is_empty());
        log.write(stopped("after"));
        log.commit().expect("durable");
        assert_eq!(chain(dir.path()), 5);
        drop(log);
        assert_eq!(Log::open(dir.path()).expect("the log").0.seq(), 5);
    }
}
