//! Files that the configuration names and whose content a role of the identity program needs: passwords, authorities.
//!
//! Root reads them, since nobody else may; they are bytes here and nothing looks into them. A password that others can read is an
//! error, and so is a file that isn't there: a directory that can't be asked keeps everybody out.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use portcullis_conf::sign_in::{PROXY_HEADER_FILE as PROXY_HEADER, anybody_here};
use portcullis_conf::value::{HeaderName, Value as _};
use portcullis_conf::{Problem, Settings, Severity};
use portcullis_model::Secret;
use portcullis_model::proof::MethodName;
use portcullis_model::saml_provider::METADATA_MAX;
use portcullis_wire::identity::NamedSecret;

use super::{Role, job};

/// Largest file: a bundle of authorities of a whole organisation.
const FILE_MAX: u64 = 64 * 1024;

/// A file's content and whose it is.
#[derive(Debug, Clone)]
pub(crate) struct RoleSecret {
    /// The role that gets it.
    pub(crate) role: Role,
    /// What it is.
    pub(crate) named: NamedSecret,
}

/// Reads all that the configuration names; what can't be used is a problem.
pub(crate) fn read(settings: &Settings, config: &Path, problems: &mut Vec<Problem>) -> Vec<RoleSecret> {
    let mut all = Vec::new();
    for role in job::proving(settings) {
        for (name, path, secret, file) in named(role, settings, config) {
            match content(&path, secret) {
                Ok(bytes) => {
                    all.push(RoleSecret { role, named: NamedSecret { name, bytes: Secret::new(bytes) } })
                }
                Err(error) => {
                    let text = format!("cannot use `{}`: {error}", path.display());
                    let mut problem = Problem::of_file(file, Severity::Error, text);
                    problem.option = Some(name);
                    problems.push(problem);
                }
            }
        }
    }
    if let Some(path) = &settings.database.ssl_ca_file {
        match content(path, false) {
            Ok(bytes) => all.push(RoleSecret {
                role: Role::Store,
                named: NamedSecret { name: "ssl-ca-file".to_owned(), bytes: Secret::new(bytes) },
            }),
            Err(error) => {
                let text = format!("cannot use `{}`: {error}", path.display());
                let mut problem = Problem::of_file("database.conf", Severity::Error, text);
                problem.option = Some("ssl-ca-file".to_owned());
                problems.push(problem);
            }
        }
    }
    all
}

/// The header's name, when that file is there and counts.
pub(crate) fn proxy_header(
    settings: &Settings,
    config: &Path,
    problems: &mut Vec<Problem>,
) -> Option<Secret> {
    if !portcullis_conf::sign_in::methods(settings).contains(&MethodName::Proxy) {
        return None;
    }
    let read = || -> Result<Option<Secret>, String> {
        let bytes = match content(&config.join(PROXY_HEADER), true) {
            Ok(bytes) => Secret::new(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("it can't be used: {error}")),
        };
        let name = std::str::from_utf8(bytes.expose()).map(str::trim).unwrap_or_default();
        // Its text is not repeated: it is the secret.
        let name = HeaderName::parse(name).map_err(|_| "it is not the name of a header".to_owned())?;
        Ok(Some(Secret::from(name)))
    };
    match read() {
        Ok(header) => {
            problems.extend(anybody_here(settings, header.is_some()));
            header
        }
        Err(why) => {
            problems.push(Problem::of_file(PROXY_HEADER, Severity::Error, why));
            None
        }
    }
}

