//! A person's groups: found by asking the groups or the person, and whether one of them may sign in.

use portcullis_conf::ldap::GroupSearch;
use portcullis_model::account::GroupRef;
use portcullis_model::dn;
use portcullis_model::proof::{Failure, GROUPS_MAX, Shown, Step};

use super::ask::{self, Scope, Search};
use super::entry::Entry;
use super::link::Link;
use super::name;
use super::person::{self, Person};
use super::plan::{Groups, Plan, Unique};
use super::talk::Talk;

/// The attribute with a person's groups.
pub(super) const MEMBER_OF: &str = "memberOf";

/// All groups of a person; empty where groups are not asked for. `entry` is the person's.
pub(super) async fn of(
    plan: &Plan,
    link: &Link,
    entry: &Entry,
    person: &Person,
    talk: &mut Talk<'_>,
) -> Result<Vec<GroupRef>, Failure> {
    let Some(groups) = &plan.groups else { return Ok(Vec::new()) };
    let found = match groups.by {
        GroupSearch::Search => {
            let filter = name::group_filter(&groups.filter, &person.dn, &person.user);
            let search = Search { what: "groups", base: &groups.base, scope: Scope::Below, filter: &filter };
            let entries = ask::all(link, &search, &attributes(groups), GROUPS_MAX, talk).await?;
            entries.iter().map(|entry| group(groups, entry)).collect::<Result<Vec<_>, _>>()?
        }
        GroupSearch::MemberOf => member_of(groups, link, entry, talk).await?,
    };
    let found = once(found);
    for group in &found {
        let id = group.dn.clone().unwrap_or_default();
        talk.step(Step::Group { name: Shown::from(group.name.as_str()), id: Shown::from(id.as_str()) });
    }
    Ok(found)
}

/// Follows the person's `memberOf`.
async fn member_of(
    groups: &Groups,
    link: &Link,
    entry: &Entry,
    talk: &mut Talk<'_>,
) -> Result<Vec<GroupRef>, Failure> {
    let mut names = entry.texts(MEMBER_OF);
    let mut part = entry.clone();
    // Active Directory gives 1,500 values at a time.
    while let Some(from) = part.rest_of(MEMBER_OF) {
        if names.len() > GROUPS_MAX {
            break;
        }
        let wanted = vec![format!("{MEMBER_OF};range={from}-*")];
        let search =
            Search { what: "groups", base: &entry.dn, scope: Scope::Entry, filter: "(objectClass=*)" };
        part = ask::all(link, &search, &wanted, 1, talk).await?.pop().unwrap_or_default();
        names.extend(part.texts(MEMBER_OF));
    }
    if names.len() > GROUPS_MAX {
        return Err(too_many());
    }
    let mut found = Vec::new();
    for dn in names.iter().filter(|dn| below(dn, &groups.base)) {
        match by_name(groups, dn) {
            Some(group) => found.push(group),
            None => {
                let search = Search { what: "group", base: dn, scope: Scope::Entry, filter: &groups.filter };
                let entries = ask::all(link, &search, &attributes(groups), 1, talk).await?;
                found
                    .extend(entries.iter().map(|entry| group(groups, entry)).collect::<Result<Vec<_>, _>>()?);
            }
        }
    }
    Ok(found)
}

pub(super) fn too_many() -> Failure {
    Failure::protocol(&format!("the person is in more than {GROUPS_MAX} groups"))
}

fn attributes(groups: &Groups) -> Vec<String> {
    let mut wanted = vec![groups.name.clone()];
    if let Unique::Attribute(name) = &groups.unique {
        wanted.push(name.clone());
    }
    wanted
}

/// A group's entry. Without a name it is called by its DN; without an id it is an error, because it would be another group
/// tomorrow.
fn group(groups: &Groups, entry: &Entry) -> Result<GroupRef, Failure> {
    let name = entry.text(&groups.name).unwrap_or_else(|| entry.dn.clone());
    let unique = Some(person::unique(&groups.unique, entry)?);
    Ok(GroupRef { name, unique, dn: Some(entry.dn.clone()) })
}

/// A group whose DN says all that is asked of it: its name stands first, and the DN is its id. Where `group-filter` or
/// `group-object-class` decide what a group is, the entry must be looked at.
fn by_name(groups: &Groups, text: &str) -> Option<GroupRef> {
    if groups.unique != Unique::Dn || groups.filter != "(objectClass=*)" {
        return None;
    }
    let normal = dn::normalised(text)?;
    let (kind, rest) = normal.split_once('=')?;
    let plain = rest.split_once(',').map_or(rest, |(value, _)| value);
    if !kind.eq_ignore_ascii_case(&groups.name) || plain.contains(['\\', '+']) {
        return None;
    }
    // The spelling of the directory, not the normal form's lower case.
    let name = text.split_once('=')?.1.split(',').next()?.trim().to_owned();
    let unique = portcullis_model::account::UniqueId::try_from(normal.into_bytes()).ok();
    Some(GroupRef { name, unique, dn: Some(text.to_owned()) })
}

