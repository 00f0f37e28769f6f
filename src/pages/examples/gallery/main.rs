//! Writes an example of every page, with the assets beside them, into a directory: `cargo run -p portcullis-pages --example gallery -- DIR`.
//!
//! For looking at them. The files are to be served from the root of a web server, since their addresses are absolute.

mod account;

use std::path::Path;

use portcullis_model::SessionId;
use portcullis_model::lifetime::{Clock, Clocks, Warning};
use portcullis_model::load::{Killed, Load, Share, Used, Whose};
use portcullis_model::session::{End, EndReason, Ide, State, Step};
use portcullis_model::sign_in::PublicDenial;
use portcullis_pages::{
    Effect, EndedPage, Frame, HomePage, Level, Lifted, Notice, Prompt, PromptKind, PromptsPage, Recorded,
    RefusalPage, Restriction, Root, SessionCard, SignInPage, SignedOutPage, StartChoice, StartingPage,
    StaySignedIn, Way, assets,
};

const NOW: u64 = 1_790_000_000;

fn sign_in(frame: Frame<'_>) -> Vec<(&'static str, String)> {
    let plain = SignInPage {
        frame,
        host: "ide.example.org",
        app_uri: "/",
        user_name: "",
        denied: None,
        notice: None,
        stay: None,
        login_html: None,
        unencrypted: false,
        form: true,
        ways: &[],
    };
    let denied = SignInPage {
        user_name: "alice",
        denied: Some((PublicDenial::Refused, "5f0c2a91d3b84e76")),
        stay: Some(StaySignedIn { days: 30, idle_minutes: 60 }),
        login_html: Some(
            "<p>Accounts: <a href=\"/help\">service desk</a>, extension 4711. Use is logged.</p>",
        ),
        ..plain.clone()
    };
    let busy = SignInPage {
        user_name: "alice",
        denied: Some((PublicDenial::Busy, "5f0c2a91d3b84e77")),
        ..plain.clone()
    };
    let unavailable = SignInPage {
        denied: Some((PublicDenial::Unavailable, "5f0c2a91d3b84e78")),
        unencrypted: true,
        ..plain.clone()
    };
    let notice = SignInPage { notice: Some(Notice::Idle(60)), ..plain.clone() };
    let ways =
        ["at idp.example.org", "at saml.university.example.org", "with this computer's Kerberos ticket"]
            .map(|label| Way { path: "/openid/begin?appUri=%2F".into(), label: label.into() });
    let beside = SignInPage { ways: &ways, ..plain.clone() };
    let instead = SignInPage { ways: &ways[..1], form: false, ..plain.clone() };
    let prompt = |kind, text| Prompt { kind, text };
    let code = [
        prompt(PromptKind::Info, "Your last sign-in was from 192.0.2.7 on Monday."),
        prompt(PromptKind::Shown, "Verification code: "),
    ];
    let factor = [
        prompt(PromptKind::Shown, "Code of your authenticator app, or a recovery code"),
        prompt(PromptKind::Passkey, "{}"),
    ];
    let wrong = [
        prompt(
            PromptKind::Error,
            "That was not right, or was used already. Wait for the next code, then try again.",
        ),
        prompt(PromptKind::Shown, "Recovery code, if you have lost your passkey"),
        prompt(PromptKind::Passkey, "{}"),
    ];
    let change = [
        prompt(
            PromptKind::Error,
            "You are required to change your password immediately (administrator enforced).",
        ),
        prompt(PromptKind::Hidden, "Current password: "),
        prompt(PromptKind::Hidden, "New password: "),
        prompt(PromptKind::Hidden, "Retype new password: "),
    ];
    let prompts = |prompts: &[Prompt<'_>]| {
        PromptsPage { frame, host: "ide.example.org", user_name: "alice", conversation: "c0ffee", prompts }
            .html()
    };
    vec![
        ("sign-in", plain.html()),
        ("sign-in-denied", denied.html()),
        ("sign-in-busy", busy.html()),
        ("sign-in-unavailable", unavailable.html()),
        ("sign-in-notice", notice.html()),
        ("sign-in-beside", beside.html()),
        ("sign-in-instead", instead.html()),
        ("prompts-code", prompts(&code)),
        ("prompts-factor", prompts(&factor)),
        ("prompts-factor-wrong", prompts(&wrong)),
        ("prompts-password", prompts(&change)),
        ("prompts-info", prompts(&code[..1])),
        ("signed-out", SignedOutPage { frame, running: 2 }.html()),
    ]
}

