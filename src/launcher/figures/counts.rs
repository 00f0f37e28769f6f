//! Counting what the audit log is told, so that metrics and records can't say different things.
//!
//! Every record passes [`Counts::note`], whether the disk takes it or not. Labels are words of our own tables: what strangers
//! write never becomes one, so the number of figures is bounded.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;
use std::time::Instant;

use portcullis_conf::FileKind;
use portcullis_model::audit::{Event, TABLE};
use portcullis_model::metrics::{Histogram, Histogrammed, Metric, Sample};
use portcullis_model::{Effect, SessionId};
use serde::Serialize;

/// Figures in all: more than the tables' words give.
const FIGURES_MAX: usize = 1000;
/// What stands for a word that is in no table of ours.
const OTHER: &str = "other";

/// What people did in a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Deeds {
    /// Files that were uploaded and downloaded.
    pub(crate) transfers: [u32; 2],
    /// Their bytes.
    pub(crate) bytes: [u64; 2],
    /// Requests that were refused.
    pub(crate) refusals: u32,
}

/// The figures.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    numbers: BTreeMap<(Metric, Vec<String>), u64>,
    starts: BTreeMap<String, Histogram>,
    /// When the sessions that are being started were asked for.
    began: HashMap<SessionId, Instant>,
    deeds: HashMap<SessionId, Deeds>,
}

impl Counts {
    /// A session was asked for.
    pub(crate) fn begins(&mut self, id: SessionId, now: Instant) {
        self.began.insert(id, now);
    }

    /// Its IDE answered.
    pub(crate) fn runs(&mut self, id: SessionId, ide: &str, now: Instant) {
        if let Some(began) = self.began.remove(&id) {
            self.starts.entry(ide.to_owned()).or_default().note(now.duration_since(began).as_secs_f64());
        }
    }

    /// What people did in a session since this launcher was started.
    pub(crate) fn deeds(&self, id: SessionId) -> Deeds {
        self.deeds.get(&id).copied().unwrap_or_default()
    }

    /// Forgets sessions that are no more.
    pub(crate) fn retain(&mut self, lives: impl Fn(SessionId) -> bool) {
        self.began.retain(|&id, _| lives(id));
        self.deeds.retain(|&id, _| lives(id));
    }

    /// Counters, for the metrics.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let sample = |((metric, labels), value): (&(Metric, Vec<String>), &u64)| {
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, which no counter reaches")]
            Sample { metric: *metric, labels: labels.clone(), value: *value as f64 }
        };
        self.numbers.iter().map(sample).collect()
    }

    /// Histograms, for the metrics.
    pub(crate) fn histograms(&self) -> Vec<Histogrammed> {
        let one = |(ide, histogram): (&String, &Histogram)| Histogrammed {
            metric: Metric::SessionStart,
            labels: vec![ide.clone()],
            histogram: histogram.clone(),
        };
        self.starts.iter().map(one).collect()
    }

    /// Somebody who is signed in was looked up.
    pub(crate) fn membership_checked(&mut self, result: &'static str) {
        self.add(Metric::MembershipChecks, [result], 1);
    }

    /// A record could not be written and is lost.
    pub(crate) fn lost(&mut self, event: &Event) {
        self.add(Metric::AuditLost, [event.name()], 1);
    }

    /// Counts a record.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::SignIn { .. } => self.add(Metric::SignIns, ["success"], 1),
            Event::SignInDenied { reason, .. } => self.add(Metric::SignIns, [&word(reason)], 1),
            Event::SignInEnded { why, .. } => self.add(Metric::SignInsEnded, [&word(why)], 1),
            Event::SessionEnded { why, session, .. } => {
                self.began.remove(session);
                self.add(Metric::SessionsEnded, [&word(why)], 1);
            }
            Event::PeerRefused { .. } => self.add(Metric::Strangers, [], 1),
            Event::Refused { rule, effect, count, session, .. } => {
                let effect =
                    [Effect::Audit, Effect::Block].map(Effect::word).into_iter().find(|word| word == effect);
                self.add(Metric::Refusals, [option_of(rule), effect.unwrap_or(OTHER)], u64::from(*count));
                if let (Ok(id), Some("block")) = (session.parse(), effect) {
                    let refusals = &mut self.deeds.entry(id).or_default().refusals;
                    *refusals = refusals.saturating_add(*count);
                }
            }
            Event::Refusal { by, count, .. } => {
                let known = ["landlock", "seccomp", "network", "hidden", "permissions", "limit"];
                self.add(Metric::KernelRefusals, [one_of(&known, by)], *count);
            }
            Event::Transfer { session, direction, bytes, .. } => {
                let direction = one_of(&["upload", "download"], direction);
                self.add(Metric::Transfers, [direction], 1);
                self.add(Metric::TransferBytes, [direction], *bytes);
                let deeds = self.deeds.entry(*session).or_default();
                let way = usize::from(direction == "download");
                deeds.transfers[way] = deeds.transfers[way].saturating_add(1);
                deeds.bytes[way] = deeds.bytes[way].saturating_add(*bytes);
            }
            Event::LimitReached { what, whose, count, .. } => {
                let what = one_of(&["memory", "processes"], what);
                let whose = one_of(&["session", "user", "machine"], whose);
                self.add(Metric::LimitsReached, [what, whose], *count);
            }
            Event::Executed { success: true, .. } => self.add(Metric::Programs, [], 1),
            Event::ExecutionsLost { why, count, .. } => {
                let known = ["rate", "memory", "kernel", "recorder", "rules"];
                self.add(Metric::RecorderLost, [one_of(&known, why)], (*count).max(1));
            }
            Event::Overflow { kind, lost } => {
                let kind = TABLE.iter().map(|row| row.name).find(|name| name == kind);
                self.add(Metric::AuditLost, [kind.unwrap_or(OTHER)], *lost);
            }
            Event::ProcessLost { process, .. } => {
                let known = ["server", "helper", "keeper", "session", "recorder"];
                self.add(Metric::ProcessesLost, [one_of(&known, process)], 1);
            }
            Event::Configured { outcome, .. } => {
                self.add(Metric::Reloads, [one_of(&["accepted", "kept-old"], outcome)], 1);
            }
            _ => {}
        }
    }

    fn add<const N: usize>(&mut self, metric: Metric, labels: [&str; N], more: u64) {
        let key = (metric, labels.map(str::to_owned).to_vec());
        if self.numbers.len() >= FIGURES_MAX && !self.numbers.contains_key(&key) {
            return;
        }
        let number = self.numbers.entry(key).or_default();
        *number = number.saturating_add(more);
    }
}

