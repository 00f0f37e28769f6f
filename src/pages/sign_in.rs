//! Sign-in, the further questions of PAM, and the page after signing out.

use askama::Template;
use portcullis_model::sign_in::PublicDenial;

use crate::words::count;
use crate::{Frame, autocomplete, render};

/// Name and password. The form posts `username`, `password`, `appUri` and, when ticked, `staySignedIn=1` to
/// `/auth-do-sign-in`.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage<'a> {
    /// Root path; `user` is ignored.
    pub frame: Frame<'a>,
    /// The host as the browser named it, so that a person sees where the password goes; empty to leave it out.
    pub host: &'a str,
    /// Where to go afterwards: a path of ours, checked by the caller.
    pub app_uri: &'a str,
    /// The name typed before, after a failure; empty at first.
    pub user_name: &'a str,
    /// Why nobody was let in, with the id that is also in the log.
    pub denied: Option<(PublicDenial, &'a str)>,
    /// Why the person sees this page again.
    pub notice: Option<Notice>,
    /// The offer to stay signed in; `None` where it has no effect or is switched off.
    pub stay: Option<StaySignedIn>,
    /// `login.html`: HTML that the administrator wrote, put below the form as it is. The policy still forbids its scripts.
    pub login_html: Option<&'a str>,
    /// True when the password would travel in clear text: no TLS, and the client is not this machine.
    pub unencrypted: bool,
    /// Whether there is a form for a name and a password.
    pub form: bool,
    /// Other ways in, each a button above the form.
    pub ways: &'a [Way],
}

/// Another way in than the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Where it leads, below the root path, with its query.
    pub path: String,
    /// What it is called, behind "Sign in".
    pub label: String,
}

/// The offer to stay signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaySignedIn {
    /// `auth-stay-signed-in-days`; counts when `idle_minutes` is 0.
    pub days: u64,
    /// `auth-timeout-minutes`; 0 when idleness ends nothing.
    pub idle_minutes: u64,
}

impl StaySignedIn {
    fn note(self) -> String {
        let days = count(self.days, "day");
        match self.idle_minutes {
            0 => format!("You stay signed in for {days}, also when the browser was closed."),
            idle => format!(
                "Also when the browser was closed. Without activity you are signed out after {} in any case.",
                count(idle, "minute")
            ),
        }
    }
}

/// Why a person sees the sign-in page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// They asked for a page that needs it.
    SignInFirst,
    /// No activity for so many minutes (`auth-timeout-minutes`).
    Idle(u64),
    /// The sign-in reached its longest life, or the server doesn't know it (any more).
    Expired,
    /// An administrator ended it.
    Revoked,
    /// The form waited too long, or its conversation was over: begin again.
    StartAgain,
    /// They went back from a further question.
    Cancelled,
    /// Their browser showed no ticket of Kerberos when it was asked for one.
    NoTicket,
    /// They are signed in, and change what lasts.
    Again,
}

impl Notice {
    fn text(self) -> String {
        match self {
            Self::SignInFirst => "Sign in to open this page.".to_owned(),
            Self::Idle(minutes) => format!(
                "You were signed out because there was no activity for {}. Your running sessions were kept.",
                count(minutes, "minute")
            ),
            Self::Expired => "Your sign-in has expired. Your running sessions were kept.".to_owned(),
            Self::Revoked => "An administrator ended your sign-in.".to_owned(),
            Self::StartAgain => {
                "This sign-in took too long or was already used. Please begin again.".to_owned()
            }
            Self::Cancelled => "Sign-in was cancelled.".to_owned(),
            Self::Again => "Say once more who you are: what you are about to change lasts.".to_owned(),
            Self::NoTicket => {
                "Your browser showed no Kerberos ticket for this server. It may have none, or has to be told to show it here."
                    .to_owned()
            }
        }
    }
}

