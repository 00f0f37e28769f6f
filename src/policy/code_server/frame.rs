//! The protocol's messages in the stream of bytes that a socket carries: a head of 13 bytes, then so many more.
//!
//! Messages of the WebSocket and of this protocol have nothing to do with each other: either may be split and joined.

/// Bytes of a head.
pub(super) const HEAD: usize = 13;
/// A message that is counted and answered for: a call or its answer.
pub(super) const REGULAR: u8 = 1;
/// One of the first words.
pub(super) const CONTROL: u8 = 2;

/// A message's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// What it is.
    pub(super) kind: u8,
    /// Its number; 0 for what isn't counted.
    pub(super) id: u32,
    /// The last number that its sender has seen.
    ack: u32,
    /// Bytes that follow.
    pub(super) length: usize,
}

impl Head {
    /// From its bytes.
    pub(super) fn read(bytes: &[u8; HEAD]) -> Self {
        let number = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self {
            kind: bytes[0],
            id: number(1),
            ack: number(5),
            length: usize::try_from(number(9)).unwrap_or(usize::MAX),
        }
    }

    /// Its bytes, with another length: numbers stay as they are, or the other side would ask for what is missing.
    pub(super) fn write(&self, length: usize, out: &mut Vec<u8>) {
        out.push(self.kind);
        for number in [self.id, self.ack, u32::try_from(length).unwrap_or(u32::MAX)] {
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

/// Where the stream stands.
#[derive(Debug)]
pub(super) enum Stand {
    /// In a head, of which so many bytes are there.
    Head([u8; HEAD], usize),
    /// In a message of which the start is kept until so many bytes of it are there.
    Kept(Head, Vec<u8>, usize),
    /// In a message of which so many bytes are still to pass.
    Pass(usize),
    /// In a message of which so many bytes are still to be left out.
    Drop(usize),
}

impl Default for Stand {
    fn default() -> Self {
        Self::Head([0; HEAD], 0)
    }
}

/// What a stretch of the stream led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// All of it was used up.
    Hungry,
    /// A head is complete: say what becomes of its message.
    Begun(Head),
    /// As much of a message's start as was asked for is there, in [`Stand::Kept`].
    Ready,
}

impl Stand {
    /// Reads on, `at` onwards; what passes is added to `out`.
    pub(super) fn advance(&mut self, input: &[u8], at: &mut usize, out: &mut Vec<u8>) -> Event {
        loop {
            let rest = &input[*at..];
            match self {
                Self::Head(bytes, have) => {
                    let take = rest.len().min(HEAD - *have);
                    bytes[*have..*have + take].copy_from_slice(&rest[..take]);
                    *have += take;
                    *at += take;
                    return if *have == HEAD { Event::Begun(Head::read(bytes)) } else { Event::Hungry };
                }
                Self::Kept(_, kept, want) => {
                    let take = rest.len().min(want.saturating_sub(kept.len()));
                    kept.extend_from_slice(&rest[..take]);
                    *at += take;
                    return if kept.len() >= *want { Event::Ready } else { Event::Hungry };
                }
                Self::Pass(left) | Self::Drop(left) if *left == 0 => *self = Self::default(),
                Self::Pass(left) => {
                    let take = rest.len().min(*left);
                    out.extend_from_slice(&rest[..take]);
                    *left -= take;
                    *at += take;
                    if *left > 0 {
                        return Event::Hungry;
                    }
                }
                Self::Drop(left) => {
                    let take = rest.len().min(*left);
                    *left -= take;
                    *at += take;
                    if *left > 0 {
                        return Event::Hungry;
                    }
                }
            }
        }
    }

    /// The message of a head passes whole.
    pub(super) fn pass(&mut self, head: &Head, out: &mut Vec<u8>) {
        head.write(head.length, out);
        *self = Self::Pass(head.length);
    }

    /// What was kept passes, and the rest of its message.
    pub(super) fn release(&mut self, out: &mut Vec<u8>) {
        if let Self::Kept(head, kept, _) = self {
            head.write(head.length, out);
            out.extend_from_slice(kept);
            *self = Self::Pass(head.length - kept.len());
        }
    }

    /// Another message goes on in place of the kept one.
    pub(super) fn replace(&mut self, body: &[u8], out: &mut Vec<u8>) {
        if let Self::Kept(head, kept, _) = self {
            head.write(body.len(), out);
            out.extend_from_slice(body);
            *self = Self::Drop(head.length - kept.len());
        }
    }
}
