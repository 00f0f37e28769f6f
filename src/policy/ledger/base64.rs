//! Base64 as Python's `binascii.a2b_base64` reads it, byte by byte: what is not of the alphabet is skipped, padding ends it.

use super::Digest;

/// Decoded bytes that are handed on at once.
const BATCH: usize = 3 * 1024;

/// Decodes into a [`Digest`].
pub(super) struct Decoder {
    group: u32,
    filled: u8,
    pads: u8,
    over: bool,
    out: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { group: 0, filled: 0, pads: 0, over: false, out: Vec::with_capacity(BATCH) }
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("filled", &self.filled).finish_non_exhaustive()
    }
}

impl Decoder {
    /// The next digits.
    pub(super) fn update(&mut self, mut text: &[u8], into: &mut Digest) {
        while let Some((group, rest)) = text.split_first_chunk::<4>() {
            // Whole groups of digits, as nearly all are; the first that isn't one, and what is behind it, goes byte by byte.
            let digits = group.map(|byte| VALUES[usize::from(byte)]);
            if self.filled > 0 || self.pads > 0 || self.over || digits.contains(&NONE) {
                let (few, rest) = text.split_at(1);
                self.digits(few, into);
                text = rest;
                continue;
            }
            let group = digits.iter().fold(0, |group, digit| group << 6 | u32::from(*digit));
            self.out.extend_from_slice(&group.to_be_bytes()[1..]);
            self.flush(into);
            text = rest;
        }
        self.digits(text, into);
    }

    fn flush(&mut self, into: &mut Digest) {
        if self.out.len() >= BATCH {
            into.update(&self.out);
            self.out.clear();
        }
    }

    fn digits(&mut self, text: &[u8], into: &mut Digest) {
        for byte in text {
            if self.over {
                break;
            }
            let value = VALUES[usize::from(*byte)];
            if value == NONE {
                if *byte == b'=' && self.filled >= 2 {
                    self.pads += 1;
                    self.over = self.filled + self.pads >= 4;
                }
                continue;
            }
            self.pads = 0;
            self.group = self.group << 6 | u32::from(value);
            self.filled += 1;
            if self.filled == 4 {
                self.out.extend_from_slice(&self.group.to_be_bytes()[1..]);
                (self.group, self.filled) = (0, 0);
                self.flush(into);
            }
        }
    }

    /// What is left: one or two bytes of a padded group.
    pub(super) fn finish(&mut self, into: &mut Digest) {
        let bytes = match self.filled {
            2 => [(self.group >> 4).to_be_bytes()[3], 0],
            3 => [(self.group >> 10).to_be_bytes()[3], (self.group >> 2).to_be_bytes()[3]],
            _ => [0, 0],
        };
        self.out.extend_from_slice(&bytes[..usize::from(self.filled.saturating_sub(1)).min(2)]);
        into.update(&self.out);
        *self = Self { out: std::mem::take(&mut self.out), ..Self::default() };
        self.out.clear();
    }
}

/// No digit.
const NONE: u8 = 0xff;

/// The value of each byte as a digit.
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut at = 0u8;
    while (at as usize) < digits.len() {
        values[digits[at as usize] as usize] = at;
        at += 1;
    }
    values
};
