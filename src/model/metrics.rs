//! The metrics, declared once: what is served at `/metrics`, the reference and the dashboard for Grafana come from `metrics!`.
//!
//! No metric names a person, a session, an address or a path: whoever may read numbers need not know who works here. Values are
//! made by the launcher (`portcullis_launcher::figures`) and the server; [`render`] makes the text of them.

use serde::{Deserialize, Serialize};

mod text;

pub use text::render;

/// What kind of number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process that counts is replaced.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counted by size.
    Histogram,
}

impl Kind {
    /// The word of the text format.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricDoc {
    /// Its name.
    pub name: &'static str,
    /// Where it stands in reference and dashboard.
    pub section: &'static str,
    /// What kind of number.
    pub kind: Kind,
    /// What it says.
    pub help: &'static str,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
}

macro_rules! metrics {
    ($($section:literal { $($(#[doc = $help:literal])+ $variant:ident = $name:literal $kind:ident [$($label:literal),*];)* })*) => {
        /// A metric.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Metric { $($($(#[doc = $help])+ $variant,)*)* }

        /// All metrics, in the order of [`Metric`].
        pub const TABLE: &[MetricDoc] = &[$($(MetricDoc {
            name: $name,
            section: $section,
            kind: Kind::$kind,
            help: concat!($($help),+),
            labels: &[$($label),*],
        },)*)*];

        impl Metric {
            /// All of them.
            pub const ALL: &[Self] = &[$($(Self::$variant,)*)*];
        }
    };
}

impl Metric {
    /// Its row.
    pub const fn doc(self) -> &'static MetricDoc {
        &TABLE[self as usize]
    }
}

metrics! {
    "Sessions" {
        /// Sessions by where they are in their life, and what they run.
        Sessions = "portcullis_sessions" Gauge ["state", "ide"];
        /// Seconds from asking for a session to the first answer of its IDE.
        SessionStart = "portcullis_session_start_seconds" Histogram ["ide"];
        /// Sessions that ended, by reason; `idle` are those that nobody used, `start-failed` never ran.
        SessionsEnded = "portcullis_sessions_ended_total" Counter ["why"];
        /// Times that the kernel ended or refused a process of a session because a limit was reached.
        LimitsReached = "portcullis_limits_reached_total" Counter ["what", "whose"];
    }
    "Sign-ins" {
        /// People who are signed in, counted by sign-in.
        SignInsLive = "portcullis_sign_ins" Gauge [];
        /// Attempts to sign in by their result: `success`, or why nobody was let in.
        SignIns = "portcullis_sign_ins_total" Counter ["result"];
        /// Sign-ins that ended, by reason.
        SignInsEnded = "portcullis_sign_ins_ended_total" Counter ["why"];
        /// Looks at whether somebody who is signed in may still be, and is a member of the same groups, by what was found; of
        /// `unreachable` nobody knows, and nothing changes.
        MembershipChecks = "portcullis_membership_checks_total" Counter ["result"];
    }
    "Database" {
        /// Seconds since nothing is heard of the machines that share the database; 0 while all is. Only with PostgreSQL.
        DatabaseApart = "portcullis_database_apart_seconds" Gauge [];
        /// Ends of sign-ins that the shared database has not heard of yet. Only with PostgreSQL.
        DatabaseOwed = "portcullis_database_owed" Gauge [];
    }
    "Policy" {
        /// Refused requests and messages by the option behind it; the effect `audit` is what passed and was only recorded.
        Refusals = "portcullis_refusals_total" Counter ["rule", "effect"];
        /// What the kernel refused to processes of sessions, by what held it.
        KernelRefusals = "portcullis_kernel_refusals_total" Counter ["by"];
        /// Connections to a session's port by somebody who is not the server.
        Strangers = "portcullis_strangers_total" Counter [];
        /// Exemptions in force.
        Exemptions = "portcullis_exemptions" Gauge [];
        /// Files that went in or out, as the audit log has them.
        Transfers = "portcullis_transfers_total" Counter ["direction"];
        /// Bytes of those files.
        TransferBytes = "portcullis_transfer_bytes_total" Counter ["direction"];
    }
    "Traffic" {
        /// Open connections of browsers, without those that became WebSockets.
        Connections = "portcullis_connections" Gauge [];
        /// Open WebSockets.
        WebSockets = "portcullis_websockets" Gauge [];
        /// Connections accepted.
        Accepted = "portcullis_connections_total" Counter [];
        /// Connections turned away because there were as many as there may be.
        TurnedAway = "portcullis_connections_refused_total" Counter [];
        /// Answered requests by the class of their status; a WebSocket that opened is `1xx`.
        Requests = "portcullis_requests_total" Counter ["class"];
        /// Bytes that came from browsers, within TLS.
        Received = "portcullis_received_bytes_total" Counter [];
        /// Bytes that went to browsers, within TLS.
        Sent = "portcullis_sent_bytes_total" Counter [];
    }
    "Records" {
        /// Number of the last record of the audit log.
        AuditHead = "portcullis_audit_seq" Gauge [];
        /// Records that were lost because they came faster than they could be written, by event.
        AuditLost = "portcullis_audit_lost_total" Counter ["event"];
        /// Programs started in sessions that are recorded.
        Programs = "portcullis_programs_total" Counter [];
        /// Programs or refusals of which there is no record, as far as they could be counted, by reason; one where nobody knows
        /// how many.
        RecorderLost = "portcullis_recorder_lost_total" Counter ["why"];
    }
    "Daemon" {
        /// 1, with the version.
        Build = "portcullis_build_info" Gauge ["version"];
        /// Whether the server reaches the launcher; without it, what the launcher counts is missing here.
        Linked = "portcullis_launcher_linked" Gauge [];
        /// Whether audit log and state can be written; when not, nobody is let in and nothing is started.
        Writable = "portcullis_records_writable" Gauge [];
        /// Seconds since the launcher was started.
        Uptime = "portcullis_uptime_seconds" Gauge [];
        /// The configuration in force, counting from 1.
        Generation = "portcullis_configuration_generation" Gauge [];
        /// Times the configuration was read again, by outcome.
        Reloads = "portcullis_configuration_reloads_total" Counter ["outcome"];
        /// Seconds since the file of the key that signs cookies was written.
        KeyAge = "portcullis_cookie_key_age_seconds" Gauge [];
        /// Servers that were replaced and finish what is open with them.
        Draining = "portcullis_servers_draining" Gauge [];
        /// Processes of ours that died, by which.
        ProcessesLost = "portcullis_processes_lost_total" Counter ["process"];
        /// Share of the machine's processor time in use, from 0 to 1, over the last seconds.
        Processor = "portcullis_machine_processor_ratio" Gauge [];
        /// Share of the machine's memory in use, from 0 to 1.
        Memory = "portcullis_machine_memory_ratio" Gauge [];
    }
}

/// A number of a counter or gauge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Of which metric.
    pub metric: Metric,
    /// Values of its labels, in their order.
    pub labels: Vec<String>,
    /// The number.
    pub value: f64,
}

impl Sample {
    /// One without labels.
    pub fn plain(metric: Metric, value: f64) -> Self {
        Self { metric, labels: Vec::new(), value }
    }

    /// One with labels.
    pub fn of<const N: usize>(metric: Metric, labels: [&str; N], value: f64) -> Self {
        Self { metric, labels: labels.map(str::to_owned).to_vec(), value }
    }
}

/// Upper bounds of a histogram's buckets, in seconds: a fast start is one second, a slow one a minute.
pub const BUCKETS: [f64; 9] = [0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0, 80.0];

/// Numbers by size.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// How many fell into each bucket of [`BUCKETS`] and no smaller one.
    pub buckets: [u64; BUCKETS.len()],
    /// How many in all, those above the last bound too.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

impl Histogram {
    /// Counts one.
    pub fn note(&mut self, value: f64) {
        if let Some(bucket) = BUCKETS.iter().position(|bound| value <= *bound) {
            self.buckets[bucket] += 1;
        }
        self.count += 1;
        self.sum += value;
    }
}

/// A histogram with whose it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogrammed {
    /// Of which metric.
    pub metric: Metric,
    /// Values of its labels.
    pub labels: Vec<String>,
    /// Its numbers.
    pub histogram: Histogram,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_prometheus_expects() {
        for (at, row) in TABLE.iter().enumerate() {
            assert!(TABLE[..at].iter().all(|other| other.name != row.name), "{}", row.name);
            let plain = row.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(plain && row.name.starts_with("portcullis_"), "{}", row.name);
            assert_eq!(row.kind == Kind::Counter, row.name.ends_with("_total"), "{}", row.name);
            assert!(row.help.trim().ends_with('.'), "{}", row.name);
            assert_eq!(Metric::ALL[at].doc(), row);
        }
    }

    #[test]
    fn nobody_is_named() {
        for label in TABLE.iter().flat_map(|row| row.labels) {
            assert!(!["user", "session", "remote", "address", "path", "uid"].contains(label), "{label}");
        }
    }
}
