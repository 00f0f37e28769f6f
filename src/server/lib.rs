//! Listener, TLS, sign-in, session table, pages, policy at the proxy.

/// Runs the program and returns its exit status.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
