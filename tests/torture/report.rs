//! What is printed: events by kind, what the load got through, and each bar with what was counted against it.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::board::{Class, Dropped};
use crate::events::{Blame, Event, Kind};
use crate::load::Worker;

/// Findings of one bar that are printed; the count tells of the others.
const SHOWN: usize = 12;

/// What the load got through.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Load {
    /// Requests that were answered.
    requests: u64,
    /// Messages that came back.
    messages: u64,
    /// Bytes of downloads and uploads, each looked at.
    bytes: u64,
    /// Connections, WebSockets and transfers that were opened.
    opened: u64,
}

impl Load {
    /// Of these.
    pub(crate) fn of(workers: &[Worker]) -> Self {
        let sum = |class: Class| workers.iter().filter(|one| one.class == class).map(Worker::got).sum();
        Self {
            requests: sum(Class::Request),
            messages: sum(Class::WebSocket),
            bytes: sum(Class::Transfer),
            opened: workers.iter().map(Worker::opened).sum(),
        }
    }
}

/// A promise, and what was found against it.
#[derive(Debug, Serialize)]
struct Bar<'a> {
    /// What must be none.
    what: String,
    /// What there was.
    found: Vec<&'a str>,
}

/// A campaign.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// What its events were made of.
    pub(crate) seed: u64,
    /// How long it took.
    pub(crate) seconds: u64,
    /// What happened, and how long each took until everybody had gone on.
    #[serde(serialize_with = "by_kind")]
    pub(crate) events: Vec<(Event, Duration)>,
    /// What went on meanwhile.
    pub(crate) load: Load,
    /// What broke off.
    pub(crate) dropped: Vec<Dropped>,
    /// Bytes or answers that were not what they should have been.
    pub(crate) wrong: Vec<String>,
    /// Sessions that ended though nobody ended them.
    pub(crate) lost_sessions: Vec<String>,
    /// Revoked cookies, connections and processes that went on.
    pub(crate) lost_revocations: Vec<String>,
    /// Sessions that did not end though that was acknowledged.
    pub(crate) unended: Vec<String>,
    /// What is wrong with the audit log.
    pub(crate) audit: Vec<String>,
    /// Cookies that were revoked.
    pub(crate) revoked: usize,
    /// How often one was tried, at every door.
    pub(crate) tried: u64,
    /// Acts that were acknowledged and must be recorded.
    pub(crate) acknowledged: u64,
    /// Records in the log.
    pub(crate) records: u64,
    /// Processes that were left.
    pub(crate) left_over: Vec<String>,
    /// Panics in any process's log.
    pub(crate) panics: Vec<String>,
    /// Why the campaign ended before its time.
    pub(crate) broken: Option<String>,
}

fn counted(events: &[(Event, Duration)]) -> BTreeMap<Kind, (u64, Duration)> {
    let mut counted: BTreeMap<Kind, (u64, Duration)> = BTreeMap::new();
    for (event, took) in events {
        for kind in event.kinds() {
            let one = counted.entry(kind).or_default();
            one.0 += 1;
            one.1 = one.1.max(*took);
        }
    }
    counted
}

fn by_kind<S: Serializer>(events: &[(Event, Duration)], serializer: S) -> Result<S::Ok, S::Error> {
    let counts: BTreeMap<Kind, u64> =
        counted(events).into_iter().map(|(kind, (count, _))| (kind, count)).collect();
    counts.serialize(serializer)
}

impl Report {
    fn broke(&self, blame: Blame, class: Class) -> impl Iterator<Item = &Dropped> {
        self.dropped.iter().filter(move |one| one.blame == blame && one.class == class)
    }

