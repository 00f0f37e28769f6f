//! Which role an account has, and why: one pure function, asked at sign-in, at each sync and by `ldap test`.
//!
//! Who the first account is, and whether a role was given by a person, is the store's to know; nothing here looks anything up.

use serde::{Deserialize, Serialize};

use crate::account::{GroupRef, Role, RoleReason, RoleRule};
use crate::dn;

/// What decides over roles (`user-role-mapping`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mapping {
    /// Nothing but the default and people.
    #[default]
    Off,
    /// The groups of the person.
    Groups,
    /// The values of the provider's role attribute.
    Attribute,
}

/// A row of one of the three lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it gives.
    pub role: Role,
    /// A group's name, its distinguished name or its unique id in base64; or a value of the attribute.
    pub value: String,
    /// Where it stands, `file:line`.
    pub place: String,
}

/// The rules of `portcullis.conf` on roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRules {
    /// What decides.
    pub mapping: Mapping,
    /// The three lists, in the order of the file.
    pub entries: Vec<Entry>,
    /// With several matches: false takes the highest, true the lowest.
    pub restrictive: bool,
    /// When nothing matches; viewer or publisher.
    pub default: Role,
    /// Where the default stands, `file:line`; empty when it is ours.
    pub default_place: String,
}

impl Default for RoleRules {
    /// No mapping, and the least role.
    fn default() -> Self {
        Self {
            mapping: Mapping::Off,
            entries: Vec::new(),
            restrictive: false,
            default: Role::Viewer,
            default_place: String::new(),
        }
    }
}

impl RoleRules {
    /// True when roles are the provider's to give, so that people can't change them without force.
    pub fn governs(&self) -> bool {
        self.mapping != Mapping::Off
    }
}

/// What a provider says that a role may hang on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told<'a> {
    /// The person's groups.
    pub groups: &'a [GroupRef],
    /// The values of the role attribute.
    pub values: &'a [String],
}

/// The role, and why. `first` when there is no account yet.
pub fn role(first: bool, rules: &RoleRules, told: Told<'_>) -> (Role, RoleReason) {
    let reason = |rule, value: &str, place: &str| RoleReason {
        rule,
        value: value.to_owned(),
        place: place.to_owned(),
    };
    if first {
        return (Role::Administrator, reason(RoleRule::FirstAccount, "", ""));
    }
    let found: Vec<(Role, RoleReason)> = match rules.mapping {
        Mapping::Off => Vec::new(),
        Mapping::Groups => of_groups(rules, told.groups)
            .map(|entry| (entry.role, reason(RoleRule::Group, &entry.value, &entry.place)))
            .collect(),
        Mapping::Attribute => of_values(rules, told.values)
            .map(|(role, value, place)| (role, reason(RoleRule::Attribute, value, place)))
            .collect(),
    };
    // The first of equals, so that the reason is the uppermost row of the file.
    let best = found.into_iter().reduce(|best, next| {
        let better = if rules.restrictive { next.0 < best.0 } else { next.0 > best.0 };
        if better { next } else { best }
    });
    best.unwrap_or_else(|| (rules.default, reason(RoleRule::Default, "", &rules.default_place)))
}

fn of_groups<'a>(rules: &'a RoleRules, groups: &'a [GroupRef]) -> impl Iterator<Item = &'a Entry> {
    rules.entries.iter().filter(move |entry| {
        let wanted = dn::normalised(&entry.value);
        groups.iter().any(|group| {
            // Names are compared as they are: `Admins` of one provider need not be `admins` of another.
            group.name == entry.value
                || group.unique.as_ref().is_some_and(|unique| unique.to_string() == entry.value)
                || wanted.is_some() && group.dn.as_deref().and_then(dn::normalised) == wanted
        })
    })
}

