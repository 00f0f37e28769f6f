//! What a token offers, read before the library sees it: so that NTLM is refused by its name, and a stranger's bytes that are
//! neither SPNEGO nor Kerberos reach no C at all.
//!
//! It reads the head of a token (RFC 2743, section 3.1) and the list of mechanisms in a SPNEGO one (RFC 4178, section 4.2.1);
//! what is in the ticket is the library's business.

/// Most mechanisms looked at: Windows offers four.
const MECHANISMS_MAX: usize = 16;

/// Object identifiers, without tag and length.
pub(crate) const KERBEROS: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
/// Kerberos as Windows 2000 misspelt it; Windows still offers it first.
pub(crate) const KERBEROS_MS: &[u8] = b"\x2a\x86\x48\x82\xf7\x12\x01\x02\x02";
pub(crate) const SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";
const NTLM: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";
/// How an NTLM message begins, bare or in SPNEGO.
const NTLM_MESSAGE: &[u8] = b"NTLMSSP\0";

/// What a token offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// Kerberos without a negotiation around it.
    Kerberos,
    /// A negotiation that has Kerberos first or later, and no NTLM message.
    Negotiated,
    /// NTLM: by itself, as the first choice, or as the message within.
    Ntlm,
    /// A negotiation without Kerberos, another mechanism, or no token at all.
    Nothing,
}

/// Looks at a token.
pub fn offer(token: &[u8]) -> Offer {
    if token.starts_with(NTLM_MESSAGE) {
        return Offer::Ntlm;
    }
    let Some((mechanism, inner)) = head(token) else { return Offer::Nothing };
    if mechanism == KERBEROS {
        return Offer::Kerberos;
    }
    if mechanism != SPNEGO {
        return Offer::Nothing;
    }
    let Some(Negotiation { mechanisms, message }) = negotiation(inner) else { return Offer::Nothing };
    if message.is_some_and(|message| message.starts_with(NTLM_MESSAGE)) || mechanisms.first() == Some(&NTLM) {
        Offer::Ntlm
    } else if mechanisms.iter().any(|each| [KERBEROS, KERBEROS_MS].contains(each)) {
        Offer::Negotiated
    } else if mechanisms.contains(&NTLM) {
        Offer::Ntlm
    } else {
        Offer::Nothing
    }
}

/// The mechanism of a token, and what it says to it.
fn head(token: &[u8]) -> Option<(&[u8], &[u8])> {
    let (content, rest) = element(token, 0x60)?;
    if !rest.is_empty() {
        return None;
    }
    element(content, 0x06)
}

/// What a `NegTokenInit` says.
struct Negotiation<'a> {
    /// In the order of preference.
    mechanisms: Vec<&'a [u8]>,
    /// To the first of them.
    message: Option<&'a [u8]>,
}

fn negotiation(inner: &[u8]) -> Option<Negotiation<'_>> {
    let (init, _) = element(inner, 0xa0)?;
    let (fields, _) = element(init, 0x30)?;
    let (list, mut rest) = element(fields, 0xa0)?;
    let (mut list, _) = element(list, 0x30)?;
    let mut mechanisms = Vec::new();
    while !list.is_empty() && mechanisms.len() < MECHANISMS_MAX {
        let (mechanism, after) = element(list, 0x06)?;
        mechanisms.push(mechanism);
        list = after;
    }
    // Flags may stand between; nobody looks at them any more.
    if let Some((_, after)) = element(rest, 0xa1) {
        rest = after;
    }
    let message =
        element(rest, 0xa2).and_then(|(message, _)| element(message, 0x04)).map(|(message, _)| message);
    Some(Negotiation { mechanisms, message })
}

