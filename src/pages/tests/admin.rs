//! What holds for every page for administrators, whatever people, IDEs and logs say in it.

mod support;

use portcullis_model::account::Role;
use portcullis_model::session::State;
use portcullis_model::{SessionId, SignInId};
use portcullis_pages::admin::{
    AdminFrame, AdminSessionsPage, AuditPage, AuditRow, EndPersonPage, EndSessionPage, Fact, OverviewPage,
    PeoplePage, PersonRow, Plot, Scale, SearchWords, SessionRow, SignInRow, Tab, UserRow, UsersPage,
};
use portcullis_pages::{Frame, Root};
use support::elements;

const NOW: u64 = 1_800_000_000;
const HOSTILE: [&str; 3] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onfocus='alert(1)' href='https://evil.example",
];

fn pages(root: &Root, text: &str, live: bool) -> Vec<(&'static str, String)> {
    let frame = Frame { root, user: Some(text) };
    let admin = |tab| AdminFrame { tab, live, acts: true, said: Some(text), now: NOW };
    let facts = [Fact { wrong: true, ..Fact::new("Records", text) }];
    let samples = (0..100).map(|minute| (NOW - 60 * minute, minute * 7));
    let plots = [Plot::new("Processors", "processor", Scale::Share, samples, NOW)];
    let overview = OverviewPage {
        frame,
        admin: admin(Tab::Overview),
        people: &facts,
        machine: &facts,
        daemon: &facts,
        plots: &plots,
    };
    let id = SessionId::from_bytes([7; 8]);
    let session = SessionRow {
        id,
        user: text,
        title: text,
        state: &State::Running,
        started: NOW - 100,
        last_activity: NOW - 10,
        processor: Some(150),
        memory: None,
        transfers: [1, 0],
        bytes: [1500, 0],
        refusals: 3,
    };
    let sessions = AdminSessionsPage { frame, admin: admin(Tab::Sessions), sessions: &[session], user: text };
    let sign_in = SignInId::from_bytes([9; 16]);
    let row = SignInRow { id: sign_in, remote: text.to_owned(), since: NOW - 5, until: NOW + 500, own: true };
    let person = PersonRow { user: text, sign_ins: vec![row], sessions: 2 };
    let people = PeoplePage { frame, admin: admin(Tab::People), people: &[person] };
    let end = EndSessionPage {
        frame,
        admin: admin(Tab::Sessions),
        id,
        user: text,
        title: text,
        suspends: true,
        token: text,
    };
    let end_person = |sign_in| EndPersonPage {
        frame,
        admin: admin(Tab::People),
        user: text,
        sign_in,
        sign_ins: 1,
        sessions: 2,
        own: true,
        token: text,
    };
    let user = UserRow {
        id: text.to_owned(),
        number: 7,
        username: text.to_owned(),
        unix: "alice".to_owned(),
        called: text.to_owned(),
        provider: text.to_owned(),
        role: Role::Publisher,
        reason: text.to_owned(),
        locked: Some((NOW - 5, text.to_owned())),
        last_sign_in: None,
        own: false,
    };
    let open = UserRow { locked: None, last_sign_in: Some(NOW - 60), own: true, number: 8, ..user.clone() };
    let users = [user, open];
    let users = UsersPage {
        frame,
        admin: admin(Tab::Users),
        token: text,
        users: &users,
        matching: text,
        only_live: true,
        more: true,
        problem: None,
    };
    let no_users = UsersPage { users: &[], problem: Some(text), ..users.clone() };
    let words = SearchWords { user: text, event: text, session: text, from: text, until: text, text };
    let found = [AuditRow { seq: 7, time: text, event: text, user: text, session: text, text }];
    let audit = AuditPage {
        frame,
        admin: admin(Tab::Audit),
        words,
        found: Some(&found),
        more: Some(7),
        stopped: true,
        unreadable: 1,
        problem: Some(text),
    };
    vec![
        ("overview", overview.html()),
        ("sessions", sessions.html()),
        ("people", people.html()),
        ("end session", end.html()),
        ("end sign-in", end_person(Some((sign_in, text))).html()),
        ("revoke", end_person(None).html()),
        ("audit", audit.html()),
        ("users", users.html()),
        ("no users", no_users.html()),
    ]
}

