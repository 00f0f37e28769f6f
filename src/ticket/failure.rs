//! What went wrong, with the library's own words: for the log, never for a browser.

use std::path::PathBuf;

use thiserror::Error;

use crate::accept::TOKEN_MAX;

/// Why a ticket that the library looked at is refused. What differs in what an administrator does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The ticket has expired, or begins later.
    Expired,
    /// The clocks of the two machines differ by more than `clockskew` (300 s by default).
    Skew,
    /// The same token was here before.
    Replayed,
    /// For another service, or under a key that the key table has not (any more).
    Key,
    /// Not a token, or changed on the way.
    Malformed,
    /// Whatever else; the text says it.
    Other,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TicketError {
    /// The library is not on this machine, or can't be used.
    #[error("cannot load `{name}`: {text}")]
    Library {
        /// Its file name.
        name: String,
        /// The loader's words.
        text: String,
    },
    /// The library is too old: it lacks a function.
    #[error("`{name}` is not in the library: {text}")]
    Function {
        /// Which one.
        name: String,
        /// The loader's words.
        text: String,
    },
    /// Nothing, or more than [`TOKEN_MAX`] bytes.
    #[error("a token of {0} bytes, at most {TOKEN_MAX} are looked at")]
    Length(usize),
    /// The browser has no ticket and fell back to NTLM, which proves nothing to us.
    #[error("the token is NTLM, not Kerberos")]
    Ntlm,
    /// Neither Kerberos nor a negotiation about it.
    #[error("the token offers no Kerberos")]
    NoKerberos,
    /// Not a service's name, or one with a host that is none.
    #[error("`{0}` is not a service")]
    Service(String),
    /// A path that is not absolute or has a zero byte.
    #[error("`{}` is not an absolute path", .0.display())]
    Path(PathBuf),
    /// A call before the token was looked at: the key table is missing, can't be read or has no key of the service.
    #[error("{call} said: {text}")]
    Prepare {
        /// The library's function.
        call: &'static str,
        /// The library's words.
        text: String,
    },
    /// The library looked at the token and said no.
    #[error("the ticket is refused: {text}")]
    Refused {
        /// Why.
        reason: Reason,
        /// The library's words.
        text: String,
    },
    /// The browser wants another round. There is none: a process sees one token, and Kerberos needs one.
    #[error("the token is not the whole of a proof")]
    Unfinished,
    /// A ticket that names nobody (RFC 8062).
    #[error("the ticket is anonymous")]
    Anonymous,
    /// Accepted by a mechanism that is not Kerberos: a plug-in of this machine.
    #[error("the token was accepted by a mechanism that is not Kerberos")]
    Mechanism,
    /// The principal's name is no text, or of another kind than Kerberos'.
    #[error("the ticket's name is not one of Kerberos")]
    Name,
}

/// Sorts a failure by its minor status, and where that says nothing by the library's words.
///
/// The code is that of libkrb5 (`krb5.h`) for bare Kerberos. Of a negotiation the library makes numbers of its own, in the order
/// in which failures happen: there the words decide. They are English, since nothing here sets a locale. What is sorted wrong is
/// refused all the same.
pub(crate) fn reason(minor: u32, text: &str) -> Reason {
    match of_code(minor) {
        Reason::Other => {
            WORDS.iter().find(|(words, _)| text.contains(words)).map_or(Reason::Other, |(_, reason)| *reason)
        }
        reason => reason,
    }
}

const fn of_code(minor: u32) -> Reason {
    /// -1765328384 in 32 bits: the first code of the library's table `krb5`.
    const FIRST: u32 = 0x96c7_3a00;
    match minor.wrapping_sub(FIRST) {
        // AP_ERR_TKT_EXPIRED, AP_ERR_TKT_NYV
        32 | 33 => Reason::Expired,
        // AP_ERR_REPEAT
        34 => Reason::Replayed,
        // AP_ERR_SKEW
        37 => Reason::Skew,
        // AP_ERR_NOT_US, AP_ERR_BADMATCH, AP_ERR_BADKEYVER, AP_ERR_NOKEY, AP_WRONG_PRINC, KT_NOTFOUND, KT_KVNONOTFOUND
        35 | 36 | 44 | 45 | 144 | 181 | 230 => Reason::Key,
        // AP_ERR_BAD_INTEGRITY; AP_ERR_BADADDR, BADVERSION, MSG_TYPE, MODIFIED, BADORDER, ILL_CR_TKT
        31 | 38..=43 => Reason::Malformed,
        _ => Reason::Other,
    }
}

/// What libkrb5 says of each; those of a key are longer texts that it makes for a ticket (`rd_req_dec.c`).
const WORDS: &[(&str, Reason)] = &[
    ("Request is a replay", Reason::Replayed),
    ("Clock skew too great", Reason::Skew),
    ("Ticket expired", Reason::Expired),
    ("Ticket not yet valid", Reason::Expired),
    ("not found in keytab", Reason::Key),
    ("found in keytab but", Reason::Key),
    ("Wrong principal in request", Reason::Key),
    ("No key table entry found", Reason::Key),
    ("Decrypt integrity check failed", Reason::Malformed),
    ("Message stream modified", Reason::Malformed),
    ("Invalid token was supplied", Reason::Malformed),
    ("ASN.1", Reason::Malformed),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_kerberos_are_sorted() {
        let code = |code: i32| reason(u32::from_ne_bytes(code.to_ne_bytes()), "");
        for (number, expected) in [
            (-1_765_328_352, Reason::Expired),
            (-1_765_328_351, Reason::Expired),
            (-1_765_328_350, Reason::Replayed),
            (-1_765_328_347, Reason::Skew),
            (-1_765_328_349, Reason::Key),
            (-1_765_328_339, Reason::Key),
            (-1_765_328_203, Reason::Key),
            (-1_765_328_154, Reason::Key),
            (-1_765_328_353, Reason::Malformed),
            (-1_765_328_343, Reason::Malformed),
            (-1_765_328_384, Reason::Other),
            (0, Reason::Other),
            (22, Reason::Other),
            (-1, Reason::Other),
        ] {
            assert_eq!(code(number), expected, "{number}");
        }
    }

    /// As version 1.20 says them of negotiated tokens.
    #[test]
    fn where_the_code_says_nothing_the_words_do() {
        for (text, expected) in [
            ("Request is a replay", Reason::Replayed),
            ("Clock skew too great", Reason::Skew),
            ("Ticket expired", Reason::Expired),
            (
                "Request ticket server host/localhost@EXAMPLE.TEST not found in keytab (ticket kvno 2)",
                Reason::Key,
            ),
            (
                "Request ticket server HTTP/localhost@EXAMPLE.TEST kvno 3 not found in keytab; keytab is likely out of date",
                Reason::Key,
            ),
            (
                "Request ticket server host/localhost@EXAMPLE.TEST found in keytab but does not match server principal HTTP/@",
                Reason::Key,
            ),
            (
                "Request ticket server HTTP/localhost@EXAMPLE.TEST kvno 2 enctype aes256-cts found in keytab but cannot \
                 decrypt ticket",
                Reason::Key,
            ),
            ("Decrypt integrity check failed", Reason::Malformed),
            ("No such file or directory (filename: /nonexistent/portcullis-HTTP.rcache2)", Reason::Other),
            ("", Reason::Other),
        ] {
            assert_eq!(reason(100_001, text), expected, "{text}");
        }
    }
}
