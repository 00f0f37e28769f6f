//! Asking before something of somebody else's is ended.

use askama::Template;
use portcullis_model::{SessionId, SignInId};

use super::AdminFrame;
use crate::{Frame, render, words};

/// Address `/admin/sessions/<id>/end`; posted there as `manner` and `token`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/end_session.html")]
pub struct EndSessionPage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// What all have.
    pub admin: AdminFrame<'a>,
    /// Which.
    pub id: SessionId,
    /// Its owner.
    pub user: &'a str,
    /// What it runs.
    pub title: &'a str,
    /// Whether it can be suspended.
    pub suspends: bool,
    /// Proves that the form is one of ours.
    pub token: &'a str,
}

impl EndSessionPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }
}

/// Address `/admin/people/end`; posted there as `sign-in` or `user`, and `token`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/end_person.html")]
pub struct EndPersonPage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// What all have.
    pub admin: AdminFrame<'a>,
    /// Whose.
    pub user: &'a str,
    /// Only this sign-in, with where it is from; everything of the person otherwise.
    pub sign_in: Option<(SignInId, &'a str)>,
    /// Sign-ins they have.
    pub sign_ins: u64,
    /// Sessions they have.
    pub sessions: u64,
    /// Whether it is who looks.
    pub own: bool,
    /// Proves that the form is one of ours.
    pub token: &'a str,
}

impl EndPersonPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn has(&self) -> String {
        let (sign_ins, sessions) =
            (words::count(self.sign_ins, "sign-in"), words::count(self.sessions, "session"));
        format!("{sign_ins} and {sessions}")
    }
}
