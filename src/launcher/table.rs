//! The request table: what the server may ask for, in which phase, and how often.
//!
//! [`permitted`] is a pure function of this table. A request that it doesn't permit, or that can't be read at all, ends the
//! connection: the server is replaced, and the audit log says so. Requests that a person causes are refused, not punished,
//! when they come too often: otherwise a flood of sign-ins would take the server away from everybody.

use portcullis_wire::ToLauncher;
use thiserror::Error;

/// Where a server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Started, has not said that it serves.
    Starting,
    /// Serves.
    Serving,
    /// Was told to finish.
    Draining,
}

macro_rules! table {
    ($($kind:ident $name:literal [$($phase:ident)*] $times:ident $per_second:literal $over:ident,)*) => {
        /// A request without its content.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind { $(
            #[doc = $name]
            $kind,
        )* }

        /// One row per request, in the order of [`Kind`].
        pub(crate) const TABLE: &[Row] = &[$(Row {
            name: $name,
            phases: &[$(Phase::$phase),*],
            times: Times::$times,
            per_second: $per_second,
            over: Over::$over,
        },)*];

        /// Which row a request belongs to.
        pub(crate) const fn kind(request: &ToLauncher) -> Kind {
            match request { $(ToLauncher::$kind { .. } => Kind::$kind,)* }
        }
    };
}

// The numbers per second: what a server of a few thousand people sends at its busiest, times ten.
table! {
    Ready "ready" [Starting] Once 1 End,
    SignInStart "sign-in-start" [Serving Draining] Often 100 Refuse,
    SignInAnswer "sign-in-answer" [Serving Draining] Often 200 Refuse,
    SignInCancel "sign-in-cancel" [Serving Draining] Often 400 Refuse,
    SignOut "sign-out" [Serving Draining] Often 500 Refuse,
    Touch "touch" [Serving Draining] Often 2000 End,
    OpenSession "open-session" [Serving Draining] Often 50 Refuse,
    StopSession "stop-session" [Serving Draining] Often 100 Refuse,
    Activity "activity" [Serving Draining] Often 2000 End,
    Seen "seen" [Serving Draining] Often 200 End,
    Audit "audit" [Starting Serving Draining] Often 2000 Refuse,
    ConfigurationInForce "configuration-in-force" [Serving Draining] Often 10 End,
    ConfigurationRefused "configuration-refused" [Starting Serving Draining] Often 10 End,
    Revoked "revoked" [Serving Draining] Often 50 End,
    Figures "figures" [Serving Draining] Often 20 End,
    AdminLook "admin-look" [Serving Draining] Often 50 Refuse,
    AdminAct "admin-act" [Serving Draining] Often 20 Refuse,
    AdminSearch "admin-search" [Serving Draining] Often 5 Refuse,
    Carries "carries" [Serving Draining] Often 10 End,
    Paused "paused" [Serving Draining] Once 1 End,
    Begin "begin" [Serving Draining] Often 100 Refuse,
    AccountAsk "account-ask" [Serving Draining] Often 200 Refuse,
    KeysUsed "keys-used" [Serving Draining] Often 20 End,
    Describe "describe" [Serving Draining] Often 20 Refuse,
    Known "known" [Serving Draining] Often 500 Refuse,
    KnownKey "known-key" [Serving Draining] Often 200 Refuse,
}

/// How many times in a server's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    /// Once.
    Once,
    /// As often as `per_second` allows.
    Often,
}

/// What becomes of one request too many within a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// It is answered with a refusal.
    Refuse,
    /// The server promised to send fewer: it is broken, and replaced.
    End,
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its name in logs.
    pub(crate) name: &'static str,
    /// Phases in which it is permitted.
    pub(crate) phases: &'static [Phase],
    /// How many times.
    pub(crate) times: Times,
    /// How many within a second.
    pub(crate) per_second: u32,
    /// What becomes of the others.
    pub(crate) over: Over,
}

/// What was used of a row so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// Whether it ever came.
    pub(crate) ever: bool,
    /// How many within this second.
    pub(crate) this_second: u32,
}

/// What to do with a permitted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    /// Handle it.
    Handle,
    /// Answer that there are too many.
    TooMany,
}

/// Why a server is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Violation {
    /// Not in this phase.
    #[error("`{0}` is not permitted in this phase")]
    Phase(&'static str),
    /// A second time.
    #[error("`{0}` is permitted once")]
    Twice(&'static str),
    /// Too often.
    #[error("`{0}` came more often than a working server sends it")]
    TooOften(&'static str),
}

/// The row of a request.
pub(crate) fn row(kind: Kind) -> &'static Row {
    &TABLE[kind as usize]
}

/// Whether a request is permitted now.
pub(crate) fn permitted(phase: Phase, kind: Kind, used: Used) -> Result<Permit, Violation> {
    let row = row(kind);
    if !row.phases.contains(&phase) {
        return Err(Violation::Phase(row.name));
    }
    if row.times == Times::Once && used.ever {
        return Err(Violation::Twice(row.name));
    }
    match row.over {
        _ if used.this_second < row.per_second => Ok(Permit::Handle),
        Over::Refuse => Ok(Permit::TooMany),
        Over::End => Err(Violation::TooOften(row.name)),
    }
}

/// Counts what a server used; a new server gets a new one.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    used: [Used; TABLE.len()],
    second: u64,
}

