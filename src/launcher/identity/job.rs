//! What each role of the identity program is told: the files that it reads, the secrets that they name, and nothing of the others'.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use portcullis_conf::Settings;
use portcullis_model::NodeId;
use portcullis_model::proof::MethodName;
use portcullis_model::saml_provider::SamlProvider;
use portcullis_wire::ConfFile;
use portcullis_wire::identity::Job;

use super::Role;
use crate::configuration::Active;

/// Where systems keep the certificates of the authorities that they trust: Debian's place, then Red Hat's.
const AUTHORITIES: &[&str] = &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
/// What every role reads: whether a configuration is right depends on these together, and none of them has a secret in it.
const SHARED: &[&str] = &["rserver.conf", "portcullis.conf", "ldap.conf"];

/// Kerberos' key table, among the secrets.
pub(super) const KEY_TABLE: &str = "auth-kerberos-keytab";

/// The methods that have a process of their own, as the configuration has them.
pub(super) fn methods(settings: &Settings) -> Vec<MethodName> {
    let asks =
        |method: &MethodName| matches!(method, MethodName::Ldap | MethodName::Openid | MethodName::Saml);
    portcullis_conf::sign_in::methods(settings).into_iter().filter(asks).collect()
}

/// The roles that prove something, as the configuration has them; one of a single proof stands for all of its method.
pub(super) fn proving(settings: &Settings) -> Vec<Role> {
    let roles = |method: &MethodName| match method {
        MethodName::Ldap | MethodName::Openid => vec![Role::Ask(*method)],
        MethodName::Saml => vec![Role::Ask(*method), Role::Once(*method, 0)],
        MethodName::Kerberos => vec![Role::Once(*method, 0)],
        MethodName::Pam | MethodName::Proxy | MethodName::None => Vec::new(),
    };
    portcullis_conf::sign_in::methods(settings).iter().flat_map(roles).collect()
}

/// The files that a role reads besides.
const fn own_files(role: Role) -> &'static [&'static str] {
    match role {
        Role::Store => &["database.conf"],
        Role::Ask(_) | Role::Once(..) => &[],
    }
}

/// A role's job by the configuration in force, with what is known of the SAML provider where that is the role's affair.
pub(super) fn job(
    role: Role,
    active: &Active,
    node: NodeId,
    own: Option<&Path>,
    provider: Option<Box<SamlProvider>>,
) -> Job {
    let reads = |name: &str| SHARED.contains(&name) || own_files(role).contains(&name);
    let files = active.sources.files.iter().filter(|file| reads(&file.name));
    let secrets = active.secrets.iter().filter(|secret| secret.role.is_told_as(role));
    // It goes beside the job: the library that reads it wants a file.
    let secrets = secrets.filter(|secret| secret.named.name != KEY_TABLE);
    Job {
        generation: active.generation,
        config_dir: active.sources.dir.display().to_string(),
        files: files.map(|file| ConfFile { name: file.name.clone(), text: file.text.clone() }).collect(),
        secrets: secrets.map(|secret| secret.named.clone()).collect(),
        node,
        ring: active.keys.iter().map(|key| key.id.clone()).collect(),
        folder: own.map_or_else(String::new, |own| own.display().to_string()),
        provider,
    }
}

/// The system's bundle of authorities, opened for a role that must not open files itself.
pub(super) fn authorities() -> Option<OwnedFd> {
    AUTHORITIES.iter().find_map(|path| File::open(path).ok()).map(OwnedFd::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_role_reads_anothers_files() {
        let roles = [Role::Store, Role::Ask(MethodName::Ldap), Role::Ask(MethodName::Openid)];
        for (at, one) in roles.iter().enumerate() {
            for other in &roles[at + 1..] {
                assert!(
                    own_files(*one).iter().all(|file| !own_files(*other).contains(file)),
                    "{one:?} {other:?}"
                );
            }
        }
    }
}
