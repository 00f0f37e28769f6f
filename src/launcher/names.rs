//! Accounts as the name service knows them. May block for as long as a directory service likes: helpers and keepers call
//! this, the launcher only at its start and at a reload that names another account (for `server-user`).

use std::ffi::CString;

use nix::errno::Errno;
use nix::unistd::{Group, User, getgrouplist};
use portcullis_model::ids::IdError;
use portcullis_model::sign_in::Principal;
use portcullis_model::{Gid, Uid, UserName};
use thiserror::Error;

/// Why an account can't be looked up.
#[derive(Debug, Error)]
pub(crate) enum NameError {
    /// No such account.
    #[error("the name service knows no account `{0}`")]
    Unknown(String),
    /// The name service gave something that is not a name, or numbers that mean "nobody".
    #[error("the account `{0}` has no usable name or number")]
    Unusable(String),
    /// The name service failed.
    #[error("the name service does not answer")]
    Service(#[source] Errno),
    /// The canonical name is refused.
    #[error("the account's canonical name is refused")]
    Name(#[source] IdError),
}

/// The account of that name, with its canonical name and its groups' names.
pub(crate) fn principal(name: &str) -> Result<Principal, NameError> {
    let user = User::from_name(name).map_err(NameError::Service)?;
    let user = user.ok_or_else(|| NameError::Unknown(name.to_owned()))?;
    let canonical: UserName = user.name.parse().map_err(NameError::Name)?;
    let text = |path: &std::path::Path| path.to_str().map(str::to_owned);
    let (Some(home), Some(shell)) = (text(&user.dir), text(&user.shell)) else {
        return Err(NameError::Unusable(user.name));
    };
    // (uid_t)-1 means "leave as it is" to setresuid.
    if user.uid.as_raw() == u32::MAX || user.gid.as_raw() == u32::MAX || !home.starts_with('/') {
        return Err(NameError::Unusable(user.name));
    }
    let known = CString::new(user.name.as_str()).map_err(|_| NameError::Unusable(user.name.clone()))?;
    let ids = getgrouplist(&known, user.gid).map_err(NameError::Service)?;
    let mut groups = Vec::with_capacity(ids.len());
    for gid in ids {
        // A group without a name can't be meant by an option.
        if let Some(group) = Group::from_gid(gid).map_err(NameError::Service)? {
            groups.push(group.name);
        }
    }
    Ok(Principal {
        user: canonical,
        uid: Uid(user.uid.as_raw()),
        gid: Gid(user.gid.as_raw()),
        groups,
        home,
        shell,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_and_nobody_else_is_made_up() {
        let root = principal("root").expect("root");
        assert_eq!((root.uid, root.user.as_str()), (Uid(0), "root"));
        assert!(root.groups.contains(&"root".to_owned()));
        assert!(matches!(principal("no-such-account-here"), Err(NameError::Unknown(_))));
    }
}
