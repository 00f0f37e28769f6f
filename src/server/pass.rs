//! What was admitted goes to the IDE: headers edited, streams watched, files recorded. Called by `ide` alone.

use std::sync::Arc;

use http::header::{ACCEPT_ENCODING, AUTHORIZATION};
use http::{Request, Response, StatusCode};
use portcullis_model::Uid;
use portcullis_model::lifetime::Sign;
use portcullis_model::session::{Ide, Transport};
use portcullis_policy::inspect::Flow;
use portcullis_policy::{Direction, Forward, SocketRule, Target, Transfer, frame_is_activity, inspector};
use portcullis_proxy::upstream::Keep;
use portcullis_proxy::{
    Body, ForwardError, ForwardOptions, Incoming, Reason, Stream, TunnelOptions, Upload, Upstream, forward,
    tunnel,
};
use tokio::net::TcpStream;

use crate::answers::Public;
use crate::call::{Call, ides_path};
use crate::consoles::Heard;
use crate::headers::{self, Edge, to_session};
use crate::ide::refuse;
use crate::inspecting::{Inspecting, Subject};
use crate::launcher_link::chain;
use crate::limits::too_large;
use crate::passage::Passage;
use crate::rstudio::{self, form, port};
use crate::state::{Live, Person};
use crate::strip;
use crate::transfers::Watched;
use crate::world::Thread;

/// A request that may go on.
#[derive(Debug)]
pub(crate) enum Passing {
    /// An exchange.
    Request {
        /// Its body.
        upload: Upload,
        /// Its conditions.
        forward: Forward,
        /// Longest body, counted as it passes.
        limit: Option<u64>,
        /// Why the body was ended, where it is looked at on its way.
        ended: form::Ended,
    },
    /// A WebSocket.
    Socket {
        /// Its conditions.
        forward: Forward,
    },
}

impl Passing {
    fn target(&self) -> Target {
        match self {
            Self::Request { forward, .. } | Self::Socket { forward, .. } => forward.target,
        }
    }
}

/// Passes it on and brings the answer. `request` stands as it will be sent, but for its headers.
pub(crate) async fn pass(
    call: &Call<'_>,
    person: &Arc<Person>,
    live: &Arc<Live>,
    request: &mut Request<Incoming>,
    passing: Passing,
) -> Response<Body> {
    let target = passing.target();
    let outer = port::outer(call, live, target);
    let (sent, conditions) = match passing {
        Passing::Request { upload, forward, limit, ended } => {
            outer.iter().for_each(|outer| outer.request(request));
            if forward.activity {
                call.world().acted(call.generation(), person, live, call.now, Sign::Request);
            }
            typed(call, person, live, &forward);
            let transfer = forward.transfer.clone();
            let sending = Sending { upload, transfer, limit, target };
            let sent = exchange(call, person, live, request, sending).await;
            if let (Err(ForwardError::Stopped), Some(refusal)) = (&sent, ended.refusal()) {
                return refuse(call, live, &refusal);
            }
            (sent, forward)
        }
        Passing::Socket { forward } => {
            outer.iter().for_each(|outer| outer.request(request));
            (socket(call, person, live, request, forward.socket, target).await, forward)
        }
    };
    match sent {
        Ok(mut response) => {
            let leaves = |transfer: &Transfer| transfer.direction == Direction::Download;
            let file = conditions.transfer.as_ref().is_some_and(leaves);
            call.generation().answers.edit_session(response.headers_mut(), file);
            outer.iter().for_each(|outer| outer.answer(response.headers_mut(), &call.host));
            response
        }
        Err(error) => failed(call, person, live, &conditions, &error),
    }
}

/// What is sent, beside its head.
struct Sending {
    upload: Upload,
    transfer: Option<Transfer>,
    limit: Option<u64>,
    target: Target,
}

async fn exchange(
    call: &Call<'_>,
    person: &Arc<Person>,
    live: &Arc<Live>,
    request: &mut Request<Incoming>,
    sending: Sending,
) -> Result<Response<Body>, ForwardError> {
    let Sending { upload, transfer, limit, target } = sending;
    let passage = Passage::of(call, person, live);
    // RStudio is told more, and a program on a port less.
    let lines = if target == Target::Session && live.session.ide != Ide::Rstudio {
        headers::strip(request.headers_mut());
        strip::dress(request);
        Some(passage.lines.clone())
    } else {
        edit(call, live, &passage, request, target);
        None
    };
    if transfer.as_ref().is_some_and(|transfer| transfer.direction == Direction::Download) {
        // The record is to have the hash of the file, not of what a compressor made of it.
        request.headers_mut().remove(ACCEPT_ENCODING);
    }
    let mut options =
        ForwardOptions { cuts: passage.cuts.clone(), lines, body_limit: limit, ..ForwardOptions::default() };
    let watched = transfer.map(|transfer| {
        let session = (live.session.id, live.way.clone());
        Watched::new(&call.world().pieces, person.user(), session, transfer, request.headers())
    });
    if let Some(watched) = &watched {
        watched.watch(call.thread, &mut options);
    }
    let response = forward(&upstream(live, target), request, upload, options, async || {
        port::connect(call, person, live, target).await
    })
    .await?;
    if let Some(watched) = watched {
        let events = watched.answered(&response, &call.world().pieces);
        events.into_iter().for_each(|event| call.world().link.audit(event));
    }
    Ok(response)
}

