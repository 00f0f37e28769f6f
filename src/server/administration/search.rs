//! Searching the audit log: the query's words go to the launcher, which records them and has a process of its own read.

use http::{Response, StatusCode};
use portcullis_pages::admin::{AuditPage, AuditRow, SearchWords, Tab};
use portcullis_proxy::Body;
use portcullis_wire::ToLauncher;
use portcullis_wire::watch::{AdminAnswer, AdminRefusal, Found, FoundRecord, Look, Search, WORD_MAX};

use super::{ask, frame, query};
use crate::call::Call;

/// The form, and what was found where the query asks for something.
pub(super) async fn page(call: &Call<'_>, look: &Look) -> Response<Body> {
    let word = |name: &str| -> String {
        query(call, name).unwrap_or_default().trim().chars().take(WORD_MAX).collect()
    };
    let search = Search {
        user: word("user"),
        event: word("event"),
        session: word("session"),
        from: word("from"),
        until: word("until"),
        text: word("text"),
        before: query(call, "before").and_then(|seq| seq.parse().ok()),
    };
    // The form alone is no search; the form sent empty is one for everything.
    let asked = call.uri.query().is_some_and(|query| !query.is_empty());
    let found = if asked { Some(find(call, search.clone()).await) } else { None };
    let (status, problem) = match &found {
        Some(Err(None)) => (StatusCode::SERVICE_UNAVAILABLE, Some("The launcher did not answer.".to_owned())),
        Some(Err(Some(refusal))) => {
            let status = match refusal {
                AdminRefusal::Busy => StatusCode::TOO_MANY_REQUESTS,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, Some(format!("Nothing was searched: {refusal}.")))
        }
        Some(Ok(_)) | None => (StatusCode::OK, None),
    };
    let found = found.and_then(Result::ok);
    let rows: Option<Vec<AuditRow<'_>>> = found.as_ref().map(|found| found.records.iter().map(row).collect());
    let words = SearchWords {
        user: &search.user,
        event: &search.event,
        session: &search.session,
        from: &search.from,
        until: &search.until,
        text: &search.text,
    };
    let (frame, admin) = frame(call, Tab::Audit, look, None);
    let page = AuditPage {
        frame,
        admin,
        words,
        found: rows.as_deref(),
        more: found.as_ref().and_then(|found| found.more),
        stopped: found.as_ref().is_some_and(|found| found.stopped),
        unreadable: found.as_ref().map_or(0, |found| found.unreadable),
        problem: problem.as_deref(),
    };
    call.reader().page(status, page.html())
}

async fn find(call: &Call<'_>, search: Search) -> Result<Found, Option<AdminRefusal>> {
    let sign_in = call.person().map(|person| person.sign_in.id).ok_or(None)?;
    match ask(call, |request| ToLauncher::AdminSearch { request, sign_in, search }).await? {
        AdminAnswer::Found(found) => Ok(*found),
        AdminAnswer::Look(_) | AdminAnswer::Done(_) => Err(None),
    }
}

fn row(one: &FoundRecord) -> AuditRow<'_> {
    let FoundRecord { seq, time, event, user, session, text } = one;
    AuditRow { seq: *seq, time, event, user, session, text }
}
