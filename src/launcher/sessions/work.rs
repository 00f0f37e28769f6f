//! Whether what runs in a session works: its processes' time and what they read and write, looked at twice a minute.
//!
//! An idle IDE isn't idle: code-server with an open page was seen to use up to 7 hundredths of a processor and to move 360 KB a
//! second (its extensions' host and its page keep talking), JupyterLab with an open notebook 0.4 hundredths and 2 KB. What
//! counts as work is three times the larger of them.

use std::time::{Duration, Instant};

use portcullis_model::SessionId;
use portcullis_model::session::State;
use portcullis_sys::cgroup::Group;
use portcullis_sys::tree::descendants;
use portcullis_sys::work::Work;

use super::Entry;
use crate::clock;
use crate::launcher::Launcher;

/// Between two looks: long enough that a burst of an idle IDE's is none of a session's, short against the shortest clock.
const EVERY: Duration = Duration::from_secs(30);
/// Hundredths of one processor, on average between two looks, from which on a session computes.
const PERCENT: u32 = 20;
/// Bytes a second, read and written together, from which on it works.
const BYTES: u64 = 1024 * 1024;

/// What was seen of a session's processes.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    last: Option<(Instant, Work)>,
    /// Hundredths of one processor between the last two looks.
    pub(crate) cpu_percent: Option<u32>,
}

/// What processes did between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Busy {
    percent: u32,
    bytes: u64,
}

impl Busy {
    /// Of work within a time.
    fn of(done: Work, within: Duration) -> Self {
        let millis = within.as_millis().max(1);
        let percent = done.processor.as_millis() * 100 / millis;
        let bytes = u128::from(done.bytes) * 1000 / millis;
        Self {
            percent: u32::try_from(percent).unwrap_or(u32::MAX),
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
        }
    }

    const fn computes(self) -> bool {
        self.percent >= PERCENT
    }

    const fn moves(self) -> bool {
        self.bytes >= BYTES
    }
}

impl Launcher {
    /// Looks at running sessions whose last look is long enough ago. Called with each sweep: for each session one small file, and
    /// two for each of its processes.
    pub(super) fn look_at_work(&mut self, now: Instant) {
        let due = |entry: &Entry| {
            entry.kept.session.state == State::Running
                && entry.work.last.is_none_or(|(at, _)| now.saturating_duration_since(at) >= EVERY)
        };
        let ids: Vec<SessionId> =
            self.sessions.iter().filter(|(_, entry)| due(entry)).map(|(&id, _)| id).collect();
        for id in ids {
            let Some(entry) = self.sessions.get_mut(&id) else { continue };
            let pid = entry.kept.process.map(|known| known.pid);
            let family = || pid.map(family).unwrap_or_default();
            let total = Work::of(&Group::at(&entry.kept.cgroups), family);
            if let Some((at, before)) = entry.work.last.replace((now, total)) {
                let busy = Busy::of(total.since(before), now.saturating_duration_since(at));
                entry.work.cpu_percent = Some(busy.percent);
                let seconds = clock::seconds();
                if busy.computes() {
                    entry.kept.seen.processor = seconds;
                }
                if busy.moves() {
                    entry.kept.seen.disk = seconds;
                }
                if busy.computes() || busy.moves() {
                    self.dirty.soon();
                }
            }
        }
    }
}

/// A session process with all its descendants, where no group has them.
fn family(pid: i32) -> Vec<i32> {
    let below = descendants(pid).unwrap_or_default();
    std::iter::once(pid).chain(below.into_iter().map(|stat| stat.pid)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_ide_does_not_work_and_a_computation_does() {
        let of = |millis, kilobytes: u64| {
            let done = Work { processor: Duration::from_millis(millis), bytes: kilobytes * 1024 };
            let busy = Busy::of(done, EVERY);
            (busy.computes(), busy.moves())
        };
        // Within 30 seconds: what was measured of idle IDEs with an open page, at the most.
        assert_eq!(of(120, 60), (false, false), "JupyterLab");
        assert_eq!(of(2_100, 360 * 30), (false, false), "code-server");
        assert_eq!(of(5_900, 1023 * 30), (false, false));
        assert_eq!(of(6_000, 0), (true, false), "a fifth of a processor");
        assert_eq!(of(0, 1024 * 30), (false, true), "a megabyte a second");
        assert_eq!(of(240_000, 1 << 24), (true, true), "eight processors");
    }

    #[test]
    fn a_look_right_after_another_is_none_to_divide_by() {
        let busy = Busy::of(Work { processor: Duration::from_millis(1), bytes: 1 }, Duration::ZERO);
        assert_eq!(busy, Busy { percent: 100, bytes: 1000 });
    }
}
