//! One's own second factors: seen, enrolled, removed by their person. Judged by the table of permissions, kept by the store.
//!
//! The challenge of a passkey that is to be enrolled is made here and waits for one answer of the same sign-in. A first factor makes
//! a sign-in that was good for nothing else one as others are. What was enrolled, removed or refused is in the audit log.

use std::collections::HashMap;
use std::time::Instant;

use portcullis_model::audit::Event;
use portcullis_model::factor::FactorKind;
use portcullis_model::permission::{Act, Target, With, may};
use portcullis_model::sign_in::SignIn;
use portcullis_model::{AccountId, Secret, SignInId};
use portcullis_wire::accounts::{AccountAnswer, AccountRefusal, Asker, Wish};
use portcullis_wire::factors::{
    CODE_MAX, Challenge, FactorAnswer, FactorAsk, FactorTold, FactorWish, FactorsSeen, PASSKEY_MAX, Shown,
};
use portcullis_wire::identity::{StoreAnswer, StoreAsk, StoreRefusal};

use super::asked::{Asked, Person, Then};
use crate::admin::By;
use crate::launcher::{Launcher, Mode};
use crate::server::ServerNo;
use crate::sign_in::factor::challenge;
use crate::text;

/// Passkeys that are being enrolled at a time: people look for their keys for minutes, few at once.
const CEREMONIES_MAX: usize = 1024;
/// Seconds for which a challenge waits: as the browser is told (`portcullis_factor::passkey::SECONDS`).
const CEREMONY_SECONDS: u64 = 300;
/// Longest name of a factor, in characters.
const NAME_MAX: usize = 40;

/// Challenges that wait for their answer, one a sign-in.
#[derive(Debug, Default)]
pub(crate) struct Ceremonies(HashMap<SignInId, Challenge>);

impl Ceremonies {
    /// A fresh one; that of before is void. `None` when there are too many.
    fn begin(&mut self, sign_in: SignInId, challenge: Challenge) -> Option<Challenge> {
        let now = challenge.made;
        self.0.retain(|_, one| now.saturating_sub(one.made) <= CEREMONY_SECONDS);
        if self.0.len() >= CEREMONIES_MAX {
            return None;
        }
        self.0.insert(sign_in, challenge);
        Some(challenge)
    }

    /// That of this sign-in: it counts once.
    fn take(&mut self, sign_in: &SignInId) -> Option<Challenge> {
        self.0.remove(sign_in)
    }
}

/// What was asked of the database for somebody's factors.
#[derive(Debug)]
pub(crate) struct Step {
    sign_in: SignInId,
    account: AccountId,
    person: Person,
}

impl Launcher {
    /// What somebody wants of their factors.
    pub(super) fn factor_ask(
        &mut self,
        from: (ServerNo, u64),
        person: &Person,
        wish: FactorWish,
        now: Instant,
    ) -> Result<Option<AccountAnswer>, AccountRefusal> {
        let act = match &wish {
            FactorWish::Look => Act::LookAtSelf,
            FactorWish::TotpBegin { .. }
            | FactorWish::TotpShow { .. }
            | FactorWish::TotpConfirm { .. }
            | FactorWish::PasskeyBegin
            | FactorWish::PasskeyFinish { .. }
            | FactorWish::Codes => Act::AddFactor,
            FactorWish::Remove { .. } => Act::EndFactor,
        };
        let target = Target { account: person.account, ..Target::default() };
        let mut actor = person.actor;
        if let With::SignIn { limited: true, fresh } = &mut actor.with {
            // It lives for `factor-grace-minutes` from the proof, and is for this.
            *fresh = true;
        }
        if let Err(refused) = may(&actor, act, &target, &self.active.settings.permission_rules()) {
            return Err(self.refuse_wish(person, &Wish::Factor(Box::new(wish)), refused));
        }
        let (Asker::SignIn(sign_in), Some(account)) = (person.asker, person.account) else {
            return Err(AccountRefusal::Nobody);
        };
        if act != Act::LookAtSelf && (!matches!(self.mode, Mode::Serving) || !self.is_healthy()) {
            return Err(AccountRefusal::NotWritable);
        }
        let first = self.sign_ins.get(&sign_in).is_none_or(SignIn::is_limited);
        if first && matches!(wish, FactorWish::Codes | FactorWish::Remove { .. }) {
            // Somebody else may have enrolled one by now: codes of that sheet would be as good as it.
            return Err(AccountRefusal::Value("a second factor has to be enrolled first".into()));
        }
        let ask = self.factor_asked(person, (sign_in, account), wish, first)?;
        let step = Step { sign_in, account, person: person.clone() };
        let by = By::signed_in(person.user.as_str());
        let asked = Asked { from, by, act: None, then: Then::Factor(Box::new(step)) };
        self.ask_for_person(asked, StoreAsk::Factor(Box::new(ask)), now);
        Ok(None)
    }

