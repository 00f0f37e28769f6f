//! What can go wrong with an IDE, on demand.

use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// Faults before anything is served. `Some` ends the process.
pub(crate) fn before(args: &[String]) -> Option<ExitCode> {
    let has = |switch: &str| args.iter().any(|arg| arg == switch);
    if has("--double-exit") {
        for line in 1..=30 {
            println!("double: line {line} before the end");
        }
        println!("double: cannot find my configuration");
        return Some(ExitCode::from(3));
    }
    if has("--double-bomb") {
        // Replaces itself all the time, each child in a session of its own; at most a few hundred live at once.
        let again = "for n in 1 2 3 4; do (while :; do setsid -w sleep 0.05; done) & done; sleep 1000";
        for _ in 0..30 {
            if let Err(error) = Command::new("setsid").args(["sh", "-c", again]).stdin(Stdio::null()).spawn()
            {
                println!("double: cannot fork: {error}");
            }
        }
    }
    if has("--double-forks") {
        // One in a session of its own, one that also lost its parent: neither is found by a process group.
        for args in [["setsid", "sleep", "1000"], ["setsid", "--fork", "sleep"]] {
            let mut command = Command::new(args[0]);
            command.args(&args[1..]).stdin(Stdio::null());
            if args[2] == "sleep" {
                command.arg("1000");
            }
            if let Err(error) = command.spawn() {
                println!("double: cannot fork: {error}");
            }
        }
    }
    None
}

/// Faults while or before serving.
pub(crate) async fn during(args: &[String]) {
    let has = |switch: &str| args.iter().any(|arg| arg == switch);
    if has("--double-stubborn") {
        if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            tokio::task::spawn_local(async move { while terminate.recv().await.is_some() {} });
        }
    }
    if has("--double-flood") {
        let line = "flood ".repeat(100);
        std::thread::spawn(move || {
            for _ in 0..100_000 {
                println!("{line}");
            }
        });
    }
    let slow = args.iter().find_map(|arg| arg.strip_prefix("--double-slow-ms=")?.parse().ok());
    if let Some(milliseconds) = slow {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
    if has("--double-silent") {
        std::future::pending::<()>().await;
    }
}
