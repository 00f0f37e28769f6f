//! The configuration in force: files, key ring and TLS texts, read by root and judged as a whole.
//!
//! Used at the start and at `SIGHUP`; what has an error is not used at all, and every problem is told.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use nix::unistd::User;
use portcullis_conf::{FileKind, MinimumUid, Problem, Settings, Severity, Sources};
use portcullis_model::Secret;
use portcullis_model::cookie::Key;
use portcullis_model::host::HostFacts;
use portcullis_wire::identity::NamedSecret;
use portcullis_wire::launcher::{Configuration, TlsMaterial};
use portcullis_wire::{ConfFile, MESSAGE_MAX};

use crate::dirs::Dirs;
use crate::identity::Role;
use crate::identity::secrets::{self, RoleSecret};
use crate::key_file;
use crate::log::chain;
use crate::sign_in::permit::uid_min;

/// Largest certificate chain or key.
const PEM_MAX: u64 = 64 * 1024;
/// Room in a message beside the texts.
const MESSAGE_REST: usize = 8 * 1024;

/// An account of ours: the server's, or the identity program's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerUser {
    /// Its number.
    pub(crate) uid: u32,
    /// Its group.
    pub(crate) gid: u32,
}

/// The key ring, when the first key was written, and its file.
type Keys = (Vec<Key>, Option<u64>, std::path::PathBuf);

/// What is in force.
#[derive(Debug)]
pub(crate) struct Active {
    /// Counts up with each that was accepted.
    pub(crate) generation: u64,
    /// The files.
    pub(crate) sources: Sources,
    /// What they say.
    pub(crate) settings: Settings,
    /// The key ring.
    pub(crate) keys: Vec<Key>,
    /// When the file of the key that signs was written, in seconds since 1970.
    pub(crate) key_written: Option<u64>,
    /// Its file.
    pub(crate) key_path: std::path::PathBuf,
    /// Certificate and key.
    pub(crate) tls: Option<TlsMaterial>,
    /// `auth-minimum-user-id`, with `auto` looked up.
    pub(crate) minimum_uid: u32,
    /// The server's account.
    pub(crate) server_user: ServerUser,
    /// The identity program's account.
    pub(crate) identity_user: ServerUser,
    /// Files that the configuration names and that roles of the identity program need.
    pub(crate) secrets: Vec<RoleSecret>,
    /// The header by which a proxy names people, when it is a secret.
    pub(crate) proxy_header: Option<Secret>,
    /// The SAML provider's metadata, or its certificate, where a file has them.
    pub(crate) saml_text: Option<Vec<u8>>,
    /// Problems that don't prevent its use.
    pub(crate) remarks: Vec<Problem>,
}

impl Active {
    /// Reads everything. `Err` has all problems. Called beside work with what was `before`: the server's account is not looked up
    /// again, for a directory service that hangs would hold root's one loop.
    pub(crate) fn read(dirs: &Dirs, generation: u64, before: Option<&Self>) -> Result<Self, Vec<Problem>> {
        let error = |file: &str, text: String| Problem::of_file(file, Severity::Error, text);
        let sources = Sources::read(&dirs.config).map_err(|why| vec![error("", chain(&why))])?;
        let loaded = portcullis_conf::load(&sources);
        let (mut problems, settings) = (loaded.problems, loaded.settings);
        let named = &settings.rserver.server_user;
        let known = before.filter(|before| before.settings.rserver.server_user == *named);
        let server_user =
            known.map_or_else(|| own_user(SERVER_USER, named.as_str()), |known| Ok(known.server_user));
        let server_user = server_user.map_err(|problem| problems.push(*problem)).ok();
        let identity_named = &settings.portcullis.identity_user;
        let known = before.filter(|before| before.settings.portcullis.identity_user == *identity_named);
        let identity_user = known.map_or_else(
            || own_user(IDENTITY_USER, identity_named.as_str()),
            |known| Ok(known.identity_user),
        );
        let identity_user = identity_user.map_err(|problem| problems.push(*problem)).ok();
        if let (Some(server), Some(identity)) = (server_user, identity_user) {
            if server.uid == identity.uid {
                let text = "is the account of server-user: what proves identities must not be the web server's to open";
                problems.push(of_option(IDENTITY_USER, text.to_owned()));
            }
        }
        let keys = server_user.and_then(|user| {
            let found = keys(dirs, &settings, user.uid);
            found.map_err(|why| problems.push(error("", chain(&why)))).ok()
        });
        let tls = if settings.rserver.ssl_enabled { tls(&settings, &mut problems) } else { None };
        let mut secrets = secrets::read(&settings, &dirs.config, &mut problems);
        match factor_key(dirs) {
            Ok(key) => secrets.push(key),
            Err(why) => problems.push(error("", chain(&why))),
        }
        let proxy_header = secrets::proxy_header(&settings, &dirs.config, &mut problems);
        let saml_text = secrets::saml_text(&settings, &mut problems);
        let size: usize = sources.files.iter().map(|file| file.name.len() + file.text.len()).sum::<usize>()
            + tls.as_ref().map_or(0, |tls| tls.certificate.len() + tls.key.len());
        if size > MESSAGE_MAX - MESSAGE_REST {
            let most = MESSAGE_MAX - MESSAGE_REST;
            problems.push(error("", format!("all files together have {size} bytes, more than {most}")));
        }
        match (server_user, identity_user, keys) {
            (Some(server_user), Some(identity_user), Some((keys, key_written, key_path)))
                if !problems.iter().any(Problem::is_error) =>
            {
                Ok(Self {
                    generation,
                    minimum_uid: minimum_uid(settings.rserver.auth_minimum_user_id),
                    sources,
                    settings,
                    keys,
                    key_written,
                    key_path,
                    tls,
                    server_user,
                    identity_user,
                    secrets,
                    proxy_header,
                    saml_text,
                    remarks: problems,
                })
            }
            _ => Err(problems),
        }
    }

