//! The whole of it: each way in a session whose flags must hold it, then all of them without a sandbox.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use portcullis_testing::Stage;

use crate::Cli;
use crate::attempt::{Attempt, Flags, Language};
use crate::control_group::Bound;
use crate::field::Field;
use crate::inside::{self, Tried};
use crate::outcome::Outcome;
use crate::report::{Report, Row};
use crate::sources::Sources;
use crate::{evidence, notebook, plain, table};

/// Sessions at a time: most of an attempt is waiting for a session to come and go, and for its records.
const WORKERS: usize = 4;

/// Tries everything.
pub(crate) fn everything(cli: &Cli) -> Result<Report> {
    let begun = Instant::now();
    let _bound = Bound::enter()?;
    let sources = Sources::compile()?;
    let wanted: Vec<&Attempt> = table::all()
        .filter(|one| cli.only.as_ref().is_none_or(|part| one.id().contains(part.as_str())))
        .collect();
    let stage = Stage::default();
    let mut confined = HashMap::new();
    for flags in Flags::ALL {
        let these: Vec<&Attempt> = wanted.iter().copied().filter(|one| one.flags == flags).collect();
        if these.is_empty() || cli.no_sandbox {
            continue;
        }
        match Field::build(&stage, &sources, Some(flags)) {
            Ok(field) => tried(&field, &these, &mut confined),
            Err(error) => {
                eprintln!("error: sessions of the kind `{}` can't be had: {error:#}", flags.name());
                confined.extend(these.iter().map(|one| (one.id(), broken(&error))));
            }
        }
    }
    let mut control = HashMap::new();
    if !wanted.is_empty() && !cli.no_control {
        let field =
            Field::build(&stage, &sources, None).context("sessions without a sandbox can't be had")?;
        tried(&field, &wanted, &mut control);
    }
    let rows =
        wanted.iter().map(|one| row(one, confined.remove(&one.id()), control.remove(&one.id()))).collect();
    Ok(Report {
        rows,
        seconds: begun.elapsed().as_secs(),
        complete: cli.only.is_none() && !cli.no_control && !cli.no_sandbox,
    })
}

fn tried(field: &Field, attempts: &[&Attempt], all: &mut HashMap<String, Tried>) {
    let (cells, others): (Vec<&Attempt>, Vec<&Attempt>) =
        attempts.iter().partition(|one| one.language == Language::Notebook);
    // Those that use the machine up are tried one after the other: they would be in the way of others, and measured wrongly.
    let (alone, beside): (Vec<&Attempt>, Vec<&Attempt>) =
        others.into_iter().partition(|one| one.flags == Flags::Limited);
    all.extend(side_by_side(field, &beside, WORKERS));
    all.extend(side_by_side(field, &alone, 1));
    if !cells.is_empty() {
        let outcomes = match notebook::attempts(field, &cells) {
            Ok(outcomes) => outcomes,
            Err(error) => cells.iter().map(|_| broken(&error)).collect(),
        };
        for (attempt, tried) in cells.iter().zip(outcomes) {
            told(field, attempt, &tried);
            all.insert(attempt.id(), tried);
        }
    }
}

/// Tries them, so many at a time. Each has a session, and targets, of its own.
fn side_by_side(field: &Field, attempts: &[&Attempt], workers: usize) -> Vec<(String, Tried)> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(attempt) = attempts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = if !field.confined && attempt.plain {
                plain::attempt(field, attempt).map(|outcome| Tried { outcome, records: Vec::new() })
            } else {
                inside::attempt(field, attempt)
            };
            let tried = outcome.unwrap_or_else(|error| broken(&error));
            told(field, attempt, &tried);
            done.lock().expect("no worker panics holding it").push((attempt.id(), tried));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    done.into_inner().expect("no worker panics holding it")
}

/// A run takes minutes: what has come of it so far is told on the way.
fn told(field: &Field, attempt: &Attempt, tried: &Tried) {
    let kind = if field.confined { attempt.flags.name() } else { "control" };
    let word = match &tried.outcome {
        Outcome::Escaped(_) => "succeeded",
        Outcome::Held(_) if !field.confined => "refused",
        Outcome::Held(_) => match evidence::find(attempt.evidence, &tried.records) {
            Some(_) => "refused and named",
            None => "refused",
        },
        Outcome::Broken(_) => "could not be tried",
    };
    eprintln!("{kind}: {}: {word}: {}", attempt.id(), tried.outcome.words());
}

fn broken(error: &anyhow::Error) -> Tried {
    Tried { outcome: Outcome::Broken(format!("{error:#}")), records: Vec::new() }
}

fn row(attempt: &Attempt, confined: Option<Tried>, control: Option<Tried>) -> Row {
    let record =
        confined.as_ref().and_then(|tried| evidence::find(attempt.evidence, &tried.records).cloned());
    let near = confined.as_ref().map(|tried| tried.records.clone()).unwrap_or_default();
    Row {
        id: attempt.id(),
        title: attempt.title,
        language: attempt.language,
        flags: attempt.flags,
        sandbox: confined.map(|tried| tried.outcome),
        not_there: evidence::not_there(attempt.evidence),
        known: evidence::known(attempt.evidence),
        instead: if record.is_none() { near } else { Vec::new() },
        record,
        control: control.map(|tried| tried.outcome),
    }
}
