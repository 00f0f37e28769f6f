//! The steps around PAM's: what another method proves before, whose account it is afterwards.
//!
//! Every method ends here: the Unix account is asked of PAM and the name service, then the account of ours is found or made by the
//! store, then the sign-in is granted. It must not grant anything before all three said yes.

use std::net::IpAddr;
use std::time::Instant;

use portcullis_conf::Settings;
use portcullis_model::account::{Account, GroupRef, Identity, Provider, UniqueId};
use portcullis_model::name_rule::account_name;
use portcullis_model::proof::{Attributes, Evidence, Failure, MethodName, Proven};
use portcullis_model::sign_in::{Denied, Principal, Second};
use portcullis_model::{Secret, UserName};
use portcullis_wire::identity::{Opening, StoreAnswer, StoreAsk, StoreRefusal};

use super::lives::Way;
use super::talk::Step;
use super::{Attempt, Conversation, Stage, Talk};
use crate::accounts::sync::with_groups_of;
use crate::admin::By;
use crate::identity::{ForStore, STORE_WITHIN, SamlKnown};
use crate::launcher::Launcher;
use crate::log::say;

impl Launcher {
    /// Which method examines this evidence, and the name under which attempts with it are counted and recorded until one is proven.
    pub(crate) fn route(&self, evidence: &Evidence, remote: IpAddr) -> (MethodName, String) {
        let nameless = |method: MethodName| (method, format!("({method} {remote})"));
        match evidence {
            Evidence::Form { user, .. } => (form_method(&self.active.settings), user.clone()),
            Evidence::Code { .. } => nameless(MethodName::Openid),
            Evidence::Response { .. } => nameless(MethodName::Saml),
            Evidence::Ticket { .. } => nameless(MethodName::Kerberos),
            Evidence::Header { user, .. } => (MethodName::Proxy, user.clone()),
            Evidence::Nothing => nameless(MethodName::None),
        }
    }

    /// A method found who it is: whether the Unix account of that name may be used is PAM's to say.
    pub(crate) fn proven(&mut self, attempt: Attempt, proven: Proven, now: Instant) {
        let deadline = now + self.active.seconds(|conf| conf.pam_timeout_seconds);
        let Some(conversation) = self.attempted(attempt) else { return };
        let Some(one) = self.conversations.get_mut(&conversation) else { return };
        let Stage::Proving { counted, .. } = one.stage else { return };
        if let Err(why) = is_of_its_method(&self.active.settings, &self.identity.saml, one.method, &proven) {
            say!(Error, "a method names somebody whom it may not name method={}: {why}", one.method);
            return self.deny(conversation, Denied::System, &why, now);
        }
        let name = match unix_name(&self.active.settings, one.method, &proven) {
            Ok(name) => name.to_string(),
            Err(why) => return self.deny(conversation, Denied::BadName, &why, now),
        };
        one.user.clone_from(&name);
        // Whose tickets are of this machine's own accounts: they are one with those who come in by PAM.
        one.proven = (proven.provider != Provider::System).then(|| Box::new(proven));
        let step = (Step::Account, name, Secret::default());
        if let Err(why) = self.start_pam(conversation, step, counted, deadline) {
            say!(Error, "cannot start a PAM helper: {why}");
            self.deny(conversation, Denied::System, &why, now);
        }
    }

    /// A method says that it proves nothing.
    pub(crate) fn not_proven(&mut self, attempt: Attempt, failure: &Failure, now: Instant) {
        let Some(conversation) = self.attempted(attempt) else { return };
        if self.conversations.get(&conversation).is_some_and(|one| matches!(one.stage, Stage::Proving { .. }))
        {
            self.deny(conversation, failure.denied(), &failure.to_string(), now);
        }
    }

    /// The Unix account may be used: now the account of ours.
    pub(super) fn open_account(&mut self, conversation: Talk, principal: Principal, now: Instant) {
        let Some(one) = self.conversations.get_mut(&conversation) else { return };
        let Stage::Talking { counted, .. } = one.stage else { return };
        let deadline = now + STORE_WITHIN;
        let of_provider = one.proven.iter().flat_map(|proven| &proven.groups);
        let count = self.active.settings.membership.provider_groups;
        let names = of_provider.filter(|_| count).map(|group| group.name.clone()).collect();
        let principal = with_groups_of(principal, names);
        one.stage = Stage::Opening { principal: Box::new(principal), asked: false, deadline, counted };
        self.ask_for_account(conversation, now);
        self.start_helpers(now);
    }

    /// The store can be asked: whoever waited for that is asked for.
    pub(crate) fn open_waiting_accounts(&mut self, now: Instant) {
        let waits = |one: &Conversation| matches!(one.stage, Stage::Opening { asked: false, .. });
        let all: Vec<Talk> =
            self.conversations.iter().filter(|(_, one)| waits(one)).map(|(&talk, _)| talk).collect();
        for talk in all {
            self.ask_for_account(talk, now);
        }
    }

