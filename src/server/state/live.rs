//! A session as the server knows it, and the way to it, which lasts as long as the session does.
//!
//! Called by `state`, which puts them into snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;
use portcullis_model::session::Session;
use portcullis_proxy::{Cut, Reason, Upstream};

use crate::sight::Sight;

/// A person's act is told to the launcher at most once in so many seconds per session (the wire's rule).
const ACTIVITY_EVERY: u64 = 30;

/// A session and the way to it.
#[derive(Debug)]
pub(crate) struct Live {
    /// As the launcher told it last.
    pub(crate) session: Session,
    /// Shared by all snapshots this session stands in.
    pub(crate) way: Arc<Way>,
}

/// What of a session lasts as long as it does.
#[derive(Debug)]
pub(crate) struct Way {
    /// Kept connections.
    pub(crate) upstream: Upstream,
    /// Ends every stream of this session.
    pub(crate) cut: Cut,
    /// `Authorization` for the IDE: only we know it.
    pub(crate) authorization: HeaderValue,
    /// What is seen of it that is no person's act.
    pub(crate) sight: Sight,
    told: AtomicU64,
}

impl Live {
    /// Notes a person's act; true when the launcher is to be told: soon, while a page says that the session will end.
    pub(crate) fn acted(&self, now: u64) -> bool {
        let every = if self.session.warning.is_some() { 1 } else { ACTIVITY_EVERY };
        // A clock that was set back is no reason to be silent until it has caught up.
        let due = |told: u64| (now >= told.saturating_add(every) || now < told).then_some(now);
        self.way.told.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    }

    /// The last act of a person, where the launcher told an older one: what it had not kept when it went.
    pub(crate) fn unheard(&self) -> Option<u64> {
        let told = self.way.told.load(Ordering::Relaxed);
        (self.session.state.is_live() && told > self.session.last_activity).then_some(told)
    }

    /// The last act of a person that we know of.
    pub(crate) fn last_activity(&self) -> u64 {
        self.session.last_activity.max(self.way.told.load(Ordering::Relaxed))
    }
}

/// Ends what hangs on a session.
pub(super) fn end(way: &Way) {
    way.upstream.close();
    way.cut.cut(Reason::GoingAway);
}

/// The way to a session that was not known before.
pub(crate) fn way_to(session: &Session) -> Way {
    let token = [b"token ", session.token.expose()].concat();
    let mut authorization =
        HeaderValue::from_bytes(&token).unwrap_or_else(|_| HeaderValue::from_static("token invalid"));
    authorization.set_sensitive(true);
    let told = AtomicU64::new(session.last_activity);
    Way { upstream: Upstream::default(), cut: Cut::new(), authorization, sight: Sight::default(), told }
}