#[test]
fn no_text_becomes_markup() {
    let root = Root::new("/ide");
    let structure = |html: &str| elements(html).into_iter().map(|one| one.name).collect::<Vec<_>>();
    let harmless = pages(&root, "harmless", true);
    for text in HOSTILE {
        for ((name, expected), (_, html)) in harmless.iter().zip(pages(&root, text, true)) {
            assert_eq!(structure(expected), structure(&html), "{name} with {text}");
            for element in elements(&html) {
                assert!(
                    element.attributes.keys().all(|key| !key.starts_with("on") && key != "style"),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn every_address_is_below_the_root_path_and_what_acts_is_posted_with_a_token() {
    for prefix in ["", "/ide"] {
        for (name, html) in pages(&Root::new(prefix), "text", true) {
            let found = elements(&html);
            for element in &found {
                assert!(element.name != "h2" || element.around.contains(&"main".to_owned()), "{name}");
                for attribute in ["href", "src", "action"] {
                    let Some(address) = element.get(attribute) else { continue };
                    let ours = address.starts_with(&format!("{prefix}/")) && !address.starts_with("//");
                    assert!(ours || address == "#content" || address.starts_with('?'), "{name}: {address}");
                }
                if element.name == "form" && element.get("method") == Some("get") {
                    let place = element.get("action").and_then(|to| to.strip_prefix(prefix));
                    assert!(matches!(place, Some("/admin/audit" | "/admin/users")), "{name}: {place:?}");
                }
                assert_ne!(element.name, "style", "{name}");
            }
            let is_act = |to: &str| to.ends_with("/end") || to.ends_with("/act");
            let acts = found.iter().filter(|one| one.get("action").is_some_and(is_act)).count();
            let tokens = found.iter().filter(|one| one.get("name") == Some("token")).count();
            assert_eq!(acts, tokens, "{name}");
        }
    }
}

#[test]
fn a_page_renews_itself_only_when_it_was_asked_to_and_says_how_to_stop() {
    for (name, html) in pages(&Root::default(), "text", false) {
        assert!(!html.contains("http-equiv"), "{name}");
    }
    for (name, html) in pages(&Root::default(), "text", true) {
        assert_eq!(html.contains("http-equiv"), html.contains("?live=0"), "{name}");
    }
}

#[test]
fn every_page_can_be_read_without_seeing_it() {
    for (name, html) in pages(&Root::default(), "text", false) {
        let found = elements(&html);
        let with = |tag: &str| found.iter().filter(|element| element.name == tag).count();
        assert_eq!((with("h1"), with("main"), with("nav")), (1, 1, 1), "{name}");
        let ids: Vec<&str> = found.iter().filter_map(|element| element.get("id")).collect();
        for (at, id) in ids.iter().enumerate() {
            assert!(!ids[..at].contains(id), "{name}: two elements are {id}");
        }
        for element in &found {
            for attribute in ["for", "aria-describedby", "aria-labelledby"] {
                for id in element.get(attribute).unwrap_or_default().split_whitespace() {
                    assert!(ids.contains(&id), "{name}: {attribute}={id} names nothing");
                }
            }
            let shown =
                matches!(element.name.as_str(), "input" | "select") && element.get("type") != Some("hidden");
            if shown {
                let id = element.get("id").expect("a field has a name");
                assert!(found.iter().any(|one| one.get("for") == Some(id)), "{name}: {id} has no label");
            }
            if element.name == "svg" {
                assert!(element.get("aria-labelledby").is_some(), "{name}");
            }
            if element.name == "th" {
                assert!(element.get("scope").is_some(), "{name}");
            }
        }
    }
}