/// Values on the lists; a value on none of them counts when it is a role's own name.
fn of_values<'a>(
    rules: &'a RoleRules,
    values: &'a [String],
) -> impl Iterator<Item = (Role, &'a str, &'a str)> {
    values.iter().flat_map(move |value| {
        let listed: Vec<_> = rules
            .entries
            .iter()
            .filter(|entry| entry.value == *value || dn::same(&entry.value, value))
            .map(|entry| (entry.role, value.as_str(), entry.place.as_str()))
            .collect();
        let literal = || value.parse::<Role>().ok().map(|role| (role, value.as_str(), ""));
        if listed.is_empty() { literal().into_iter().collect() } else { listed }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Role::{Administrator, Publisher, Viewer};

    fn entry(role: Role, value: &str, line: u32) -> Entry {
        Entry { role, value: value.to_owned(), place: format!("portcullis.conf:{line}") }
    }

    fn rules(mapping: Mapping, restrictive: bool) -> RoleRules {
        RoleRules {
            mapping,
            entries: vec![
                entry(Viewer, "readers", 1),
                entry(Publisher, "CN=Data Science,OU=Groups,DC=Example,DC=test", 2),
                entry(Publisher, "makers", 3),
                entry(Administrator, "AP8K", 4),
                entry(Administrator, "chiefs", 5),
            ],
            restrictive,
            default: Viewer,
            default_place: "portcullis.conf:9".to_owned(),
        }
    }

    fn group(text: &str) -> GroupRef {
        let (name, dn, unique) = match text {
            _ if text.contains('=') => ("x".to_owned(), Some(text.to_owned()), None),
            "guid" => ("x".to_owned(), None, Some("AP8K".parse().expect("base64"))),
            _ => (text.to_owned(), None, None),
        };
        GroupRef { name, unique, dn }
    }

    #[test]
    fn groups_give_roles() {
        for (names, restrictive, wanted, rule, line) in [
            (&[][..], false, Viewer, RoleRule::Default, 9),
            (&["others"], false, Viewer, RoleRule::Default, 9),
            (&["makers"], false, Publisher, RoleRule::Group, 3),
            (&["Makers"], false, Viewer, RoleRule::Default, 9),
            (&["cn=data science, ou=groups,dc=example,dc=test"], false, Publisher, RoleRule::Group, 2),
            (&["cn=data science,dc=example,dc=test"], false, Viewer, RoleRule::Default, 9),
            (&["guid"], false, Administrator, RoleRule::Group, 4),
            (&["readers", "chiefs", "makers"], false, Administrator, RoleRule::Group, 5),
            (&["readers", "chiefs", "makers"], true, Viewer, RoleRule::Group, 1),
            (&["chiefs", "makers"], true, Publisher, RoleRule::Group, 3),
            (&["administrator"], false, Viewer, RoleRule::Default, 9),
        ] {
            let groups: Vec<_> = names.iter().map(|name| group(name)).collect();
            let told = Told { groups: &groups, values: &["administrator".to_owned()] };
            let (found, reason) = role(false, &rules(Mapping::Groups, restrictive), told);
            assert_eq!(
                (found, reason.rule, reason.place.as_str()),
                (wanted, rule, format!("portcullis.conf:{line}").as_str()),
                "{names:?} restrictive={restrictive}"
            );
        }
    }

    #[test]
    fn attributes_give_roles_by_the_lists_or_by_name() {
        for (values, restrictive, wanted, rule) in [
            (&[][..], false, Viewer, RoleRule::Default),
            (&["publisher"], false, Publisher, RoleRule::Attribute),
            (&["Publisher"], false, Viewer, RoleRule::Default),
            (&["chiefs"], false, Administrator, RoleRule::Attribute),
            (&["viewer", "administrator"], false, Administrator, RoleRule::Attribute),
            (&["viewer", "administrator"], true, Viewer, RoleRule::Attribute),
            (&["readers", "makers"], true, Viewer, RoleRule::Attribute),
        ] {
            let values: Vec<_> = values.iter().map(|value| (*value).to_owned()).collect();
            let told = Told { groups: &[group("chiefs")], values: &values };
            let (found, reason) = role(false, &rules(Mapping::Attribute, restrictive), told);
            assert_eq!((found, reason.rule), (wanted, rule), "{values:?} restrictive={restrictive}");
        }
    }

    #[test]
    fn the_first_account_is_administrator_whatever_the_mapping_says() {
        for mapping in [Mapping::Off, Mapping::Groups, Mapping::Attribute] {
            let told = Told { groups: &[group("readers")], values: &["viewer".to_owned()] };
            let (found, reason) = role(true, &rules(mapping, true), told);
            assert_eq!((found, reason.rule), (Administrator, RoleRule::FirstAccount));
        }
    }

    #[test]
    fn without_a_mapping_groups_and_attributes_give_nothing() {
        let told = Told { groups: &[group("chiefs")], values: &["administrator".to_owned()] };
        let rules = RoleRules { default: Publisher, ..rules(Mapping::Off, false) };
        let (found, reason) = role(false, &rules, told);
        assert_eq!((found, reason.rule), (Publisher, RoleRule::Default));
    }
}
