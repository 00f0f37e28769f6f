//! Sign-ins under way: which browser answers which PAM conversation.
//!
//! A conversation has two names: the number that the launcher knows and a random key that only the browser knows that began it.
//! The table is bounded; what nobody continues is swept. Called by `sign_in` (the browser's side) and `launcher_link` (PAM's).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use portcullis_model::SignInId;
use portcullis_model::sign_in::Denied;
use portcullis_wire::factors::PASSKEY_MAX;
use portcullis_wire::{Prompt, PromptStyle};
use tokio::sync::oneshot;

use crate::refusals::fresh_id;

/// Longest answer to a prompt of PAM, in bytes: `PAM_MAX_RESP_SIZE`.
pub(crate) const ANSWER_MAX: usize = 512;
/// Conversations at once, those waiting for a person included. PAM's own bound (`sign-in-max-concurrent`) is the launcher's.
const AT_ONCE: usize = 512;
/// Of these, those from one address: whoever holds many must not keep everybody else out. Behind a proxy all have one address;
/// PAM's own bound is far smaller.
const AT_ONCE_EACH: usize = AT_ONCE / 4;
/// Seconds after which one is swept, beyond the longest `pam-timeout-seconds` (600).
const FORGET_AFTER: u64 = 660;

/// What PAM did next.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It asks; what it told before comes first.
    Asks(Vec<Prompt>),
    /// It is satisfied.
    SignedIn(SignInId),
    /// It isn't; the id is in the log.
    Denied(Denied, String),
}

/// What is remembered of the form that began it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Begun {
    /// The name as typed.
    pub(crate) user: String,
    /// Where to go afterwards.
    pub(crate) app_uri: String,
    /// Whether "stay signed in" was ticked.
    pub(crate) stay: bool,
}

#[derive(Debug)]
struct Held {
    key: String,
    begun: Begun,
    from: IpAddr,
    since: u64,
    told: Vec<Prompt>,
    /// How long the answer to each may be, in bytes.
    questions: Vec<usize>,
    waiting: Option<oneshot::Sender<Turn>>,
}

/// What is to be done after a turn that reached nobody.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unheard {
    /// End the conversation.
    Cancel,
    /// End the sign-in: its cookie was never given out.
    SignOut(SignInId),
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Conversations(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    held: HashMap<u64, Held>,
}

impl Conversations {
    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one of a browser at this address. `None` when there are too many, or no randomness.
    pub(crate) fn begin(
        &self,
        begun: Begun,
        from: IpAddr,
        now: u64,
    ) -> Option<(u64, oneshot::Receiver<Turn>)> {
        let key = SignInId::random().ok()?.to_string();
        let mut table = self.table();
        table.held.retain(|_, held| now < held.since.saturating_add(FORGET_AFTER));
        let from = network(from);
        let theirs = table.held.values().filter(|held| held.from == from).count();
        if table.held.len() >= AT_ONCE || theirs >= AT_ONCE_EACH {
            return None;
        }
        table.next += 1;
        let number = table.next;
        let (sender, receiver) = oneshot::channel();
        let held = Held {
            key,
            begun,
            from,
            since: now,
            told: Vec::new(),
            questions: Vec::new(),
            waiting: Some(sender),
        };
        table.held.insert(number, held);
        Some((number, receiver))
    }

