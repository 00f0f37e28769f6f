//! `portcullis explain`: what becomes of a request of a person, and why; by the functions that decide in the server.
//!
//! `case` says what is asked about, `change` which lines would make another decision, `report` finds out and `found` prints. Nothing is sent anywhere; the
//! daemon is asked for exemptions only.

mod case;
mod change;
mod found;
mod report;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use portcullis_model::session::Ide;
use portcullis_policy::Capability;
use portcullis_policy::sandbox::Held;

use crate::daemon::RunDir;
use crate::judge::Bench;
use crate::person::Who;
use crate::{Answer, configuration, exemptions};

use case::Case;
use report::Report;

/// Exit status when it can't be said.
pub(crate) const UNKNOWN: u8 = 2;
/// Longest body that is read: as long as the longest that the server judges.
const BODY_MAX: u64 = 64 << 20;

/// What is asked.
#[derive(Debug, Args)]
pub(crate) struct Question {
    #[command(flatten)]
    pub who: Who,
    /// In which IDE: rstudio, jupyter, code-server, or the name of an application of adapters.conf.
    ///
    /// Without it, in each whose table knows the request.
    #[arg(long, value_name = "IDE")]
    pub ide: Option<String>,
    /// A capability, such as download, upload, shell or read: every door to it is shown.
    #[arg(long, value_name = "CAPABILITY", value_parser = capability, conflicts_with = "request", required_unless_present = "request")]
    pub op: Option<Capability>,
    /// The file that --op is about: absolute, or below the home directory.
    #[arg(long, value_name = "PATH", requires = "op")]
    pub path: Option<String>,
    /// A request: method and path, as the audit log has it; what stands before the IDE's own path (/s/ID) is left out.
    #[arg(long, value_name = "METHOD PATH")]
    pub request: Option<String>,
    /// The request asks for a WebSocket.
    #[arg(long, requires = "request")]
    pub upgrade: bool,
    /// A file with the request's body.
    #[arg(long, value_name = "FILE", requires = "request")]
    pub body: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub run_dir: RunDir,
}

/// A capability by its word, for the command line.
fn capability(word: &str) -> Result<Capability, String> {
    let words = Capability::ALL.map(Capability::word).join(", ");
    Capability::from_word(word).ok_or_else(|| format!("the capabilities are {words}"))
}

/// The answer. What can't be said has its own exit status, so that nobody takes it for a refusal.
pub(crate) fn answer(dir: &Path, question: &Question) -> Answer {
    report(dir, question).and_then(|report| report.answer(question.json)).unwrap_or_else(|error| Answer {
        complaint: format!("portcullis: {error:#}\n"),
        status: UNKNOWN,
        ..Answer::default()
    })
}

fn report(dir: &Path, question: &Question) -> anyhow::Result<Report> {
    let settings = configuration::usable(dir)?;
    let person = question.who.person()?;
    let mut bench = Bench::new(&settings, &person);
    let ides = ides(question, &settings)?;
    let case = match (&question.op, &question.request) {
        (Some(capability), _) => {
            Case::of_capability(*capability, question.path.as_deref(), person.home.as_deref())?
        }
        (None, Some(request)) => {
            let body = question.body.as_deref().map(body).transpose()?;
            Case::of_request(request, question.upgrade, body)?
        }
        (None, None) => bail!("say --op or --request"),
    };
    let exemptions = exemptions::lift(&question.run_dir, &person.user, &mut bench.flags);
    let host = crate::doctor::host::facts();
    let held = Held::of(&settings, &bench.flags, &person.user, &person.groups, &host);
    Ok(Report::new(dir, &person, (&bench, &held), &case, &ides, exemptions))
}

/// The IDEs that are meant.
fn ides(question: &Question, settings: &portcullis_conf::Settings) -> anyhow::Result<Vec<Ide>> {
    let all: Vec<Ide> = crate::doctor::ides(settings);
    let Some(word) = &question.ide else { return Ok(all) };
    let known = Ide::from_word(word).filter(|ide| all.contains(ide));
    let words = all.iter().map(Ide::word).collect::<Vec<_>>().join(", ");
    Ok(vec![known.with_context(|| format!("there is no IDE `{word}`: there are {words}"))?])
}

fn body(path: &Path) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let file = std::fs::File::open(path).with_context(|| format!("cannot open `{name}`"))?;
    let mut bytes = Vec::new();
    file.take(BODY_MAX + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read `{name}`"))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > BODY_MAX) {
        bail!("`{name}` is longer than any body that is judged");
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
