//! Who may do what with people, groups and keys: one table (`Act::row`) and the conditions that a table can't hold.
//!
//! The launcher asks before it tells the store; the store asks nothing. Pure: whoever asks looks up actor and target first. A
//! refusal names its rule, for the audit log, and its code, for clients of the API (those of Posit Connect).
//! A locked account is refused before anything else is looked at.

mod refusal;

use serde::{Deserialize, Serialize};

use crate::AccountId;
use crate::account::Role;
use crate::key::{Scope, Scopes};

pub use refusal::{Refused, Rule};

/// By what the actor is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum With {
    /// Not at all.
    Nothing,
    /// A sign-in.
    SignIn {
        /// A factor is required and none is enrolled: good for the own account only.
        limited: bool,
        /// The last proof is at most `renew-minutes` old.
        fresh: bool,
    },
    /// An API key with these scopes.
    Key(Scopes),
    /// The command line, as root: everything but what needs `--force`.
    Command {
        /// `--force` was given.
        force: bool,
    },
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Their account; none for strangers and root.
    pub account: Option<AccountId>,
    /// Their role now; with a key the least of the owner's and the key's ([`crate::key::ApiKey::role`]).
    pub role: Role,
    /// Their account is locked or removed.
    pub locked: bool,
    /// By what they are known.
    pub with: With,
}

/// What is asked for. Roles of a mapping, locks and owners are looked up by the caller ([`Target`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// Have a signed-in page at all.
    SignIn,
    /// See one's own account, sign-ins, keys and factors.
    LookAtSelf,
    /// List all people.
    ListPeople,
    /// See one person.
    SeePerson,
    /// List all groups.
    ListGroups,
    /// See a group and its members.
    SeeGroup,
    /// Make an account beforehand.
    CreatePerson {
        /// With this role.
        role: Role,
    },
    /// Change a role.
    ChangeRole {
        /// To this one.
        to: Role,
    },
    /// Give an account another user name.
    Rename,
    /// Change names and address.
    EditProfile,
    /// Lock an account.
    Lock,
    /// Unlock an account.
    Unlock,
    /// Remove an account.
    Remove,
    /// Hand over what an account owns.
    Transfer,
    /// End sign-ins.
    EndSignIns,
    /// Make a group.
    CreateGroup,
    /// Rename a group or give it another owner.
    EditGroup,
    /// Remove a group.
    RemoveGroup,
    /// Add a member to a group.
    AddMember,
    /// Take a member out of a group.
    RemoveMember,
    /// Read the audit log.
    ReadAudit,
    /// Make an API key.
    CreateKey {
        /// With this role at the most.
        role: Role,
    },
    /// List API keys.
    ListKeys,
    /// End an API key.
    EndKey,
    /// Enrol a factor.
    AddFactor,
    /// Remove a factor.
    EndFactor,
}

/// Whom or what it concerns, as far as the act has one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The person.
    pub account: Option<AccountId>,
    /// The person is the only administrator that is neither locked nor removed.
    pub last_administrator: bool,
    /// A mapping gives the role, and nobody fixed it.
    pub role_governed: bool,
    /// The person's present role.
    pub role: Option<Role>,
    /// The provider keeps the user name.
    pub name_governed: bool,
    /// The provider keeps what is to be changed of the profile.
    pub profile_governed: bool,
    /// Who owns the group.
    pub group_owner: Option<AccountId>,
    /// A provider keeps the group and its members.
    pub group_governed: bool,
}

/// The options that the table hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// `users-see-themselves-only`: a viewer sees no other person and no group.
    pub see_themselves_only: bool,
    /// `publishers-own-groups`: publishers may make groups.
    pub publishers_own_groups: bool,
    /// `publishers-create-users`: publishers may make accounts beforehand.
    pub publishers_create_users: bool,
    /// `user-info-editable-by=admin-and-self`: people may change their own profile.
    pub edit_own_profile: bool,
    /// `api-keys-enabled`.
    pub api_keys: bool,
}

