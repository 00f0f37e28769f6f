//! Who is an administrator in the browser, by the groups of their sign-in: a pure function of the configuration.
//!
//! The launcher decides by it at each request; the server only asks it whether to show the way there.

use crate::Operation;

/// What an administrator may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// See.
    Sees,
    /// See, and end sessions and sign-ins of others.
    Acts,
}

impl Operation {
    /// What somebody with these groups may; `None` for everybody else, and for everybody while the pages are off.
    pub fn rights(&self, groups: &[String]) -> Option<Rights> {
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
        let files = [("rserver.conf".to_owned(), conf.to_owned())];
        let settings = load(&Sources::new("/c", files)).settings;
        settings.operation.rights(&groups.iter().map(|&group| group.to_owned()).collect::<Vec<_>>())
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
