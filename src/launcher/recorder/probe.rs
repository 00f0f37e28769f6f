//! The proof that records arrive: a process with a login session of its own that starts a program whose record is waited for.

use std::os::unix::process::CommandExt as _;
use std::process::ExitCode;

use crate::role;

/// Login id of the probe: `nobody`'s number, which no session has.
const LOGIN: &str = "65534";
/// Second argument of the program that is started.
const DONE: &str = "done";
/// Exit status of a probe that may not have a login id.
pub(super) const NO_LOGIN: i32 = 3;

/// Runs as the probe (`MARK`), or as the program that it starts (`MARK done`).
pub(crate) fn run(args: &[std::ffi::OsString]) -> ExitCode {
    let [mark] = args else { return ExitCode::SUCCESS };
    if std::fs::write("/proc/self/loginuid", LOGIN).is_err() {
        return ExitCode::from(u8::try_from(NO_LOGIN).unwrap_or(1));
    }
    // Returns only if it failed.
    let _ = std::process::Command::new(role::SELF).env_clear().arg(role::PROBE).arg(mark).arg(DONE).exec();
    ExitCode::FAILURE
}