fn home(frame: Frame<'_>) -> Vec<(&'static str, String)> {
    let ended = State::Ended(End {
        why: EndReason::Idle(120),
        step: None,
        output: Vec::new(),
        at: NOW - 90_000,
        suspended: false,
    });
    let states = [
        (State::Running, 7_400, 30),
        (State::Launching(Step::StartIde), 2, 2),
        (State::Ending, 90_000, 300),
        (ended, 180_000, 100_000),
    ];
    let used = |memory, processes| Used {
        memory_mb: Some(Share { used: memory, limit: 2048 }),
        processes: Some(Share { used: processes, limit: 200 }),
    };
    let near = Load { session: used(1946, 57), user: Used::default(), killed: None };
    let killed = Killed {
        program: "python3".into(),
        pid: 41_172,
        at: NOW - 240,
        whose: Whose::Session,
        limit_mb: 2048,
        count: 1,
    };
    let ended_one = Load { session: used(612, 41), user: used(1204, 190), killed: Some(killed) };
    let loads = [near.clone(), Load::default(), Load::default(), Load::default()];
    let running = State::Running;
    let near_cards: Vec<_> = [&near, &ended_one]
        .into_iter()
        .zip(1u8..)
        .map(|(load, number)| SessionCard {
            id: SessionId::from_bytes([0x3b, number, 0x5c, 0x91, 7, 0xee, 0x42, 0xd0]),
            title: if number == 1 { "JupyterLab" } else { "VS Code" },
            state: &running,
            started: NOW - 7_400 * u64::from(number),
            last_activity: NOW - 30,
            load,
            warning: None,
            unheld: &[],
            resume: None,
        })
        .collect();
    let cards: Vec<_> = states
        .iter()
        .zip(1u8..)
        .map(|((state, started, used), number)| SessionCard {
            id: SessionId::from_bytes([0x3a, number, 0x5c, 0x91, 7, 0xee, 0x42, 0xd0]),
            title: "JupyterLab",
            state,
            started: NOW - started,
            last_activity: NOW - used,
            load: &loads[usize::from(number) - 1],
            warning: None,
            unheld: &[],
            resume: None,
        })
        .collect();
    let restriction = |flag, value, meaning, rule, level| Restriction {
        flag,
        value,
        meaning,
        rule,
        effect: Effect::Block,
        level,
        remains: "Code in a notebook can still start programs as you.",
    };
    let restrictions = [
        restriction("allow-shell", "0", "Terminals can't be opened.", "rsession.conf:3", Level::Proxy),
        restriction(
            "allow-file-downloads",
            "0",
            "Files can't be downloaded to your computer.",
            "profiles:12 [@students]",
            Level::Proxy,
        ),
        restriction(
            "limit-file-upload-size-mb",
            "50",
            "Files larger than 50 MB can't be uploaded.",
            "rsession.conf:9",
            Level::Proxy,
        ),
    ];
    let lifted = [Lifted {
        flag: "allow-vcs",
        session: None,
        reason: "Course on version control, ticket 4711.",
        until: NOW + 2 * 3600,
    }];
    let full = HomePage {
        frame,
        now: NOW,
        sessions: &cards,
        start: &[StartChoice { ide: Ide::Jupyter, title: "JupyterLab", unavailable: None }],
        problem: None,
        restrictions: &restrictions,
        lifted: &lifted,
        consoles: Some(Recorded { shown_too: false, rule: "rserver.conf:12" }),
        clocks: Clocks { idle_minutes: 120, suspends: true, ..Clocks::default() },
        administers: true,
    };
    let why = "You have 3 sessions, as many as this server allows. Stop one first.";
    let limited = HomePage {
        sessions: &cards[..1],
        start: &[StartChoice { ide: Ide::Jupyter, title: "JupyterLab", unavailable: Some(why) }],
        problem: Some(
            "All 40 ports of the range 40000-40039 are in use. Try again later or tell the administrator.",
        ),
        ..full.clone()
    };
    let empty = HomePage {
        sessions: &[],
        restrictions: &[],
        lifted: &[],
        consoles: None,
        clocks: Clocks::default(),
        administers: false,
        ..full.clone()
    };
    let loaded = HomePage { sessions: &near_cards, ..empty.clone() };
    let suspended = State::Ended(End {
        why: EndReason::Idle(120),
        step: None,
        output: Vec::new(),
        at: NOW - 900,
        suspended: true,
    });
    let warning = |clock, left, suspends| Some(Warning { clock, at: NOW + left, suspends });
    let ending_cards = [
        SessionCard { warning: warning(Clock::Idle, 272, false), load: &loads[1], ..near_cards[0] },
        SessionCard { warning: warning(Clock::MaximumAge, 59, false), load: &loads[1], ..near_cards[1] },
        SessionCard { title: "RStudio", state: &suspended, resume: Some("rstudio"), ..cards[3] },
    ];
    let clocks = Clocks {
        idle_minutes: 120,
        disconnected_minutes: 30,
        kill_hours: 48,
        max_age_hours: 168,
        suspends: true,
    };
    let ending = HomePage { sessions: &ending_cards, clocks, ..empty.clone() };
    vec![
        ("home-near-limits", loaded.html()),
        ("home-ending", ending.html()),
        ("home", full.html()),
        ("home-limited", limited.html()),
        ("home-empty", empty.html()),
    ]
}

