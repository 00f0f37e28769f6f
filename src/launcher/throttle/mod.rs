//! Slows down guessing: failures are counted per name, per address and per network around it, in maps of bounded size.
//!
//! While one of the counts is full, attempts are refused at once, without asking PAM. A name from an address that it signed in from
//! before has a bucket of its own, so nobody can lock a person out by failing in their name from elsewhere; sign-ins that live are
//! not asked about here at all. Counts are forgotten when the launcher ends, the usual addresses are not; `pam_faillock` is there
//! for counts that last.

mod buckets;
mod muted;
mod network;
mod usual;

use std::net::IpAddr;
use std::time::Duration;

use portcullis_model::AccountId;
use thiserror::Error;

use self::buckets::{Buckets, Rate};
pub(crate) use self::muted::Muted;
pub(crate) use self::network::Network;
use self::network::{Full, Networks};
pub(crate) use self::usual::KeptPlace;
use self::usual::Usual;

/// A name: ten failures at once, which a person with a new keyboard layout may need, then one per interval
/// (`auth-sign-in-throttle-seconds`).
const USER_BURST: u32 = 10;
/// Codes of one account: ten wrong ones, two conversations full of them, then one a minute. Three of a million are good at a time:
/// whoever has the password guesses one in 160 days by even chance, and leaves a record of each.
const CODES: Rate = Rate { interval: Duration::from_secs(60), burst: 10 };

/// Where an attempt that is under way was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// With the name from this address.
    Pair,
    /// With the name, and with the address and its networks.
    Apart,
    /// With the address and its networks: there was no name yet.
    Nameless,
}

/// Why an attempt is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum TooMany {
    /// Of the name, from wherever.
    #[error("too many failures of this name")]
    Name,
    /// Of the name, from an address that it signs in from.
    #[error("too many failures of this name from where it usually signs in")]
    Pair,
    /// From a network, of whatever name.
    #[error("too many failures from {0}")]
    Network(Full),
}

/// The counts. Times are of a steady clock that starts anywhere.
#[derive(Debug)]
pub(crate) struct Throttle {
    users: Buckets<String>,
    networks: Networks,
    pairs: Buckets<(String, Network)>,
    codes: Buckets<AccountId>,
    usual: Usual,
}

impl Throttle {
    /// Nothing counted; `interval` is that of a name (zero: names are not counted), `prefixes` the lengths for IPv6, longest first.
    pub(crate) fn new(interval: Duration, prefixes: &[u8]) -> Self {
        let by_user = Rate { interval, burst: USER_BURST };
        Self {
            users: Buckets::new(by_user),
            networks: Networks::new(prefixes),
            pairs: Buckets::new(by_user), // as a name, but apart from it
            codes: Buckets::new(CODES),
            usual: Usual::default(),
        }
    }

    /// Another configuration, after a reload; what is counted stays.
    pub(crate) fn configure(&mut self, interval: Duration, prefixes: &[u8]) {
        self.users.rate.interval = interval;
        self.pairs.rate.interval = interval;
        self.networks.set_prefixes(prefixes);
    }

    /// Whether this name, or somebody without one yet, may try from this address now.
    ///
    /// # Errors
    /// What there were too many failures of.
    pub(crate) fn may_try(&self, user: Option<&str>, remote: IpAddr, now: Duration) -> Result<(), TooMany> {
        let full = |networks: &Networks| {
            networks.full(remote, now).map_or(Ok(()), |full| Err(TooMany::Network(full)))
        };
        let Some(user) = user else { return full(&self.networks) };
        let pair = (fold(user), Network::of(remote));
        if self.usual.knows(&pair.0, pair.1, now) {
            return if self.pairs.open(&pair, now) { Ok(()) } else { Err(TooMany::Pair) };
        }
        if !self.users.open(&pair.0, now) {
            return Err(TooMany::Name);
        }
        full(&self.networks)
    }

