//! What holds for every page, whatever text is in it.

#[path = "support/own_account.rs"]
mod own_account;
mod support;

use own_account::account;
use portcullis_model::SessionId;
use portcullis_model::lifetime::{Clock, Clocks, Warning};
use portcullis_model::load::{Killed, Load, Share, Used, Whose};
use portcullis_model::session::{End, EndReason, Ide, State, Step};
use portcullis_model::sign_in::PublicDenial;
use portcullis_pages::{
    Effect, EndedPage, Frame, HomePage, LeavePage, Level, Lifted, Notice, Prompt, PromptKind, PromptsPage,
    Recorded, RefusalPage, Restriction, Root, SessionCard, SignInPage, SignedOutPage, StartChoice,
    StartingPage, StaySignedIn, Way, assets,
};
use support::{Element, elements};

const ID: SessionId = SessionId::from_bytes([7; 8]);

/// What somebody could type, name a file, or make a PAM module or an IDE say.
const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onfocus='alert(1)' autofocus='",
    "</pre></main></body><form action=\"https://evil.example\">",
    "javascript:alert(1)//{{ 7*7 }}{% raw %}&lt;&amp;&#60;",
    "\u{202e}\u{0}<!-- ]]> -->",
];

/// Every page with `text` in every field that takes text.
fn pages(root: &Root, text: &str) -> Vec<(String, String)> {
    let frame = Frame { root, user: Some(text) };
    let mut pages = Vec::new();
    let mut add = |name: &str, html: String| pages.push((name.to_owned(), html));

    let sign_in = SignInPage {
        frame,
        host: text,
        app_uri: text,
        user_name: text,
        denied: None,
        notice: None,
        stay: None,
        login_html: None,
        unencrypted: true,
        form: true,
        ways: &[],
    };
    for denial in [PublicDenial::Refused, PublicDenial::Busy, PublicDenial::Unavailable] {
        add("denied", SignInPage { denied: Some((denial, text)), ..sign_in.clone() }.html());
    }
    let notices = [
        Notice::SignInFirst,
        Notice::Idle(1),
        Notice::Expired,
        Notice::Revoked,
        Notice::StartAgain,
        Notice::Cancelled,
        Notice::NoTicket,
    ];
    for notice in notices {
        let stay = Some(StaySignedIn { days: 1, idle_minutes: 60 });
        add("sign-in", SignInPage { notice: Some(notice), stay, ..sign_in.clone() }.html());
    }
    let ways = [Way { path: "/openid/begin?appUri=%2F".into(), label: text.into() }];
    for form in [true, false] {
        add("ways", SignInPage { form, ways: &ways, ..sign_in.clone() }.html());
        let denied = Some((PublicDenial::Busy, text));
        add("ways", SignInPage { form, denied, ways: &ways, ..sign_in.clone() }.html());
    }
    let place = "https://idp.example/sso?a=b&c=d";
    add("leave", LeavePage { frame, place, message: text, state: text }.html());
    let kinds =
        [PromptKind::Error, PromptKind::Info, PromptKind::Hidden, PromptKind::Shown, PromptKind::Hidden];
    let prompts = kinds.map(|kind| Prompt { kind, text });
    let page = PromptsPage { frame, host: text, user_name: text, conversation: text, prompts: &prompts };
    add("prompts", page.html());
    add("prompts-told", PromptsPage { prompts: &prompts[..2], ..page }.html());
    for running in 0..3 {
        add("signed-out", SignedOutPage { frame, running }.html());
    }

    let whys = [
        EndReason::Stopped,
        EndReason::Idle(1),
        EndReason::StartFailed(text.to_owned()),
        EndReason::IdeExited(text.to_owned()),
        EndReason::Killed,
        EndReason::OutOfMemory { whose: Whose::User, limit_mb: 64 },
        EndReason::Revoked,
        EndReason::Disconnected(2),
        EndReason::KillHours(3),
        EndReason::MaximumAge(1),
        EndReason::Administrator(text.to_owned()),
        EndReason::Suspended,
        EndReason::Membership,
    ];
    let output = vec![text.to_owned(), "two".to_owned()];
    let ends = whys.map(|why| End {
        why,
        step: Some(Step::StartIde),
        output: output.clone(),
        at: 5,
        suspended: false,
    });
    let states = [State::Launching(Step::Port), State::Running, State::Ending].into_iter();
    let states: Vec<_> = states.chain(ends.iter().cloned().map(State::Ended)).collect();
    let share = Some(Share { used: 99, limit: 100 });
    let used = Used { memory_mb: share, processes: share };
    let killed =
        Killed { program: text.to_owned(), pid: 7, at: 4, whose: Whose::Session, limit_mb: 64, count: 2 };
    let load = Load { session: used, user: used, killed: Some(killed) };
    let unheld = [text.to_owned()];
    let cards: Vec<_> = states
        .iter()
        .zip(0..)
        .map(|(state, number)| SessionCard {
            unheld: &unheld,
            id: SessionId::from_bytes([number; 8]),
            title: "JupyterLab",
            state,
            started: 3,
            last_activity: 4,
            load: &load,
            warning: Some(Warning { clock: Clock::Idle, at: 100_060, suspends: number % 2 == 0 }),
            resume: Some("rstudio"),
        })
        .collect();
    let mut effects = [Effect::Block, Effect::Audit].into_iter().cycle();
    let levels = [Level::None, Level::Ide, Level::Proxy, Level::Kernel];
    let restrictions = levels.map(|level| Restriction {
        flag: text,
        value: text,
        meaning: text,
        rule: text,
        effect: effects.next().expect("it goes on for ever"),
        level,
        remains: text,
    });
    let lifted = [None, Some(ID)].map(|session| Lifted { flag: text, session, reason: text, until: 103_600 });
    let home = HomePage {
        frame,
        now: 100_000,
        sessions: &cards,
        start: &[StartChoice { ide: Ide::Jupyter, title: "JupyterLab", unavailable: Some(text) }],
        problem: Some(text),
        restrictions: &restrictions,
        lifted: &lifted,
        consoles: Some(Recorded { shown_too: true, rule: text }),
        clocks: Clocks {
            idle_minutes: 1,
            disconnected_minutes: 2,
            kill_hours: 3,
            max_age_hours: 4,
            suspends: true,
        },
        administers: true,
    };
    add("home", home.html());
    let start = &[StartChoice { ide: Ide::Jupyter, title: "JupyterLab", unavailable: None }];
    add("home-start", HomePage { start, problem: None, ..home.clone() }.html());
    add(
        "home-empty",
        HomePage {
            sessions: &[],
            start: &[],
            restrictions: &[],
            lifted: &[],
            consoles: None,
            problem: None,
            ..home
        }
        .html(),
    );
    for step in Step::ALL {
        add(
            "starting",
            StartingPage { frame, id: ID, title: "JupyterLab", step, elapsed: 2, timeout: 60 }.html(),
        );
    }
    for end in &ends {
        add(
            "ended",
            EndedPage {
                frame,
                id: ID,
                ide: Ide::Jupyter,
                title: "JupyterLab",
                end,
                now: 7_205,
                restart: true,
            }
            .html(),
        );
    }
    for page in account(frame, text) {
        add("account", page);
    }
    for status in [400, 401, 403, 404, 405, 408, 410, 413, 414, 421, 429, 431, 500, 502, 503, 504, 599] {
        let bare = RefusalPage { frame, status, what: None, why: None, rule: None, todo: None, id: text };
        let full = RefusalPage {
            what: Some(text),
            why: Some(text),
            rule: Some(text),
            todo: Some(text),
            ..bare.clone()
        };
        add(&format!("refusal-{status}"), bare.html());
        add("refusal-full", full.html());
    }
    pages
}