    /// What says where accounts are, and as whom they are kept, stays as it was: both wait for a restart.
    pub(crate) fn keep_accounts(&mut self, old: &Self) {
        const NAME: &str = "database.conf";
        self.identity_user = old.identity_user;
        self.settings.database = old.settings.database.clone();
        self.sources.files.retain(|file| file.name != NAME);
        self.sources.files.extend(old.sources.files.iter().filter(|file| file.name == NAME).cloned());
        self.secrets.retain(|secret| secret.role != Role::Store);
        self.secrets.extend(old.secrets.iter().filter(|secret| secret.role == Role::Store).cloned());
    }

    /// As the server gets it.
    pub(crate) fn message(&self, host: &HostFacts) -> Configuration {
        let file =
            |file: &portcullis_conf::ConfText| ConfFile { name: file.name.clone(), text: file.text.clone() };
        Configuration {
            generation: self.generation,
            config_dir: self.sources.dir.display().to_string(),
            // Where accounts are kept, and with what password, is nothing the web server needs to know.
            files: self
                .sources
                .files
                .iter()
                .filter(|file| file.name != FileKind::Database.name())
                .map(file)
                .collect(),
            keys: self.keys.clone(),
            tls: self.tls.clone(),
            host: host.clone(),
            proxy_header: self.proxy_header.clone(),
        }
    }

    /// An option of `portcullis.conf` in seconds.
    pub(crate) fn seconds(&self, pick: impl Fn(&portcullis_conf::Portcullis) -> u32) -> Duration {
        Duration::from_secs(pick(&self.settings.portcullis).into())
    }
}

