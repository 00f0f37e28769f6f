//! What holds the server, and the identity program, beside their accounts: system calls, files, capabilities.
//!
//! The server reads what strangers send, so it has what it needs and nothing else: it talks over sockets, reads the files of
//! packages, and writes, executes, opens and signals nothing. A unit of its own would say the same in systemd's words
//! (docs/services.md); made here, it holds without a service manager too, and for every server
//! that is started while another one finishes. Called by the start of a server.

use std::path::{Path, PathBuf};

use portcullis_conf::Settings;
use portcullis_model::host::HostFacts;
use portcullis_model::proof::MethodName;
use portcullis_sys::exec::Exec;
use portcullis_sys::landlock::{Access, Handled, LandlockError, Rule, Ruleset};
use portcullis_sys::seccomp::{Filter, FilterError, Identity};
use std::os::fd::AsFd as _;
use thiserror::Error;

use crate::identity::Role;

/// Public files of packages: libraries for the server itself, RStudio's page.
const READ: &[&str] =
    &["/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/localtime", "/dev/urandom"];
/// Whatever starts a program that is linked dynamically: where it is, by architecture.
const LINKERS: &[&str] =
    &["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1"];

/// What names and addresses are looked up with (`getaddrinfo(3)`), for roles that connect to others by name.
const NAMES: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/run/systemd/resolve",
];
/// What Kerberos' library reads: its configuration with what that includes, and which mechanisms there are. The fourth is Red Hat's,
/// the last is where sssd writes what it knows of realms.
const KERBEROS: &[&str] =
    &["/etc/krb5.conf", "/etc/krb5.conf.d", "/etc/gss", "/etc/crypto-policies", "/var/lib/sss/pubconf"];
/// Folders of sockets.
const DATABASES: &[&str] = &["/run/postgresql"];

/// Why the server can't be confined although this machine has what it takes.
#[derive(Debug, Error)]
pub(crate) enum ConfinementError {
    /// Files.
    #[error("cannot make the server's rules for files")]
    Files(#[source] LandlockError),
    /// System calls.
    #[error("cannot make the server's filter for system calls")]
    Calls(#[source] FilterError),
}

/// Rules and filter, ready for one server or several.
#[derive(Debug)]
pub(crate) struct Confinement {
    files: Option<Ruleset>,
    calls: Option<Filter>,
}

impl Confinement {
    /// What this machine can hold of it.
    pub(crate) fn of_server(
        program: &Path,
        settings: &Settings,
        host: &HostFacts,
    ) -> Result<Self, ConfinementError> {
        let files =
            host.landlock.map(|version| Ruleset::new(version, Handled::Files, &rules(program, settings)));
        let calls = host.seccomp.then(Filter::server);
        Ok(Self {
            files: files.transpose().map_err(ConfinementError::Files)?,
            calls: calls.transpose().map_err(ConfinementError::Calls)?,
        })
    }

    /// The same for a role of the identity program, with this folder for files of its own.
    pub(crate) fn of_identity(
        program: &Path,
        role: Role,
        own: Option<&Path>,
        host: &HostFacts,
    ) -> Result<Self, ConfinementError> {
        let write = Access { read: true, write: true, ..Access::default() };
        let mut rules = packages(program);
        let read = Access { read: true, ..Access::default() };
        let (reads, calls): (Vec<&str>, _) = match role {
            // Where databases of this machine listen.
            Role::Store => ([NAMES, DATABASES].concat(), Identity::Files),
            Role::Ask(_) => (NAMES.to_vec(), Identity::Connections),
            Role::Once(MethodName::Kerberos, _) => (KERBEROS.to_vec(), Identity::Alone),
            Role::Once(..) => (Vec::new(), Identity::Alone),
        };
        rules.extend(reads.into_iter().map(|path| Rule { path: path.into(), access: read, links: true }));
        rules.extend(own.map(|folder| Rule { path: folder.to_owned(), access: write, links: false }));
        let files = host.landlock.map(|version| Ruleset::new(version, Handled::Files, &rules));
        let calls = host.seccomp.then(|| Filter::identity(calls));
        Ok(Self {
            files: files.transpose().map_err(ConfinementError::Files)?,
            calls: calls.transpose().map_err(ConfinementError::Calls)?,
        })
    }

    /// What of it this machine can't hold, in words; empty where it can all of it.
    pub(crate) fn lacking(&self) -> Vec<&'static str> {
        let files = self.files.is_none().then_some("files (no Landlock)");
        let calls = self.calls.is_none().then_some("system calls (no seccomp)");
        files.into_iter().chain(calls).collect()
    }

    /// Has a program started under it.
    pub(crate) fn hold<'a>(&'a self, exec: &mut Exec<'a>) {
        exec.no_capabilities().no_new_privs();
        if let Some(rules) = &self.files {
            exec.landlock(rules.as_fd(), rules.flags());
        }
        if let Some(filter) = &self.calls {
            exec.filter(filter);
        }
    }
}

/// Everything that is not here is out of the server's reach.
fn rules(program: &Path, settings: &Settings) -> Vec<Rule> {
    let read = Access { read: true, ..Access::default() };
    let mut rules = packages(program);
    rules.push(Rule { path: settings.rstudio_pages(), access: read, links: true });
    rules
}

