//! What somebody can be asked at a sign-in, and whether what they answer is right. A right answer counts once, on every machine.

use portcullis_factor::passkey::{self, ProofAnswer};
use portcullis_factor::recovery::{self, RecoveryRefused};
use portcullis_factor::seal::Owner;
use portcullis_factor::totp::{self, Key, TotpRefused};
use portcullis_model::factor::{Factor, FactorKind};
use portcullis_model::{AccountId, Secret};
use portcullis_store::Store;
use portcullis_wire::factors::{Challenge, FactorTold};
use portcullis_wire::identity::StoreRefusal;

use super::{Factors, broken, challenge};
use crate::words::{light, refusal};

/// Those of a kind that count.
fn of(all: &[Factor], kind: FactorKind) -> impl Iterator<Item = &Factor> {
    all.iter().filter(move |factor| factor.confirmed && factor.kind == kind)
}

/// What they can be asked.
pub(super) async fn question(
    store: &Store,
    factors: &Factors,
    account: AccountId,
    asked: Challenge,
) -> Result<FactorTold, StoreRefusal> {
    let all = store.factors(account).await.map_err(refusal)?;
    let totp = of(&all, FactorKind::Totp).next().is_some();
    let ids: Vec<&[u8]> = of(&all, FactorKind::Passkey).map(|factor| factor.credential.as_slice()).collect();
    let passkey = match &factors.site {
        Some(site) if !ids.is_empty() => Some(passkey::prove_options(site, &challenge(asked), &ids)),
        None if !ids.is_empty() => {
            tracing::warn!(
                "a passkey is enrolled, and `factor-origin` does not say for where: it is not asked for"
            );
            None
        }
        _ => None,
    };
    Ok(FactorTold::Question { totp, passkey })
}

/// What is wrong with an answer, or that the database didn't say.
enum No {
    Wrong(String),
    Refused(StoreRefusal),
}

impl From<StoreRefusal> for No {
    fn from(refusal: StoreRefusal) -> Self {
        Self::Refused(refusal)
    }
}

fn wrong(why: impl ToString) -> No {
    No::Wrong(why.to_string())
}

/// Whether it is right.
pub(super) async fn prove(
    store: &Store,
    factors: &Factors,
    account: AccountId,
    (code, answer, asked): (&Secret, &Secret, Challenge),
    now: u64,
) -> Result<FactorTold, StoreRefusal> {
    let all = store.factors(account).await.map_err(refusal)?;
    let proven = if answer.is_empty() {
        by_code(store, factors, (account, &all), code, now).await
    } else {
        by_passkey(store, factors, (account, &all), (answer, asked), now).await
    };
    match proven {
        Ok(kind) => {
            // As it is by now: it may have been locked since.
            let account = store.account(account).await.map_err(refusal)?;
            Ok(FactorTold::Proved { kind, account: Box::new(light(account)) })
        }
        Err(No::Wrong(why)) => Ok(FactorTold::Wrong { why }),
        Err(No::Refused(refusal)) => Err(refusal),
    }
}

async fn by_passkey(
    store: &Store,
    factors: &Factors,
    (account, all): (AccountId, &[Factor]),
    (answer, asked): (&Secret, Challenge),
    now: u64,
) -> Result<FactorKind, No> {
    let answer = ProofAnswer::read(answer.expose()).map_err(wrong)?;
    let kept: Vec<&Factor> = of(all, FactorKind::Passkey).collect();
    let credentials = kept.iter().map(|factor| factors.credential(factor)).collect::<Result<Vec<_>, _>>()?;
    let site = factors.site()?;
    let proven = passkey::prove(challenge(asked), now / 1000, site, account, &credentials, &answer);
    let proven = proven.map_err(wrong)?;
    let factor = kept.get(proven.at).ok_or_else(|| broken("a passkey that is not there"))?;
    // ORDER: used up in the database before anybody hears that it is right.
    match store.accept_counter(factor, u64::from(proven.counter), now).await.map_err(refusal)? {
        true => Ok(FactorKind::Passkey),
        false => Err(wrong("its counter went up elsewhere meanwhile")),
    }
}

async fn by_code(
    store: &Store,
    factors: &Factors,
    (account, all): (AccountId, &[Factor]),
    typed: &Secret,
    now: u64,
) -> Result<FactorKind, No> {
    let typed = std::str::from_utf8(typed.expose()).map_err(|_| wrong("a code is text"))?;
    let mut why = None;
    for factor in of(all, FactorKind::Totp) {
        let key = factors.open(factor)?;
        let key = Key::kept(key.expose()).map_err(|error| broken(&error.to_string()))?;
        match totp::check(&key, typed, now / 1000, factor.step) {
            // ORDER: as above.
            Ok(step) => match store.accept_step(factor, step, now).await.map_err(refusal)? {
                true => return Ok(FactorKind::Totp),
                false => why = Some(TotpRefused::Spent),
            },
            // One that is right and spent says most.
            Err(refused) if why != Some(TotpRefused::Spent) => why = Some(refused),
            Err(_) => {}
        }
    }
    match why {
        Some(refused @ (TotpRefused::Wrong | TotpRefused::Spent)) => return Err(wrong(refused)),
        // Not six digits: of the sheet, then.
        Some(TotpRefused::Form) | None => {}
    }
    let Some(sheet) = of(all, FactorKind::Recovery).next() else {
        return Err(wrong(RecoveryRefused::Unknown));
    };
    let kept = factors.open(sheet)?;
    let digests = recovery::unpack(kept.expose()).map_err(|error| broken(&error.to_string()))?;
    let left = recovery::spend(account, typed, &digests).map_err(wrong)?;
    let sealed = factors.seal(Owner { account, factor: sheet.id }, &recovery::pack(&left))?;
    let count = u64::try_from(left.len()).unwrap_or(0);
    match store.accept_code(sheet, &sealed, count, now).await.map_err(refusal)? {
        true => Ok(FactorKind::Recovery),
        false => Err(wrong("another code of the sheet was used at this moment")),
    }
}
