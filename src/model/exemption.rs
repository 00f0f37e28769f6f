//! Exemptions: one flag lifted for one person, for a while, for a reason that somebody wrote down.

use serde::{Deserialize, Serialize};

use crate::{ExemptionId, SessionId, UserName};

/// Longest reason, in characters: a sentence or two and a ticket's number.
pub const REASON_MAX: usize = 300;

/// An exemption in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemption {
    /// Names it, for its end and in the audit log.
    pub id: ExemptionId,
    /// For whom.
    pub user: UserName,
    /// The flag's option, e.g. `allow-shell`.
    pub flag: String,
    /// In which session only; in all of them when there is none.
    pub session: Option<SessionId>,
    /// Why, in the administrator's words. The person reads it too.
    pub reason: String,
    /// From when, in seconds since 1970.
    pub since: u64,
    /// Until when at the latest, in seconds since 1970.
    pub until: u64,
}

/// Why an exemption ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExemptionEnd {
    /// Its time was over.
    Expired,
    /// An administrator ended it.
    Withdrawn,
    /// The clock stands before its beginning: nobody can say how long it lasted already.
    ClockSet,
    /// The session it was for is over.
    SessionOver,
}
