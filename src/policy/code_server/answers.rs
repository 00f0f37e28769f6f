//! The way down: what the session answers. Only answers to what was refused are changed; files that go out are counted.

use std::collections::HashMap;

use super::call;
use super::carry::Carry;
use super::frame::{Event, REGULAR, Stand};
use super::hello::Carries;
use super::method_call;
use super::socket::{Socket, Stage, carried};
use super::value::{Reader, Value};
use crate::Direction;
use crate::inspect::Acts;

/// Longest answer that is looked at for a reason: ours are short.
const ANSWER_MAX: usize = 64 * 1024;

impl Socket {
    /// Reads on from the session: only answers to what was refused are changed.
    pub(super) fn descend(&mut self, input: &[u8], out: &mut Vec<u8>, acts: &mut Acts) {
        let mut at = 0;
        loop {
            let carries = match self.stage {
                Stage::Unread | Stage::Open(Carries::Tunnel) => {
                    out.extend_from_slice(&input[at..]);
                    return;
                }
                Stage::Open(carries) => Some(carries),
                Stage::Greeting(_) => None,
            };
            let before = out.len();
            let event = self.down.advance(input, &mut at, out);
            carried(&mut self.download, &self.down, &out[before..], acts);
            match event {
                Event::Hungry => return,
                Event::Begun(head) => {
                    let looked = head.kind == REGULAR && carries.is_some() && head.length > 1;
                    if looked {
                        self.down = Stand::Kept(head, Vec::new(), head.length.min(16));
                    } else {
                        self.down.pass(&head, out);
                    }
                }
                Event::Ready => {
                    let Stand::Kept(head, body, want) = &mut self.down else { continue };
                    let error = match carries {
                        Some(Carries::Management) => {
                            starts(body, head.length, &mut self.fetches, &mut self.download)
                        }
                        _ => matches!(body.first(), Some(10 | 11)),
                    };
                    if error && head.length <= ANSWER_MAX && body.len() < head.length {
                        *want = head.length;
                        continue;
                    }
                    let answer = match carries {
                        Some(Carries::Management) if error => call::answer(body),
                        Some(Carries::Extensions) if error => method_call::answer(&self.flags, body),
                        _ => None,
                    };
                    match answer {
                        Some(answer) => self.down.replace(&answer, out),
                        None => self.down.release(out),
                    }
                    carried(&mut self.download, &self.down, &[], acts);
                }
            }
        }
    }
}

/// Whether a message of the server is an error; a file that was asked for begins to be carried.
fn starts(
    body: &[u8],
    total: usize,
    fetches: &mut HashMap<u32, String>,
    download: &mut Option<Carry>,
) -> bool {
    let mut reader = Reader::new(body, total);
    if reader.value() != Ok(Value::Array(2)) {
        return false;
    }
    let (Ok(kind), Ok(id)) = (reader.int(), reader.int()) else { return false };
    if !matches!(kind, 201..=203) {
        return false;
    }
    if let Some(path) = fetches.remove(&id) {
        if let (201, Ok(Value::Buffer(bytes))) = (kind, reader.value()) {
            let mut carry = Carry::new(Direction::Download, path, bytes);
            carry.feed(&body[reader.at().min(body.len())..]);
            *download = Some(carry);
        }
    }
    kind == 202
}
