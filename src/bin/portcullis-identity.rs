//! Entry point only: everything is in the crate `portcullis-identity`.

fn main() -> std::process::ExitCode {
    portcullis_identity::main()
}
