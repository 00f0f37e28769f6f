//! Every door, open and shut. Here: what the tests share.

mod bodies;
mod browser;
mod conditions;
mod doors;
mod table;

use portcullis_model::session::Ide;

use super::*;
use crate::row::Methods;
use crate::{Direction, Form, PathClaim, PathRule, QueryRule, Setting, SocketRule, Transfer};

fn decide(flags: &Flags, ask: &Ask<'_>) -> Verdict {
    crate::decide(&Adapters::default(), Ide::Jupyter, flags, ask)
}

fn find<'a>(method: &str, ask: &'a Ask<'a>) -> Option<(&'static Row, &'a str)> {
    let method = Methods::named(method).expect("a method");
    let asked = rows().find_map(|row| {
        let fits = row.methods.meets(method) && (!ask.upgrade || row.socket.is_some());
        if fits { row.fits(ask.path).map(|tail| (row, tail)) } else { None }
    });
    let (adapters, flags) = (Adapters::default(), Flags::default());
    let found = crate::adapter::Weighing::new(&adapters, Ide::Jupyter, &flags, ask).find(method);
    assert_eq!(
        found.map(|(row, tail)| (row.path.as_ref(), tail)),
        asked.map(|(row, tail)| (row.path.as_ref(), tail))
    );
    asked
}

fn judge_body(flags: &Flags, ask: &Ask<'_>, body: &[u8]) -> Verdict {
    crate::judge_body(&Adapters::default(), Ide::Jupyter, flags, ask, body)
}

fn ask<'a>(method: &'a str, target: &'a str) -> Ask<'a> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let content_length = matches!(method, "PUT" | "POST" | "PATCH").then_some(100);
    Ask {
        method,
        path,
        query,
        upgrade: false,
        subprotocol: None,
        content_length,
        wants_html: false,
        port_token: None,
    }
}

fn socket<'a>(target: &'a str) -> Ask<'a> {
    Ask { upgrade: true, ..ask("GET", target) }
}

type Change = fn(&mut Flags);

const SHELL: Change = |f| f.shell = Setting::at(false, "rsession.conf", 3);
const UPLOADS: Change = |f| f.uploads = Setting::at(false, "rsession.conf", 3);
const DOWNLOADS: Change = |f| f.downloads = Setting::at(false, "rsession.conf", 3);
const PACKAGES: Change = |f| f.packages = Setting::at(false, "rsession.conf", 3);
const PUBLISH: Change = |f| f.publish = Setting::at(false, "rsession.conf", 3);
const EXTERNAL: Change = |f| f.external_publish = Setting::at(false, "rsession.conf", 3);
const VCS: Change = |f| f.vcs = Setting::at(false, "rsession.conf", 3);
const FOLDERS: Change = |f| f.restrict_directories = Setting::at(true, "rsession.conf", 3);
const LIMIT: Change = |f| f.upload_limit_mb = Setting::at(1, "rsession.conf", 3);
const ALL: [Change; 9] = [SHELL, UPLOADS, DOWNLOADS, PACKAGES, PUBLISH, EXTERNAL, VCS, FOLDERS, LIMIT];

fn with(change: Change) -> Flags {
    let mut flags = Flags::default();
    change(&mut flags);
    flags
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

fn door<'a>(request: &'a str) -> Ask<'a> {
    let (method, target) = request.split_once(' ').expect("method and target");
    if method == "WS" { socket(target) } else { ask(method, target) }
}
