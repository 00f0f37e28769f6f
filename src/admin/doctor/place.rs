//! Programs, the daemon, its directories and port, the clock: looked at, never changed.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_conf::Settings;
use portcullis_model::session::Ide;
use portcullis_policy::CommandError;
use portcullis_sys::listeners::listeners;
use portcullis_wire::admin::{FromDaemon, Status, ToDaemon};

use crate::check::{Check, Outcome};
use crate::daemon::RunDir;

/// The first second of 2025: a clock before it was never set.
const PLAUSIBLE: u64 = 1_735_689_600;
/// Seconds that two clocks may differ.
const SKEW: u64 = 300;

/// Which IDEs can be started.
pub(crate) fn programs(settings: &Settings, ides: &[Ide]) -> Vec<Check> {
    let runs =
        |path: &str| std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.mode() & 0o111 != 0);
    let mut checks = Vec::new();
    let mut ready = 0;
    for ide in ides {
        let subject = format!("IDE {}", ide.word());
        checks.push(match super::start(settings, *ide, &runs) {
            Ok(program) => {
                ready += 1;
                Check::new(Outcome::Pass, subject, format!("offered, by `{program}`"))
            }
            Err(why @ CommandError::NotFound { .. }) => Check::new(Outcome::Info, subject, why.to_string())
                .hint("install it, or name its program in the configuration, or switch it off"),
            Err(why @ (CommandError::Off { .. } | CommandError::NotYet { .. })) => {
                Check::new(Outcome::Info, subject, why.to_string())
            }
            Err(CommandError::NotForYou { .. }) => {
                ready += 1;
                Check::new(Outcome::Pass, subject, "offered to some people (adapters.conf)")
            }
            Err(why) => Check::new(Outcome::Fail, subject, why.to_string()),
        });
    }
    if ready == 0 {
        checks.push(Check::new(
            Outcome::Fail,
            "IDEs",
            "none can be started: people can sign in and do nothing",
        ));
    }
    checks
}

/// The running daemon, where it can be asked.
pub(crate) fn daemon(run_dir: &RunDir) -> (Option<Status>, Check) {
    let answer = run_dir.ask(&ToDaemon::Status);
    let told = match answer {
        Ok(messages) => messages.into_iter().find_map(|message| match message {
            FromDaemon::Status(status) => Some(*status),
            _ => None,
        }),
        Err(why) => {
            let hint = "start it, or ask as root; what is below is about the machine all the same";
            return (None, Check::new(Outcome::Info, "daemon", format!("{why:#}")).hint(hint));
        }
    };
    let Some(status) = told else {
        return (None, Check::new(Outcome::Fail, "daemon", "it answered something else"));
    };
    let ours = env!("CARGO_PKG_VERSION");
    let check = match () {
        () if status.version != ours => {
            let text = format!("version {} runs, this command is of version {ours}", status.version);
            Check::new(Outcome::Fail, "daemon", text).hint("restart it: sessions live on")
        }
        () if !status.writable => {
            let text = "its audit log or state can't be written: nobody is let in, nothing is started";
            Check::new(Outcome::Fail, "daemon", text).hint("make room on the disk of its state directory")
        }
        () if !status.serving => {
            Check::new(Outcome::Fail, "daemon", "it runs, but no server serves").hint("its log says why")
        }
        () => Check::new(
            Outcome::Pass,
            "daemon",
            format!(
                "version {} serves on {}, configuration {}",
                status.version, status.address, status.generation
            ),
        ),
    };
    (Some(status), check)
}

/// Milliseconds by which clocks may differ: sign-ins end by them.
const CLOCKS_DIFFER: u64 = 2000;

/// The machines with the same database, where there are others.
pub(crate) fn others(status: &Status) -> Vec<Check> {
    let Some(others) = &status.others else { return Vec::new() };
    let check = |outcome, text: String| Check::new(outcome, "other machines", text);
    let mut checks = vec![match others.apart {
        None => check(Outcome::Pass, "the shared database is heard of".into()),
        Some(seconds) => {
            let text = format!("the shared database is not heard of for {seconds} s");
            check(Outcome::Fail, text)
                .hint("what is ended elsewhere is not known here; the daemon's log says why")
        }
    }];
    for one in &others.machines {
        if !one.same_keys {
            let text = format!("`{}` has other cookie keys: neither honours the other's sign-ins", one.name);
            checks.push(
                check(Outcome::Fail, text).hint("copy `secure-cookie-key` to all of them, then restart"),
            );
        }
        if !one.same_factor_key {
            let text =
                format!("`{}` has another factor key: neither opens second factors of the other", one.name);
            checks.push(check(Outcome::Fail, text).hint("copy `factor-key` to all of them, then restart"));
        }
        if one.ahead > CLOCKS_DIFFER {
            let text = format!("the clock of `{}` is {} s ahead of this one's", one.name, one.ahead / 1000);
            checks.push(check(Outcome::Fail, text).hint("keep the clocks of all machines by NTP"));
        }
    }
    checks
}

