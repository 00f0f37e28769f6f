//! Whether bytes from a directory are a message that an answer to us can be (RFC 4511, BER with definite lengths).
//!
//! What reads messages afterwards recurses as deep as they nest, keeps as much as they say and takes their shape on trust.
//! So nothing reaches it that is larger than [`MESSAGE_MAX`], nests otherwise than RFC 4511 says, or is of another kind.

use thiserror::Error;

/// Largest message: an entry with 1,500 DNs of groups has 200 KiB.
pub(super) const MESSAGE_MAX: usize = 1024 * 1024;
/// Most bytes of one connection: a person with 1,024 groups takes 400 KiB.
pub(super) const CONNECTION_MAX: usize = 8 * 1024 * 1024;

/// What a whole message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole {
    /// Bytes of it.
    pub len: usize,
    /// Its number.
    pub id: u32,
    /// The tag of its operation.
    pub op: u8,
    /// The result code, of operations that have one.
    pub code: Option<u32>,
}

/// Not a message that we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Bad {
    /// Larger than the limit.
    #[error("a message of more than {MESSAGE_MAX} bytes")]
    TooLarge,
    /// Not of a form of RFC 4511.
    #[error("bytes that are no message of a directory")]
    Form,
}

/// An element: its tag and its content.
type Element<'a> = (u8, &'a [u8]);

/// Operations with a result code: the answer to a bind, the end of a search, the answer to StartTLS or a good-bye.
pub(super) const BIND: u8 = 0x61;
pub(super) const DONE: u8 = 0x65;
pub(super) const EXTENDED: u8 = 0x78;
/// What a search finds: an entry, a place to look elsewhere.
pub(super) const ENTRY: u8 = 0x64;
pub(super) const REFERENCE: u8 = 0x73;

/// The first message of `bytes`; none when more must come.
pub(super) fn first(bytes: &[u8]) -> Result<Option<Whole>, Bad> {
    let Some((tag, head, length)) = header(bytes)? else { return Ok(None) };
    if tag != 0x30 {
        return Err(Bad::Form);
    }
    if length > MESSAGE_MAX {
        return Err(Bad::TooLarge);
    }
    let Some(content) = bytes.get(head..head + length) else { return Ok(None) };
    let mut parts = Parts(content);
    let id = number(parts.expect(0x02)?).ok_or(Bad::Form)?;
    let (op, body) = parts.next()?.ok_or(Bad::Form)?;
    let code = match op {
        BIND | DONE | EXTENDED => Some(result(body)?),
        ENTRY => entry(body).map(|()| None)?,
        REFERENCE => texts(body).map(|()| None)?,
        _ => return Err(Bad::Form),
    };
    match parts.next()? {
        None => {}
        Some((0xa0, body)) => controls(body)?,
        // Active Directory puts the name of a notice of disconnection here.
        Some((0x8a, _)) if op == EXTENDED => {}
        Some(_) => return Err(Bad::Form),
    }
    if parts.next()?.is_some() {
        return Err(Bad::Form);
    }
    Ok(Some(Whole { len: head + length, id, op, code }))
}

/// `LDAPResult`, with what bind and extended responses add to it.
fn result(body: &[u8]) -> Result<u32, Bad> {
    let mut parts = Parts(body);
    let code = number(parts.expect(0x0a)?).ok_or(Bad::Form)?;
    text(parts.expect(0x04)?)?;
    text(parts.expect(0x04)?)?;
    while let Some((tag, body)) = parts.next()? {
        match tag {
            0xa3 => texts(body)?,
            0x8a => text(body)?,
            0x87 | 0x8b => {}
            _ => return Err(Bad::Form),
        }
    }
    Ok(code)
}

/// `SearchResultEntry`: a DN, and attributes with their values.
fn entry(body: &[u8]) -> Result<(), Bad> {
    let mut parts = Parts(body);
    text(parts.expect(0x04)?)?;
    let mut attributes = Parts(parts.expect(0x30)?);
    while let Some((tag, attribute)) = attributes.next()? {
        let mut attribute = Parts(attribute);
        text(attribute.expect(0x04)?)?;
        let mut values = Parts(attribute.expect(0x31)?);
        while values
            .next()?
            .map(|(tag, _)| if tag == 0x04 { Ok(()) } else { Err(Bad::Form) })
            .transpose()?
            .is_some()
        {}
        if tag != 0x30 || attribute.next()?.is_some() {
            return Err(Bad::Form);
        }
    }
    if parts.next()?.is_some() { Err(Bad::Form) } else { Ok(()) }
}

fn controls(body: &[u8]) -> Result<(), Bad> {
    let mut all = Parts(body);
    while let Some((tag, one)) = all.next()? {
        let mut one = Parts(one);
        text(one.expect(0x04)?)?;
        let mut next = one.next()?;
        if let Some((0x01, critical)) = next {
            if critical.len() != 1 {
                return Err(Bad::Form);
            }
            next = one.next()?;
        }
        let valued = next.is_none_or(|(tag, _)| tag == 0x04);
        if tag != 0x30 || !valued || one.next()?.is_some() {
            return Err(Bad::Form);
        }
    }
    Ok(())
}