async fn socket(
    call: &Call<'_>,
    person: &Arc<Person>,
    live: &Arc<Live>,
    request: &mut Request<Incoming>,
    rule: SocketRule,
    target: Target,
) -> Result<Response<Body>, ForwardError> {
    let passage = Passage::of(call, person, live);
    edit(call, live, &passage, request, target);
    let mut options = TunnelOptions { cuts: passage.cuts.clone(), ..TunnelOptions::default() };
    let (flags, home) = (person.flags_in(live.session.id), &person.sign_in.principal.home);
    let inspector = inspector(&call.generation().adapters, live.session.ide, rule, flags, home);
    if let Some(inspector) = inspector {
        let subject = Subject {
            world: call.thread.world.clone(),
            doors: call.thread.doors.clone(),
            person: person.clone(),
            live: live.clone(),
            remote: call.peer,
            path: ides_path(call.generation().root.as_str(), call.uri.path()).to_owned(),
        };
        options.inspect = Some(Box::new(Inspecting::new(inspector, subject)));
    } else if rule != SocketRule::None {
        let (world, person, live) = (call.thread.world.clone(), person.clone(), live.clone());
        options.tap = Some(Box::new(move |_, start| {
            if frame_is_activity(rule, start) {
                let snapshot = world.table.load();
                world.acted(&snapshot.generation, &person, &live, crate::state::now(), Sign::Input);
            }
        }));
    }
    // The tunnel keeps it as long as it lives.
    let request = std::mem::take(request);
    tunnel(&upstream(live, target), request, options, async || {
        port::connect(call, person, live, target).await
    })
    .await
}

fn edit<B>(call: &Call<'_>, live: &Live, passage: &Passage, request: &mut Request<B>, target: Target) {
    let edge = Edge {
        peer: &passage.peer,
        host: &call.host,
        https: call.generation().https(),
        cookies: call.identity.as_ref().and_then(|known| known.others.as_ref()),
    };
    to_session(request.headers_mut(), edge, &passage.authorization);
    strip::dress(request);
    if target != Target::Session {
        // What only the IDE may know is not for the program on a port.
        request.headers_mut().remove(AUTHORIZATION);
    } else if live.session.ide == Ide::Rstudio {
        let inner = request.uri().clone();
        rstudio::dress(call, live, request.headers_mut(), &inner);
    }
}

/// Connections to the IDE are kept; those to a port are one request's own.
fn upstream(live: &Live, target: Target) -> Upstream {
    if target == Target::Session {
        live.way.upstream.clone()
    } else {
        // Nobody could take one again: kept, each would hold a descriptor until it is old.
        Upstream::new(Keep { idle: 0, ..Keep::default() })
    }
}

/// Records what a person typed, where consoles are audited.
fn typed(call: &Call<'_>, person: &Person, live: &Live, forward: &Forward) {
    let Some(typed) = &forward.typed else { return };
    let heard = Heard {
        user: person.user(),
        session: live.session.id,
        ide: live.session.ide.word(),
        path: ides_path(call.generation().root.as_str(), call.uri.path()),
        channel: typed.channel,
        flow: Flow::Input,
        text: typed.text.clone(),
    };
    let event = call.world().console(heard, call.now);
    event.into_iter().for_each(|event| call.world().link.audit(event));
}

/// A fresh connection to a session's IDE, whose owner has this number if it is known.
///
/// # Errors
/// When nobody answers, or something that isn't its owner's.
pub(crate) async fn connect_to(thread: &Thread, owner: Option<Uid>, live: &Live) -> std::io::Result<Stream> {
    match live.session.transport {
        Transport::Tcp(port) => {
            TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, port.0)).await.map(Stream::from)
        }
        Transport::Unix => thread.doors.connect(live.session.id, owner).await.map_err(std::io::Error::other),
    }
}

/// There is no answer to hand on: what the person is told, and what the log keeps.
fn failed(
    call: &Call<'_>,
    person: &Person,
    live: &Live,
    conditions: &Forward,
    error: &ForwardError,
) -> Response<Body> {
    let status = match error {
        ForwardError::TooLarge { limit } => {
            return refuse(
                call,
                live,
                &too_large(call.generation(), person.flags_in(live.session.id), conditions, *limit),
            );
        }
        ForwardError::Closed | ForwardError::Cut(Reason::GoingAway) => StatusCode::GONE,
        // The rules changed under a request of somebody who is still signed in: it may simply be tried again.
        ForwardError::Cut(Reason::Revoked)
            if call.world().table.load().people.contains_key(&person.sign_in.id) =>
        {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ForwardError::Cut(Reason::Revoked) => StatusCode::UNAUTHORIZED,
        ForwardError::ConnectTimeout(_) | ForwardError::AnswerTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
        ForwardError::Upload(_) | ForwardError::Handshake(_) => StatusCode::BAD_REQUEST,
        ForwardError::UploadStalled(_) => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    call.reader().refuse(Public::of(status), &format!("session {}: {}", live.session.id, chain(error)))
}
