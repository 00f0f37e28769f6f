//! HTTP/2 as no library would write it: frames in raw bytes.

/// What a client sends first, with empty SETTINGS.
pub(crate) fn hello() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    bytes
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const CANCEL: [u8; 4] = [0, 0, 0, 8];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// `GET /` by the static table, and the authority as a literal.
fn get(host: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x87, 0x84, 0x41, u8::try_from(host.len()).unwrap_or(0)];
    block.extend(host.as_bytes());
    block
}

/// A request, and at once that it is not wanted any more.
pub(crate) fn reset(host: &str, stream: u32) -> Vec<u8> {
    let mut bytes = frame(HEADERS, END_HEADERS | END_STREAM, stream, &get(host));
    bytes.extend(frame(RST_STREAM, 0, stream, &CANCEL));
    bytes
}

/// A request's head that does not end yet.
pub(crate) fn endless(host: &str, stream: u32) -> Vec<u8> {
    frame(HEADERS, END_STREAM, stream, &get(host))
}

/// More of it: fields of this many bytes, that nobody's table keeps.
pub(crate) fn more(stream: u32, bytes: usize) -> Vec<u8> {
    let mut block = Vec::with_capacity(bytes + 64);
    while block.len() < bytes {
        block.extend([0x00, 0x01, b'x', 0x64]);
        block.extend([b'a'; 0x64]);
    }
    frame(CONTINUATION, 0, stream, &block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_two_frames() {
        let bytes = reset("h", 3);
        assert_eq!(bytes[..9], [0, 0, 6, 1, 5, 0, 0, 0, 3]);
        assert_eq!(bytes[9..15], [0x82, 0x87, 0x84, 0x41, 1, b'h']);
        assert_eq!(bytes[15..], [0, 0, 4, 3, 0, 0, 0, 0, 3, 0, 0, 0, 8]);
        assert_eq!(more(1, 100).len(), 9 + 104);
        assert!(hello().starts_with(b"PRI * HTTP/2.0"));
    }
}
