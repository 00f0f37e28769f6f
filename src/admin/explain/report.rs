//! What is printed: one finding for each IDE, as text or JSON.

use std::path::Path;

use portcullis_conf::Settings;
use portcullis_model::UserName;
use portcullis_model::session::Ide;
use portcullis_policy::flag::About;
use portcullis_policy::levels::{HostFacts, level};
use portcullis_policy::{Capability, Flags, PathClaim, Row, row_of};
use serde::Serialize;

use super::case::{Case, all_doors};
use super::{UNKNOWN, change};
use crate::Answer;
use crate::doctor::host;
use crate::judge::{Bench, Decision, Judged, Led};
use crate::layout::{WIDTH, field, printable, wrapped};
use crate::person::Person;

/// Longest request that is shown whole.
const SHOWN: usize = 400;

/// Everything that was found out.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    config_dir: String,
    user: String,
    groups: Vec<String>,
    account_is_here: bool,
    exemptions: String,
    findings: Vec<Finding>,
}

/// What becomes of it in one IDE.
#[derive(Debug, Serialize)]
struct Finding {
    ide: String,
    asked: String,
    decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What would have refused it, where the flag's effect is `audit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<String>,
    capability: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<RowFound>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Led>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<LevelFound>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conditions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    change: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    doors: Vec<DoorFound>,
}

#[derive(Debug, Serialize)]
struct RowFound {
    methods: Vec<&'static str>,
    path: String,
    needs: Vec<&'static str>,
    source: String,
    seen: String,
}

#[derive(Debug, Serialize)]
struct LevelFound {
    flag: &'static str,
    level: &'static str,
    reason: String,
    raise: String,
    remains: &'static str,
}

#[derive(Debug, Serialize)]
struct DoorFound {
    request: String,
    decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
}

impl RowFound {
    fn of(row: &Row) -> Self {
        Self {
            methods: row.methods.words(),
            path: row.path.to_string(),
            needs: row.needs.iter().map(|capability| capability.word()).collect(),
            source: row.source.to_string(),
            seen: row.seen.to_string(),
        }
    }

    fn text(&self) -> String {
        let seen = if self.seen.is_empty() { String::new() } else { format!(" (seen in {})", self.seen) };
        format!(
            "{} {}, which takes {}\n{}{seen}",
            self.methods.join("|"),
            self.path,
            self.needs.join("+"),
            self.source
        )
    }
}

/// Everything that findings of one report share.
struct Desk<'a> {
    settings: &'a Settings,
    user: &'a UserName,
    bench: &'a Bench,
    facts: HostFacts,
}

impl Report {
    pub(super) fn new(
        dir: &Path,
        settings: &Settings,
        person: &Person,
        bench: &Bench,
        case: &Case,
        ides: &[Ide],
        exemptions: String,
    ) -> Self {
        let desk = Desk { settings, user: &person.user, bench, facts: host::facts() };
        // Asked without an IDE, those that know it are meant; a request that none knows is the same to all.
        let known = ides.iter().copied().filter(|ide| case.known_in(&bench.adapters, *ide));
        let known: Vec<Ide> = if ides.len() > 1 { known.collect() } else { ides.to_vec() };
        let ides = if known.is_empty() { ides } else { &known };
        Self {
            config_dir: dir.display().to_string(),
            user: person.user.to_string(),
            groups: person.groups.clone(),
            account_is_here: person.here,
            exemptions,
            findings: ides.iter().map(|ide| desk.finding(*ide, case)).collect(),
        }
    }

    fn status(&self) -> u8 {
        let all = |wanted| self.findings.iter().all(|finding| finding.decision == wanted);
        match () {
            () if all(Decision::Forwarded) => 0,
            () if all(Decision::Refused) => 1,
            () => UNKNOWN,
        }
    }

    pub(super) fn answer(&self, json: bool) -> anyhow::Result<Answer> {
        let text = if json { format!("{}\n", serde_json::to_string_pretty(self)?) } else { self.text() };
        Ok(Answer { text, status: self.status(), ..Answer::default() })
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let groups = if self.groups.is_empty() { "none".to_owned() } else { self.groups.join(", ") };
        let here = if self.account_is_here { "" } else { ", an account that is not on this machine" };
        field(&mut out, "user", &printable(&format!("{} (groups: {groups}){here}", self.user), SHOWN));
        field(&mut out, "from", &self.config_dir);
        field(&mut out, "exemptions", &self.exemptions);
        for finding in &self.findings {
            out.push('\n');
            finding.text(&mut out);
        }
        out
    }
}

