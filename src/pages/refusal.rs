//! What was not done, why, and what a person can do.

use askama::Template;

use crate::{Frame, render};

/// A refusal or an error. Fields left `None` get the text that fits the status.
#[derive(Debug, Clone, Template)]
#[template(path = "refusal.html")]
pub struct RefusalPage<'a> {
    /// Root path and, when known, who.
    pub frame: Frame<'a>,
    /// The HTTP status it goes with.
    pub status: u16,
    /// What happened, one sentence.
    pub what: Option<&'a str>,
    /// Why; nothing when `what` is given and says it.
    pub why: Option<&'a str>,
    /// The rule behind it: `allow-shell=0 (rsession.conf:3)`.
    pub rule: Option<&'a str>,
    /// What the person can do.
    pub todo: Option<&'a str>,
    /// The id that is also in the log.
    pub id: &'a str,
}

/// Title, what, why, what to do.
type Texts = (&'static str, &'static str, &'static str, &'static str);

const BACK: &str = "Go back and try again; if it happens again, send the administrator the id below.";

const fn texts(status: u16) -> Texts {
    match status {
        400 => (
            "Bad request",
            "The server could not read this request.",
            "It is incomplete or not of the form that HTTP prescribes.",
            BACK,
        ),
        401 => (
            "Please sign in",
            "You are not signed in, or not any more.",
            "This address is for signed-in people only.",
            "Sign in; your running sessions were kept.",
        ),
        403 => (
            "Not allowed",
            "This server does not allow this.",
            "A rule of the server's configuration refuses it.",
            "If you need it for your work, ask the administrator and name the rule and the id below.",
        ),
        404 => (
            "Not found",
            "There is nothing at this address, or nothing of yours.",
            "The session may have ended, or the address is mistyped.",
            "Your sessions are on the home page.",
        ),
        405 => (
            "Not possible this way",
            "This address does not know this method.",
            "A form or a program asked in the wrong way.",
            BACK,
        ),
        408 => {
            ("Too slow", "The request did not arrive in time.", "The connection was too slow or broke.", BACK)
        }
        410 => (
            "This session has ended",
            "The session behind this address is gone.",
            "It was stopped, or nobody used it for a while.",
            "Start a new one on the home page; saved files are where they were.",
        ),
        413 => (
            "Too large",
            "What you sent is larger than this server accepts.",
            "The server limits the size of uploads.",
            "Send a smaller file, or ask the administrator to raise the limit.",
        ),
        414 | 431 => (
            "Request too large",
            "The address or the headers of this request are too long.",
            "The server limits them; a browser with very many cookies for this host can exceed it.",
            "Delete this site's cookies and try again.",
        ),
        421 => (
            "Wrong server name",
            "This server does not answer for the name in the address.",
            "The name in the address is not one that the server's configuration lists.",
            "Use the address that the administrator gave you.",
        ),
        429 => (
            "Too many requests",
            "There were too many requests in a short time.",
            "The server protects itself and other people.",
            "Wait a minute, then try again.",
        ),
        502 => (
            "The session does not answer",
            "The server reached your session, but got no valid answer.",
            "The IDE may be overloaded, starting or about to end.",
            "Reload in a few seconds. If it stays so, stop the session on the home page and start a new one.",
        ),
        503 => (
            "Not available now",
            "The server can't do this at the moment.",
            "It is starting, stopping or at one of its limits.",
            "Try again in a minute. Your running sessions are kept.",
        ),
        504 => (
            "The session takes too long",
            "Your session did not answer in time.",
            "The IDE may be overloaded.",
            "Reload in a minute. If it stays so, stop the session on the home page and start a new one.",
        ),
        _ => (
            "Something went wrong",
            "The server failed to do this.",
            "The reason is on the server, not with you.",
            "Try again; if it happens again, send the administrator the id below.",
        ),
    }
}

impl RefusalPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    const fn title(&self) -> &'static str {
        texts(self.status).0
    }

    fn what(&self) -> &str {
        self.what.unwrap_or(texts(self.status).1)
    }

    /// The status's own reason stands only beside the status's own sentence: another sentence has said why.
    fn why(&self) -> Option<&str> {
        self.why.or_else(|| self.what.is_none().then_some(texts(self.status).2))
    }

    fn todo(&self) -> &str {
        self.todo.unwrap_or(texts(self.status).3)
    }
}