/// Whom the table lets do it, before the conditions.
#[derive(Debug, Clone, Copy)]
enum Who {
    /// Everybody who is signed in.
    Everybody,
    /// Oneself only.
    Oneself,
    /// Oneself, and administrators with others.
    OneselfOrAdministrator,
    /// The group's owner, and administrators.
    OwnerOrAdministrator,
    /// Administrators, and publishers when an option says so.
    AdministratorOr(fn(&Rules) -> bool),
    /// Administrators.
    Administrator,
    /// Nobody but the command line.
    Command,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
struct Row {
    who: Who,
    /// What a key needs; with none no key will do.
    scope: Option<Scope>,
    /// Whether a sign-in needs a recent proof: for what lasts beyond the sign-in. Never for what only takes rights away from
    /// oneself, which must be quick.
    fresh: Fresh,
    /// Whether a limited sign-in may.
    limited: bool,
    /// The rule that a refusal by role names.
    refusal: Rule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fresh {
    Never,
    Always,
    /// When it concerns somebody else.
    Others,
}

impl Act {
    const fn row(self) -> Row {
        use Fresh::{Always, Never, Others};
        use Rule::{MayNot, MayNotLock, MayNotSee, NotYours};
        use Scope::{AccountRead, AuditRead, UsersRead, UsersWrite};
        use Who::{
            Administrator, AdministratorOr, Command, Everybody, Oneself, OneselfOrAdministrator,
            OwnerOrAdministrator,
        };
        let (who, scope, fresh, limited, refusal) = match self {
            Self::SignIn => (Everybody, None, Never, true, MayNot),
            Self::LookAtSelf => (Oneself, Some(AccountRead), Never, true, MayNotSee),
            Self::ListPeople | Self::SeePerson | Self::ListGroups | Self::SeeGroup => {
                (Everybody, Some(UsersRead), Never, false, MayNotSee)
            }
            Self::CreatePerson { .. } => {
                (AdministratorOr(publishers_create_users), Some(UsersWrite), Always, false, MayNot)
            }
            Self::ChangeRole { .. } => (OneselfOrAdministrator, Some(UsersWrite), Others, false, MayNot),
            Self::EditProfile => (OneselfOrAdministrator, Some(UsersWrite), Others, false, MayNot),
            Self::Rename | Self::Unlock => (Administrator, Some(UsersWrite), Always, false, MayNot),
            Self::Lock => (OneselfOrAdministrator, Some(UsersWrite), Others, false, MayNotLock),
            Self::Remove | Self::Transfer => (Command, None, Always, false, Rule::CommandOnly),
            Self::EndSignIns => (OneselfOrAdministrator, None, Others, true, MayNot),
            Self::CreateGroup => {
                (AdministratorOr(publishers_own_groups), Some(UsersWrite), Others, false, MayNot)
            }
            Self::EditGroup | Self::RemoveGroup | Self::AddMember | Self::RemoveMember => {
                (OwnerOrAdministrator, Some(UsersWrite), Others, false, NotYours)
            }
            Self::ReadAudit => (Administrator, Some(AuditRead), Never, false, MayNotSee),
            Self::CreateKey { .. } => (Oneself, None, Always, false, NotYours),
            Self::ListKeys => (OneselfOrAdministrator, None, Never, false, NotYours),
            Self::EndKey => (OneselfOrAdministrator, None, Others, false, NotYours),
            Self::AddFactor => (Oneself, None, Always, true, NotYours),
            Self::EndFactor => (OneselfOrAdministrator, None, Always, false, NotYours),
        };
        Row { who, scope, fresh, limited, refusal }
    }
}

const fn publishers_create_users(rules: &Rules) -> bool {
    rules.publishers_create_users
}

const fn publishers_own_groups(rules: &Rules) -> bool {
    rules.publishers_own_groups
}

/// Whether the actor may do this to the target.
///
/// # Errors
/// [`Refused`] with the first rule that says no: who it is, then by what, then the role, then the conditions, and only then the
/// recent proof, so that nobody is asked to prove something that would be refused anyway.
pub fn may(actor: &Actor, act: Act, target: &Target, rules: &Rules) -> Result<(), Refused> {
    let row = act.row();
    let myself = actor.account.is_some() && actor.account == target.account;
    if actor.locked {
        return Err(Rule::Locked.into());
    }
    known(actor, act, &row, myself, rules)?;
    if !matches!(actor.with, With::Command { .. }) {
        by_role(actor, act, &row, target, rules)?;
    }
    condition(actor, act, target, rules)?;
    let stale = match row.fresh {
        Fresh::Never => false,
        Fresh::Always => true,
        Fresh::Others => !myself,
    };
    match actor.with {
        With::SignIn { fresh: false, .. } if stale => Err(Rule::Renew.into()),
        _ => Ok(()),
    }
}

fn known(actor: &Actor, act: Act, row: &Row, myself: bool, rules: &Rules) -> Result<(), Rule> {
    match actor.with {
        With::Nothing => Err(Rule::SignInFirst),
        With::SignIn { limited: true, .. } if !row.limited => Err(Rule::FactorFirst),
        // A limited sign-in is for the own account, whatever the role.
        With::SignIn { limited: true, .. } if act == Act::EndSignIns && !myself => Err(Rule::FactorFirst),
        With::SignIn { .. } | With::Command { .. } => Ok(()),
        With::Key(_) if !rules.api_keys => Err(Rule::KeysOff),
        With::Key(scopes) => match row.scope {
            None => Err(Rule::NeverByKey),
            Some(scope) if scopes.has(scope) => Ok(()),
            Some(_) if act == Act::SeePerson && myself && scopes.has(Scope::AccountRead) => Ok(()),
            Some(_) => Err(Rule::Scope),
        },
    }
}

fn by_role(actor: &Actor, act: Act, row: &Row, target: &Target, rules: &Rules) -> Result<(), Rule> {
    let myself = actor.account.is_some() && actor.account == target.account;
    let administrator = actor.role == Role::Administrator;
    let owner = actor.account.is_some() && actor.account == target.group_owner;
    let allowed = match row.who {
        Who::Everybody => {
            let narrow = rules.see_themselves_only && actor.role == Role::Viewer;
            act == Act::SignIn || !narrow || act == Act::SeePerson && myself
        }
        Who::Oneself => myself,
        Who::OneselfOrAdministrator => myself || administrator,
        // Anybody may leave a group.
        Who::OwnerOrAdministrator => owner || administrator || act == Act::RemoveMember && myself,
        Who::AdministratorOr(option) => administrator || actor.role == Role::Publisher && option(rules),
        Who::Administrator => administrator,
        Who::Command => false,
    };
    if allowed { Ok(()) } else { Err(row.refusal) }
}

fn condition(actor: &Actor, act: Act, target: &Target, rules: &Rules) -> Result<(), Rule> {
    let (command, force) = match actor.with {
        With::Command { force } => (true, force),
        _ => (false, false),
    };
    let above = |role: Role| !command && role > actor.role;
    match act {
        Act::CreatePerson { role } | Act::CreateKey { role } if above(role) => Err(Rule::RoleAbove),
        Act::CreateKey { .. } if !rules.api_keys => Err(Rule::KeysOff),
        Act::ChangeRole { to } => {
            if target.role_governed && !force {
                return Err(Rule::RoleGoverned);
            }
            if target.last_administrator && to < Role::Administrator && !force {
                return Err(Rule::LastAdministrator);
            }
            // One's own role only goes down: `above` is that, since it is one's own.
            if above(to) { Err(Rule::RoleAbove) } else { Ok(()) }
        }
        Act::Rename if target.name_governed && !force => Err(Rule::Governed),
        Act::EditProfile if target.profile_governed => Err(Rule::Governed),
        Act::EditProfile if !command && actor.role != Role::Administrator && !rules.edit_own_profile => {
            Err(Rule::MayNot)
        }
        Act::Lock | Act::Remove if target.last_administrator && !command => Err(Rule::LastAdministrator),
        Act::Remove if target.last_administrator && !force => Err(Rule::LastAdministrator),
        Act::EditGroup | Act::RemoveGroup | Act::AddMember | Act::RemoveMember if target.group_governed => {
            Err(Rule::Governed)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
