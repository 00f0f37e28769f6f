//! Binds and searches, each within its time, each told.

use ldap3::controls::{PagedResults, RawControl};
use ldap3::{DerefAliases, SearchOptions};
use portcullis_model::Secret;
use portcullis_model::proof::{BindAs, Failure, Shown, Step};

use super::entry::Entry;
use super::link::{Asked, Link};
use super::message::Parts;
use super::outcome::{self, PASSWORD_POLICY, Party};
use super::talk::Talk;

/// Entries that are asked for at a time; Active Directory gives 1,000 at most.
const PAGE: i32 = 500;

/// How deep a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The entry alone.
    Entry,
    /// The entry and everything below it.
    Below,
}

/// A search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'a> {
    /// What for, in a word.
    pub what: &'a str,
    /// Where it begins.
    pub base: &'a str,
    /// How deep it goes.
    pub scope: Scope,
    /// What it looks for, with everything escaped.
    pub filter: &'a str,
}

/// Binds with a password. An empty one is never sent: directories take it as a bind as nobody, which succeeds.
pub(super) async fn bind(
    link: &Link,
    who: BindAs,
    dn: &str,
    password: &Secret,
    talk: &mut Talk<'_>,
) -> Result<(), Failure> {
    let party = if who == BindAs::User { Party::Person } else { Party::Service };
    let text = std::str::from_utf8(password.expose()).map_err(|_| Failure::Credentials)?;
    if (text.is_empty() || dn.is_empty()) && who != BindAs::Anonymous {
        return Err(Failure::Credentials);
    }
    talk.step(Step::Bind { who, dn: Shown::from(dn) });
    let control = RawControl { ctype: PASSWORD_POLICY.to_owned(), crit: false, val: None };
    let (mut ldap, dn, text) = (link.ldap.clone(), dn.to_owned(), zeroize::Zeroizing::new(text.to_owned()));
    let answer = link
        .within(Asked::Bind, async move { ldap.with_controls(vec![control]).simple_bind(&dn, &text).await })
        .await?;
    let policy = answer.ctrls.iter().find(|control| control.1.ctype == PASSWORD_POLICY);
    let policy = policy.and_then(|control| control.1.val.as_deref());
    outcome::bind(party, answer.rc, &answer.text, policy)?;
    talk.step(Step::Bound { who });
    Ok(())
}

/// Binds as nobody.
pub(super) async fn bind_anonymously(link: &Link, talk: &mut Talk<'_>) -> Result<(), Failure> {
    bind(link, BindAs::Anonymous, "", &Secret::default(), talk).await
}

/// The one entry that a search finds; none, when there is none.
pub(super) async fn one(
    link: &Link,
    search: &Search<'_>,
    attributes: &[String],
    talk: &mut Talk<'_>,
) -> Result<Option<Entry>, Failure> {
    let (mut entries, code, _) = page(link, search, attributes, 2, None, talk).await?;
    // Two were asked for: that there are more is no matter.
    if code != 4 {
        outcome::search(code)?;
    }
    found(&entries, talk);
    match entries.len() {
        0 | 1 => Ok(entries.pop()),
        _ => Err(Failure::Ambiguous),
    }
}

/// All entries that a search finds, at most `max`: more are an error.
pub(super) async fn all(
    link: &Link,
    search: &Search<'_>,
    attributes: &[String],
    max: usize,
    talk: &mut Talk<'_>,
) -> Result<Vec<Entry>, Failure> {
    let (mut entries, mut cookie) = (Vec::new(), Vec::new());
    loop {
        let (part, code, next) = page(link, search, attributes, 0, Some(cookie), talk).await?;
        outcome::search(code)?;
        let none = part.is_empty();
        entries.extend(part);
        if entries.len() > max {
            return Err(super::groups::too_many());
        }
        // A page without entries and with a cookie could go on for ever.
        match next {
            Some(next) if !next.is_empty() && !none => cookie = next,
            _ => break,
        }
    }
    found(&entries, talk);
    Ok(entries)
}

fn found(entries: &[Entry], talk: &mut Talk<'_>) {
    talk.step(Step::Found { entries: u32::try_from(entries.len()).unwrap_or(u32::MAX) });
}

/// One request: entries, result code, and the cookie of the next page. Referrals among the entries are left out, never followed;
/// aliases are not resolved.
async fn page(
    link: &Link,
    search: &Search<'_>,
    attributes: &[String],
    limit: i32,
    cookie: Option<Vec<u8>>,
    talk: &mut Talk<'_>,
) -> Result<(Vec<Entry>, u32, Option<Vec<u8>>), Failure> {
    if cookie.as_ref().is_none_or(Vec::is_empty) {
        let (what, base, filter) = (search.what, search.base, search.filter);
        talk.step(Step::Search {
            what: Shown::from(what),
            base: Shown::from(base),
            filter: Shown::from(filter),
        });
    }
    let scope = match search.scope {
        Scope::Entry => ldap3::Scope::Base,
        Scope::Below => ldap3::Scope::Subtree,
    };
    let seconds = i32::try_from(link.operation.as_secs()).unwrap_or(i32::MAX);
    let options = SearchOptions::new().deref(DerefAliases::Never).sizelimit(limit).timelimit(seconds);
    let (base, filter, attributes) = (search.base.to_owned(), search.filter.to_owned(), attributes.to_vec());
    let mut ldap = link.ldap.clone();
    let answer = link
        .within(Asked::Search, async move {
            ldap.with_search_options(options);
            if let Some(cookie) = cookie {
                ldap.with_controls(PagedResults { size: PAGE, cookie });
            }
            ldap.search(&base, scope, &filter, attributes).await
        })
        .await?;
    let (found, result) = (answer.0, answer.1);
    let entries = found
        .into_iter()
        .filter(|entry| !entry.is_ref() && !entry.is_intermediate())
        .map(|entry| Entry::read(entry).ok_or_else(|| Failure::protocol("an entry that can't be read")))
        .collect::<Result<Vec<_>, _>>()?;
    let paged = result.ctrls.iter().find(|control| control.1.ctype == PAGED);
    let next = paged.and_then(|control| control.1.val.as_deref()).and_then(next_page);
    Ok((entries, result.rc, next))
}

/// The control of RFC 2696.
const PAGED: &str = "1.2.840.113556.1.4.319";

/// The cookie of a page: a sequence of a number and the cookie.
fn next_page(value: &[u8]) -> Option<Vec<u8>> {
    let mut parts = Parts(Parts(value).expect(0x30).ok()?);
    parts.expect(0x02).ok()?;
    parts.expect(0x04).ok().map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pages_cookie_is_read_or_there_is_none() {
        assert_eq!(next_page(&[0x30, 7, 2, 1, 0, 4, 2, 8, 9]), Some(vec![8, 9]));
        assert_eq!(next_page(&[0x30, 5, 2, 1, 0, 4, 0]), Some(vec![]));
        assert_eq!(next_page(b"rubbish"), None);
        assert_eq!(next_page(&[0x30, 3, 2, 1, 0]), None);
    }
}
