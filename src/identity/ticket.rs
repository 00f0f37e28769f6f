//! The role `ticket`: one token of Kerberos, whose ticket it is, and the end of the process.
//!
//! A library in C parses what a stranger sent. So the process begins with nothing of anybody else's, talks to its parent alone, and
//! what the library could be made to do in it harms nobody but whose token it is; the key table is the one secret in it. Only the
//! realms of the configuration count, and whether the account of that name may sign in is asked by others afterwards.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use portcullis_conf::Settings;
use portcullis_model::account::{Provider, UniqueId};
use portcullis_model::proof::{Attributes, Evidence, Failure, Proven};
use portcullis_ticket::principal::{self, PrincipalError};
use portcullis_ticket::{Library, Reason, Request, TicketError, accept};
use portcullis_wire::Channel;
use portcullis_wire::identity::{AskAnswer, FromAsk, ToAsk};

use crate::{Ended, job};

/// The service whose tickets browsers show (RFC 4559, 4.1): of any host name in the key table, as machines have several.
const SERVICE: &str = "HTTP";

/// Examines one token and answers.
pub(crate) fn run(channel: &Channel) -> Result<(), Ended> {
    // ORDER: before the first byte of a stranger's.
    let library = Library::open();
    let (ToAsk::Job(job), fds) = channel.receive()? else { return Err(Ended::Order) };
    let settings = job::settings(&job)?;
    let (ToAsk::Prove { request, evidence, .. }, _) = channel.receive()? else { return Err(Ended::Order) };
    let table = fds.into_iter().next();
    let result = library
        .map_err(|error| failure(&error))
        .and_then(|library| prove(&library, &settings, Path::new(&job.folder), table.as_ref(), &evidence));
    if let Err(failure) = &result {
        tracing::info!(why = %failure, "a ticket is not taken");
    }
    let result = result.map(|proven| AskAnswer::Proven(Box::new(proven)));
    channel.send(&FromAsk::Answer { request, result }, &[])?;
    Ok(())
}

fn prove(
    library: &Library,
    settings: &Settings,
    replays: &Path,
    table: Option<&OwnedFd>,
    evidence: &Evidence,
) -> Result<Proven, Failure> {
    let Evidence::Ticket { token } = evidence else { return Err(Failure::Evidence) };
    evidence.check().map_err(|_| Failure::Evidence)?;
    let table = table.ok_or_else(|| Failure::configuration("there is no key table"))?;
    // The library opens files by name alone; this one has none but its number here.
    let key_table = PathBuf::from(format!("/proc/self/fd/{}", table.as_raw_fd()));
    let request = Request { token: token.expose(), key_table: &key_table, service: SERVICE, replays };
    let accepted = accept(library, &request).map_err(|error| failure(&error))?;
    person(&accepted.principal, &settings.kerberos.auth_kerberos_realms)
}

/// Whom a ticket's name names: somebody of a realm that root's files list, without an instance.
fn person(name: &str, realms: &[String]) -> Result<Proven, Failure> {
    let user = principal::user(name, realms).map_err(|error| {
        tracing::info!(principal = ?name, why = %error, "a ticket names nobody of ours");
        match error {
            PrincipalError::Realm(_) | PrincipalError::Instance => Failure::NotPermitted,
            _ => Failure::BadName,
        }
    })?;
    let unique = UniqueId::try_from(name.as_bytes().to_vec()).map_err(|_| Failure::BadName)?;
    Ok(Proven {
        // Realms are how this machine's accounts prove who they are: no accounts of a directory of their own.
        provider: Provider::System,
        unique,
        user,
        attributes: Attributes::default(),
        groups: Vec::new(),
        until: None,
        register: true,
    })
}

/// What a sign-in is refused as. What is this machine's fault and not the token's is told apart: nobody's guess failed then.
fn failure(error: &TicketError) -> Failure {
    match error {
        TicketError::Library { .. }
        | TicketError::Function { .. }
        | TicketError::Service(_)
        | TicketError::Path(_)
        | TicketError::Prepare { .. } => Failure::configuration(&error.to_string()),
        TicketError::Refused { reason: Reason::Replayed, .. } => Failure::Replayed,
        // The library has no number of its own for a replay cache that can't be written.
        TicketError::Refused { reason: Reason::Other, text } if text.contains(".rcache2") => {
            Failure::configuration(&error.to_string())
        }
        TicketError::Length(_) => Failure::Evidence,
        TicketError::Refused { .. }
        | TicketError::Ntlm
        | TicketError::NoKerberos
        | TicketError::Unfinished
        | TicketError::Anonymous
        | TicketError::Mechanism
        | TicketError::Name => Failure::rejected(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::sign_in::Denied;

    use super::*;

    #[test]
    fn only_users_of_listed_realms_are_named() {
        let realms = ["EXAMPLE.TEST".to_owned()];
        let kira = person("kira@EXAMPLE.TEST", &realms).expect("kira");
        assert_eq!((kira.provider, kira.user.as_str()), (Provider::System, "kira"));
        for (name, expected) in [
            ("kira@OTHER.TEST", Failure::NotPermitted),
            ("kira/admin@EXAMPLE.TEST", Failure::NotPermitted),
            ("kira", Failure::BadName),
            ("", Failure::BadName),
            ("ki\nra@EXAMPLE.TEST", Failure::BadName),
        ] {
            assert_eq!(person(name, &realms), Err(expected), "{name:?}");
        }
        assert_eq!(person("kira@EXAMPLE.TEST", &[]), Err(Failure::NotPermitted), "no realm is every realm");
    }

    #[test]
    fn what_is_the_tokens_fault_counts_against_who_sent_it() {
        let refused = |reason, text: &str| TicketError::Refused { reason, text: text.into() };
        for (error, expected) in [
            (refused(Reason::Replayed, "Request is a replay"), Denied::Credentials),
            (refused(Reason::Expired, "Ticket expired"), Denied::Credentials),
            (refused(Reason::Skew, "Clock skew too great"), Denied::Credentials),
            (refused(Reason::Key, "not found in keytab"), Denied::Credentials),
            (refused(Reason::Malformed, ""), Denied::Credentials),
            (refused(Reason::Other, "whatever"), Denied::Credentials),
            (TicketError::Ntlm, Denied::Credentials),
            (TicketError::Length(0), Denied::Credentials),
            (TicketError::Unfinished, Denied::Credentials),
            (refused(Reason::Other, "cannot open `portcullis-HTTP.rcache2`"), Denied::System),
            (TicketError::Prepare { call: "gss_acquire_cred_from", text: String::new() }, Denied::System),
            (TicketError::Library { name: String::new(), text: String::new() }, Denied::System),
        ] {
            assert_eq!(failure(&error).denied(), expected, "{error}");
        }
    }
}
