//! A record judged anew, as far as it tells enough: what doesn't is said to be unknown, never guessed.

use std::collections::{BTreeSet, HashMap};

use portcullis_conf::Settings;
use portcullis_model::session::Ide;
use portcullis_policy::flag::{self, About};
use portcullis_policy::levels::{HostFacts, Weak, too_weak};
use portcullis_policy::sandbox::Held;
use portcullis_policy::{Ask, Capability, Flags, PathClaim, Refusal, row_of};

use super::records::{Record, What};
use crate::judge::{Bench, Decision};
use crate::person::Person;

/// How something was or would be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Fate {
    /// It passes.
    Passes,
    /// It passes and is recorded.
    Recorded,
    /// It is refused.
    Refused,
    /// Nobody can say.
    Unknown,
}

/// The outcome for one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub before: Fate,
    pub after: Fate,
    /// The flag that decides: of the new configuration, else the one that decided before.
    pub flag: String,
    /// The request by its row, or what it was.
    pub route: String,
    /// Why it would be refused, or why nobody can say.
    pub why: String,
}

/// Judges records under one configuration.
#[derive(Debug)]
pub(super) struct Replay<'s> {
    settings: &'s Settings,
    /// What holds is judged for this machine.
    host: HostFacts,
    people: HashMap<String, Option<(Bench, Held)>>,
    strangers: BTreeSet<String>,
}

impl<'s> Replay<'s> {
    pub(super) fn new(settings: &'s Settings) -> Self {
        Self {
            settings,
            host: crate::doctor::host::facts(),
            people: HashMap::new(),
            strangers: BTreeSet::new(),
        }
    }

    /// People of the log that this machine doesn't know.
    pub(super) fn strangers(&self) -> Vec<String> {
        self.strangers.iter().cloned().collect()
    }

    pub(super) fn judge(&mut self, record: &Record) -> Outcome {
        let settings = self.settings;
        let Some((bench, held)) = self.bench(&record.user) else {
            return Outcome::unknown(record, "its user has no name that could be an account's");
        };
        match &record.what {
            What::Request { method, path, what, capability, rule, passed } => {
                let before = if *passed { Fate::Recorded } else { Fate::Refused };
                let past = Past { method, path, capability: *capability, rule };
                let (after, decided, why) = past.again(bench, record.ide);
                let route = past.route(bench, record.ide).unwrap_or_else(|| what.clone());
                let flag = decided.or_else(|| past.flag()).map_or("no flag", |about| about.name).to_owned();
                Outcome { before, after, flag, route, why }
            }
            What::Transfer { upload, path, bytes } => transfer(bench, record.ide, *upload, path, *bytes),
            What::Start { refused } => start(settings, (&bench.flags, held), record.ide, *refused),
        }
    }

    fn bench(&mut self, user: &str) -> Option<&(Bench, Held)> {
        if !self.people.contains_key(user) {
            let person = Person::look_up(user).ok().flatten().or_else(|| {
                self.strangers.insert(user.to_owned());
                let user = user.parse().ok()?;
                Some(Person { user, groups: Vec::new(), home: None, here: false })
            });
            let bench = person.map(|person| {
                let bench = Bench::new(self.settings, &person);
                let held = Held::of(self.settings, &bench.flags, &person.user, &person.groups, &self.host);
                (bench, held)
            });
            self.people.insert(user.to_owned(), bench);
        }
        self.people.get(user)?.as_ref()
    }
}

impl Outcome {
    fn unknown(record: &Record, why: &str) -> Self {
        let before = match &record.what {
            What::Request { passed: false, .. } | What::Start { refused: true } => Fate::Refused,
            What::Request { .. } => Fate::Recorded,
            What::Transfer { .. } | What::Start { .. } => Fate::Passes,
        };
        let route = record.ide.word().to_owned();
        Self { before, after: Fate::Unknown, flag: String::new(), route, why: why.to_owned() }
    }
}

/// A refusal, or what was recorded as one.
struct Past<'r> {
    method: &'r str,
    path: &'r str,
    capability: Capability,
    rule: &'r str,
}

