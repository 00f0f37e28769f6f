//! An application's start: the command of `adapters.conf` with its placeholders filled in.

use portcullis_conf::Settings;
use portcullis_conf::adapters::{TCP_REFUSED, fill};
use portcullis_model::AppName;
use portcullis_model::session::IdeCommand;

use super::App;
use crate::Adapters;
use crate::adapter::Prefix;
use crate::start::{CommandError, LaunchFacts, SOCKET_MAX, base_url, environment};

/// The variable with the word that the proxy adds to every request as `Authorization: token …`: an application that wants to
/// can tell the proxy from the person's own other programs.
const TOKEN: &str = "PORTCULLIS_TOKEN";

/// The command for a person's application.
pub(crate) fn start(
    name: AppName,
    settings: &Settings,
    facts: &LaunchFacts,
    exists: &dyn Fn(&str) -> bool,
) -> Result<IdeCommand, CommandError> {
    let adapters = Adapters::new(settings);
    let app = adapters.app(name).ok_or_else(|| CommandError::Undeclared { app: name.to_string() })?;
    let title = || app.title().to_owned();
    if let Some(rule) = app.refuses(&facts.user, &facts.groups) {
        return Err(CommandError::NotForYou { ide: title(), rule });
    }
    if app.is_tcp() {
        return Err(CommandError::Unsafe { ide: title(), why: TCP_REFUSED.to_owned() });
    }
    let said = app.said();
    // A section without a command is an error of the file; then there is nothing to start either.
    let (program, args) =
        said.command.split_first().ok_or_else(|| CommandError::Undeclared { app: name.to_string() })?;
    if !exists(program) {
        return Err(CommandError::NotFound { ide: title(), tried: format!("`{program}`") });
    }
    let dir = facts.session_dir.trim_end_matches('/');
    let socket = format!("{dir}/ide.sock");
    if socket.len() > SOCKET_MAX {
        return Err(CommandError::SocketName { path: socket });
    }
    let base = base_url(facts).trim_end_matches('/').to_owned();
    let value = |word: &str| match word {
        "socket" => Some(socket.clone()),
        "base-url" => Some(base.clone()),
        "home" => Some(facts.home.clone()),
        "session-dir" => Some(dir.to_owned()),
        _ => None,
    };
    let cwd = fill(&said.working_dir, &value);
    if !cwd.starts_with('/') {
        return Err(CommandError::Path { path: cwd });
    }
    let env = variables(app, facts, program, &value);
    Ok(IdeCommand {
        args: args.iter().map(|arg| fill(arg, &value)).collect(),
        program: program.clone(),
        env,
        secret_env: vec![(TOKEN.to_owned(), facts.token.clone())],
        cwd,
        probe: match app.prefix() {
            Prefix::Keep => format!("{base}{}", said.probe),
            Prefix::Strip => said.probe.clone(),
        },
        socket,
        files: Vec::new(),
    })
}

/// The usual variables, then the administrator's, which replace them.
fn variables(
    app: &App,
    facts: &LaunchFacts,
    program: &str,
    value: &dyn Fn(&str) -> Option<String>,
) -> Vec<(String, String)> {
    let mut env = environment(facts, program, &[]);
    env.retain(|(name, _)| name != TOKEN);
    for (name, text) in &app.said().environment {
        let text = fill(text, value);
        match env.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = text,
            None => env.push((name.clone(), text)),
        }
    }
    env
}
