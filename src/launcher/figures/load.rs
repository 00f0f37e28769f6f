//! The machine's load: now, and one sample a minute over the last day, kept in a file so that a restart forgets nothing.
//!
//! The file `load` in the state directory has a line for each minute. It is written without waiting for the disk: a minute that a
//! crash of the machine loses is a gap in a plot. It must not decide anything; a file that can't be read or written is said once.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use portcullis_model::machine::{LoadSample, Machine, Ticks};

use crate::log::say;

/// Between two samples.
pub(super) const EVERY: Duration = Duration::from_secs(60);
/// Samples that are kept: a day's.
const KEPT: usize = 24 * 60;
/// For how long: a gap doesn't make a plot of two days.
const KEPT_SECONDS: u64 = 24 * 60 * 60;
/// Lines in the file after which it is written anew: two days more than are kept.
const LINES_MAX: usize = 3 * KEPT;
/// Largest file that is read: four times what [`LINES_MAX`] lines have.
const FILE_MAX: u64 = 1024 * 1024;
/// Between two looks at the processors: shorter ones say nothing.
const SHORTEST: Duration = Duration::from_secs(1);

/// The samples.
#[derive(Debug)]
pub(crate) struct LoadHistory {
    path: PathBuf,
    samples: VecDeque<LoadSample>,
    lines: usize,
    failed: bool,
    /// When the next one is due.
    pub(super) next: Instant,
    /// Processor time at the last sample.
    at_sample: Option<Ticks>,
    /// And at the last look.
    at_look: Option<(Instant, Ticks)>,
    processor: u16,
}

impl LoadHistory {
    /// What an earlier launcher kept in this directory. `seconds` since 1970.
    pub(crate) fn open(dir: &Path, now: Instant, seconds: u64) -> Self {
        let path = dir.join("load");
        let text = read(&path).unwrap_or_default();
        let lines = text.lines().count();
        let recent = |sample: &LoadSample| sample.at <= seconds && seconds - sample.at < KEPT_SECONDS;
        let mut samples: VecDeque<LoadSample> = text.lines().filter_map(parse).filter(recent).collect();
        samples.make_contiguous().sort_by_key(|sample| sample.at);
        let at_sample = ticks();
        let at_look = at_sample.map(|ticks| (now, ticks));
        let mut history =
            Self { path, samples, lines, failed: false, next: now + EVERY, at_sample, at_look, processor: 0 };
        history.trim(seconds);
        history
    }

    /// All of the last day, oldest first.
    pub(crate) fn samples(&self) -> Vec<LoadSample> {
        self.samples.iter().copied().collect()
    }

    /// The machine now.
    pub(crate) fn machine(&mut self, now: Instant) -> Machine {
        let due = self.at_look.is_none_or(|(at, _)| now.duration_since(at) >= SHORTEST);
        if let (true, Some(ticks)) = (due, ticks()) {
            let since = self.at_look.and_then(|(_, earlier)| ticks.since(earlier));
            self.processor = since.unwrap_or(self.processor);
            self.at_look = Some((now, ticks));
        }
        machine(self.processor)
    }

    /// Takes the next sample when it is due.
    pub(super) fn tick(&mut self, now: Instant, seconds: u64, sessions: u32) {
        if now < self.next {
            return;
        }
        self.next = now + EVERY;
        let ticks = ticks();
        let processor = ticks.zip(self.at_sample).and_then(|(ticks, earlier)| ticks.since(earlier));
        self.at_sample = ticks;
        let Machine { memory, load, .. } = machine(0);
        self.add(LoadSample { at: seconds, processor: processor.unwrap_or(0), memory, load, sessions });
    }

    fn add(&mut self, sample: LoadSample) {
        self.samples.push_back(sample);
        self.trim(sample.at);
        let written = if self.lines >= LINES_MAX { self.rewrite() } else { self.append(&sample) };
        match written {
            Ok(()) => self.failed = false,
            Err(error) => {
                if !std::mem::replace(&mut self.failed, true) {
                    say!(Warn, "the machine's load is not kept in `{}`: {error}", self.path.display());
                }
            }
        }
    }