    /// Asks the store for the account; while it can't be asked, it is waited for.
    fn ask_for_account(&mut self, conversation: Talk, now: Instant) {
        if !self.identity.store.is_ready() {
            return;
        }
        let Some(one) = self.conversations.get_mut(&conversation) else { return };
        let Stage::Opening { principal, asked, .. } = &mut one.stage else { return };
        *asked = true;
        let attempt = Attempt { talk: conversation, number: one.number };
        let opening = opening(principal, one.proven.as_deref());
        match opening {
            Ok(opening) => {
                self.ask_store(ForStore::Opening(attempt), StoreAsk::Open(Box::new(opening)), now);
            }
            Err(why) => self.deny(conversation, Denied::System, &why, now),
        }
    }

    /// What the store says of the account.
    pub(crate) fn opened_account(
        &mut self,
        attempt: Attempt,
        result: Result<StoreAnswer, StoreRefusal>,
        now: Instant,
    ) {
        let Some(conversation) = self.attempted(attempt) else { return };
        let is_its = |one: &Conversation| matches!(one.stage, Stage::Opening { asked: true, .. });
        if !self.conversations.get(&conversation).is_some_and(is_its) {
            return;
        }
        match result {
            Ok(StoreAnswer::Account { account, made, before }) => {
                self.record_opened(&account, made, before.as_deref(), now);
                let is_theirs = |one: &Conversation| match &one.stage {
                    Stage::Opening { principal, .. } => principal.user == account.unix,
                    _ => false,
                };
                if !self.conversations.get(&conversation).is_some_and(is_theirs) {
                    self.deny(conversation, Denied::System, "the store answered with another's account", now);
                } else if account.live() {
                    self.second_factor(conversation, *account, now);
                } else {
                    self.deny(conversation, Denied::Account, "the account is locked here", now);
                }
            }
            Ok(_) => self.deny(conversation, Denied::System, "the store answered something else", now),
            Err(refusal) => {
                let reason = match &refusal {
                    StoreRefusal::Locked | StoreRefusal::Removed => Denied::Account,
                    StoreRefusal::Unregistered
                    | StoreRefusal::Taken(_)
                    | StoreRefusal::NoAccount(_)
                    | StoreRefusal::Several(_)
                    | StoreRefusal::Absent(_)
                    | StoreRefusal::Exists(_)
                    | StoreRefusal::Rule(_) => Denied::NotPermitted,
                    StoreRefusal::Unreachable(_) | StoreRefusal::Broken(_) => Denied::System,
                };
                self.deny(conversation, reason, &refusal.to_string(), now);
            }
        }
    }

    /// Grants the sign-in; what was decided before is looked at again, since it took a while.
    pub(super) fn let_in_as(&mut self, conversation: Talk, account: Account, second: Second, now: Instant) {
        if self.offline.is_some() {
            return self.deny(conversation, Denied::Offline, super::NOBODY, now);
        }
        let Some(one) = self.conversations.remove(&conversation) else { return };
        let principal = match &one.stage {
            Stage::Opening { principal, .. } => (**principal).clone(),
            Stage::Factor { asking, .. } => asking.principal.clone(),
            _ => return,
        };
        let ends = one.proven.as_ref().and_then(|proven| proven.until);
        let way = Way { method: one.method, remote: one.remote, agent: one.agent.clone(), second, ends };
        match self.new_sign_in(principal, &account, way) {
            // No other machine honours one that is good for nothing yet.
            Ok(sign_in) if self.shares_accounts() && !sign_in.is_limited() => {
                self.write_first(conversation, one, sign_in, now);
            }
            Ok(sign_in) => self.let_person_in(conversation, &one, sign_in, now),
            Err(why) => {
                say!(Error, "cannot keep a sign-in: {why}");
                self.conversations.insert(conversation, one);
                self.deny(conversation, Denied::System, &why, now);
            }
        }
    }

    /// An account that was made, or changed by what its provider says now.
    fn record_opened(&mut self, account: &Account, made: bool, before: Option<&Account>, now: Instant) {
        if made {
            self.record_made(account, "sign-in");
        }
        if let Some(before) = before {
            self.record_account_change(before, account, "sign-in", -1);
            // Whoever is signed in to it elsewhere has the new role, and whoever is under its old name is not that person any more.
            self.role_changed(account.id, account.role);
            self.below_minimum(account, now);
            self.keys_follow(account);
            if before.unix != account.unix {
                let by = By { login: -1, name: "sign-in".into() };
                self.revoke(&before.unix, Some(account.id), &by, None, now);
            }
        }
    }

    /// Somebody is put out at this moment: what was asked for them before is not granted after.
    pub(crate) fn stop_opening(&mut self, user: &UserName, now: Instant) {
        let theirs = |one: &Conversation| match &one.stage {
            Stage::Opening { principal, .. } => principal.user == *user,
            Stage::Factor { asking, .. } => asking.principal.user == *user,
            Stage::Writing { sign_in, .. } => sign_in.principal.user == *user,
            _ => false,
        };
        self.nobody_comes_as(user);
        let all: Vec<Talk> =
            self.conversations.iter().filter(|(_, one)| theirs(one)).map(|(&talk, _)| talk).collect();
        for talk in all {
            self.deny(talk, Denied::Account, "the account was locked or revoked at this moment", now);
        }
    }
}

