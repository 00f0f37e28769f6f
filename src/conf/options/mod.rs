//! The tables: every option of every file, once. Nothing else says what an option is called or what its default is.

pub(crate) mod adapters;
pub(crate) mod database;
pub(crate) mod factors;
pub(crate) mod jupyter;
mod jupyter_other;
pub(crate) mod kept;
pub(crate) mod kerberos;
pub(crate) mod ldap;
pub(crate) mod membership;
pub(crate) mod people;
pub(crate) mod portcullis;
pub(crate) mod profiles;
mod retired;
pub(crate) mod roles;
pub(crate) mod rserver;
mod rserver_audit;
mod rserver_auth;
mod rserver_launcher;
pub(crate) mod rserver_names;
mod rserver_open;
pub(crate) mod rserver_openid;
pub(crate) mod rserver_operation;
mod rserver_pro;
pub(crate) mod rserver_proxy;
pub(crate) mod rserver_saml;
pub(crate) mod rsession;
mod rsession_ide;
mod rsession_life;
mod rsession_r;
pub(crate) mod sandbox;
pub(crate) mod sign_in;
pub(crate) mod vscode;
pub(crate) mod ways;

use crate::option::Group;

pub(crate) static RSERVER: &[&Group] = &[
    &rserver::GROUP,
    &rserver_operation::GROUP,
    &rserver_open::SERVER,
    &rserver_names::GROUP,
    &rserver_proxy::GROUP,
    &rserver_openid::GROUP,
    &rserver_saml::GROUP,
    &rserver_auth::SIGN_IN,
    &rserver_auth::SAML,
    &rserver_auth::PROVISIONING,
    &rserver_pro::PAGES,
    &rserver_pro::SESSIONS,
    &rserver_audit::AUDIT,
    &rserver_audit::MONITOR,
    &rserver_launcher::LAUNCHER,
    &retired::RSERVER,
];
pub(crate) static RSESSION: &[&Group] = &[
    &rsession::GROUP,
    &rsession_life::LIMITS,
    &rsession_life::LIFE,
    &rsession_ide::IDE,
    &rsession_ide::SOCKETS,
    &rsession_r::R,
    &rsession_r::TOOLS,
    &retired::RSESSION,
];
pub(crate) static JUPYTER: &[&Group] = &[&jupyter::GROUP, &jupyter_other::OTHER];
pub(crate) static VSCODE: &[&Group] = &[&vscode::GROUP, &vscode::OTHER];
pub(crate) static PORTCULLIS: &[&Group] = &[
    &portcullis::GROUP,
    &sign_in::GROUP,
    &ways::GROUP,
    &kerberos::GROUP,
    &roles::GROUP,
    &membership::GROUP,
    &people::GROUP,
    &factors::GROUP,
    &kept::GROUP,
    &sandbox::GROUP,
];
pub(crate) static DATABASE: &[&Group] = &[&database::GROUP, &database::OTHER];
pub(crate) static ADAPTERS: &[&Group] = &[&adapters::GROUP];
pub(crate) static LDAP: &[&Group] = &[&ldap::GROUP];
pub(crate) static PROFILES: &[&Group] = &[&profiles::GROUP, &profiles::OTHER];