impl Desk<'_> {
    fn finding(&self, ide: Ide, case: &Case) -> Finding {
        match case {
            Case::Request(single) => {
                let ask = single.ask();
                let body = single.body.as_deref();
                let judged = self.bench.judge(ide, &ask, body);
                let row = row_of(&self.bench.adapters, ide, &ask);
                let again = |flags: &Flags| self.bench.judge_with(flags, ide, &ask, body);
                self.found(ide, single.shown(), &judged, row, again)
            }
            Case::Capability { capability, path, claim } => {
                self.capability(ide, *capability, path.as_deref(), claim.as_ref())
            }
        }
    }

    fn found(
        &self,
        ide: Ide,
        asked: String,
        judged: &Judged,
        row: Option<&Row>,
        again: impl Fn(&Flags) -> Judged,
    ) -> Finding {
        let refusal = judged.refusal.as_ref();
        let change = match judged.decision {
            Decision::Refused => change::to_allow(self.settings, self.user, &self.bench.flags, judged, again),
            Decision::Forwarded => {
                let mut taken = row.map(|row| row.needs.to_vec()).unwrap_or_default();
                taken.push(judged.capability);
                change::to_refuse(&taken, judged.led.is_some())
            }
            Decision::Unknown => Vec::new(),
        };
        let flag = refusal.and_then(|refusal| refusal.flag).and_then(About::named);
        Finding {
            ide: ide.word().to_owned(),
            asked: printable(&asked, SHOWN),
            decision: judged.decision,
            status: refusal.map(|refusal| refusal.status),
            rule: refusal.map(|refusal| refusal.rule.clone()),
            reason: refusal.map(|refusal| refusal.text.clone()),
            recorded: judged.noted.as_ref().map(|refusal| refusal.rule.clone()),
            capability: judged.capability.word(),
            row: row.map(RowFound::of),
            path: judged.led.clone(),
            level: flag.map(|about| self.level(ide, about)),
            conditions: judged.conditions.clone(),
            change,
            doors: Vec::new(),
        }
    }

    fn level(&self, ide: Ide, about: &'static About) -> LevelFound {
        let found = level(ide, about, &self.facts);
        LevelFound {
            flag: about.name,
            level: found.level.word(),
            reason: found.reason,
            raise: found.raise,
            remains: about.remains,
        }
    }

    /// All doors of a capability; the finding is that of the first that is refused, else of the first.
    fn capability(
        &self,
        ide: Ide,
        capability: Capability,
        path: Option<&str>,
        claim: Option<&PathClaim>,
    ) -> Finding {
        let (requests, messages) = all_doors(&self.bench.adapters, ide, capability, claim);
        let mut doors = Vec::new();
        let mut judgements = Vec::new();
        for door in &requests {
            let ask = door.ask();
            let body = door.body.as_deref().map(str::as_bytes);
            let judged = self.bench.judge(ide, &ask, body);
            let rule = judged.refusal.as_ref().map(|refusal| refusal.rule.clone());
            doors.push(DoorFound {
                request: printable(&door.request(), SHOWN),
                decision: judged.decision,
                rule,
            });
            judgements.push((door, judged));
        }
        let denial = self.bench.flags.denies_in(ide, capability);
        doors.extend(messages.iter().map(|message| DoorFound {
            request: format!("{} in {}", message.message, message.socket),
            decision: if denial.is_some() { Decision::Refused } else { Decision::Forwarded },
            rule: denial.as_ref().map(portcullis_policy::Denial::rule),
        }));
        let asked = match path {
            Some(path) => format!("{} of {path}", capability.word()),
            None => capability.word().to_owned(),
        };
        let told =
            judgements.iter().find(|(_, judged)| judged.decision == Decision::Refused).or(judgements.first());
        let mut finding = match told {
            Some((door, judged)) => {
                let ask = door.ask();
                let body = door.body.as_deref().map(str::as_bytes);
                let row = row_of(&self.bench.adapters, ide, &ask);
                self.found(ide, asked, judged, row, |flags| self.bench.judge_with(flags, ide, &ask, body))
            }
            None => Finding::without_requests(ide, asked, capability),
        };
        finding.decision = together(&doors);
        if finding.decision != Decision::Refused {
            (finding.rule, finding.reason, finding.status) = (None, None, None);
        }
        if let Some(claim) =
            claim.filter(|_| finding.path.is_none() && self.bench.flags.restrict_directories.value)
        {
            finding.path = Some(self.bench.lead(&self.bench.flags, claim));
        }
        finding.capability = capability.word();
        finding.doors = doors;
        finding
    }
}

