//! The process of one session: becomes the user, starts the IDE, relays its port, ends its processes.
//!
//! Started by the keeper as root with everything it needs on inherited descriptors; nothing secret is in its arguments. It is
//! one thread around one `epoll`, so that a session that nobody uses costs next to nothing.
//!
//! It must not decide policy: which requests may pass is the proxy's business, whose session it is the launcher's. It serves
//! one account only, the proxy's, and obeys one, root.
#![forbid(unsafe_code)]

mod confine;
mod denials;
mod door;
mod end;
mod files;
mod ide;
mod journal;
mod output;
mod poll;
mod probe;
mod relay;
mod reports;
mod run;
mod shell;
mod start;

use std::error::Error;
use std::process::ExitCode;

/// Runs the program: 0 when the session ended in order, 1 when it could not be started.
///
/// Call it first in `main`, before anything is opened: descriptors 3 to 7 are taken as inherited, see
/// [`portcullis_wire::SessionSpec`].
///
/// Under another name than its own it stands in for a shell: see `shell`.
pub fn main() -> ExitCode {
    if shell::stands_in() {
        return shell::main();
    }
    match start::start() {
        Ok(started) => run::run(started),
        Err(error) => {
            journal::error(format_args!("the session can't start error={:?}", chain(&error)));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
