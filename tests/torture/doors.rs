//! Every door that a cookie opens, tried with one that was revoked.

use std::sync::Arc;

use anyhow::Result;
use portcullis_testing::{Client, World, http2, tls, websocket};

use crate::ledger::Revoked;

/// The doors at which it is let in: none, if all is well.
///
/// # Errors
/// When a door can't be tried at all.
pub(crate) fn opened(world: &World, two: &Arc<tls::Config>, cookie: &Revoked) -> Result<Vec<&'static str>> {
    let thief = world.client()?;
    thief.set_cookie(&cookie.name, &cookie.value);
    let mut open = Vec::new();
    let me = format!("/s/{}/api/me", cookie.session);
    let doors: [(&'static str, Door); 5] = [
        ("the home page", |thief, _, _, _| thief.is_signed_in()),
        ("a session", |thief, _, me, _| Ok(thief.get(me)?.status == 200)),
        ("a session over HTTP/2", |_, two, me, cookie| {
            let cookies = format!("{}={}", cookie.name, cookie.value);
            Ok(http2::request(two.0, two.1, "GET", me, &[("cookie", &cookies)], b"")?.status == 200)
        }),
        ("a WebSocket", |thief, _, _, cookie| {
            let path = format!("/s/{}/api/events/subscribe", cookie.session);
            match websocket::open(thief, &path, &[]) {
                Ok(_) => Ok(true),
                Err(error) if error.is::<websocket::Refused>() => Ok(false),
                Err(error) => Err(error),
            }
        }),
        ("a new session", |thief, _, _, _| {
            let answer = thief.post("/sessions", &[("ide", "jupyter")])?;
            Ok(answer.status == 303 && answer.header("location").is_some_and(|to| to.contains("/sessions/")))
        }),
    ];
    for (name, door) in doors {
        // A refusal may take the cookie from the browser: a thief has a copy.
        thief.set_cookie(&cookie.name, &cookie.value);
        if door(&thief, (&thief, two), &me, cookie)? {
            open.push(name);
        }
    }
    Ok(open)
}

type Door = fn(&Client, (&Client, &Arc<tls::Config>), &str, &Revoked) -> Result<bool>;