/// Many doors in one word.
fn together(doors: &[DoorFound]) -> Decision {
    let all = |wanted| doors.iter().all(|door| door.decision == wanted);
    match () {
        () if doors.is_empty() => Decision::Unknown,
        () if all(Decision::Refused) => Decision::Refused,
        () if all(Decision::Forwarded) => Decision::Forwarded,
        () => Decision::Unknown,
    }
}

impl Finding {
    fn without_requests(ide: Ide, asked: String, capability: Capability) -> Self {
        Self {
            ide: ide.word().to_owned(),
            asked,
            decision: Decision::Unknown,
            status: None,
            rule: None,
            reason: None,
            recorded: None,
            capability: capability.word(),
            row: None,
            path: None,
            level: None,
            conditions: vec!["no request of this IDE's table takes it".to_owned()],
            change: Vec::new(),
            doors: Vec::new(),
        }
    }

    fn text(&self, out: &mut String) {
        field(out, "asked", &format!("{} in {}", self.asked, self.ide));
        let decision = match (self.decision, self.status) {
            (Decision::Forwarded, _) => "FORWARDED to the IDE".to_owned(),
            (Decision::Refused, Some(status)) => format!("REFUSED, answered {status} by the server"),
            (Decision::Refused, None) => "REFUSED".to_owned(),
            (Decision::Unknown, _) if self.doors.len() > 1 => {
                "NOT IN ONE WORD: see the doors below".to_owned()
            }
            (Decision::Unknown, _) => "NOT TO BE SAID from here".to_owned(),
        };
        field(out, "decision", &decision);
        let texts = [("rule", &self.rule), ("reason", &self.reason), ("recorded", &self.recorded)];
        for (label, text) in texts {
            if let Some(text) = text {
                field(out, label, &printable(text, 2000));
            }
        }
        field(out, "capability", self.capability);
        match &self.row {
            Some(row) => field(out, "row", &row.text()),
            None if self.doors.is_empty() => field(out, "row", "none: no row of this IDE's table covers it"),
            None => {}
        }
        if let Some(led) = &self.path {
            field(out, "path", &path_text(led));
        }
        if let Some(level) = &self.level {
            field(out, "level", &format!("{} for {}: {}", level.level, level.flag, level.reason));
            field(out, "remains", level.remains);
            field(out, "stronger", &level.raise);
        }
        self.conditions.iter().for_each(|condition| field(out, "condition", condition));
        let label = if self.decision == Decision::Refused { "to allow" } else { "to refuse" };
        self.change.iter().for_each(|line| field(out, label, line));
        if !self.doors.is_empty() {
            out.push('\n');
            self.doors.iter().for_each(|door| door.text(out));
        }
    }
}

impl DoorFound {
    fn text(&self, out: &mut String) {
        let word = match self.decision {
            Decision::Forwarded => "open",
            Decision::Refused => "shut",
            Decision::Unknown => "?",
        };
        let rule =
            self.rule.as_ref().map_or_else(String::new, |rule| format!("  {}", printable(rule, SHOWN)));
        for (at, line) in wrapped(&format!("{}{rule}", self.request), WIDTH - 8).iter().enumerate() {
            let word = if at == 0 { word } else { "" };
            out.push_str(&format!("  {word:6}{line}\n"));
        }
    }
}

fn path_text(led: &Led) -> String {
    let resolved = match &led.resolved {
        Some(resolved) if *resolved == led.asked => String::new(),
        Some(resolved) => format!(" leads to {resolved}"),
        None => " can't be followed from here".to_owned(),
    };
    let within = match led.allowed {
        Some(true) => "within the home or a listed directory",
        Some(false) => "outside of the home and of directory-view-allow-list",
        None => "nobody can say where",
    };
    format!("{}{resolved}: {within} (looked at as this process; the session looks as the person)", led.asked)
}
