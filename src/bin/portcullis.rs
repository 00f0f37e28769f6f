//! Entry point only: everything is in the crate `portcullis-admin`.

fn main() -> std::process::ExitCode {
    portcullis_admin::main()
}
