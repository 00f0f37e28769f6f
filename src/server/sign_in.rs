//! Signing in and out: the pages, the PAM conversation behind them, the cookie at its end.
//!
//! Every failure looks alike; what differs is in the log. A password goes to the launcher and nowhere else. Called by `serve`.

use std::time::Duration;

use http::header::HeaderMap;
use http::{Method, Request, Response, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use portcullis_model::cookie::{Claims, CookieError};
use portcullis_model::proof::{Evidence, MethodName};
use portcullis_model::sign_in::{Denied, PublicDenial};
use portcullis_model::{Secret, SignInId};
use portcullis_pages::{Notice, Prompt, PromptKind, PromptsPage, SignInPage, SignedOutPage};
use portcullis_proxy::{Body, Incoming, Reason};
use portcullis_wire::{PromptStyle, ToLauncher};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::answers::Public;
use crate::call::Call;
use crate::conversations::{ANSWER_MAX, Begun, Turn};
use crate::cookies::{Presented, find};
use crate::forms::{Form, FormError, query_value};
use crate::gate::app_uri;
use crate::refusals::fresh_id;

mod agent;
mod away;
mod begin_limit;
mod flow_cookie;
mod header;
pub(crate) mod kerberos;
mod loopback;
pub(crate) mod openid;
pub(crate) mod saml;
pub(crate) mod unasked;
mod way_back;
mod ways;

pub(crate) use begin_limit::BeginLimit;
pub(crate) use flow_cookie::{NAME_PLAIN as FLOW_PLAIN, NAME_TLS as FLOW_TLS};
pub(crate) use ways::Ways;

/// What stands in the query of the sign-in page's address must not end it.
const IN_QUERY: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'&').add(b'+').add(b'<').add(b'>').add(b'=');
/// Longest name looked at, in bytes; longer ones are no names of accounts.
const NAME_MAX: usize = 255;
/// Seconds beyond `pam-timeout-seconds` before the launcher is taken for stuck.
const SLACK: u64 = 10;
/// Time for a sign-out to be on the launcher's disk.
const SIGN_OUT_WITHIN: Duration = Duration::from_secs(5);

/// Sends somebody to the sign-in page, and back afterwards.
pub(crate) fn first(call: &Call<'_>) -> Response<Body> {
    let wanted = call.uri.path_and_query().map_or("/", |wanted| wanted.as_str());
    let home =
        wanted.strip_prefix(call.generation().root.as_str()).is_none_or(|rest| matches!(rest, "" | "/"));
    // Only what can be asked for again by following a link is worth going back to.
    if home || call.renews_itself() || !matches!(call.method, Method::GET | Method::HEAD) {
        return call.reader().go("/auth-sign-in");
    }
    call.reader().go(&format!("/auth-sign-in?appUri={}", utf8_percent_encode(wanted, IN_QUERY)))
}

/// The sign-in page.
pub(crate) async fn page(call: &Call<'_>, headers: &HeaderMap) -> Response<Body> {
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return call.reader().wrong_method("GET, HEAD");
    }
    let wanted = call.uri.query().and_then(|query| query_value(query, "appUri")).unwrap_or_default();
    let target = target(call, &wanted);
    let again =
        call.uri.query().and_then(|query| query_value(query, "again")).is_some_and(|word| word == "1");
    if call.identity.is_some() && !again {
        return call.reader().go_to(&target);
    }
    if let Some(response) = unasked::unasked(call, headers, &target).await {
        return response;
    }
    if let Some(person) = call.person() {
        // The one they have goes on until they are signed in anew.
        return form(call, StatusCode::OK, &target, person.user(), None, Some(Notice::Again));
    }
    let cookie = find(headers, call.generation().jar.name);
    let notice = match cookie {
        Presented::Nothing => (!wanted.is_empty()).then_some(Notice::SignInFirst),
        Presented::One(value) => Some(ended(call, value)),
        Presented::Foreign => Some(Notice::Expired),
    };
    let mut response = form(call, StatusCode::OK, &target, "", None, notice);
    if cookie != Presented::Nothing {
        // What opens nothing any more must not stand in the way either.
        call.generation().jar.clear(response.headers_mut());
    }
    response
}

