//! What the machine must have for a configuration: looked at, never changed.
//!
//! What can't be seen without root's rights is said to be unseen, not passed.

use std::fs::Metadata;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::{Group, User};
use portcullis_conf::adapters::Section;
use portcullis_conf::{FileKind, JUPYTER_PLACES, Origin, PortRange, Settings};
use portcullis_model::cookie::KEY_MIN;

use crate::check::{Check, Outcome};

mod directories;

/// All checks of a configuration that is right by itself.
pub(crate) fn checks(dir: &Path, settings: &Settings) -> Vec<Check> {
    let mut checks = vec![server_user(settings)];
    checks.extend(key_files(dir, settings).iter().flat_map(|path| cookie_key(path, settings)));
    if settings.rserver.ssl_enabled {
        checks.extend(pem(
            "ssl-certificate",
            settings.rserver.ssl_certificate.as_deref(),
            "-----BEGIN CERTIFICATE-----",
        ));
        checks.extend(pem(
            "ssl-certificate-key",
            settings.rserver.ssl_certificate_key.as_deref(),
            "PRIVATE KEY-----",
        ));
        checks.extend(
            settings
                .rserver
                .ssl_certificate_key
                .as_deref()
                .and_then(|path| secret("ssl-certificate-key", path)),
        );
    }
    checks.extend(directories::checks(settings));
    checks.extend(settings.rserver.auth_required_user_group.iter().filter_map(|group| required_group(group)));
    checks.push(pam_service(&settings.portcullis.pam_service, Path::new("/etc/pam.d")));
    checks.extend(settings.rserver.auth_login_page_html.as_deref().and_then(login_page));
    if settings.jupyter.labs_enabled {
        checks.push(jupyter(settings.jupyter.jupyter_exe.as_deref()));
    }
    checks.extend(settings.adapters.apps().filter_map(app));
    checks.extend(settings.rsession.directory_view_allow_list.iter().filter_map(|dir| allowed_dir(dir)));
    if let Some(range) = settings.rsession.session_port_range.filter(|_| settings.sessions_by_tcp()) {
        checks.extend(ephemeral(range));
    }
    checks
}

/// Whoever may write a configuration file decides what everybody may do.
pub(crate) fn writable(path: &Path) -> Option<Check> {
    let meta = std::fs::metadata(path).ok()?;
    (meta.mode() & 0o002 != 0).then(|| {
        Check::new(Outcome::Fail, path.display().to_string(), "everybody on this machine may change it")
            .hint(format!("chmod o-w {}", path.display()))
    })
}

fn server_user(settings: &Settings) -> Check {
    let name = settings.rserver.server_user.as_str();
    let chosen = settings.origin(FileKind::Rserver, "server-user") != Origin::Default;
    let option = "server-user";
    match User::from_name(name) {
        Ok(Some(user)) if user.uid.is_root() || user.gid.as_raw() == 0 => Check::new(
            Outcome::Fail,
            option,
            format!("`{name}` is root or of its group: what comes from the network must not run as root"),
        ),
        Ok(Some(user)) => Check::new(Outcome::Pass, option, format!("`{name}` has the user id {}", user.uid)),
        Ok(None) => {
            // The usual account comes with the installation, and files can be checked before it; a name that somebody chose is
            // a slip. The launcher refuses to start in both cases.
            let outcome = if chosen { Outcome::Fail } else { Outcome::Info };
            let text = format!("there is no account `{name}`: the daemon does not start without it");
            Check::new(outcome, option, text)
                .hint(format!("useradd --system --no-create-home --shell /usr/sbin/nologin {name}"))
        }
        Err(error) => Check::new(Outcome::Info, option, format!("`{name}` can't be looked up: {error}")),
    }
}

/// The files with the secret that signs cookies, without the one that the daemon makes for itself.
fn key_files(dir: &Path, settings: &Settings) -> Vec<PathBuf> {
    let there = |path: &Path| path.symlink_metadata().is_ok();
    let beside = dir.join("secure-cookie-key");
    let chosen = settings.rserver.secure_cookie_key_file.clone();
    let Some(key) = chosen.or_else(|| there(&beside).then_some(beside)) else { return Vec::new() };
    let mut previous = key.as_os_str().to_owned();
    previous.push(".previous");
    let previous = Some(PathBuf::from(previous)).filter(|path| there(path));
    std::iter::once(key).chain(previous).collect()
}

