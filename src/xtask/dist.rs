//! `cargo xtask dist`: builds the programs and makes packages of them.
//!
//! The same source, compiler and time give the same bytes: no path of this machine is in the programs, and everything in a package
//! carries one time (`SOURCE_DATE_EPOCH`, else that of the last commit).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use portcullis_dist::{Family, Order, make};

use crate::{packages, run};

/// The daemon's programs.
pub(crate) const PROGRAMS: [&str; 5] =
    ["portcullis", "portcullis-identity", "portcullis-launcher", "portcullis-server", "portcullis-session"];

/// What to make.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which packages
    #[arg(long, value_enum, default_value_t = Format::Both)]
    format: Format,
    /// Folder for them
    #[arg(long, default_value = "target/dist")]
    out: PathBuf,
    /// Take the programs from this folder and build none
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Version of the packages
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
    version: String,
    /// How hard to compress, 1 to 9
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=9))]
    effort: u32,
}

/// Kinds of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Debian, Ubuntu
    Deb,
    /// Fedora, RHEL
    Rpm,
    /// One of each
    Both,
}

/// Builds, packs, and says what came out.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let started = Instant::now();
    let root = run::root();
    let out = std::path::absolute(root.join(&options.out))?;
    fs::create_dir_all(&out).with_context(|| format!("cannot make `{}`", out.display()))?;
    let built = match &options.programs {
        Some(folder) => folder.clone(),
        None => build(&root)?,
    };
    let programs = out.join("programs");
    strip(&built, &programs)?;
    let order =
        Order { root, programs, version: options.version.clone(), epoch: epoch()?, effort: options.effort };
    let families = [(Format::Deb, Family::Debian), (Format::Rpm, Family::RedHat)];
    let wanted = families.into_iter().filter(|(format, _)| [*format, Format::Both].contains(&options.format));
    for (_, family) in wanted {
        run::step(match family {
            Family::Debian => "package for Debian and Ubuntu",
            Family::RedHat => "package for Fedora and RHEL",
        });
        let made = make(&order, family, &out)?;
        println!("{}", made.path.display());
        println!("  {} bytes, sha256 {}", made.bytes, made.sha256);
        look(family, &made.path);
    }
    fs::remove_dir_all(&order.programs).context("cannot remove the stripped programs")?;
    println!("{} s", started.elapsed().as_secs());
    Ok(ExitCode::SUCCESS)
}

/// Builds the programs in a folder of its own, since it is by other rules; returns where they are.
fn build(root: &Path) -> Result<PathBuf> {
    packages::ensure(packages::BUILD)?;
    run::step("building the programs, optimised as a whole (some minutes)");
    let target = run::target_folder()?.join("packages");
    // Paths in messages of a panic would be this machine's.
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let mut flags = format!("--remap-path-prefix={}=portcullis", root.display());
    if let Some(home) = home {
        flags = format!("{flags}\u{1f}--remap-path-prefix={}=cargo", home.display());
    }
    let mut cargo = run::cargo();
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags).args(["build", "--release", "--locked", "--bins"]);
    run::must(cargo.args(["--package", "portcullis", "--target-dir"]).arg(&target), "build the programs")?;
    Ok(target.join("release"))
}

/// Copies the programs without names for debuggers. Where there is no `strip`, they stay as they were built.
pub(crate) fn strip(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make `{}`", to.display()))?;
    for name in PROGRAMS {
        let (from, to) = (from.join(name), to.join(name));
        let stripped = Command::new("strip").arg("--strip-all").arg("-o").arg(&to).arg(&from).status();
        if !stripped.is_ok_and(|status| status.success()) {
            run::step(&format!("{name} is packed as it was built: no `strip`"));
            fs::copy(&from, &to).with_context(|| format!("cannot copy `{}`", from.display()))?;
        }
    }
    Ok(())
}

/// The time that everything carries.
fn epoch() -> Result<u64> {
    if let Ok(said) = std::env::var("SOURCE_DATE_EPOCH") {
        return said.parse().context("SOURCE_DATE_EPOCH is no number");
    }
    let mut git = Command::new("git");
    git.current_dir(run::root()).args(["log", "-1", "--format=%ct"]);
    match run::output(&mut git, "ask git for the time of the last commit") {
        Ok(text) => text.trim().parse().context("git's answer is no number"),
        Err(error) => {
            run::step(&format!("everything is of 1 January 2026: {error:#}"));
            Ok(1_767_225_600)
        }
    }
}

/// Has the distribution's own checker look at it, where that is installed. What it finds is said, and is for a person to judge.
fn look(family: Family, package: &Path) {
    let mut checker = match family {
        Family::Debian if run::has("lintian") => Command::new("lintian"),
        Family::RedHat if run::has("rpm") => Command::new("rpm"),
        Family::Debian | Family::RedHat => return,
    };
    match family {
        Family::Debian => checker.args(["--fail-on", "error", "--tag-display-limit", "0"]).arg(package),
        Family::RedHat => checker.args(["-K", "--nosignature"]).arg(package),
    };
    if let Err(error) = run::must(&mut checker, "find the package free of errors") {
        run::step(&format!("{error:#}"));
    }
}
