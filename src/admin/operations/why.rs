//! `portcullis session why-alive`: what keeps a session, and until when.

use anyhow::bail;
use clap::Args;
use portcullis_model::SessionId;
use portcullis_model::lifetime::{ClockState, Mark, Verdict, Warning};
use portcullis_wire::admin::{FromDaemon, ToDaemon, Which};
use serde_json::json;

use super::{Asking, sessions, which};
use crate::Answer;
use crate::exempt::span;
use crate::exit::Exit;
use crate::screen::{Cell, Column, Screen, Tone, short, table};

/// Which session.
#[derive(Debug, Args)]
pub(crate) struct WhyAlive {
    /// A session's id, or a person: all of theirs are told.
    #[arg(value_name = "ID|USER", value_parser = which)]
    which: Which,
    #[command(flatten)]
    asking: Asking,
}

impl WhyAlive {
    pub(crate) fn run(&self) -> anyhow::Result<Answer> {
        let ids: Vec<SessionId> = match &self.which {
            Which::Session(id) => vec![*id],
            other => sessions::ask(&self.asking, other.clone(), false)?.iter().map(|row| row.id).collect(),
        };
        if let (Which::User(user), true) = (&self.which, ids.is_empty()) {
            let complaint = format!("portcullis: there is no running session of `{user}`\n");
            return Ok(Answer { complaint, status: Exit::NoneSuch.code(), ..Answer::default() });
        }
        let mut all = Vec::new();
        for session in ids {
            let answer = self.asking.run_dir.ask(&ToDaemon::WhyAlive { session })?;
            let [FromDaemon::WhyAlive(why)] = answer.as_slice() else {
                bail!("the daemon answered something else")
            };
            all.push((**why).clone());
        }
        let text = if self.asking.json {
            format!("{}\n", serde_json::to_string_pretty(&all.iter().map(object).collect::<Vec<_>>())?)
        } else {
            let screen = Screen::of_output();
            all.iter().map(|why| told(why, screen)).collect::<Vec<_>>().join("\n")
        };
        Ok(Answer { text, ..Answer::default() })
    }
}

type Why = portcullis_model::lifetime::WhyAlive;

const COLUMNS: [Column; 5] = [
    Column { head: "CLOCK", right: false, spare: 0 },
    Column { head: "VALUE", right: true, spare: 1 },
    Column { head: "ENDS IT", right: false, spare: 0 },
    Column { head: "LAST RESET", right: false, spare: 2 },
    Column { head: "SET IN", right: false, spare: 3 },
];

fn told(why: &Why, screen: Screen) -> String {
    let Why { session, user, ide, state, now, started, .. } = why;
    let mut text = format!(
        "{session} {user} {ide}: {state} for {}\n{}\n\n",
        span(now.saturating_sub(*started)),
        verdict(why)
    );
    let cells: Vec<Vec<Cell>> = why.clocks.iter().map(|clock| cells(clock, *now)).collect();
    text += &table(&COLUMNS, &cells, screen);
    let seen: Vec<String> = why.signs.iter().map(|mark| sign(mark, *now)).collect();
    if !seen.is_empty() {
        text += &format!("\nseen: {}\n", seen.join(", "));
    }
    text
}

/// What is to happen, as a sentence.
fn verdict(why: &Why) -> String {
    let ahead = |at: u64| span(at.saturating_sub(why.now));
    match &why.verdict {
        Verdict::Keep { until: None, .. } => "no clock is set that would end it".to_owned(),
        Verdict::Keep { why: mark, until: Some(until) } => {
            let by = mark.as_ref().map_or_else(String::new, |mark| format!(" by {}", sign(mark, why.now)));
            format!("it is kept{by}, and ends in {} if nothing more is seen", ahead(*until))
        }
        Verdict::Warn(Warning { clock, at, suspends }) => {
            let what = if *suspends { "is suspended" } else { "ends" };
            format!("its owner is warned: it {what} in {} by {}", ahead(*at), clock.option())
        }
        Verdict::Suspend(_) => "its time is over: it is being suspended".to_owned(),
        Verdict::End(_) => "its time is over: it is being ended".to_owned(),
    }
}

fn sign(mark: &Mark, now: u64) -> String {
    format!("{} {} ago", mark.by.words(), short(now.saturating_sub(mark.at)))
}

fn cells(clock: &ClockState, now: u64) -> Vec<Cell> {
    let ends = match clock.at {
        None => "never".to_owned(),
        Some(at) => {
            let what = if clock.suspends { "suspends it in" } else { "in" };
            format!("{what} {}", short(at.saturating_sub(now)))
        }
    };
    let tone = if clock.at.is_some() { Tone::Plain } else { Tone::Good };
    vec![
        clock.option.clone().into(),
        clock.value.to_string().into(),
        Cell { text: ends, tone },
        sign(&clock.last, now).into(),
        clock.origin.clone().into(),
    ]
}

fn object(why: &Why) -> serde_json::Value {
    let mark = |mark: &Mark| json!({ "at": mark.at, "by": mark.by });
    let clock = |clock: &ClockState| {
        json!({
            "clock": clock.clock,
            "option": clock.option,
            "value": clock.value,
            "origin": clock.origin,
            "last": mark(&clock.last),
            "ends-at": clock.at,
            "suspends": clock.suspends,
        })
    };
    json!({
        "session": why.session.to_string(),
        "user": why.user,
        "ide": why.ide,
        "state": why.state,
        "now": why.now,
        "started": why.started,
        "verdict": why.verdict,
        "clocks": why.clocks.iter().map(clock).collect::<Vec<_>>(),
        "signs": why.signs.iter().map(mark).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use portcullis_model::lifetime::{Clock, Sign};

    use super::*;

    fn why(verdict: Verdict) -> Why {
        let last = Mark { at: 900, by: Sign::Kernel };
        let clock = |clock: Clock, value, at| ClockState {
            clock,
            option: clock.option().into(),
            value,
            origin: "rsession.conf:3".into(),
            last,
            at,
            suspends: false,
        };
        Why {
            session: SessionId::from_bytes([1; 8]),
            user: "alice".into(),
            ide: "jupyter".into(),
            state: "running".into(),
            now: 1_000,
            started: 400,
            verdict,
            clocks: vec![clock(Clock::Idle, 120, Some(8_100)), clock(Clock::MaximumAge, 0, None)],
            signs: vec![last],
        }
    }

    #[test]
    fn what_keeps_it_is_a_sentence_and_a_table() {
        let mark = Mark { at: 900, by: Sign::Kernel };
        let text = told(
            &why(Verdict::Keep { why: Some(mark), until: Some(8_100) }),
            Screen { width: None, colour: false },
        );
        let expected = "\
0101010101010101 alice jupyter: running for 10 min
it is kept by a busy kernel 1m ago, and ends in 1 h 58 min if nothing more is seen

CLOCK                    VALUE  ENDS IT   LAST RESET            SET IN
session-timeout-minutes    120  in 1h58m  a busy kernel 1m ago  rsession.conf:3
session-max-age-hours        0  never     a busy kernel 1m ago  rsession.conf:3

seen: a busy kernel 1m ago
";
        assert_eq!(text, expected);
        let warned = why(Verdict::Warn(Warning { clock: Clock::Idle, at: 1_090, suspends: true }));
        assert!(verdict(&warned).contains("is suspended in 1 min 30 s by session-timeout-minutes"));
        assert_eq!(object(&warned)["clocks"][0]["ends-at"], 8_100);
    }
}
