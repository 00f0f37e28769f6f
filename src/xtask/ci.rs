//! The checks that are not tests: formatting, lints, documentation, layers, generated files, licences.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{generate, packages, run};

/// Runs all checks, also after one failed, and says at the end which did.
pub(crate) fn run() -> Result<ExitCode> {
    packages::ensure(packages::BUILD)?;
    let mut failed = Vec::new();
    let mut check = |name: &'static str, command: &mut Command| {
        run::step(name);
        if let Err(error) = run::must(command, name) {
            eprintln!("{error:#}");
            failed.push(name);
        }
    };
    check("formatting", run::cargo().args(["fmt", "--all", "--", "--check"]));
    check(
        "lints",
        run::cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
    );
    // Private items are documented too, so links to them are good.
    check(
        "documentation",
        run::cargo().env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links").args([
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
            "--locked",
        ]),
    );
    check("layers", run::cargo().args(["test", "--quiet", "--locked", "--workspace", "--test", "layers"]));
    if run::has("rustup") && has_oldest() {
        // A folder of its own, so that the two compilers don't undo each other's work.
        let mut oldest = Command::new("rustup");
        oldest.current_dir(run::root()).args(["run", OLDEST, "cargo", "check", "--quiet", "--workspace"]);
        // What is shipped: tests are built by the compiler that runs them.
        check("oldest Rust", oldest.args(["--lib", "--bins", "--locked", "--target-dir", "target/oldest"]));
    } else {
        run::step("oldest Rust: left out, rustup can't bring it to this machine");
    }
    if has_deny() {
        check("licences and sources", run::cargo().args(["deny", "check", "licenses", "bans", "sources"]));
    } else {
        run::step("licences and sources: left out, cargo-deny is not installed on this machine");
    }
    run::step("generated files");
    let stale = generate::stale(&run::root())?;
    if !stale.is_empty() {
        failed.push("generated files");
        for path in stale {
            eprintln!("{} is not what the code says; `cargo xtask generate` writes it", path.display());
        }
    }
    if failed.is_empty() {
        println!("checks passed");
        return Ok(ExitCode::SUCCESS);
    }
    println!("checks failed: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

/// The oldest Rust that builds this: `rust-version` of the workspace.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

fn has_oldest() -> bool {
    let mut install = Command::new("rustup");
    install.args(["toolchain", "install", OLDEST, "--profile", "minimal", "--no-self-update"]);
    install.output().is_ok_and(|output| output.status.success())
}

fn has_deny() -> bool {
    run::cargo().args(["deny", "--version"]).output().is_ok_and(|output| output.status.success())
}
