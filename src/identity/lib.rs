//! The identity program: it proves who somebody is where that takes a network or a parser that root must not have, and keeps accounts.
//!
//! The launcher starts it in one of its roles, each in a process of its own with an account that is neither root's nor the web
//! server's: `store` has the database ([`store`]), `ask` talks to one kind of provider ([`ask`]), `xml` reads one document of
//! strangers ([`xml`]). A role is asked over descriptor 3
//! and ends with the launcher. It decides nothing about sessions and grants nothing: what it answers, the launcher judges.
#![forbid(unsafe_code)]

mod ask;
mod factors;
mod job;
mod others;
mod owned;
mod past;
mod place;
mod store;
mod ticket;
mod words;
mod xml;

use std::process::ExitCode;

use portcullis_model::proof::MethodName;
use portcullis_runtime::{Wire, chain, logging};
use portcullis_wire::{Channel, WireError};
use thiserror::Error;

/// Why a role ended. That the launcher went away is no error.
#[derive(Debug, Error)]
enum Ended {
    /// The channel.
    #[error("the channel to the launcher")]
    Wire(#[from] WireError),
    /// What it was told to do.
    #[error("cannot do what the configuration says")]
    Job(#[from] job::JobError),
    /// The runtime.
    #[error("cannot wait for the channel")]
    Runtime(#[from] std::io::Error),
    /// Another first message than a job.
    #[error("the launcher asked before it said what to do")]
    Order,
}

/// Runs the program in the role that its first argument names.
pub fn main() -> ExitCode {
    // ORDER: before anything is opened, or what is opened could be taken for the channel.
    let channel = Channel::inherited();
    logging::start("portcullis-identity");
    let mut args = std::env::args().skip(1);
    let role = (args.next(), args.next());
    // ORDER: before the first secret comes: no core file and no debugger of the same account ever sees one.
    if let Err(errno) = portcullis_sys::attributes::dumpable(false) {
        tracing::error!(%errno, "cannot close this process to others of its account");
        return ExitCode::FAILURE;
    }
    // ORDER: before any other thread. It starts no program; where there is no seccomp, the launcher has said so.
    if let Err(error) = give_up_programs() {
        tracing::warn!(%error, "starting programs stays possible");
    }
    let Ok(Some(channel)) = channel else {
        tracing::error!("portcullis-identity is started by portcullis-launcher, not by hand");
        return ExitCode::FAILURE;
    };
    let ended = match (role.0.as_deref(), role.1.as_deref().and_then(method)) {
        (Some("store"), None) => run("pc-store", channel, store::run),
        (Some("ask"), Some(method)) => run("pc-ask", channel, |wire| ask::run(wire, method)),
        (Some("xml"), None) => xml::run(&channel),
        (Some("ticket"), None) => {
            shown_as("pc-ticket");
            ticket::run(&channel)
        }
        _ => {
            tracing::error!("there is no such role");
            return ExitCode::FAILURE;
        }
    };
    match ended {
        Ok(()) | Err(Ended::Wire(WireError::Closed)) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(cause = %chain(&error), "ended");
            ExitCode::FAILURE
        }
    }
}

fn method(word: &str) -> Option<MethodName> {
    MethodName::ALL.into_iter().find(|name| name.word() == word)
}

/// For `ps`: which of the roles it is.
fn shown_as(shown: &str) {
    if let Ok(shown) = std::ffi::CString::new(shown) {
        let _ = nix::sys::prctl::set_name(&shown);
    }
}

/// Runs a role on one thread; what blocks (name look-ups, a database's file) has threads of its own.
fn run<F: Future<Output = Result<(), Ended>>>(
    shown: &str,
    channel: Channel,
    body: impl FnOnce(Wire) -> F,
) -> Result<(), Ended> {
    shown_as(shown);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async { body(Wire::new(channel)?).await })
}

/// From here on nothing that this process runs can become another program.
fn give_up_programs() -> Result<(), Box<dyn std::error::Error>> {
    // The launcher set this already; the filter asks for it.
    portcullis_sys::attributes::no_new_privs()?;
    Ok(portcullis_sys::seccomp::Filter::started()?.apply()?)
}

#[cfg(test)]
mod tests {
    use portcullis_model::AccountId;
    use portcullis_model::account::{
        Account, Identity, Profile, Provider, Role, RoleReason, RoleRule, UniqueId,
    };
    use portcullis_model::factor::FactorNeed;

    /// Some account.
    pub(crate) fn account() -> Account {
        Account {
            id: AccountId::from_bytes([1; 16]),
            number: 1,
            identity: Identity {
                provider: Provider::System,
                unique: UniqueId::try_from(b"1000".to_vec()).expect("an id"),
            },
            username: "ann".into(),
            unix: "ann".parse().expect("a name"),
            profile: Profile::default(),
            role: Role::Viewer,
            role_reason: RoleReason { rule: RoleRule::Default, value: String::new(), place: String::new() },
            role_fixed: false,
            locked: None,
            created: 0,
            last_sign_in: None,
            epoch: 0,
            groups: Vec::new(),
            own_groups: Vec::new(),
            factors: FactorNeed::default(),
            removed: None,
        }
    }
}
