//! One token in a process of its own: the hand that calls it, and the process.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail};
use portcullis_testing::place;
use portcullis_testing::servers::kerberos::Kdc;
use portcullis_ticket::{Library, Request, accept};

use super::SERVICE;

/// The first argument of this program that makes it accept instead of testing.
const WORD: &str = "accept-one";

/// With what is accepted.
#[derive(Debug, Clone)]
pub(super) struct Acceptor {
    pub(super) configuration: PathBuf,
    pub(super) key_table: PathBuf,
    pub(super) service: &'static str,
    pub(super) replays: PathBuf,
    /// More of its environment.
    pub(super) environment: Vec<(&'static str, String)>,
}

/// What became of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Accepted {
        principal: String,
        mechanism: String,
        seconds: u64,
        answer: usize,
    },
    /// The error, as it is written for programmers, and as for people.
    Refused {
        error: String,
        text: String,
    },
}

impl Outcome {
    pub(super) fn principal(&self) -> Option<&str> {
        match self {
            Self::Accepted { principal, .. } => Some(principal),
            Self::Refused { .. } => None,
        }
    }

    /// True when it is refused by this name.
    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Refused { error, .. } if error.starts_with(name))
    }

    /// True when the library refuses it for this reason.
    pub(super) fn is_for(&self, reason: &str) -> bool {
        self.is(&format!("Refused {{ reason: {reason},"))
    }
}

impl Acceptor {
    /// For the service of the realm that all tests share, with an empty replay cache.
    pub(super) fn shared() -> Result<Self> {
        // Each key table has new keys, which makes those of before useless: one for all tests.
        static KEYS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let kdc = Kdc::shared()?;
        match KEYS.get_or_init(|| kdc.keytab(SERVICE).map_err(|error| format!("{error:#}"))) {
            Ok(key_table) => Self::of(kdc, key_table.clone()),
            Err(why) => bail!("no keys: {why}"),
        }
    }

    /// For the service of a realm with these keys, and an empty replay cache.
    pub(super) fn of(kdc: &Kdc, key_table: PathBuf) -> Result<Self> {
        let (configuration, replays) = (kdc.config_file(), PathBuf::new());
        Self { configuration, key_table, service: "HTTP", replays, environment: Vec::new() }.fresh()
    }

    /// The same with an empty replay cache.
    pub(super) fn fresh(&self) -> Result<Self> {
        // Beside the configuration: the realm's own folder, which ends with it.
        let folder = self.configuration.parent().context("a configuration without a folder")?;
        let replays = folder.join(format!("replays-{}", place::next_number()));
        std::fs::create_dir(&replays)?;
        Ok(Self { replays, ..self.clone() })
    }

    /// The same configuration with a line more among the library's defaults.
    pub(super) fn with_default(mut self, line: &str) -> Result<Self> {
        let text = std::fs::read_to_string(&self.configuration)?;
        self.configuration = self.replays.join("krb5.conf");
        std::fs::write(
            &self.configuration,
            text.replacen("[libdefaults]\n", &format!("[libdefaults]\n {line}\n"), 1),
        )?;
        Ok(self)
    }

    /// Accepts one token.
    pub(super) fn one(&self, token: &[u8]) -> Result<Outcome> {
        use std::io::Write as _;
        let mut child = Command::new(std::env::current_exe()?)
            .arg(WORD)
            .args([self.key_table.as_os_str(), self.service.as_ref(), self.replays.as_os_str()])
            .env_clear()
            .env("KRB5_CONFIG", &self.configuration)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("no pipe")?.write_all(token)?;
        let output = child.wait_with_output()?;
        let text = String::from_utf8(output.stdout)?;
        let lines: Vec<&str> = text.lines().collect();
        Ok(match lines[..] {
            ["accepted", principal, mechanism, seconds, answer] => Outcome::Accepted {
                principal: principal.to_owned(),
                mechanism: mechanism.to_owned(),
                seconds: seconds.parse()?,
                answer: answer.parse()?,
            },
            ["refused", error, text] => Outcome::Refused { error: error.to_owned(), text: text.to_owned() },
            _ => bail!("{}: {text}", output.status),
        })
    }
}

/// Accepts a token, when that is what this process was started for.
#[expect(clippy::print_stdout, reason = "its parent reads it")]
pub(super) fn instead_of_tests() -> Option<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [word, key_table, service, replays] = &arguments[..] else { return None };
    if word != WORD {
        return None;
    }
    let mut token = Vec::new();
    std::io::stdin().read_to_end(&mut token).ok()?;
    let (key_table, replays) = (Path::new(key_table), Path::new(replays));
    let request = Request { token: &token, key_table, service, replays };
    match Library::open().and_then(|library| accept(&library, &request)) {
        Ok(accepted) => {
            let seconds = accepted.lifetime.map_or(0, |lifetime| lifetime.as_secs());
            println!("accepted\n{}\n{:?}", accepted.principal, accepted.mechanism);
            println!("{seconds}\n{}", accepted.answer.len());
        }
        Err(error) => println!("refused\n{error:?}\n{error}"),
    }
    Some(ExitCode::SUCCESS)
}
