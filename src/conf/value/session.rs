//! Kinds of values about sessions: ports, transport, the IDE's arguments.

use std::fmt;

use super::{Bad, Value, one_of};

/// Ports for sessions, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    /// First.
    pub low: u16,
    /// Last.
    pub high: u16,
}

impl PortRange {
    /// How many ports there are.
    pub fn len(self) -> u32 {
        u32::from(self.high) - u32::from(self.low) + 1
    }

    /// Never: a range has at least one port.
    pub const fn is_empty(self) -> bool {
        false
    }

    /// Whether a port is one of them.
    pub fn contains(self, port: u16) -> bool {
        (self.low..=self.high).contains(&port)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.low, self.high)
    }
}

/// `lo-hi`, or nothing.
#[derive(Debug)]
pub struct OptionalPortRange;

/// Below it are the ports of the machine's own services.
const LOWEST: u16 = 1024;

impl Value for OptionalPortRange {
    type Out = Option<PortRange>;

    fn words() -> String {
        format!("`low-high` with {LOWEST} ≤ low ≤ high ≤ 65535, or empty")
    }

    fn parse(text: &str) -> Result<Option<PortRange>, Bad> {
        if text.is_empty() {
            return Ok(None);
        }
        let hint = "write two numbers with one hyphen and no spaces, such as 59000-59999";
        let form = || Bad::with(format!("`{text}` is not a range of ports"), hint);
        let (low, high) = text.split_once('-').ok_or_else(form)?;
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if digits { part.parse::<u16>().ok() } else { None }
        };
        let (low, high) = (number(low).ok_or_else(form)?, number(high).ok_or_else(form)?);
        if low < LOWEST {
            return Err(Bad::with(
                format!("port {low} belongs to the machine's own services"),
                format!("begin at {LOWEST} or above"),
            ));
        }
        if low > high {
            return Err(Bad::with(
                format!("the range `{text}` ends before it begins"),
                format!("write {high}-{low}"),
            ));
        }
        Ok(Some(PortRange { low, high }))
    }
}

/// How bytes get from the server to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// By TCP when `session-port-range` is set, otherwise by a connection that the session hands over.
    Auto,
    /// By a loopback port.
    Tcp,
    /// By a connection that the session hands over.
    Unix,
}

/// A word for [`Transport`].
#[derive(Debug)]
pub struct TransportWord;

impl Value for TransportWord {
    type Out = Transport;

    fn words() -> String {
        "`auto`, `tcp` or `unix`".into()
    }

    fn parse(text: &str) -> Result<Transport, Bad> {
        one_of(text, &[("auto", Transport::Auto), ("tcp", Transport::Tcp), ("unix", Transport::Unix)])
    }
}

/// Further arguments of JupyterLab.
#[derive(Debug)]
pub struct LabArgs;

/// Arguments of Workbench's own default: they are left out, because the session decides them.
pub fn upstream_default(arg: &str) -> bool {
    let name = arg.split('=').next().unwrap_or(arg);
    ["--no-browser", "--allow-root", "--ip", "--port"].contains(&name)
}

/// Arguments that would open another door to the IDE, or shut ours.
pub fn ours(arg: &str) -> bool {
    let name = arg.split('=').next().unwrap_or(arg).trim_start_matches('-').to_ascii_lowercase();
    let (class, trait_name) = name.split_once('.').unwrap_or(("", &name));
    let server = ["serverapp", "notebookapp", "labapp", "identityprovider", "passwordidentityprovider"];
    let guarded = [
        "allow_credentials",
        "allow_origin",
        "allow_origin_pat",
        "allow_password_change",
        "allow_remote_access",
        "allow_root",
        "allow_unauthenticated_access",
        "authorizer_class",
        "base_url",
        "certfile",
        "config_file",
        "custom_display_url",
        "disable_check_xsrf",
        "hashed_password",
        "identity_provider_class",
        "ip",
        "keyfile",
        "password",
        "port",
        "port_retries",
        "sock",
        "sock_mode",
        "token",
        "trust_xheaders",
    ];
    let aliases = ["certfile", "client-ca", "config", "keyfile", "sock", "sock-mode", "transport"];
    (server.contains(&class) && guarded.contains(&trait_name))
        || (class.is_empty() && aliases.contains(&trait_name))
}

impl Value for LabArgs {
    type Out = Vec<String>;

    fn words() -> String {
        "arguments separated by spaces".into()
    }

    fn parse(text: &str) -> Result<Vec<String>, Bad> {
        let mut args = Vec::new();
        for arg in text.split_whitespace() {
            if ours(arg) {
                return Err(Bad::with(
                    format!("`{arg}` is decided by the session itself"),
                    "remove it: another value would open a door beside the proxy",
                ));
            }
            if !arg.starts_with("--") {
                return Err(Bad::with(
                    format!("`{arg}` is not an argument of the form `--name=value`"),
                    "values with spaces can't be given here; write them to a Jupyter configuration file",
                ));
            }
            if !upstream_default(arg) {
                args.push(arg.to_owned());
            }
        }
        Ok(args)
    }
}