fn session(frame: Frame<'_>) -> Vec<(&'static str, String)> {
    let id = SessionId::from_bytes([0x3a, 2, 0x5c, 0x91, 7, 0xee, 0x42, 0xd0]);
    let starting =
        StartingPage { frame, id, title: "JupyterLab", step: Step::StartIde, elapsed: 2, timeout: 60 };
    let output = [
        "Traceback (most recent call last):",
        "  File \"/opt/jupyter/bin/jupyter-lab\", line 5, in <module>",
        "    from jupyterlab.labapp import main",
        "ModuleNotFoundError: No module named 'jupyterlab'",
    ];
    let failed = End {
        why: EndReason::StartFailed(
            "`/opt/jupyter/bin/jupyter-lab` exited with status 1 before it answered.".into(),
        ),
        step: Some(Step::Answer),
        output: output.map(str::to_owned).to_vec(),
        at: NOW - 5,
        suspended: false,
    };
    let idle =
        End { why: EndReason::Idle(120), step: None, output: Vec::new(), at: NOW - 4_000, suspended: false };
    let memory = End {
        why: EndReason::OutOfMemory { whose: Whose::Session, limit_mb: 2048 },
        step: None,
        output: vec!["[I 2026-11-21 14:02:11 ServerApp] Saving file at /big.ipynb".into()],
        at: NOW - 40,
        suspended: false,
    };
    let ended = |end| {
        EndedPage { frame, id, ide: Ide::Jupyter, title: "JupyterLab", end, now: NOW, restart: true }.html()
    };
    vec![
        ("starting", starting.html()),
        ("failed", ended(&failed)),
        ("ended", ended(&idle)),
        ("ended-memory", ended(&memory)),
    ]
}

fn refusals(frame: Frame<'_>) -> Vec<(String, String)> {
    let page = RefusalPage {
        frame,
        status: 403,
        what: None,
        why: None,
        rule: None,
        todo: None,
        id: "9d1e44c0a7b2f358",
    };
    let mut pages: Vec<_> = [400, 401, 403, 404, 410, 413, 421, 429, 431, 500, 502, 503]
        .into_iter()
        .map(|status| (format!("refusal-{status}"), RefusalPage { status, ..page.clone() }.html()))
        .collect();
    let flag = RefusalPage {
        what: Some("The terminal was not opened."),
        why: Some("Terminals are switched off for you on this server."),
        rule: Some("allow-shell=0 (rsession.conf:3)"),
        ..page.clone()
    };
    pages.push(("refusal-flag".to_owned(), flag.html()));
    pages
}

fn main() -> std::io::Result<()> {
    let dir = std::env::args().nth(1).ok_or_else(|| std::io::Error::other("usage: gallery DIR"))?;
    let dir = Path::new(&dir);
    std::fs::create_dir_all(dir.join("static"))?;
    for asset in assets() {
        std::fs::write(dir.join("static").join(&asset.path), asset.bytes)?;
    }
    let root = Root::default();
    let out = Frame { root: &root, user: None };
    let inside = Frame { root: &root, user: Some("alice") };
    let own = [account::account(inside), account::factors(inside), account::keys(inside)].concat();
    let named = [sign_in(out), home(inside), session(inside), own, account::users(inside)].concat();
    let pages = named.into_iter().map(|(name, html)| (name.to_owned(), html)).chain(refusals(inside));
    for (name, html) in pages {
        std::fs::write(dir.join(name + ".html"), html)?;
    }
    Ok(())
}
