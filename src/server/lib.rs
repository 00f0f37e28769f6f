//! The unprivileged daemon: it signs people in, shows pages, holds the table of sessions and enforces policy in front of the IDE.
//!
//! It is a child of the launcher, with the wire on descriptor 3 and nothing else: listeners, keys and configuration come by it.
//! Everything that must not be forged is the launcher's; what this process decides is which requests reach an IDE. It starts no
//! process, opens no file but those of RStudio's page, and talks to nobody but browsers, the launcher and sessions.
//!
//! Threads: one per listener, each with a runtime of its own (`serve`); one for the wire and the clocks (`launcher_link`).
#![forbid(unsafe_code)]

mod account;
mod administration;
mod alone;
mod answers;
mod api;
mod busy;
mod call;
mod consoles;
mod conversations;
mod cookies;
mod door;
mod elsewhere;
mod events;
mod figures;
mod forms;
mod gate;
mod generation;
mod headers;
mod health;
mod held;
mod home;
mod ide;
mod inspecting;
mod judging;
mod keys;
mod launcher_link;
mod limited;
mod limits;
mod link;
mod listed;
mod load;
mod metrics;
mod offline;
mod pass;
mod passage;
mod pieces;
mod post;
mod reach;
mod redirect;
mod refusals;
mod revocations;
mod routes;
mod rstudio;
mod run;
mod serve;
mod sessions;
mod shards;
mod sight;
mod sign_in;
mod standing;
mod state;
mod stay;
mod strip;
mod tab;
mod told;
mod transfers;
mod who;
#[cfg(test)]
mod whole;
mod world;

use std::process::ExitCode;

use portcullis_wire::Channel;

/// Runs the program and returns its exit status: 0 when it drained in order, 1 when it couldn't serve.
pub fn main() -> ExitCode {
    // ORDER: before anything is opened, or what is opened could be taken for the wire.
    let wire = Channel::inherited();
    portcullis_runtime::logging::start("portcullis-server");
    // ORDER: before the first key comes over the wire: no core file and no debugger of the same account ever sees one.
    if let Err(errno) = portcullis_sys::attributes::dumpable(false) {
        tracing::error!(%errno, "cannot close this process to others of its account");
        return ExitCode::FAILURE;
    }
    // ORDER: before any other thread. It starts no program; where there is no seccomp, the launcher has said so.
    if let Err(error) = give_up_programs() {
        tracing::warn!(%error, "starting programs stays possible");
    }
    let wire = match wire {
        Ok(Some(wire)) => wire,
        Ok(None) => {
            tracing::error!("portcullis-server is started by portcullis-launcher, not by hand");
            return ExitCode::FAILURE;
        }
        Err(error) => {
            tracing::error!(cause = %launcher_link::chain(&error), "cannot take over the wire to the launcher");
            return ExitCode::FAILURE;
        }
    };
    match run::run(wire) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(cause = %launcher_link::chain(&error), "cannot serve");
            ExitCode::FAILURE
        }
    }
}

/// From here on nothing that this process runs can become another program.
fn give_up_programs() -> Result<(), Box<dyn std::error::Error>> {
    // The launcher set this already; the filter asks for it.
    portcullis_sys::attributes::no_new_privs()?;
    Ok(portcullis_sys::seccomp::Filter::started()?.apply()?)
}
