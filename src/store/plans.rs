//! Tests of what SQLite makes of our statements: each uses an index, and a disk without space is said.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use portcullis_model::account::{GroupRef, Identity, Provider, UniqueId};
use portcullis_model::factor::{Factor, FactorKind};
use portcullis_model::key::{ApiKey, NewKey, Scopes};
use portcullis_model::proof::Attributes;
use portcullis_model::role_rule::RoleRules;
use portcullis_model::sign_in::SignInEnd;
use portcullis_model::{FactorId, NodeId, SignInId};

use crate::accounts::acts::NewAccount;
use crate::{
    AccountChange, Config, Ended, Error, Listing, Look, Opening, Page, Place, Seen, Select, SignInRow, Store,
};

/// Every statement of this process' tests.
static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Tables that grow with people and time. What walks through one of them whole must be listed in [`WHOLE`].
const LARGE: &[&str] = &[
    "accounts",
    "groups",
    "memberships",
    "sync",
    "sign_ins",
    "api_keys",
    "factors",
    "spent",
    "looks",
    "changes",
    // As our statements call them.
    "a",
    "f",
    "g",
    "m",
];

/// What may: the beginning of the statement, and why.
const WHOLE: &[(&str, &str)] = &[
    (
        "SELECT COUNT(*) FROM accounts WHERE removed_at IS NULL",
        "the count of all, for a page that few look at",
    ),
    ("DELETE FROM factors WHERE confirmed = 0", "once an hour, and factors are few"),
];

pub(crate) fn said(sql: &str) {
    SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.to_owned());
}

fn opening(name: &str, groups: u32) -> Opening {
    let group = |at| GroupRef { name: format!("group {at}"), unique: None, dn: None };
    Opening {
        identity: identity(name),
        username: name.to_owned(),
        unix: name.parse().expect("a user name"),
        attributes: Attributes::default(),
        groups: (0..groups).map(group).collect(),
        register: true,
    }
}

fn identity(name: &str) -> Identity {
    let unique = UniqueId::try_from(name.as_bytes().to_vec()).expect("a unique id");
    Identity { provider: Provider::System, unique }
}

async fn store(folder: &std::path::Path) -> Store {
    let place = Place::Sqlite(folder.to_owned());
    let config = Config { place, node: NodeId::from_bytes([1; 16]), node_name: "one".to_owned() };
    Store::open(config).await.expect("a database")
}

/// Each method once; what they answer is tested elsewhere.
async fn everything(store: &Store) -> Result<(), Error> {
    let rules = RoleRules::default();
    let alice = store.open_account(&opening("alice", 5), &rules, 1000).await?.account;
    store.open_account(&opening("alice", 5), &rules, 1000).await?;
    store.open_account(&opening("alice", 2), &rules, 1000).await?;
    store.sync_account(&opening("alice", 3), &rules, 1000).await?;
    let bob = store.open_account(&opening("bob", 0), &rules, 1000).await?.account;
    let new = NewAccount {
        identity: identity("carol"),
        username: "carol".to_owned(),
        unix: "carol".parse().expect("a user name"),
        profile: Default::default(),
        role: None,
    };
    store.add_account(&new, "root", &rules, 1000).await?;
    store.owner_of(&bob.unix).await?;
    for select in [Select::Id(bob.id), Select::Name("bob".to_owned()), Select::Number(2)] {
        store.find(&select).await?;
    }
    let _ = store.find(&Select::Name("nobody".to_owned())).await;
    store.list(&Listing { matching: "a".to_owned(), ..Listing::default() }).await?;
    store.count().await?;
    let (a, b) = (Select::Id(alice.id), Select::Id(bob.id));
    store
        .alter(&b, &AccountChange { email: Some("b@x".to_owned()), ..Default::default() }, "root", false, 1)
        .await?;
    let id = SignInId::from_bytes([7; 16]);
    let row = SignInRow {
        id,
        account: bob.id,
        method: "pam".to_owned(),
        factors: String::new(),
        remote: std::net::IpAddr::from([192, 0, 2, 1]),
        agent: String::new(),
        node: "one".to_owned(),
        since: 1,
        until: 9000,
        seen: 1,
        ended: None,
        seal: vec![1],
    };
    store.began(&[row], 1000).await?;
    store.seen(&[Seen { id, seen: 5, until: 9001 }], 1000).await?;
    store.sign_ins(&[id]).await?;
    store.sign_ins_of(bob.id, 1).await?;
    store.sign_ins_elsewhere(bob.id, 1).await?;
    store.live_sign_ins(None, 1).await?;
    store.history(bob.id, None).await?;
    store
        .ended(
            &[Ended {
                id: SignInId::from_bytes([8; 16]),
                at: 5,
                why: SignInEnd::Revoked,
                unless_moved: false,
            }],
            1000,
        )
        .await?;
    store.mine(None).await?;
    store.revoke("alice", None, 5, 1000).await?;
    let made = NewKey::random().map_err(|error| Error::Broken(error.to_string()))?;
    let key = ApiKey {
        id: made.id,
        account: bob.id,
        name: "k".to_owned(),
        digest: made.digest,
        scopes: Scopes::default(),
        role_cap: bob.role,
        sources: Vec::new(),
        created: 1,
        until: None,
        last_used: None,
        ended: None,
        seal: vec![1],
    };
    store.add_key(&key, 1).await?;
    store.keys_used(&[(key.id, 5, std::net::IpAddr::from([192, 0, 2, 1]))], 5).await?;
    store.seal_keys(&[(key.id, vec![2])], 5).await?;
    store.keys_of(bob.id).await?;
    store.live_keys(None, 5).await?;
    store.keys(&[key.id]).await?;
    let group = store.add_group("ours", Some(bob.id), 1).await?;
    store.rename_group(group.id, "others", 1).await?;
    store.set_member(group.id, bob.id, true, 1).await?;
    store.set_member(group.id, bob.id, false, 1).await?;
    store.members(group.id, &Page { after: None, limit: 5 }).await?;
    store.groups(&Page { after: None, limit: 5 }).await?;
    store.owned(bob.id).await?;
    store.transfer(&b, &a, true, 1).await?;
    store.end_key(key.id, 5).await?;
    store.revoke_keys(&[bob.id], 5, 5).await?;
    store.remove_group(group.id, 1).await?;
    let factor = Factor {
        id: FactorId::from_bytes([3; 16]),
        account: bob.id,
        kind: FactorKind::Totp,
        name: String::new(),
        sealed: vec![1],
        credential: Vec::new(),
        counter: 0,
        step: 0,
        created: 1,
        last_used: None,
        confirmed: false,
    };
    store.add_factor(&factor, 1).await?;
    store.factors(bob.id).await?;
    store.accept_step(&factor, 5, 1).await?;
    store.accept_counter(&factor, 5, 1).await?;
    store.accept_code(&factor, &[2], 5, 1).await?;
    store.remove_factor(bob.id, factor.id, 1).await?;
    store.spend(b"id", 5, 1).await?;
    store.synced(bob.id, true, 5, 1).await?;
    store.due(5, 9).await?;
    let look =
        Look { account: bob.id, session: String::new(), by: String::new(), what: String::new(), at: 1 };
    store.looked(&look).await?;
    store.looks(bob.id).await?;
    store.beat("ring", 1, 1).await?;
    store.nodes().await?;
    store.lock(&b, "root", 5).await?;
    store.unlock(&b, 5).await?;
    store.remove(&b, false, 6).await?;
    let _ = store.open_account(&opening("bob", 0), &rules, 7).await;
    store.changes_from(0).next().await;
    for gone in [
        store.prune_sign_ins(1, 1).await,
        store.prune_spent(1).await,
        store.prune_looks(0, 1).await,
        store.prune_factors(0, 1).await,
        store.prune_changes(1).await,
    ] {
        gone?;
    }
    Ok(())
}

