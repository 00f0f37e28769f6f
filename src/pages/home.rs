//! Home: your sessions, what you can start, what this server restricts.

use askama::Template;
use portcullis_model::SessionId;
use portcullis_model::lifetime::{Clocks, Warning};
use portcullis_model::load::Load;
use portcullis_model::session::{Ide, Session, State};

use crate::ending::{self, EndNotice};
use crate::load::{self, Meter};
use crate::restriction::{Lifted, Restriction};
use crate::{Frame, render, session, when, words};

/// The page after signing in. Starts are posted as `ide=<word>` to `/sessions`, stops to `/sessions/<id>/stop`,
/// signing out to `/auth-sign-out`. Address `/`, and `/?live=1` when the page renews itself (not a person's act).
#[derive(Debug, Clone, Template)]
#[template(path = "home.html")]
pub struct HomePage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// Seconds since 1970.
    pub now: u64,
    /// Their sessions; the page puts live ones first, newest first.
    pub sessions: &'a [SessionCard<'a>],
    /// What can be started, or why not.
    pub start: &'a [StartChoice<'a>],
    /// Why the last start did not begin (ports exhausted, too many …), for its owner.
    pub problem: Option<&'a str>,
    /// What this server restricts for this person.
    pub restrictions: &'a [Restriction<'a>],
    /// What is lifted for this person for a while.
    pub lifted: &'a [Lifted<'a>],
    /// Whether this person's consoles are recorded.
    pub consoles: Option<Recorded<'a>>,
    /// When this person's sessions end by themselves.
    pub clocks: Clocks,
    /// Whether they are shown the way to the pages for administrators.
    pub administers: bool,
}

/// A session as its owner sees it.
#[derive(Debug, Clone, Copy)]
pub struct SessionCard<'a> {
    /// Its id.
    pub id: SessionId,
    /// What it runs, as people call it.
    pub title: &'a str,
    /// Where it is in its life.
    pub state: &'a State,
    /// Seconds since 1970.
    pub started: u64,
    /// The last act of a person, in seconds since 1970.
    pub last_activity: u64,
    /// What it uses of its limits.
    pub load: &'a Load,
    /// That it will end.
    pub warning: Option<Warning>,
    /// Options that its owner's groups set since it was started, and that the kernel doesn't hold in it.
    pub unheld: &'a [String],
    /// The IDE's word, when it is suspended and can be resumed.
    pub resume: Option<&'a str>,
}

impl SessionCard<'_> {
    /// What the kernel doesn't hold in it, a sentence; `None` where it holds all that it should.
    fn loose(&self) -> Option<String> {
        let names: Vec<String> = self.unheld.iter().map(|name| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| {
            format!(
                "Your groups changed since it was started. The pages keep to the new rules; the system holds it to the old ones still \
                 ({}). Start a new one to have both.",
                names.join(", ")
            )
        })
    }
}

impl<'a> From<&'a Session> for SessionCard<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            id: session.id,
            title: session.ide.title(),
            state: &session.state,
            started: session.started,
            last_activity: session.last_activity,
            load: &session.load,
            warning: session.warning,
            unheld: &session.unheld,
            resume: None,
        }
    }
}

/// This person's consoles are recorded: whoever is recorded is told so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded<'a> {
    /// What is shown too (`all`), not only what is typed and run (`input`).
    pub shown_too: bool,
    /// Where it is set: `rserver.conf:3`.
    pub rule: &'a str,
}

/// An IDE that could be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartChoice<'a> {
    /// Which.
    pub ide: Ide,
    /// What people call it.
    pub title: &'a str,
    /// Why it can't be started now; `None` when it can.
    pub unavailable: Option<&'a str>,
}

/// A time on a card.
struct Moment {
    label: &'static str,
    rfc3339: String,
    ago: String,
}

impl SessionCard<'_> {
    fn word(&self) -> &'static str {
        words::state(self.state)
    }

    fn state_title(&self) -> &'static str {
        words::state_title(self.state)
    }

    /// Only what runs uses anything.
    fn meters(&self) -> Vec<Meter> {
        if matches!(self.state, State::Running) { load::meters(self.load) } else { Vec::new() }
    }

    fn is_near(&self) -> bool {
        self.meters().iter().any(|meter| meter.warning.is_some())
    }

    /// The process that the kernel ended last, and when.
    fn killed(&self, now: u64) -> Option<(String, Moment)> {
        let killed = self.load.killed.as_ref().filter(|_| matches!(self.state, State::Running))?;
        let moment =
            Moment { label: "Noticed", rfc3339: when::rfc3339(killed.at), ago: when::ago(killed.at, now) };
        Some((load::killed_in_full(killed), moment))
    }

    /// That it will end, and how much time is left.
    fn notice(&self, now: u64) -> Option<EndNotice> {
        self.warning
            .filter(|_| matches!(self.state, State::Running))
            .map(|warning| EndNotice::of(&warning, now))
    }

    fn why_ended(&self) -> Option<String> {
        match self.state {
            State::Ended(end) => Some(session::why(end).0),
            State::Launching(_) | State::Running | State::Ending => None,
        }
    }
}

impl HomePage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn ordered(&self) -> Vec<SessionCard<'_>> {
        let mut cards = self.sessions.to_vec();
        cards.sort_by_key(|card| (!card.state.is_live(), std::cmp::Reverse(card.started)));
        cards
    }

    fn changing(&self) -> bool {
        self.sessions.iter().any(|card| matches!(card.state, State::Launching(_) | State::Ending))
    }

    /// Every state in one sentence, so that a screen reader says what changed.
    fn summary(&self) -> String {
        let words = [
            ("running", "running"),
            ("launching", "starting"),
            ("ending", "stopping"),
            ("suspended", "suspended"),
        ];
        let counted = words.into_iter().filter_map(|(word, title)| {
            match self.sessions.iter().filter(|card| card.word() == word).count() {
                0 => None,
                number => Some(format!("{number} {title}")),
            }
        });
        let near = match self.sessions.iter().filter(|card| card.is_near()).count() {
            0 => "",
            1 => " One is close to a limit.",
            _ => " Some are close to a limit.",
        };
        let ends = match self.sessions.iter().filter(|card| card.notice(self.now).is_some()).count() {
            0 => "",
            1 => " One will end soon.",
            _ => " Some will end soon.",
        };
        match counted.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "You have no running session.".to_owned(),
            some => format!("Sessions: {some}.{near}{ends}"),
        }
    }

    fn stoppable(&self, card: &SessionCard<'_>) -> bool {
        matches!(card.state, State::Running | State::Launching(_))
    }

    fn moments(&self, card: &SessionCard<'_>) -> [Moment; 2] {
        let moment = |label, at| Moment { label, rfc3339: when::rfc3339(at), ago: when::ago(at, self.now) };
        let last = match card.state {
            State::Ended(end) => moment("Ended", end.at),
            State::Launching(_) | State::Running | State::Ending => moment("Last used", card.last_activity),
        };
        [moment("Started", card.started), last]
    }

    fn consoles_note(&self) -> Option<String> {
        let Recorded { shown_too, rule } = self.consoles?;
        let (what, value) = if shown_too { (", and what they show,", "all") } else { ("", "input") };
        Some(format!(
            "What you run and type in consoles, notebooks and terminals{what} is recorded here: the administrator has set \
             `audit-r-console={value}` ({rule})."
        ))
    }

    fn rules_of_life(&self) -> Vec<String> {
        ending::rules(&self.clocks)
    }
}
