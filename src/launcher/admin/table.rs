//! The table of root's requests: what each does to the daemon, and how often it is answered.

use portcullis_wire::admin::ToDaemon;

macro_rules! table {
    ($($kind:ident $name:literal $effect:ident $per_second:literal,)*) => {
        /// A request without its content.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind { $(
            #[doc = $name]
            $kind,
        )* }

        /// One row per request, in the order of [`Kind`].
        pub(crate) const TABLE: &[Row] = &[$(Row {
            name: $name,
            effect: Effect::$effect,
            per_second: $per_second,
        },)*];

        /// Which row a request belongs to.
        pub(crate) const fn kind(request: &ToDaemon) -> Kind {
            match request { $(ToDaemon::$kind { .. } => Kind::$kind,)* }
        }
    };
}

// The numbers per second: a script over all people of a machine gets on, a loop that went wild does not take the turns from
// the server.
table! {
    Status "status" Reads 20,
    Exempt "exempt" Changes 20,
    Exemptions "exemptions" Reads 20,
    EndExemption "end-exemption" Changes 20,
    WhyAlive "why-alive" Reads 20,
    Sessions "sessions" Reads 20,
    People "people" Reads 20,
    EndSessions "end-sessions" Changes 20,
    Revoke "revoke" Changes 20,
    GoOffline "go-offline" Changes 5,
    GoOnline "go-online" Changes 5,
    Reload "reload" Changes 10,
    Accounts "accounts" Reads 200,
    Account "account" Reads 50,
    AccountAct "account-act" Changes 50,
    LdapTest "ldap-test" Reads 5,
    Keys "keys" Reads 20,
    EndKey "end-key" Changes 20,
    SyncUsers "users-sync" Changes 5,
    RotateKeys "keys-rotate" Changes 5,
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing; answered in any state.
    Reads,
    /// Something that is recorded: only while records and state can be written, and the daemon isn't ending.
    Changes,
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its name in logs.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) effect: Effect,
    /// How many within a second, of all callers together; the others are refused.
    pub(crate) per_second: u32,
}

/// The row of a request.
pub(crate) fn row(kind: Kind) -> &'static Row {
    &TABLE[kind as usize]
}

/// Counts what was answered within this second.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    used: [u32; TABLE.len()],
    second: u64,
}

impl Meter {
    /// Counts a request at `second` of any steady clock; false when it is one too many.
    pub(crate) fn permits(&mut self, kind: Kind, second: u64) -> bool {
        if second != self.second {
            *self = Self { second, ..Self::default() };
        }
        let used = &mut self.used[kind as usize];
        *used = used.saturating_add(1);
        *used <= row(kind).per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table as text: a change to it is a change to this test, and is looked at.
    const GOLDEN: &str = "\
status         reads    20/s
exempt         changes  20/s
exemptions     reads    20/s
end-exemption  changes  20/s
why-alive      reads    20/s
sessions       reads    20/s
people         reads    20/s
end-sessions   changes  20/s
revoke         changes  20/s
go-offline     changes  5/s
go-online      changes  5/s
reload         changes  10/s
accounts       reads    200/s
account        reads    50/s
account-act    changes  50/s
ldap-test      reads    5/s
keys           reads    20/s
end-key        changes  20/s
users-sync     changes  5/s
keys-rotate    changes  5/s
";

    #[test]
    fn the_table_is_the_golden_one() {
        let mut text = String::new();
        for row in TABLE {
            let effect = if row.effect == Effect::Changes { "changes" } else { "reads" };
            text.push_str(&format!("{:<14} {effect:<8} {}/s\n", row.name, row.per_second));
        }
        assert_eq!(text, GOLDEN);
    }

    #[test]
    fn one_too_many_is_refused_until_the_next_second() {
        let mut meter = Meter::default();
        for _ in 0..row(Kind::Exempt).per_second {
            assert!(meter.permits(Kind::Exempt, 7));
        }
        assert!(!meter.permits(Kind::Exempt, 7) && meter.permits(Kind::Status, 7));
        assert!(meter.permits(Kind::Exempt, 8));
    }
}