/// The files of a method: option, path, whether nobody else may read it, and where it is named.
fn named(
    role: Role,
    settings: &Settings,
    config: &Path,
) -> Vec<(String, std::path::PathBuf, bool, &'static str)> {
    match role {
        Role::Ask(MethodName::Ldap) => settings
            .ldap
            .sections
            .iter()
            .flat_map(|section| {
                let directory = section.directory();
                let named = |option: &str| format!("{}/{option}", section.name);
                let password = directory.bind_password_file.clone();
                let authorities = directory.ca_file.clone();
                [
                    password.map(|path| (named("bind-password-file"), path, true, "ldap.conf")),
                    authorities.map(|path| (named("ca-file"), path, false, "ldap.conf")),
                ]
            })
            .flatten()
            .collect(),
        Role::Ask(MethodName::Openid) => {
            let client = config.join("openid-client-secret");
            let authorities = settings.ways.auth_openid_ca_file.clone();
            let authorities =
                authorities.map(|path| ("auth-openid-ca-file".to_owned(), path, false, "portcullis.conf"));
            std::iter::once(("openid-client-secret".to_owned(), client, true, "rserver.conf"))
                .chain(authorities)
                .collect()
        }
        Role::Once(MethodName::Kerberos, _) => {
            let table = settings.kerberos.auth_kerberos_keytab.clone();
            table.map(|path| (job::KEY_TABLE.to_owned(), path, true, "portcullis.conf")).into_iter().collect()
        }
        Role::Ask(MethodName::Saml) => {
            let saml = &settings.saml;
            let authorities = settings.ways.auth_saml_ca_file.clone();
            let ours = [
                ("auth-saml-sp-signing-key-path", &saml.auth_saml_sp_signing_key_path, true),
                ("auth-saml-sp-signing-cert-path", &saml.auth_saml_sp_signing_cert_path, false),
                ("auth-saml-sp-encryption-cert-path", &saml.auth_saml_sp_encryption_cert_path, false),
            ];
            let ours = ours.into_iter().filter_map(|(name, path, secret)| {
                Some((name.to_owned(), path.clone()?, secret, "rserver.conf"))
            });
            let authorities =
                authorities.map(|path| ("auth-saml-ca-file".to_owned(), path, false, "portcullis.conf"));
            ours.chain(authorities).collect()
        }
        Role::Once(MethodName::Saml, _) => {
            let key = settings.saml.auth_saml_sp_encryption_key_path.clone();
            let key =
                key.map(|path| ("auth-saml-sp-encryption-key-path".to_owned(), path, true, "rserver.conf"));
            key.into_iter().collect()
        }
        Role::Store | Role::Ask(_) | Role::Once(..) => Vec::new(),
    }
}

/// What says who the SAML provider is, where a file does: its metadata, or its certificate. Who may write it says who may sign in as
/// whom, so that is root alone.
pub(crate) fn saml_text(settings: &Settings, problems: &mut Vec<Problem>) -> Option<Vec<u8>> {
    let saml = &settings.saml;
    let on = portcullis_conf::sign_in::methods(settings).contains(&MethodName::Saml);
    if !on || saml.auth_saml_metadata_url.is_some() {
        return None;
    }
    let (option, path) = match (&saml.auth_saml_metadata_path, &saml.auth_saml_idp_sign_cert_path) {
        (Some(path), _) => ("auth-saml-metadata-path", path),
        (None, Some(path)) => ("auth-saml-idp-sign-cert-path", path),
        (None, None) => return None, // a problem of the configuration's own
    };
    let most = u64::try_from(METADATA_MAX).unwrap_or(FILE_MAX);
    content_of(path, 0o022, most)
        .map_err(|error| {
            let text = format!("cannot use `{}`: {error}", path.display());
            let mut problem = Problem::of_file("rserver.conf", Severity::Error, text);
            problem.option = Some(option.to_owned());
            problems.push(problem);
        })
        .ok()
}

fn content(path: &Path, secret: bool) -> io::Result<Vec<u8>> {
    content_of(path, if secret { 0o077 } else { 0 }, FILE_MAX)
}

/// A file of root's without these permissions.
fn content_of(path: &Path, closed: u32, most: u64) -> io::Result<Vec<u8>> {
    // A link is followed: tools that renew certificates keep links to the current files.
    let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() || meta.len() > most {
        return Err(io::Error::other(format!("it is not a file of at most {most} bytes")));
    }
    if meta.uid() != nix::unistd::geteuid().as_raw() || meta.mode() & closed != 0 {
        let mode = meta.mode() & 0o7777;
        let right = if closed == 0o077 { "0600" } else { "0644" };
        let text = format!("uid {} has it with mode {mode:04o}: it must be root's, and {right}", meta.uid());
        return Err(io::Error::other(text));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
