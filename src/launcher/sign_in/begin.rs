//! The way to a provider: where a browser is to be sent is asked of the method's process, and told to the server that asked. What we
//! tell a provider of ourselves goes the same way.
//!
//! Nobody is proven by it, and nothing of it is kept.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use portcullis_conf::sign_in::methods;
use portcullis_model::proof::{Begin, Failure, Flow, MethodName};
use portcullis_model::sign_in::Denied;
use portcullis_wire::ToServer;
use portcullis_wire::identity::ToAsk;

use super::{NOBODY, Talk};
use crate::identity::ForAsk;
use crate::launcher::Launcher;
use crate::log::say;
use crate::role;

/// Time for the answer: the method may have to fetch the provider's metadata and keys, with ten seconds for each.
const BEGIN_WITHIN: Duration = Duration::from_secs(22);

/// Who is to be sent: which server asked, by which number, from where, by which method.
pub(crate) type Beginning = (Talk, IpAddr, MethodName);

impl Launcher {
    /// `Begin`.
    pub(crate) fn begin_flow(
        &mut self,
        from: Talk,
        remote: IpAddr,
        method: MethodName,
        flow: Flow,
        now: Instant,
    ) {
        let refused = match () {
            () if !self.takes_requests() => Some((Denied::System, "the daemon is ending")),
            () if self.offline.is_some() => Some((Denied::Offline, NOBODY)),
            () if !methods(&self.active.settings).contains(&method) => {
                Some((Denied::NotPermitted, "this way to sign in is not configured"))
            }
            () => None,
        };
        if let Some((reason, why)) = refused {
            return self.nowhere(from, remote, method, reason, why);
        }
        let who = ForAsk::Begin((from, remote, method));
        let message = |request| ToAsk::Begin { request, flow };
        self.ask_method(method, who, now + BEGIN_WITHIN, message, now);
    }

    /// The method's answer.
    pub(crate) fn begun(&mut self, (from, remote, method): Beginning, result: Result<Begin, Failure>) {
        match result {
            Ok(begin) => {
                let (server, request) = from;
                self.server.tell_to(server, ToServer::Begun { request, result: Ok(Box::new(begin)) });
            }
            Err(failure) => self.nowhere(from, remote, method, failure.denied(), &failure.to_string()),
        }
    }

    /// Nobody is sent anywhere. In the log, not in the audit log: nobody was named.
    pub(crate) fn nowhere(
        &mut self,
        from: Talk,
        remote: IpAddr,
        method: MethodName,
        reason: Denied,
        why: &str,
    ) {
        let id = role::log_id();
        say!(
            Info,
            "nobody is sent to a provider id={id} method={method} remote={remote} reason={reason:?} why={why:?}"
        );
        let (server, request) = from;
        self.server.tell_to(server, ToServer::Begun { request, result: Err((reason, id)) });
    }

    /// `Describe`.
    pub(crate) fn describe_us(&mut self, from: Talk, remote: IpAddr, method: MethodName, now: Instant) {
        let refused = match () {
            () if !self.takes_requests() => Some((Denied::System, "the daemon is ending")),
            () if !methods(&self.active.settings).contains(&method) => {
                Some((Denied::NotPermitted, "this way to sign in is not configured"))
            }
            () => None,
        };
        if let Some((reason, why)) = refused {
            return self.undescribed(from, remote, method, reason, why);
        }
        let who = ForAsk::Describe((from, remote, method));
        self.ask_method(method, who, now + BEGIN_WITHIN, |request| ToAsk::Describe { request }, now);
    }

    /// The method's answer.
    pub(crate) fn described(&mut self, (from, remote, method): Beginning, result: Result<String, Failure>) {
        match result {
            Ok(document) => {
                let (server, request) = from;
                self.server.tell_to(server, ToServer::Described { request, result: Ok(document) });
            }
            Err(failure) => {
                self.undescribed(from, remote, method, failure.denied(), &failure.to_string());
            }
        }
    }

    /// Nothing is told of us.
    pub(crate) fn undescribed(
        &mut self,
        from: Talk,
        remote: IpAddr,
        method: MethodName,
        reason: Denied,
        why: &str,
    ) {
        let id = role::log_id();
        say!(
            Info,
            "nothing is told a provider of us id={id} method={method} remote={remote} reason={reason:?} why={why:?}"
        );
        let (server, request) = from;
        self.server.tell_to(server, ToServer::Described { request, result: Err((reason, id)) });
    }
}
