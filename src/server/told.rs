//! Everything that lives, as a launcher tells it to a server that starts or comes back.
//!
//! A hundred thousand sign-ins come in some hundreds of messages; they are kept here, and are in force all at once when the launcher
//! says that this was all ([`Table::caught`](crate::state::Table::caught)): one change of the snapshot instead of one for each. Used by
//! `launcher_link` and `post` on the control thread.

use std::collections::{HashMap, HashSet};

use portcullis_model::key::KeyId;
use portcullis_model::sign_in::SignIn;
use portcullis_model::{ExemptionId, SessionId, SignInId};
use portcullis_wire::ToServer;

/// What was told so far.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Sign-ins that are in force at the end.
    pub(crate) sign_ins: HashMap<SignInId, SignIn>,
    /// Sign-ins that began or moved meanwhile: in force already.
    pub(crate) meanwhile: HashSet<SignInId>,
    /// API keys: in force already.
    pub(crate) keys: HashSet<KeyId>,
    /// Sessions.
    pub(crate) sessions: HashSet<SessionId>,
    /// Exemptions.
    pub(crate) exemptions: HashSet<ExemptionId>,
}

impl Told {
    /// Notes a message; what is to be applied at once is given back.
    pub(crate) fn hear(&mut self, message: ToServer) -> Option<ToServer> {
        match &message {
            ToServer::SignIns(_) => {
                let ToServer::SignIns(some) = message else { return None };
                self.sign_ins.extend(some.into_iter().map(|one| (one.id, one)));
                return None;
            }
            ToServer::SignIn(sign_in) => drop(self.meanwhile.insert(sign_in.id)),
            ToServer::SignInEnded { sign_in, .. } => self.over(*sign_in),
            ToServer::Revoke { sign_ins, keys, .. } => {
                sign_ins.iter().for_each(|id| self.over(*id));
                self.keys.retain(|id| !keys.contains(id));
            }
            ToServer::Keys(rows) => self.keys.extend(rows.iter().map(|row| row.key.id)),
            ToServer::Session(session) => drop(self.sessions.insert(session.id)),
            ToServer::Exemption(exemption) => drop(self.exemptions.insert(exemption.id)),
            _ => {}
        }
        Some(message)
    }

    fn over(&mut self, id: SignInId) {
        self.sign_ins.remove(&id);
        self.meanwhile.remove(&id);
    }

    /// Whether it lives, as far as was told.
    pub(crate) fn has(&self, id: &SignInId) -> bool {
        self.sign_ins.contains_key(id) || self.meanwhile.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::sign_in::SignInEnd;

    use super::*;
    use crate::state::tests::sign_in;

    #[test]
    fn what_ends_before_the_end_of_the_tale_is_not_begun_by_it() {
        let mut told = Told::default();
        let id = |number| SignInId::from_bytes([number; 16]);
        let all = (1..=4).map(|number| sign_in("alice", number)).collect();
        assert!(told.hear(ToServer::SignIns(all)).is_none(), "kept until the end");
        assert!(told.hear(ToServer::SignIn(Box::new(sign_in("bob", 9)))).is_some());
        let ended = ToServer::SignInEnded { sign_in: id(1), why: SignInEnd::SignedOut };
        assert!(told.hear(ended).is_some(), "applied at once");
        assert!(
            told.hear(ToServer::Revoke { request: 1, sign_ins: vec![id(2), id(9)], keys: Vec::new() })
                .is_some()
        );
        let alive: Vec<u8> = (0..16).filter(|number| told.has(&id(*number))).collect();
        assert_eq!(alive, [3, 4]);
    }
}
