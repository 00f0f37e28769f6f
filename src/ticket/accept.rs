//! One token, from the bytes to the principal.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::time::Duration;

use crate::failure::{TicketError, reason};
use crate::library::{Library, Said};
use crate::offer::{KERBEROS, KERBEROS_MS, Offer, SPNEGO, offer};

/// Longest token looked at, in bytes: Windows' own limit for tickets with many groups is 48,000 (`MaxTokenSize`), with the
/// negotiation around it less than 64 KiB.
pub const TOKEN_MAX: usize = 64 * 1024;
/// Longest service, in bytes: a word, and a host's name of at most 253.
const SERVICE_MAX: usize = 300;

/// What is to be accepted, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What the browser sent after `Negotiate`, without base64.
    pub token: &'a [u8],
    /// The service's key table: an absolute path, also one of `/proc/self/fd`. The library opens it anew for each token.
    pub key_table: &'a Path,
    /// `HTTP` for any host's key of that service in the table, or `HTTP@host.name` for one alone. Never empty: then a ticket for
    /// any service with a key in the table would do. With a host, the library may ask name servers what it is called
    /// (`dns_canonicalize_hostname`).
    pub service: &'a str,
    /// The folder of the replay cache, which must be there, be written by this process's account alone, and be the same for all
    /// who accept for the service on this machine. See [`accept`].
    pub replays: &'a Path,
}

/// Which way the token came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// Bare Kerberos.
    Kerberos,
    /// Kerberos, negotiated by SPNEGO: what browsers send.
    Negotiated,
}

/// A ticket that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Whose it is, as Kerberos writes names: [`crate::principal`] takes it apart.
    pub principal: String,
    /// Which way it came.
    pub mechanism: Mechanism,
    /// How long the ticket is good for; the library adds the clocks' tolerance. None where it doesn't end.
    pub lifetime: Option<Duration>,
    /// For the browser, as `WWW-Authenticate: Negotiate` in base64: our half of the proof. May be empty.
    pub answer: Vec<u8>,
}

/// Accepts a token. Blocks on files; asks no network, but see [`Request::service`].
///
/// What it opens: the key table, `krb5.conf` with what that includes (one that can't be read refuses everybody; one that isn't there
/// doesn't), the replay cache. Whatever else it looks for (mechanisms of `/etc/gss`, plug-ins of `krb5/plugins/authdata`, the
/// resolver's files, sockets of nscd and sssd) may be closed to it: it goes on without, if that is refused by an error.
///
/// Each token counts once: the library writes a hash of it into the file `portcullis-SERVICE.rcache2` in [`Request::replays`] and
/// refuses one that is there, until it would be refused for its age (`clockskew`, 300 s by default). It locks the file, so that
/// several processes may share it, and refuses where it can't write it. `KRB5RCACHENAME`, `KRB5_KTNAME` and the like in the
/// environment don't count, since both are told by the call; `KRB5_CONFIG` does: start the process with a clean environment.
/// Another machine with the same keys has a cache of its own, as Kerberos has it everywhere: a token that is stolen on the way
/// counts there once more, so tokens go through TLS only.
///
/// # Errors
/// See [`TicketError`].
pub fn accept(library: &Library, request: &Request<'_>) -> Result<Accepted, TicketError> {
    if request.token.is_empty() || request.token.len() > TOKEN_MAX {
        return Err(TicketError::Length(request.token.len()));
    }
    let mechanism = match offer(request.token) {
        Offer::Kerberos => Mechanism::Kerberos,
        Offer::Negotiated => Mechanism::Negotiated,
        Offer::Ntlm => return Err(TicketError::Ntlm),
        Offer::Nothing => return Err(TicketError::NoKerberos),
    };
    let word = service_word(request.service)?;
    let key_table = place(c"FILE:", request.key_table)?;
    let replays = place(c"file2:", &request.replays.join(format!("portcullis-{word}.rcache2")))?;

    let service = library.service(request.service).map_err(prepare)?;
    let keys = library.keys(&service, &[(c"keytab", &key_table), (c"rcache", &replays)]).map_err(prepare)?;
    let context = library.token(&keys, request.token).map_err(refused)?;
    if context.unfinished {
        return Err(TicketError::Unfinished);
    }
    let facts = context.facts().map_err(refused)?;
    if !facts.open {
        return Err(TicketError::Unfinished);
    }
    if ![KERBEROS, KERBEROS_MS, SPNEGO].contains(&&facts.mechanism[..]) {
        return Err(TicketError::Mechanism);
    }
    if facts.anonymous {
        return Err(TicketError::Anonymous);
    }
    let principal = context.who().map_err(refused)?.ok_or(TicketError::Name)?;
    let lifetime = facts.seconds.map(|seconds| Duration::from_secs(u64::from(seconds)));
    Ok(Accepted { principal, mechanism, lifetime, answer: context.answer.clone() })
}

/// The service without its host, which names the replay cache's file.
fn service_word(service: &str) -> Result<&str, TicketError> {
    let wrong = || TicketError::Service(service.chars().take(80).collect());
    let (word, host) = service.split_once('@').map_or((service, None), |(word, host)| (word, Some(host)));
    let good = |text: &str, also: &[u8]| {
        let each = |byte: u8| byte.is_ascii_alphanumeric() || also.contains(&byte);
        !text.is_empty() && text.bytes().all(each)
    };
    if service.len() > SERVICE_MAX || !good(word, b"-_") || host.is_some_and(|host| !good(host, b"-.")) {
        return Err(wrong());
    }
    Ok(word)
}

/// A path as the library wants it: with the word for its kind.
fn place(kind: &CStr, path: &Path) -> Result<CString, TicketError> {
    use std::os::unix::ffi::OsStrExt as _;
    let wrong = || TicketError::Path(path.to_owned());
    if !path.is_absolute() {
        return Err(wrong());
    }
    CString::new([kind.to_bytes(), path.as_os_str().as_bytes()].concat()).map_err(|_| wrong())
}

fn prepare(said: Said) -> TicketError {
    TicketError::Prepare { call: said.call, text: said.text }
}

fn refused(said: Said) -> TicketError {
    TicketError::Refused { reason: reason(said.minor, &said.text), text: said.text }
}
