//! What is printed: one finding for each IDE, as text or JSON.

use std::path::Path;

use portcullis_model::UserName;
use portcullis_model::session::Ide;
use portcullis_policy::flag::About;
use portcullis_policy::levels::level;
use portcullis_policy::sandbox::Held;
use portcullis_policy::{Capability, Finer, Flags, PathClaim, Row, finer, row_of};
use serde::Serialize;

use super::case::{Case, all_doors};
use super::change::Change;
use super::found::{DoorFound, Finding, LevelFound, RowFound, SHOWN};
use super::{UNKNOWN, change};
use crate::Answer;
use crate::judge::{Bench, Decision, Judged};
use crate::layout::{field, printable};
use crate::person::Person;

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

/// Everything that findings of one report share.
struct Desk<'a> {
    user: &'a UserName,
    bench: &'a Bench,
    held: &'a Held,
}

impl Report {
    pub(super) fn new(
        dir: &Path,
        person: &Person,
        (bench, held): (&Bench, &Held),
        case: &Case,
        ides: &[Ide],
        exemptions: String,
    ) -> Self {
        let desk = Desk { user: &person.user, bench, held };
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
                let row = (row_of(&self.bench.adapters, ide, &ask), finer(ide, &ask));
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
        (row, finer): (Option<&Row>, Option<Finer>),
        again: impl Fn(&Flags) -> Judged,
    ) -> Finding {
        let refusal = judged.refusal.as_ref();
        let change = match judged.decision {
            Decision::Refused => change::to_allow(self.user, &self.bench.flags, judged, again),
            Decision::Forwarded => {
                let mut taken = row.map(|row| row.needs.to_vec()).unwrap_or_default();
                taken.extend(finer.iter().flat_map(|finer| finer.needs));
                taken.push(judged.capability);
                change::to_refuse(&taken, judged.led.is_some())
            }
            Decision::Unknown => Change::default(),
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
            row: row.map(|row| RowFound::of(row, finer)),
            path: judged.led.clone(),
            level: flag.map(|about| self.level(ide, about)),
            conditions: judged.conditions.clone(),
            change,
            doors: Vec::new(),
        }
    }

    /// Where only messages take it, the flag alone decides.
    fn by_messages(&self, ide: Ide, asked: String, capability: Capability) -> Finding {
        let denial = self.bench.flags.denies_in(ide, capability);
        let rule = denial.as_ref().map(portcullis_policy::Denial::rule);
        let level = denial.as_ref().map(|denial| self.level(ide, denial.about));
        let change = match &denial {
            Some(denial) => change::lift(self.user, &[(denial.about, denial.origin.clone())]),
            None => change::to_refuse(&[capability], false),
        };
        let conditions = vec!["each message is judged by itself".to_owned()];
        Finding { rule, level, change, conditions, ..Finding::without_requests(ide, asked, capability) }
    }

    fn level(&self, ide: Ide, about: &'static About) -> LevelFound {
        let found = level(ide, about, self.held);
        LevelFound {
            flag: about.name,
            level: found.level.word(),
            reason: found.reason,
            raise: found.raise,
            remains: about.remains_at(found.level),
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
            let mut judged = self.bench.judge(ide, &ask, body);
            if judged.needs_body && judged.led.is_none() && !self.bench.flags.restrict_directories.value {
                // The example has no body: what takes the capability passes by its head, and this body would be one that may.
                judged.decision = Decision::Forwarded;
            }
            let rule = judged.refusal.as_ref().map(|refusal| refusal.rule.clone());
            doors.push(DoorFound {
                request: printable(&door.request(), SHOWN),
                decision: judged.decision,
                rule,
            });
            judgements.push((door, judged));
        }
        doors.extend(messages.iter().map(|message| {
            let denial = message.needs.iter().find_map(|need| self.bench.flags.denies_in(ide, *need));
            DoorFound {
                request: format!("{} in {}", message.message, message.socket),
                decision: if denial.is_some() { Decision::Refused } else { Decision::Forwarded },
                rule: denial.as_ref().map(portcullis_policy::Denial::rule),
            }
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
                let row = (row_of(&self.bench.adapters, ide, &ask), finer(ide, &ask));
                self.found(ide, asked, judged, row, |flags| self.bench.judge_with(flags, ide, &ask, body))
            }
            None if messages.is_empty() => Finding::without_requests(ide, asked, capability),
            None => self.by_messages(ide, asked, capability),
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