    /// Continues one by the browser's key, if it has questions open for answers of these lengths. `None` when there is none such: it
    /// took too long, was answered already, or never was.
    pub(crate) fn resume(
        &self,
        key: &str,
        answers: &[usize],
    ) -> Option<(u64, Begun, oneshot::Receiver<Turn>)> {
        let mut table = self.table();
        let (number, held) =
            table.held.iter_mut().find(|(_, held)| held.key == key && held.waiting.is_none())?;
        let fit = held.questions.iter().zip(answers).all(|(most, length)| length <= most);
        if held.questions.len() != answers.len() || !fit {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        held.waiting = Some(sender);
        Some((*number, held.begun.clone(), receiver))
    }

    /// Ends one by the browser's key; returns its number.
    pub(crate) fn cancel(&self, key: &str) -> Option<(u64, Begun)> {
        let mut table = self.table();
        let number = *table.held.iter().find(|(_, held)| held.key == key)?.0;
        table.held.remove(&number).map(|held| (number, held.begun))
    }

    /// Forgets one.
    pub(crate) fn forget(&self, number: u64) {
        self.table().held.remove(&number);
    }

    /// The browser's key of one.
    pub(crate) fn key(&self, number: u64) -> Option<String> {
        self.table().held.get(&number).map(|held| held.key.clone())
    }

    /// The launcher that held it is gone: whoever waits is told, and whoever answers later begins anew.
    pub(crate) fn broke_off(&self, number: u64) {
        let id = fresh_id();
        tracing::info!(%id, "a sign-in broke off with the launcher");
        // Nothing of it is left at the launcher to be ended.
        let _ = self.heard(number, Turn::Denied(Denied::System, id));
    }

    /// Hands on what PAM did. Texts without a question wait for the next question, so that a person sees them together.
    pub(crate) fn heard(&self, number: u64, turn: Turn) -> Option<Unheard> {
        let mut table = self.table();
        let unheard = match &turn {
            Turn::Asks(_) => Some(Unheard::Cancel),
            Turn::SignedIn(id) => Some(Unheard::SignOut(*id)),
            Turn::Denied(..) => None,
        };
        let Some(held) = table.held.get_mut(&number) else { return unheard };
        let turn = match turn {
            Turn::Asks(mut prompts) => {
                let asks = prompts.iter().filter(|prompt| prompt.style.wants_answer());
                let questions: Vec<usize> = asks.map(|prompt| longest(prompt.style)).collect();
                held.told.append(&mut prompts);
                if questions.is_empty() {
                    return None;
                }
                held.questions = questions;
                Turn::Asks(std::mem::take(&mut held.told))
            }
            over => over,
        };
        let over = !matches!(turn, Turn::Asks(_));
        let waiting = held.waiting.take();
        let sent = waiting.is_some_and(|waiting| waiting.send(turn).is_ok());
        if over || !sent {
            table.held.remove(&number);
        }
        if sent { None } else { unheard }
    }
}

/// Bytes that an answer may have.
const fn longest(style: PromptStyle) -> usize {
    match style {
        PromptStyle::Passkey => PASSKEY_MAX,
        _ => ANSWER_MAX,
    }
}

/// An address, or for IPv6 the /64 that one subscriber has.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn begun() -> Begun {
        Begun { user: "alice".into(), app_uri: "/".into(), stay: false }
    }

    fn prompt(style: PromptStyle) -> Prompt {
        Prompt { style, text: format!("{style:?}") }
    }

    #[test]
    fn texts_wait_for_the_next_question() {
        let all = Conversations::default();
        let (number, mut turn) = all.begin(begun(), HOME, 100).expect("room");
        assert_eq!(all.heard(number, Turn::Asks(vec![prompt(PromptStyle::Info)])), None);
        assert!(turn.try_recv().is_err());
        assert_eq!(all.heard(number, Turn::Asks(vec![prompt(PromptStyle::Hidden)])), None);
        let Ok(Turn::Asks(prompts)) = turn.try_recv() else { panic!("it asks") };
        assert_eq!(prompts, [prompt(PromptStyle::Info), prompt(PromptStyle::Hidden)]);
        let key = all.key(number).expect("a key");
        assert!(all.resume(&key, &[1, 1]).is_none() && all.resume("other", &[1]).is_none());
        assert!(all.resume(&key, &[ANSWER_MAX + 1]).is_none(), "longer than PAM takes");
        let (again, _, mut turn) = all.resume(&key, &[ANSWER_MAX]).expect("it waits");
        assert_eq!(again, number);
        assert!(all.resume(&key, &[1]).is_none(), "an answer counts once");
        let id = SignInId::from_bytes([1; 16]);
        assert_eq!(all.heard(number, Turn::SignedIn(id)), None);
        assert!(matches!(turn.try_recv(), Ok(Turn::SignedIn(found)) if found == id));
        assert!(all.key(number).is_none());
    }

    #[test]
    fn a_turn_that_reaches_nobody_ends_what_it_began() {
        let all = Conversations::default();
        let id = SignInId::from_bytes([1; 16]);
        let (number, turn) = all.begin(begun(), HOME, 100).expect("room");
        drop(turn);
        assert_eq!(all.heard(number, Turn::SignedIn(id)), Some(Unheard::SignOut(id)));
        assert_eq!(all.heard(99, Turn::Asks(vec![])), Some(Unheard::Cancel));
        assert_eq!(all.heard(99, Turn::Denied(Denied::Cancelled, String::new())), None);
    }

    #[test]
    fn the_table_is_bounded_and_swept() {
        let all = Conversations::default();
        let from = |part: usize| IpAddr::from([10, 0, 0, u8::try_from(part / AT_ONCE_EACH).expect("small")]);
        let kept: Vec<_> =
            (0..AT_ONCE).map(|part| all.begin(begun(), from(part), 100).expect("room")).collect();
        assert!(all.begin(begun(), HOME, 100).is_none());
        assert!(all.begin(begun(), HOME, 100 + FORGET_AFTER).is_some());
        drop(kept);
    }

    #[test]
    fn one_address_leaves_room_for_others() {
        let all = Conversations::default();
        let six = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        let kept: Vec<_> = (0..AT_ONCE_EACH)
            .map(|part| {
                let from = six(u16::try_from(part).expect("small"));
                all.begin(begun(), from, 100).expect("room")
            })
            .collect();
        assert!(all.begin(begun(), six(9999), 100).is_none(), "the same subscriber");
        assert!(all.begin(begun(), HOME, 100).is_some());
        drop(kept);
    }
}