/// The table that a line of a plan walks through whole, if it does.
fn scanned(line: &str) -> Option<&str> {
    let table = line.strip_prefix("SCAN ")?.split(' ').next()?;
    // In the order of an index, behind a place in it, SQLite says SEARCH; SCAN with an index is still all of it.
    LARGE.contains(&table).then_some(table)
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path()).await;
    everything(&store).await.expect("each works");
    let statements = SAID.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let connection = rusqlite::Connection::open(folder.path().join("accounts.db")).expect("the database");
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for sql in statements {
        if !["SELECT", "UPDATE", "DELETE", "INSERT"].iter().any(|word| sql.starts_with(word))
            || sql.contains("sqlite_master")
            || WHOLE.iter().any(|(start, _)| sql.starts_with(start))
        {
            continue;
        }
        looked_at += 1;
        let plain = sql.replace('$', "?");
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {plain}")).expect("a plan");
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().expect("a row") {
            let line: String = row.get(3).expect("a line");
            if let Some(table) = scanned(&line) {
                wrong.push(format!("all of `{table}`: {sql}"));
            }
        }
    }
    assert!(looked_at > 80, "{looked_at} statements only: the record of them is broken");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_walk_through_a_table_is_seen() {
    assert_eq!(scanned("SCAN sign_ins"), Some("sign_ins"));
    assert_eq!(scanned("SCAN a USING INDEX accounts_username"), Some("a"));
    assert_eq!(scanned("SEARCH sign_ins USING INDEX sign_ins_account (account=?)"), None);
    assert_eq!(scanned("SCAN counters"), None);
}

#[tokio::test]
async fn a_full_disk_is_said_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path()).await;
    let rules = RoleRules::default();
    store.open_account(&opening("alice", 0), &rules, 1000).await.expect("room for one");
    let row = store.driver.read("PRAGMA page_count", &[]).await.expect("a number").one();
    let pages = row.expect("a row").int().expect("a number");
    let limit = |pages: i64| format!("PRAGMA max_page_count = {pages}");
    store.driver.read(&limit(pages + 2), &[]).await.expect("a limit");
    let mut fitted = 1;
    let full = loop {
        match store.open_account(&opening(&format!("user{fitted}"), 40), &rules, 1000).await {
            Ok(_) => fitted += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(&full, Error::Full(why) if why.contains("full")), "{full:?}");
    assert_eq!(store.count().await, Ok(fitted), "half an account was kept");
    store.driver.read(&limit(1_000_000), &[]).await.expect("a limit");
    store.open_account(&opening("late", 40), &rules, 1000).await.expect("room again");
}
