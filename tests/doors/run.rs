//! Knocks at every door, with the flag off and on, by every way.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::{Context, Result, bail, ensure};
use portcullis_conf::{Sources, load};
use portcullis_model::session::Ide;
use portcullis_policy::Adapters;
use portcullis_testing::builder::Builder;
use portcullis_testing::{Account, Client, Response, Stage, World, place, tls};

use crate::hand::{self, Evasion};
use crate::line::{Lines, Question};
use crate::table::{self, Knock, Rule};

/// Time for an IDE to start on a busy machine.
const START_SECONDS: u64 = 90;
/// The one flag that takes something away unless it is said.
const GIVEN: &str = "allow-presentation-commands=1";
/// Rows of an application that an administrator declared.
const ROUTES: &str = "route=GET / ui\nroute=GET /download/** download\nroute=POST /upload upload\nroute=ANY /shell/** shell\n\
                      route=POST /install install-package\nroute=POST /share publish\nroute=POST /share/out publish-external\n\
                      route=POST /git/** vcs\n";

/// Requests counted by kind, and what went wrong.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<(&'static str, &'static str), u32>,
    wrong: Vec<String>,
}

/// One IDE.
pub(crate) fn all(stage: &Stage, name: &str) -> Result<()> {
    let ide = Ide::from_word(name).context("no IDE of this name")?;
    let (builder, conf) = stand_in(stage, name)?;
    let adapters = adapters(&conf);
    let rules = table::rules(ide);
    let doors = table::all(&adapters, ide);
    ensure!(!doors.is_empty(), "{name} has no doors");
    let mut world =
        builder.tls()?.without("rsession.conf", "session-port-range").conf("rsession.conf", GIVEN).start()?;
    let tls = tls::client(world.certificate().context("TLS")?, &["h2"], false)?;
    let people: Vec<Account> = (0..rules.len() + 2).map(|_| world.account("dor")).collect::<Result<_>>()?;
    let mut profiles = String::new();
    for (rule, person) in rules.iter().zip(&people) {
        let _ = write!(profiles, "[{}]\n{}\n\n", person.name, rule.off);
    }
    std::fs::write(world.config_dir().join("profiles"), profiles)?;
    world.reload()?;
    let opened = open(&world, &people, name)?;
    let (free, other) = (&opened[rules.len()], &opened[rules.len() + 1]);
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        let threads: Vec<_> = rules
            .iter()
            .zip(&opened)
            .map(|(rule, (client, id))| {
                let (tally, doors, tls) = (&tally, &doors, tls.clone());
                scope.spawn(move || -> Result<()> {
                    let mut shut = Person {
                        lines: Lines::new(client.clone(), tls.clone()),
                        body_kind: "",
                        id,
                        other: &other.1,
                        tally,
                    };
                    for knock in doors {
                        shut.knock(knock, rule, !knock.is_shut_by(rule.about))?;
                    }
                    shut.evade(name, rule)?;
                    let mut open = Person {
                        lines: Lines::new(free.0.clone(), tls),
                        id: &free.1,
                        other: &other.1,
                        body_kind: "",
                        tally,
                    };
                    for knock in doors.iter().filter(|knock| knock.is_shut_by(rule.about)) {
                        open.knock(knock, rule, true)?;
                    }
                    Ok(())
                })
            })
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(outcome) => outcome?,
                Err(_) => bail!("a thread died"),
            }
        }
        Ok(())
    })?;
    let tally = tally.into_inner().expect("no thread died holding it");
    let sum: u32 = tally.counts.values().sum();
    eprintln!("{name}: {sum} requests at {} doors under {} flags", doors.len(), rules.len());
    for ((state, kind), count) in &tally.counts {
        eprintln!("    {state:<5} {kind:<24} {count:>6}");
    }
    // One line for each door and way is enough to see what is wrong.
    let door = |line: &str| -> Option<String> {
        let (_, path) = line.split_once("/s/")?;
        Some(path.get(16..)?.chars().take(30).collect())
    };
    let mut known = std::collections::BTreeSet::new();
    let shown: Vec<_> =
        tally.wrong.iter().filter(|line| known.insert(door(line.as_str()))).take(60).cloned().collect();
    ensure!(tally.wrong.is_empty(), "{} of {sum} are wrong:\n{}", tally.wrong.len(), shown.join("\n"));
    Ok(())
}

