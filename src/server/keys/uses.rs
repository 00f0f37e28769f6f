//! Uses of keys that the launcher is to hear of: gathered, and told once a second in one message.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use portcullis_model::key::KeyId;
use portcullis_wire::ToLauncher;
use portcullis_wire::keys::KEYS_USED_AT_ONCE;

/// Those that wait.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<BTreeMap<KeyId, (u64, IpAddr)>>);

impl Uses {
    /// A key was used, in milliseconds since 1970. Called at most once a minute for each key.
    pub(crate) fn note(&self, id: KeyId, at: u64, from: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (at, from));
    }

    /// What there is to tell; the rest the next time.
    pub(crate) fn take(&self) -> Option<ToLauncher> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut some = Vec::new();
        while some.len() < KEYS_USED_AT_ONCE {
            let Some((id, (at, from))) = all.pop_first() else { break };
            some.push((id, at, from));
        }
        (!some.is_empty()).then_some(ToLauncher::KeysUsed(some))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_use_of_each_is_told_once() {
        let uses = Uses::default();
        let id: KeyId = "aaaaaaaaaa".parse().expect("an id");
        let from = IpAddr::from([192, 0, 2, 1]);
        uses.note(id, 1, from);
        uses.note(id, 2, from);
        assert!(matches!(uses.take(), Some(ToLauncher::KeysUsed(all)) if all == [(id, 2, from)]));
        assert!(uses.take().is_none());
    }
}
