//! Makes the machine's root, has it booted, and reads what it wrote down.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::mount::{MsFlags, mount};
use portcullis_dist::{Family, Order, make};
use portcullis_testing::{place, until};
use serde::{Deserialize, Serialize};

use crate::boot;

/// Where everything of the test's is, in the machine.
pub(crate) const PLACE: &str = "/opt/portcullis-test";
/// Versions of the package: installed, then upgraded to.
pub(crate) const VERSIONS: [&str; 2] = ["1.0.0", "1.0.1"];
/// Time for all of it, on a busy machine.
const SECONDS: u64 = 420;
/// The root's upper layer: packages, accounts, journal.
const SIZE: &str = "size=1500M,mode=755";

/// Why there is no report.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// This machine can't boot another one.
    Skipped(String),
    /// It should have.
    Failed(String),
}

/// What came of one step.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Step {
    /// Which.
    pub(crate) name: String,
    /// What went wrong; empty for nothing.
    pub(crate) problem: String,
    /// What the daemon had said by then, if something did.
    pub(crate) journal: String,
    /// How long it took.
    pub(crate) seconds: f64,
}

/// What came of all.
#[derive(Debug)]
pub(crate) struct Report {
    /// In their order.
    pub(crate) steps: Vec<Step>,
    /// What the machine said on its console.
    pub(crate) log: String,
}

type Result<T> = std::result::Result<T, Outcome>;

fn failed<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> Outcome {
    move |error| Outcome::Failed(format!("cannot {what}: {error:#}"))
}

/// Boots one, waits for its end.
pub(crate) fn run() -> Result<Report> {
    for needed in ["/lib/systemd/systemd", "/usr/bin/dpkg", "/usr/bin/systemctl"] {
        if !Path::new(needed).exists() {
            return Err(Outcome::Skipped(format!("this machine has no {needed}")));
        }
    }
    let root = root()?;
    furnish(&root)?;
    let console = root.join("console");
    let log = fs::File::create(&console).map_err(failed("make the console's file"))?;
    let us = std::env::current_exe().map_err(failed("find this program"))?;
    let mut machine = Command::new(us)
        .arg(boot::OUTSIDE)
        .arg(&root)
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed("share the console's file"))?)
        .stderr(log)
        .spawn()
        .map_err(failed("start the machine"))?;
    let ended = until::some("the machine ends", SECONDS, || Ok(machine.try_wait()?));
    if ended.is_err() {
        // Its first process dies with it, and everything inside with that.
        let _ = machine.kill();
        let _ = machine.wait();
    }
    let log = fs::read_to_string(&console).unwrap_or_default();
    if ended.is_ok_and(|status| status.code() == Some(boot::NOT_HERE)) {
        return Err(Outcome::Skipped(format!("no machine can be booted here: {}", log.trim())));
    }
    let written =
        fs::read_to_string(root.join(PLACE.trim_start_matches('/')).join("report")).unwrap_or_default();
    let steps: Vec<Step> = written.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for step in &steps {
        eprintln!("{:6.1} s {}", step.seconds, step.name);
    }
    Ok(Report { steps, log })
}

/// This machine's root under an overlay. Its upper layer must be another file system than the root's.
fn root() -> Result<PathBuf> {
    let base = PathBuf::from("/run/portcullis-machine");
    fs::create_dir_all(&base).map_err(failed("make a folder"))?;
    let none = MsFlags::empty();
    let skipped =
        |errno: nix::errno::Errno| Outcome::Skipped(format!("no overlay of the root can be had: {errno}"));
    mount(Some("tmpfs"), &base, Some("tmpfs"), none, Some(SIZE)).map_err(skipped)?;
    for name in ["upper", "work", "root"] {
        fs::create_dir(base.join(name)).map_err(failed("make a folder"))?;
    }
    let data = format!("lowerdir=/,upperdir={0}/upper,workdir={0}/work", base.display());
    let root = base.join("root");
    mount(Some("overlay"), &root, Some("overlay"), none, Some(data.as_str())).map_err(skipped)?;
    Ok(root)
}

/// Packages, this program as a service, and the tests' programs.
fn furnish(root: &Path) -> Result<()> {
    let place = root.join(PLACE.trim_start_matches('/'));
    let (packages, programs) = (place.join("packages"), place.join("programs"));
    let stripped = place.join("stripped");
    for folder in [&packages, &programs, &stripped] {
        fs::create_dir_all(folder).map_err(failed("make a folder"))?;
    }
    for name in [
        "portcullis",
        "portcullis-identity",
        "portcullis-launcher",
        "portcullis-server",
        "portcullis-session",
    ] {
        let strip =
            Command::new("strip").arg("-o").arg(stripped.join(name)).arg(place::program(name)).status();
        if !strip.is_ok_and(|status| status.success()) {
            fs::copy(place::program(name), stripped.join(name)).map_err(failed("copy a program"))?;
        }
    }
    for version in VERSIONS {
        let order = Order {
            root: env!("CARGO_MANIFEST_DIR").into(),
            programs: stripped.clone(),
            version: version.to_owned(),
            epoch: 1_767_225_600,
            effort: 1,
        };
        make(&order, Family::Debian, &packages).map_err(failed("make a package"))?;
    }
    fs::remove_dir_all(&stripped).map_err(failed("remove the stripped programs"))?;
    // Of a developer's machine: what its administrator set must not steer the test. Images forbid packages to start anything.
    for left in [
        "etc/rstudio",
        "etc/pam.d/portcullis",
        "var/lib/portcullis",
        "etc/machine-id",
        "usr/sbin/policy-rc.d",
    ] {
        let path = root.join(left);
        let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
    // Nothing here brings a network up, and they would wait for it, two minutes each.
    for waits in ["systemd-networkd", "NetworkManager", "ifupdown"] {
        let unit = root.join(format!("etc/systemd/system/{waits}-wait-online.service"));
        let _ = fs::remove_file(&unit);
        std::os::unix::fs::symlink("/dev/null", &unit).map_err(failed("mask a unit"))?;
    }
    let us = std::env::current_exe().map_err(failed("find this program"))?;
    let name = us.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let units = root.join("etc/systemd/system");
    let service = format!(
        "[Unit]\nDescription=the tests\nAfter=basic.target dbus.socket systemd-user-sessions.service\nWants=dbus.socket systemd-user-sessions.service\nSuccessAction=poweroff-force\nFailureAction=poweroff-force\n\
         [Service]\nType=oneshot\nTimeoutStartSec={}\nEnvironment=PORTCULLIS_ISOLATED=1 PORTCULLIS_PROGRAMS={PLACE}/programs HOME=/root\n\
         ExecStart={PLACE}/programs/deps/{name} {}\n",
        SECONDS - 30,
        crate::inside::WORD,
    );
    fs::write(units.join("portcullis-test.service"), service).map_err(failed("write a unit"))?;
    let target =
        "[Unit]\nRequires=basic.target portcullis-test.service\nAfter=basic.target\nAllowIsolate=yes\n";
    fs::write(units.join(boot::TARGET), target).map_err(failed("write a unit"))
}
