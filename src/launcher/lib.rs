//! Root's monitor: request table, sign-in by PAM, sessions, audit log.
//!
//! One process of root's, single-threaded, without HTTP, TLS or an async runtime. It owns what must not be forged: PAM
//! conversations, the session table, ports, listening sockets, the audit log. The server, which talks to the network, asks over
//! a channel; a constant table says what it may ask ([`table`]). The same program is also the PAM helper and the keeper of a
//! session, in processes of their own ([`role`]).
#![forbid(unsafe_code)]

mod accounts;
mod admin;
mod administrators;
mod audit;
mod children;
mod clock;
mod configuration;
mod confinement;
mod control;
mod dirs;
mod door;
mod exemptions;
mod figures;
mod flags;
mod handover;
mod identity;
mod key_file;
mod launcher;
mod listen;
mod log;
mod names;
mod recorder;
mod requests;
mod role;
mod server;
mod servers;
mod service_manager;
mod sessions;
mod sign_in;
mod start;
mod state;
mod table;
mod text;
mod throttle;
mod watchdog;

use std::process::ExitCode;

use portcullis_sys::cgroup::Group;
use portcullis_wire::Channel;

use crate::log::{chain, say};
use crate::sessions::keeper::{self, Doors};

/// Runs the program and returns its exit status.
pub fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(first) if first == role::HELPER => in_role("pam", |mut fds| {
            let channel = Channel::from_fd(fds.remove(0)?);
            if let Err(error) = sign_in::helper::run(&channel) {
                say!(Debug, "the conversation broke off: {}", chain(&error));
            }
            Some(ExitCode::SUCCESS)
        }),
        Some(first) if first == role::KEEPER => in_role("keeper", |fds| {
            let [channel, control, tcp, report] = <[_; 4]>::try_from(fds).ok()?;
            let doors = Doors { control: control?, tcp, report: report? };
            let kept = keeper::run(&Channel::from_fd(channel?), doors);
            Some(if kept.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }),
        Some(first) if first == role::REMOVER => in_role("remover", |_| {
            let dir = std::path::PathBuf::from(args.next()?);
            let gone = sessions::remover::run(&dir, &Group::at(args.map(std::path::PathBuf::from)));
            Some(if gone { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }),
        Some(first) if first == role::RECORDER => in_role("recorder", |mut fds| {
            let note = std::path::PathBuf::from(args.next()?);
            let refusals = args.next().is_some_and(|word| word == role::REFUSALS);
            Some(if recorder::run(fds.remove(0)?, &note, refusals) {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }),
        Some(first) if first == role::READER => in_role("reader", |fds| {
            let [channel, log, ..] = <[_; 4]>::try_from(fds).ok()?;
            let read = administrators::reader::run(&Channel::from_fd(channel?), &log?.into());
            Some(if read { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }),
        Some(first) if first == role::PROBE => {
            in_role("probe", |_| Some(recorder::probe(&args.collect::<Vec<_>>())))
        }
        first => {
            log::begin("launcher");
            start::run(first.into_iter().chain(args))
        }
    }
}

/// Runs as a helper process: its descriptors come first, then nobody of the same user may look into it.
fn in_role(name: &str, body: impl FnOnce(Vec<Option<std::os::fd::OwnedFd>>) -> Option<ExitCode>) -> ExitCode {
    let fds = portcullis_sys::fd::take_inherited(6);
    log::begin(name);
    // For `ps`: the program's name alone would be "exe".
    let shown = std::ffi::CString::new(format!("portcullis-{name}").chars().take(15).collect::<String>());
    let named = shown.is_ok_and(|shown| nix::sys::prctl::set_name(&shown).is_ok());
    if !named || portcullis_sys::attributes::dumpable(false).is_err() {
        return ExitCode::FAILURE;
    }
    fds.ok().and_then(body).unwrap_or_else(|| {
        say!(Error, "the role `{name}` is for the launcher to start");
        ExitCode::FAILURE
    })
}
