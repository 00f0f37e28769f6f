//! RStudio's tables and decisions.

mod bodies;
mod doors;
mod form;
mod table;

use super::*;
use crate::{Setting, judge_body};

fn ask<'a>(method: &'a str, target: &'a str) -> Ask<'a> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    Ask {
        method,
        path,
        query,
        upgrade: false,
        subprotocol: None,
        content_length: (method == "POST").then_some(100),
        wants_html: false,
        port_token: Some("63962fb32008"),
    }
}

type Change = fn(&mut Flags);

const SHELL: Change = |f| f.shell = Setting::at(false, "rsession.conf", 3);
const UPLOADS: Change = |f| f.uploads = Setting::at(false, "rsession.conf", 3);
const DOWNLOADS: Change = |f| f.downloads = Setting::at(false, "rsession.conf", 3);
const PACKAGES: Change = |f| f.packages = Setting::at(false, "rsession.conf", 3);
const PUBLISH: Change = |f| f.publish = Setting::at(false, "rsession.conf", 3);
const EXTERNAL: Change = |f| f.external_publish = Setting::at(false, "rsession.conf", 3);
const RPUBS: Change = |f| f.rpubs_publish = Setting::at(false, "rsession.conf", 3);
const VCS: Change = |f| f.vcs = Setting::at(false, "rsession.conf", 3);
const DIRECTORIES: Change = |f| f.restrict_directories = Setting::at(true, "rsession.conf", 3);
const SIZE: Change = |f| f.upload_limit_mb = Setting::at(1, "rsession.conf", 3);
const SOCKETS: Change = |f| f.terminal_sockets = Setting::at(false, "rsession.conf", 3);

const ALL: [Change; 11] =
    [SHELL, UPLOADS, DOWNLOADS, PACKAGES, PUBLISH, EXTERNAL, RPUBS, VCS, DIRECTORIES, SIZE, SOCKETS];

fn with(change: Change) -> Flags {
    let mut flags = free();
    change(&mut flags);
    flags
}

/// Nothing is taken away, also not what is off unless it is said.
fn free() -> Flags {
    Flags { presentation_commands: Setting::default_of(true), ..Flags::default() }
}

fn decide(flags: &Flags, ask: &Ask<'_>) -> Verdict {
    crate::decide(&Adapters::default(), Ide::Rstudio, flags, ask)
}

#[track_caller]
fn forwarded(flags: &Flags, ask: &Ask<'_>) -> Forward {
    match decide(flags, ask) {
        Verdict::Forward(forward) => forward,
        Verdict::Refuse(refusal) => panic!("{} {} was refused: {}", ask.method, ask.path, refusal.rule),
    }
}

#[track_caller]
fn refused(flags: &Flags, ask: &Ask<'_>) -> Refusal {
    match decide(flags, ask) {
        Verdict::Refuse(refusal) => *refusal,
        Verdict::Forward(forward) => panic!("{} {} was forwarded: {forward:?}", ask.method, ask.path),
    }
}

/// The verdict on a call with these parameters.
fn call(flags: &Flags, method: &str, params: &str) -> Verdict {
    let body =
        format!("{{\"method\":\"{method}\",\"params\":{params},\"clientId\":\"c\",\"clientVersion\":\"\"}}");
    judge_body(
        &Adapters::default(),
        Ide::Rstudio,
        flags,
        &ask("POST", &format!("/rpc/{method}")),
        body.as_bytes(),
    )
}
