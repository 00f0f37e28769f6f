//! New factors: a secret for an authenticator program, a passkey, a sheet of recovery codes.
//!
//! A program's secret counts once a code of it was right, and is shown until then. The first factor brings a sheet of codes.

use portcullis_factor::passkey::{self, EnrolAnswer, Person};
use portcullis_factor::seal::Owner;
use portcullis_factor::totp::{self, KEY_BYTES, Key};
use portcullis_factor::{otpauth, qr, random, recovery};
use portcullis_model::factor::{Factor, FactorKind};
use portcullis_model::{AccountId, FactorId, Secret};
use portcullis_store::{Error, Store};
use portcullis_wire::factors::{Challenge, FactorTold};
use portcullis_wire::identity::StoreRefusal;

use super::{Factors, broken, challenge, fresh, new_sheet};
use crate::words::refusal;

/// What a sheet is called.
const SHEET: &str = "recovery codes";

/// A secret that waits for its first code. One that waited before goes: nobody has it any more.
pub(super) async fn totp_begin(
    store: &Store,
    factors: &Factors,
    account: AccountId,
    (user, name): (&str, &str),
    now: u64,
) -> Result<FactorTold, StoreRefusal> {
    for factor in store.factors(account).await.map_err(refusal)?.iter().filter(|factor| !factor.confirmed) {
        match store.remove_factor(account, factor.id, now).await {
            Ok(()) | Err(Error::Absent { .. }) => {}
            Err(error) => return Err(refusal(error)),
        }
    }
    let key = Key::new(random::fresh::<KEY_BYTES>().map_err(|error| broken(&error.to_string()))?);
    let factor = fresh(account, FactorKind::Totp, name, now)?;
    let sealed = factors.seal(Owner { account, factor: factor.id }, key.expose())?;
    store.add_factor(&Factor { sealed, ..factor.clone() }, now).await.map_err(refusal)?;
    shown(factors, user, factor.id, &key)
}

/// The same secret again, while it is not confirmed.
pub(super) async fn totp_show(
    store: &Store,
    factors: &Factors,
    account: AccountId,
    user: &str,
    factor: FactorId,
) -> Result<FactorTold, StoreRefusal> {
    let factor = waiting(store, account, factor).await?;
    let key = factors.open(&factor)?;
    let key = Key::kept(key.expose()).map_err(|error| broken(&error.to_string()))?;
    shown(factors, user, factor.id, &key)
}

async fn waiting(store: &Store, account: AccountId, id: FactorId) -> Result<Factor, StoreRefusal> {
    let all = store.factors(account).await.map_err(refusal)?;
    let is_it = |factor: &Factor| factor.id == id && factor.kind == FactorKind::Totp && !factor.confirmed;
    let absent = || StoreRefusal::Absent("such factor that waits for its first code".into());
    all.into_iter().find(is_it).ok_or_else(absent)
}

fn shown(factors: &Factors, user: &str, factor: FactorId, key: &Key) -> Result<FactorTold, StoreRefusal> {
    let address = otpauth::uri(&factors.issuer, user, key);
    let picture = qr::svg(&address).map_err(|error| broken(&error.to_string()))?;
    Ok(FactorTold::Totp {
        factor,
        address: Secret::from(address.to_string()),
        picture: Secret::from(picture.to_string()),
    })
}

/// Its first code.
pub(super) async fn totp_confirm(
    store: &Store,
    factors: &Factors,
    account: AccountId,
    (factor, code): (FactorId, &Secret),
    now: u64,
) -> Result<FactorTold, StoreRefusal> {
    let factor = waiting(store, account, factor).await?;
    let key = factors.open(&factor)?;
    let key = Key::kept(key.expose()).map_err(|error| broken(&error.to_string()))?;
    let typed = std::str::from_utf8(code.expose()).unwrap_or_default();
    let step = match totp::check(&key, typed, now / 1000, factor.step) {
        Ok(step) => step,
        Err(refused) => return Ok(FactorTold::Wrong { why: refused.to_string() }),
    };
    if !store.accept_step(&factor, step, now).await.map_err(refusal)? {
        return Ok(FactorTold::Wrong { why: "it was used at this moment".into() });
    }
    enrolled(store, factors, &factor, now).await
}

