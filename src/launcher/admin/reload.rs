//! A reload that somebody asked for and waits for: read, judged, taken up by the server; told with every problem, and with what
//! takes effect only later.

use portcullis_conf::changes::changes;
use portcullis_conf::{Problem, Reload};
use portcullis_wire::admin::{ChangedOption, FromDaemon, LINES_MAX, Reloaded, TakesEffect};

use super::acts::{By, Doing};
use crate::launcher::Launcher;
use crate::text::{TEXT_MAX, printable};

/// Longest line of an answer, in characters: [`LINES_MAX`] of them fit in a message.
const LINE_MAX: usize = 400;

/// One under way.
#[derive(Debug)]
pub(super) struct Reloading {
    generation: u64,
    remarks: Vec<String>,
    changed: Vec<ChangedOption>,
    /// What the server said of it: `Ok` that it is in force, else why not.
    said: Option<Result<(), String>>,
}

impl Launcher {
    /// Reads the configuration again for root's command: `Some` is the answer already.
    pub(super) fn reload_for(&mut self, peer: u64, by: &By, now: std::time::Instant) -> Option<FromDaemon> {
        self.record_act("reload", String::new(), String::new(), by);
        match self.reload() {
            Err(problems) => {
                let problems = self.lines(&problems);
                Some(FromDaemon::Reloaded(Box::new(Reloaded::Refused { problems })))
            }
            Ok(generation) => {
                let before = self.before.last().map(|before| &before.settings);
                let changed = before.map_or_else(Vec::new, |before| changes(before, &self.active.settings));
                let changed = changed.into_iter().map(|change| ChangedOption {
                    file: change.file.name().to_owned(),
                    option: change.option.map_or("", |option| option.name).to_owned(),
                    takes_effect: match change.reload {
                        Reload::Hup => TakesEffect::Now,
                        Reload::NewSessions => TakesEffect::NewSessions,
                        Reload::Restart => TakesEffect::Restart,
                    },
                });
                let changed = changed.collect();
                let remarks = self.lines(&self.active.remarks);
                let reloading = Reloading { generation, remarks, changed, said: None };
                let request = self.admin.acts.number();
                self.admin.acts.begin(request, Some(peer), Doing::Reloads(reloading), now);
                None
            }
        }
    }

    /// What a server says of a configuration: those who wait for it are told with the next look.
    pub(crate) fn told_of_configuration(&mut self, generation: u64, said: &Result<(), String>) {
        for act in self.admin.acts.all.values_mut() {
            match &mut act.doing {
                Doing::Reloads(reloading) if reloading.generation == generation => {
                    reloading.said.get_or_insert_with(|| said.clone());
                }
                // A later one is in force: this one was, or never will be.
                Doing::Reloads(reloading) if reloading.generation < generation && said.is_ok() => {
                    reloading.said.get_or_insert(Ok(()));
                }
                _ => {}
            }
        }
    }

    /// The answer, once there is one.
    pub(super) fn reloaded(&self, reloading: &mut Reloading, late: bool) -> Option<Vec<FromDaemon>> {
        let Reloading { generation, remarks, changed, said } = reloading;
        let generation = *generation;
        let answer = match said.take() {
            Some(Ok(())) => Reloaded::InForce {
                generation,
                remarks: std::mem::take(remarks),
                changed: std::mem::take(changed),
            },
            Some(Err(why)) => Reloaded::Refused { problems: vec![why] },
            None if late => Reloaded::Unanswered { generation },
            None => return None,
        };
        Some(vec![FromDaemon::Reloaded(Box::new(answer))])
    }

    /// Problems as lines of an answer.
    fn lines(&self, problems: &[Problem]) -> Vec<String> {
        let line = |problem: &Problem| {
            let hint = problem.hint.as_ref().map_or_else(String::new, |hint| format!(" (hint: {hint})"));
            let line = printable(&format!("{}{hint}", problem.headline(&self.dirs.config)), TEXT_MAX);
            line.chars().take(LINE_MAX).collect()
        };
        problems.iter().take(LINES_MAX).map(line).collect()
    }
}
