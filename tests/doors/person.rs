//! Who knocks at doors, over which ways, and what counts as let in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use portcullis_testing::{Client, Response, tls};

use crate::hand::{self, Evasion};
use crate::line::{Lines, Question};
use crate::spellings;
use crate::table::{Knock, Rule};

/// Somebody with a session of their own.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) client: Client,
    pub(crate) id: String,
    pub(crate) home: PathBuf,
}

/// Requests counted by kind, and what went wrong.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) counts: BTreeMap<(&'static str, &'static str), u32>,
    pub(crate) wrong: Vec<String>,
}

/// Who knocks.
pub(crate) struct Person<'a> {
    pub(crate) lines: Lines,
    /// Of the door at hand.
    body_kind: &'static str,
    pub(crate) opened: &'a Opened,
    /// Somebody else's session.
    pub(crate) other: &'a str,
    tally: &'a Mutex<Tally>,
}

impl<'a> Person<'a> {
    pub(crate) fn new(
        opened: &'a Opened,
        other: &'a str,
        tls: Arc<tls::Config>,
        tally: &'a Mutex<Tally>,
    ) -> Self {
        Self { lines: Lines::new(opened.client.clone(), tls), body_kind: "", opened, other, tally }
    }

    /// The address of a door as it is, in the person's session.
    fn at(&self, path: &str, query: Option<&str>) -> String {
        let query = query.map_or_else(String::new, |query| format!("?{query}"));
        format!("/s/{}{path}{query}", self.opened.id)
    }

    /// One way to a door, as it is written.
    pub(crate) fn knock_once(
        &mut self,
        kind: &'static str,
        knock: &Knock,
        rule: &Rule,
        open: bool,
    ) -> Result<()> {
        if open && knock.is_last() {
            return Ok(());
        }
        self.body_kind = knock.body_kind();
        let door = &knock.door;
        let target = self.at(&door.path, door.query.as_deref());
        let answer = self.ask(kind, door.method, &target, door.upgrade, door.body.as_deref())?;
        self.judge(rule, kind, door.method, &target, &answer, open);
        Ok(())
    }

    /// All ways to one door. `open`: it is to pass, in its plain form.
    pub(crate) fn knock(&mut self, knock: &Knock, rule: &Rule, open: bool) -> Result<()> {
        if open && knock.is_last() {
            return Ok(());
        }
        self.body_kind = knock.body_kind();
        let door = &knock.door;
        let query = door.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
        let id = self.opened.id.as_str();
        let at = |path: &str| format!("/s/{id}{path}{query}");
        let plain = at(&door.path);
        let mut lacking = false;
        for (kind, method, upgrade) in [
            ("HTTP/1.1", door.method, door.upgrade),
            ("HTTP/2", door.method, door.upgrade),
            ("HEAD", "HEAD", false),
            ("WebSocket", "GET", true),
            ("WebSocket over HTTP/2", "CONNECT", true),
        ] {
            let (is_head, is_socket) = (kind == "HEAD", kind.starts_with("WebSocket"));
            // A method that the door doesn't have is another door, which is tried where it must not open.
            let own =
                if is_head { door.method == "GET" && !door.upgrade } else { !is_socket || door.upgrade };
            // `HEAD` of a door that only takes a change is the door of whoever looks.
            if (open || is_head) && !own {
                continue;
            }
            let answer = self.ask(
                kind,
                method,
                &plain,
                upgrade,
                door.body.as_deref().filter(|_| !is_head && !is_socket),
            )?;
            lacking |= answer.text().contains("RStudio's page");
            let through =
                (knock.is_port() && answer.status == 502) || (is_head && lacking && answer.status == 404);
            let answer = if through { passed_on(answer) } else { answer };
            self.judge(rule, kind, method, &plain, &answer, open);
        }
        if open {
            return Ok(());
        }
        for (kind, path) in spellings::of(&door.path) {
            for upgrade in [door.upgrade, true] {
                let answer = self.ask(
                    "HTTP/1.1",
                    door.method,
                    &at(&path),
                    upgrade && door.method == "GET",
                    door.body.as_deref(),
                )?;
                self.judge(rule, kind, door.method, &at(&path), &answer, false);
            }
            let answer = self.ask("HTTP/2", door.method, &at(&path), false, door.body.as_deref());
            // What HTTP/2 can't carry is not sent.
            if let Ok(answer) = answer {
                self.judge(rule, kind, door.method, &at(&path), &answer, false);
            }
        }
        let foreign = [
            format!("/s/{}{}{query}", self.other, door.path),
            format!("/s/{id}/s/{}{}{query}", self.other, door.path),
            format!("/s/{id}/../{}{}{query}", self.other, door.path),
            format!("/s/{id}/%2e%2e/{}{}{query}", self.other, door.path),
        ];
        for target in &foreign {
            let answer = self.ask("HTTP/1.1", door.method, target, door.upgrade, door.body.as_deref())?;
            self.judge(rule, "other session's prefix", door.method, target, &answer, false);
        }
        let whole = format!("{}{plain}", self.lines.client().origin());
        let answer = self.ask("HTTP/1.1", door.method, &whole, door.upgrade, door.body.as_deref())?;
        self.judge(rule, "absolute form", door.method, &whole, &answer, false);
        self.dress(knock, rule)
    }