/// An option that names an account of ours, and its file.
type AccountOption = (&'static str, FileKind);
const SERVER_USER: AccountOption = ("server-user", FileKind::Rserver);
const IDENTITY_USER: AccountOption = ("identity-user", FileKind::Portcullis);

fn of_option((option, file): AccountOption, text: String) -> Problem {
    let mut problem = Problem::of_file(file.name(), Severity::Error, text);
    problem.option = Some(option.to_owned());
    problem
}

fn own_user(option: AccountOption, name: &str) -> Result<ServerUser, Box<Problem>> {
    let problem = |text: String| Box::new(of_option(option, text));
    match User::from_name(name) {
        Ok(Some(user)) if user.uid.is_root() || user.gid.as_raw() == 0 => {
            Err(problem(format!("what reads from the network never runs as root, but `{name}` does")))
        }
        Ok(Some(user)) => Ok(ServerUser { uid: user.uid.as_raw(), gid: user.gid.as_raw() }),
        Ok(None) => {
            let hint = format!("useradd --system --no-create-home --shell /usr/sbin/nologin {name}");
            let text = format!("there is no account `{name}`: the daemon does not start without it");
            let problem = of_option(option, text);
            Err(Box::new(problem.hint(hint)))
        }
        Err(errno) => Err(problem(format!("the account `{name}` can't be looked up: {errno}"))),
    }
}

/// `secure-cookie-key-file`, else the one beside the configuration, else the one in the state directory, made if need be.
fn keys(dirs: &Dirs, settings: &Settings, server_uid: u32) -> Result<Keys, key_file::KeyFileError> {
    let (beside, own) = (dirs.config.join(key_file::NAME), dirs.state.join(key_file::NAME));
    let path = match &settings.rserver.secure_cookie_key_file {
        Some(path) => path,
        None if beside.symlink_metadata().is_ok() => &beside,
        None => {
            key_file::make(&own)?;
            &own
        }
    };
    Ok((key_file::ring(path, server_uid)?, key_file::written(path), path.clone()))
}

/// The key of second factors: beside the configuration, else in the state directory, made if need be.
fn factor_key(dirs: &Dirs) -> Result<RoleSecret, key_file::KeyFileError> {
    let (beside, own) = (dirs.config.join(key_file::FACTORS), dirs.state.join(key_file::FACTORS));
    let path = if beside.symlink_metadata().is_ok() {
        beside
    } else {
        key_file::make(&own)?;
        own
    };
    let named = NamedSecret { name: key_file::FACTORS.to_owned(), bytes: key_file::factors(&path)? };
    Ok(RoleSecret { role: Role::Store, named })
}

fn tls(settings: &Settings, problems: &mut Vec<Problem>) -> Option<TlsMaterial> {
    let mut pem = |option: &str, path: &Option<std::path::PathBuf>| {
        let mut problem = |severity, text: String| {
            let mut problem = Problem::of_file(FileKind::Rserver.name(), severity, text);
            problem.option = Some(option.to_owned());
            problems.push(problem);
        };
        let Some(path) = path else {
            problem(Severity::Error, "ssl-enabled=1 needs it".to_owned());
            return None;
        };
        match read_pem(path) {
            Ok((_, mode)) if option == "ssl-certificate-key" && mode & 0o007 != 0 => {
                let text = format!(
                    "the private key `{}` can be used by everybody (mode {mode:04o})",
                    path.display()
                );
                problem(Severity::Error, text);
                None
            }
            Ok((text, _)) => Some(text),
            Err(why) => {
                problem(Severity::Error, format!("cannot read `{}`: {why}", path.display()));
                None
            }
        }
    };
    let certificate = pem("ssl-certificate", &settings.rserver.ssl_certificate);
    let key = pem("ssl-certificate-key", &settings.rserver.ssl_certificate_key);
    Some(TlsMaterial { certificate: certificate?, key: Secret::new(key?) })
}

fn read_pem(path: &Path) -> io::Result<(Vec<u8>, u32)> {
    // A link is followed: certificate tools (certbot) keep links to the current files.
    let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() || meta.len() > PEM_MAX {
        return Err(io::Error::other(format!("it is not a file of at most {PEM_MAX} bytes")));
    }
    let mut text = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
    file.take(PEM_MAX).read_to_end(&mut text)?;
    Ok((text, meta.mode() & 0o7777))
}

fn minimum_uid(option: MinimumUid) -> u32 {
    match option {
        MinimumUid::At(uid) => uid,
        MinimumUid::Auto => uid_min(&std::fs::read_to_string("/etc/login.defs").unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_looked_up_again_only_under_another_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        let dirs =
            Dirs { config: path("conf"), run: path("run"), state: path("state"), libexec: path("bin") };
        let name =
            |name: &str| std::fs::write(dirs.config.join("rserver.conf"), format!("server-user={name}\n"));
        let other = |name: &str| {
            std::fs::write(dirs.config.join("portcullis.conf"), format!("identity-user={name}\n"))
        };
        for dir in [&dirs.config, &dirs.state] {
            std::fs::create_dir(dir).expect("a directory");
        }
        // The key's file is root's or the server's own; who runs this is one of both.
        let own =
            User::from_uid(nix::unistd::getuid()).ok().flatten().map_or_else(String::new, |own| own.name);
        name(if own == "root" { "nobody" } else { &own }).expect("written");
        other("nobody").expect("written");
        let both = Active::read(&dirs, 1, None).err().unwrap_or_default();
        assert!(own != "root" || both.iter().any(|problem| problem.text.contains("server-user")), "{both:?}");
        other("daemon").expect("written");
        let mut before = Active::read(&dirs, 1, None).expect("a configuration");
        let known = before.server_user.uid;
        before.server_user.uid = known + 7;
        assert_eq!(Active::read(&dirs, 2, Some(&before)).expect("one").server_user.uid, known + 7);
        assert_eq!(Active::read(&dirs, 2, None).expect("one").server_user.uid, known);
        name("no-such-account-here").expect("written");
        let problems = Active::read(&dirs, 3, Some(&before)).expect_err("no account");
        assert!(problems.iter().any(|problem| problem.text.contains("there is no account")), "{problems:?}");
    }
}