/// Whether a DN is below a base; everything is below an empty one.
fn below(text: &str, base: &str) -> bool {
    if base.is_empty() {
        return true;
    }
    let (Some(text), Some(base)) = (dn::normalised(text), dn::normalised(base)) else { return false };
    text == base || text.strip_suffix(&base).is_some_and(|rest| rest.ends_with(',') && !rest.ends_with("\\,"))
}

/// Each group once, in a fixed order.
fn once(mut groups: Vec<GroupRef>) -> Vec<GroupRef> {
    groups.sort();
    groups.dedup_by(|a, b| a.unique.is_some() && a.unique == b.unique);
    groups
}

/// The rule by which somebody may sign in, or none when nobody of `permitted` is among the groups. With no rules everybody
/// may.
pub(super) fn permitted<'r>(permitted: &'r [String], groups: &[GroupRef]) -> Option<&'r str> {
    if permitted.is_empty() {
        return Some("");
    }
    permitted.iter().find(|rule| groups.iter().any(|group| is(rule, group))).map(String::as_str)
}

/// Whether a rule means a group: by DN when it is one, else by name or by unique id in base64. A group that is merely called
/// like another one's DN is not that one.
fn is(rule: &str, group: &GroupRef) -> bool {
    if dn::normalised(rule).is_some() {
        return group.dn.as_deref().is_some_and(|of| dn::same(rule, of));
    }
    let by_id = || {
        rule.parse::<portcullis_model::account::UniqueId>()
            .is_ok_and(|unique| group.unique.as_ref() == Some(&unique))
    };
    group.name.to_lowercase() == rule.to_lowercase() || by_id()
}

#[cfg(test)]
mod tests {
    use portcullis_model::account::UniqueId;

    use super::*;

    fn of(name: &str, dn: &str, unique: &[u8]) -> GroupRef {
        let unique = Some(UniqueId::try_from(unique.to_vec()).expect("an id"));
        GroupRef { name: name.into(), unique, dn: Some(dn.into()) }
    }

    fn plan(unique: Unique, filter: &str) -> Groups {
        let (name, by) = ("cn".to_owned(), GroupSearch::MemberOf);
        Groups { base: "ou=g,dc=a".into(), filter: filter.into(), unique, name, by }
    }

    #[test]
    fn a_permitted_group_is_named_by_dn_by_name_or_by_id() {
        let groups = [of("Staff", "cn=Staff,ou=g,dc=a", &[1, 2, 3]), of("cn=admins,dc=a", "cn=x,dc=a", &[9])];
        for (rule, wanted) in [
            ("cn=staff, OU=g,DC=a", true),
            ("staff", true),
            ("STAFF", true),
            ("AQID", true),
            ("cn=staff,ou=other,dc=a", false),
            ("staf", false),
            ("", false),
            ("*", false),
            // The second group is called so, and is another one.
            ("cn=admins,dc=a", false),
        ] {
            let rules = [rule.to_owned()];
            assert_eq!(permitted(&rules, &groups).is_some(), wanted, "{rule}");
        }
        assert_eq!(permitted(&[], &[]), Some(""));
        assert_eq!(permitted(&["staff".into()], &[]), None);
        assert_eq!(permitted(&["no".into(), "staff".into()], &groups), Some("staff"));
    }

    #[test]
    fn member_of_says_all_where_the_dn_does() {
        let any = plan(Unique::Dn, "(objectClass=*)");
        let found = by_name(&any, "CN=Data Science,OU=g,DC=a").expect("a group");
        assert_eq!(found.name, "Data Science");
        assert_eq!(found.unique.map(Vec::from), Some(b"cn=data science,ou=g,dc=a".to_vec()));
        for (groups, dn) in [
            (plan(Unique::Attribute("objectGUID".into()), "(objectClass=*)"), "cn=a,dc=a"),
            (plan(Unique::Dn, "(objectClass=group)"), "cn=a,dc=a"),
            (any.clone(), "ou=a,dc=a"),
            (any.clone(), "cn=a\\,b,dc=a"),
            (any.clone(), "not a dn"),
        ] {
            assert_eq!(by_name(&groups, dn), None, "{dn}");
        }
    }

    #[test]
    fn groups_elsewhere_do_not_count() {
        for (dn, wanted) in [
            ("cn=a,ou=g,dc=a", true),
            ("CN=a, OU=G, DC=A", true),
            ("cn=a,ou=sub,ou=g,dc=a", true),
            ("cn=a,ou=xg,dc=a", false),
            ("cn=a\\,ou=g,dc=a", false),
            ("cn=a,ou=g,dc=ab", false),
            ("rubbish", false),
        ] {
            assert_eq!(below(dn, "ou=g,dc=a"), wanted, "{dn}");
        }
        assert!(below("cn=a,dc=b", ""));
    }

    #[test]
    fn a_group_found_twice_is_one() {
        let all = vec![of("b", "cn=b", &[2]), of("a", "cn=a", &[1]), of("b", "cn=b", &[2])];
        let names: Vec<String> = once(all).into_iter().map(|group| group.name).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