    /// What the store is asked for it.
    fn factor_asked(
        &mut self,
        person: &Person,
        (sign_in, account): (SignInId, AccountId),
        wish: FactorWish,
        first: bool,
    ) -> Result<FactorAsk, AccountRefusal> {
        let user = person.user.to_string();
        let secret = |shown: Shown, most: usize| match shown.0.len() {
            length if length <= most => Ok(shown.0),
            _ => Err(AccountRefusal::Value("what was sent is longer than any answer".into())),
        };
        Ok(match wish {
            FactorWish::Look => FactorAsk::List { account },
            FactorWish::TotpBegin { name } => {
                self.may_enrol(&sign_in, FactorKind::Totp)?;
                FactorAsk::TotpBegin { account, user, name: called(&name, "authenticator app") }
            }
            FactorWish::TotpShow { factor } => FactorAsk::TotpShow { account, user, factor },
            FactorWish::TotpConfirm { factor, code } => {
                self.may_enrol(&sign_in, FactorKind::Totp)?;
                FactorAsk::TotpConfirm { account, factor, code: secret(code, CODE_MAX)?, first }
            }
            FactorWish::PasskeyBegin => {
                self.may_enrol(&sign_in, FactorKind::Passkey)?;
                let fresh = challenge().map_err(AccountRefusal::Value)?;
                let challenge = self.ceremonies.begin(sign_in, fresh).ok_or(AccountRefusal::Busy)?;
                FactorAsk::PasskeyBegin { account, user, challenge }
            }
            FactorWish::PasskeyFinish { name, answer } => {
                self.may_enrol(&sign_in, FactorKind::Passkey)?;
                let challenge = self.ceremonies.take(&sign_in).ok_or(AccountRefusal::Gone)?;
                let answer = secret(answer, PASSKEY_MAX)?;
                FactorAsk::PasskeyFinish { account, name: called(&name, "passkey"), answer, challenge, first }
            }
            FactorWish::Codes => FactorAsk::Codes { account },
            FactorWish::Remove { factor } => {
                let keep_one = self.needs_factor(&sign_in);
                FactorAsk::Remove { account, factor, keep_one }
            }
        })
    }

    /// Whether one of the person's groups needs a factor.
    fn needs_factor(&self, sign_in: &SignInId) -> bool {
        self.sign_ins.get(sign_in).is_some_and(|one| {
            one.is_limited() || self.factor_required(one.principal.groups.iter().map(String::as_str))
        })
    }

    /// Kinds that this person may enrol.
    fn kinds(&self, sign_in: &SignInId) -> Vec<FactorKind> {
        let settings = &self.active.settings.factors;
        if !settings.factor_optional && !self.needs_factor(sign_in) {
            return Vec::new();
        }
        let has_site = settings.factor_origin.is_some();
        let kinds = settings.factor_methods.iter().copied();
        kinds.filter(|kind| *kind != FactorKind::Passkey || has_site).collect()
    }

    fn may_enrol(&self, sign_in: &SignInId, kind: FactorKind) -> Result<(), AccountRefusal> {
        if self.kinds(sign_in).contains(&kind) {
            return Ok(());
        }
        Err(AccountRefusal::Value(format!("a second factor of the kind `{kind}` is not enrolled here")))
    }