impl Meter {
    /// Judges and counts one request at `now` (seconds of any steady clock).
    pub(crate) fn judge(&mut self, phase: Phase, kind: Kind, now: u64) -> Result<Permit, Violation> {
        if now != self.second {
            self.second = now;
            self.used.iter_mut().for_each(|used| used.this_second = 0);
        }
        let used = &mut self.used[kind as usize];
        let verdict = permitted(phase, kind, *used);
        used.ever = true;
        used.this_second = used.this_second.saturating_add(1);
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table as text: a change to it is a change to this test, and is looked at.
    const GOLDEN: &str = "\
ready                  S--  once   1/s     end
sign-in-start          -SD  often  100/s   refuse
sign-in-answer         -SD  often  200/s   refuse
sign-in-cancel         -SD  often  400/s   refuse
sign-out               -SD  often  500/s   refuse
touch                  -SD  often  2000/s  end
open-session           -SD  often  50/s    refuse
stop-session           -SD  often  100/s   refuse
activity               -SD  often  2000/s  end
seen                   -SD  often  200/s   end
audit                  SSD  often  2000/s  refuse
configuration-in-force -SD  often  10/s    end
configuration-refused  SSD  often  10/s    end
revoked                -SD  often  50/s    end
figures                -SD  often  20/s    end
admin-look             -SD  often  50/s    refuse
admin-act              -SD  often  20/s    refuse
admin-search           -SD  often  5/s     refuse
carries                -SD  often  10/s    end
paused                 -SD  once   1/s     end
begin                  -SD  often  100/s   refuse
account-ask            -SD  often  200/s   refuse
keys-used              -SD  often  20/s    end
describe               -SD  often  20/s    refuse
known                  -SD  often  500/s   refuse
known-key              -SD  often  200/s   refuse
";

    #[test]
    fn the_table_is_the_golden_one() {
        let mark = |row: &Row, phase, letter| if row.phases.contains(&phase) { letter } else { '-' };
        let mut text = String::new();
        for row in TABLE {
            let phases: String = [(Phase::Starting, 'S'), (Phase::Serving, 'S'), (Phase::Draining, 'D')]
                .map(|(p, l)| mark(row, p, l))
                .iter()
                .collect();
            let times = if row.times == Times::Once { "once" } else { "often" };
            let over = if row.over == Over::End { "end" } else { "refuse" };
            let rate = format!("{}/s", row.per_second);
            text.push_str(&format!("{:<22} {phases}  {times:<5}  {rate:<6}  {over}\n", row.name));
        }
        assert_eq!(text, GOLDEN);
    }

    #[test]
    fn nothing_but_ready_before_ready_and_ready_once() {
        let fresh = Used::default();
        assert_eq!(permitted(Phase::Starting, Kind::Ready, fresh), Ok(Permit::Handle));
        for kind in [Kind::SignInStart, Kind::OpenSession, Kind::SignOut, Kind::Touch, Kind::StopSession] {
            assert!(matches!(permitted(Phase::Starting, kind, fresh), Err(Violation::Phase(_))));
        }
        let mut meter = Meter::default();
        assert_eq!(meter.judge(Phase::Starting, Kind::Ready, 1), Ok(Permit::Handle));
        assert!(meter.judge(Phase::Starting, Kind::Ready, 2).is_err());
        assert!(meter.judge(Phase::Serving, Kind::Ready, 3).is_err());
    }

    #[test]
    fn a_flood_of_people_is_refused_and_a_flood_of_the_server_ends_it() {
        let mut meter = Meter::default();
        for _ in 0..row(Kind::SignInStart).per_second {
            assert_eq!(meter.judge(Phase::Serving, Kind::SignInStart, 1), Ok(Permit::Handle));
        }
        assert_eq!(meter.judge(Phase::Serving, Kind::SignInStart, 1), Ok(Permit::TooMany));
        assert_eq!(meter.judge(Phase::Serving, Kind::SignInStart, 2), Ok(Permit::Handle));
        for _ in 0..row(Kind::Touch).per_second {
            assert_eq!(meter.judge(Phase::Serving, Kind::Touch, 3), Ok(Permit::Handle));
        }
        assert_eq!(meter.judge(Phase::Serving, Kind::Touch, 3), Err(Violation::TooOften("touch")));
    }
}
