//! What is known of the SAML provider: fetched by one process, read by another, kept here as bytes for those who need it.
//!
//! At the start, at a reload, and once a day. While it can't be had again, what was known stays in force, up to the end that it names
//! itself; what another configuration said never does. Nothing is parsed here.

use std::time::{Duration, Instant};

use portcullis_model::proof::{Failure, MethodName};
use portcullis_model::saml_provider::{METADATA_MAX, SamlProvider};
use portcullis_wire::identity::{AskAnswer, ToAsk};
use sha2::{Digest as _, Sha256};

use super::{ForAsk, Role, job, once};
use crate::clock;
use crate::configuration::Active;
use crate::launcher::Launcher;
use crate::log::say;

/// How often metadata are looked at again: providers announce new keys days before they use them.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// The least between two looks, whatever end the metadata name.
const LEAST: Duration = Duration::from_secs(60);
/// First pause after metadata that can't be had; doubled up to the last.
const PAUSE_FIRST: Duration = Duration::from_secs(5);
/// See [`PAUSE_FIRST`].
const PAUSE_LAST: Duration = Duration::from_secs(15 * 60);
/// Time for the fetch: the method's own limit is ten seconds.
const FETCH_WITHIN: Duration = Duration::from_secs(20);
/// Time for reading a megabyte of XML.
const READ_WITHIN: Duration = Duration::from_secs(20);

/// What is known.
#[derive(Debug)]
pub(crate) struct Known {
    provider: Option<Box<SamlProvider>>,
    /// Of which configuration: a digest of what names the provider.
    of: Option<[u8; 32]>,
    /// Counts the looks: an answer to an earlier one is nobody's.
    round: u64,
    next: Option<Instant>,
    pause: Duration,
    /// It was said that it can't be had.
    failing_said: bool,
}

impl Default for Known {
    fn default() -> Self {
        Self { provider: None, of: None, round: 0, next: None, pause: PAUSE_FIRST, failing_said: false }
    }
}

impl Known {
    /// For a role that speaks with the provider, or of it.
    pub(super) fn for_role(&self, role: Role) -> Option<Box<SamlProvider>> {
        match role {
            Role::Ask(MethodName::Saml) | Role::Once(MethodName::Saml, _) => self.provider.clone(),
            Role::Ask(_) | Role::Once(..) | Role::Store => None,
        }
    }

    /// Whether this is the provider's name.
    pub(crate) fn is(&self, entity: &str) -> bool {
        self.provider.as_ref().is_some_and(|provider| provider.entity_id == entity)
    }

    /// A provider of this name, and nothing else of it.
    #[cfg(test)]
    pub(crate) fn of(entity: &str) -> Self {
        let provider = SamlProvider {
            entity_id: entity.to_owned(),
            redirect: None,
            post: None,
            certificates: Vec::new(),
            wants_signed_requests: false,
            valid_until: None,
        };
        Self { provider: Some(Box::new(provider)), ..Self::default() }
    }

    /// When something is to be done.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.next
    }
}