impl SignInPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    const fn denial(&self) -> Option<(&'static str, &'static str)> {
        match self.denied {
            None => None,
            Some((PublicDenial::Refused, _)) => Some((
                "Not signed in",
                if self.form {
                    "User name or password is wrong, or this account may not sign in here."
                } else {
                    "This account may not sign in here, or the sign-in was not complete."
                },
            )),
            Some((PublicDenial::Busy, _)) if self.form => {
                Some(("Too many attempts", "Wait a minute, then try again. Your password was not checked."))
            }
            Some((PublicDenial::Busy, _)) => Some(("Too many attempts", "Wait a minute, then try again.")),
            Some((PublicDenial::Unavailable, _)) => Some((
                "Sign-in does not work at the moment",
                "The reason is on the server, not in what you typed. The administrator finds it under the id below.",
            )),
        }
    }
}

/// The way to a provider that takes requests by post: the form posts `SAMLRequest` and `RelayState` to it. A script presses the button.
#[derive(Debug, Clone, Template)]
#[template(path = "leave.html")]
pub struct LeavePage<'a> {
    /// Root path; `user` is ignored.
    pub frame: Frame<'a>,
    /// The provider's address, by https: checked by the caller, as is that the page's policy permits it.
    pub place: &'a str,
    /// The request, in base64.
    pub message: &'a str,
    /// What comes back unchanged.
    pub state: &'a str,
}

impl LeavePage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn host(&self) -> &str {
        self.place.trim_start_matches("https://").split(['/', '?']).next().unwrap_or_default()
    }
}

/// Further messages of PAM. The form posts `conversation` and one `answer` per prompt that wants one, in order, to
/// `/auth-continue`; the cancel button adds `cancel=1`.
#[derive(Debug, Clone, Template)]
#[template(path = "prompts.html")]
pub struct PromptsPage<'a> {
    /// Root path; `user` is ignored.
    pub frame: Frame<'a>,
    /// As in [`SignInPage`].
    pub host: &'a str,
    /// The name typed.
    pub user_name: &'a str,
    /// The conversation's opaque id.
    pub conversation: &'a str,
    /// What PAM asks and tells, in order.
    pub prompts: &'a [Prompt<'a>],
}

/// One message of PAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prompt<'a> {
    /// What kind.
    pub kind: PromptKind,
    /// The module's text.
    pub text: &'a str,
}

/// Kinds of PAM messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptKind {
    /// Wants an answer that is not shown.
    Hidden,
    /// Wants an answer that is shown.
    Shown,
    /// Tells something.
    Info,
    /// Tells of an error.
    Error,
    /// Wants a passkey's answer; the text has the options for the browser, as JSON.
    Passkey,
}

impl Prompt<'_> {
    fn label(&self) -> &str {
        let text = self.text.trim().trim_end_matches(':').trim_end();
        if text.is_empty() { "Answer" } else { text }
    }

    fn wants_answer(&self) -> bool {
        matches!(self.kind, PromptKind::Hidden | PromptKind::Shown | PromptKind::Passkey)
    }

    fn autocomplete(&self) -> &'static str {
        autocomplete::token(self.kind, self.text)
    }
}

impl PromptsPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn first_question(&self) -> Option<usize> {
        self.prompts.iter().position(Prompt::wants_answer)
    }

    fn is_first(&self, index: &usize) -> bool {
        self.first_question() == Some(*index)
    }

    fn title(&self) -> &'static str {
        if self.prompts.iter().any(|prompt| prompt.wants_answer() && prompt.autocomplete() == "new-password")
        {
            "Choose a new password"
        } else if self.first_question().is_some() {
            "One more step"
        } else {
            "Please read"
        }
    }
}

/// After signing out.
#[derive(Debug, Clone, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOutPage<'a> {
    /// Root path; `user` is ignored.
    pub frame: Frame<'a>,
    /// How many sessions of theirs still run.
    pub running: usize,
}

impl SignedOutPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn sessions(&self) -> String {
        match self.running {
            0 => "You have no running sessions.".to_owned(),
            1 => "One session of yours keeps running; you find it again when you sign in.".to_owned(),
            many => format!("{many} sessions of yours keep running; you find them again when you sign in."),
        }
    }
}
