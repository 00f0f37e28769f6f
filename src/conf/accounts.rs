//! What the options say about accounts, in the words of the rules that decide over them.

use portcullis_model::account::Role;
use portcullis_model::name_rule::NameRule;
use portcullis_model::permission::Rules;
use portcullis_model::proof::MethodName;
use portcullis_model::role_rule::{Entry, RoleRules};

use crate::option::FileKind;
use crate::settings::Settings;
use crate::value::EditableBy;
use crate::values::Origin;

/// The three lists, by what they give.
const LISTS: [(&str, Role); 3] = [
    ("viewer-role-groups", Role::Viewer),
    ("publisher-role-groups", Role::Publisher),
    ("administrator-role-groups", Role::Administrator),
];

impl Settings {
    /// The rules on roles, each with its place, in the order of the file.
    pub fn role_rules(&self) -> RoleRules {
        let said = &self.said.portcullis.said;
        let list = |name: &str| LISTS.into_iter().find(|(known, _)| *known == name);
        let entries = said.iter().filter_map(|said| {
            let (_, role) = list(said.opt.name).filter(|_| !said.text.is_empty())?;
            Some(Entry { role, value: said.text.clone(), place: said.origin().to_string() })
        });
        let default_place = match self.origin(FileKind::Portcullis, "default-user-role") {
            Origin::Default => String::new(),
            place @ Origin::At { .. } => place.to_string(),
        };
        RoleRules {
            mapping: self.roles.user_role_mapping,
            entries: entries.collect(),
            restrictive: self.roles.user_role_mapping_restrictive,
            default: self.roles.default_user_role,
            default_place,
        }
    }

    /// The options that the table of permissions asks.
    pub fn permission_rules(&self) -> Rules {
        let people = &self.people;
        Rules {
            see_themselves_only: people.users_see_themselves_only,
            publishers_own_groups: people.publishers_own_groups,
            publishers_create_users: people.publishers_create_users,
            edit_own_profile: people.user_info_editable_by == EditableBy::AdminAndSelf,
            api_keys: people.api_keys_enabled,
        }
    }

    /// The rules that rewrite the names of a method, in their order. What PAM is asked for, and the account of `auth-none`, are
    /// names of accounts already; a proxy's header is rewritten by its own rule before it is a name.
    pub fn name_rules(&self, method: MethodName) -> Vec<&NameRule> {
        match method {
            MethodName::Pam | MethodName::None => Vec::new(),
            MethodName::Ldap
            | MethodName::Openid
            | MethodName::Saml
            | MethodName::Kerberos
            | MethodName::Proxy => self.names.auth_user_rewrite_rule.iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::role_rule::Mapping;

    use crate::{Sources, load};

    use super::*;

    fn settings(file: &str, text: &str) -> Settings {
        load(&Sources::new("/c", [(file.to_owned(), text.to_owned())])).settings
    }

    #[test]
    fn roles_come_with_their_places() {
        let text = "user-role-mapping=groups\npublisher-role-groups=cn=a,dc=example\n# c\nviewer-role-groups=b\n\
                    publisher-role-groups=d\ndefault-user-role=publisher\nuser-role-mapping-restrictive=1\n";
        let rules = settings("portcullis.conf", text).role_rules();
        let entries: Vec<_> = rules
            .entries
            .iter()
            .map(|entry| (entry.role, entry.value.as_str(), entry.place.as_str()))
            .collect();
        assert_eq!(
            entries,
            [
                (Role::Publisher, "cn=a,dc=example", "portcullis.conf:2"),
                (Role::Viewer, "b", "portcullis.conf:4"),
                (Role::Publisher, "d", "portcullis.conf:5"),
            ]
        );
        assert_eq!(
            (rules.mapping, rules.restrictive, rules.default),
            (Mapping::Groups, true, Role::Publisher)
        );
        assert_eq!(rules.default_place, "portcullis.conf:6");
        assert_eq!(settings("portcullis.conf", "").role_rules(), RoleRules::default());
    }

    #[test]
    fn permissions_as_the_options_say() {
        let rules = settings("portcullis.conf", "").permission_rules();
        assert!(rules.edit_own_profile && rules.api_keys);
        assert!(!rules.see_themselves_only && !rules.publishers_own_groups && !rules.publishers_create_users);
        let text = "user-info-editable-by=admin\napi-keys-enabled=0\nusers-see-themselves-only=1\n";
        let rules = settings("portcullis.conf", text).permission_rules();
        assert!(!rules.edit_own_profile && !rules.api_keys && rules.see_themselves_only);
    }

    #[test]
    fn names_of_providers_are_rewritten_and_names_of_accounts_are_not() {
        let settings = settings("rserver.conf", "auth-user-rewrite-rule=^(.*)@a$ $1\n");
        for method in MethodName::ALL {
            let rules: Vec<&str> = settings.name_rules(method).into_iter().map(NameRule::as_str).collect();
            let ours = matches!(method, MethodName::Pam | MethodName::None);
            assert_eq!(rules, if ours { vec![] } else { vec!["^(.*)@a$ $1"] }, "{method}");
        }
    }
}
