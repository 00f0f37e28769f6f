//! Second factors as the role `store` keeps them: secrets sealed under the factor key, each code and counter used up in the database.
//!
//! It judges what somebody proves and says so; whether one is asked for, and what a proof opens, is the launcher's. A secret is in
//! the open here and nowhere else, but on the page where its person sees it once. What a refusal says is for the audit log.

mod enrol;
mod prove;

use portcullis_conf::Settings;
use portcullis_factor::passkey::{Challenge, Credential, Site};
use portcullis_factor::seal::{self, FactorKey, NONCE_BYTES, Owner};
use portcullis_factor::{random, recovery};
use portcullis_model::factor::{Factor, FactorKind, FactorLine};
use portcullis_model::{AccountId, FactorId, Secret};
use portcullis_store::{Select, Store};
use portcullis_wire::factors::{self, FactorAsk, FactorTold};
use portcullis_wire::identity::{Job, StoreRefusal};

use crate::job;
use crate::words::{light, refusal};

/// The name of the factor key among a job's secrets.
const KEY: &str = "factor-key";
/// What a browser and an authenticator show beside the request.
const NAME: &str = "Portcullis";

/// What factors are judged by.
pub(crate) struct Factors {
    key: Option<FactorKey>,
    /// Where passkeys belong to; none where the configuration doesn't say.
    site: Option<Site>,
    /// What authenticator programs show above a code.
    issuer: String,
    /// Groups whose members need a factor (`factor-required-groups`).
    required: Vec<String>,
}

impl Factors {
    /// As a job says.
    pub(crate) fn new(settings: &Settings, job: &Job) -> Self {
        let key = job::secret(job, KEY).and_then(|secret| {
            let key = FactorKey::new(secret.expose());
            key.map_err(|error| tracing::error!(%error, "the factor key can't be used")).ok()
        });
        let site = settings.factors.factor_origin.as_deref().and_then(|origin| {
            let site = Site::new(origin, NAME);
            site.map_err(|error| tracing::error!(%error, "there are no passkeys")).ok()
        });
        let host = || nix::unistd::gethostname().ok()?.into_string().ok();
        let issuer = site.as_ref().map(|site| site.id().to_owned()).or_else(host);
        let issuer = issuer.map_or_else(|| NAME.to_owned(), |host| format!("{NAME} {host}"));
        let required = settings.factors.factor_required_groups.clone();
        Self { key, site, issuer, required }
    }

    /// Whether this account needs a factor by what its provider said last: the launcher knows the system's groups alone.
    async fn needed(&self, store: &Store, account: AccountId) -> Result<bool, StoreRefusal> {
        if self.required.is_empty() {
            return Ok(false);
        }
        let account = store.account(account).await.map_err(refusal)?;
        Ok(account.groups.iter().any(|group| self.required.contains(&group.name)))
    }

    fn key(&self) -> Result<&FactorKey, StoreRefusal> {
        self.key.as_ref().ok_or_else(|| broken("there is no factor key"))
    }

    fn site(&self) -> Result<&Site, StoreRefusal> {
        self.site.as_ref().ok_or_else(|| StoreRefusal::Rule("passkeys need `factor-origin`".into()))
    }

    fn open(&self, factor: &Factor) -> Result<Secret, StoreRefusal> {
        let owner = Owner { account: factor.account, factor: factor.id };
        seal::open(self.key()?, owner, &factor.sealed).map_err(|error| {
            tracing::error!(factor = %factor.id, account = %factor.account, %error, "a factor can't be opened");
            broken("a second factor is sealed under another key")
        })
    }

    fn seal(&self, owner: Owner, plain: &[u8]) -> Result<Vec<u8>, StoreRefusal> {
        let nonce = random::fresh::<NONCE_BYTES>().map_err(|error| broken(&error.to_string()))?;
        seal::seal(self.key()?, owner, nonce, plain).map_err(|error| broken(&error.to_string()))
    }

    fn credential(&self, factor: &Factor) -> Result<Credential, StoreRefusal> {
        let kept = self.open(factor)?;
        let counter = u32::try_from(factor.counter).unwrap_or(u32::MAX);
        Credential::kept(factor.credential.clone(), counter, kept.expose()).map_err(|error| {
            tracing::error!(factor = %factor.id, %error, "a passkey can't be read");
            broken("a passkey can't be read")
        })
    }
}

fn broken(why: &str) -> StoreRefusal {
    StoreRefusal::Broken(why.to_owned())
}

/// A new factor of this account, not sealed yet.
fn fresh(account: AccountId, kind: FactorKind, name: &str, now: u64) -> Result<Factor, StoreRefusal> {
    let id = FactorId::random().map_err(|error| broken(&error.to_string()))?;
    Ok(Factor {
        id,
        account,
        kind,
        name: name.to_owned(),
        sealed: Vec::new(),
        credential: Vec::new(),
        counter: 0,
        step: 0,
        created: now,
        last_used: None,
        confirmed: false,
    })
}

const fn challenge(told: factors::Challenge) -> Challenge {
    Challenge::new(told.random, told.made)
}