    fn bars(&self) -> Vec<Bar<'_>> {
        let mut bars = vec![Bar {
            what: "campaigns that ended before their time".into(),
            found: self.broken.iter().map(String::as_str).collect(),
        }];
        for (what, found) in [
            ("sessions lost", &self.lost_sessions),
            ("revocations lost", &self.lost_revocations),
            ("acknowledged ends of sessions that did not come", &self.unended),
            ("audit records lost or out of chain", &self.audit),
            ("wrong bytes and answers", &self.wrong),
            ("panics", &self.panics),
            ("left over", &self.left_over),
        ] {
            bars.push(Bar { what: what.into(), found: found.iter().map(String::as_str).collect() });
        }
        for blame in [Blame::InOrder, Blame::Launcher, Blame::Nothing] {
            for class in Class::ALL {
                let found = self.broke(blame, class).map(|one| one.why.as_str()).collect();
                bars.push(Bar { what: format!("{} dropped by: {}", class.name(), blame.name()), found });
            }
        }
        bars
    }

    /// Whether there is nothing against any bar.
    pub(crate) fn holds(&self) -> bool {
        self.bars().iter().all(|bar| bar.found.is_empty())
    }

    /// Everything, with the bars and the verdict.
    ///
    /// # Errors
    /// Never: all of it can be written as JSON.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        let mut all = serde_json::to_value(self)?;
        all["bars"] = serde_json::to_value(self.bars())?;
        all["holds"] = self.holds().into();
        serde_json::to_string_pretty(&all)
    }

    /// As the standard harness prints it: a test for each bar.
    pub(crate) fn as_tests(&self) -> String {
        let bars = self.bars();
        let mut text = String::new();
        for bar in &bars {
            let verdict = if bar.found.is_empty() { "ok" } else { "FAILED" };
            let name: String = bar
                .what
                .chars()
                .map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
                .collect();
            let _ = writeln!(text, "test torture::no_{name} ... {verdict}");
        }
        let failed = bars.iter().filter(|bar| !bar.found.is_empty()).count();
        let word = if failed == 0 { "ok" } else { "FAILED" };
        let _ = writeln!(text, "\n{self}\n");
        let _ = writeln!(
            text,
            "test result: {word}. {} passed; {failed} failed; 0 ignored; 0 measured; finished in {}.00s",
            bars.len() - failed,
            self.seconds
        );
        text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| Event | How often | Longest until all went on |\n|---|---:|---:|")?;
        let counted = counted(&self.events);
        for kind in Kind::all() {
            let (count, longest) = counted.get(&kind).copied().unwrap_or_default();
            writeln!(f, "| {} | {count} | {:.1} s |", kind.name(), longest.as_secs_f64())?;
        }
        let load = &self.load;
        writeln!(
            f,
            "\n{} events in {} s (seed {}); {} requests, {} messages, {} MB, {} connections; {} cookies revoked and tried {} \
             times at five doors; {} acts acknowledged, {} records\n",
            self.events.len(),
            self.seconds,
            self.seed,
            load.requests,
            load.messages,
            load.bytes / 1_000_000,
            load.opened,
            self.revoked,
            self.tried,
            self.acknowledged,
            self.records
        )?;
        writeln!(f, "| What must not be | Count | |\n|---|---:|---|")?;
        for bar in self.bars() {
            let verdict = if bar.found.is_empty() { "holds" } else { "**MISSED**" };
            writeln!(f, "| {} | {} | {verdict} |", bar.what, bar.found.len())?;
        }
        let of = |class| self.broke(Blame::Server, class).count();
        writeln!(
            f,
            "\nWith a killed server went {} requests, {} WebSockets and {} transfers that hung on it.",
            of(Class::Request),
            of(Class::WebSocket),
            of(Class::Transfer)
        )?;
        for bar in self.bars().iter().filter(|bar| !bar.found.is_empty()) {
            for found in bar.found.iter().take(SHOWN) {
                writeln!(f, "MISSED: {}: {found}", bar.what)?;
            }
        }
        for one in self.dropped.iter().filter(|one| one.blame != Blame::Server).take(SHOWN) {
            writeln!(f, "dropped: event {} ({}): {}", one.event, one.during, one.why)?;
        }
        Ok(())
    }
}
