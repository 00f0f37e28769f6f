//! Follows WebSocket frames in a stream of bytes without holding it up or changing it (RFC 6455, 5).
//!
//! Knows where frames begin, so that a close frame can be put between two, and shows the first bytes of
//! each data message to an observer. Holds 256 bytes at most, and those only while a message's start is
//! incomplete. Nonsense is not judged here: the ends do that.

/// Bytes of a message an observer sees.
pub(crate) const SHOWN: usize = 256;

const CONTINUATION: u8 = 0;
const CONTROL: u8 = 8; // this bit is set in close, ping and pong

/// Sees a message's opcode and its first bytes.
pub(crate) type Observe<'a> = dyn FnMut(u8, &[u8]) + 'a;

/// The position in one direction's stream.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// The current frame's header as far as it has come; 14 bytes at most.
    header: [u8; 14],
    header_length: u8,
    /// Payload of the current frame still to come.
    left: u64,
    mask: Option<[u8; 4]>,
    /// Position in the payload, for the mask.
    at: u64,
    last: bool,
    control: bool,
    message: Message,
}

/// The data message being shown.
#[derive(Debug, Default)]
struct Message {
    opcode: u8,
    shown: Vec<u8>,
    /// The observer has seen it.
    done: bool,
}

impl Frames {
    /// Between two frames.
    pub(crate) fn at_boundary(&self) -> bool {
        self.header_length == 0 && self.left == 0
    }

    /// Takes the next bytes; `observe` is called for each data message whose start is now known.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut observe: Option<&mut Observe<'_>>) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                let (part, rest) = bytes.split_at(here);
                bytes = rest;
                if let Some(observe) = &mut observe {
                    self.show(part, *observe);
                }
                let here = u64::try_from(here).unwrap_or(u64::MAX);
                self.left = self.left.saturating_sub(here);
                self.at = self.at.wrapping_add(here);
            } else {
                let Some(slot) = self.header.get_mut(usize::from(self.header_length)) else {
                    return; // cannot be: a header is complete at 14 bytes
                };
                *slot = bytes[0];
                self.header_length += 1;
                bytes = &bytes[1..];
                if self.header_length < self.header_needs() {
                    continue;
                }
                self.begin();
            }
            if self.left == 0 && self.header_length == 0 {
                if let Some(observe) = &mut observe {
                    self.end_frame(*observe);
                }
            }
        }
    }

    fn header_needs(&self) -> u8 {
        if self.header_length < 2 {
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

    fn begin(&mut self) {
        let opcode = self.header[0] & 0x0f;
        self.last = self.header[0] & 0x80 != 0;
        let (length, mask_at) = match self.header[1] & 0x7f {
            126 => (u64::from(u16::from_be_bytes([self.header[2], self.header[3]])), 4),
            127 => {
                let mut length = [0; 8];
                length.copy_from_slice(&self.header[2..10]);
                (u64::from_be_bytes(length), 10)
            }
            short => (u64::from(short), 2),
        };
        let masked = self.header[1] & 0x80 != 0;
        self.mask = masked.then(|| {
            let mut mask = [0; 4];
            mask.copy_from_slice(&self.header[mask_at..mask_at + 4]);
            mask
        });
        self.left = length;
        self.at = 0;
        self.header_length = 0;
        self.control = opcode & CONTROL != 0;
        if !self.control && opcode != CONTINUATION {
            self.message = Message { opcode, shown: Vec::new(), done: false };
        }
    }

    fn show(&mut self, part: &[u8], observe: &mut Observe<'_>) {
        if self.control || self.message.done {
            return;
        }
        let room = SHOWN - self.message.shown.len().min(SHOWN);
        let at = usize::try_from(self.at % 4).unwrap_or(0);
        let mask = self.mask.unwrap_or_default();
        let unmasked = part.iter().take(room).enumerate().map(|(i, byte)| byte ^ mask[(at + i) % 4]);
        self.message.shown.extend(unmasked);
        if self.message.shown.len() >= SHOWN {
            self.tell(observe);
        }
    }

    fn end_frame(&mut self, observe: &mut Observe<'_>) {
        if !self.control && self.last && !self.message.done {
            self.tell(observe);
        }
    }

    fn tell(&mut self, observe: &mut Observe<'_>) {
        self.message.done = true;
        observe(self.message.opcode, &self.message.shown);
        self.message.shown = Vec::new();
    }
}

/// A close frame with `code`; masked as clients must, with an all-zero key, which hides nothing and needs to
/// hide nothing.
pub(crate) fn close_frame(code: u16, masked: bool) -> Vec<u8> {
    let [high, low] = code.to_be_bytes();
    if masked { vec![0x88, 0x82, 0, 0, 0, 0, high, low] } else { vec![0x88, 2, high, low] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
        let mut out = vec![first];
        let bit = if mask.is_some() { 0x80 } else { 0 };
        match payload.len() {
            short @ 0..126 => out.push(bit | u8::try_from(short).expect("short")),
            middle @ 126..65536 => {
                out.push(bit | 126);
                out.extend(u16::try_from(middle).expect("middle").to_be_bytes());
            }
            long => {
                out.push(bit | 127);
                out.extend(u64::try_from(long).expect("long").to_be_bytes());
            }
        }
        out.extend(mask.unwrap_or_default().iter().take(if mask.is_some() { 4 } else { 0 }));
        let mask = mask.unwrap_or_default();
        out.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]));
        out
    }

    #[test]
    fn shows_the_start_of_each_message_however_it_is_cut() {
        let mask = Some([1, 2, 3, 4]);
        let mut bytes = frame(0x81, b"hello", mask);
        bytes.extend(frame(0x89, b"ping", mask));
        bytes.extend(frame(0x02, b"frag", mask)); // not final
        bytes.extend(frame(0x8a, b"", mask)); // a pong in between
        bytes.extend(frame(0x80, b"ment", mask));
        bytes.extend(frame(0x82, &[7; 70_000], mask));
        bytes.extend(frame(0x81, b"", mask));
        for step in [1, 2, 3, 7, 100, bytes.len()] {
            let (mut frames, mut seen) = (Frames::default(), Vec::new());
            let mut observe = |opcode: u8, bytes: &[u8]| seen.push((opcode, bytes.to_vec()));
            for part in bytes.chunks(step) {
                frames.feed(part, Some(&mut observe));
            }
            assert!(frames.at_boundary());
            let shown: Vec<(u8, &[u8])> = seen.iter().map(|(opcode, bytes)| (*opcode, &bytes[..])).collect();
            assert_eq!(shown, [(1, &b"hello"[..]), (2, b"fragment"), (2, &[7; 256]), (1, b"")], "by {step}");
        }
    }

    #[test]
    fn absurd_lengths_do_no_harm() {
        let mut frames = Frames::default();
        frames.feed(&[0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], None);
        frames.feed(&[0; 4096], None);
        assert!(!frames.at_boundary());
    }
}