    fn trim(&mut self, seconds: u64) {
        let old = |sample: &LoadSample| seconds.saturating_sub(sample.at) >= KEPT_SECONDS;
        while self.samples.len() > KEPT || self.samples.front().is_some_and(old) {
            self.samples.pop_front();
        }
    }

    fn append(&mut self, sample: &LoadSample) -> io::Result<()> {
        let mut file = options().append(true).create(true).open(&self.path)?;
        file.write_all(line(sample).as_bytes())?;
        self.lines += 1;
        Ok(())
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let text: String = self.samples.iter().map(line).collect();
        let mut file = options().write(true).create(true).truncate(true).open(&new)?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(&new, &self.path)?;
        self.lines = self.samples.len();
        Ok(())
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK);
    options
}

fn read(path: &Path) -> io::Result<String> {
    let file: File = options().read(true).open(path)?;
    let mut text = String::new();
    file.take(FILE_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn line(sample: &LoadSample) -> String {
    let LoadSample { at, processor, memory, load, sessions } = sample;
    format!("{at} {processor} {memory} {load} {sessions}\n")
}

/// A line that a crash tore is none.
fn parse(line: &str) -> Option<LoadSample> {
    let mut words = line.split(' ');
    let sample = LoadSample {
        at: words.next()?.parse().ok()?,
        processor: words.next()?.parse().ok()?,
        memory: words.next()?.parse().ok()?,
        load: words.next()?.parse().ok()?,
        sessions: words.next()?.parse().ok()?,
    };
    words.next().is_none().then_some(sample)
}

fn ticks() -> Option<Ticks> {
    Ticks::parse(&std::fs::read_to_string("/proc/stat").ok()?)
}

fn machine(processor: u16) -> Machine {
    let text = |path| std::fs::read_to_string(path).unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let processors = u32::try_from(processors).unwrap_or(u32::MAX);
    Machine::of(&text("/proc/meminfo"), &text("/proc/loadavg"), processor, processors)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn sample(at: u64) -> LoadSample {
        LoadSample { at, processor: 250, memory: 500, load: 125, sessions: 3 }
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart_and_what_is_old_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let now = Instant::now();
        let mut history = LoadHistory::open(dir.path(), now, NOW);
        assert!(history.samples().is_empty());
        for at in [NOW - KEPT_SECONDS - 500, NOW - 60, NOW] {
            history.add(sample(at));
        }
        std::fs::OpenOptions::new()
            .append(true)
            .open(dir.path().join("load"))
            .and_then(|mut file| file.write_all(b"1 2 3"))
            .expect("a torn line");
        let again = LoadHistory::open(dir.path(), now, NOW);
        assert_eq!(again.samples(), [sample(NOW - 60), sample(NOW)]);
        let later = LoadHistory::open(dir.path(), now, NOW - 30);
        assert_eq!(later.samples(), [sample(NOW - 60)], "a clock that was set back");
    }

    #[test]
    fn the_file_does_not_grow_for_ever() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut history = LoadHistory::open(dir.path(), Instant::now(), NOW);
        let minutes = u64::try_from(LINES_MAX).expect("small") + 10;
        (0..minutes).for_each(|minute| history.add(sample(NOW + 60 * minute)));
        assert_eq!(history.samples().len(), KEPT);
        let text = std::fs::read_to_string(dir.path().join("load")).expect("the file");
        assert!(text.lines().count() < KEPT + 20, "{} lines", text.lines().count());
    }

    #[test]
    fn a_sample_is_taken_when_it_is_due() {
        let dir = tempfile::tempdir().expect("a directory");
        let now = Instant::now();
        let mut history = LoadHistory::open(dir.path(), now, NOW);
        history.tick(now, NOW, 1);
        assert!(history.samples().is_empty());
        history.tick(now + EVERY, NOW + 60, 2);
        assert_eq!(history.samples().first().map(|one| (one.at, one.sessions)), Some((NOW + 60, 2)));
        assert!(history.machine(now + EVERY).memory_mb > 0);
    }
}