/// A word that is one of these, or [`OTHER`].
fn one_of(known: &[&'static str], word: &str) -> &'static str {
    known.iter().find(|known| **known == word).copied().unwrap_or(OTHER)
}

/// The word of a reason as the audit log writes it, without what it says beside it.
fn word(reason: &impl Serialize) -> String {
    match serde_json::to_value(reason) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(serde_json::Value::Object(fields)) => {
            fields.into_iter().next().map_or_else(String::new, |(key, _)| key)
        }
        _ => OTHER.to_owned(),
    }
}

/// The option that a rule's text names: `allow-shell` of `allow-shell=0 (rsession.conf:3)`. What stands in backquotes came from a
/// request.
pub(super) fn option_of(rule: &str) -> &'static str {
    static NAMES: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
        let kinds = FileKind::ALL.into_iter().flat_map(FileKind::options);
        kinds.map(|option| option.name).collect()
    });
    let ours = rule.split('`').step_by(2);
    let mut words =
        ours.flat_map(|text| text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')));
    words.find_map(|word| NAMES.get(word).copied().filter(|name| name.contains('-'))).unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portcullis_model::session::EndReason;
    use portcullis_model::sign_in::Denied;

    use super::*;

    fn refused(rule: &str, effect: &str, count: u32) -> Event {
        Event::Refused {
            user: "alice".into(),
            session: "0707070707070707".into(),
            remote: std::net::IpAddr::from([127, 0, 0, 1]),
            capability: "shell".into(),
            what: "POST /api/terminals".into(),
            rule: rule.into(),
            id: "x".into(),
            count,
            ide: "jupyter".into(),
            method: "POST".into(),
            path: "/api/terminals".into(),
            effect: effect.into(),
        }
    }

    fn figure(counts: &Counts, metric: Metric, labels: &[&str]) -> f64 {
        let samples = counts.samples();
        samples.iter().find(|s| s.metric == metric && s.labels == labels).map_or(0.0, |s| s.value)
    }

    #[test]
    fn the_option_is_found_and_never_one_of_a_strangers() {
        for (rule, option) in [
            ("allow-shell=0 (rsession.conf:3)", "allow-shell"),
            (
                "unknown route `GET /allow-vcs=1`; refused while allow-shell=0 (rsession.conf:3)",
                "allow-shell",
            ),
            ("origin check: the request comes from another site (www-allow-origin)", "www-allow-origin"),
            ("`allow-shell`", OTHER),
            ("a rule of ours without an option", OTHER),
            ("", OTHER),
        ] {
            assert_eq!(option_of(rule), option, "{rule}");
        }
    }

    #[test]
    fn records_become_figures() {
        let mut counts = Counts::default();
        counts.note(&refused("allow-shell=0 (rsession.conf:3)", "block", 1));
        counts.note(&refused("allow-shell=0 (rsession.conf:3)", "block", 9));
        counts.note(&refused("allow-shell=0 (rsession.conf:3)", "audit", 2));
        counts.note(&refused("made up", "made up", 1));
        assert_eq!(figure(&counts, Metric::Refusals, &["allow-shell", "block"]), 10.0);
        assert_eq!(figure(&counts, Metric::Refusals, &["allow-shell", "audit"]), 2.0);
        assert_eq!(figure(&counts, Metric::Refusals, &[OTHER, OTHER]), 1.0);
        let id: SessionId = "0707070707070707".parse().expect("an id");
        assert_eq!(counts.deeds(id).refusals, 10, "what passed is not refused");
        counts.note(&Event::SignInDenied {
            user: "x".into(),
            remote: std::net::IpAddr::from([127, 0, 0, 1]),
            method: "pam".into(),
            reason: Denied::BadName,
            detail: String::new(),
        });
        assert_eq!(figure(&counts, Metric::SignIns, &["bad-name"]), 1.0);
        assert_eq!(word(&EndReason::Idle(5)), "idle");
        counts.lost(&refused("x", "block", 1));
        assert_eq!(figure(&counts, Metric::AuditLost, &["refused"]), 1.0);
        counts.retain(|_| false);
        assert_eq!(counts.deeds(id), Deeds::default());
    }

    #[test]
    fn a_start_is_timed_once() {
        let mut counts = Counts::default();
        let (id, now) = (SessionId::from_bytes([1; 8]), Instant::now());
        counts.begins(id, now);
        counts.runs(id, "jupyter", now + Duration::from_millis(2500));
        counts.runs(id, "jupyter", now + Duration::from_secs(90));
        let all = counts.histograms();
        assert_eq!((all.len(), all[0].histogram.count, all[0].histogram.sum), (1, 1, 2.5));
    }
}
