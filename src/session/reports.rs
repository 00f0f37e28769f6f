//! What the launcher is told, kept in order while none is connected.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use portcullis_wire::{Channel, Report, WireError};

/// Reports kept; some hundred times what a session says in its life, peers that were refused aside.
const QUEUE_MAX: usize = 1000;
/// Refused peers are reported at most so often per user: enough to see it, too rare to flood the audit log.
const REFUSED_EVERY: Duration = Duration::from_secs(1);
/// Longest time between two reports of a user that comes again and again; each time is twice the last. One who knocked for a
/// day at every session would fill the disk otherwise.
const REFUSED_LAST: Duration = Duration::from_secs(60);
/// Users counted apart; the rest count together as unknown.
const REFUSED_USERS: usize = 64;
/// A peer whose user is not known.
pub(crate) const UNKNOWN: i64 = -1;

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    queue: VecDeque<Report>,
    refused: Vec<Refused>,
}

#[derive(Debug)]
struct Refused {
    peer: i64,
    count: u32,
    reported: Instant,
    every: Duration,
}

impl Reports {
    /// Adds one. When the queue is full, one of something refused is the one to do without.
    pub(crate) fn push(&mut self, report: Report) {
        if self.queue.len() >= QUEUE_MAX {
            if is_refusal(&report) {
                return;
            }
            let first = self.queue.iter().position(is_refusal);
            self.queue.remove(first.unwrap_or(0));
        }
        self.queue.push_back(report);
    }

    /// Adds some.
    pub(crate) fn extend(&mut self, reports: impl IntoIterator<Item = Report>) {
        reports.into_iter().for_each(|report| self.push(report));
    }

    /// Counts a peer that was refused; the first of a user is reported at once.
    pub(crate) fn refused(&mut self, peer: i64, now: Instant) {
        if let Some(known) = self.refused.iter_mut().find(|known| known.peer == peer) {
            known.count = known.count.saturating_add(1);
            return;
        }
        if self.refused.len() >= REFUSED_USERS && peer != UNKNOWN {
            return self.refused(UNKNOWN, now);
        }
        self.refused.push(Refused { peer, count: 0, reported: now, every: REFUSED_EVERY });
        self.push(Report::PeerRefused { peer, count: 1 });
    }

    /// When [`Reports::tick`] has something to do.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.refused.iter().map(|known| known.reported + known.every).min()
    }

    /// Reports those that were counted meanwhile, and forgets users that stayed away.
    pub(crate) fn tick(&mut self, now: Instant) {
        let mut counted = Vec::new();
        self.refused.retain_mut(|known| {
            if now < known.reported + known.every {
                return true;
            }
            let count = std::mem::take(&mut known.count);
            known.reported = now;
            known.every = (known.every * 2).min(REFUSED_LAST);
            if count > 0 {
                counted.push(Report::PeerRefused { peer: known.peer, count });
            }
            count > 0
        });
        counted.into_iter().for_each(|report| self.push(report));
    }

    /// Sends what the channel takes. `WouldBlock` means "more, later"; any other error that the channel is over.
    pub(crate) fn flush(&mut self, channel: &Channel) -> Result<(), WireError> {
        while let Some(report) = self.queue.front() {
            channel.send(report, &[])?;
            self.queue.pop_front();
        }
        Ok(())
    }
}

fn is_refusal(report: &Report) -> bool {
    matches!(report, Report::PeerRefused { .. } | Report::ConnectionRefused { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_model::session::Step;

    fn taken(reports: &mut Reports) -> Vec<Report> {
        reports.queue.drain(..).collect()
    }

    #[test]
    fn peers_that_come_again_and_again_are_counted_together() {
        let (mut reports, start) = (Reports::default(), Instant::now());
        for _ in 0..100 {
            reports.refused(7, start);
        }
        reports.refused(8, start);
        let one = |peer, count| Report::PeerRefused { peer, count };
        assert_eq!(taken(&mut reports), [one(7, 1), one(8, 1)]);
        assert_eq!(reports.due(), Some(start + REFUSED_EVERY));
        reports.tick(start + REFUSED_EVERY);
        assert_eq!(taken(&mut reports), [one(7, 99)]);
        reports.tick(start + REFUSED_EVERY * 3);
        assert_eq!((taken(&mut reports).len(), reports.due()), (0, None));
    }

    #[test]
    fn who_knocks_all_day_is_reported_ever_less_often() {
        let (mut reports, start) = (Reports::default(), Instant::now());
        let mut all = Vec::new();
        for second in 0..86_400 {
            reports.refused(7, start + Duration::from_secs(second));
            reports.tick(start + Duration::from_secs(second));
            all.append(&mut taken(&mut reports));
        }
        let counted: u32 = reports.refused.iter().map(|known| known.count).sum();
        let told = all.iter().map(|report| match report {
            Report::PeerRefused { count, .. } => *count,
            _ => 0,
        });
        assert_eq!(told.sum::<u32>() + counted, 86_400, "none is lost");
        assert!(all.len() < 86_400 / 60 + 10, "{}", all.len());
    }

    #[test]
    fn a_full_queue_keeps_what_matters() {
        let (mut reports, now) = (Reports::default(), Instant::now());
        reports.push(Report::Step(Step::BecomeUser));
        for peer in 0..5000 {
            reports.push(Report::PeerRefused { peer, count: 1 });
        }
        reports.push(Report::Running);
        let all = taken(&mut reports);
        assert_eq!(all.len(), QUEUE_MAX);
        assert_eq!(all[0], Report::Step(Step::BecomeUser));
        assert_eq!(all[QUEUE_MAX - 1], Report::Running);
        for peer in 0..5000 {
            reports.refused(peer, now);
        }
        assert!(reports.refused.len() <= REFUSED_USERS + 1);
    }
}
