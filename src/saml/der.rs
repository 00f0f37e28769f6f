//! As much DER as a walk to a certificate's key needs: elements with definite, shortest lengths (X.690, 10.1).
//!
//! Called by [`crate::certificate`], and by [`crate::decryption`] for keys of the older form.

use zeroize::Zeroizing;

/// `INTEGER`.
pub(crate) const INTEGER: u8 = 0x02;
/// `BIT STRING`.
pub(crate) const BITS: u8 = 0x03;
/// `OCTET STRING`.
pub(crate) const OCTETS: u8 = 0x04;
/// `OBJECT IDENTIFIER`.
pub(crate) const OBJECT: u8 = 0x06;
/// `SEQUENCE`.
pub(crate) const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;

/// Elements one after the other.
#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The content of the next element, which is of this kind.
    pub(crate) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.take_whole(tag).map(|(_, content)| content)
    }

    /// The same with the whole element, its head included.
    pub(crate) fn take_whole(&mut self, tag: u8) -> Option<(&'a [u8], &'a [u8])> {
        let (&found, rest) = self.0.split_first()?;
        if found != tag {
            return None;
        }
        let (length, head) = length(rest)?;
        let end = head.checked_add(length)?.checked_add(1)?;
        let whole = self.0.get(..end)?;
        self.0 = &self.0[end..];
        Some((whole, &whole[end - length..]))
    }

    /// Goes over the next element when it is of this kind.
    pub(crate) fn skip_if(&mut self, tag: u8) {
        self.take(tag);
    }

    /// Nothing comes after.
    pub(crate) const fn end(&self) -> Option<()> {
        if self.0.is_empty() { Some(()) } else { None }
    }
}

/// A length and how many bytes said it. At most three bytes: certificates of 16 MB are none.
fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = *bytes.first()?;
    if first < 0x80 {
        return Some((usize::from(first), 1));
    }
    let count = usize::from(first & 0x7f);
    if !(1..=3).contains(&count) {
        return None;
    }
    let value = bytes.get(1..=count)?.iter().fold(0, |sum: usize, &byte| (sum << 8) | usize::from(byte));
    // The shortest form alone: one element, one spelling.
    let shortest = value >= 0x80 && (count == 1 || value >> (8 * (count - 1)) > 0);
    shortest.then_some((value, count + 1))
}

/// An RSA private key of PKCS#1 within what PKCS#8 puts around it: version 0, `rsaEncryption`, the key.
pub(crate) fn pkcs8(key: &[u8]) -> Zeroizing<Vec<u8>> {
    const VERSION_AND_ALGORITHM: &[u8] =
        &[2, 1, 0, 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
    let mut inner = Zeroizing::new(VERSION_AND_ALGORITHM.to_vec());
    inner.extend_from_slice(&head(OCTETS, key.len()));
    inner.extend_from_slice(key);
    let mut out = Zeroizing::new(head(SEQUENCE, inner.len()));
    out.extend_from_slice(&inner);
    out
}

/// An element's kind and length, in the shortest form.
fn head(tag: u8, length: usize) -> Vec<u8> {
    let bytes = length.to_be_bytes();
    let significant: Vec<u8> = bytes.iter().copied().skip_while(|&byte| byte == 0).collect();
    match (significant.as_slice(), u8::try_from(significant.len())) {
        ([], _) => vec![tag, 0],
        (&[one], _) if one < 0x80 => vec![tag, one],
        (several, count) => [&[tag, 0x80 | count.unwrap_or(0)], several].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_spelling() {
        for (bytes, wanted) in [
            (&[0x05][..], Some((5, 1))),
            (&[0x81, 0x80], Some((128, 2))),
            (&[0x82, 0x01, 0x00], Some((256, 3))),
            (&[0x81, 0x05], None),
            (&[0x82, 0x00, 0x80], None),
            (&[0x80], None),
            (&[0x84, 1, 1, 1, 1], None),
            (&[0x82, 1], None),
            (&[], None),
        ] {
            assert_eq!(length(bytes), wanted, "{bytes:02x?}");
        }
    }

    #[test]
    fn a_length_that_is_written_is_read() {
        for length in [0, 1, 127, 128, 255, 256, 1218, 65_535, 65_536] {
            let written = head(OCTETS, length);
            assert_eq!(super::length(&written[1..]), Some((length, written.len() - 1)), "{length}");
        }
    }

    #[test]
    fn elements_come_in_order_and_end() {
        let mut reader = Reader::new(&[INTEGER, 1, 7, OBJECT, 2, 1, 2]);
        reader.skip_if(CONTEXT_0);
        assert_eq!(reader.take(OBJECT), None);
        assert_eq!(reader.take(INTEGER), Some(&[7][..]));
        assert_eq!(reader.end(), None);
        assert_eq!(reader.take_whole(OBJECT), Some((&[OBJECT, 2, 1, 2][..], &[1, 2][..])));
        assert_eq!(reader.end(), Some(()));
        assert_eq!(Reader::new(&[OBJECT, 3, 1, 2]).take(OBJECT), None);
    }
}