/// What every program of ours needs to run.
fn packages(program: &Path) -> Vec<Rule> {
    let read = Access { read: true, ..Access::default() };
    let run = Access { read: true, execute: true, ..Access::default() };
    let rule = |path: PathBuf, access| Rule { path, access, links: true };
    let mut rules: Vec<Rule> = READ.iter().map(|path| rule(path.into(), read)).collect();
    rules.push(rule("/dev/null".into(), Access { read: true, write: true, ..Access::default() }));
    rules.extend(LINKERS.iter().map(|path| rule(path.into(), run)));
    rules.push(rule(program.to_owned(), run));
    rules
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Read as _;

    use portcullis_sys::process::Ended;

    use super::*;

    /// A shell stands in for the server: what it could open and write, a line each; how it ended.
    fn tried(confined: bool, script: &str) -> (String, Ended) {
        tried_as(confined, None, script)
    }

    /// The same for a role of the identity program, with a folder of its own.
    fn tried_as(confined: bool, role: Option<(Role, &Path)>, script: &str) -> (String, Ended) {
        let program = Path::new("/bin/sh");
        let settings =
            portcullis_conf::load(&portcullis_conf::Sources::new("/etc/rstudio", Vec::new())).settings;
        let host = HostFacts {
            landlock: portcullis_sys::landlock::version(),
            seccomp: true,
            ..HostFacts::default()
        };
        let confinement = match role {
            Some((role, own)) => Confinement::of_identity(program, role, Some(own), &host).expect("made"),
            None => Confinement::of_server(program, &settings, &host).expect("made"),
        };
        let (reader, writer) = portcullis_sys::fd::pipe().expect("a pipe");
        let mut exec = Exec::new(program).expect("a program");
        exec.arg("-c").arg(script).fd(1, writer.as_fd()).identity(65_534, 65_534, &[]);
        if confined {
            confinement.hold(&mut exec);
        }
        let child = exec.spawn().expect("started");
        drop(exec);
        drop(writer);
        let mut text = String::new();
        File::from(reader).read_to_string(&mut text).expect("its output");
        (text, child.wait().expect("its end"))
    }

    #[test]
    fn what_examines_a_ticket_writes_in_its_folder_and_reads_nobodys_files() {
        if !nix::unistd::geteuid().is_root() || portcullis_sys::landlock::version().is_none() {
            return; // as below
        }
        let own = std::env::temp_dir().join(format!("portcullis-tickets-{}", std::process::id()));
        fs::create_dir_all(&own).expect("a folder");
        std::os::unix::fs::chown(&own, Some(65_534), Some(65_534)).expect("given away");
        let script = format!(
            "for f in /etc/passwd /etc/hosts /etc/resolv.conf /etc/hostname /proc/1/status {}/../x; do true < $f && echo read $f; done \
             2>/dev/null; for f in {}/shown /tmp/portcullis-other /var/tmp/portcullis-other; do true > $f && echo wrote $f; done 2>/dev/null",
            own.display(),
            own.display()
        );
        let ticket = (Role::Once(MethodName::Kerberos, 1), own.as_path());
        let (held, _) = tried_as(true, Some(ticket), &script);
        assert_eq!(held, format!("wrote {}/shown\n", own.display()));
        let (free, _) = tried_as(false, Some(ticket), &script);
        assert!(free.contains("read /etc/passwd") && free.contains("wrote /tmp/portcullis-other"), "{free}");
        let _ = fs::remove_dir_all(&own);
        for left in ["/tmp/portcullis-other", "/var/tmp/portcullis-other"] {
            let _ = fs::remove_file(left);
        }
    }

    #[test]
    fn the_server_reaches_what_it_needs_and_nothing_else() {
        if !nix::unistd::geteuid().is_root() || portcullis_sys::landlock::version().is_none() {
            return; // the black-box tests, which are root's, say what a machine lacks
        }
        let open = std::env::temp_dir().join(format!("portcullis-open-{}", std::process::id()));
        fs::write(&open, "anybody's\n").expect("written");
        let open = open.display().to_string();
        let script = format!(
            "for f in /usr/bin/env /dev/null /etc/passwd /etc/hostname /proc/self/status /proc/1/status /sys/kernel/uevent_seqnum \
             /dev/zero /dev/full {open}; do true < $f && echo read $f; done 2>/dev/null; \
             for f in /dev/null {open}.new /tmp/portcullis-new /var/tmp/portcullis-new; do true > $f && echo wrote $f; done 2>/dev/null; \
             exec /usr/bin/id"
        );
        let (held, ended) = tried(true, &script);
        assert_eq!(held, "read /usr/bin/env\nread /dev/null\nwrote /dev/null\n");
        assert_eq!(ended, Ended::Exited(126), "it started a program");
        let (free, ended) = tried(false, &script);
        assert!(free.contains("read /etc/passwd") && free.contains(&format!("wrote {open}.new")), "{free}");
        assert!(free.contains("uid=65534"), "{free}");
        assert_eq!(ended, Ended::Exited(0));
        for left in [
            open.clone(),
            format!("{open}.new"),
            "/tmp/portcullis-new".into(),
            "/var/tmp/portcullis-new".into(),
        ] {
            let _ = fs::remove_file(left);
        }
    }
}
