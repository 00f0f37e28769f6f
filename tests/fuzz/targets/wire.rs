//! Messages between our processes: the privileged one reads what the other one wrote.

use portcullis_wire::{Answer, Ask, MESSAGE_MAX, Order, Report, ToLauncher, ToServer, admin};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Target;

/// What can be read can be written again, and is the same message then.
pub(super) const WIRE: Target = Target { name: "wire", run: wire, seeds, words: &["\0", "alice", "\u{1}"] };

fn wire(data: &[u8]) {
    let [kind, body @ ..] = data else { return };
    if body.len() > MESSAGE_MAX {
        return;
    }
    match kind % 8 {
        0 => round::<ToLauncher>(body),
        1 => round::<ToServer>(body),
        2 => round::<Order>(body),
        3 => round::<Report>(body),
        4 => round::<Ask>(body),
        5 => round::<Answer>(body),
        6 => round::<admin::ToDaemon>(body),
        _ => escaped::<admin::FromDaemon>(body),
    }
}

fn round<T: Serialize + DeserializeOwned>(body: &[u8]) {
    let Ok((message, _)) = postcard::take_from_bytes::<T>(body) else { return };
    let written = postcard::to_allocvec(&message).expect("what was read can be written");
    // Numbers have one short form; what was read may have been longer, never the other way round.
    assert!(written.len() <= body.len(), "a message grew");
    same::<T>(&written);
}

/// The same where texts are escaped as they are read: once, and never again.
fn escaped<T: Serialize + DeserializeOwned>(body: &[u8]) {
    let Ok((message, _)) = postcard::take_from_bytes::<T>(body) else { return };
    same::<T>(&postcard::to_allocvec(&message).expect("what was read can be written"));
}

fn same<T: Serialize + DeserializeOwned>(written: &[u8]) {
    let (again, rest) = postcard::take_from_bytes::<T>(written).expect("what was written can be read");
    assert!(rest.is_empty());
    assert_eq!(postcard::to_allocvec(&again).expect("again"), written);
}

fn seeds() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> =
        (0..8).flat_map(|kind| (0..24).map(move |variant| vec![kind, variant])).collect();
    for seed in &mut all {
        // Texts, numbers and ids of small size follow.
        seed.extend([5, b'a', b'l', b'i', b'c', b'e', 0, 1, 1, 2, 0, 0, 1, 1, b'x', 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    all
}