/// Names of elements and attributes in order: what a text must never change.
fn structure(elements: &[Element]) -> Vec<String> {
    let names = |element: &Element| element.attributes.keys().cloned().collect::<Vec<_>>().join(" ");
    elements.iter().map(|element| format!("{} {}", element.name, names(element))).collect()
}

#[test]
fn no_text_becomes_markup() {
    let root = Root::new("/ide");
    let harmless = pages(&root, "harmless");
    for text in HOSTILE {
        for ((name, expected), (_, html)) in harmless.iter().zip(pages(&root, text)) {
            let found = elements(&html);
            assert_eq!(structure(&elements(expected)), structure(&found), "{name} with {text}");
            for element in &found {
                let told = |attribute: &str| element.get(attribute).unwrap_or_default();
                assert!(!told("href").contains("evil") && !told("action").contains("evil"), "{name}");
                assert!(
                    element.attributes.keys().all(|key| !key.starts_with("on") && key != "style"),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn a_text_arrives_as_it_is() {
    let html = pages(&Root::default(), HOSTILE[1]).swap_remove(0).1;
    let found = elements(&html);
    let field = |id: &str| found.iter().find(|element| element.get("id") == Some(id)).expect("the field");
    assert_eq!(field("username").get("value"), Some(HOSTILE[1]));
}

#[test]
fn only_the_administrators_html_is_taken_as_html() {
    let root = Root::default();
    let page = SignInPage {
        frame: Frame { root: &root, user: None },
        host: "",
        app_uri: "/",
        user_name: "",
        denied: None,
        notice: None,
        stay: None,
        login_html: Some("<p class=\"house\">Ask <b>us</b></p>"),
        unencrypted: false,
        form: true,
        ways: &[],
    };
    assert!(page.html().contains("<p class=\"house\">Ask <b>us</b></p>"));
}

#[test]
fn every_address_is_ours_and_below_the_root_path() {
    for prefix in ["", "/ide", "/a/b"] {
        let root = Root::new(prefix);
        for (name, html) in pages(&root, "text") {
            for element in elements(&html) {
                for attribute in
                    ["href", "src", "action", "data-events", "data-renew", "data-sign-in", "data-go"]
                {
                    let Some(address) = element.get(attribute) else { continue };
                    if element.attributes.contains_key("data-leave") && attribute == "action" {
                        assert_eq!((name.as_str(), address), ("leave", "https://idp.example/sso?a=b&c=d"));
                        continue; // the one form that goes elsewhere
                    }
                    let ours = address.starts_with(&format!("{prefix}/")) && !address.starts_with("//");
                    assert!(ours || address == "#content", "{name}: {attribute}={address}");
                    if let Some(path) = address.strip_prefix(&format!("{prefix}/static/")) {
                        assert!(assets().iter().any(|asset| asset.path == path), "{name}: {address}");
                    }
                }
                if element.get("http-equiv") == Some("refresh") {
                    let content = element.get("content").expect("what a refresh does");
                    assert!(content.contains(&format!(";url={prefix}/")), "{name}: {content}");
                    assert!(element.around.contains(&"noscript".to_owned()), "{name}");
                }
                if element.name == "form" {
                    assert_eq!(element.get("method"), Some("post"), "{name}");
                    assert!(element.get("action").is_some(), "{name}");
                }
                if element.name == "script" {
                    assert!(element.get("src").is_some() && element.text.is_empty(), "{name}");
                }
                assert_ne!(element.name, "style", "{name}");
                // A page that hides its origin sends `Origin: null` with its forms, which the server refuses.
                assert_ne!(element.get("name"), Some("referrer"), "{name}");
            }
        }
    }
}

#[test]
fn every_page_can_be_read_without_seeing_it() {
    for (name, html) in pages(&Root::default(), "text") {
        let found = elements(&html);
        let with =
            |tag: &str| found.iter().filter(|element| element.name == tag).cloned().collect::<Vec<_>>();
        assert_eq!(with("html")[0].get("lang"), Some("en"), "{name}");
        assert!(with("title")[0].text.len() > " · Portcullis".len(), "{name}");
        assert_eq!(with("h1").len(), 1, "{name}");
        assert_eq!(with("main").len(), 1, "{name}");
        let ids: Vec<_> = found.iter().filter_map(|element| element.get("id")).collect();
        for (at, id) in ids.iter().enumerate() {
            assert!(!ids[..at].contains(id), "{name}: two elements are {id}");
        }
        for element in &found {
            for attribute in ["for", "aria-describedby", "aria-labelledby", "data-reveal", "data-caps-lock"] {
                if let Some(id) = element.get(attribute) {
                    assert!(ids.contains(&id), "{name}: {attribute}={id} names nothing");
                }
            }
            match element.name.as_str() {
                "input" if element.get("type") != Some("hidden") && element.get("aria-hidden").is_none() => {
                    let id = element.get("id").expect("an id");
                    assert!(with("label").iter().any(|label| label.get("for") == Some(id)), "{name}: {id}");
                    assert!(element.get("autocomplete").is_some() || element.get("type") == Some("checkbox"));
                }
                "img" => assert!(element.get("alt").is_some(), "{name}"),
                "button" => assert!(element.get("type").is_some(), "{name}: a button without its kind"),
                _ => {}
            }
        }
        let focused = found.iter().filter(|element| element.get("autofocus").is_some()).count();
        assert!(focused <= 1, "{name}: {focused} autofocus");
    }
}

#[test]
fn errors_and_progress_are_announced() {
    for (name, html) in pages(&Root::default(), "text") {
        let roles: Vec<_> =
            elements(&html).iter().filter_map(|element| element.get("role").map(str::to_owned)).collect();
        let expected = match name.as_str() {
            "denied" | "home" => "alert",
            "sign-in" | "home-start" | "home-empty" | "starting" => "status",
            _ => continue,
        };
        assert!(roles.iter().any(|role| role == expected), "{name}: {roles:?}");
    }
}

#[test]
fn a_refusal_says_what_why_what_to_do_and_the_id() {
    for (name, html) in pages(&Root::default(), "the-id") {
        if name.starts_with("refusal-") && name != "refusal-full" {
            for heading in ["What happened", "Why", "What you can do", "the-id"] {
                assert!(html.contains(heading), "{name}: {heading}");
            }
        }
    }
}
