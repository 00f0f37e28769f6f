//! Starting, stopping and watching your sessions. The launcher decides and does; here is who may ask. Called by `serve`.

use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use portcullis_model::SessionId;
use portcullis_model::session::{Ide, State, Step};
use portcullis_pages::{EndedPage, StartingPage};
use portcullis_proxy::{Body, Incoming};
use portcullis_wire::ToLauncher;
use portcullis_wire::launcher::OpenError;

use crate::answers::Public;
use crate::call::Call;
use crate::forms::Form;
use crate::home::{home, unavailable};
use crate::sign_in;

/// The launcher answers before it starts anything; one that takes so long is stuck.
const OPENED_WITHIN: Duration = Duration::from_secs(15);
/// The launcher begins to end a session at once; longer than it takes to come back after it was killed.
const STOPPED_WITHIN: Duration = Duration::from_secs(5);

/// Starts a session.
pub(crate) async fn start(call: &Call<'_>, request: Request<Incoming>) -> Response<Body> {
    if call.method != Method::POST {
        return call.reader().form_only(&call.method, "/");
    }
    let Some(person) = call.person() else { return unauthenticated(call) };
    let (head, body) = request.into_parts();
    let form = match Form::read(&head.headers, body).await {
        Ok(form) => form,
        Err(error) => return sign_in::form_refused(call, &error),
    };
    let Some(ide) = Ide::from_word(form.one("ide")) else {
        return call.reader().refuse(Public::of(StatusCode::BAD_REQUEST), "unknown ide");
    };
    if let Some(why) = unavailable(call, ide) {
        return home(call, Some(&why), StatusCode::FORBIDDEN);
    }
    call.acted();
    let (request, opened) = call.world().opens.begin();
    let sign_in = person.sign_in.id;
    let answer = async {
        call.world().link.ask(ToLauncher::OpenSession { request, sign_in, ide }).await.ok()?;
        opened.await.ok()
    };
    match tokio::time::timeout(OPENED_WITHIN, answer).await.ok().flatten() {
        Some(Ok(id)) => {
            tracing::info!(user = person.user(), session = %id, ide = ide.word(), "session opened");
            call.reader().go(&format!("/sessions/{id}"))
        }
        Some(Err(error)) => refused(call, ide, error),
        None => {
            let public = Public::of(StatusCode::SERVICE_UNAVAILABLE);
            call.reader().refuse(public, "the launcher did not answer a request for a session")
        }
    }
}

fn refused(call: &Call<'_>, ide: Ide, error: OpenError) -> Response<Body> {
    let (status, text) = match error {
        OpenError::NotSignedIn => return unauthenticated(call),
        OpenError::System { id } => {
            return call.reader().refuse_as(Public::of(StatusCode::INTERNAL_SERVER_ERROR), &id);
        }
        OpenError::PortsExhausted { range } => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!(
                "All ports of `session-port-range={range}` are in use, so no session can be started now. Stop one of yours, \
                 or try again when somebody else has stopped theirs; the administrator can widen the range."
            ),
        ),
        OpenError::TooMany { limit } => (
            StatusCode::CONFLICT,
            format!(
                "There may be {limit} sessions at a time (`session-limit`), and so many run. Stop one first."
            ),
        ),
        OpenError::Level { flag, wanted, got, reason } => (
            StatusCode::FORBIDDEN,
            format!(
                "The administrator demands that `{flag}` holds at the level `{}` (`minimum-level` of portcullis.conf). In {} it \
                 holds at `{}`: {reason}. Tell the administrator.",
                wanted.word(),
                ide.title(),
                got.word()
            ),
        ),
        OpenError::Restarted => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The service was restarted before it answered. If the session was started it is in the list in a moment; else start it \
             once more."
                .to_owned(),
        ),
        OpenError::NotInstalled { program } => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!(
                "{} is not installed here: `{program}` was not found. Tell the administrator.",
                call.generation().adapters.title(&ide)
            ),
        ),
        OpenError::NotConfined { rule, why } => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!(
                "The administrator demands `{rule}`, and this machine can't hold it: {why}. So nothing is started. Tell the \
                 administrator."
            ),
        ),
        OpenError::NotOffered { why } => {
            (StatusCode::FORBIDDEN, format!("{why}. Ask the administrator if you need it."))
        }
    };
    tracing::info!(user = call.reader().user.unwrap_or(""), cause = %text, "session not opened");
    home(call, Some(&text), status)
}