/// What the launcher insists on before it signs with a secret.
fn cookie_key(path: &Path, settings: &Settings) -> Vec<Check> {
    let option = "secure-cookie-key-file";
    let name = path.display();
    if path.is_symlink() {
        let text = format!("`{name}` is a symbolic link, which is not followed");
        return vec![Check::new(Outcome::Fail, option, text)];
    }
    let meta = match seen(option, path) {
        Ok(meta) => meta,
        Err(check) => return vec![check],
    };
    let mut checks: Vec<Check> = secret(option, path).into_iter().collect();
    // A line feed at its end is not part of the secret; where it can't be read it is taken to be none.
    let ends_line = std::fs::read(path).is_ok_and(|bytes| bytes.ends_with(b"\n"));
    let length = meta.len() - u64::from(ends_line);
    if length < KEY_MIN as u64 {
        let text = format!("`{name}` has {length} bytes, a secret needs at least {KEY_MIN}");
        checks.push(Check::new(Outcome::Fail, option, text).hint("openssl rand -base64 32 makes one"));
    }
    let server =
        User::from_name(settings.rserver.server_user.as_str()).ok().flatten().map(|user| user.uid.as_raw());
    if meta.uid() != 0 && Some(meta.uid()) != server {
        let text = format!("`{name}` belongs to the user id {}", meta.uid());
        checks.push(Check::new(Outcome::Fail, option, text).hint(format!("chown root {name}")));
    }
    if checks.is_empty() {
        checks.push(Check::new(
            Outcome::Pass,
            option,
            format!("`{name}` is there and nobody else can read it"),
        ));
    }
    checks
}

/// A file that nobody but its owner may read.
fn secret(option: &str, path: &Path) -> Option<Check> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let name = path.display();
    let (outcome, whom) = match mode {
        _ if mode & 0o007 != 0 => (Outcome::Fail, "everybody on this machine"),
        _ if mode & 0o070 != 0 && option == "secure-cookie-key-file" => (Outcome::Fail, "its group"),
        _ if mode & 0o070 != 0 => (Outcome::Info, "its group"),
        _ => return None,
    };
    let text = format!("`{name}` can be read by {whom} (mode {mode:03o})");
    Some(Check::new(outcome, option, text).hint(format!("chmod 600 {name}")))
}

fn pem(option: &str, path: Option<&Path>, word: &str) -> Option<Check> {
    let path = path?;
    let name = path.display();
    if let Err(check) = seen(option, path) {
        return Some(check);
    }
    let mut text = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(portcullis_conf::FILE_MAX).read_to_string(&mut text));
    Some(match read {
        Ok(_) if text.contains(word) => {
            Check::new(Outcome::Pass, option, format!("`{name}` is there and is PEM"))
        }
        Ok(_) => Check::new(Outcome::Fail, option, format!("`{name}` has no line with `{word}`"))
            .hint("it must be PEM: text, not DER"),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Check::new(Outcome::Fail, option, format!("`{name}` is not text"))
                .hint("it must be PEM: text, not DER")
        }
        Err(error) => unseen(option, path, &error),
    })
}

fn seen(option: &str, path: &Path) -> Result<Metadata, Check> {
    let name = path.display();
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => Ok(meta),
        Ok(_) => Err(Check::new(Outcome::Fail, option, format!("`{name}` is not a file"))),
        Err(error) => Err(unseen(option, path, &error)),
    }
}

fn unseen(option: &str, path: &Path, error: &io::Error) -> Check {
    let name = path.display();
    if error.kind() == io::ErrorKind::PermissionDenied {
        return Check::new(Outcome::Info, option, format!("`{name}` can't be looked at as this user"))
            .hint("run the check as root");
    }
    Check::new(Outcome::Fail, option, format!("`{name}` can't be read: {error}"))
}

fn required_group(group: &str) -> Option<Check> {
    let found = Group::from_name(group).ok().flatten();
    found.is_none().then(|| {
        let text = format!("there is no group `{group}` on this machine, so nobody is in it");
        Check::new(Outcome::Info, "auth-required-user-group", text)
            .hint("it may still come from a directory service")
    })
}

