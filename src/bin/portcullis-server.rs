//! Entry point only: everything is in the crate `portcullis-server`.

fn main() -> std::process::ExitCode {
    portcullis_server::main()
}
