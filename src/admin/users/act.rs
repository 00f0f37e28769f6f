//! `portcullis users add|alter|lock|unlock|transfer|remove`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use clap::Args;
use nix::unistd::User;
use portcullis_model::UserName;
use portcullis_model::account::{Account, Identity, Provider, Role, UniqueId};
use portcullis_model::proof::Attributes;
use portcullis_wire::admin::{FromDaemon, Revocation, ToDaemon};
use portcullis_wire::identity::{AccountAct, AccountChange, Select};
use serde_json::json;

use super::select::Which;
use super::told;
use crate::Answer;
use crate::exit::Exit;
use crate::operations::revoke::ended;
use crate::operations::{Asking, administrator};

/// Milliseconds to wait for an answer: the store's start and answer, and what is revoked then.
pub(super) const PATIENCE: u16 = 25_000;

/// What the daemon did.
struct Done {
    before: Option<Account>,
    after: Account,
    moved: Vec<(String, u64)>,
    but: Option<String>,
    ended: Option<Revocation>,
}

fn act(asking: &Asking, act: AccountAct) -> anyhow::Result<Done> {
    let question = ToDaemon::AccountAct { act: Box::new(act), by: administrator() };
    let (mut done, mut ended) = (None, None);
    for message in asking.run_dir.ask_within(&question, PATIENCE)? {
        match message {
            FromDaemon::AccountDone { before, after, moved, but } => {
                done = Some((before.map(|it| *it), *after, moved, but));
            }
            FromDaemon::Revoked(revocation) => ended = Some(*revocation),
            _ => bail!("the daemon answered something else"),
        }
    }
    let (before, after, moved, but) = done.context("the daemon answered nothing")?;
    Ok(Done { before, after, moved, but, ended })
}

/// The answer: a sentence, what ended, and as JSON all of it.
fn answer(asking: &Asking, done: &Done, said: &str) -> Answer {
    let whole = done.ended.as_ref().is_none_or(Revocation::is_whole) && done.but.is_none();
    // Whose everything ended: whoever it was before.
    let whose = done.before.as_ref().unwrap_or(&done.after);
    let status = if whole { Exit::Done } else { Exit::Failed };
    let text = if asking.json {
        let moved: serde_json::Map<_, _> =
            done.moved.iter().map(|(what, n)| (what.clone(), json!(n))).collect();
        let value = json!({
            "account": told::object(&done.after),
            "before": done.before.as_ref().map(told::object),
            "moved": moved,
            "but": done.but,
            "ended": done.ended.as_ref().map(|it| crate::operations::revoke::object(&whose.unix, it)),
        });
        format!("{value}\n")
    } else {
        format!("{said}\n{}", done.ended.as_ref().map(ended).unwrap_or_default())
    };
    let complaint =
        done.but.as_ref().map_or_else(String::new, |why| format!("portcullis: NOT removed: {why}\n"));
    Answer { text, complaint, status: status.code() }
}

/// Asks at the terminal; where there is none, `--yes` must say it.
fn sure(yes: bool, question: &str) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here; say --yes");
    }
    let mut asked = std::io::stderr().lock();
    write!(asked, "{question} [y/N] ")?;
    asked.flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    if matches!(line.trim(), "y" | "Y" | "yes") { Ok(()) } else { bail!("nothing was done") }
}

/// Who somebody is at a provider.
fn identity(provider: &Provider, unique: Option<&UniqueId>, unix: &UserName) -> anyhow::Result<Identity> {
    let unique = match (provider, unique) {
        (_, Some(unique)) => unique.clone(),
        (Provider::System, None) => {
            let user = User::from_name(unix.as_str())?;
            let user = user.with_context(|| format!("there is no account `{unix}` on this machine"))?;
            UniqueId::try_from(user.uid.as_raw().to_string().into_bytes())?
        }
        _ => bail!("--unique-id is needed for an account of `{provider}`"),
    };
    Ok(Identity { provider: provider.clone(), unique })
}

