//! 10,000 people and 100,000 sign-ins: what a person waits for does not take longer for it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use portcullis_model::account::{Identity, Provider, UniqueId};
use portcullis_store::{Ended, Listing, Opening, Select};

use crate::book::{Book, Kind, Trials, WHY, both, group, person, plain, row};

/// How long anything may take that somebody waits for: a hundred times what it takes with an index on this machine, a tenth of
/// what a look through 100,000 rows and a disk that is busy would.
const LONGEST: Duration = Duration::from_millis(500);

pub(crate) fn all() -> Trials {
    both!("many": a_large_book_is_as_quick_as_a_small_one)
}

/// SQL of an id: 32 digits that end with the number.
fn id(number: &str) -> String {
    let digits = format!("CAST({number} AS TEXT)");
    format!("substr('{}' || {digits}, length({digits}) + 1, 32)", "0".repeat(32))
}

fn fill(book: &Book) -> Result<()> {
    let (bytes, none) = match book.kind {
        Kind::Lite(_) => ("CAST('uid of user' || i AS BLOB)", "X''"),
        Kind::Pg(_) => ("convert_to('uid of user' || i, 'UTF8')", "''::bytea"),
    };
    book.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         INSERT INTO accounts (id, number, provider, unique_id, username, unix_name, first_name, last_name, email, \
         display, role, role_rule, role_value, role_place, role_fixed, created, epoch) \
         SELECT {}, i, 'system', {bytes}, 'user' || i, 'user' || i, '', '', '', '', \
         CASE WHEN i = 1 THEN 'administrator' ELSE 'viewer' END, 'default', '', '', 0, 1, 0 FROM n",
        id("i")
    ))?;
    // Ten each; half of them ended.
    book.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) \
         INSERT INTO sign_ins (id, account, method, factors, remote, agent, node, since, until_at, seen, ended_at, why, seal) \
         SELECT {}, {}, 'pam', '', '192.0.2.1', 'a browser', 'one', i, 100000000, i, \
         CASE WHEN i % 2 = 0 THEN i ELSE NULL END, CASE WHEN i % 2 = 0 THEN 'expired' ELSE NULL END, {none} FROM n",
        id("i"),
        id("(i % 10000 + 1)")
    ))?;
    book.sql("UPDATE counters SET value = 10000 WHERE name = 'account'")?;
    // As the databases' own housekeeping does after a while.
    book.sql("ANALYZE").map(drop)
}

async fn a_large_book_is_as_quick_as_a_small_one(book: Book) -> Result<()> {
    fill(&book)?;
    let store = &book.store;
    ensure!(store.count().await? == 10_000);
    let mut slow = Vec::new();
    macro_rules! timed {
        ($what:literal, $work:expr) => {{
            // The best of three, or of ten where the machine is busy: what is measured is the query, not what else it does.
            let mut best = Duration::MAX;
            let mut last = None;
            for run in 0..10 {
                if run > 2 && best <= LONGEST {
                    break;
                }
                let began = Instant::now();
                last = Some($work.await?);
                best = best.min(began.elapsed());
            }
            if best > LONGEST {
                slow.push(format!("{}: {best:?}", $what));
            }
            last.expect("it ran")
        }};
    }
    let unique = UniqueId::try_from(b"uid of user7777".to_vec())?;
    let identity = Identity { provider: Provider::System, unique };
    let who = Opening { identity: identity.clone(), ..person("user7777") };
    let opened = timed!("a sign-in", store.open_account(&who, &plain(), 2000));
    ensure!(!opened.made && opened.account.number == 7777, "{opened:?}");
    let groups = Opening { groups: (0..500).map(|at| group(&format!("group {at}"))).collect(), ..who };
    ensure!(
        timed!("a sign-in with 500 groups", store.open_account(&groups, &plain(), 2000)).account.groups.len()
            == 500
    );
    let account = opened.account.id;
    // Number 7777 has those whose number ends with 7776: even ones, which ended.
    ensure!(timed!("live sign-ins of one", store.sign_ins_of(account, 2000)).is_empty());
    ensure!(timed!("history of one", store.history(account, None)).len() == 10);
    timed!("a page of the living", store.live_sign_ins(None, 2000));
    timed!("a sign-in's row", store.began(&[row(account, 5_000_000)], 2000));
    timed!(
        "an end",
        store.ended(
            &[Ended { id: row(account, 5_000_000).id, at: 3000, why: WHY, unless_moved: false }],
            3000
        )
    );
    timed!("a search", store.list(&Listing { matching: "user999".to_owned(), ..Listing::default() }));
    timed!("a find", store.find(&Select::Name("user5000".to_owned())));
    timed!("a lock", store.lock(&Select::Number(5000), "root", 3000));
    timed!("an unlock", store.unlock(&Select::Number(5000), 3000));
    timed!("a look for changes", store.revision());
    ensure!(slow.is_empty(), "{slow:?}");
    Ok(())
}