/// Who listens where the daemon is to listen.
pub(crate) fn port(settings: &Settings, running: bool) -> Check {
    let port = settings.port();
    let subject = format!("port {port}");
    match listeners(port) {
        Ok(_) if port == 0 => Check::new(Outcome::Pass, subject, "any free one is taken"),
        Ok(owners) if running || owners.is_empty() => {
            let text = if owners.is_empty() {
                "nobody listens there"
            } else {
                "the daemon or somebody else listens there"
            };
            let outcome = if running == owners.is_empty() { Outcome::Info } else { Outcome::Pass };
            Check::new(outcome, subject, text)
        }
        Ok(owners) => {
            let owners = owners.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            let text = format!(
                "a program of user id {owners} listens there, and the daemon can't be asked whether it is its own"
            );
            Check::new(Outcome::Info, subject, text).hint("`ss -ltnp` as root shows whose it is")
        }
        Err(error) => {
            Check::new(Outcome::Info, subject, format!("the kernel does not say who listens: {error}"))
        }
    }
}

/// The directories: the daemon refuses those that others may write to.
pub(crate) fn directories(run_dir: &Path, state_dir: &Path) -> Vec<Check> {
    [(state_dir, 0o066, "state"), (run_dir, 0o022, "sockets")]
        .map(|(path, others, what)| directory(path, others, what))
        .into()
}

fn directory(path: &Path, others: u32, what: &str) -> Check {
    let subject = path.display().to_string();
    let meta = match path.symlink_metadata() {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = format!("not there ({what}): the daemon makes it at its first start");
            return Check::new(Outcome::Info, subject, text);
        }
        Err(error) => {
            return Check::new(Outcome::Info, subject, format!("can't be looked at: {error}"))
                .hint("ask as root");
        }
    };
    let mode = meta.mode() & 0o7777;
    let right = format!("{:04o}", 0o755 & !others);
    match () {
        () if !meta.is_dir() => {
            Check::new(Outcome::Fail, subject, "not a directory").hint("remove it, or choose another")
        }
        () if meta.uid() != 0 => {
            let text = format!("it belongs to user id {}, who can put files in the daemon's way", meta.uid());
            Check::new(Outcome::Fail, subject.clone(), text).hint(format!("chown root {subject}"))
        }
        () if mode & others != 0 => {
            let text = format!("others may do too much with it (mode {mode:04o})");
            Check::new(Outcome::Fail, subject.clone(), text).hint(format!("chmod {right} {subject}"))
        }
        () => Check::new(Outcome::Pass, subject, format!("root's, mode {mode:04o} ({what})")),
    }
}

/// The clock, beside the newest record of the audit log: sign-ins and exemptions end by it.
pub(super) fn clock(state_dir: &Path) -> Check {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let log = state_dir.join("audit/audit.jsonl");
    let written = std::fs::metadata(&log).and_then(|meta| meta.modified()).ok();
    let written = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map(|since| since.as_secs());
    judged_clock(now, written, Path::new("/run/systemd/timesync/synchronized").exists())
}

fn judged_clock(now: u64, written: Option<u64>, kept: bool) -> Check {
    let hint = "set it, and have it kept right (systemd-timesyncd, chrony)";
    if now < PLAUSIBLE {
        return Check::new(Outcome::Fail, "clock", "it stands before 2025: it was never set").hint(hint);
    }
    if written.is_some_and(|written| written > now.saturating_add(SKEW)) {
        let text = "the audit log was written in what is the future by this clock: it was set back";
        return Check::new(Outcome::Fail, "clock", text).hint(hint);
    }
    if kept {
        return Check::new(Outcome::Pass, "clock", "kept right by systemd-timesyncd");
    }
    Check::new(Outcome::Info, "clock", "plausible; nobody here can say whether it is kept right").hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_clock_is_judged_by_what_is_known() {
        assert_eq!(judged_clock(5, None, true).outcome, Outcome::Fail);
        assert_eq!(judged_clock(PLAUSIBLE, Some(PLAUSIBLE + SKEW + 1), true).outcome, Outcome::Fail);
        assert_eq!(judged_clock(PLAUSIBLE, Some(PLAUSIBLE + 1), true).outcome, Outcome::Pass);
        assert_eq!(judged_clock(PLAUSIBLE, None, false).outcome, Outcome::Info);
    }

    #[test]
    fn a_directory_is_roots_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).expect("its mode");
        assert_eq!(directory(dir.path(), 0o077, "state").outcome, Outcome::Fail);
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).expect("its mode");
        let root = nix::unistd::getuid().is_root();
        let expected = if root { Outcome::Pass } else { Outcome::Fail };
        assert_eq!(directory(dir.path(), 0o077, "state").outcome, expected);
        assert_eq!(directory(&dir.path().join("none"), 0o077, "state").outcome, Outcome::Info);
    }
}