/// A world with a double as this IDE, and its `adapters.conf`.
fn stand_in(stage: &Stage, name: &str) -> Result<(Builder, String)> {
    let folder = PathBuf::from(format!("/run/doors-{name}"));
    std::fs::create_dir_all(&folder)?;
    let program = folder.join("ide");
    let double = place::program("portcullis-double-ide");
    std::fs::write(&program, format!("#!/bin/sh\nexec {} \"$@\"\n", double.display()))?;
    for path in [&folder, &program] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    let world = stage.world();
    Ok(match name {
        "jupyter" => (world, String::new()),
        "rstudio" => (world.rsession(&[]), String::new()),
        "code-server" => (world.conf("vscode.conf", &format!("exe={}", program.display())), String::new()),
        _ => {
            let conf = format!("[app {name}]\ncommand={} --socket={{socket}}\n{ROUTES}", program.display());
            (world.file("adapters.conf", &conf), conf)
        }
    })
}

/// The adapters as the daemon makes them of that file.
fn adapters(conf: &str) -> Adapters {
    let files = [("adapters.conf".to_owned(), conf.to_owned())];
    Adapters::new(&load(&Sources::new("/etc/rstudio", files)).settings)
}

/// Signs everybody in and starts their sessions, all at once.
fn open(world: &World, people: &[Account], ide: &str) -> Result<Vec<(Client, String)>> {
    let mut opened = Vec::new();
    for person in people {
        let client = world.client()?;
        client.sign_in(&person.name, &person.password)?;
        let id = client.open_session_of(ide)?;
        opened.push((client, id));
    }
    for (client, id) in &opened {
        client.await_running(id, START_SECONDS)?;
    }
    Ok(opened)
}

struct Person<'a> {
    lines: Lines,
    /// Of the door at hand.
    body_kind: &'static str,
    id: &'a str,
    other: &'a str,
    tally: &'a Mutex<Tally>,
}

impl Person<'_> {
    /// All ways to one door. `open`: it is to pass, in its plain form.
    fn knock(&mut self, knock: &Knock, rule: &Rule, open: bool) -> Result<()> {
        if open && knock.is_last() {
            return Ok(());
        }
        self.body_kind = knock.body_kind();
        let door = &knock.door;
        let query = door.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
        let id = self.id;
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
        for (kind, path) in crate::spellings::of(&door.path) {
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
            format!("/s/{}/s/{}{}{query}", self.id, self.other, door.path),
            format!("/s/{}/../{}{}{query}", self.id, self.other, door.path),
            format!("/s/{}/%2e%2e/{}{}{query}", self.id, self.other, door.path),
        ];
        for target in &foreign {
            let answer = self.ask("HTTP/1.1", door.method, target, door.upgrade, door.body.as_deref())?;
            self.judge(rule, "other session's prefix", door.method, target, &answer, false);
        }
        let whole = format!("{}{plain}", self.lines.client().origin());
        let answer = self.ask("HTTP/1.1", door.method, &whole, door.upgrade, door.body.as_deref())?;
        self.judge(rule, "absolute form", door.method, &whole, &answer, false);
        Ok(())
    }

    /// The evasions that are written by hand.
    fn evade(&mut self, ide: &str, rule: &Rule) -> Result<()> {
        let ours = |evasion: &&Evasion| evasion.ide == ide && evasion.flag == rule.about.name;
        for evasion in hand::ALL.iter().filter(ours) {
            let target = format!("/s/{}{}", self.id, evasion.target);
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
            let question = Question { method: evasion.method, target: &target, headers, body };
            let answer = self.lines.one(&question)?;
            self.judge(rule, "evasion by hand", evasion.method, &target, &answer, false);
        }
        Ok(())
    }

    fn ask(
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
        if body.is_some() {
            headers.push(("content-type", self.body_kind.to_owned()));
        }
        // Methods that change something carry a body, if an empty one.
        let body = body.or_else(|| matches!(method, "POST" | "PUT" | "PATCH").then_some(""));
        let method = if two && upgrade { "CONNECT" } else { method };
        let question = Question { method, target, headers, body };
        if two { self.lines.two(&question, upgrade) } else { self.lines.one(&question) }
    }

    fn judge(
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
        let mut tally = self.tally.lock().expect("no thread died holding it");
        *tally.counts.entry((if open { "on" } else { "off" }, kind)).or_default() += 1;
        if passed != open {
            let text: String = answer.text().chars().take(160).collect();
            let said = if open { "was refused" } else { "passed" };
            tally.wrong.push(format!(
                "{} {kind}: {method} {target} {said}: {} {text}",
                rule.about.name, answer.status
            ));
        }
    }
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