/// Why a cookie opens nothing.
fn ended(call: &Call<'_>, value: &str) -> Notice {
    let generation = call.generation();
    match generation.ring.verify(value, call.now) {
        Err(CookieError::Expired) if generation.slides => {
            Notice::Idle(u64::from(generation.settings.rserver.auth_timeout_minutes))
        }
        _ => Notice::Expired,
    }
}

/// Name and password came.
pub(crate) async fn begin(call: &Call<'_>, request: Request<Incoming>) -> Response<Body> {
    if call.method != Method::POST {
        return call.reader().form_only(&call.method, "/auth-sign-in");
    }
    let agent = agent::agent(request.headers());
    let form = match read(call, request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let (user, password) = (form.one("username"), form.one("password"));
    let begun = Begun {
        user: user.chars().take(NAME_MAX).collect(),
        app_uri: target(call, form.one("appUri")),
        stay: call.generation().settings.rserver.auth_stay_signed_in && form.one("staySignedIn") == "1",
    };
    if user.len() > NAME_MAX || password.len() > ANSWER_MAX || password.is_empty() || user.is_empty() {
        // No account has these, so nothing is told by answering at once, and PAM is never asked with an empty password.
        return denied(
            call,
            &begun,
            PublicDenial::Refused,
            &logged(call, "a name or password that no account has"),
        );
    }
    if !call.generation().ways.form() {
        return denied(call, &begun, PublicDenial::Refused, &logged(call, "a form, and there is none"));
    }
    let Some((number, turn)) = call.world().conversations.begin(begun.clone(), call.peer, call.now) else {
        return denied(call, &begun, PublicDenial::Busy, &logged(call, "too many sign-ins under way"));
    };
    let evidence =
        Evidence::Form { user: user.to_owned(), password: Secret::new(password.as_bytes().to_vec()) };
    let start = ToLauncher::SignInStart { conversation: number, remote: call.peer, evidence, agent };
    drop(form);
    say(call, number, begun, start, turn).await
}

/// Answers to further questions came.
pub(crate) async fn go_on(call: &Call<'_>, request: Request<Incoming>) -> Response<Body> {
    if call.method != Method::POST {
        return call.reader().form_only(&call.method, "/auth-sign-in");
    }
    let form = match read(call, request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let key = form.one("conversation");
    if form.one("cancel") == "1" {
        let cancelled = call.world().conversations.cancel(key);
        if let Some((conversation, _)) = &cancelled {
            call.world().link.tell(ToLauncher::SignInCancel { conversation: *conversation });
        }
        let target = cancelled.map_or_else(|| target(call, ""), |(_, begun)| begun.app_uri);
        return self::form(call, StatusCode::OK, &target, "", None, Some(Notice::Cancelled));
    }
    let answers: Vec<Secret> = form.all("answer").map(|text| Secret::new(text.as_bytes().to_vec())).collect();
    let lengths: Vec<usize> = answers.iter().map(Secret::len).collect();
    let Some((number, begun, turn)) = call.world().conversations.resume(key, &lengths) else {
        return self::form(call, StatusCode::OK, &target(call, ""), "", None, Some(Notice::StartAgain));
    };
    drop(form);
    say(call, number, begun, ToLauncher::SignInAnswer { conversation: number, answers }, turn).await
}

/// Ends the conversation when the browser goes away while PAM thinks.
struct Leaving<'a, 'b> {
    call: &'a Call<'b>,
    number: Option<u64>,
}

impl Drop for Leaving<'_, '_> {
    fn drop(&mut self) {
        if let Some(conversation) = self.number {
            self.call.world().link.tell(ToLauncher::SignInCancel { conversation });
        }
    }
}

async fn say(
    call: &Call<'_>,
    number: u64,
    begun: Begun,
    message: ToLauncher,
    turn: oneshot::Receiver<Turn>,
) -> Response<Body> {
    let mut leaving = Leaving { call, number: Some(number) };
    let ours = &call.generation().settings.portcullis;
    // A failure is answered late on purpose.
    let within = u64::from(ours.pam_timeout_seconds.max(ours.sign_in_failure_seconds)) + SLACK;
    let refused_at = Instant::now() + Duration::from_secs(ours.sign_in_failure_seconds.into());
    let next = async {
        call.world().link.ask(message).await.ok()?;
        turn.await.ok()
    };
    let turn = tokio::time::timeout(Duration::from_secs(within), next).await.ok().flatten();
    if turn.is_some() {
        leaving.number = None;
    }
    drop(leaving);
    // As late as a failure of a name that is let try all the same, because its owner works at this address: who shares it doesn't
    // learn whose names those are. Waited for here, where nobody else's place is taken by it.
    if matches!(turn, Some(Turn::Denied(Denied::Throttled, _))) {
        tokio::time::sleep_until(refused_at).await;
    }
    match turn {
        Some(Turn::Asks(prompts)) => asks(call, number, &begun, &prompts),
        Some(Turn::SignedIn(id)) => signed_in(call, id, &begun),
        Some(Turn::Denied(reason, id)) => denied(call, &begun, reason.public(), &id),
        None => {
            call.world().conversations.forget(number);
            denied(call, &begun, PublicDenial::Unavailable, &logged(call, "the launcher did not answer"))
        }
    }
}

fn asks(call: &Call<'_>, number: u64, begun: &Begun, prompts: &[portcullis_wire::Prompt]) -> Response<Body> {
    let Some(key) = call.world().conversations.key(number) else {
        return form(call, StatusCode::OK, &begun.app_uri, "", None, Some(Notice::StartAgain));
    };
    let kind = |style| match style {
        PromptStyle::Hidden => PromptKind::Hidden,
        PromptStyle::Passkey => PromptKind::Passkey,
        PromptStyle::Shown => PromptKind::Shown,
        PromptStyle::Info => PromptKind::Info,
        PromptStyle::Error => PromptKind::Error,
    };
    let prompts: Vec<Prompt<'_>> =
        prompts.iter().map(|prompt| Prompt { kind: kind(prompt.style), text: &prompt.text }).collect();
    let page = PromptsPage {
        frame: call.reader().frame(),
        host: call.host(),
        user_name: &begun.user,
        conversation: &key,
        prompts: &prompts,
    };
    call.reader().page(StatusCode::OK, page.html())
}

fn signed_in(call: &Call<'_>, id: SignInId, begun: &Begun) -> Response<Body> {
    let snapshot = call.world().table.load();
    let Some(person) = snapshot.people.get(&id) else {
        return denied(
            call,
            begun,
            PublicDenial::Unavailable,
            &logged(call, "the sign-in ended as it began"),
        );
    };
    if let Some(before) = call.identity.as_ref().filter(|before| before.person.sign_in.id != id) {
        // Somebody else's, or an earlier one, in the same browser: nothing of it may go on behind the new cookie.
        call.world().link.tell(ToLauncher::SignOut { sign_in: before.person.sign_in.id });
    }
    let generation = &snapshot.generation;
    let claims = Claims { sign_in: id, issued: call.now, expires: person.until() };
    let mut response = call.reader().go_to(&begun.app_uri);
    generation.jar.issue(response.headers_mut(), &generation.ring, &claims, begun.stay);
    tracing::info!(user = person.user(), peer = %call.peer, "signed in");
    response
}

fn denied(call: &Call<'_>, begun: &Begun, public: PublicDenial, id: &str) -> Response<Body> {
    let status = match public {
        PublicDenial::Refused => StatusCode::UNAUTHORIZED,
        PublicDenial::Busy => StatusCode::TOO_MANY_REQUESTS,
        PublicDenial::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    form(call, status, &begun.app_uri, &begun.user, Some((public, id)), None)
}

fn form(
    call: &Call<'_>,
    status: StatusCode,
    app_uri: &str,
    user_name: &str,
    denied: Option<(PublicDenial, &str)>,
    notice: Option<Notice>,
) -> Response<Body> {
    let generation = call.generation();
    let page = SignInPage {
        frame: portcullis_pages::Frame { root: &generation.root, user: None },
        host: call.host(),
        app_uri,
        user_name,
        denied,
        notice,
        stay: generation.stay_offer(),
        login_html: generation.settings.login_html.as_deref(),
        unencrypted: !generation.https() && !call.peer.is_loopback(),
        form: generation.ways.form(),
        ways: &generation.ways.buttons(app_uri),
    };
    call.reader().page(status, page.html())
}

/// Signs out: told to be done only when it is on the launcher's disk.
pub(crate) async fn sign_out(call: &Call<'_>) -> Response<Body> {
    if call.method != Method::POST {
        return call.reader().form_only(&call.method, "/");
    }
    let Some(identity) = &call.identity else { return call.reader().go("/auth-sign-in") };
    let id = identity.person.sign_in.id;
    let running =
        call.snapshot.sessions_of(&identity.person).filter(|live| live.session.state.is_live()).count();
    // ORDER: streams end at once; the page says "signed out" only when that is on disk.
    identity.person.presence.cut.cut(Reason::Revoked);
    let done = async {
        let mut changes = call.world().table.changes();
        call.world().link.ask(ToLauncher::SignOut { sign_in: id }).await.ok()?;
        while call.world().table.load().people.contains_key(&id) {
            changes.changed().await.ok()?;
        }
        Some(())
    };
    let done = tokio::time::timeout(SIGN_OUT_WITHIN, done).await.ok().flatten().is_some();
    // ORDER: also when the launcher didn't answer, nothing opens with this cookie here any more.
    call.world().table.sign_in_ended(id);
    let settings = &call.generation().settings.proxy_header;
    let elsewhere =
        settings.auth_proxy_sign_out_url.as_deref().filter(|_| call.generation().ways.has(MethodName::Proxy));
    let mut response = if let (true, Some(elsewhere)) = (done, elsewhere) {
        call.reader().go_to(elsewhere)
    } else if done {
        let frame = portcullis_pages::Frame { root: &call.generation().root, user: None };
        call.reader().page(StatusCode::OK, SignedOutPage { frame, running }.html())
    } else {
        let public = Public {
            status: StatusCode::SERVICE_UNAVAILABLE,
            what: Some("You are signed out here, but the server could not write that down."),
            todo: Some("Close the browser, and tell the administrator the id below."),
            ..Public::default()
        };
        call.reader().refuse(public, "the launcher did not confirm a sign-out")
    };
    call.generation().jar.clear(response.headers_mut());
    tracing::info!(user = identity.person.user(), peer = %call.peer, "signed out");
    response
}

/// Where to go after signing in: a path of ours, else home.
fn target(call: &Call<'_>, wanted: &str) -> String {
    let root = call.generation().root.as_str();
    app_uri(wanted, root).map_or_else(|| format!("{root}/"), str::to_owned)
}

fn logged(call: &Call<'_>, cause: &str) -> String {
    let id = fresh_id();
    tracing::info!(%id, peer = %call.peer, %cause, "not signed in");
    id
}

async fn read(call: &Call<'_>, request: Request<Incoming>) -> Result<Form, Response<Body>> {
    let (head, body) = request.into_parts();
    Form::read(&head.headers, body).await.map_err(|error| form_refused(call, &error))
}

/// A form that is not taken.
pub(crate) fn form_refused(call: &Call<'_>, error: &FormError) -> Response<Body> {
    let (status, what) = match error {
        FormError::Kind => (StatusCode::UNSUPPORTED_MEDIA_TYPE, None),
        FormError::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            Some("What you typed is too long: a password has at most 512 characters here."),
        ),
        FormError::Slow => (StatusCode::REQUEST_TIMEOUT, None),
        FormError::Broken(_) | FormError::Malformed => (StatusCode::BAD_REQUEST, None),
    };
    call.reader().refuse(Public { what, ..Public::of(status) }, &error.to_string())
}
