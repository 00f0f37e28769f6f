//! Entry point only: everything is in the crate `portcullis-launcher`.

fn main() -> std::process::ExitCode {
    portcullis_launcher::main()
}
