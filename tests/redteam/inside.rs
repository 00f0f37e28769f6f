//! An attempt as code of a session: the agent in it is told what to try, and answers what came of it.

use anyhow::{Context, Result};
use portcullis_testing::{process, until};
use serde_json::{Value, json};

use crate::attempt::{Attempt, Evidence, Language};
use crate::field::{self, Field};
use crate::outcome::Outcome;
use crate::{evidence, plain};

/// What came of an attempt, and which records its session left.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) outcome: Outcome,
    pub(crate) records: Vec<Value>,
}

/// Tries it in a session of its own, which is ended afterwards.
pub(crate) fn attempt(field: &Field, attempt: &Attempt) -> Result<Tried> {
    let id = field.session()?;
    let mut outcome = order(field, &id, attempt);
    // The session is gone: for ways that aim at it that is the point, for others the end of the attempt by the kernel.
    if outcome.is_err() && !runs(field, &id) {
        outcome = Ok(Outcome::Escaped("the session is gone".into()));
    }
    let ended = field.end(&id)?;
    if attempt.evidence.contains(&Evidence::LeftOver) {
        outcome = outcome.map(|said| after_the_end(&id, said));
    }
    // Nothing has to name the control.
    let expected = field.confined
        && attempt.evidence.iter().any(|one| !matches!(one, Evidence::NotThere(_) | Evidence::Known(_)));
    let named = |records: &[Value]| !expected || evidence::find(attempt.evidence, records).is_some();
    // Who knocks at a session's door is refused in the own one.
    let ids = [id.as_str(), field.neighbour.as_str()];
    let of = if attempt.name == "listen" { &ids[..] } else { &ids[..1] };
    let mut records = field.records(of, named)?;
    if !records.contains(&ended) {
        records.push(ended);
    }
    Ok(Tried { outcome: outcome.unwrap_or_else(|error| Outcome::Broken(format!("{error:#}"))), records })
}

fn order(field: &Field, id: &str, attempt: &Attempt) -> Result<Outcome> {
    let program = plain::program(field, attempt);
    let language = match attempt.language {
        Language::Python => "python",
        Language::R => "r",
        // The agent only executes these.
        Language::C | Language::Shell | Language::Notebook => "program",
    };
    let order = json!({
        "language": language, "program": program, "way": attempt.name, "env": field.env(id, attempt)?
    });
    let answer = field.client.request("POST", &format!("/s/{id}/run")).json(&order).send()?.expect(200)?;
    Ok(Outcome::of(&serde_json::from_value(answer.json()?).context("the agent's answer is none")?))
}

fn runs(field: &Field, id: &str) -> bool {
    let asked = || field.client.get(&format!("/s/{id}/")).is_ok_and(|answer| answer.status == 200);
    // It may be on its way out.
    until::within("the session is gone", 3, || Ok((!asked()).then_some(()))).is_err()
}

/// What a process that was to stay came to.
fn after_the_end(id: &str, said: Outcome) -> Outcome {
    let Outcome::Escaped(words) = said else { return said };
    // What is always another process may be missed by one look.
    let mut left = Vec::new();
    let _ = until::within("something is left", 1, || {
        left = field::survives(id);
        Ok((!left.is_empty()).then_some(()))
    });
    for pid in &left {
        // It ends by itself in a minute; sooner is better.
        let _ = process::kill_hard(*pid);
    }
    if left.is_empty() {
        Outcome::Held(format!("{words}, and it ended with the session"))
    } else {
        Outcome::Escaped(format!("{words}, and it is there after the session"))
    }
}
