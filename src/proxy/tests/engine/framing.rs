//! Frames of WebSockets, written and read by hand.

use crate::origin::{Conn, Origin};
use crate::proxy::Raw;

/// A frame as a client sends it.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [7, 1, 200, 3];
    let mut frame = head(first, payload.len(), 0x80);
    frame.extend(mask);
    frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    frame
}

/// A frame as a session sends it.
pub(crate) fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len(), 0);
    frame.extend(payload);
    frame
}

pub(crate) fn head(first: u8, length: usize, bit: u8) -> Vec<u8> {
    match length {
        0..126 => vec![first, bit | u8::try_from(length).expect("short")],
        126..65_536 => {
            let [high, low] = u16::try_from(length).expect("middle").to_be_bytes();
            vec![first, bit | 126, high, low]
        }
        _ => {
            let mut head = vec![first, bit | 127];
            head.extend(u64::try_from(length).expect("long").to_be_bytes());
            head
        }
    }
}

/// A frame at the client's end: first byte, payload; shorter than 64 KiB.
pub(crate) async fn read_frame(raw: &mut Raw) -> (u8, Vec<u8>) {
    let head = raw.exactly(2).await;
    let length = match head[1] {
        126 => usize::from(u16::from_be_bytes(raw.exactly(2).await.try_into().expect("two"))),
        short => usize::from(short),
    };
    (head[0], raw.exactly(length).await)
}

/// A frame at the session's end: first byte, mask, payload.
pub(crate) async fn frame(conn: &mut Conn) -> Option<(u8, [u8; 4], Vec<u8>)> {
    let head = conn.body(2).await;
    let [first, second] = head[..] else { return None };
    assert!(second & 0x80 != 0, "towards a session frames are masked");
    let length = match second & 0x7f {
        126 => usize::from(u16::from_be_bytes(conn.body(2).await.try_into().expect("two"))),
        127 => {
            usize::try_from(u64::from_be_bytes(conn.body(8).await.try_into().expect("eight"))).expect("fits")
        }
        short => usize::from(short),
    };
    let mask: [u8; 4] = conn.body(4).await.try_into().expect("four");
    let mut payload = conn.body(length).await;
    payload.iter_mut().enumerate().for_each(|(at, byte)| *byte ^= mask[at % 4]);
    Some((first, mask, payload))
}

/// The frames that reached the session.
pub(crate) fn sent_to(origin: &Origin) -> Vec<(u8, Vec<u8>)> {
    let bytes = origin.seen.bytes.borrow();
    let start = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let (mut at, mut frames) = (start, Vec::new());
    while at + 6 <= bytes.len() {
        let length = usize::from(bytes[at + 1] & 0x7f);
        assert!(length < 126);
        let mask = &bytes[at + 2..at + 6];
        let payload = &bytes[at + 6..at + 6 + length];
        frames.push((bytes[at], payload.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]).collect()));
        at += 6 + length;
    }
    frames
}
