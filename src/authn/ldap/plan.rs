//! A section of ldap.conf, ready to be used: what to connect to, what to ask, what counts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_conf::Directory;
use portcullis_conf::ldap::{GroupSearch, Section};
use portcullis_model::Secret;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;

use super::name::Template;
use super::trust;
use crate::setup::SetupError;

/// Ports of plain LDAP with or without StartTLS, and of ldaps.
const PORTS: (u16, u16) = (389, 636);

/// How the bytes travel.
#[derive(Clone)]
pub(super) enum Tls {
    /// In the clear (`insecure=1`).
    None,
    /// TLS after StartTLS.
    Start(Arc<ClientConfig>),
    /// TLS from the first byte.
    First(Arc<ClientConfig>),
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Start(_) => "StartTLS",
            Self::First(_) => "ldaps",
        })
    }
}

/// As whom the directory is asked.
#[derive(Debug, Clone)]
pub(super) enum Asker {
    /// A service account: its DN and password.
    Service(String, Secret),
    /// Nobody.
    Anonymous,
    /// The person who signs in.
    Person(Template),
}

/// An attribute that names something for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unique {
    /// The DN, in its normal form.
    Dn,
    /// The raw bytes of an attribute.
    Attribute(String),
}

impl Unique {
    fn new(text: &str) -> Self {
        if text.is_empty() || text.eq_ignore_ascii_case("dn") {
            Self::Dn
        } else {
            Self::Attribute(text.to_owned())
        }
    }
}

/// How groups are found.
#[derive(Debug, Clone)]
pub(super) struct Groups {
    /// Below what; empty with `member-of` alone: anywhere.
    pub base: String,
    /// Which entries are groups.
    pub filter: String,
    /// What names one for ever.
    pub unique: Unique,
    /// What people call it.
    pub name: String,
    /// By asking groups, or the person.
    pub by: GroupSearch,
}

/// A section, ready to be used.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Its name.
    pub section: String,
    /// What it says.
    pub said: Directory,
    /// Host to connect to.
    pub host: String,
    /// Port to connect to.
    pub port: u16,
    /// The name that the certificate must have.
    pub name: ServerName<'static>,
    /// How the bytes travel.
    pub tls: Tls,
    /// As whom it is asked.
    pub asker: Asker,
    /// Which entries are people.
    pub people: String,
    /// What names a person for ever.
    pub unique: Unique,
    /// How groups are found, when they are asked for.
    pub groups: Option<Groups>,
    /// Until it is connected to, TLS included.
    pub connect: Duration,
    /// Until an answer is complete.
    pub operation: Duration,
}

impl Plan {
    /// From a section, the files that it names, and the machine's authorities in PEM.
    pub(super) fn new(
        section: &Section,
        secret: &impl Fn(&str) -> Option<Secret>,
        roots: &[u8],
    ) -> Result<Self, SetupError> {
        let said = section.directory();
        let named = section.name.clone();
        let file = |option: &'static str| {
            secret(&format!("{named}/{option}"))
                .ok_or_else(|| SetupError::Missing { section: named.clone(), option })
        };
        let config = || match (&said.ca_file, said.insecure) {
            (_, true) => trust::unchecked(),
            (Some(_), false) => trust::checked(trust::own(&named, file("ca-file")?.expose())?),
            (None, false) => trust::checked(trust::machine(&named, roots)?),
        };
        let tls = match (said.tls, said.start_tls) {
            (true, _) => Tls::First(config()?),
            (false, true) => Tls::Start(config()?),
            (false, false) => Tls::None,
        };
        let asker = if said.anonymous_bind {
            Asker::Anonymous
        } else if said.bind_dn.is_empty() {
            Asker::Person(Template::new(
                &said.user_dn_template,
                &said.username_attribute,
                &said.user_search_base,
            ))
        } else {
            let password = first_line(&file("bind-password-file")?)
                .ok_or_else(|| SetupError::Password { section: named.clone() })?;
            Asker::Service(said.bind_dn.clone(), password)
        };
        let host = said.server_address.host.clone();
        let name = ServerName::try_from(host.clone())
            .map_err(|_| SetupError::Host { section: named.clone(), host: host.clone() })?;
        let port = said.server_address.port.unwrap_or(if said.tls { PORTS.1 } else { PORTS.0 });
        let groups = said.has_groups().then(|| Groups {
            base: said.group_search_base.clone(),
            filter: class_filter(&said.group_filter, &said.group_object_class),
            unique: Unique::new(&said.group_unique_id_attribute),
            name: said.group_name_attribute.clone(),
            by: said.group_membership,
        });
        Ok(Self {
            host,
            port,
            name,
            tls,
            asker,
            people: class_filter(&said.user_filter, &said.user_object_class),
            unique: Unique::new(&said.unique_id_attribute),
            groups,
            connect: Duration::from_secs(said.connect_timeout_seconds.into()),
            operation: Duration::from_secs(said.operation_timeout_seconds.into()),
            section: named,
            said,
        })
    }

    /// Attributes that are asked for of a person.
    pub(super) fn attributes(&self) -> Vec<String> {
        let said = &self.said;
        let mut wanted = vec![said.username_attribute.clone()];
        for name in [
            &said.email_attribute,
            &said.first_name_attribute,
            &said.last_name_attribute,
            &said.role_attribute,
        ] {
            wanted.extend(Some(name).filter(|name| !name.is_empty()).cloned());
        }
        if let Unique::Attribute(name) = &self.unique {
            wanted.push(name.clone());
        }
        if self.groups.as_ref().is_some_and(|groups| groups.by == GroupSearch::MemberOf) {
            wanted.push(super::groups::MEMBER_OF.to_owned());
        }
        wanted.extend(super::person::STANDING.map(str::to_owned));
        wanted
    }

    /// Host and port, for people.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// The filter that was written, or the one on the object class, or one that every entry passes.
fn class_filter(filter: &str, class: &str) -> String {
    match (filter, class) {
        ("", "") => "(objectClass=*)".to_owned(),
        ("", class) => format!("(objectClass={class})"),
        (filter, _) => filter.to_owned(),
    }
}

/// A password file's first line without its end; `None` when it is empty or no text.
fn first_line(file: &Secret) -> Option<Secret> {
    let line = file.expose().split(|byte| *byte == b'\n').next()?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    (!line.is_empty() && std::str::from_utf8(line).is_ok()).then(|| Secret::new(line.to_vec()))
}
