//! A provider's metadata and keys, kept for a while.
//!
//! One request at a time fetches; the others wait for it. A provider that can't be reached is asked again after some seconds,
//! not by everybody who tries to sign in; what was fetched before stays in use for a day meanwhile.

use std::sync::Arc;
use std::time::Duration;

use portcullis_model::proof::{Failure, Shown, Step};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::keys::Keys;
use super::metadata::{Metadata, place};
use crate::Told;
use crate::http::{Address, Answer, Client};

/// Largest document of metadata or keys, in bytes; common ones have 2 to 20 KiB.
const DOCUMENT_MAX: usize = 256 * 1024;
/// For how long they are taken as they are: a key that the provider gave up counts for no longer than this.
const FRESH: Duration = Duration::from_secs(3600);
/// For how long they are used at most while new ones can't be fetched.
const USABLE: Duration = Duration::from_secs(24 * 3600);
/// Between two fetches of keys because a token names an unknown one: tokens of strangers don't make us ask without end.
const ROTATION: Duration = Duration::from_secs(30);
/// For how long a failure answers others too.
const FAILED: Duration = Duration::from_secs(5);

/// What is known of a provider.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) metadata: Metadata,
    pub(super) keys: Keys,
}

/// What its age says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    Fresh,
    Stale,
    Over,
}

fn age(of: Duration) -> Age {
    match of {
        of if of < FRESH => Age::Fresh,
        of if of < USABLE => Age::Stale,
        _ => Age::Over,
    }
}

#[derive(Debug, Default)]
struct Kept {
    known: Option<(Instant, Arc<Known>)>,
    /// When keys were asked for last, whatever came of it.
    keys_asked: Option<Instant>,
    failed: Option<(Instant, Failure)>,
}

/// One provider.
#[derive(Debug)]
pub(super) struct Provider {
    issuer: String,
    secret: bool,
    client: Client,
    kept: Mutex<Kept>,
}

impl Provider {
    /// Nothing is fetched yet. `secret` says whether we have one to show at the token endpoint.
    pub(super) fn new(issuer: String, secret: bool, client: Client) -> Self {
        Self { issuer, secret, client, kept: Mutex::default() }
    }

    /// What is known, fetched when that is due.
    pub(super) async fn known(&self, told: &mut Told) -> Result<Arc<Known>, Failure> {
        let mut kept = self.kept.lock().await;
        let old = match &kept.known {
            Some((at, known)) => match age(at.elapsed()) {
                Age::Fresh => return Ok(Arc::clone(known)),
                Age::Stale => Some(Arc::clone(known)),
                Age::Over => None,
            },
            None => None,
        };
        let failed = match &kept.failed {
            Some((at, failure)) if at.elapsed() < FAILED => Err(failure.clone()),
            _ => self.fetch(told).await,
        };
        match failed {
            Ok(known) => {
                let known = Arc::new(known);
                let now = Instant::now();
                *kept = Kept { known: Some((now, Arc::clone(&known))), keys_asked: None, failed: None };
                Ok(known)
            }
            Err(failure) => {
                // Failures that repeat themselves don't prolong one another.
                if kept.failed.as_ref().is_none_or(|(at, _)| at.elapsed() >= FAILED) {
                    kept.failed = Some((Instant::now(), failure.clone()));
                }
                match old {
                    Some(old) => {
                        told.step(Step::Next { why: failure });
                        Ok(old)
                    }
                    None => Err(failure),
                }
            }
        }
    }

    /// After a token with a key that `seen` doesn't have: the provider's keys of now, unless they were asked for just before.
    pub(super) async fn rotated(&self, seen: &Arc<Known>, told: &mut Told) -> Result<Arc<Known>, Failure> {
        let mut kept = self.kept.lock().await;
        match &kept.known {
            // Somebody else has just fetched them.
            Some((_, known)) if !Arc::ptr_eq(known, seen) => return Ok(Arc::clone(known)),
            _ if kept.keys_asked.is_some_and(|at| at.elapsed() < ROTATION) => return Ok(Arc::clone(seen)),
            _ => kept.keys_asked = Some(Instant::now()),
        }
        let keys = self.keys(&seen.metadata, told).await?;
        let known = Arc::new(Known { metadata: seen.metadata.clone(), keys });
        if let Some((_, kept)) = &mut kept.known {
            *kept = Arc::clone(&known);
        }
        Ok(known)
    }

    async fn fetch(&self, told: &mut Told) -> Result<Known, Failure> {
        let place = place(&self.issuer).map_err(|why| Failure::configuration(&why.to_string()))?;
        let answer = self.document("discovery", &place, told).await?;
        let metadata = Metadata::parse(&answer.body, &self.issuer, self.secret)
            .map_err(|why| Failure::protocol(&why.to_string()))?;
        let keys = self.keys(&metadata, told).await?;
        Ok(Known { metadata, keys })
    }

    async fn keys(&self, metadata: &Metadata, told: &mut Told) -> Result<Keys, Failure> {
        let answer = self.document("keys", &metadata.keys, told).await?;
        Keys::parse(&answer.body).map_err(|why| Failure::protocol(&why.to_string()))
    }

    async fn document(&self, what: &str, at: &Address, told: &mut Told) -> Result<Answer, Failure> {
        let answer = self.client.get(at, None, DOCUMENT_MAX).await?;
        told.step(Step::Fetched { what: what.into(), url: Shown::from(at.as_str()), status: answer.status });
        match answer.status {
            200 => Ok(answer),
            status => Err(unwell(what, status)),
        }
    }
}

/// A status that says nothing about the person.
pub(super) fn unwell(what: &str, status: u16) -> Failure {
    match status {
        // The provider, or what stands before it, says itself that it can't now.
        429 | 502 | 503 | 504 => Failure::Unreachable,
        _ => Failure::protocol(&format!("{what} answered {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_as_it_is_and_a_day_without_the_provider() {
        for (seconds, expected) in [
            (0, Age::Fresh),
            (3599, Age::Fresh),
            (3600, Age::Stale),
            (86_399, Age::Stale),
            (86_400, Age::Over),
        ] {
            assert_eq!(age(Duration::from_secs(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn a_status_says_whose_fault_it_is() {
        for (status, failure) in [
            (503, Failure::Unreachable),
            (429, Failure::Unreachable),
            (500, Failure::protocol("keys answered 500")),
            (404, Failure::protocol("keys answered 404")),
            (302, Failure::protocol("keys answered 302")),
        ] {
            assert_eq!(unwell("keys", status), failure);
        }
    }
}
