//! The configuration, typed.

use std::path::{Path, PathBuf};

use portcullis_model::UserName;

use crate::adapters::Adapters;
use crate::ip_rules::IpRules;
use crate::ldap::Ldap;
use crate::option::FileKind;
use crate::options::database::Database;
use crate::options::factors::Factors;
use crate::options::jupyter::Jupyter;
use crate::options::kept::Kept;
use crate::options::kerberos::Kerberos;
use crate::options::membership::Membership;
use crate::options::people::People;
use crate::options::portcullis::Portcullis;
use crate::options::roles::Roles;
use crate::options::rserver::{RSTUDIO_PLACE, Rserver};
use crate::options::rserver_names::Names;
use crate::options::rserver_openid::Openid;
use crate::options::rserver_operation::Operation;
use crate::options::rserver_proxy::ProxyHeader;
use crate::options::rserver_saml::Saml;
use crate::options::rsession::Rsession;
use crate::options::sandbox::Confinement;
use crate::options::sign_in::Methods;
use crate::options::vscode::Vscode;
use crate::options::ways::Ways;
use crate::profiles::{Profiles, SessionOptions};
use crate::value::Transport;
use crate::values::{Origin, Values};

/// Everything that is configured. The default is an empty directory.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `rserver.conf`.
    pub rserver: Rserver,
    /// Health, metrics and pages for administrators, of `rserver.conf`.
    pub operation: Operation,
    /// `rsession.conf`, before profiles.
    pub rsession: Rsession,
    /// `jupyter.conf`.
    pub jupyter: Jupyter,
    /// `vscode.conf`.
    pub vscode: Vscode,
    /// `portcullis.conf`.
    pub portcullis: Portcullis,
    /// Ways to sign in, of `portcullis.conf`.
    pub sign_in: Methods,
    /// Ways to sign in, of `portcullis.conf`: the form, and what options of `rserver.conf` leave open.
    pub ways: Ways,
    /// Names of accounts, of `rserver.conf`.
    pub names: Names,
    /// OpenID Connect, of `rserver.conf`.
    pub openid: Openid,
    /// A proxy that signs people in, of `rserver.conf`.
    pub proxy_header: ProxyHeader,
    /// SAML, of `rserver.conf`.
    pub saml: Saml,
    /// Kerberos, of `portcullis.conf`.
    pub kerberos: Kerberos,
    /// Roles, of `portcullis.conf`.
    pub roles: Roles,
    /// Memberships, of `portcullis.conf`.
    pub membership: Membership,
    /// People and keys, of `portcullis.conf`.
    pub people: People,
    /// Second factors, of `portcullis.conf`.
    pub factors: Factors,
    /// Accounts and the database, of `portcullis.conf`.
    pub kept: Kept,
    /// `database.conf`. Empty where it was not handed on: the web server never gets it.
    pub database: Database,
    /// What the kernel holds, of `portcullis.conf`, before profiles.
    pub confinement: Confinement,
    /// `profiles`.
    pub profiles: Profiles,
    /// `adapters.conf`.
    pub adapters: Adapters,
    /// `ldap.conf`.
    pub ldap: Ldap,
    /// `ip-rules`.
    pub ip_rules: IpRules,
    /// HTML to show below the sign-in form.
    pub login_html: Option<String>,
    /// Answers `/health-check` in other words.
    pub health_check: Option<HealthCheck>,
    pub(crate) said: SaidByFile,
}

/// A file whose name begins with `health-check`: its name is its address, its text the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// Its name: `health-check`, `health-check-B64C`.
    pub name: String,
    /// Its text, with `#active-sessions#` and its like in it.
    pub text: String,
}

/// What the files without sections say.
#[derive(Debug, Clone, Default)]
pub(crate) struct SaidByFile {
    pub rserver: Values,
    pub rsession: Values,
    pub jupyter: Values,
    pub vscode: Values,
    pub portcullis: Values,
    pub database: Values,
}

