//! What each session uses, for whoever looks: read from its control group when it is asked for, and once a minute, so that the first
//! look has something to compare with.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use portcullis_model::SessionId;
use portcullis_sys::cgroup::Group;
use portcullis_wire::watch::SessionUse;

use crate::figures::Deeds;

/// Between two looks at a session's processor time: shorter ones say nothing.
const SHORTEST: Duration = Duration::from_secs(1);

/// Processor time of a session at two moments.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    at: Option<(Instant, u64)>,
    percent: Option<u32>,
}

/// What was seen last.
#[derive(Debug, Default)]
pub(crate) struct Uses(BTreeMap<SessionId, Seen>);

impl Uses {
    /// Looks at these sessions, which are all that live; some six small files each.
    pub(super) fn look(
        &mut self,
        live: Vec<(SessionId, Vec<String>)>,
        deeds: impl Fn(SessionId) -> Deeds,
        now: Instant,
    ) -> Vec<(SessionId, SessionUse)> {
        self.0.retain(|id, _| live.iter().any(|(known, _)| known == id));
        let one = |(id, dirs): (SessionId, Vec<String>)| {
            let group = Group::at(dirs);
            let usage = group.usage();
            let Deeds { transfers, bytes, refusals } = deeds(id);
            let processor = self.processor(id, &group, now);
            let seen = SessionUse {
                processor,
                memory: usage.memory,
                processes: usage.processes,
                transfers,
                bytes,
                refusals,
            };
            (id, seen)
        };
        live.into_iter().map(one).collect()
    }

    /// Notes the processor time of these.
    pub(crate) fn note(&mut self, live: impl Iterator<Item = (SessionId, Group)>, now: Instant) {
        for (id, group) in live {
            self.processor(id, &group, now);
        }
    }

    /// Hundredths of a processor since the last look.
    fn processor(&mut self, id: SessionId, group: &Group, now: Instant) -> Option<u32> {
        let seen = self.0.entry(id).or_default();
        if seen.at.is_some_and(|(at, _)| now.duration_since(at) < SHORTEST) {
            return seen.percent;
        }
        let micros = group.processor_micros();
        seen.percent =
            seen.at.zip(micros).map(|((at, before), micros)| percent(before, micros, now.duration_since(at)));
        seen.at = micros.map(|micros| (now, micros));
        seen.percent
    }
}

fn percent(before: u64, after: u64, time: Duration) -> u32 {
    let used = u128::from(after.saturating_sub(before)) * 100;
    u32::try_from(used / time.as_micros().max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_look_says_how_much_in_between() {
        let dir = tempfile::tempdir().expect("a directory");
        let put = |micros: u64| std::fs::write(dir.path().join("cpu.stat"), format!("usage_usec {micros}\n"));
        let id = SessionId::from_bytes([1; 8]);
        let live = || vec![(id, vec![dir.path().display().to_string()])];
        let (mut uses, now) = (Uses::default(), Instant::now());
        let mut look = |now| uses.look(live(), |_| Deeds::default(), now)[0].1.processor;
        put(1_000_000).expect("written");
        assert_eq!(look(now), None);
        put(4_000_000).expect("written");
        assert_eq!(look(now + Duration::from_secs(2)), Some(150));
        assert_eq!(look(now + Duration::from_millis(2100)), Some(150), "too soon to say");
        assert_eq!(look(now + Duration::from_secs(4)), Some(0));
    }
}
