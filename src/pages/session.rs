//! The page while a session starts, and why one ended.

use askama::Template;
use portcullis_model::SessionId;
use portcullis_model::load::Whose;
use portcullis_model::session::{End, EndReason, Ide, Step};

use crate::{Frame, render, when, words};

/// Progress of a start. Address `/sessions/<id>`; `/sessions/<id>?live=1` when it renews itself (not a person's act). When the
/// session runs, answer that address with a redirect to `/s/<id>/`.
#[derive(Debug, Clone, Template)]
#[template(path = "starting.html")]
pub struct StartingPage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// Which session.
    pub id: SessionId,
    /// What it runs, as people call it.
    pub title: &'a str,
    /// The step under way.
    pub step: Step,
    /// Seconds since it was asked for.
    pub elapsed: u64,
    /// `session-start-timeout-seconds`.
    pub timeout: u64,
}

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Done,
    Now,
    Failed,
    Open,
}

impl Progress {
    const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Now => "now",
            Self::Failed => "failed",
            Self::Open => "open",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Now => "under way",
            Self::Failed => "failed",
            Self::Open => "not begun",
        }
    }
}

fn steps(current: Step, at_current: Progress) -> Vec<(&'static str, Progress)> {
    let progress = |step| match step {
        step if step < current => Progress::Done,
        step if step == current => at_current,
        _ => Progress::Open,
    };
    Step::ALL.into_iter().map(|step| (step.title(), progress(step))).collect()
}

impl StartingPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn steps(&self) -> Vec<(&'static str, Progress)> {
        steps(self.step, Progress::Now)
    }

    fn number(&self) -> usize {
        1 + Step::ALL.into_iter().position(|step| step == self.step).unwrap_or_default()
    }
}

/// Why a session ended or did not start. Address `/sessions/<id>`.
#[derive(Debug, Clone, Template)]
#[template(path = "ended.html")]
pub struct EndedPage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// Which session.
    pub id: SessionId,
    /// What it ran.
    pub ide: Ide,
    /// The same, as people call it.
    pub title: &'a str,
    /// How and why.
    pub end: &'a End,
    /// Seconds since 1970.
    pub now: u64,
    /// Whether the same IDE can be started again.
    pub restart: bool,
}

impl EndedPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn failed(&self) -> bool {
        matches!(self.end.why, EndReason::StartFailed(_))
    }

    fn steps(&self) -> Vec<(&'static str, Progress)> {
        self.end.step.map(|step| steps(step, Progress::Failed)).unwrap_or_default()
    }

    fn outcome(&self) -> &'static str {
        match (self.failed(), self.end.suspended) {
            (true, _) => "did not start",
            (false, true) => "is suspended",
            (false, false) => "has ended",
        }
    }

    fn why(&self) -> String {
        why(self.end).0
    }

    fn todo(&self) -> &'static str {
        why(self.end).1
    }

    fn ago(&self) -> String {
        when::ago(self.end.at, self.now)
    }

    fn rfc3339(&self) -> String {
        when::rfc3339(self.end.at)
    }
}

/// What happened, and what to do about it.
pub(crate) fn why(end: &End) -> (String, &'static str) {
    let (what, todo) = reason(&end.why);
    if end.suspended {
        let what = what.replace("so it was ended", "so it was suspended").replace("ended it", "suspended it");
        return (what, "Its state was saved. Resume it to go on where you were.");
    }
    (what, todo)
}

fn reason(reason: &EndReason) -> (String, &'static str) {
    match reason {
        EndReason::Stopped => ("You stopped it.".to_owned(), "Saved files are where they were."),
        EndReason::Idle(minutes) => (
            format!("Nobody used it for {}, so it was ended.", words::count(u64::from(*minutes), "minute")),
            "Saved files are where they were. Variables in memory are gone; run the notebook again.",
        ),
        EndReason::Disconnected(minutes) => (
            format!(
                "No browser was there for {}, and nothing was running, so it was ended.",
                words::count(u64::from(*minutes), "minute")
            ),
            "Saved files are where they were. Variables in memory are gone; run the notebook again.",
        ),
        EndReason::KillHours(hours) => (
            format!(
                "Nobody used it for {}, so it was ended with all that was running in it.",
                words::count(u64::from(*hours), "hour")
            ),
            "Saved files are where they were. A computation that takes longer needs somebody who looks after it now and then.",
        ),
        EndReason::MaximumAge(hours) => (
            format!(
                "It was {} old, and no session may get older here.",
                words::count(u64::from(*hours), "hour")
            ),
            "Saved files are where they were. Start a new one.",
        ),
        EndReason::Administrator(who) => (
            format!("An administrator (`{who}`) ended it."),
            "Ask the administrator if you don't know why. Saved files are where they were.",
        ),
        EndReason::Suspended => ("It was suspended.".to_owned(), "Start it again to go on where you were."),
        EndReason::StartFailed(text) => (
            words::sentence(text),
            "Try once more. If it fails again, send the administrator this page's id: it is also in the server's log.",
        ),
        EndReason::IdeExited(text) => (
            words::sentence(&format!("the IDE exited by itself: {text}")),
            "Saved files are where they were. If it happens again, the last lines below or the administrator can tell why.",
        ),
        EndReason::Killed => (
            "Its processes were killed from outside, for instance because the machine ran out of memory."
                .to_owned(),
            "Saved files are where they were. If it happens again, ask the administrator.",
        ),
        EndReason::OutOfMemory { whose, limit_mb } => (
            match whose {
                Whose::Session => format!("The system ended it because it used its {limit_mb} MB of memory."),
                Whose::User => {
                    format!(
                        "The system ended it because your sessions together used their {limit_mb} MB of memory."
                    )
                }
                Whose::Machine => "The system ended it because the machine had no memory left.".to_owned(),
            },
            "Saved files are where they were; what was in memory only is lost. Work on less at a time, or ask the administrator for \
             more memory.",
        ),
        EndReason::Membership => (
            "Your groups or your role changed, and a running session can't be held to the new rules."
                .to_owned(),
            "Start a new one: it has the rules of now. Saved files are where they were.",
        ),
        EndReason::Revoked => (
            "An administrator ended it.".to_owned(),
            "Ask the administrator if you don't know why. Saved files are where they were.",
        ),
    }
}