/// Answers; `now` in milliseconds since 1970.
pub(crate) async fn answer(
    store: &Store,
    factors: &Factors,
    ask: FactorAsk,
    now: u64,
) -> Result<FactorTold, StoreRefusal> {
    match ask {
        FactorAsk::Question { account, challenge } => {
            prove::question(store, factors, account, challenge).await
        }
        FactorAsk::Prove { account, code, passkey, challenge } => {
            prove::prove(store, factors, account, (&code, &passkey, challenge), now).await
        }
        FactorAsk::List { account } => {
            let all = store.factors(account).await.map_err(refusal)?;
            let counts = all.iter().filter(|factor| factor.confirmed);
            let (sheets, others): (Vec<&Factor>, Vec<&Factor>) =
                counts.partition(|factor| factor.kind == FactorKind::Recovery);
            let codes = sheets.iter().map(|sheet| sheet.counter).sum::<u64>();
            let lines = others.into_iter().map(FactorLine::from).collect();
            Ok(FactorTold::List { lines, codes: u8::try_from(codes).unwrap_or(u8::MAX) })
        }
        FactorAsk::TotpBegin { account, user, name } => {
            enrol::totp_begin(store, factors, account, (&user, &name), now).await
        }
        FactorAsk::TotpShow { account, user, factor } => {
            enrol::totp_show(store, factors, account, &user, factor).await
        }
        FactorAsk::TotpConfirm { account, factor, code, first } => {
            none_yet(store, account, first).await?;
            enrol::totp_confirm(store, factors, account, (factor, &code), now).await
        }
        FactorAsk::PasskeyBegin { account, user, challenge } => {
            enrol::passkey_begin(store, factors, account, &user, challenge).await
        }
        FactorAsk::PasskeyFinish { account, name, answer, challenge, first } => {
            none_yet(store, account, first).await?;
            enrol::passkey_finish(store, factors, account, (&name, &answer, challenge), now).await
        }
        FactorAsk::Codes { account } => {
            if !store.account(account).await.map_err(refusal)?.factors.enrolled() {
                return Err(StoreRefusal::Rule(
                    "recovery codes stand in for a second factor: enrol one first".into(),
                ));
            }
            enrol::sheet(store, factors, account, now).await.map(FactorTold::Codes)
        }
        FactorAsk::Remove { account, factor, keep_one } => {
            let keep_one = keep_one || factors.needed(store, account).await?;
            remove(store, account, factor, keep_one, now).await
        }
    }
}

/// Whoever has proven nothing but the first factor enrols the account's first second one, and no other.
async fn none_yet(store: &Store, account: AccountId, first: bool) -> Result<(), StoreRefusal> {
    if first && store.account(account).await.map_err(refusal)?.factors.enrolled() {
        return Err(StoreRefusal::Rule("there is a second factor by now: sign in again, with it".into()));
    }
    Ok(())
}

async fn remove(
    store: &Store,
    account: AccountId,
    factor: FactorId,
    keep_one: bool,
    now: u64,
) -> Result<FactorTold, StoreRefusal> {
    let all = store.factors(account).await.map_err(refusal)?;
    let absent = || StoreRefusal::Absent("such factor any more".into());
    let one = all.iter().find(|one| one.id == factor).ok_or_else(absent)?;
    let counts = |one: &&Factor| one.confirmed && one.kind != FactorKind::Recovery;
    let last = counts(&one) && all.iter().filter(counts).count() == 1;
    if last && keep_one {
        let why = "a group of yours needs a second factor: enrol another one before you remove this one";
        return Err(StoreRefusal::Rule(why.into()));
    }
    store.remove_factor(account, factor, now).await.map_err(refusal)?;
    Ok(FactorTold::Removed { kind: one.kind, name: one.name.clone() })
}

/// All of somebody's go; for an administrator.
pub(crate) async fn drop_all(store: &Store, who: &Select, now: u64) -> Result<FactorTold, StoreRefusal> {
    let account = store.find(who).await.map_err(refusal)?;
    let mut gone = Vec::new();
    for factor in store.factors(account.id).await.map_err(refusal)? {
        match store.remove_factor(account.id, factor.id, now).await {
            Ok(()) if factor.confirmed => gone.push((factor.kind, factor.name)),
            // The sheet goes with the last of the others.
            Ok(()) | Err(portcullis_store::Error::Absent { .. }) => {}
            Err(error) => return Err(refusal(error)),
        }
    }
    let account = store.account(account.id).await.map_err(refusal)?;
    Ok(FactorTold::Dropped { account: Box::new(light(account)), gone })
}

/// A new sheet's codes as they are shown, and what is kept of them.
fn new_sheet(account: AccountId) -> Result<(Vec<Secret>, Vec<u8>), StoreRefusal> {
    let mut bytes = [[0; recovery::CODE_BYTES]; recovery::CODES];
    for code in &mut bytes {
        *code = random::fresh().map_err(|error| broken(&error.to_string()))?;
    }
    let codes = recovery::sheet(&bytes);
    let digests: Vec<_> = codes.iter().map(|code| code.digest(account)).collect();
    let shown = codes.iter().map(|code| Secret::from(code.shown().to_string())).collect();
    Ok((shown, recovery::pack(&digests)))
}