type Verdict = (Fate, Option<&'static About>, String);

impl Past<'_> {
    fn ask(&self, upgrade: bool) -> Ask<'_> {
        Ask {
            method: self.method,
            path: self.path,
            query: None,
            upgrade,
            subprotocol: None,
            content_length: None,
            wants_html: false,
            port_token: None,
        }
    }

    /// The flag that the rule names.
    fn flag(&self) -> Option<&'static About> {
        flag::ALL.into_iter().find(|about| self.rule.contains(&format!("{}=", about.name)))
    }

    fn route(&self, bench: &Bench, ide: Ide) -> Option<String> {
        if self.method.is_empty() {
            return None;
        }
        let row = row_of(&bench.adapters, ide, &self.ask(false));
        Some(format!("{} {}", self.method, row.map_or(self.path, |row| &row.path)))
    }

    /// What becomes of it now.
    fn again(&self, bench: &Bench, ide: Ide) -> Verdict {
        let Some(old) = self.flag() else {
            return (Fate::Refused, None, "it is refused whatever the configuration says".to_owned());
        };
        let mut noted = None;
        let mut unsure = None;
        if !self.method.is_empty() {
            let judged = bench.judge(ide, &self.ask(false), None);
            match judged.decision {
                Decision::Refused => return refused(judged.refusal.as_ref()),
                // The recorded capability is what the body was judged to be.
                Decision::Unknown if judged.needs_body && body_matters_not(&bench.flags) => {}
                Decision::Unknown => unsure = judged.conditions.first().cloned(),
                Decision::Forwarded => noted = judged.noted,
            }
        }
        // A request that nobody knew and a row covers now is what the row says.
        let learned = self.capability == Capability::Unknown
            && row_of(&bench.adapters, ide, &self.ask(false)).is_some_and(|_| !self.method.is_empty());
        if let Some(denial) = bench.flags.denies_in(ide, self.capability).filter(|_| !learned) {
            return (Fate::Refused, Some(denial.about), denial.rule());
        }
        if old.name == flag::DIRECTORIES.name
            && bench.flags.restrict_directories.value
            && self.method.is_empty()
        {
            unsure = Some("the record does not say where its path led".to_owned());
        }
        if old.name == flag::UPLOAD_LIMIT.name && bench.flags.upload_limit_mb.value > 0 {
            return self.sized(bench);
        }
        if let Some(why) = unsure {
            return (Fate::Unknown, Some(old), why);
        }
        let strict = bench.flags.audited().and_then(|strict| strict.denies_in(ide, self.capability));
        match (noted, strict) {
            (Some(refusal), _) => {
                (Fate::Recorded, refusal.flag.and_then(About::named), format!("recorded: {}", refusal.rule))
            }
            (None, Some(denial)) => {
                (Fate::Recorded, Some(denial.about), format!("recorded: {}", denial.rule()))
            }
            (None, None) => (Fate::Passes, Some(old), String::new()),
        }
    }

    /// Its size isn't recorded; it was more than the old limit.
    fn sized(&self, bench: &Bench) -> Verdict {
        let about = &flag::UPLOAD_LIMIT;
        let before = self.rule.split(&format!("{}=", about.name)).nth(1);
        let before =
            before.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok());
        let limit = &bench.flags.upload_limit_mb;
        if before.is_some_and(|before| limit.value <= before) {
            return (
                Fate::Refused,
                Some(about),
                format!("{}={} ({})", about.name, limit.value, limit.origin),
            );
        }
        (Fate::Unknown, Some(about), "the record does not say how large it was".to_owned())
    }
}

/// Whether nothing but capabilities can refuse a body.
fn body_matters_not(flags: &Flags) -> bool {
    !flags.restrict_directories.value && flags.upload_limit_mb.value == 0
}

fn refused(refusal: Option<&Refusal>) -> Verdict {
    let flag = refusal.and_then(|refusal| refusal.flag).and_then(About::named);
    (Fate::Refused, flag, refusal.map(|refusal| refusal.rule.clone()).unwrap_or_default())
}

fn transfer(bench: &Bench, ide: Ide, upload: bool, path: &str, bytes: u64) -> Outcome {
    let (capability, word) =
        if upload { (Capability::Upload, "upload") } else { (Capability::Download, "download") };
    let outcome = |after, flag: &str, why: String| Outcome {
        before: Fate::Passes,
        after,
        flag: flag.to_owned(),
        route: format!("{word} of a file"),
        why,
    };
    let flags = &bench.flags;
    if let Some(denial) = flags.denies_in(ide, capability) {
        return outcome(Fate::Refused, denial.about.name, denial.rule());
    }
    if let Some(limit) = flags.upload_limit().filter(|limit| upload && bytes > *limit) {
        let rule = format!("{bytes} bytes are more than {limit} ({})", flags.upload_limit_mb.origin);
        return outcome(Fate::Refused, flag::UPLOAD_LIMIT.name, rule);
    }
    if flags.restrict_directories.value {
        let tail = path.strip_prefix("~/").unwrap_or(path);
        let claim = PathClaim { tail: tail.trim_matches('/').to_owned(), absolute: tail.starts_with('/') };
        let led = bench.lead(flags, &claim);
        match (led.allowed, &led.resolved) {
            (Some(true), _) => {}
            (Some(false), Some(resolved)) => {
                return outcome(Fate::Refused, flag::DIRECTORIES.name, format!("{path} leads to {resolved}"));
            }
            _ => {
                let why = format!("{path} is not there any more, or not to be seen from here");
                return outcome(Fate::Unknown, flag::DIRECTORIES.name, why);
            }
        }
    }
    let strict = flags.audited().and_then(|strict| strict.denies_in(ide, capability));
    match strict {
        Some(denial) => outcome(Fate::Recorded, denial.about.name, format!("recorded: {}", denial.rule())),
        None => outcome(Fate::Passes, "", String::new()),
    }
}

fn start(settings: &Settings, (flags, held): (&Flags, &Held), ide: Ide, refused: bool) -> Outcome {
    let before = if refused { Fate::Refused } else { Fate::Passes };
    let outcome = |after, flag: &str, why| Outcome {
        before,
        after,
        flag: flag.to_owned(),
        route: format!("start of {}", ide.word()),
        why,
    };
    if let Some(why) = crate::doctor::switched_off(settings, ide) {
        return outcome(Fate::Refused, "", why);
    }
    let demanded = &settings.portcullis.minimum_level;
    match too_weak(ide, flags, demanded, held) {
        Some(Weak { flag, wanted, got, .. }) => {
            let why = format!("minimum-level={flag}:{}: it holds at {}", wanted.word(), got.word());
            outcome(Fate::Refused, flag, why)
        }
        None => outcome(Fate::Passes, "", String::new()),
    }
}
