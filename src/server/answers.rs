//! Answers of our own: pages, redirects and errors. What a browser is told and what the log keeps are made apart here.
//!
//! An error page carries an id; the log line with the same id has the cause. Called by everything that answers.

use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Method, Response, StatusCode};
use portcullis_pages::{Frame, RefusalPage};
use portcullis_proxy::Body;
use serde_json::json;

use crate::generation::Generation;
use crate::refusals::fresh_id;

/// What a browser is told of something that was not done.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Public<'a> {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// What happened; the status's own words when `None`.
    pub(crate) what: Option<&'a str>,
    /// Why.
    pub(crate) why: Option<&'a str>,
    /// The rule behind it.
    pub(crate) rule: Option<&'a str>,
    /// What the person can do.
    pub(crate) todo: Option<&'a str>,
}

impl Public<'_> {
    /// Only a status: its page has words of its own.
    pub(crate) fn of(status: StatusCode) -> Self {
        Self { status, ..Self::default() }
    }
}

/// Who reads an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// The configuration in force.
    pub(crate) generation: &'a Generation,
    /// Who is signed in.
    pub(crate) user: Option<&'a str>,
    /// Whether a person sees the answer as a page; a program gets JSON.
    pub(crate) html: bool,
}

impl<'a> Reader<'a> {
    /// What pages begin with.
    pub(crate) fn frame(&self) -> Frame<'a> {
        Frame { root: &self.generation.root, user: self.user }
    }

    /// A page.
    pub(crate) fn page(&self, status: StatusCode, html: String) -> Response<Body> {
        self.answer(status, "text/html; charset=utf-8", html.into())
    }

    /// Anything of ours, with the headers that all our answers have.
    pub(crate) fn answer(&self, status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        self.generation.answers.complete(response.headers_mut());
        response
    }

    /// To another place of ours, by GET. `path` is below the root path.
    pub(crate) fn go(&self, path: &str) -> Response<Body> {
        self.go_to(&format!("{}{path}", self.generation.root))
    }

    /// To a whole path that was judged before.
    pub(crate) fn go_to(&self, path: &str) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        let place = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
        response.headers_mut().insert(LOCATION, place);
        self.generation.answers.complete(response.headers_mut());
        response
    }

    /// Says that something was not done, under a fresh id; `cause` is for the log alone.
    pub(crate) fn refuse(&self, public: Public<'_>, cause: &str) -> Response<Body> {
        let id = fresh_id();
        let user = self.user.unwrap_or("");
        tracing::info!(%id, status = public.status.as_u16(), %user, %cause, "not done");
        self.refuse_as(public, &id)
    }

    /// The same under an id that is in the log already.
    pub(crate) fn refuse_as(&self, public: Public<'_>, id: &str) -> Response<Body> {
        let Public { status, what, why, rule, todo } = public;
        let mut response = if self.html {
            let page =
                RefusalPage { frame: self.frame(), status: status.as_u16(), what, why, rule, todo, id };
            self.page(status, page.html())
        } else {
            let message = what.or(status.canonical_reason()).unwrap_or("not done");
            let reason = rule.or(why).unwrap_or(message);
            let body = json!({ "message": message, "reason": reason, "portcullis": { "id": id } });
            self.answer(status, "application/json", body.to_string().into())
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }

    /// A place for forms only. Whoever comes by `GET` reloaded or typed the address a form left behind: on to `path`, which
    /// shows what they may want.
    pub(crate) fn form_only(&self, method: &Method, path: &str) -> Response<Body> {
        if matches!(*method, Method::GET | Method::HEAD) { self.go(path) } else { self.wrong_method("POST") }
    }

    /// A method that a place doesn't know.
    pub(crate) fn wrong_method(&self, allowed: &'static str) -> Response<Body> {
        let mut response = self.refuse(Public::of(StatusCode::METHOD_NOT_ALLOWED), "another method");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_a_page_and_programs_json() {
        let generation = Generation::for_tests(&[]);
        for (html, kind) in [(true, "text/html; charset=utf-8"), (false, "application/json")] {
            let reader = Reader { generation: &generation, user: None, html };
            let response = reader.refuse(Public::of(StatusCode::SERVICE_UNAVAILABLE), "a cause");
            assert_eq!(response.headers()[CONTENT_TYPE], kind);
            assert_eq!(response.headers()[RETRY_AFTER], "2");
            assert!(response.headers().contains_key("content-security-policy"));
        }
        let reader = Reader { generation: &generation, user: None, html: false };
        assert_eq!(reader.wrong_method("POST").headers()[ALLOW], "POST");
        assert_eq!(reader.go_to("/a\nb").headers()[LOCATION], "/");
    }
}
