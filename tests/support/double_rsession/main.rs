//! Stands in for `rsession` of RStudio Server 2025.07, which can't be had for tests: its arguments and environment, its socket, its
//! answers as they were observed, and its holes.
//!
//! Holes: `/export`, `/files`, `/file_show`, `/upload`, `start_terminal` heed no flag; the method in a call's body runs, whatever the
//! address says; `abort`, `suspend_session` and `interrupt` go by the end of the whole address, unasked for tokens; `open_document`
//! of a forbidden file sets its error and goes on; a terminal listens on every interface. Each connection carries one request.
//! What was asked is written to `rsession.seen` in the home.
//!
//! Switches for faults, before rsession's own arguments: `--double-exit=N` (ends at once), `--double-deaf` (never listens),
//! `--double-poll-ms=N` (how long an empty poll waits; 2000), `--double-stubborn` (heeds no signal but KILL).
#![expect(clippy::print_stdout, reason = "a session's output is part of what is tested")]
#![expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the real one ends from any thread, in the middle of what it does"
)]
#![expect(clippy::result_large_err, reason = "the handshake's own type")]

mod calls;
mod files;
mod http;
mod state;
mod terminal;

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use state::Session;

/// Arguments that rsession knows, as far as its server gives them.
const KNOWN: [&str; 12] = [
    "--config-file",
    "--program-mode",
    "--user-identity",
    "--session-use-secure-cookies",
    "--session-root-path",
    "--session-same-site",
    "--session-use-file-storage",
    "--launcher-token",
    "--session-timeout-minutes",
    "--limit-cpu-time-minutes",
    "--limit-xfs-disk-quota",
    "--limit-file-upload-size-mb",
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value =
        |name: &str| args.iter().find_map(|arg| arg.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned);
    if let Some(code) = value("--double-exit").and_then(|code| code.parse::<u8>().ok()) {
        println!("rsession-double: ends as it was told");
        return ExitCode::from(code);
    }
    for arg in args.iter().filter(|arg| !arg.starts_with("--double-")) {
        let name = arg.split('=').next().unwrap_or_default();
        if !KNOWN.contains(&name) {
            println!("rsession-double: unrecognised option '{arg}'");
            return ExitCode::FAILURE;
        }
    }
    if let Err(why) = environment() {
        println!("rsession-double: {why}");
        return ExitCode::FAILURE;
    }
    if args.iter().any(|arg| arg == "--double-deaf") {
        loop {
            std::thread::park();
        }
    }
    let user = value("--user-identity").unwrap_or_default();
    let poll = value("--double-poll-ms").and_then(|ms| ms.parse().ok()).unwrap_or(2000);
    let config = value("--config-file").map(std::fs::read_to_string);
    let config = match config {
        Some(Ok(text)) => text,
        _ => {
            println!("rsession-double: no --config-file that can be read");
            return ExitCode::FAILURE;
        }
    };
    if let Some(line) =
        config.lines().find(|line| line.starts_with("allow-") || line.starts_with("session-limit"))
    {
        println!("rsession-double: unrecognised option in the configuration file: {line}");
        return ExitCode::FAILURE;
    }
    let dir = PathBuf::from(std::env::var_os("RS_SESSION_TMP_DIR").unwrap_or_default());
    let path = dir.join(format!("{user}-d"));
    let listener = match UnixListener::bind(&path) {
        Ok(listener) => listener,
        Err(error) => {
            println!("rsession-double: cannot listen on {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    };
    // As the real one: whoever can enter the folder may connect.
    let _ = std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666));
    let _ = std::fs::write(path.with_extension("pid"), std::process::id().to_string());
    let session = Arc::new(Session::new(user, config, poll));
    state::heed_signals(&session, args.iter().any(|arg| arg == "--double-stubborn"));
    for stream in listener.incoming().flatten() {
        let session = Arc::clone(&session);
        std::thread::spawn(move || {
            // A peer that goes away in the middle is the peer's business.
            let _ = http::serve(&session, stream);
        });
    }
    ExitCode::FAILURE
}

/// Without these, the real one doesn't start R.
fn environment() -> Result<(), String> {
    for name in ["HOME", "USER", "R_HOME", "R_SHARE_DIR", "R_INCLUDE_DIR", "R_DOC_DIR", "LD_LIBRARY_PATH"] {
        if std::env::var_os(name).is_none_or(|value| value.is_empty()) {
            return Err(format!("{name} is not set"));
        }
    }
    let home = std::env::var("R_HOME").unwrap_or_default();
    let libraries = std::env::var("LD_LIBRARY_PATH").unwrap_or_default();
    if !libraries.split(':').any(|folder| folder == format!("{home}/lib")) {
        return Err("R's libraries are not in LD_LIBRARY_PATH".to_owned());
    }
    Ok(())
}
