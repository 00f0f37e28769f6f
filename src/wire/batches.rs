//! Sign-ins in as few messages as they fit into, for a server that is told of all of them.
//!
//! Called by the launcher when a server starts or comes back. What else a server is told one by one can be told in such pieces too.

use portcullis_model::sign_in::SignIn;

use crate::MESSAGE_MAX;

/// Largest sign-in, in bytes as it is sent: an account in thousands of groups. A larger one fits into no message with certainty, so
/// that nobody is let in with it.
pub const SIGN_IN_MAX: usize = MESSAGE_MAX / 2;
/// Bytes of sign-ins in one [`ToServer::SignIns`](crate::ToServer::SignIns): what else is in the message is the version, the kind and a number.
const BATCH_MAX: usize = MESSAGE_MAX - 16;

/// How many bytes a sign-in has as it is sent.
pub fn size(sign_in: &SignIn) -> usize {
    // What can be written at all has a length.
    postcard::experimental::serialized_size(sign_in).unwrap_or(usize::MAX)
}

/// Sign-ins in pieces that fit into a message each, in their order; a hundred thousand are some two hundred messages. One of more
/// than [`SIGN_IN_MAX`] has a piece of its own.
pub fn batches<'a>(sign_ins: impl IntoIterator<Item = &'a SignIn>) -> impl Iterator<Item = Vec<&'a SignIn>> {
    let mut rest = sign_ins.into_iter().peekable();
    std::iter::from_fn(move || {
        let mut batch = vec![rest.next()?];
        let mut left = BATCH_MAX.saturating_sub(size(batch[0]));
        while let Some(next) = rest.next_if(|next| size(next) <= left) {
            left -= size(next);
            batch.push(next);
        }
        Some(batch)
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use portcullis_model::sign_in::Principal;
    use portcullis_model::{Gid, SignInId, Uid};

    use super::*;
    use crate::{Channel, ToServer};

    fn sign_in(number: u32, groups: usize) -> SignIn {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let principal = Principal {
            user: "alice".parse().expect("a name"),
            uid: Uid(number),
            gid: Gid(1000),
            groups: (0..groups).map(|n| format!("group-{n}")).collect(),
            home: "/home/alice".into(),
            shell: "/bin/bash".into(),
        };
        let remote = IpAddr::from([192, 0, 2, 1]);
        SignIn::of(SignInId::from_bytes(id), principal, remote, (1_700_000_000, 1_700_003_600))
    }

    #[test]
    fn batches_are_full_messages_and_lose_nobody() {
        // Few groups, many, hardly any: pieces end at odd places.
        let all: Vec<SignIn> = (0..3000).map(|n| sign_in(n, (n as usize * 7) % 40)).collect();
        let (here, there) = Channel::pair().expect("a pair");
        let mut back = Vec::new();
        let mut lengths = Vec::new();
        for batch in batches(&all) {
            lengths.push(batch.iter().map(|one| size(one)).sum::<usize>());
            let message = ToServer::SignIns(batch.into_iter().cloned().collect());
            here.send(&message, &[]).expect("it fits");
            let ToServer::SignIns(some) = there.receive::<ToServer>().expect("read").0 else {
                panic!("another message")
            };
            back.extend(some);
        }
        assert_eq!(back, all);
        let full = lengths.iter().filter(|length| **length > MESSAGE_MAX - 1024).count();
        assert_eq!(full, lengths.len() - 1, "{lengths:?}");
        assert_eq!(batches(&[]).count(), 0);
    }

    #[test]
    fn the_largest_sign_in_that_is_let_in_fits() {
        let mut groups = 1;
        while size(&sign_in(1, groups * 2)) <= SIGN_IN_MAX {
            groups *= 2;
        }
        let largest = sign_in(1, groups);
        let (here, there) = Channel::pair().expect("a pair");
        here.send(&ToServer::SignIn(Box::new(largest.clone())), &[]).expect("it fits");
        there.receive::<ToServer>().expect("read");
        let two = [largest.clone(), largest];
        for batch in batches(&two) {
            here.send(&ToServer::SignIns(batch.into_iter().cloned().collect()), &[]).expect("it fits");
            there.receive::<ToServer>().expect("read");
        }
        let too_large = [sign_in(1, 1), sign_in(2, 20_000), sign_in(3, 1)];
        assert_eq!(batches(&too_large).map(|batch| batch.len()).collect::<Vec<_>>(), [1, 1, 1]);
    }

    #[test]
    fn variants_that_were_released_keep_their_numbers() {
        let number = |message: &ToServer| postcard::to_allocvec(message).expect("written")[0];
        let sign_in = Box::new(sign_in(1, 1));
        assert_eq!(number(&ToServer::SignIn(sign_in.clone())), 2);
        assert_eq!(number(&ToServer::Caught), 7);
        assert_eq!(number(&ToServer::Written { records: 1 }), 20);
        assert_eq!(number(&ToServer::SignIns(vec![*sign_in])), 21);
    }
}