    /// Whether a name that nobody knows from there would be refused now, where this one is let try: what is told of its failure is
    /// then what a stranger's is told, or whoever shares an address could learn who signs in from it.
    pub(crate) fn refuses_strangers(&self, user: &str, remote: IpAddr, now: Duration) -> bool {
        !self.users.open(&fold(user), now) || self.networks.full(remote, now).is_some()
    }

    /// Whether a code of this account may be judged now; it counts as wrong until [`Self::code_was_right`]. Apart from names: only
    /// who has proven the first factor comes here, by whatever method, and none of them ends what lives.
    pub(crate) fn may_judge_code(&mut self, account: AccountId, now: Duration) -> bool {
        let open = self.codes.open(&account, now);
        if open {
            self.codes.charge(account, now);
        }
        open
    }

    /// It was no guess.
    pub(crate) fn code_was_right(&mut self, account: AccountId) {
        self.codes.take_back(&account);
    }

    /// Whether this name usually signs in from there, and may try now.
    pub(crate) fn expects(&self, user: &str, remote: IpAddr, now: Duration) -> bool {
        let pair = (fold(user), Network::of(remote));
        self.usual.knows(&pair.0, pair.1, now) && self.pairs.open(&pair, now)
    }

    /// Begins an attempt, where this name may try: counted as a failure until it is known to be none. Otherwise as many as run
    /// side by side would all be let through by a count that none of them has reached yet.
    ///
    /// # Errors
    /// What there were too many failures of.
    pub(crate) fn begin(
        &mut self,
        user: Option<&str>,
        remote: IpAddr,
        now: Duration,
    ) -> Result<Counted, TooMany> {
        self.may_try(user, remote, now).map(|()| self.failed(user, remote, now))
    }

    /// It was no failure.
    pub(crate) fn take_back(&mut self, user: Option<&str>, remote: IpAddr, counted: Counted) {
        let pair = (user.map(fold).unwrap_or_default(), Network::of(remote));
        match counted {
            Counted::Pair => self.pairs.take_back(&pair),
            Counted::Apart => {
                self.users.take_back(&pair.0);
                self.networks.take_back(remote);
            }
            Counted::Nameless => self.networks.take_back(remote),
        }
    }

    /// Counts a failure.
    pub(crate) fn failed(&mut self, user: Option<&str>, remote: IpAddr, now: Duration) -> Counted {
        let Some(user) = user else {
            self.networks.charge(remote, now);
            return Counted::Nameless;
        };
        let pair = (fold(user), Network::of(remote));
        if self.usual.knows(&pair.0, pair.1, now) {
            self.pairs.charge(pair, now);
            Counted::Pair
        } else {
            self.users.charge(pair.0, now);
            self.networks.charge(remote, now);
            Counted::Apart
        }
    }

    /// Remembers that this name signs in from here; whether that is worth being written.
    pub(crate) fn succeeded(&mut self, user: &str, remote: IpAddr, now: Duration) -> bool {
        let pair = (fold(user), Network::of(remote));
        self.pairs.forget(&pair);
        self.usual.add(pair.0, pair.1, now)
    }

    /// From where people usually sign in, to be kept; `wall`: now in seconds since 1970.
    pub(crate) fn usual(&self, now: Duration, wall: u64) -> Vec<KeptPlace> {
        self.usual.kept(now, wall)
    }

    /// Takes over what an earlier launcher knew of that, as far as there is room.
    pub(crate) fn restore(&mut self, kept: impl IntoIterator<Item = KeptPlace>, now: Duration, wall: u64) {
        let folded = kept.into_iter().map(|place| KeptPlace { user: fold(&place.user), ..place });
        self.usual.restore(folded, now, wall);
    }

    /// The same of a sign-in that lives since then, in seconds since 1970: of a launcher that kept nothing, or was killed before.
    pub(crate) fn place(user: &str, from: IpAddr, since: u64) -> KeptPlace {
        KeptPlace { user: user.to_owned(), from, until: since.saturating_add(usual::KNOWN_FOR.as_secs()) }
    }
}

/// Directory services may not tell `Alice` from `alice`: one bucket for both. Names are bounded before they come here.
fn fold(user: &str) -> String {
    user.chars().take(256).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
