//! Proofs that count once: what was believed is spent in the database first, for every machine that shares it.
//!
//! An answer of a SAML provider is good for minutes, whoever has it and wherever it is brought. It must not let anybody in before it is
//! written down that it did, so while the database can't be asked it lets in nobody.

use std::time::Instant;

use portcullis_model::proof::{Failure, MethodName, Proven};
use portcullis_model::sign_in::Denied;
use portcullis_wire::identity::{StoreAnswer, StoreAsk, StoreRefusal};
use sha2::{Digest as _, Sha256};

use super::{Attempt, Stage};
use crate::clock;
use crate::identity::ForStore;
use crate::launcher::Launcher;

/// The longest that a proof may be good for, in seconds: it is kept until then. Providers give minutes, a few hours at the most.
const LONGEST: u64 = 31 * 86_400;

/// What is kept of a proof: no two providers', and no two methods', are ever the same.
fn mark(proven: &Proven, id: &str) -> Vec<u8> {
    let mut digest = Sha256::new();
    for part in ["assertion", &proven.provider.to_string(), id] {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().to_vec()
}

impl Launcher {
    /// Whether this attempt's proof counts once, so that it must be spent.
    pub(crate) fn counts_once(&self, attempt: Attempt) -> bool {
        let method =
            self.attempted(attempt).and_then(|talk| self.conversations.get(&talk)).map(|one| one.method);
        method == Some(MethodName::Saml)
    }

    /// A method found who it is, by a proof that counts once.
    pub(crate) fn asserted(
        &mut self,
        attempt: Attempt,
        proven: Box<Proven>,
        (id, until): (&str, u64),
        now: Instant,
    ) {
        if !self.counts_once(attempt) {
            return self.not_proven(attempt, &Failure::protocol("the method answered something else"), now);
        }
        if id.is_empty() || until > clock::seconds().saturating_add(LONGEST) {
            let why = Failure::rejected("the proof has no name, or would be good for longer than a month");
            return self.not_proven(attempt, &why, now);
        }
        let ask = StoreAsk::Spend { id: mark(&proven, id), until };
        self.ask_store(ForStore::Spending(attempt, proven), ask, now);
    }

    /// It is written down, or it was before.
    pub(crate) fn spent(
        &mut self,
        attempt: Attempt,
        proven: Box<Proven>,
        result: Result<StoreAnswer, StoreRefusal>,
        now: Instant,
    ) {
        let why = match result {
            Ok(StoreAnswer::Spent(true)) => return self.proven(attempt, *proven, now),
            Ok(StoreAnswer::Spent(false)) => return self.not_proven(attempt, &Failure::Replayed, now),
            Ok(_) => "the store answered something else".to_owned(),
            Err(refusal) => refusal.to_string(),
        };
        let Some(conversation) = self.attempted(attempt) else { return };
        let waits = |stage: &Stage| matches!(stage, Stage::Proving { .. });
        if self.conversations.get(&conversation).is_some_and(|one| waits(&one.stage)) {
            self.deny(conversation, Denied::System, &why, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::account::{Provider, UniqueId};
    use portcullis_model::proof::Attributes;

    use super::*;

    fn proven(provider: Provider) -> Proven {
        Proven {
            provider,
            unique: UniqueId::try_from(vec![1]).expect("an id"),
            user: "ada".into(),
            attributes: Attributes::default(),
            groups: Vec::new(),
            until: None,
            register: true,
        }
    }

    #[test]
    fn marks_are_of_one_provider_and_one_proof() {
        let (one, other) = (proven(Provider::Saml("a".into())), proven(Provider::Saml("ab".into())));
        assert_eq!(mark(&one, "bc"), mark(&proven(Provider::Saml("a".into())), "bc"));
        assert_ne!(mark(&one, "bc"), mark(&other, "c"));
        assert_ne!(mark(&one, "x"), mark(&one, "y"));
    }
}