/// `users add`.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// The Unix account.
    name: UserName,
    /// Who keeps the identity: system, ldap:SECTION, openid:ISSUER, saml:ENTITY.
    #[arg(long, default_value = "system")]
    provider: Provider,
    /// What the provider calls it for ever, in base64; of system the uid of the account.
    #[arg(long, value_name = "BASE64")]
    unique_id: Option<UniqueId>,
    /// The name at the provider, where it is another one.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// viewer, publisher or administrator; otherwise by the rules.
    #[arg(long)]
    role: Option<Role>,
    /// First name.
    #[arg(long)]
    first: Option<String>,
    /// Last name.
    #[arg(long)]
    last: Option<String>,
    /// Mail address.
    #[arg(long)]
    email: Option<String>,
    #[command(flatten)]
    asking: Asking,
}

impl Add {
    pub(super) fn run(&self) -> anyhow::Result<Answer> {
        let act_ = AccountAct::Add {
            identity: identity(&self.provider, self.unique_id.as_ref(), &self.name)?,
            username: self.username.clone().unwrap_or_else(|| self.name.to_string()),
            unix: self.name.clone(),
            attributes: Attributes {
                first: self.first.clone(),
                last: self.last.clone(),
                email: self.email.clone(),
                role_values: Vec::new(),
            },
            role: self.role,
        };
        let done = act(&self.asking, act_)?;
        Ok(answer(&self.asking, &done, told::text(&done.after).trim_end()))
    }
}

/// `users alter`.
#[derive(Debug, Args)]
pub(super) struct Alter {
    #[command(flatten)]
    who: Which,
    /// viewer, publisher or administrator.
    #[arg(long, visible_alias = "new-role")]
    role: Option<Role>,
    /// Also if nobody would be administrator any more.
    #[arg(long)]
    force: bool,
    /// The name at its provider.
    #[arg(long, value_name = "NAME")]
    new_username: Option<String>,
    /// The Unix account.
    #[arg(long, value_name = "NAME")]
    new_unix_name: Option<UserName>,
    /// Who keeps the identity, together with --new-unique-id.
    #[arg(long, value_name = "PROVIDER", requires = "new_unique_id")]
    new_provider: Option<Provider>,
    /// What the provider calls it for ever, in base64.
    #[arg(long, value_name = "BASE64")]
    new_unique_id: Option<UniqueId>,
    /// First name.
    #[arg(long)]
    first: Option<String>,
    /// Last name.
    #[arg(long)]
    last: Option<String>,
    /// Mail address.
    #[arg(long)]
    email: Option<String>,
    /// Remove all second factors and recovery codes: their person lost them. Who needs one enrols a new one at the next sign-in;
    /// sign-ins that live go on.
    #[arg(
        long,
        conflicts_with_all = [
            "role", "force", "new_username", "new_unix_name", "new_provider", "new_unique_id", "first", "last", "email"
        ]
    )]
    drop_factors: bool,
    #[command(flatten)]
    asking: Asking,
}

impl Alter {
    pub(super) fn run(&self) -> anyhow::Result<Answer> {
        if self.drop_factors {
            let done = act(&self.asking, AccountAct::DropFactors(self.who.select()))?;
            let gone = done.moved.iter().map(|(_, count)| count).sum::<u64>();
            let said = match gone {
                0 => "has no second factor".to_owned(),
                _ => format!("{gone} removed: none of them counts any more"),
            };
            return Ok(answer(&self.asking, &done, &format!("{}: {said}", done.after.unix)));
        }
        let identity = match &self.new_unique_id {
            None => None,
            Some(unique) => {
                let provider = match &self.new_provider {
                    Some(provider) => provider.clone(),
                    None => find(&self.asking, self.who.select())?.identity.provider,
                };
                Some(Identity { provider, unique: unique.clone() })
            }
        };
        let change = AccountChange {
            role: self.role,
            username: self.new_username.clone(),
            unix: self.new_unix_name.clone(),
            identity,
            first: self.first.clone(),
            last: self.last.clone(),
            email: self.email.clone(),
        };
        if change == AccountChange::default() {
            bail!("nothing to change: say what, e.g. --role publisher");
        }
        let done =
            act(&self.asking, AccountAct::Alter { who: self.who.select(), change, force: self.force })?;
        Ok(answer(&self.asking, &done, told::text(&done.after).trim_end()))
    }
}