/// What the browser is to ask an authenticator for.
pub(super) async fn passkey_begin(
    store: &Store,
    factors: &Factors,
    account: AccountId,
    user: &str,
    asked: Challenge,
) -> Result<FactorTold, StoreRefusal> {
    let all = store.factors(account).await.map_err(refusal)?;
    let ids = ids(&all);
    let person = Person { account, user, display: user };
    let options = passkey::enrol_options(factors.site()?, &person, &challenge(asked), &ids);
    Ok(FactorTold::Passkey { options })
}

/// What it made.
pub(super) async fn passkey_finish(
    store: &Store,
    factors: &Factors,
    account: AccountId,
    (name, answer, asked): (&str, &Secret, Challenge),
    now: u64,
) -> Result<FactorTold, StoreRefusal> {
    let all = store.factors(account).await.map_err(refusal)?;
    let made = EnrolAnswer::read(answer.expose()).and_then(|answer| {
        let site = factors.site().map_err(|_| portcullis_factor::passkey::Refused::RelyingParty)?;
        passkey::enrol(challenge(asked), now / 1000, site, &ids(&all), &answer)
    });
    let credential = match made {
        Ok(credential) => credential,
        Err(refused) => return Ok(FactorTold::Wrong { why: refused.to_string() }),
    };
    let factor = fresh(account, FactorKind::Passkey, name, now)?;
    let sealed = factors.seal(Owner { account, factor: factor.id }, &credential.keep())?;
    let counter = u64::from(credential.counter);
    let factor = Factor { sealed, credential: credential.id, counter, confirmed: true, ..factor };
    store.add_factor(&factor, now).await.map_err(refusal)?;
    enrolled(store, factors, &factor, now).await
}

fn ids(all: &[Factor]) -> Vec<&[u8]> {
    let passkeys = all.iter().filter(|factor| factor.kind == FactorKind::Passkey);
    passkeys.map(|factor| factor.credential.as_slice()).collect()
}

/// It counts; the first one brings a sheet.
async fn enrolled(
    store: &Store,
    factors: &Factors,
    factor: &Factor,
    now: u64,
) -> Result<FactorTold, StoreRefusal> {
    let has_codes = store.account(factor.account).await.map_err(refusal)?.factors.recovery > 0;
    let codes = match has_codes {
        true => Vec::new(),
        // The factor counts already: without a sheet it still does, and one can be made on the page.
        false => sheet(store, factors, factor.account, now).await.unwrap_or_else(|error| {
            tracing::error!(%error, "no recovery codes are made");
            Vec::new()
        }),
    };
    Ok(FactorTold::Enrolled { kind: factor.kind, factor: factor.id, name: factor.name.clone(), codes })
}

/// A new sheet; the one of before is void.
pub(super) async fn sheet(
    store: &Store,
    factors: &Factors,
    account: AccountId,
    now: u64,
) -> Result<Vec<Secret>, StoreRefusal> {
    let (codes, plain) = new_sheet(account)?;
    let count = u64::try_from(recovery::CODES).unwrap_or(0);
    let all = store.factors(account).await.map_err(refusal)?;
    match all.iter().find(|factor| factor.kind == FactorKind::Recovery) {
        Some(sheet) => {
            let sealed = factors.seal(Owner { account, factor: sheet.id }, &plain)?;
            if !store.accept_code(sheet, &sealed, count, now).await.map_err(refusal)? {
                return Err(StoreRefusal::Rule(
                    "a code of the sheet was used at this moment: try again".into(),
                ));
            }
        }
        None => {
            let factor = fresh(account, FactorKind::Recovery, SHEET, now)?;
            let sealed = factors.seal(Owner { account, factor: factor.id }, &plain)?;
            let factor = Factor { sealed, counter: count, confirmed: true, ..factor };
            store.add_factor(&factor, now).await.map_err(refusal)?;
        }
    }
    Ok(codes)
}
