//! Takes WebSocket frames apart (RFC 6455, 5), strictly: what two readers might understand differently is a violation.
//!
//! Keeps a header of 14 bytes and a control frame of 125, never a message. Called by `inspected`.

use thiserror::Error;

use crate::inspect::{Kind, PIECE_MAX};

/// Longest payload of a control frame.
const CONTROL_MAX: u64 = 125;
/// This bit is set in close, ping and pong.
const CONTROL: u8 = 8;
/// Ends a side's messages.
pub(super) const CLOSE: u8 = 8;

/// Why a stream is not one of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Violation {
    /// Extensions were not agreed on.
    #[error("a reserved bit is set")]
    ReservedBit,
    /// None of continuation, text, binary, close, ping, pong.
    #[error("a reserved opcode")]
    ReservedOpcode,
    /// Clients mask, servers don't.
    #[error("a frame that should be masked is not, or the other way round")]
    Mask,
    /// Fragmented or too long.
    #[error("a control frame in fragments, or longer than 125 bytes")]
    Control,
    /// A continuation of nothing, or a new message within another.
    #[error("fragments out of order")]
    Order,
    /// More digits than the length needs, or more than 63 bits.
    #[error("a length that is written wrongly")]
    Length,
}

/// What was taken apart; its bytes are in the caller's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Payload of a data message, unmasked. Empty only if it is the last.
    Data {
        /// The message's kind.
        kind: Kind,
        /// The message ends here.
        last: bool,
    },
    /// A whole control frame.
    Control {
        /// Close, ping or pong.
        opcode: u8,
    },
}

/// The position in one direction's stream.
#[derive(Debug)]
pub(super) struct Unframe {
    masked: bool,
    header: [u8; 14],
    have: u8,
    in_frame: bool,
    left: u64,
    mask: [u8; 4],
    last: bool,
    opcode: u8,
    /// The data message under way.
    message: Option<Kind>,
    control: Vec<u8>,
}

impl Unframe {
    /// At the start of a stream whose frames must be masked, or must not be.
    pub(super) fn new(masked: bool) -> Self {
        Self {
            masked,
            header: [0; 14],
            have: 0,
            in_frame: false,
            left: 0,
            mask: [0; 4],
            last: false,
            opcode: 0,
            message: None,
            control: Vec::new(),
        }
    }

    /// Takes bytes off the front until a unit is complete; its payload is appended to `piece`, which is empty before.
    pub(super) fn next(&mut self, bytes: &mut &[u8], piece: &mut Vec<u8>) -> Result<Option<Unit>, Violation> {
        loop {
            if !self.in_frame {
                let Some((first, rest)) = bytes.split_first() else { return Ok(None) };
                self.header[usize::from(self.have)] = *first;
                self.have += 1;
                *bytes = rest;
                if self.have < self.header_needs() {
                    continue;
                }
                self.begin()?;
            }
            let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len()).min(PIECE_MAX);
            if here == 0 && self.left > 0 {
                return Ok(None);
            }
            let (part, rest) = bytes.split_at(here);
            *bytes = rest;
            let control = self.opcode & CONTROL != 0;
            let to = if control { &mut self.control } else { &mut *piece };
            let at = to.len();
            to.extend_from_slice(part);
            unmask(&mut self.mask, &mut to[at..]);
            self.left -= u64::try_from(here).unwrap_or(0);
            let done = self.left == 0;
            self.in_frame = !done;
            if control {
                if done {
                    *piece = std::mem::take(&mut self.control);
                    return Ok(Some(Unit::Control { opcode: self.opcode }));
                }
                continue;
            }
            let Some(kind) = self.message else { return Err(Violation::Order) };
            let last = done && self.last;
            if last {
                self.message = None;
            }
            // A fragment without bytes says nothing.
            if last || !piece.is_empty() {
                return Ok(Some(Unit::Data { kind, last }));
            }
        }
    }

    fn header_needs(&self) -> u8 {
        if self.have < 2 {
            return 2;
        }
        let mask = if self.header[1] & 0x80 != 0 { 4 } else { 0 };
        let length = match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + mask + length
    }

    /// The header is there: what frame is it?
    fn begin(&mut self) -> Result<(), Violation> {
        let [zero, one, ..] = self.header;
        if zero & 0x70 != 0 {
            return Err(Violation::ReservedBit);
        }
        if (one & 0x80 != 0) != self.masked {
            return Err(Violation::Mask);
        }
        self.opcode = zero & 0x0f;
        self.last = zero & 0x80 != 0;
        let (length, shortest, mask_at) = match one & 0x7f {
            126 => (u64::from(u16::from_be_bytes([self.header[2], self.header[3]])), 126, 4),
            127 => {
                let mut length = [0; 8];
                length.copy_from_slice(&self.header[2..10]);
                (u64::from_be_bytes(length), 65_536, 10)
            }
            short => (u64::from(short), 0, 2),
        };
        if length < shortest || length > i64::MAX.unsigned_abs() {
            return Err(Violation::Length);
        }
        match (self.opcode, self.message) {
            (0, Some(_)) => {}
            (1, None) => self.message = Some(Kind::Text),
            (2, None) => self.message = Some(Kind::Binary),
            (0..=2, _) => return Err(Violation::Order),
            (8..=10, _) if self.last && length <= CONTROL_MAX => {}
            (8..=10, _) => return Err(Violation::Control),
            _ => return Err(Violation::ReservedOpcode),
        }
        self.mask = [0; 4];
        if self.masked {
            self.mask.copy_from_slice(&self.header[mask_at..mask_at + 4]);
        }
        self.left = length;
        self.have = 0;
        self.in_frame = true;
        Ok(())
    }
}