/// Whether a method may name this person at all: each has providers of its own, and names nobody of another's. A process that was
/// taken over is held by this.
fn is_of_its_method(
    settings: &Settings,
    saml: &SamlKnown,
    method: MethodName,
    proven: &Proven,
) -> Result<(), String> {
    proven.check().map_err(|error| error.to_string())?;
    let its = match (method, &proven.provider) {
        (MethodName::Ldap, Provider::Ldap(section)) => {
            settings.ldap.sections.iter().any(|known| known.name == *section)
        }
        (MethodName::Openid, Provider::OpenId(issuer)) => {
            settings.openid.auth_openid_issuer.as_ref() == Some(issuer)
        }
        (MethodName::Saml, Provider::Saml(entity)) => saml.is(entity),
        (MethodName::Kerberos, Provider::System) => true,
        _ => false,
    };
    if its { Ok(()) } else { Err(format!("an identity of `{}` is not the method's", proven.provider)) }
}

/// The account that somebody is by another's word: a proxy's, or root's own (`auth-none`). `None` for evidence that is examined.
///
/// The server says the same; it is believed in nothing of it that can be looked at here.
pub(super) fn asserted(
    settings: &Settings,
    evidence: &Evidence,
    remote: IpAddr,
) -> Option<Result<UserName, (Denied, String)>> {
    let refused = |why: &str| Err((Denied::NotPermitted, why.to_owned()));
    match evidence {
        Evidence::Header { user, peer } => {
            let proxies = &settings.ways.auth_proxy_from;
            let believed = |address: IpAddr| proxies.iter().any(|net| net.contains(&address.to_canonical()));
            if !settings.proxy_header.auth_proxy || !believed(*peer) || !believed(remote) {
                return Some(refused("the header is not a proxy's of `auth-proxy-from`"));
            }
            let rules = settings.name_rules(MethodName::Proxy);
            let name = account_name(MethodName::Proxy, user, rules);
            Some(name.map_err(|error| (Denied::BadName, error.to_string())))
        }
        Evidence::Nothing => match &settings.ways.auth_none_user {
            Some(name) if settings.names.auth_none && remote.to_canonical().is_loopback() => {
                Some(Ok(name.clone()))
            }
            _ => Some(refused("`auth-none` lets in who connects from this machine, where it is on")),
        },
        Evidence::Form { .. }
        | Evidence::Code { .. }
        | Evidence::Response { .. }
        | Evidence::Ticket { .. } => None,
    }
}

/// What is wrong with what somebody brought, before anybody is asked.
pub(super) fn judge(evidence: &Evidence) -> Option<(Denied, String)> {
    if let Err(error) = evidence.check() {
        return Some((Denied::Credentials, error.to_string()));
    }
    let Evidence::Form { user, password } = evidence else { return None };
    if let Err(error) = user.parse::<UserName>() {
        return Some((Denied::BadName, error.to_string()));
    }
    let right = super::fits(password) && !password.is_empty();
    let why = "the password is empty, longer than PAM takes, or has a zero byte";
    (!right).then(|| (Denied::Credentials, why.to_owned()))
}

/// Which method takes the form: the directories where they are configured, else PAM.
fn form_method(settings: &Settings) -> MethodName {
    if portcullis_conf::sign_in::methods(settings).contains(&MethodName::Ldap) {
        MethodName::Ldap
    } else {
        MethodName::Pam
    }
}

/// The Unix account of a person whom a method other than PAM found.
pub(crate) fn unix_name(
    settings: &Settings,
    method: MethodName,
    proven: &Proven,
) -> Result<UserName, String> {
    let named = match &proven.provider {
        Provider::Ldap(section) => settings.ldap.account_name(section, &proven.user),
        _ => proven.user.clone(),
    };
    account_name(method, &named, settings.name_rules(method)).map_err(|error| error.to_string())
}

/// Who it is for the store: what another method proved, or the Unix account itself.
pub(crate) fn opening(principal: &Principal, proven: Option<&Proven>) -> Result<Opening, String> {
    let unix = principal.user.clone();
    match proven {
        Some(proven) => Ok(Opening {
            identity: Identity { provider: proven.provider.clone(), unique: proven.unique.clone() },
            username: proven.user.clone(),
            unix,
            attributes: proven.attributes.clone(),
            groups: proven.groups.clone(),
            register: proven.register,
        }),
        None => {
            let unique = UniqueId::try_from(principal.uid.to_string().into_bytes());
            let groups = principal.groups.iter();
            Ok(Opening {
                identity: Identity {
                    provider: Provider::System,
                    unique: unique.map_err(|error| error.to_string())?,
                },
                username: unix.to_string(),
                unix,
                attributes: Attributes::default(),
                groups: groups.map(|name| GroupRef { name: name.clone(), unique: None, dn: None }).collect(),
                register: true,
            })
        }
    }
}

#[cfg(test)]
mod tests;