fn find(asking: &Asking, who: Select) -> anyhow::Result<Account> {
    match asking.run_dir.ask_within(&ToDaemon::Account { who }, PATIENCE)?.into_iter().next() {
        Some(FromDaemon::Account(account)) => Ok(*account),
        _ => bail!("the daemon answered something else"),
    }
}

/// `users lock`.
#[derive(Debug, Args)]
pub(super) struct Lock {
    #[command(flatten)]
    who: Which,
    #[command(flatten)]
    asking: Asking,
}

impl Lock {
    pub(super) fn run(&self) -> anyhow::Result<Answer> {
        let done = act(&self.asking, AccountAct::Lock(self.who.select()))?;
        let already = done.before.as_ref().is_some_and(|before| before.locked.is_some());
        let said = if already { "is locked already" } else { "is locked" };
        Ok(answer(&self.asking, &done, &format!("{} {said}", done.after.unix)))
    }
}

/// `users unlock`.
#[derive(Debug, Args)]
pub(super) struct Unlock {
    #[command(flatten)]
    who: Which,
    #[command(flatten)]
    asking: Asking,
}

impl Unlock {
    pub(super) fn run(&self) -> anyhow::Result<Answer> {
        let done = act(&self.asking, AccountAct::Unlock(self.who.select()))?;
        let was = done.before.as_ref().is_some_and(|before| before.locked.is_some());
        let said = if was { "may sign in again" } else { "was not locked" };
        Ok(answer(&self.asking, &done, &format!("{} {said}", done.after.unix)))
    }
}

/// `users transfer`.
#[derive(Debug, Args)]
pub(super) struct Transfer {
    #[command(flatten)]
    who: Which,
    /// To whom: an account's name.
    #[arg(long, value_name = "NAME")]
    to: String,
    /// API keys too.
    #[arg(long)]
    api_keys: bool,
    /// Remove the first account afterwards.
    #[arg(long)]
    delete: bool,
    /// Don't ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    asking: Asking,
}

impl Transfer {
    pub(super) fn run(&self) -> anyhow::Result<Answer> {
        let from = self.who.select();
        let then = if self.delete { ", and remove the account" } else { "" };
        sure(self.yes, &format!("give everything of {from} to {}{then}?", self.to))?;
        let to = Select::Name(self.to.clone());
        let act_ = AccountAct::Transfer { from, to, keys: self.api_keys, remove: self.delete };
        let done = act(&self.asking, act_)?;
        let moved: Vec<String> =
            done.moved.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{n} {what}")).collect();
        let what = if moved.is_empty() { "nothing".to_owned() } else { moved.join(", ") };
        Ok(answer(&self.asking, &done, &format!("{what} transferred to {}", done.after.unix)))
    }
}

/// `users remove`.
#[derive(Debug, Args)]
pub(super) struct Remove {
    #[command(flatten)]
    who: Which,
    /// Also if nobody would be administrator any more.
    #[arg(long)]
    force: bool,
    /// Don't ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    asking: Asking,
}

impl Remove {
    pub(super) fn run(&self) -> anyhow::Result<Answer> {
        let who = self.who.select();
        sure(self.yes, &format!("remove the account {who}?"))?;
        let done = act(&self.asking, AccountAct::Remove { who, force: self.force })?;
        Ok(answer(
            &self.asking,
            &done,
            &format!("{} is removed; its records stay in the audit log", done.after.unix),
        ))
    }
}
