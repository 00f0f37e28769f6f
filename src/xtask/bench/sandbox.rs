//! `cargo xtask bench --only-sandbox`: in private mounts only, because the kernel audits in the machine's own namespaces alone.

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use anyhow::Result;

use super::{Options, build, finish, isolated};
use crate::{jupyter, packages, run, wheels};

/// A program that ends at once and needs no loader: what starting costs, and nothing else.
const PROGRAM: &str = "int main(void) { return 0; }\n";
const FOLDER: &str = "/var/cache/portcullis";

/// Builds, measures. The exit status says whether every bar holds.
pub(super) fn run(options: &Options) -> Result<ExitCode> {
    packages::ensure(packages::JUPYTER)?;
    let program = program()?;
    let numpy = numpy();
    let release = build()?;
    run::step("measuring what the sandbox costs (about ten minutes)");
    let mut command = isolated(&release, &["--shared-kernel"])?;
    command.args(["--only-sandbox", "--program"]).arg(program);
    match numpy {
        Ok(numpy) => {
            command.arg("--numpy").arg(numpy);
        }
        Err(error) => run::step(&format!("nothing is computed: {error:#}")),
    }
    finish(command, options)
}

fn program() -> Result<PathBuf> {
    let place = Path::new(FOLDER).join("nothing");
    if place.is_file() {
        return Ok(place);
    }
    let source = std::env::temp_dir().join(format!("portcullis-nothing-{}.c", std::process::id()));
    std::fs::write(&source, PROGRAM)?;
    run::must(run::as_root("mkdir").args(["-p", "-m", "755", FOLDER]), "make the machine's cache")?;
    let mut compiler = run::as_root("cc");
    compiler.args(["-static", "-O2", "-o"]).arg(&place).arg(&source);
    run::must(&mut compiler, "compile a program that does nothing")?;
    std::fs::remove_file(&source)?;
    Ok(place)
}

/// numpy for the machine's own Python, from the packages of the tests.
fn numpy() -> Result<PathBuf> {
    let place = Path::new(FOLDER).join("numpy");
    if place.join("numpy").is_dir() {
        return Ok(place);
    }
    jupyter::ensure()?;
    wheels::ensure()?;
    let mut pip = run::as_root(jupyter::folder().join("bin/pip"));
    pip.args(["install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check", "--target"])
        .arg(&place)
        .arg("--find-links")
        .arg(wheels::folder())
        .arg("numpy")
        .stdin(Stdio::null());
    run::must(&mut pip, "install numpy")?;
    run::must(run::as_root("chmod").args(["-R", "a+rX,go-w"]).arg(&place), "open numpy's files for reading")?;
    Ok(place)
}