    /// What the store says.
    pub(super) fn factor_done(
        &mut self,
        step: Step,
        result: Result<StoreAnswer, StoreRefusal>,
    ) -> Result<AccountAnswer, AccountRefusal> {
        let told = match result {
            Ok(StoreAnswer::Factor(told)) => *told,
            Ok(_) => {
                let why = "it answered something else".to_owned();
                return Err(AccountRefusal::Store(StoreRefusal::Broken(why)));
            }
            Err(StoreRefusal::Absent(_)) => return Err(AccountRefusal::Gone),
            Err(refusal) => return Err(AccountRefusal::Store(refusal)),
        };
        let shown = |codes: Vec<Secret>| codes.into_iter().map(Shown).collect::<Vec<_>>();
        let answer = match told {
            FactorTold::List { lines, codes } => {
                let one = self.sign_ins.get(&step.sign_in).ok_or(AccountRefusal::Nobody)?;
                FactorAnswer::Seen(FactorsSeen {
                    lines,
                    codes,
                    kinds: self.kinds(&step.sign_in),
                    required: self.needs_factor(&step.sign_in),
                    limited: one.is_limited(),
                    fresh: one.is_limited() || self.is_fresh(one),
                })
            }
            FactorTold::Totp { factor, address, picture } => {
                FactorAnswer::Totp { factor, address: Shown(address), picture: Shown(picture) }
            }
            FactorTold::Passkey { options } => FactorAnswer::Passkey { options },
            FactorTold::Enrolled { kind, name, codes, .. } => {
                self.record_enrolled(&step, kind, &name);
                if !codes.is_empty() {
                    self.record_enrolled(&step, FactorKind::Recovery, "");
                }
                self.lift_limits(step.account, step.sign_in);
                FactorAnswer::Enrolled { codes: shown(codes) }
            }
            FactorTold::Codes(codes) => {
                self.record_enrolled(&step, FactorKind::Recovery, "");
                FactorAnswer::Codes(shown(codes))
            }
            FactorTold::Removed { kind, name } => {
                self.record_removed(
                    (&step.person.user.to_string(), step.account),
                    kind,
                    &name,
                    (step.person.user.as_str(), -1),
                );
                FactorAnswer::Removed
            }
            FactorTold::Wrong { why } => {
                let (user, remote) = (step.person.user.to_string(), step.person.remote);
                self.log.write(Event::FactorFailed { user, remote, at: "enrol".into(), why });
                return Err(AccountRefusal::Code);
            }
            FactorTold::Question { .. } | FactorTold::Proved { .. } | FactorTold::Dropped { .. } => {
                let why = "it answered something else".to_owned();
                return Err(AccountRefusal::Store(StoreRefusal::Broken(why)));
            }
        };
        Ok(AccountAnswer::Factor(Box::new(answer)))
    }

    fn record_enrolled(&mut self, step: &Step, kind: FactorKind, name: &str) {
        self.log.write(Event::FactorEnrolled {
            user: step.person.user.to_string(),
            account: step.account,
            kind: kind.word().into(),
            name: name.into(),
            remote: step.person.remote,
        });
    }

    /// A factor of this account counts no more.
    pub(crate) fn record_removed(
        &mut self,
        (user, account): (&str, AccountId),
        kind: FactorKind,
        name: &str,
        (by, login): (&str, i64),
    ) {
        let (kind, name) = (kind.word().into(), name.into());
        self.log.write(Event::FactorRemoved { user: user.into(), account, kind, name, login, by: by.into() });
    }
}

/// What a factor is called.
fn called(name: &str, otherwise: &str) -> String {
    let name = text::printable(name.trim(), NAME_MAX);
    if name.is_empty() { otherwise.to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(at: u64) -> Challenge {
        Challenge { random: [1; 32], made: at }
    }

    #[test]
    fn a_challenge_waits_for_one_answer_of_its_sign_in_and_not_for_ever() {
        let mut all = Ceremonies::default();
        let (one, two) = (SignInId::from_bytes([1; 16]), SignInId::from_bytes([2; 16]));
        assert!(all.begin(one, made(1000)).is_some());
        assert_eq!(all.take(&two), None);
        assert_eq!(all.take(&one), Some(made(1000)));
        assert_eq!(all.take(&one), None, "it counts once");
        assert!(all.begin(one, made(1000)).is_some() && all.begin(two, made(1000)).is_some());
        assert_eq!(all.begin(one, made(1001)), Some(made(1001)));
        assert_eq!(all.take(&one), Some(made(1001)), "the one of before is void");
        assert!(all.begin(one, made(2000)).is_some());
        assert_eq!(all.take(&two), None, "too old");
    }

    #[test]
    fn there_are_not_more_than_so_many() {
        let mut all = Ceremonies::default();
        for number in 0..CEREMONIES_MAX {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&(number as u64).to_le_bytes());
            assert!(all.begin(SignInId::from_bytes(id), made(1000)).is_some());
        }
        let more = SignInId::from_bytes([0xff; 16]);
        assert_eq!(all.begin(more, made(1000)), None);
        assert!(all.begin(more, made(1000 + CEREMONY_SECONDS + 1)).is_some(), "those are over");
    }

    #[test]
    fn a_factor_has_a_name() {
        assert_eq!(called("  ", "passkey"), "passkey");
        assert_eq!(called(" my\u{1b}phone ", "passkey"), "my\u{fffd}phone");
        assert_eq!(called(&"x".repeat(100), "passkey").chars().count(), NAME_MAX);
    }
}