/// Masks or unmasks, and turns the mask so that it fits the byte that follows.
pub(super) fn unmask(mask: &mut [u8; 4], bytes: &mut [u8]) {
    if *mask == [0; 4] {
        return;
    }
    let turned = bytes.len() % 4;
    let mut fours = bytes.chunks_exact_mut(4);
    for four in &mut fours {
        four.iter_mut().zip(&*mask).for_each(|(byte, key)| *byte ^= key);
    }
    fours.into_remainder().iter_mut().zip(&*mask).for_each(|(byte, key)| *byte ^= key);
    mask.rotate_left(turned);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(bytes: &[u8], step: usize, masked: bool) -> Result<Vec<(Unit, Vec<u8>)>, Violation> {
        let (mut unframe, mut found) = (Unframe::new(masked), Vec::new());
        for mut part in bytes.chunks(step) {
            loop {
                let mut piece = Vec::new();
                match unframe.next(&mut part, &mut piece)? {
                    Some(unit) => found.push((unit, piece)),
                    None => break,
                }
            }
        }
        Ok(found)
    }

    #[test]
    fn messages_come_out_however_they_are_cut() {
        let mut bytes = vec![0x01, 0x83, 1, 2, 3, 4, b'a' ^ 1, b'b' ^ 2, b'c' ^ 3];
        bytes.extend([0x89, 0x82, 9, 9, 9, 9, b'p' ^ 9, b'q' ^ 9]);
        bytes.extend([0x00, 0x80, 0, 0, 0, 0]);
        bytes.extend([0x80, 0x85, 1, 0, 0, 0, b'd' ^ 1, b'e', b'f', b'g', b'h' ^ 1]);
        bytes.extend([0x82, 0x80, 5, 5, 5, 5]);
        for step in [1, 2, 5, bytes.len()] {
            let found = units(&bytes, step, true).expect("frames");
            let control: Vec<_> =
                found.iter().filter(|(unit, _)| matches!(unit, Unit::Control { .. })).collect();
            assert_eq!(control, [&(Unit::Control { opcode: 9 }, b"pq".to_vec())], "by {step}");
            let text: Vec<u8> = found
                .iter()
                .filter(|(unit, _)| matches!(unit, Unit::Data { kind: Kind::Text, .. }))
                .flat_map(|(_, piece)| piece.clone())
                .collect();
            assert_eq!(text, b"abcdefgh", "by {step}");
            let ends = found.iter().filter(|(unit, _)| matches!(unit, Unit::Data { last: true, .. })).count();
            assert_eq!(ends, 2);
            assert_eq!(found.last(), Some(&(Unit::Data { kind: Kind::Binary, last: true }, vec![])));
        }
    }

    #[test]
    fn what_is_ambiguous_is_a_violation() {
        let long_short = [0x82, 0xfe, 0, 5];
        let huge = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let cases: [(&[u8], Violation); 11] = [
            (&[0xc1, 0x80, 0, 0, 0, 0], Violation::ReservedBit),
            (&[0x91, 0x80, 0, 0, 0, 0], Violation::ReservedBit),
            (&[0x83, 0x80, 0, 0, 0, 0], Violation::ReservedOpcode),
            (&[0x8b, 0x80, 0, 0, 0, 0], Violation::ReservedOpcode),
            (&[0x81, 0x00], Violation::Mask),
            (&[0x80, 0x80, 0, 0, 0, 0], Violation::Order),
            (&[0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0], Violation::Order),
            (&[0x09, 0x80, 0, 0, 0, 0], Violation::Control),
            (&[0x88, 0xfe, 0, 126, 0, 0, 0, 0], Violation::Control),
            (&[long_short[0], long_short[1], 0, 5, 0, 0, 0, 0], Violation::Length),
            (&huge, Violation::Length),
        ];
        for (bytes, violation) in cases {
            assert_eq!(units(bytes, 1, true), Err(violation), "{bytes:x?}");
        }
        assert_eq!(units(&[0x81, 0x80, 0, 0, 0, 0], 1, false), Err(Violation::Mask));
    }

    #[test]
    fn a_mask_goes_on_where_it_was() {
        let original: Vec<u8> = (0..=255).collect();
        for cut in [0, 1, 3, 4, 7, 100, 256] {
            let (mut bytes, mut mask) = (original.clone(), [1, 2, 3, 4]);
            let (head, tail) = bytes.split_at_mut(cut);
            unmask(&mut mask, head);
            unmask(&mut mask, tail);
            unmask(&mut [1, 2, 3, 4], &mut bytes);
            assert_eq!(bytes, original);
        }
    }
}
