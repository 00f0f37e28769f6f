//! API keys as servers are told of them: what is compared, whose they are, what they are good for. No server ever learns a key's text.

use portcullis_model::account::Role;
use portcullis_model::key::ApiKey;
use portcullis_model::sign_in::Principal;
use serde::{Deserialize, Serialize};

use crate::MESSAGE_MAX;

/// Uses in one [`ToLauncher::KeysUsed`](crate::ToLauncher::KeysUsed): each is some 40 bytes.
pub const KEYS_USED_AT_ONCE: usize = 512;
/// Keys in one [`ToServer::Revoke`](crate::ToServer::Revoke), and in one question to the store: each id is eleven bytes.
pub const KEYS_AT_ONCE: usize = 4096;
/// Largest key with its owner, in bytes as it is sent: an account in thousands of groups. A larger one is told to nobody.
pub const KEY_MAX: usize = MESSAGE_MAX / 2;
/// Bytes of keys in one message: what else is in it is the version, the kind and a number.
const BATCH_MAX: usize = MESSAGE_MAX - 16;

/// A key that may be used, and whose requests it makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// The key.
    pub key: ApiKey,
    /// Its owner, as the name service said last.
    pub principal: Principal,
    /// Its owner's role.
    pub role: Role,
}

/// How many bytes a row has as it is sent.
pub fn size(row: &KeyRow) -> usize {
    postcard::experimental::serialized_size(row).unwrap_or(usize::MAX)
}

/// Rows in pieces that fit into a message each, in their order.
pub fn batches(rows: impl IntoIterator<Item = KeyRow>) -> impl Iterator<Item = Vec<KeyRow>> {
    let mut rest = rows.into_iter().peekable();
    std::iter::from_fn(move || {
        let first = rest.next()?;
        let mut left = BATCH_MAX.saturating_sub(size(&first));
        let mut batch = vec![first];
        while let Some(next) = rest.next_if(|next| size(next) <= left) {
            left -= size(&next);
            batch.push(next);
        }
        Some(batch)
    })
}

#[cfg(test)]
mod tests {
    use portcullis_model::key::{KeyDigest, Scope};
    use portcullis_model::{AccountId, Gid, Uid};

    use super::*;
    use crate::{Channel, ToServer};

    fn row(groups: usize) -> KeyRow {
        KeyRow {
            key: ApiKey {
                id: "abcdefg234".parse().expect("an id"),
                account: AccountId::from_bytes([1; 16]),
                name: "ci".into(),
                digest: KeyDigest::from_bytes([7; 32]),
                scopes: [Scope::Ide].into_iter().collect(),
                role_cap: Role::Viewer,
                sources: vec!["192.0.2.0/24".parse().expect("a net")],
                created: 1,
                until: Some(2),
                last_used: None,
                ended: None,
                seal: Vec::new(),
            },
            principal: Principal {
                user: "alice".parse().expect("a name"),
                uid: Uid(1000),
                gid: Gid(1000),
                groups: (0..groups).map(|n| format!("group-{n}")).collect(),
                home: "/home/alice".into(),
                shell: "/bin/bash".into(),
            },
            role: Role::Publisher,
        }
    }

    #[test]
    fn batches_are_messages_and_lose_none() {
        let (here, there) = Channel::pair().expect("a pair");
        let all: Vec<KeyRow> = (0..2000).map(|n| row((n * 7) % 40)).collect();
        let mut back = Vec::new();
        for batch in batches(all.clone()) {
            here.send(&ToServer::Keys(batch), &[]).expect("it fits");
            let (ToServer::Keys(some), _) = there.receive::<ToServer>().expect("a message") else {
                panic!("another message")
            };
            back.extend(some);
        }
        assert_eq!(back, all);
    }
}
