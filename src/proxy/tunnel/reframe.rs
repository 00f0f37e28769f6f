//! Puts WebSocket frames together again (RFC 6455, 5): towards the session with a fresh random mask each, as from a browser.
//!
//! Only whole frames are written, so the stream stands between two of them at any time. Called by `inspected`.

use std::cell::RefCell;

use super::unframe::unmask;
use crate::inspect::Kind;

/// Longest reason in a close frame: 125 bytes less the code.
const REASON_MAX: usize = 123;

/// The output of one direction.
#[derive(Debug)]
pub(super) struct Reframe {
    masked: bool,
    /// A message was begun and not ended.
    open: bool,
}

impl Reframe {
    /// For frames that are masked, or are not.
    pub(super) fn new(masked: bool) -> Self {
        Self { masked, open: false }
    }

    /// Within a message.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Appends a fragment.
    pub(super) fn data(&mut self, out: &mut Vec<u8>, kind: Kind, last: bool, payload: &[u8]) {
        let opcode = match kind {
            _ if self.open => 0,
            Kind::Text => 1,
            Kind::Binary => 2,
        };
        self.open = !last;
        self.frame(out, if last { 0x80 | opcode } else { opcode }, payload);
    }

    /// Appends a control frame; its payload is 125 bytes at most.
    pub(super) fn control(&self, out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
        self.frame(out, 0x80 | opcode, payload);
    }

    /// Appends a close frame.
    pub(super) fn close(&self, out: &mut Vec<u8>, code: u16, reason: &str) {
        let end = (0..=REASON_MAX.min(reason.len())).rev().find(|at| reason.is_char_boundary(*at));
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend_from_slice(&reason.as_bytes()[..end.unwrap_or(0)]);
        self.control(out, super::unframe::CLOSE, &payload);
    }

    fn frame(&self, out: &mut Vec<u8>, first: u8, payload: &[u8]) {
        out.push(first);
        let bit = if self.masked { 0x80 } else { 0 };
        match payload.len() {
            #[allow(clippy::cast_possible_truncation)] // at most 125
            short @ 0..126 => out.push(bit | short as u8),
            length => match u16::try_from(length) {
                Ok(length) => {
                    out.push(bit | 126);
                    out.extend_from_slice(&length.to_be_bytes());
                }
                Err(_) => {
                    out.push(bit | 127);
                    out.extend_from_slice(&u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
                }
            },
        }
        if !self.masked {
            out.extend_from_slice(payload);
            return;
        }
        let mut mask = fresh_mask();
        out.extend_from_slice(&mask);
        let at = out.len();
        out.extend_from_slice(payload);
        unmask(&mut mask, &mut out[at..]);
    }
}

/// Four random bytes, of a supply that is asked of the kernel 64 masks at a time.
///
/// A mask hides nothing; it keeps whoever chooses a payload from choosing the bytes on the wire (RFC 6455, 10.3), and the wire
/// is a socket of this machine. So a kernel without randomness costs the mask, not the message.
fn fresh_mask() -> [u8; 4] {
    thread_local! {
        static SUPPLY: RefCell<([u8; 256], usize)> = const { RefCell::new(([0; 256], 256)) };
    }
    SUPPLY.with_borrow_mut(|(bytes, used)| {
        if *used >= bytes.len() {
            if getrandom::fill(bytes).is_err() {
                return [0; 4];
            }
            *used = 0;
        }
        let mut mask = [0; 4];
        mask.copy_from_slice(&bytes[*used..*used + 4]);
        *used += 4;
        mask
    })
}

#[cfg(test)]
mod tests {
    use super::super::unframe::{Unframe, Unit};
    use super::*;

    #[test]
    fn what_was_put_together_comes_apart_again() {
        for masked in [false, true] {
            for length in [0, 1, 125, 126, 65_535, 65_536] {
                let (mut reframe, mut out) = (Reframe::new(masked), Vec::new());
                let payload = vec![7; length];
                reframe.data(&mut out, Kind::Binary, false, &[1]);
                assert!(reframe.is_open());
                reframe.control(&mut out, 9, b"ping");
                reframe.data(&mut out, Kind::Binary, true, &payload);
                assert!(!reframe.is_open());
                let (mut unframe, mut bytes, mut whole) = (Unframe::new(masked), &out[..], Vec::new());
                let mut pings = 0;
                loop {
                    let mut piece = Vec::new();
                    match unframe.next(&mut bytes, &mut piece).expect("frames") {
                        None => break,
                        Some(Unit::Control { opcode }) => {
                            pings += 1;
                            assert_eq!((opcode, &piece[..]), (9, &b"ping"[..]));
                        }
                        Some(Unit::Data { kind, .. }) => {
                            assert_eq!(kind, Kind::Binary);
                            whole.extend(piece);
                        }
                    }
                }
                assert_eq!((pings, whole.len()), (1, length + 1));
                assert!(whole[1..].iter().all(|byte| *byte == 7));
            }
        }
    }

    #[test]
    fn reasons_are_cut_at_a_character() {
        let mut out = Vec::new();
        Reframe::new(false).close(&mut out, 1008, &"é".repeat(100));
        assert_eq!(&out[..4], [0x88, 124, 0x03, 0xf0]);
        assert_eq!(std::str::from_utf8(&out[4..]), Ok(&*"é".repeat(61)));
    }

    #[test]
    fn masks_differ() {
        let masks: std::collections::HashSet<_> = (0..200).map(|_| fresh_mask()).collect();
        assert!(masks.len() > 190);
    }
}