/// Elements that are all texts.
fn texts(body: &[u8]) -> Result<(), Bad> {
    let mut parts = Parts(body);
    while let Some((tag, body)) = parts.next()? {
        if tag != 0x04 {
            return Err(Bad::Form);
        }
        text(body)?;
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<(), Bad> {
    std::str::from_utf8(bytes).map(drop).map_err(|_| Bad::Form)
}

/// A whole number that is not negative.
pub(super) fn number(bytes: &[u8]) -> Option<u32> {
    let small = (1..=4).contains(&bytes.len()) && bytes[0] < 0x80;
    small.then(|| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// The elements of a constructed one.
pub(super) struct Parts<'a>(pub &'a [u8]);

impl<'a> Parts<'a> {
    pub(super) fn next(&mut self) -> Result<Option<Element<'a>>, Bad> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (tag, head, length) = header(self.0)?.ok_or(Bad::Form)?;
        let end = head.checked_add(length).ok_or(Bad::Form)?;
        let content = self.0.get(head..end).ok_or(Bad::Form)?;
        self.0 = &self.0[end..];
        Ok(Some((tag, content)))
    }

    pub(super) fn expect(&mut self, wanted: u8) -> Result<&'a [u8], Bad> {
        match self.next()? {
            Some((tag, content)) if tag == wanted => Ok(content),
            _ => Err(Bad::Form),
        }
    }
}

/// Tag, bytes of tag and length, and the length; none when more must come. Lengths that are not said, and tags of several
/// bytes, are in no message of a directory.
fn header(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, Bad> {
    let [tag, first, rest @ ..] = bytes else { return Ok(None) };
    if tag & 0x1f == 0x1f {
        return Err(Bad::Form);
    }
    let more = usize::from(first & 0x7f);
    if first & 0x80 == 0 {
        return Ok(Some((*tag, 2, more)));
    }
    if !(1..=4).contains(&more) {
        return Err(Bad::Form);
    }
    let Some(digits) = rest.get(..more) else { return Ok(None) };
    let length = digits.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    Ok(Some((*tag, 2 + more, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).expect("a short element");
        [&[tag, length][..], content].concat()
    }

    fn message(op: u8, body: &[u8]) -> Vec<u8> {
        element(0x30, &[&[2, 1, 7][..], &element(op, body)].concat())
    }

    const OK: &[u8] = &[0x0a, 1, 0, 4, 0, 4, 0];

    #[test]
    fn answers_are_taken_and_cut_ones_are_waited_for() {
        let value = element(0x31, &element(4, b"\xff\x00"));
        let attribute = element(0x30, &[element(4, b"uid"), value].concat());
        let entry = [element(4, b"cn=a"), element(0x30, &attribute)].concat();
        let with_control = {
            let control = element(0x30, &[element(4, b"1.2"), vec![1, 1, 0xff], element(4, &[1])].concat());
            element(0x30, &[&[2, 1, 7][..], &element(BIND, OK), &element(0xa0, &control)].concat())
        };
        for (bytes, op, code) in [
            (message(BIND, OK), BIND, Some(0)),
            (message(BIND, &[0x0a, 1, 49, 4, 0, 4, 1, b'x', 0x87, 1, 9]), BIND, Some(49)),
            (
                message(
                    DONE,
                    &[&[0x0a, 1, 10, 4, 0, 4, 0][..], &element(0xa3, &element(4, b"ldap://x"))].concat(),
                ),
                DONE,
                Some(10),
            ),
            (message(EXTENDED, &[OK, &[0x8a, 3, b'1', b'.', b'3']].concat()), EXTENDED, Some(0)),
            (message(ENTRY, &entry), ENTRY, None),
            (message(REFERENCE, &element(4, b"ldap://x")), REFERENCE, None),
            (with_control, BIND, Some(0)),
        ] {
            assert_eq!(first(&bytes), Ok(Some(Whole { len: bytes.len(), id: 7, op, code })), "{bytes:x?}");
            for end in 0..bytes.len() {
                assert_eq!(first(&bytes[..end]), Ok(None), "{end} of {bytes:x?}");
            }
            let two = [bytes.clone(), bytes.clone()].concat();
            assert_eq!(first(&two).map(|whole| whole.map(|whole| whole.len)), Ok(Some(bytes.len())));
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let deep = (0..40).fold(vec![4, 0], |inner, _| element(0x30, &inner));
        for bytes in [
            b"HTTP/1.1 400 Bad Request\r\n".to_vec(),
            vec![0x30, 0x80],
            vec![0x30, 0x85, 1, 1, 1, 1, 1],
            element(0x30, &deep),
            message(BIND, &deep),
            message(ENTRY, &[element(4, b"cn=a"), deep.clone()].concat()),
            message(0x60, OK),
            message(0x79, OK),
            message(BIND, &[0x0a, 1, 0, 4, 1, 0xff, 4, 0]),
            message(BIND, &[0x0a, 0, 4, 0, 4, 0]),
            message(BIND, &[0x0a, 1, 0, 4, 0]),
            message(BIND, &[OK, &[0x30, 0]].concat()),
            message(BIND, &[0x0a, 1, 0, 4, 9, 4, 0]),
            element(0x30, &[&[2, 1, 7][..], &element(BIND, OK), &[0xa0, 2, 0x30, 0]].concat()),
            element(0x30, &[&[2, 1, 7][..], &element(BIND, OK), &[0xa1, 0]].concat()),
            element(0x30, &[&[2, 1, 0xff][..], &element(BIND, OK)].concat()),
            element(0x30, &[2, 1, 7]),
            vec![0x30, 0],
        ] {
            assert_eq!(first(&bytes), Err(Bad::Form), "{bytes:x?}");
        }
        assert_eq!(first(&[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]), Err(Bad::TooLarge));
    }
}
