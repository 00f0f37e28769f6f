//! What was admitted goes to the IDE: headers edited, streams watched, files recorded. Called by `ide` alone.

use std::sync::Arc;

use http::{HeaderMap, Request, Response, StatusCode};
use portcullis_model::Uid;
use portcullis_model::session::Transport;
use portcullis_policy::{Direction, Forward, SocketRule, Transfer, frame_is_activity};
use portcullis_proxy::{
    Body, Cuts, ForwardError, ForwardOptions, Incoming, Reason, Stream, TunnelOptions, Upload, forward,
    tunnel,
};
use tokio::net::TcpStream;

use crate::answers::Public;
use crate::call::Call;
use crate::headers::{Edge, to_session};
use crate::ide::refuse;
use crate::launcher_link::chain;
use crate::limits::too_large;
use crate::state::{Live, Person};
use crate::transfers::Watched;
use crate::world::Thread;

/// A request that may go on.
#[derive(Debug)]
pub(crate) enum Passing {
    /// An exchange.
    Request {
        /// As it will be sent, but for its headers.
        request: Request<Upload>,
        /// Its conditions.
        forward: Forward,
        /// Longest body, counted as it passes.
        limit: Option<u64>,
    },
    /// A WebSocket.
    Socket {
        /// As it will be sent, but for its headers.
        request: Request<Incoming>,
        /// Its conditions.
        forward: Forward,
    },
}

/// Passes it on and brings the answer.
pub(crate) async fn pass(
    call: &Call<'_>,
    person: &Arc<Person>,
    live: &Arc<Live>,
    passing: Passing,
) -> Response<Body> {
    let (sent, conditions) = match passing {
        Passing::Request { request, forward, limit } => {
            if forward.activity {
                call.world().acted(call.generation(), person, live, call.now);
            }
            let transfer = forward.transfer.clone();
            (exchange(call, person, live, request, transfer, limit).await, forward)
        }
        Passing::Socket { request, forward } => {
            (socket(call, person, live, request, forward.socket).await, forward)
        }
    };
    match sent {
        Ok(mut response) => {
            let leaves = |transfer: &Transfer| transfer.direction == Direction::Download;
            let file = conditions.transfer.as_ref().is_some_and(leaves);
            call.generation().answers.edit_session(response.headers_mut(), file);
            response
        }
        Err(error) => failed(call, person, live, &conditions, &error),
    }
}

async fn exchange(
    call: &Call<'_>,
    person: &Arc<Person>,
    live: &Arc<Live>,
    mut request: Request<Upload>,
    transfer: Option<Transfer>,
    limit: Option<u64>,
) -> Result<Response<Body>, ForwardError> {
    edit(call, live, request.headers_mut());
    let mut options =
        ForwardOptions { cuts: cuts(person, live), body_limit: limit, ..ForwardOptions::default() };
    let watched = transfer.map(|transfer| Watched::new(person.user(), live.session.id, transfer));
    if let Some(watched) = watched.clone() {
        let world = call.thread.world.clone();
        options.on_end = Some(Box::new(move |moved| {
            watched.ended(moved).into_iter().for_each(|event| world.link.audit(event));
        }));
    }
    let response =
        forward(&live.way.upstream, request, options, async || connect(call, person, live).await).await?;
    let recorded = watched.and_then(|watched| watched.answered(response.status()));
    recorded.into_iter().for_each(|event| call.world().link.audit(event));
    Ok(response)
}

async fn socket(
    call: &Call<'_>,
    person: &Arc<Person>,
    live: &Arc<Live>,
    mut request: Request<Incoming>,
    rule: SocketRule,
) -> Result<Response<Body>, ForwardError> {
    edit(call, live, request.headers_mut());
    let mut options = TunnelOptions { cuts: cuts(person, live), ..TunnelOptions::default() };
    if rule != SocketRule::None {
        let (world, person, live) = (call.thread.world.clone(), person.clone(), live.clone());
        options.tap = Some(Box::new(move |_, start| {
            if frame_is_activity(rule, start) {
                let snapshot = world.table.load();
                world.acted(&snapshot.generation, &person, &live, crate::state::now());
            }
        }));
    }
    tunnel(&live.way.upstream, request, options, async || connect(call, person, live).await).await
}

fn edit(call: &Call<'_>, live: &Live, headers: &mut HeaderMap) {
    let edge = Edge { peer: call.peer, host: &call.host, https: call.generation().https() };
    to_session(headers, edge, &live.way.authorization);
}

fn cuts(person: &Person, live: &Live) -> Cuts {
    Cuts::both(&person.presence.cut, &live.way.cut)
}

async fn connect(call: &Call<'_>, person: &Person, live: &Live) -> std::io::Result<Stream> {
    connect_to(call.thread, Some(person.sign_in.principal.uid), live).await
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
            return refuse(call, live, &too_large(call.generation(), &person.flags, conditions, *limit));
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