/// The content of an element of this tag, and what follows it. Lengths as in DER, of at most three bytes.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = bytes.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(length & 3))?;
            (length.iter().fold(0, |length, &byte| (length << 8) | usize::from(byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = content.len().to_be_bytes();
        let mut bytes = vec![tag];
        match content.len() {
            0..=0x7f => bytes.push(length[7]),
            0x80..=0xff => bytes.extend([0x81, length[7]]),
            _ => bytes.extend([0x82, length[6], length[7]]),
        }
        bytes.extend(content);
        bytes
    }

    pub(crate) fn spnego(mechanisms: &[&[u8]], message: &[u8]) -> Vec<u8> {
        let list: Vec<_> = mechanisms.iter().flat_map(|each| wrap(0x06, &[each])).collect();
        let list = wrap(0xa0, &[&wrap(0x30, &[&list])]);
        let message = if message.is_empty() { Vec::new() } else { wrap(0xa2, &[&wrap(0x04, &[message])]) };
        let init = wrap(0xa0, &[&wrap(0x30, &[&list, &message])]);
        wrap(0x60, &[&wrap(0x06, &[SPNEGO]), &init])
    }

    #[test]
    fn what_browsers_offer() {
        const NEGOEX: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e";
        let ticket = [7; 3000];
        for (mechanisms, message, expected) in [
            (&[KERBEROS][..], &ticket[..], Offer::Negotiated),
            (&[KERBEROS_MS, KERBEROS, NEGOEX, NTLM], &ticket, Offer::Negotiated),
            (&[NEGOEX, KERBEROS], &ticket, Offer::Negotiated),
            (&[KERBEROS_MS], b"", Offer::Negotiated),
            (&[NTLM], b"NTLMSSP\0\x01\0\0\0", Offer::Ntlm),
            (&[NTLM, KERBEROS], &ticket, Offer::Ntlm),
            (&[KERBEROS, NTLM], b"NTLMSSP\0\x01\0\0\0", Offer::Ntlm),
            (&[NEGOEX, NTLM], &ticket, Offer::Ntlm),
            (&[NEGOEX], &ticket, Offer::Nothing),
            (&[], &ticket, Offer::Nothing),
        ] {
            assert_eq!(offer(&spnego(mechanisms, message)), expected, "{mechanisms:x?}");
        }
        assert_eq!(offer(b"NTLMSSP\0\x01\0\0\0"), Offer::Ntlm);
        assert_eq!(offer(&wrap(0x60, &[&wrap(0x06, &[KERBEROS]), &ticket])), Offer::Kerberos);
        assert_eq!(offer(&wrap(0x60, &[&wrap(0x06, &[NEGOEX]), &ticket])), Offer::Nothing);
    }

    /// Flags stand between the list and the message in some tokens.
    #[test]
    fn a_message_behind_flags_is_found() {
        let list = wrap(0xa0, &[&wrap(0x30, &[&wrap(0x06, &[KERBEROS])])]);
        let flags = wrap(0xa1, &[&[0x03, 0x02, 0x01, 0x02]]);
        let message = wrap(0xa2, &[&wrap(0x04, &[b"NTLMSSP\0"])]);
        let init = wrap(0xa0, &[&wrap(0x30, &[&list, &flags, &message])]);
        assert_eq!(offer(&wrap(0x60, &[&wrap(0x06, &[SPNEGO]), &init])), Offer::Ntlm);
    }

    #[test]
    fn what_is_cut_or_longer_offers_nothing() {
        for token in [spnego(&[KERBEROS], &[7; 300]), wrap(0x60, &[&wrap(0x06, &[KERBEROS]), &[7; 300]])] {
            for end in 0..token.len() {
                assert_eq!(offer(&token[..end]), Offer::Nothing, "{end}");
            }
            assert_eq!(offer(&[&token[..], b"x"].concat()), Offer::Nothing);
        }
        for bad in
            [&b"\x60"[..], b"\x60\x80", b"\x60\x84\0\0\0\0", b"\x60\xff", b"\x60\x83\xff\xff\xff", b"\x30\0"]
        {
            assert_eq!(offer(bad), Offer::Nothing);
        }
    }
}
