//! Entry point only: everything is in the crate `portcullis-session`.

fn main() -> std::process::ExitCode {
    portcullis_session::main()
}
