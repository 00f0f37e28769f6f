//! The store's tests: one set on SQLite and on PostgreSQL, then what each can suffer alone. `cargo test -p portcullis-store --test
//! store`; needs PostgreSQL's programs and root, and says so where they are missing.
//!
//! The same program is the child that is killed while it writes (`sqlite::WRITER`).

mod accounts;
mod acts;
mod book;
mod changes;
mod factors;
mod groups;
mod keys;
mod many;
mod postgres;
mod sign_ins;
mod sqlite;

use std::process::ExitCode;

use libtest_mimic::Arguments;

/// Side by side: most of the time they wait for a disk.
const THREADS: usize = 4;

fn main() -> ExitCode {
    if let Some(folder) = std::env::var_os(sqlite::WRITER) {
        return sqlite::write_for_ever(folder.as_ref());
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let sets = [
        accounts::all(),
        acts::all(),
        groups::all(),
        sign_ins::all(),
        keys::all(),
        factors::all(),
        changes::all(),
        many::all(),
        sqlite::all(),
        postgres::all(),
    ];
    libtest_mimic::run(&arguments, sets.into_iter().flatten().collect()).exit_code()
}
