//! `portcullis reload`, `offline`, `online`: what the daemon as a whole is told.

use anyhow::bail;
use clap::Args;
use portcullis_wire::admin::{ChangedOption, FromDaemon, Reloaded, TakesEffect, ToDaemon};
use serde_json::json;

use super::{Asking, administrator};
use crate::Answer;
use crate::exit::Exit;
use crate::layout::printable;
use crate::screen::count;

/// Longest line shown of a daemon's answer.
const LINE: usize = 500;

/// The arguments of `offline`.
#[derive(Debug, Args)]
pub(crate) struct Offline {
    /// What people read, such as when to come back.
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    message: String,
    /// Suspend sessions: RStudio's save their state, unless something runs in them; others are asked to end.
    #[arg(long)]
    suspend: bool,
    #[command(flatten)]
    asking: Asking,
}

impl Offline {
    pub(crate) fn run(&self) -> anyhow::Result<Answer> {
        let question =
            ToDaemon::GoOffline { message: self.message.clone(), suspend: self.suspend, by: administrator() };
        let answer = self.asking.run_dir.ask(&question)?;
        let [FromDaemon::Offline { already, suspends }] = answer.as_slice() else {
            bail!("the daemon answered something else")
        };
        let text = if self.asking.json {
            format!("{}\n", json!({ "offline": true, "already": already, "suspends": suspends }))
        } else {
            let what =
                if *already { "was offline already; the message is the new one" } else { "nobody is let in" };
            let sessions = match (self.suspend, suspends) {
                (false, _) => "; sessions go on".to_owned(),
                (true, number) => {
                    format!("; {} asked to suspend", count((*number).into(), "session is", "sessions are"))
                }
            };
            format!("{what}{sessions}\n`portcullis online` lets people in again\n")
        };
        Ok(Answer { text, ..Answer::default() })
    }
}

/// `online`.
pub(crate) fn online(asking: &Asking) -> anyhow::Result<Answer> {
    let answer = asking.run_dir.ask(&ToDaemon::GoOnline { by: administrator() })?;
    let [FromDaemon::Offline { already, .. }] = answer.as_slice() else {
        bail!("the daemon answered something else")
    };
    let text = if asking.json {
        format!("{}\n", json!({ "offline": false, "already": already }))
    } else if *already {
        "was online already\n".to_owned()
    } else {
        "people are let in again\n".to_owned()
    };
    Ok(Answer { text, ..Answer::default() })
}

/// `reload`.
pub(crate) fn reload(asking: &Asking) -> anyhow::Result<Answer> {
    let answer = asking.run_dir.ask(&ToDaemon::Reload { by: administrator() })?;
    let [FromDaemon::Reloaded(reloaded)] = answer.as_slice() else {
        bail!("the daemon answered something else")
    };
    let exit = match **reloaded {
        Reloaded::InForce { .. } => Exit::Done,
        Reloaded::Refused { .. } => Exit::Configuration,
        Reloaded::Unanswered { .. } => Exit::NotNow,
    };
    if asking.json {
        let text = format!("{}\n", object(reloaded));
        return Ok(Answer { text, status: exit.code(), ..Answer::default() });
    }
    let (text, complaint) = told(reloaded);
    Ok(Answer { text, complaint, status: exit.code() })
}

/// For the output, and for the standard error.
fn told(reloaded: &Reloaded) -> (String, String) {
    let lines = |lines: &[String]| {
        lines.iter().map(|line| format!("{}\n", printable(line, LINE))).collect::<String>()
    };
    match reloaded {
        Reloaded::InForce { generation, remarks, changed } => {
            let mut text = format!("configuration {generation} is in force\n");
            if changed.is_empty() {
                text += "no option is another than before\n";
            }
            for (effect, words) in [
                (TakesEffect::Now, "in force now"),
                (TakesEffect::NewSessions, "for sessions started from now on"),
                (TakesEffect::Restart, "NOT before a restart (`portcullis restart`: sessions go on)"),
            ] {
                let names: Vec<String> =
                    changed.iter().filter(|one| one.takes_effect == effect).map(name).collect();
                if !names.is_empty() {
                    text += &format!("{words}: {}\n", names.join(", "));
                }
            }
            (text, lines(remarks))
        }
        Reloaded::Refused { problems } => {
            let verdict = "portcullis: the new configuration is not used; the old one stays in force\n";
            (String::new(), lines(problems) + verdict)
        }
        Reloaded::Unanswered { generation } => {
            let text = format!(
                "portcullis: the server has not taken configuration {generation} up yet; the log says when it has\n"
            );
            (String::new(), text)
        }
    }
}

fn name(changed: &ChangedOption) -> String {
    if changed.option.is_empty() {
        changed.file.clone()
    } else {
        format!("{} ({})", changed.option, changed.file)
    }
}

fn object(reloaded: &Reloaded) -> serde_json::Value {
    let option = |one: &ChangedOption| {
        let effect = match one.takes_effect {
            TakesEffect::Now => "now",
            TakesEffect::NewSessions => "new-sessions",
            TakesEffect::Restart => "restart",
        };
        json!({ "file": one.file, "option": one.option, "takes-effect": effect })
    };
    match reloaded {
        Reloaded::InForce { generation, remarks, changed } => json!({
            "outcome": "in-force",
            "generation": generation,
            "remarks": remarks,
            "changed": changed.iter().map(option).collect::<Vec<_>>(),
        }),
        Reloaded::Refused { problems } => json!({ "outcome": "refused", "problems": problems }),
        Reloaded::Unanswered { generation } => json!({ "outcome": "unanswered", "generation": generation }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(option: &str, takes_effect: TakesEffect) -> ChangedOption {
        ChangedOption { file: "rsession.conf".into(), option: option.into(), takes_effect }
    }

    #[test]
    fn what_takes_effect_when_is_said() {
        let reloaded = Reloaded::InForce {
            generation: 3,
            remarks: vec!["rsession.conf:1: note".into()],
            changed: vec![
                changed("allow-shell", TakesEffect::Now),
                changed("max-memory-mb", TakesEffect::NewSessions),
                changed("www-port", TakesEffect::Restart),
                ChangedOption {
                    file: "ip-rules".into(),
                    option: String::new(),
                    takes_effect: TakesEffect::Now,
                },
            ],
        };
        let (text, complaint) = told(&reloaded);
        assert!(text.contains("in force now: allow-shell (rsession.conf), ip-rules\n"), "{text}");
        assert!(text.contains("from now on: max-memory-mb"), "{text}");
        assert!(text.contains("NOT before a restart") && text.contains(": www-port"), "{text}");
        assert_eq!(complaint, "rsession.conf:1: note\n");
        assert_eq!(object(&reloaded)["changed"][2]["takes-effect"], "restart");
    }

    #[test]
    fn problems_are_complaints() {
        let (text, complaint) = told(&Reloaded::Refused { problems: vec!["a:1: \u{1b}[31mwrong".into()] });
        assert!(
            text.is_empty() && complaint.contains("old one stays") && !complaint.contains('\u{1b}'),
            "{complaint}"
        );
    }
}
