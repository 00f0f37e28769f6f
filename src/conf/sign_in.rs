//! Which ways to sign in there are: one decision, for launcher, server, pages and tests alike.
//!
//! Pure. What is wrong with a choice stands in `conflicts`; a configuration with an error is never in force, so
//! [`methods`] has no answer for one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portcullis_model::proof::MethodName;

use crate::option::{FileKind, Status};
use crate::problem::{Problem, Severity};
use crate::settings::Settings;
use crate::value::FormWanted;

pub(crate) mod conflicts;
#[cfg(test)]
mod tests;

/// What is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct On {
    none: bool,
    proxy: bool,
    ldap: bool,
    openid: bool,
    saml: bool,
    kerberos: bool,
    form: FormWanted,
}

/// The switches of methods: file and option.
const SWITCHES: [(FileKind, &str); 6] = [
    (FileKind::Rserver, "auth-none"),
    (FileKind::Rserver, "auth-proxy"),
    (FileKind::Portcullis, "auth-ldap"),
    (FileKind::Rserver, "auth-openid"),
    (FileKind::Rserver, "auth-saml"),
    (FileKind::Portcullis, "auth-kerberos"),
];

/// Whether an option does something. One that is only recognised switches nothing on.
pub(crate) fn wired(file: FileKind, option: &str) -> bool {
    file.option(option).is_some_and(|opt| opt.status == Status::Implemented)
}

impl On {
    fn of(settings: &Settings, wired: impl Fn(FileKind, &str) -> bool) -> Self {
        let said = [
            settings.names.auth_none,
            settings.proxy_header.auth_proxy,
            settings.sign_in.auth_ldap,
            settings.openid.auth_openid,
            settings.saml.auth_saml,
            settings.kerberos.auth_kerberos,
        ];
        let on = |at: usize| said[at] && wired(SWITCHES[at].0, SWITCHES[at].1);
        let form =
            if wired(FileKind::Portcullis, "auth-form") { settings.ways.auth_form } else { FormWanted::Auto };
        Self { none: on(0), proxy: on(1), ldap: on(2), openid: on(3), saml: on(4), kerberos: on(5), form }
    }

    /// The ways, in the order of their buttons; the form's is the first.
    fn methods(self) -> Vec<MethodName> {
        // Nothing stands beside these two: who is not let in by them is not let in.
        if self.none {
            return vec![MethodName::None];
        }
        if self.proxy {
            return vec![MethodName::Proxy];
        }
        let form = match self.form {
            FormWanted::On => true,
            FormWanted::Off => false,
            FormWanted::Auto => !self.openid && !self.saml,
        };
        let examined_by = if self.ldap { MethodName::Ldap } else { MethodName::Pam };
        [
            (form, examined_by),
            (self.openid, MethodName::Openid),
            (self.saml, MethodName::Saml),
            (self.kerberos, MethodName::Kerberos),
        ]
        .into_iter()
        .filter_map(|(on, method)| on.then_some(method))
        .collect()
    }
}

/// The file with the name of the header by which a proxy names people: who doesn't know it can't send it.
pub const PROXY_HEADER_FILE: &str = "secure-proxy-user-header";

/// A proxy of this machine is believed, and everybody else of this machine is too: who may run a program here may send the header
/// from the same address. `secret` says whether its name is one ([`PROXY_HEADER_FILE`]).
pub fn anybody_here(settings: &Settings, secret: bool) -> Option<Problem> {
    let here = |net: &&ipnet::IpNet| {
        let loopbacks = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        loopbacks.iter().any(|address| net.contains(address)) || net.addr().to_canonical().is_loopback()
    };
    let net = settings.ways.auth_proxy_from.iter().find(here)?;
    if secret || !methods(settings).contains(&MethodName::Proxy) {
        return None;
    }
    let text =
        format!("`{net}` is this machine: every account that runs programs here is believed to be anybody");
    let mut problem = Problem::of_file(FileKind::Portcullis.name(), Severity::Warning, text);
    problem.option = Some("auth-proxy-from".to_owned());
    Some(problem.hint(format!(
        "put a header's name that only the proxy knows into `{PROXY_HEADER_FILE}` (root's, 0600), or the proxy on another machine"
    )))
}

/// The ways to sign in, in the order of their buttons; the one that takes the form is the first.
pub fn methods(settings: &Settings) -> Vec<MethodName> {
    On::of(settings, wired).methods()
}
