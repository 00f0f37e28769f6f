//! Idle connections to sessions, per thread, last in first out.
//!
//! Thread-local, so taking one is a map look-up and a pop. The one used last is taken first: its buffers
//! are warm, and those a burst needed grow old and are closed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use crate::clock;
use crate::h1::link::Link;
use crate::upstream::Upstream;

/// Upstream ids are small consecutive numbers: spreading them needs no real hash.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

struct Idle {
    upstream: Upstream,
    links: Vec<Link>,
}

thread_local! {
    static POOL: RefCell<HashMap<u64, Idle, BuildHasherDefault<IdHasher>>> = RefCell::default();
}

/// The connection used last that is still open.
pub(crate) fn take(upstream: &Upstream) -> Option<Link> {
    POOL.with_borrow_mut(|pool| {
        let links = &mut pool.get_mut(&upstream.id())?.links;
        while let Some(mut link) = links.pop() {
            if !is_old(&link, upstream) && !link.is_stale() {
                return Some(link);
            }
        }
        None
    })
}

/// Keeps a connection whose last answer was read to its end.
pub(crate) fn put(upstream: &Upstream, mut link: Link) {
    if upstream.is_closed() || upstream.keep().idle == 0 || !link.read.is_empty() {
        return;
    }
    link.rest();
    POOL.with_borrow_mut(|pool| {
        let fresh = || Idle { upstream: upstream.clone(), links: Vec::new() };
        let idle = pool.entry(upstream.id()).or_insert_with(fresh);
        if idle.links.len() < upstream.keep().idle {
            idle.links.push(link);
        }
    });
}

/// Closes what is too old, closed by its session, or belongs to an ended one. Called once a tick.
pub(crate) fn sweep() {
    POOL.with_borrow_mut(|pool| {
        pool.retain(|_, idle| {
            if idle.upstream.is_closed() {
                return false;
            }
            let upstream = &idle.upstream;
            idle.links.retain_mut(|link| {
                link.slim();
                !is_old(link, upstream) && !link.is_stale()
            });
            !idle.links.is_empty()
        });
    });
}

fn is_old(link: &Link, upstream: &Upstream) -> bool {
    // A second before the session said it will close: it counts from when it wrote, we from when we read.
    let said = link.keep.map(|seconds| Duration::from_secs(u64::from(seconds.saturating_sub(2))));
    let age = said.map_or(upstream.keep().age, |said| said.min(upstream.keep().age));
    clock::passed(link.idle_since, age)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::UnixStream;

    use super::*;
    use crate::stream::Stream;
    use crate::upstream::Keep;

    #[tokio::test(flavor = "current_thread")]
    async fn what_keeps_no_connections_leaves_none_behind() {
        let upstream = Upstream::new(Keep { idle: 0, ..Keep::default() });
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        put(&upstream, Link::new(Stream::from(ours)));
        assert_eq!(theirs.read(&mut [0]).await.expect("an end"), 0);
        assert!(POOL.with_borrow(|pool| !pool.contains_key(&upstream.id())));
    }
}
