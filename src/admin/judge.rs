//! A request judged as the server would judge it, by the same functions, without a server.
//!
//! What only the running daemon knows (a body that wasn't given, whose program listens on a port, another person's file) is said to
//! be unknown, never guessed. Called by `explain` and `simulate`.

use std::io::ErrorKind;

use portcullis_conf::Settings;
use portcullis_model::session::Ide;
use portcullis_policy::{
    Adapters, Ask, BodyRule, Capability, Flags, Forward, PathClaim, Refusal, SocketRule, Verdict, decide,
    judge_body, outside,
};
use portcullis_sys::resolve::resolve;
use serde::Serialize;

use crate::person::Person;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Decision {
    /// It goes on to the IDE.
    Forwarded,
    /// It is answered by the server.
    Refused,
    /// It can't be said from here.
    Unknown,
}

/// Where a path of a request leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Led {
    /// As the IDE would open it.
    pub asked: String,
    /// Links followed; `None` where it can't be followed.
    pub resolved: Option<String>,
    /// Whether that is within the home or a listed directory; `None` where nobody can say.
    pub allowed: Option<bool>,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    pub decision: Decision,
    /// Why it is refused.
    pub refusal: Option<Refusal>,
    /// What would have refused it, had the flag's effect not been `audit`.
    pub noted: Option<Refusal>,
    pub capability: Capability,
    pub led: Option<Led>,
    /// Under which conditions it goes on, or what isn't known.
    pub conditions: Vec<String>,
    /// Only its body tells, and there was none.
    pub needs_body: bool,
}

/// Everything that stays the same for one person and configuration.
#[derive(Debug)]
pub(crate) struct Bench {
    pub adapters: Adapters,
    pub flags: Flags,
    pub home: Option<String>,
}

impl Bench {
    pub(crate) fn new(settings: &Settings, person: &Person) -> Self {
        Self { adapters: Adapters::new(settings), flags: person.flags(settings), home: person.home.clone() }
    }

    /// Judges by head and, where it is given, body.
    pub(crate) fn judge(&self, ide: Ide, ask: &Ask<'_>, body: Option<&[u8]>) -> Judged {
        self.judge_with(&self.flags, ide, ask, body)
    }

    /// The same with other flags.
    pub(crate) fn judge_with(&self, flags: &Flags, ide: Ide, ask: &Ask<'_>, body: Option<&[u8]>) -> Judged {
        let forward = match decide(&self.adapters, ide, flags, ask) {
            Verdict::Refuse(refusal) => return Judged::refused(*refusal, None),
            Verdict::Forward(forward) => forward,
        };
        let mut judged = Judged::forwarded(&forward);
        if self.follow(flags, &forward, &mut judged) {
            return judged;
        }
        if let Some(port) = forward.port {
            judged
                .conditions
                .push(format!("only while a program of the person's own listens on port {port}"));
        }
        let BodyRule::Judge { limit } = forward.body else {
            judged.condition_of_body(&forward);
            return judged;
        };
        let Some(body) = body else {
            if flags.restrictive() || flags.audited().is_some() {
                judged.needs_body = true;
                judged.decision = Decision::Unknown;
                judged.conditions.push("what its body says decides: give one with --body".to_owned());
            }
            return judged;
        };
        if u64::try_from(body.len()).is_ok_and(|length| length > limit) {
            return Judged::refused(portcullis_policy::over_limit(flags, limit), judged.led);
        }
        match judge_body(&self.adapters, ide, flags, ask, body) {
            Verdict::Refuse(refusal) => Judged::refused(*refusal, judged.led),
            Verdict::Forward(told) => {
                let (led, decision) = (judged.led.take(), judged.decision);
                judged = Judged { led, decision, ..Judged::forwarded(&told) };
                self.follow(flags, &told, &mut judged);
                judged
            }
        }
    }

    /// Follows the paths of a request; whether that was the end of it.
    fn follow(&self, flags: &Flags, forward: &Forward, judged: &mut Judged) -> bool {
        for claim in forward.paths.claims() {
            let led = self.lead(flags, claim);
            match led.allowed {
                Some(true) => {}
                Some(false) => {
                    *judged = Judged::refused(outside(flags, forward.capability, &claim.tail), Some(led));
                    return true;
                }
                None => {
                    judged.decision = Decision::Unknown;
                    judged.conditions.push("where its path leads can't be seen from here".to_owned());
                }
            }
            judged.led = Some(led);
        }
        if let Some(strict) = flags.audited() {
            let outside_of = |claim: &&PathClaim| self.lead(strict, claim).allowed == Some(false);
            let recorded = forward.recorded.claims().iter().find(outside_of);
            judged.noted = recorded
                .map(|claim| outside(strict, forward.capability, &claim.tail))
                .or(judged.noted.take());
        }
        false
    }

    /// Where a path leads as this process sees it; the session asks as its user.
    pub(crate) fn lead(&self, flags: &Flags, claim: &PathClaim) -> Led {
        let Some(home) = self.home.as_deref().filter(|home| claim.absolute || !home.is_empty()) else {
            let asked = if claim.absolute { format!("/{}", claim.tail) } else { format!("~/{}", claim.tail) };
            return Led { asked, resolved: None, allowed: None };
        };
        let asked = claim.under(home);
        let (resolved, real_home) = (resolve(&asked), resolve(home));
        let allowed = match (&resolved, &real_home) {
            (Some(path), Some(home)) => Some(flags.directory_allows(path, home)),
            // The session can't follow it either, unless it is only this process that may not look.
            _ if unseen(&asked) || unseen(home) => None,
            _ => Some(false),
        };
        Led { asked, resolved, allowed }
    }
}

