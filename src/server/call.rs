//! One request as it goes through the server: what is known of it once it passed the gate.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderValue, Method, Uri};
use portcullis_model::Effect;
use portcullis_policy::{Accepts, Refusal};

use crate::answers::Reader;
use crate::generation::Generation;
use crate::held::Moment;
use crate::refusals::{Refused, what};
use crate::state::{Live, Person};
use crate::who::{Identity, Memo};
use crate::world::{Thread, World};

/// A request without its body.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// This thread.
    pub(crate) thread: &'a Thread,
    /// What the connection it came on remembers.
    pub(crate) memo: &'a Memo,
    /// Everything at the moment the request came.
    pub(crate) snapshot: Rc<Moment>,
    /// Who asks.
    pub(crate) identity: Option<Identity>,
    /// From where.
    pub(crate) peer: IpAddr,
    /// `Host`, well-formed.
    pub(crate) host: HeaderValue,
    /// The method.
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) uri: &'a Uri,
    /// Whether a person sees the answer as a page.
    pub(crate) html: bool,
    /// What a program that sees it wants to read.
    pub(crate) accepts: Accepts,
    /// Seconds since 1970.
    pub(crate) now: u64,
}

impl Call<'_> {
    /// Shared by all threads.
    pub(crate) fn world(&self) -> &World {
        &self.thread.world
    }

    /// The configuration in force.
    pub(crate) fn generation(&self) -> &Generation {
        &self.snapshot.generation
    }

    /// Who asks.
    pub(crate) fn person(&self) -> Option<&Arc<Person>> {
        self.identity.as_ref().map(|identity| &identity.person)
    }

    /// Who reads the answer.
    pub(crate) fn reader(&self) -> Reader<'_> {
        let user = self.identity.as_ref().map(|identity| identity.person.user());
        Reader { generation: self.generation(), user, html: self.html }
    }

    /// `Host` as text.
    pub(crate) fn host(&self) -> &str {
        self.host.to_str().unwrap_or_default()
    }

    /// Whether the page renews itself: then nobody acted.
    pub(crate) fn renews_itself(&self) -> bool {
        self.uri.query().is_some_and(|query| crate::forms::query_value(query, "live").is_some())
    }

    /// A person did this.
    pub(crate) fn acted(&self) {
        if let Some(person) = self.person() {
            self.world().touched(self.generation(), person, self.now);
        }
    }

    /// A refusal of this request before its IDE was known, for the audit log.
    pub(crate) fn refused(&self, session: &str, capability: &str, rule: &str) -> String {
        self.world().refused(self.refusal(session, capability, rule), self.now)
    }

    /// A refusal of this request, or with [`Effect::Audit`] what would have been one: its id in the audit log.
    pub(crate) fn refused_in(&self, live: &Live, refusal: &Refusal, effect: Effect) -> String {
        let session = live.session.id.to_string();
        let refused = Refused {
            ide: live.session.ide.word().to_owned(),
            path: ides_path(self.generation().root.as_str(), self.uri.path()).to_owned(),
            effect,
            ..self.refusal(&session, refusal.capability.word(), &refusal.rule)
        };
        self.world().refused(refused, self.now)
    }

    fn refusal(&self, session: &str, capability: &str, rule: &str) -> Refused {
        Refused {
            user: self.person().map_or_else(String::new, |person| person.user().to_owned()),
            session: session.to_owned(),
            remote: self.peer,
            capability: capability.to_owned(),
            what: what(self.method.as_str(), self.uri.path()),
            rule: rule.to_owned(),
            ide: String::new(),
            method: self.method.as_str().to_owned(),
            path: String::new(),
            effect: Effect::Block,
        }
    }
}

/// What an IDE sees of a path: behind `/s/<id>`, which stands below `www-root-path`.
pub(crate) fn ides_path<'p>(root: &str, path: &'p str) -> &'p str {
    let below = path.strip_prefix(root.trim_end_matches('/')).unwrap_or(path);
    below.match_indices('/').nth(2).map_or("/", |(at, _)| &below[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ides_path_begins_behind_the_session() {
        assert_eq!(ides_path("", "/s/0011223344556677/api/x"), "/api/x");
        assert_eq!(ides_path("", "/s/0011223344556677//api"), "//api");
        assert_eq!(ides_path("", "/s/0011223344556677/"), "/");
        assert_eq!(ides_path("/deep/ide", "/deep/ide/s/0011223344556677/api/x"), "/api/x");
        assert_eq!(ides_path("/deep/ide", "/deep/ide/s/0011223344556677"), "/");
        assert_eq!(ides_path("", "/s/0011223344556677"), "/");
    }
}