impl SaidByFile {
    pub(crate) fn of(&self, file: FileKind) -> Option<&Values> {
        match file {
            FileKind::Rserver => Some(&self.rserver),
            FileKind::Rsession => Some(&self.rsession),
            FileKind::Jupyter => Some(&self.jupyter),
            FileKind::Vscode => Some(&self.vscode),
            FileKind::Portcullis => Some(&self.portcullis),
            FileKind::Database => Some(&self.database),
            FileKind::Adapters
            | FileKind::Ldap
            | FileKind::Profiles
            | FileKind::IpRules
            | FileKind::LoginHtml => None,
        }
    }
}

/// Port without TLS, as RStudio Server.
const PORT_PLAIN: u16 = 8787;
/// Port with TLS, as RStudio Workbench.
const PORT_TLS: u16 = 443;

impl Settings {
    pub(crate) fn build(
        said: SaidByFile,
        profiles: Profiles,
        adapters: Adapters,
        ldap: Ldap,
        ip_rules: IpRules,
        login_html: Option<String>,
        health_check: Option<HealthCheck>,
    ) -> Self {
        Self {
            rserver: Rserver::build(&said.rserver),
            operation: Operation::build(&said.rserver),
            rsession: Rsession::build(&said.rsession),
            jupyter: Jupyter::build(&said.jupyter),
            vscode: Vscode::build(&said.vscode),
            portcullis: Portcullis::build(&said.portcullis),
            sign_in: Methods::build(&said.portcullis),
            ways: Ways::build(&said.portcullis),
            names: Names::build(&said.rserver),
            openid: Openid::build(&said.rserver),
            proxy_header: ProxyHeader::build(&said.rserver),
            saml: Saml::build(&said.rserver),
            kerberos: Kerberos::build(&said.portcullis),
            roles: Roles::build(&said.portcullis),
            membership: Membership::build(&said.portcullis),
            people: People::build(&said.portcullis),
            factors: Factors::build(&said.portcullis),
            kept: Kept::build(&said.portcullis),
            database: Database::build(&said.database),
            confinement: Confinement::build(&said.portcullis),
            profiles,
            adapters,
            ldap,
            ip_rules,
            login_html,
            health_check,
            said,
        }
    }

    /// Where an option's value comes from. Options given several times: the last line.
    pub fn origin(&self, file: FileKind, option: &str) -> Origin {
        self.said.of(file).map_or(Origin::Default, |values| values.origin(option))
    }

    /// The session options of a person: `rsession.conf` with the sections of `profiles` that match, in their order.
    pub fn session_for(&self, user: &UserName, groups: &[String]) -> SessionOptions {
        self.profiles.session_for(&self.said.rsession, &self.said.portcullis, user, groups)
    }

    /// The port to listen on: `www-port`, else 443 with TLS and 8787 without. 0 is any free port.
    pub fn port(&self) -> u16 {
        let usual = if self.rserver.ssl_enabled { PORT_TLS } else { PORT_PLAIN };
        self.rserver.www_port.unwrap_or(usual)
    }

    /// Where the static files of RStudio's page are.
    pub fn rstudio_pages(&self) -> PathBuf {
        if let Some(said) = &self.rserver.www_local_path {
            return said.clone();
        }
        let session = Path::new(self.rserver.rsession_path.trim());
        let beside = session.is_absolute().then(|| session.parent()?.parent()).flatten();
        beside.unwrap_or(Path::new(RSTUDIO_PLACE)).join("www")
    }

    /// Whether port 80 answers with a redirect: with TLS on 443 and `ssl-redirect-http=1`.
    pub fn redirects_http(&self) -> bool {
        self.rserver.ssl_enabled && self.rserver.ssl_redirect_http && self.port() == PORT_TLS
    }

    /// Whether cookies are marked `Secure`.
    pub fn secure_cookies(&self) -> bool {
        self.rserver.ssl_enabled || self.rserver.auth_cookies_force_secure
    }

    /// Whether sessions are reached by TCP, with `session-transport=auto` decided.
    pub fn sessions_by_tcp(&self) -> bool {
        match self.portcullis.session_transport {
            Transport::Tcp => true,
            Transport::Unix => false,
            Transport::Auto => self.rsession.session_port_range.is_some(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::build(
            SaidByFile::default(),
            Profiles::default(),
            Adapters::default(),
            Ldap::default(),
            IpRules::default(),
            None,
            None,
        )
    }
}
