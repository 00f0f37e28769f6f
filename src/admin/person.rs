//! Whose flags are asked for: an account of this machine, or one that somebody describes.

use std::ffi::CString;

use anyhow::{Context as _, bail};
use clap::Args;
use nix::unistd::{Group, User, getgrouplist};
use portcullis_conf::Settings;
use portcullis_model::UserName;
use portcullis_policy::Flags;
use portcullis_sys::directories;

/// Who is meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct Who {
    /// The account, by the name that the machine knows.
    #[arg(long, value_name = "NAME")]
    pub user: String,
    /// Its groups, with commas: in place of those that the machine knows, or for an account that isn't here.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub groups: Option<Vec<String>>,
    /// Its home directory, for an account that isn't here.
    #[arg(long, value_name = "DIR")]
    pub home: Option<String>,
}

/// A person as the policy needs one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// Canonical name.
    pub user: UserName,
    /// Groups' names.
    pub groups: Vec<String>,
    /// Home directory, where it is known.
    pub home: Option<String>,
    /// Whether the machine knows the account.
    pub here: bool,
}

impl Who {
    /// Looks the account up.
    pub(crate) fn person(&self) -> anyhow::Result<Person> {
        let found = Person::look_up(&self.user)?;
        let groups = self.groups.as_ref().map(|groups| groups.iter().filter(|group| !group.is_empty()));
        let groups = groups.map(|groups| groups.cloned().collect());
        match found {
            Some(found) => Ok(Person {
                groups: groups.unwrap_or(found.groups),
                home: self.home.clone().or(found.home),
                ..found
            }),
            None => {
                let Some(groups) = groups else {
                    bail!(
                        "there is no account `{}` on this machine: say its groups with --groups",
                        self.user
                    );
                };
                let user = self.user.parse().with_context(|| format!("`{}` is no name", self.user))?;
                Ok(Person { user, groups, home: self.home.clone(), here: false })
            }
        }
    }
}

impl Person {
    /// The account of this name with its groups, as the name service knows it.
    pub(crate) fn look_up(name: &str) -> anyhow::Result<Option<Self>> {
        let service = "the name service does not answer";
        let Some(user) = User::from_name(name).context(service)? else { return Ok(None) };
        let canonical: UserName = user.name.parse().with_context(|| format!("`{}` is no name", user.name))?;
        let known = CString::new(user.name.as_str()).context("a name with a zero byte")?;
        let mut groups = Vec::new();
        for gid in getgrouplist(&known, user.gid).context(service)? {
            // A group without a name can't be meant by an option.
            groups.extend(Group::from_gid(gid).context(service)?.map(|group| group.name));
        }
        let home = user.dir.to_str().filter(|home| home.starts_with('/')).map(str::to_owned);
        Ok(Some(Self { user: canonical, groups, home, here: true }))
    }

    /// The flags that hold for this person, exemptions left aside; listed directories by their real names, as the server does.
    pub(crate) fn flags(&self, settings: &Settings) -> Flags {
        let mut flags = Flags::resolve(settings, &self.user, &self.groups);
        let strict = flags.audited.iter_mut().map(|strict| &mut strict.directories.value);
        for list in strict.chain([&mut flags.directories.value]) {
            list.iter_mut().for_each(|directory| *directory = directories::real(directory));
        }
        flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(user: &str, groups: Option<&[&str]>) -> Who {
        let groups = groups.map(|groups| groups.iter().map(|&group| group.to_owned()).collect());
        Who { user: user.to_owned(), groups, home: None }
    }

    #[test]
    fn an_account_of_this_machine_has_its_groups() {
        let root = who("root", None).person().expect("root");
        assert!(root.here && root.groups.contains(&"root".to_owned()) && root.home.is_some());
        let other = who("root", Some(&["staff", ""])).person().expect("root");
        assert_eq!(other.groups, ["staff"]);
    }

    #[test]
    fn an_account_that_is_not_here_needs_its_groups() {
        let error = who("no-such-account", None).person().expect_err("unknown").to_string();
        assert!(error.contains("--groups"), "{error}");
        let described = who("no-such-account", Some(&["staff"])).person().expect("described");
        assert!(!described.here && described.groups == ["staff"] && described.home.is_none());
        assert!(who("no/name", Some(&[])).person().is_err());
    }
}
