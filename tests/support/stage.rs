//! One test's frame: builds its worlds, and adds their end checks to the test's own outcome.

use std::cell::Cell;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use libtest_mimic::{Completion, Failed, Trial};

use crate::book::Book;
use crate::builder::Builder;
use crate::place;

/// Handed to each test.
#[derive(Debug, Default)]
pub struct Stage {
    found: Arc<Mutex<Found>>,
    book: Book,
}

thread_local! {
    /// What the tests that this thread makes at the moment are given, see [`on_both`].
    static BOOK: Cell<Book> = const { Cell::new(Book::Sqlite) };
}

/// What the end checks of a test's worlds found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) problems: Vec<String>,
    pub(crate) logs: Vec<String>,
}

/// What a test says in its error when it can't run here.
#[derive(Debug)]
struct Skip(String);

impl std::fmt::Display for Skip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

/// Ends a test as skipped, with the reason.
///
/// # Errors
/// Always: that is how it ends the test.
pub fn skip<T>(why: impl Into<String>) -> Result<T> {
    Err(Skip(why.into()).into())
}

impl Stage {
    /// A new world, to be configured and started.
    pub fn world(&self) -> Builder {
        Builder::new(Arc::clone(&self.found), self.book)
    }

    /// What the end checks of its worlds found so far, for whoever is no test.
    ///
    /// # Panics
    /// Never: nobody panics holding it.
    pub fn problems(&self) -> Vec<String> {
        self.found.lock().expect("nobody panics holding it").problems.clone()
    }
}

/// How the name of a test ends whose worlds keep their accounts in PostgreSQL.
const POSTGRESQL: &str = "::postgresql";

/// A set of tests on both databases: as they are, and each once more with PostgreSQL behind all its worlds. The tests `but` say nothing
/// else on the other one and stay single.
///
/// # Panics
/// When the set has no test of a name in `but`: what is left out would not be what was meant.
pub fn on_both(set: fn() -> Vec<Trial>, but: &[&str]) -> Vec<Trial> {
    let mut all = set();
    for name in but {
        assert!(all.iter().any(|one| one.name() == *name), "no test `{name}`");
    }
    BOOK.set(Book::Postgresql);
    let again = set();
    BOOK.set(Book::Sqlite);
    let stays_single =
        |one: &Trial| one.name().strip_suffix(POSTGRESQL).is_some_and(|name| but.contains(&name));
    all.extend(again.into_iter().filter(|one| !stays_single(one)));
    all
}

/// Makes a test of a function; `name` says what it protects.
pub fn case(name: &str, body: impl FnOnce(&Stage) -> Result<()> + Send + 'static) -> Trial {
    let book = BOOK.get();
    let name = match book {
        Book::Sqlite => name.to_owned(),
        Book::Postgresql => format!("{name}{POSTGRESQL}"),
    };
    Trial::ignorable_test(name, move || {
        if !place::isolated() {
            return Ok(Completion::ignored_with("needs the namespaces of `cargo xtask test`"));
        }
        let stage = Stage { book, ..Stage::default() };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body(&stage)));
        let found = std::mem::take(&mut *stage.found.lock().expect("no test thread died holding it"));
        let mut text = match outcome {
            Ok(Ok(())) => String::new(),
            Ok(Err(error)) => match error.downcast_ref::<Skip>() {
                Some(skip) => return Ok(Completion::ignored_with(skip)),
                None => format!("{error:#}"),
            },
            Err(panic) => panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_else(|| "it panicked".into()),
        };
        for problem in &found.problems {
            text.push_str("\nend check: ");
            text.push_str(problem);
        }
        if text.is_empty() {
            return Ok(Completion::Completed);
        }
        for log in &found.logs {
            text.push_str("\n--- log\n");
            text.push_str(log);
        }
        Err(Failed::from(text))
    })
}
