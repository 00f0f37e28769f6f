//! Who is an administrator in the browser, by the groups and the role of their sign-in: a pure function of the
//! configuration.
//!
//! The launcher decides by it at each request; the server only asks it whether to show the way there.

use portcullis_model::account::Role;

use crate::{Operation, Settings};

/// What an administrator may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// See.
    Sees,
    /// See, and end sessions and sign-ins of others.
    Acts,
}

impl Settings {
    /// What somebody with these groups and this role may; `None` for everybody else, and for everybody while the pages are off.
    pub fn rights(&self, groups: &[String], role: Role) -> Option<Rights> {
        let by_role = self.roles.admin_by_role && role == Role::Administrator && self.operation.admin_enabled;
        if by_role { Some(Rights::Acts) } else { self.operation.rights(groups) }
    }
}

impl Operation {
    /// The same by groups alone.
    fn rights(&self, groups: &[String]) -> Option<Rights> {
        let any = |wanted: &[String]| wanted.iter().any(|group| groups.contains(group));
        match self.admin_enabled {
            true if any(&self.admin_superuser_group) => Some(Rights::Acts),
            true if any(&self.admin_group) => Some(Rights::Sees),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sources, load};

    fn may(conf: &str, groups: &[&str]) -> Option<Rights> {
        as_role(conf, "", Role::Administrator, groups)
    }

    fn as_role(conf: &str, ours: &str, role: Role, groups: &[&str]) -> Option<Rights> {
        let files = [("rserver.conf", conf), ("portcullis.conf", ours)];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let settings = load(&Sources::new("/c", files)).settings;
        settings.rights(&groups.iter().map(|&group| group.to_owned()).collect::<Vec<_>>(), role)
    }

    #[test]
    fn a_role_counts_where_the_configuration_says_so() {
        let on = "admin-enabled=1\nadmin-group=seers\n";
        for (ours, role, groups, wanted) in [
            ("", Role::Administrator, vec![], None),
            ("admin-by-role=1\n", Role::Administrator, vec![], Some(Rights::Acts)),
            ("admin-by-role=1\n", Role::Administrator, vec!["seers"], Some(Rights::Acts)),
            ("admin-by-role=1\n", Role::Publisher, vec![], None),
            ("admin-by-role=1\n", Role::Viewer, vec!["seers"], Some(Rights::Sees)),
        ] {
            assert_eq!(as_role(on, ours, role, &groups), wanted, "{ours} {role} {groups:?}");
        }
        assert_eq!(as_role("", "admin-by-role=1\n", Role::Administrator, &[]), None, "they are off");
    }

    #[test]
    fn nobody_is_one_unless_a_group_says_so() {
        assert_eq!(may("", &["wheel", ""]), None);
        assert_eq!(may("admin-enabled=1\n", &["wheel", ""]), None, "no group is not every group");
        let groups = "admin-group=seers,other\nadmin-superuser-group=doers\n";
        assert_eq!(may(groups, &["seers", "doers"]), None, "they are off");
        let on = format!("admin-enabled=1\n{groups}");
        assert_eq!(may(&on, &["staff", "other"]), Some(Rights::Sees));
        assert_eq!(may(&on, &["doers"]), Some(Rights::Acts));
        assert_eq!(may(&on, &["seers", "doers"]), Some(Rights::Acts));
        assert_eq!(may(&on, &["seer", "DOERS", "seers,other"]), None);
    }
}
