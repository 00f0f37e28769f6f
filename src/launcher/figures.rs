//! What the launcher counts and measures, for metrics, health and the pages for administrators.
//!
//! The server asks when somebody asks it; nothing is sent unasked. It must not decide anything.

mod counts;
mod load;

use std::time::Instant;

use portcullis_model::metrics::{Metric, Sample};
use portcullis_sys::cgroup::Group;
use portcullis_wire::ToServer;
use portcullis_wire::watch::Figures;

pub(crate) use self::counts::{Counts, Deeds};
pub(crate) use self::load::LoadHistory;
use crate::clock;
use crate::launcher::Launcher;
use crate::table::Phase;

impl Launcher {
    /// `Figures`: everything that is counted here.
    pub(crate) fn tell_figures(&mut self, request: u64, now: Instant) {
        let figures = Box::new(self.figures(now));
        self.server.tell_answer(ToServer::Figures { request, figures });
    }

    fn figures(&mut self, now: Instant) -> Figures {
        let machine = self.load.machine(now);
        let of_whole = |thousandths: u16| f64::from(thousandths) / 1000.0;
        let plain = Sample::plain;
        let mut samples = self.log.counts.samples();
        samples.extend([
            plain(Metric::Exemptions, float(self.exemptions.len())),
            plain(Metric::AuditHead, float(self.log.seq())),
            plain(Metric::Writable, f64::from(u8::from(self.is_healthy()))),
            plain(Metric::Uptime, now.duration_since(self.began).as_secs_f64().round()),
            plain(Metric::Generation, float(self.active.generation)),
            plain(Metric::Draining, f64::from(self.draining())),
            plain(Metric::Processor, of_whole(machine.processor)),
            plain(Metric::Memory, of_whole(machine.memory)),
        ]);
        if let Some(others) = self.others_state() {
            samples.extend([
                plain(Metric::DatabaseApart, float(others.apart.unwrap_or(0))),
                plain(Metric::DatabaseOwed, f64::from(others.owed)),
            ]);
        }
        let age = self.active.key_written.map(|written| clock::seconds().saturating_sub(written));
        samples.extend(age.map(|age| plain(Metric::KeyAge, float(age))));
        Figures {
            writable: self.is_healthy(),
            offline: self.offline.is_some(),
            generation: self.active.generation,
            machine,
            samples,
            histograms: self.log.counts.histograms(),
        }
    }

    /// Servers that were replaced and finish.
    pub(crate) fn draining(&self) -> u32 {
        let count = self.server.before.iter().filter(|up| up.phase == Phase::Draining).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// The machine's load, once a minute.
    pub(crate) fn tick_load(&mut self, now: Instant) {
        if now < self.load.next {
            return;
        }
        let live = || self.sessions.iter().filter(|(_, entry)| entry.kept.session.state.is_live());
        self.load.tick(now, clock::seconds(), u32::try_from(live().count()).unwrap_or(u32::MAX));
        self.uses.note(live().map(|(&id, entry)| (id, Group::at(&entry.kept.cgroups))), now);
        self.log.counts.retain(|id| self.sessions.contains_key(&id));
    }

    /// When the next sample is due.
    pub(crate) const fn load_deadline(&self) -> Instant {
        self.load.next
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, which none of these reaches")]
fn float(number: impl TryInto<u64>) -> f64 {
    number.try_into().unwrap_or(u64::MAX) as f64
}
