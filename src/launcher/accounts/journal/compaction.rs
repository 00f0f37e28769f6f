//! The journal written anew, without what is over: beside the old one, a piece at a time, then put in its place.
//!
//! Entries that come meanwhile go to both; the old file counts until the new one is on disk whole and has its name. Whoever ended
//! before they were copied isn't; whoever ended or acted after it has that entry behind them; an entry about somebody who isn't
//! copied yet says nothing when it is read. It must not wait longer than one piece takes to be written.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_model::SignInId;
use portcullis_model::key::KeyId;

use super::super::keys::Keys;
use super::record::{self, Check, Entry, FIRST, HeldKey};
use super::{Journal, STEP_EVERY, options, sync_dir};
use crate::log::say;
use crate::sign_in::living::SignIns;

/// The file beside the journal.
pub(super) const NAME: &str = "sign-ins.journal.new";
/// Dead bytes below which nothing is gained.
const DEAD_MIN: u64 = 4 * 1024 * 1024;
/// Bytes written and synced in one step: some milliseconds of a slow disk.
const STEP: usize = 256 * 1024;
/// Before another try, when the disk refused one.
const AGAIN: Duration = Duration::from_secs(60);

/// One under way.
#[derive(Debug)]
pub(super) struct Compaction {
    file: File,
    chain: Check,
    /// On disk so far.
    written: u64,
    /// Not written yet.
    buffer: Vec<u8>,
    /// The last that was copied; they go in their order.
    copied: Option<SignInId>,
    /// Whether all of them are.
    people: bool,
    /// The last API key that was copied, likewise.
    copied_key: Option<KeyId>,
}

impl Compaction {
    /// An empty file.
    pub(super) fn begin(dir: &Path) -> io::Result<Self> {
        let path = dir.join(NAME);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = options().create_new(true).open(&path)?;
        Ok(Self {
            file,
            chain: record::begin(),
            written: 0,
            buffer: FIRST.to_vec(),
            copied: None,
            people: false,
            copied_key: None,
        })
    }

    /// An entry that came meanwhile.
    pub(super) fn also(&mut self, body: &[u8]) {
        record::append(&mut self.buffer, &mut self.chain, body);
    }

    /// Copies a piece and makes it durable; true when all is.
    pub(super) fn copy(&mut self, sign_ins: &SignIns, keys: &Keys) -> io::Result<bool> {
        let copied = self.copied;
        let mut rest = sign_ins.after(copied.as_ref()).peekable();
        while let Some(sign_in) = rest.next_if(|_| self.buffer.len() < STEP) {
            let body = record::body(&Entry::of(sign_in));
            record::append(&mut self.buffer, &mut self.chain, &body);
            self.copied = Some(sign_in.id);
        }
        self.people |= rest.peek().is_none();
        let is_all = self.people && self.copy_keys(keys);
        self.file.write_all(&self.buffer)?;
        // ORDER: all of it on disk before it has the name, and a piece at a time: the last sync has little to do.
        self.file.sync_data()?;
        self.written += u64::try_from(self.buffer.len()).unwrap_or(0);
        self.buffer.clear();
        Ok(is_all)
    }

    /// Copies as many API keys as there is room for in this piece, and behind the last the ends that the database has not heard of;
    /// true when all are.
    fn copy_keys(&mut self, keys: &Keys) -> bool {
        let copied = self.copied_key;
        let mut rest = keys.after(copied.as_ref()).peekable();
        while let Some(held) = rest.next_if(|_| self.buffer.len() < STEP) {
            let body = record::body(&Entry::Key(HeldKey::of(held)));
            record::append(&mut self.buffer, &mut self.chain, &body);
            self.copied_key = Some(held.key.id);
        }
        if rest.peek().is_some() {
            return false;
        }
        for (id, at) in keys.owed() {
            let body = record::body(&Entry::KeyEnded(id, at));
            record::append(&mut self.buffer, &mut self.chain, &body);
        }
        true
    }

    /// The file, its length and what the next record is bound to.
    pub(super) fn into_file(self) -> (File, u64, Check) {
        (self.file, self.written, self.chain)
    }
}

impl Journal {
    /// Begins a compaction when it is worth it, and goes on with one that is under way. Called at the end of a turn, when what the
    /// turn had to tell is told.
    pub(crate) fn tidy(&mut self, sign_ins: &SignIns, keys: &Keys, now: Instant) {
        // What is not durable in the old file must not become so by the new one alone.
        if now < self.next_step || !self.healthy() || !self.fresh.is_empty() {
            return;
        }
        if self.compaction.is_none() && !self.is_worth_it(DEAD_MIN) {
            return;
        }
        self.next_step = now + STEP_EVERY;
        if let Err(error) = self.step(sign_ins, keys) {
            say!(Warn, "the journal of sign-ins can't be made smaller, it is tried again later: {error}");
            self.compaction = None;
            self.next_step = now + AGAIN;
            let _ = std::fs::remove_file(self.dir.join(NAME)); // the next try does, too
        }
    }

    pub(super) fn is_worth_it(&self, least: u64) -> bool {
        let dead = self.durable.saturating_sub(self.live);
        dead > self.live && dead > least
    }

    /// One step; what is left for later is in `compaction`.
    pub(super) fn step(&mut self, sign_ins: &SignIns, keys: &Keys) -> io::Result<()> {
        let mut under_way = match self.compaction.take() {
            Some(under_way) => under_way,
            None => {
                let mut begun = Compaction::begin(&self.dir)?;
                self.debts.copy(&mut begun);
                begun
            }
        };
        if !under_way.copy(sign_ins, keys)? {
            self.compaction = Some(under_way);
            return Ok(());
        }
        std::fs::rename(self.dir.join(NAME), self.dir.join(super::NAME))?;
        let before = self.durable;
        (self.file, self.durable, self.chain) = under_way.into_file();
        // ORDER: nothing is told before the name is on disk: after a power cut the old file would be back, without what comes now.
        if let Err(error) = sync_dir(&self.dir) {
            say!(Error, "nobody is let in: cannot write `{}`: {error}", self.dir.display());
            (self.unnamed, self.failing) = (true, true);
        }
        say!(Info, "the journal of sign-ins was written anew: {} bytes instead of {before}", self.durable);
        Ok(())
    }
}