/// What names the provider in a configuration; none where there is no SAML.
fn named(active: &Active) -> Option<[u8; 32]> {
    if !job::methods(&active.settings).contains(&MethodName::Saml) {
        return None;
    }
    let saml = &active.settings.saml;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut digest = Sha256::new();
    for part in [
        text(&saml.auth_saml_metadata_url).as_bytes(),
        saml.auth_saml_idp_entity_id.as_bytes(),
        text(&saml.auth_saml_idp_sso_url).as_bytes(),
        active.saml_text.as_deref().unwrap_or_default(),
    ] {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    Some(digest.finalize().into())
}

/// When to look again at what names an end of its own, or doesn't.
fn again(provider: &SamlProvider, now: u64) -> Duration {
    let left = provider.valid_until.map(|end| Duration::from_secs(end.saturating_sub(now)) / 2);
    left.map_or(EVERY, |left| left.clamp(LEAST, EVERY))
}

impl Launcher {
    /// Looks at the provider when that is due.
    pub(super) fn tick_provider(&mut self, now: Instant) {
        let known = &mut self.identity.saml;
        if known.next.is_some_and(|at| now >= at) {
            known.next = None;
            known.round += 1;
            self.look_at_provider(now);
        }
    }

    /// At the start and after a reload: it is looked at anew. Of another configuration nothing stays, of the same one everything until
    /// then.
    pub(crate) fn provider_anew(&mut self, now: Instant) {
        let (named, known) = (named(&self.active), &mut self.identity.saml);
        if known.of != named {
            *known = Known { of: named, round: known.round + 1, ..Known::default() };
        }
        known.next = named.map(|_| now);
    }

    fn look_at_provider(&mut self, now: Instant) {
        let round = self.identity.saml.round;
        if self.active.settings.saml.auth_saml_metadata_url.is_some() {
            let who = ForAsk::Metadata { round, text: Vec::new() };
            let deadline = now + FETCH_WITHIN;
            return self.ask_method(MethodName::Saml, who, deadline, |request| ToAsk::Fetch { request }, now);
        }
        let text = self.active.saml_text.clone().unwrap_or_default();
        self.read_provider(round, &text, now);
    }

    /// Has a document read by a process of its own.
    fn read_provider(&mut self, round: u64, text: &[u8], now: Instant) {
        match once::sealed(c"portcullis-saml-metadata", text) {
            Ok(text) => {
                let message = |request| ToAsk::Provider { request };
                let (who, deadline) = (ForAsk::Provider { round }, now + READ_WITHIN);
                self.ask_once(MethodName::Saml, who, deadline, Some(text), message, now);
            }
            Err(error) => {
                let why = Failure::configuration(&format!("the metadata can't be handed over: {error}"));
                self.provider_read(round, Err(why), now);
            }
        }
    }

    /// The metadata were fetched, or not.
    pub(super) fn provider_fetched(
        &mut self,
        (round, text): (u64, Vec<u8>),
        result: Result<AskAnswer, Failure>,
        now: Instant,
    ) {
        match result {
            Ok(AskAnswer::Fetched) if round == self.identity.saml.round => {
                self.read_provider(round, &text, now);
            }
            Ok(AskAnswer::Fetched) => {}
            Ok(_) => {
                let why = Failure::protocol("the method answered something else");
                self.provider_read(round, Err(why), now);
            }
            Err(why) => self.provider_read(round, Err(why), now),
        }
    }

    /// They were read, or can't be.
    pub(super) fn provider_read(&mut self, round: u64, result: Result<AskAnswer, Failure>, now: Instant) {
        let known = &mut self.identity.saml;
        if round != known.round || known.of.is_none() {
            return;
        }
        let read = match result {
            Ok(AskAnswer::Provider(provider)) => match provider.check() {
                Ok(()) => Ok(provider),
                Err(error) => Err(Failure::protocol(&error.to_string())),
            },
            Ok(_) => Err(Failure::protocol("the reader answered something else")),
            Err(why) => Err(why),
        };
        match read {
            Ok(provider) => {
                known.next = Some(now + again(&provider, clock::seconds()));
                (known.pause, known.failing_said) = (PAUSE_FIRST, false);
                if known.provider.as_ref() != Some(&provider) {
                    let keys = provider.certificates.len();
                    say!(
                        Info,
                        "the SAML provider is known entity={:?} certificates={keys}",
                        provider.entity_id
                    );
                    known.provider = Some(provider);
                    self.tell_of_provider();
                }
            }
            Err(why) => {
                known.next = Some(now + known.pause);
                known.pause = (known.pause * 2).min(PAUSE_LAST);
                if !std::mem::replace(&mut known.failing_said, true) {
                    let but = if known.provider.is_some() {
                        "what was known stays"
                    } else {
                        "nobody signs in by it"
                    };
                    say!(Warn, "the SAML provider's metadata can't be had: {why}; {but}");
                }
            }
        }
    }

    /// The process that sends browsers to it learns what is known now.
    fn tell_of_provider(&mut self) {
        let role = Role::Ask(MethodName::Saml);
        let provider = self.identity.saml.for_role(role);
        let job = Box::new(job::job(role, &self.active, self.identity.node, None, provider));
        if let Some(link) = self.identity.asks.get_mut(&MethodName::Saml) {
            link.tell(ToAsk::Job(job), job::authorities());
        }
    }
}

/// A piece of what is fetched; whether there is room for it.
pub(super) fn add_piece(text: &mut Vec<u8>, piece: &[u8]) -> bool {
    let fits = text.len() + piece.len() <= METADATA_MAX;
    if fits {
        text.extend_from_slice(piece);
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(valid_until: Option<u64>) -> SamlProvider {
        SamlProvider {
            entity_id: "x".into(),
            redirect: None,
            post: None,
            certificates: vec![vec![1]],
            wants_signed_requests: false,
            valid_until,
        }
    }

    #[test]
    fn metadata_are_looked_at_before_they_end() {
        assert_eq!(again(&until(None), 0), EVERY);
        assert_eq!(again(&until(Some(1_000_000)), 0), EVERY);
        assert_eq!(again(&until(Some(7200)), 0), Duration::from_secs(3600));
        assert_eq!(again(&until(Some(30)), 0), LEAST);
        assert_eq!(again(&until(Some(30)), 60), LEAST);
    }

    #[test]
    fn what_is_fetched_has_an_end() {
        let mut text = vec![0; METADATA_MAX - 1];
        assert!(add_piece(&mut text, &[1]));
        assert!(!add_piece(&mut text, &[2]));
        assert_eq!(text.len(), METADATA_MAX);
    }

    #[test]
    fn only_who_needs_it_learns_of_the_provider() {
        let known = Known { provider: Some(Box::new(until(None))), ..Known::default() };
        assert!(known.for_role(Role::Ask(MethodName::Saml)).is_some());
        assert!(known.for_role(Role::Once(MethodName::Saml, 7)).is_some());
        for role in [Role::Store, Role::Ask(MethodName::Openid), Role::Once(MethodName::Kerberos, 1)] {
            assert!(known.for_role(role).is_none(), "{role:?}");
        }
        assert!(known.is("x") && !known.is("") && !Known::default().is(""));
    }
}