fn pam_service(name: &str, dir: &Path) -> Check {
    let path = dir.join(name);
    if path.exists() {
        return Check::new(Outcome::Pass, "pam-service", format!("`{}` is there", path.display()));
    }
    let text =
        format!("there is no `{}`: PAM takes `other` instead, which usually lets nobody in", path.display());
    Check::new(Outcome::Info, "pam-service", text).hint("a sample is in etc/pam.d")
}

fn login_page(path: &Path) -> Option<Check> {
    let text = format!("`{}` is not there: nothing is shown below the sign-in form", path.display());
    (!path.exists()).then(|| Check::new(Outcome::Info, "auth-login-page-html", text))
}

fn jupyter(chosen: Option<&Path>) -> Check {
    let option = "jupyter-exe";
    let places: Vec<PathBuf> = match chosen {
        Some(path) => vec![path.to_owned()],
        None => JUPYTER_PLACES.iter().map(PathBuf::from).collect(),
    };
    let runs = |path: &&PathBuf| {
        std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if let Some(path) = places.iter().find(runs) {
        return Check::new(Outcome::Pass, option, format!("`{}` is there", path.display()));
    }
    let names: Vec<String> = places.iter().map(|path| format!("`{}`", path.display())).collect();
    let text = format!("no program at {}: JupyterLab can't be started", names.join(", "));
    Check::new(Outcome::Info, option, text).hint("install JupyterLab, or name its program with `jupyter-exe`")
}

/// A declared application's program.
fn app(section: &Section) -> Option<Check> {
    let program = section.app()?.command.into_iter().next()?;
    let runs = std::fs::metadata(&program)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    let text = format!("there is no program `{program}`: [{section}] can't be started");
    (!runs).then(|| Check::new(Outcome::Info, "adapters.conf", text))
}

fn allowed_dir(dir: &Path) -> Option<Check> {
    let text = format!("`{}` is not a directory", dir.display());
    (!dir.is_dir()).then(|| Check::new(Outcome::Info, "directory-view-allow-list", text))
}

/// Ports that the kernel gives to outgoing connections can be taken when a session wants them.
fn ephemeral(range: PortRange) -> Option<Check> {
    let read = |name: &str| std::fs::read_to_string(Path::new("/proc/sys/net/ipv4").join(name)).ok();
    let local = read("ip_local_port_range")?;
    let mut ends = local.split_whitespace().map(str::parse::<u16>);
    let kernel = PortRange { low: ends.next()?.ok()?, high: ends.next()?.ok()? };
    let meets = range.low <= kernel.high && kernel.low <= range.high;
    if !meets || reserved(&read("ip_local_reserved_ports").unwrap_or_default(), range) {
        return None;
    }
    let text =
        format!("the kernel gives ports of {kernel} to outgoing connections, which may take some of {range}");
    let hint = format!("sysctl -w net.ipv4.ip_local_reserved_ports={range}");
    Some(Check::new(Outcome::Info, "session-port-range", text).hint(hint))
}

/// Whether one entry of the kernel's list of reserved ports covers the range.
fn reserved(list: &str, range: PortRange) -> bool {
    list.trim().split(',').any(|part| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let ends = low.parse::<u16>().ok().zip(high.parse::<u16>().ok());
        ends.is_some_and(|(low, high)| low <= range.low && range.high <= high)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_conf::{Sources, load};

    fn settings(rserver: &str) -> Settings {
        let loaded = load(&Sources::new("/c", [("rserver.conf".to_owned(), rserver.to_owned())]));
        assert!(loaded.is_usable(), "{:?}", loaded.problems);
        loaded.settings
    }

    fn outcomes(checks: &[Check], option: &str) -> Vec<Outcome> {
        checks.iter().filter(|check| check.subject == option).map(|check| check.outcome).collect()
    }

    fn file(dir: &Path, name: &str, text: &str, mode: u32) -> String {
        let path = dir.join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its mode");
        path.display().to_string()
    }

    #[test]
    fn certificate_and_key_are_looked_at() {
        let dir = tempfile::tempdir().expect("a directory");
        let certificate = file(dir.path(), "c.pem", "-----BEGIN CERTIFICATE-----\n", 0o644);
        let key = file(dir.path(), "k.pem", "-----BEGIN PRIVATE KEY-----\n", 0o600);
        let open = file(dir.path(), "o.pem", "-----BEGIN PRIVATE KEY-----\n", 0o644);
        let conf =
            |key: &str| format!("ssl-enabled=1\nssl-certificate={certificate}\nssl-certificate-key={key}\n");
        let found = checks(Path::new("/c"), &settings(&conf(&key)));
        assert_eq!(outcomes(&found, "ssl-certificate"), [Outcome::Pass]);
        assert_eq!(outcomes(&found, "ssl-certificate-key"), [Outcome::Pass]);
        assert_eq!(
            outcomes(&checks(Path::new("/c"), &settings(&conf(&open))), "ssl-certificate-key"),
            [Outcome::Pass, Outcome::Fail]
        );
        assert_eq!(
            outcomes(&checks(Path::new("/c"), &settings(&conf("/nowhere/k"))), "ssl-certificate-key"),
            [Outcome::Fail]
        );
        assert_eq!(
            outcomes(&checks(Path::new("/c"), &settings(&conf(&certificate))), "ssl-certificate-key")[0],
            Outcome::Fail
        );
    }

    #[test]
    fn a_cookie_key_is_long_and_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let short = file(dir.path(), "short", "too short", 0o640);
        let found = checks(Path::new("/c"), &settings(&format!("secure-cookie-key-file={short}\n")));
        let failed = outcomes(&found, "secure-cookie-key-file");
        assert!(failed.len() >= 2 && failed.iter().all(|outcome| *outcome == Outcome::Fail), "{found:?}");
        // Without the option, one that lies beside the configuration counts.
        file(dir.path(), "secure-cookie-key", &"k".repeat(20), 0o644);
        let found = checks(dir.path(), &settings(""));
        assert!(outcomes(&found, "secure-cookie-key-file").contains(&Outcome::Fail), "{found:?}");
        assert_eq!(outcomes(&checks(Path::new("/c"), &settings("")), "secure-cookie-key-file"), []);
    }

    #[test]
    fn accounts_are_looked_up() {
        let root = checks(Path::new("/c"), &settings("server-user=root\n"));
        assert_eq!(outcomes(&root, "server-user"), [Outcome::Fail]);
        let nobody = checks(Path::new("/c"), &settings("server-user=nobody\n"));
        assert_eq!(outcomes(&nobody, "server-user"), [Outcome::Pass]);
        let chosen = checks(
            Path::new("/c"),
            &settings("server-user=no-such-account\nauth-required-user-group=root, no-such-group\n"),
        );
        assert_eq!(outcomes(&chosen, "server-user"), [Outcome::Fail]);
        assert_eq!(outcomes(&chosen, "auth-required-user-group"), [Outcome::Info]);
    }

    #[test]
    fn a_file_that_everybody_may_write_fails() {
        let dir = tempfile::tempdir().expect("a directory");
        let open = file(dir.path(), "rsession.conf", "", 0o666);
        let good = file(dir.path(), "rserver.conf", "", 0o644);
        assert_eq!(writable(Path::new(&open)).map(|check| check.outcome), Some(Outcome::Fail));
        assert!(writable(Path::new(&good)).is_none());
    }

    #[test]
    fn reserved_ports_are_understood() {
        let range = PortRange { low: 59000, high: 59999 };
        assert!(reserved("8080,59000-59999\n", range));
        assert!(reserved("50000-60000", range));
        assert!(!reserved("59000-59998,59999", range));
        assert!(!reserved("\n", range));
    }

    #[test]
    fn programs_of_applications_are_looked_for() {
        let conf = "[app one]\ncommand=/bin/sh {socket}\n[app two]\ncommand=/nowhere/x {socket}\n";
        let loaded = load(&Sources::new("/c", [("adapters.conf".to_owned(), conf.to_owned())]));
        let found: Vec<Check> = loaded.settings.adapters.apps().filter_map(app).collect();
        assert_eq!(found.len(), 1);
        assert!(found[0].text.contains("`/nowhere/x`: [app two] can't"), "{:?}", found[0]);
    }

    #[test]
    fn programs_are_looked_for() {
        assert_eq!(jupyter(Some(Path::new("/bin/sh"))).outcome, Outcome::Pass);
        assert_eq!(jupyter(Some(Path::new("/nowhere/jupyter"))).outcome, Outcome::Info);
        assert_eq!(jupyter(Some(Path::new("/etc/passwd"))).outcome, Outcome::Info);
    }
}