/// Whether this process may not look at it, though its owner may.
fn unseen(path: &str) -> bool {
    let denied = |error: std::io::Error| error.kind() == ErrorKind::PermissionDenied;
    std::fs::metadata(path).is_err_and(denied)
}

impl Judged {
    fn refused(refusal: Refusal, led: Option<Led>) -> Self {
        Self {
            decision: Decision::Refused,
            capability: refusal.capability,
            refusal: Some(refusal),
            noted: None,
            led,
            conditions: Vec::new(),
            needs_body: false,
        }
    }

    fn forwarded(forward: &Forward) -> Self {
        Self {
            decision: Decision::Forwarded,
            refusal: None,
            noted: forward.noted.as_deref().cloned(),
            capability: forward.capability,
            led: None,
            conditions: Vec::new(),
            needs_body: false,
        }
    }

    fn condition_of_body(&mut self, forward: &Forward) {
        if let BodyRule::Limit(limit) = forward.body {
            self.conditions.push(format!("a body of more than {limit} bytes is refused"));
        }
        if forward.body == BodyRule::Form {
            self.conditions.push("its form is looked at while it passes".to_owned());
        }
        if !matches!(forward.socket, SocketRule::None | SocketRule::Opaque) {
            self.conditions.push("its messages are judged one by one".to_owned());
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use portcullis_conf::{Sources, load};

    pub(crate) fn settings(files: &[(&str, &str)]) -> Settings {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let loaded = load(&Sources::new("/c", files));
        assert!(loaded.is_usable(), "{:?}", loaded.problems);
        loaded.settings
    }

    pub(crate) fn person(home: Option<&str>) -> Person {
        let user = "alice".parse().expect("a name");
        Person { user, groups: vec!["staff".into()], home: home.map(str::to_owned), here: true }
    }

    pub(crate) fn ask<'a>(method: &'a str, path: &'a str) -> Ask<'a> {
        Ask {
            method,
            path,
            query: None,
            upgrade: false,
            subprotocol: None,
            content_length: None,
            wants_html: false,
            port_token: None,
        }
    }

    fn judged(conf: &str, home: Option<&str>, method: &str, path: &str, body: Option<&str>) -> Judged {
        let settings = settings(&[("rsession.conf", conf)]);
        let bench = Bench::new(&settings, &person(home));
        bench.judge(Ide::Jupyter, &ask(method, path), body.map(str::as_bytes))
    }

    #[test]
    fn flags_decide_as_in_the_server() {
        let refused = judged("\nallow-shell=0\n", None, "POST", "/api/terminals", None);
        assert_eq!(refused.decision, Decision::Refused);
        assert_eq!(refused.refusal.expect("why").rule, "allow-shell=0 (rsession.conf:2)");
        assert_eq!(judged("", None, "POST", "/api/terminals", None).decision, Decision::Forwarded);
    }

    #[test]
    fn a_body_decides_when_it_is_there() {
        let path = "/api/contents/a.bin";
        let without = judged("allow-file-uploads=0\n", None, "PUT", path, None);
        assert!(without.decision == Decision::Unknown && without.needs_body);
        let upload = r#"{"type":"file","format":"base64","name":"a.bin","path":"a.bin","content":"AAEC"}"#;
        assert_eq!(
            judged("allow-file-uploads=0\n", None, "PUT", path, Some(upload)).decision,
            Decision::Refused
        );
        let save = r#"{"type":"file","format":"text","path":"a.txt","content":"x"}"#;
        let saved = judged("allow-file-uploads=0\n", None, "PUT", "/api/contents/a.txt", Some(save));
        assert_eq!(saved.decision, Decision::Forwarded, "{saved:?}");
        assert_eq!(judged("", None, "PUT", path, None).decision, Decision::Forwarded, "nothing restricts");
    }

    #[test]
    fn a_path_is_followed_before_it_is_compared() {
        let dir = tempfile::tempdir().expect("a directory");
        let home = dir.path().canonicalize().expect("a path");
        std::os::unix::fs::symlink("/etc", home.join("away")).expect("a link");
        std::fs::write(home.join("mine.txt"), "x").expect("a file");
        let home = home.to_str();
        let conf = "restrict-directory-view=1\n";
        let mine = judged(conf, home, "GET", "/files/mine.txt", None);
        assert!(mine.decision == Decision::Forwarded && mine.led.expect("led").allowed == Some(true));
        let away = judged(conf, home, "GET", "/files/away/passwd", None);
        assert_eq!(away.decision, Decision::Refused);
        assert_eq!(away.led.expect("led").resolved.as_deref(), Some("/etc/passwd"));
        assert!(away.refusal.expect("why").rule.starts_with("restrict-directory-view=1 (rsession.conf:1)"));
        let missing = judged(conf, home, "GET", "/files/no/such", None);
        assert_eq!(missing.decision, Decision::Refused, "the session can't follow it either");
        assert_eq!(judged(conf, None, "GET", "/files/mine.txt", None).decision, Decision::Unknown);
        let listed = "restrict-directory-view=1\ndirectory-view-allow-list=/etc\n";
        assert_eq!(judged(listed, home, "GET", "/files/away/passwd", None).decision, Decision::Forwarded);
    }
}