    /// A shut door with what other programs take for another method, address, body or person; and by methods that nobody has.
    fn dress(&mut self, knock: &Knock, rule: &Rule) -> Result<()> {
        let door = &knock.door;
        let plain = self.at(&door.path, door.query.as_deref());
        let body = door.body.as_deref().or_else(|| takes_body(door.method).then_some(""));
        for headers in spellings::DRESSES {
            let mut headers: Vec<_> =
                headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            let said = headers.iter().any(|(name, _)| *name == "content-type");
            if !said && door.body.is_some() {
                headers.push(("content-type", self.body_kind.to_owned()));
            }
            let question = Question { method: door.method, target: &plain, headers, body, untold: false };
            let answer = self.lines.one(&question)?;
            self.judge(rule, "header", door.method, &plain, &answer, false);
        }
        for more in spellings::QUERIES {
            let joint = if plain.contains('?') { "&" } else { "?" };
            let target = format!("{plain}{joint}{more}");
            let answer = self.ask("HTTP/1.1", door.method, &target, door.upgrade, door.body.as_deref())?;
            self.judge(rule, "query", door.method, &target, &answer, false);
        }
        // A question about a door carries no body: where only the body is refused, it may be asked.
        let by_body = door.body.is_some() && (rule.is_about_files() || !door.path.starts_with("/rpc/"));
        let small = door.method.to_lowercase();
        for method in ["OPTIONS", "TRACE", "PROPFIND", &small] {
            if method == "OPTIONS" && by_body {
                continue;
            }
            let answer = self.ask("HTTP/1.1", method, &plain, false, None)?;
            self.judge(rule, "method", method, &plain, &answer, false);
        }
        Ok(())
    }

    /// The evasions that are written by hand.
    pub(crate) fn evade(&mut self, ide: &str, rule: &Rule) -> Result<()> {
        let ours = |evasion: &&Evasion| evasion.ide == ide && evasion.flag == rule.about.name;
        for evasion in hand::ALL.iter().filter(ours) {
            let target = format!("/s/{}{}", self.opened.id, evasion.target);
            let said = |name: &str| evasion.headers.iter().any(|(known, _)| *known == name);
            let mut headers: Vec<_> =
                evasion.headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            if said("upgrade") {
                headers.push(("origin", self.lines.client().origin()));
                headers.push(("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==".to_owned()));
            } else if !said("content-type") && !evasion.body.is_empty() {
                headers.push(("content-type", "application/json".to_owned()));
            }
            let body = Some(evasion.body).filter(|body| !body.is_empty() || evasion.method == "POST");
            let question = Question { method: evasion.method, target: &target, headers, body, untold: false };
            let answer = self.lines.one(&question)?;
            self.judge(rule, "evasion by hand", evasion.method, &target, &answer, false);
        }
        Ok(())
    }

    pub(crate) fn ask(
        &mut self,
        kind: &str,
        method: &str,
        target: &str,
        upgrade: bool,
        body: Option<&str>,
    ) -> Result<Response> {
        let mut headers = Vec::new();
        let two = kind.ends_with("HTTP/2");
        if upgrade {
            headers.push(("origin", self.lines.client().origin()));
            headers.push(("sec-websocket-version", "13".to_owned()));
            if !two {
                headers.push(("upgrade", "websocket".to_owned()));
                headers.push(("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==".to_owned()));
            }
        }
        if body.is_some_and(|body| !body.is_empty()) {
            headers.push(("content-type", self.body_kind.to_owned()));
        }
        let body = body.or_else(|| takes_body(method).then_some(""));
        let method = if two && upgrade { "CONNECT" } else { method };
        let question = Question { method, target, headers, body, untold: kind.starts_with("untold") };
        if two { self.lines.two(&question, upgrade) } else { self.lines.one(&question) }
    }

    /// Counts an answer that should, or should not, be the IDE's.
    pub(crate) fn judge(
        &self,
        rule: &Rule,
        kind: &'static str,
        method: &str,
        target: &str,
        answer: &Response,
        open: bool,
    ) {
        // RStudio's own form of a refusal is a 200 with an error in its body, which an answer to `HEAD` has not.
        let bodiless = method == "HEAD" && !open && answer.header("x-double").is_none();
        let passed = has_passed(answer, rule) && !bodiless;
        let text = || format!("{} {}", answer.status, answer.text());
        self.count(rule, kind, &format!("{method} {target}"), passed, open, text);
    }

    /// Counts one try.
    pub(crate) fn count(
        &self,
        rule: &Rule,
        kind: &'static str,
        what: &str,
        passed: bool,
        open: bool,
        why: impl Fn() -> String,
    ) {
        let mut tally = self.tally.lock().expect("no thread died holding it");
        *tally.counts.entry((if open { "on" } else { "off" }, kind)).or_default() += 1;
        if passed != open {
            let why: String = why().chars().take(200).collect();
            let said = if open { "was refused" } else { "passed" };
            tally.wrong.push(format!("{} {kind}: {what} {said}: {why}", rule.about.name));
        }
    }
}

/// Methods that change something carry a body, if an empty one.
fn takes_body(method: &str) -> bool {
    matches!(method, "POST" | "PUT" | "PATCH")
}

/// Whether the IDE, and not the daemon, answered; or the daemon did what was asked.
fn has_passed(answer: &Response, rule: &Rule) -> bool {
    let text = answer.text();
    let by_us = text.contains(rule.about.name) || text.contains("\"portcullis\":");
    // RStudio's page is served by the daemon; that it lacks a file is no rule's doing.
    let lacking = text.contains("RStudio's page");
    answer.header("x-double").is_some() || lacking || (answer.status < 400 && !by_us)
}

/// A request for a port that nobody listens on, or for a file that RStudio's page lacks: as far as the rules go, it was let
/// through.
fn passed_on(mut answer: Response) -> Response {
    answer.headers.push(("x-double".to_owned(), "no program listens".to_owned()));
    answer
}
