//! The way of a connection's requests into one session, kept for the next.
//!
//! What all threads share would otherwise be counted and copied on every request. It decides nothing: that a request may go this
//! way was decided before. Called by `pass`.

use std::rc::Rc;
use std::sync::Arc;

use http::HeaderValue;
use portcullis_proxy::{Cuts, Lines};

use crate::call::Call;
use crate::headers::{Edge, lines};
use crate::state::{Live, Person, Way};
use crate::who::Identity;

/// Of one sign-in into one session.
#[derive(Debug)]
pub(crate) struct Passage {
    /// Whose cookie, in which configuration.
    identity: Option<Identity>,
    way: Arc<Way>,
    /// Under which name the server was asked for.
    host: HeaderValue,
    /// What ends its streams.
    pub(crate) cuts: Cuts,
    /// `Authorization` for the IDE.
    pub(crate) authorization: HeaderValue,
    /// The connection's other end.
    pub(crate) peer: HeaderValue,
    /// What the IDE is told by us.
    pub(crate) lines: Rc<Lines>,
}

impl Passage {
    /// This request's: the one that is remembered, if sign-in and session are the same.
    pub(crate) fn of(call: &Call<'_>, person: &Person, live: &Live) -> Rc<Self> {
        let mut remembered = call.memo.passage.borrow_mut();
        let same = |passage: &&Rc<Self>| {
            let identity = passage.identity.as_ref().zip(call.identity.as_ref());
            identity.is_some_and(|(old, new)| Rc::ptr_eq(old, new))
                && Arc::ptr_eq(&passage.way, &live.way)
                && passage.host == call.host
        };
        if let Some(passage) = remembered.as_ref().filter(same) {
            return passage.clone();
        }
        let peer = HeaderValue::from_str(&call.peer.to_string()).expect("an address is ASCII");
        let authorization = own_copy(&live.way.authorization);
        let host = own_copy(&call.host);
        let cookies = call.identity.as_ref().and_then(|known| known.others.as_ref());
        let edge = Edge { peer: &peer, host: &host, https: call.generation().https(), cookies };
        let passage = Rc::new(Self {
            identity: call.identity.clone(),
            way: live.way.clone(),
            cuts: Cuts::both(&person.presence.cut, &live.way.cut),
            lines: Rc::new(lines(edge, &authorization)),
            authorization,
            host,
            peer,
        });
        *remembered = Some(passage.clone());
        passage
    }
}

/// The same value with a reference count of its own.
pub(crate) fn own_copy(value: &HeaderValue) -> HeaderValue {
    let mut copy = HeaderValue::from_bytes(value.as_bytes()).expect("it is one already");
    copy.set_sensitive(value.is_sensitive());
    copy
}
