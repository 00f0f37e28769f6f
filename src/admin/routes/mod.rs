//! `portcullis routes`: which requests of an IDE no row covers, each with a line for `adapters.conf`.
//!
//! What there is comes from three places: the installed JupyterLab itself (`program`), the audit log's refusals (`log`), and a list
//! that somebody gives (`list`). What a place can't tell is said, never left out in silence. Nothing is changed.

mod list;
mod log;
mod program;
mod report;
mod suggestion;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{ArgGroup, Args};
use portcullis_model::session::Ide;
use portcullis_model::{AppName, SessionId};
use portcullis_policy::{Adapters, Ask, Capability, row_of};

use crate::{Answer, ConfigDir, configuration};
use report::Report;

/// What is asked.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["session", "ide", "app"])))]
pub(crate) struct Question {
    #[command(flatten)]
    dir: ConfigDir,
    /// A session, by its id.
    #[arg(long, value_name = "ID")]
    session: Option<SessionId>,
    /// An IDE: jupyter, rstudio or code-server.
    #[arg(long, value_name = "IDE", value_parser = built_in)]
    ide: Option<Ide>,
    /// A declared application.
    #[arg(long, value_name = "NAME")]
    app: Option<AppName>,
    /// A list of requests, one METHOD PATH a line (WS PATH for a WebSocket); `-` for the standard input.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The audit log.
    #[arg(long, value_name = "FILE", default_value = "/var/lib/portcullis/audit/audit.jsonl")]
    audit: PathBuf,
    /// As whom JupyterLab is asked for its routes; extensions of this account count too.
    ///
    /// Without it: the session's owner; root asks as nobody, everybody else as themselves.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn built_in(word: &str) -> Result<Ide, String> {
    let words: Vec<&str> = Ide::BUILT_IN.iter().map(Ide::word).collect();
    let found = Ide::BUILT_IN.into_iter().find(|ide| ide.word() == word);
    found.ok_or_else(|| format!("the IDEs are {}; an application is named with --app", words.join(", ")))
}

/// Where a request was learnt of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Place {
    /// The installed program.
    Program,
    /// The audit log.
    Log,
    /// The list.
    List,
}

/// A request that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// Its method.
    pub method: String,
    /// A path that it can have.
    pub path: String,
    /// The path with `*` and `**`, where the program said so.
    pub shape: Option<String>,
    /// Whether it opens a WebSocket.
    pub socket: bool,
    /// Where it was learnt of.
    pub place: Place,
    /// How often it was refused or recorded.
    pub count: u64,
    /// The handler, or when it was asked for last.
    pub about: String,
}

impl Request {
    /// Whether a row says what it takes.
    fn is_covered(&self, adapters: &Adapters, ide: Ide) -> bool {
        let ask = Ask {
            method: &self.method,
            path: &self.path,
            query: None,
            upgrade: self.socket,
            subprotocol: None,
            content_length: None,
            wants_html: false,
            port_token: None,
        };
        // A catch-all for what nobody knows is no row for it.
        row_of(adapters, ide, &ask).is_some_and(|row| !row.needs.contains(&Capability::Unknown))
    }
}

/// What one place told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub requests: Vec<Request>,
    /// What it can't tell, in sentences.
    pub blind: Vec<String>,
}

/// The answer.
pub(crate) fn answer(question: &Question) -> anyhow::Result<Answer> {
    let settings = configuration::usable(&question.dir.path())?;
    let adapters = Adapters::new(&settings);
    let (ide, owner) = which(question)?;
    if let Ide::App(name) = ide {
        if adapters.app(name).is_none() {
            bail!("the application `{name}` is not declared in adapters.conf");
        }
    }
    let mut told = vec![log::read(&question.audit, ide, question.session)];
    if ide == Ide::Jupyter {
        told.push(program::ask(&settings, question.user.as_deref().or(owner.as_deref())));
    } else {
        let why = format!(
            "{} can't be asked for its routes: only those that somebody asked for or listed are known.",
            adapters.title(&ide)
        );
        told.push(Told { blind: vec![why], ..Told::default() });
    }
    if let Some(from) = &question.from {
        told.push(list::read(from).with_context(|| format!("cannot read `{}`", from.display()))?);
    }
    let report = Report::new(adapters.title(&ide), ide, told, |request| request.is_covered(&adapters, ide));
    Ok(if question.json { report.json()? } else { report.text() })
}

/// The IDE that is meant, and the session's owner.
fn which(question: &Question) -> anyhow::Result<(Ide, Option<String>)> {
    let Some(session) = question.session else {
        let ide = question.ide.or(question.app.map(Ide::App));
        return Ok((ide.context("say --session, --ide or --app")?, None));
    };
    let (ide, owner) = log::session(&question.audit, session).with_context(|| {
        "what a session runs stands in the audit log: ask as root, or say --ide or --app instead".to_owned()
    })?;
    Ok((ide, Some(owner)))
}

#[cfg(test)]
mod tests;
