//! What a person may do: the configuration's flags, without those that an exemption lifts.
//!
//! Worked out when a sign-in, a configuration or an exemption comes, never on a request. Called by `state`.

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_model::exemption::Exemption;
use portcullis_model::sign_in::Principal;
use portcullis_model::{SessionId, UserName};
use portcullis_policy::Flags;

use crate::generation::Generation;

/// A person's flags.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    /// In all sessions that have none of their own.
    pub(crate) flags: Arc<Flags>,
    /// In sessions with an exemption of their own; hardly ever any.
    in_sessions: Vec<(SessionId, Arc<Flags>)>,
}

impl Standing {
    /// Works it out; `exemptions` may be anybody's.
    pub(crate) fn of(generation: &Generation, who: &Principal, exemptions: &[Arc<Exemption>]) -> Self {
        let theirs = || exemptions.iter().filter(|exemption| exemption.user == who.user);
        let lifted = |session: Option<SessionId>| {
            let mut flags = generation.flags(who);
            let holds = |one: &&Arc<Exemption>| one.session.is_none() || one.session == session;
            for exemption in theirs().filter(holds) {
                flags.lift(&exemption.flag);
            }
            Arc::new(flags)
        };
        let mut sessions: Vec<SessionId> = theirs().filter_map(|exemption| exemption.session).collect();
        sessions.sort_unstable();
        sessions.dedup();
        let in_sessions = sessions.into_iter().map(|id| (id, lifted(Some(id)))).collect();
        Self { flags: lifted(None), in_sessions }
    }

    /// In this session.
    pub(crate) fn flags_in(&self, id: SessionId) -> &Arc<Flags> {
        self.in_sessions.iter().find(|(own, _)| *own == id).map_or(&self.flags, |(_, flags)| flags)
    }

    /// Whether both give and take the same everywhere.
    pub(crate) fn same_rules(&self, other: &Self) -> bool {
        let own = self.in_sessions.iter().map(|(id, flags)| (id, flags, other.flags_in(*id)));
        let others = other.in_sessions.iter().map(|(id, flags)| (id, flags, self.flags_in(*id)));
        self.flags.same_rules(&other.flags) && own.chain(others).all(|(_, one, two)| one.same_rules(two))
    }
}

/// Standings of many at a time: worked out once for each account, and shared by all its sign-ins.
pub(crate) struct Standings<'a> {
    generation: &'a Generation,
    exemptions: &'a [Arc<Exemption>],
    known: HashMap<UserName, (Principal, Standing)>,
}

impl<'a> Standings<'a> {
    /// Under this configuration, with these exemptions.
    pub(crate) fn new(generation: &'a Generation, exemptions: &'a [Arc<Exemption>]) -> Self {
        Self { generation, exemptions, known: HashMap::new() }
    }

    /// This person's.
    pub(crate) fn of(&mut self, who: &Principal) -> Standing {
        if let Some((_, standing)) = self.known.get(&who.user).filter(|(known, _)| known == who) {
            return standing.clone();
        }
        let standing = Standing::of(self.generation, who, self.exemptions);
        self.known.insert(who.user.clone(), (who.clone(), standing.clone()));
        standing
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use portcullis_model::ExemptionId;

    use super::*;
    use crate::state::tests::sign_in;

    /// An exemption from `flag` of `user`.
    pub(crate) fn exemption(user: &str, flag: &str, session: Option<SessionId>) -> Exemption {
        Exemption {
            id: ExemptionId::from_bytes([user.len().try_into().expect("short"), 2, 3, 4]),
            user: user.parse().expect("a name"),
            flag: flag.into(),
            session,
            reason: "a class".into(),
            since: 100,
            until: 200,
        }
    }

    #[test]
    fn an_exemption_is_one_persons_and_one_flags() {
        let generation = Generation::for_tests(&[(
            "rsession.conf",
            "allow-shell=0\nallow-vcs=0\nrestrict-directory-view=1\n",
        )]);
        let of = |user, exemptions: &[Exemption]| {
            let all: Vec<_> = exemptions.iter().cloned().map(Arc::new).collect();
            Standing::of(&generation, &sign_in(user, 1).principal, &all)
        };
        let id = SessionId::from_bytes([7; 8]);
        let other = SessionId::from_bytes([8; 8]);
        let none = of("alice", &[]);
        let shell = [exemption("alice", "allow-shell", None)];
        let everywhere = of("alice", &shell);
        assert!(everywhere.flags.shell.value && !everywhere.flags.vcs.value);
        assert!(!of("bob", &shell).flags.shell.value, "nobody else's");
        let both = [shell[0].clone(), exemption("alice", "allow-vcs", Some(id))];
        let here = of("alice", &both);
        assert!(here.flags_in(id).vcs.value && here.flags_in(id).shell.value);
        assert!(!here.flags_in(other).vcs.value && here.flags_in(other).shell.value);
        for (one, two, same) in [
            (&none, &none, true),
            (&none, &everywhere, false),
            (&everywhere, &here, false),
            (&here, &everywhere, false),
            (&here, &here, true),
        ] {
            assert_eq!(one.same_rules(two), same);
        }
    }

    #[test]
    fn sign_ins_of_one_account_share_what_they_may_as_long_as_the_account_is_the_same() {
        let generation = Generation::for_tests(&[("rsession.conf", "allow-shell=0\n")]);
        let lifted = [Arc::new(exemption("bob", "allow-shell", None))];
        let mut all = Standings::new(&generation, &lifted);
        let (one, two) = (sign_in("alice", 1).principal, sign_in("alice", 1).principal);
        let first = all.of(&one);
        assert!(Arc::ptr_eq(&first.flags, &all.of(&two).flags));
        let mut other = two.clone();
        other.groups.push("staff".into());
        assert!(!Arc::ptr_eq(&first.flags, &all.of(&other).flags), "its groups are others now");
        let bob = sign_in("bob", 2).principal;
        assert!(all.of(&bob).flags.shell.value && !first.flags.shell.value);
        assert!(all.of(&bob).same_rules(&Standing::of(&generation, &bob, &lifted)));
    }
}
