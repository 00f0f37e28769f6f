//! The way of a connection's requests into one session, kept for the next.
//!
//! What all threads share would otherwise be counted and copied on every request. It decides nothing: that a request may go this
//! way was decided before. Called by `pass`.

use std::rc::Rc;
use std::sync::Arc;

use http::HeaderValue;
use portcullis_proxy::Cuts;

use crate::call::Call;
use crate::state::{Live, Person, SignInState, Way};

/// Of one sign-in into one session.
#[derive(Debug)]
pub(crate) struct Passage {
    presence: Arc<SignInState>,
    way: Arc<Way>,
    /// What ends its streams.
    pub(crate) cuts: Cuts,
    /// `Authorization` for the IDE.
    pub(crate) authorization: HeaderValue,
    /// The connection's other end.
    pub(crate) peer: HeaderValue,
}

impl Passage {
    /// This request's: the one that is remembered, if sign-in and session are the same.
    pub(crate) fn of(call: &Call<'_>, person: &Person, live: &Live) -> Rc<Self> {
        let mut remembered = call.memo.passage.borrow_mut();
        let same = |passage: &&Rc<Self>| {
            Arc::ptr_eq(&passage.presence, &person.presence) && Arc::ptr_eq(&passage.way, &live.way)
        };
        if let Some(passage) = remembered.as_ref().filter(same) {
            return passage.clone();
        }
        let passage = Rc::new(Self {
            presence: person.presence.clone(),
            way: live.way.clone(),
            cuts: Cuts::both(&person.presence.cut, &live.way.cut),
            authorization: own_copy(&live.way.authorization),
            peer: HeaderValue::from_str(&call.peer.to_string()).expect("an address is ASCII"),
        });
        *remembered = Some(passage.clone());
        passage
    }
}

/// The same value with a reference count of its own.
fn own_copy(value: &HeaderValue) -> HeaderValue {
    let mut copy = HeaderValue::from_bytes(value.as_bytes()).expect("it is one already");
    copy.set_sensitive(value.is_sensitive());
    copy
}
