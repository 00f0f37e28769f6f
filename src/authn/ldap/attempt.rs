//! One directory: who somebody is there, if the password holds.

use std::time::SystemTime;

use portcullis_model::Secret;
use portcullis_model::account::{Provider, UniqueId};
use portcullis_model::dn;
use portcullis_model::proof::{BindAs, Failure, Membership, Proven, Shown, Step};

use super::ask::{self, Scope, Search};
use super::entry::Entry;
use super::groups;
use super::link::Link;
use super::name::{self, Template};
use super::person::{self, Person};
use super::plan::{Asker, Plan, Unique};
use super::talk::Talk;

/// Why it is nobody here.
#[derive(Debug)]
pub(super) enum Refused {
    /// The next directory is tried.
    Here(Failure),
    /// The password holds, and the person is not let in: no other directory is asked.
    Everywhere(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Here(failure)
    }
}

/// Examines a name and a password, neither of them empty.
pub(super) async fn prove(
    plan: &Plan,
    user: &str,
    password: &Secret,
    talk: &mut Talk<'_>,
) -> Result<Proven, Refused> {
    let (link, entry) = match &plan.asker {
        Asker::Person(template) => single(plan, template, user, password, talk).await?,
        Asker::Service(..) | Asker::Anonymous => double(plan, user, password, talk).await?,
    };
    person::standing(&entry, SystemTime::now())?;
    let person = described(plan, &entry, talk)?;
    let groups = groups::of(plan, &link, &entry, &person, talk).await?;
    let rules = &plan.said.permitted_login_group;
    let permitted = groups::permitted(rules, &groups);
    if !rules.is_empty() {
        let rule = format!("permitted-login-group {}", permitted.unwrap_or_default());
        talk.step(Step::Rule { rule: Shown::from(rule.trim()), kept: permitted.is_some() });
    }
    if permitted.is_none() {
        return Err(Refused::Everywhere(Failure::NotPermitted));
    }
    Ok(Proven {
        provider: Provider::Ldap(plan.section.clone()),
        unique: person.unique,
        user: person.user,
        attributes: person.attributes,
        groups,
        until: None,
        register: plan.said.register_on_first_login,
    })
}

/// Searches for the person, then binds as the person, on a connection of its own: the first one stays the service's, for the
/// groups.
async fn double(
    plan: &Plan,
    user: &str,
    password: &Secret,
    talk: &mut Talk<'_>,
) -> Result<(Link, Entry), Failure> {
    let link = asked(plan, talk).await?;
    let filter = name::user_filter(&plan.people, &plan.said.username_attribute, user);
    let base = &plan.said.user_search_base;
    let search = Search { what: "user", base, scope: Scope::Below, filter: &filter };
    let found = ask::one(&link, &search, &plan.attributes(), talk).await?;
    let entry = found.ok_or(Failure::Credentials)?;
    let own = Link::open(plan, talk).await?;
    ask::bind(&own, BindAs::User, &entry.dn, password, talk).await?;
    Ok((link, entry))
}

/// Binds as the person, then reads the person's own entry. A principal's name says who was bound, but not which entry that is: the
/// one that the search finds by the same letters may be somebody else's. So the password must be that entry's too.
async fn single(
    plan: &Plan,
    template: &Template,
    user: &str,
    password: &Secret,
    talk: &mut Talk<'_>,
) -> Result<(Link, Entry), Failure> {
    let filled = template.fill(user)?;
    let link = Link::open(plan, talk).await?;
    ask::bind(&link, BindAs::User, &filled, password, talk).await?;
    let found = match template {
        Template::Dn(_) => {
            let search = Search { what: "user", base: &filled, scope: Scope::Entry, filter: &plan.people };
            ask::one(&link, &search, &plan.attributes(), talk).await?
        }
        Template::Principal(_) => {
            let filter = name::principal_filter(&plan.people, &plan.said.username_attribute, &filled, user);
            let base = &plan.said.user_search_base;
            let search = Search { what: "user", base, scope: Scope::Below, filter: &filter };
            ask::one(&link, &search, &plan.attributes(), talk).await?
        }
    };
    // The password holds, but the filter says that this is nobody who may come in.
    let entry = found.ok_or(Failure::Credentials)?;
    let same = dn::same(&entry.dn, &filled);
    if matches!(template, Template::Dn(_)) && !same {
        return Err(Failure::protocol("another entry than the one that was asked for"));
    }
    if matches!(template, Template::Principal(_)) {
        let own = Link::open(plan, talk).await?;
        ask::bind(&own, BindAs::User, &entry.dn, password, talk).await?;
    }
    Ok((link, entry))
}

/// A connection that the service account, or nobody, is bound on.
async fn asked(plan: &Plan, talk: &mut Talk<'_>) -> Result<Link, Failure> {
    let link = Link::open(plan, talk).await?;
    match &plan.asker {
        Asker::Service(dn, password) => ask::bind(&link, BindAs::Service, dn, password, talk).await?,
        Asker::Anonymous => ask::bind_anonymously(&link, talk).await?,
        Asker::Person(_) => return Err(Failure::Unsupported),
    }
    Ok(link)
}

fn described(plan: &Plan, entry: &Entry, talk: &mut Talk<'_>) -> Result<Person, Failure> {
    let person = person::read(plan, entry)?;
    talk.step(Step::Entry { dn: Shown::from(person.dn.as_str()) });
    let mut value = |name: &str, value: &str| {
        talk.step(Step::Value { name: Shown::from(name), value: Shown::from(value) });
    };
    value(&plan.said.username_attribute, &person.user);
    value(&plan.said.unique_id_attribute, &person.unique.to_string());
    for role in &person.attributes.role_values {
        value(&plan.said.role_attribute, role);
    }
    Ok(person)
}

/// What the directory says of a known person now.
pub(super) async fn members(
    plan: &Plan,
    unique: &UniqueId,
    talk: &mut Talk<'_>,
) -> Result<Membership, Failure> {
    let link = asked(plan, talk).await?;
    let entry = match &plan.unique {
        Unique::Attribute(attribute) => {
            let filter = name::unique_filter(&plan.people, attribute, unique.as_bytes());
            let base = &plan.said.user_search_base;
            let search = Search { what: "user", base, scope: Scope::Below, filter: &filter };
            ask::one(&link, &search, &plan.attributes(), talk).await?
        }
        Unique::Dn => {
            let base = std::str::from_utf8(unique.as_bytes()).map_err(|_| Failure::Gone)?;
            let search = Search { what: "user", base, scope: Scope::Entry, filter: &plan.people };
            match ask::one(&link, &search, &plan.attributes(), talk).await {
                // The entry itself is the base here: that it isn't there is an answer.
                Err(Failure::Configuration(text)) if text.contains("result 32") => None,
                other => other?,
            }
        }
    };
    let entry = entry.ok_or(Failure::Gone)?;
    person::standing(&entry, SystemTime::now())?;
    let person = described(plan, &entry, talk)?;
    let groups = groups::of(plan, &link, &entry, &person, talk).await?;
    if groups::permitted(&plan.said.permitted_login_group, &groups).is_none() {
        return Err(Failure::NotPermitted);
    }
    Ok(Membership { user: person.user, attributes: person.attributes, groups })
}