/// Stops a session: told to be done only when the launcher has it, and will end it whatever becomes of this server.
pub(crate) async fn stop(call: &Call<'_>, id: SessionId) -> Response<Body> {
    if call.method != Method::POST {
        return call.reader().form_only(&call.method, "/");
    }
    let Some(person) = call.person() else { return unauthenticated(call) };
    let Some(live) = call.snapshot.session_of(person, id) else { return unknown(call) };
    call.acted();
    if live.session.state.is_live() {
        tracing::info!(user = person.user(), session = %id, "session stopped");
        let told = async {
            let mut changes = call.world().table.changes();
            let stop = ToLauncher::StopSession { sign_in: person.sign_in.id, session: id };
            call.world().link.ask(stop).await.ok()?;
            while call.world().table.load().sessions.get(&id).is_some_and(|live| goes_on(&live.session.state))
            {
                changes.changed().await.ok()?;
            }
            Some(())
        };
        if tokio::time::timeout(STOPPED_WITHIN, told).await.ok().flatten().is_none() {
            let public = Public {
                status: StatusCode::SERVICE_UNAVAILABLE,
                what: Some(
                    "The service does not confirm that the session ends. It is told again as soon as it answers.",
                ),
                todo: Some(
                    "If the session is still there in a minute, stop it once more, and tell the administrator the id below.",
                ),
                ..Public::default()
            };
            return call.reader().refuse(public, "the launcher did not confirm the end of a session");
        }
    }
    call.reader().go("/")
}

/// Whether a session was not told to end yet.
const fn goes_on(state: &State) -> bool {
    matches!(state, State::Launching(_) | State::Running)
}

/// How a session is doing, while it starts and after it ended.
pub(crate) fn status(call: &Call<'_>, id: SessionId) -> Response<Body> {
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return call.reader().wrong_method("GET, HEAD");
    }
    let Some(person) = call.person() else { return sign_in::first(call) };
    let Some(live) = call.snapshot.session_of(person, id) else { return unknown(call) };
    let frame = call.reader().frame();
    let ide = live.session.ide;
    let title = call.generation().adapters.title(&ide);
    match &live.session.state {
        State::Running => call.reader().go(&format!("/s/{id}/")),
        // A failed start ends before it has ended: the page that watches it waits for the reason.
        State::Ending if !call.renews_itself() => call.reader().go("/"),
        State::Launching(_) | State::Ending => {
            let step = match &live.session.state {
                State::Launching(step) => *step,
                _ => Step::Answer,
            };
            let elapsed = call.now.saturating_sub(live.session.started);
            let timeout = u64::from(call.generation().settings.portcullis.session_start_timeout_seconds);
            let page = StartingPage { frame, id, title, step, elapsed, timeout };
            call.reader().page(StatusCode::OK, page.html())
        }
        State::Ended(end) => {
            let restart = unavailable(call, ide).is_none();
            call.reader()
                .page(StatusCode::OK, EndedPage { frame, id, ide, title, end, now: call.now, restart }.html())
        }
    }
}

/// Foreign and unknown sessions: the same answer.
pub(crate) fn unknown(call: &Call<'_>) -> Response<Body> {
    call.reader().refuse(Public::of(StatusCode::NOT_FOUND), "no such session, or somebody else's")
}

/// Nobody is signed in: a page for a person, a status for a program.
pub(crate) fn unauthenticated(call: &Call<'_>) -> Response<Body> {
    if call.html {
        return sign_in::first(call);
    }
    // Not logged: every poll of a forgotten tab comes here.
    call.reader().refuse_as(Public::of(StatusCode::UNAUTHORIZED), "signed-out")
}
