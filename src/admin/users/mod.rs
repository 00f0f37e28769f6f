//! `portcullis users`: who is signed in, and the accounts: listed, made, changed, locked, transferred, removed, with their history.
//!
//! Accounts are the daemon's: every command asks it, and what it answered is on disk. The history is read from the audit log, which
//! survives an account. Called by `operations`.

mod act;
mod audit;
mod csv;
mod list;
mod select;
mod sync;
mod told;

use clap::{Args, Subcommand};

use crate::Answer;
use crate::operations::people::People;

/// `portcullis users`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Users {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    people: People,
}

/// What is done with accounts.
#[derive(Debug, Subcommand)]
enum Command {
    /// List the accounts: names, role, where they come from.
    List(list::List),
    /// Make an account before its person signs in for the first time.
    ///
    /// Who is made here first is administrator from the start. The Unix account must be there.
    Add(act::Add),
    /// Change an account: role, names, address, or who it is at its provider.
    ///
    /// Another Unix name or identity ends its sign-ins and sessions: whoever signs in next is somebody else.
    Alter(act::Alter),
    /// Lock an account: its sign-ins and sessions end at once, and nobody signs in to it. What it owns stays; its API keys open nothing
    /// until it is unlocked.
    ///
    /// Exits with 0 when everything is gone, with 1 when something is left after seven seconds.
    Lock(act::Lock),
    /// Let an account be used again.
    Unlock(act::Unlock),
    /// Give what one account owns to another: its groups, and with --api-keys its keys.
    ///
    /// A key that was given away acts as its new owner, from when that person has signed in or was looked up on this machine.
    Transfer(act::Transfer),
    /// Remove an account that owns nothing any more. Its records in the audit log stay.
    Remove(act::Remove),
    /// Look up who is signed in, or has a session or a key: may they still, and what are they members of?
    ///
    /// What changed holds at once. Exits with 0 when everybody was looked up, with 1 when somebody could not be, or is left after
    /// seven seconds; the rest goes on.
    Sync(sync::Sync),
    /// Show what happened to accounts, from the audit log.
    Audit(audit::History),
}

impl Users {
    /// Carries it out.
    pub(crate) fn run(&self) -> anyhow::Result<Answer> {
        match &self.command {
            None => self.people.run(),
            Some(Command::List(list)) => list.run(),
            Some(Command::Add(add)) => add.run(),
            Some(Command::Alter(alter)) => alter.run(),
            Some(Command::Lock(lock)) => lock.run(),
            Some(Command::Unlock(unlock)) => unlock.run(),
            Some(Command::Transfer(transfer)) => transfer.run(),
            Some(Command::Remove(remove)) => remove.run(),
            Some(Command::Sync(sync)) => sync.run(),
            Some(Command::Audit(history)) => history.run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::AccountId;
    use portcullis_model::account::{
        Account, Identity, Profile, Provider, Role, RoleReason, RoleRule, UniqueId,
    };
    use portcullis_model::factor::FactorNeed;

    /// An account of this number and name.
    pub(super) fn account(number: u8, name: &str) -> Account {
        Account {
            id: AccountId::from_bytes([number; 16]),
            number: number.into(),
            identity: Identity {
                provider: Provider::System,
                unique: UniqueId::try_from(vec![b'0' + number]).expect("an id"),
            },
            username: name.into(),
            unix: name.parse().expect("a name"),
            profile: Profile::default(),
            role: Role::Viewer,
            role_reason: RoleReason { rule: RoleRule::Default, value: String::new(), place: String::new() },
            role_fixed: false,
            locked: None,
            created: 1_700_000_000_000,
            last_sign_in: None,
            epoch: 1,
            groups: Vec::new(),
            own_groups: Vec::new(),
            factors: FactorNeed::default(),
            removed: None,
        }
    }
}
