//! What is recorded of a refused sign-in: an audit record, and one line of the log in a promised form.
//!
//! Programs read that line to keep attackers out (`etc/fail2ban`), so its form stays as docs/operating.md says. What a stranger chose
//! comes behind the address and in quotation marks that it can't close: no name makes a line say another address.

use std::fmt;
use std::net::IpAddr;

use portcullis_model::audit::Event;
use portcullis_model::key::KeyRefusal;
use portcullis_model::proof::MethodName;
use portcullis_model::sign_in::Denied;

use crate::launcher::Launcher;
use crate::log::say;
use crate::{role, text};

/// The line.
#[derive(Debug)]
struct Refusal<'a> {
    remote: IpAddr,
    method: MethodName,
    reason: Denied,
    user: &'a str,
    id: &'a str,
    detail: &'a str,
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { remote, method, reason, user, id, detail } = self;
        let (remote, reason) = (remote.to_canonical(), word(*reason));
        let method = method.word();
        write!(f, "refused sign-in remote={remote} method={method} reason={reason} user=")?;
        quote(user, f)?;
        write!(f, " id={id} detail=")?;
        quote(detail, f)
    }
}

/// As in the audit log.
const fn word(reason: Denied) -> &'static str {
    match reason {
        Denied::Credentials => "credentials",
        Denied::Account => "account",
        Denied::NotPermitted => "not-permitted",
        Denied::BadName => "bad-name",
        Denied::Throttled => "throttled",
        Denied::Deadline => "deadline",
        Denied::Cancelled => "cancelled",
        Denied::System => "system",
        Denied::Offline => "offline",
        Denied::Factor => "factor",
    }
}

/// In quotation marks; printable ASCII stays but for the mark itself and the backslash, anything else is `\u{HEX}`.
fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            ' '..='~' => write!(f, "{c}")?,
            _ => write!(f, "\\u{{{:x}}}", u32::from(c))?,
        }
    }
    f.write_str("\"")
}

impl Launcher {
    /// Records a denial; of a flood that is throttled, some. Returns the id that the person is told.
    pub(super) fn record(
        &mut self,
        (user, remote, method): (&str, IpAddr, MethodName),
        reason: Denied,
        detail: &str,
    ) -> String {
        let (id, now) = (role::log_id(), self.began.elapsed());
        let is_flood = reason == Denied::Throttled;
        let user = text::printable(user, text::NAME_MAX);
        let detail = text::printable(detail, text::TEXT_MAX);
        if !is_flood || self.muted.may_say(remote, now) {
            say!(Info, "{}", Refusal { remote, method, reason, user: &user, id: &id, detail: &detail });
        }
        if !is_flood || self.muted.may_write(now) {
            let detail = format!("{detail} [{id}]");
            self.log.write(Event::SignInDenied {
                user,
                remote,
                method: method.word().into(),
                reason,
                detail,
            });
        }
        id
    }
}

impl Launcher {
    /// `Audit` of a key that a server refused: the same line, and a record. The server bounds them by address.
    pub(crate) fn key_refused(&mut self, event: Event) {
        let Event::KeyRefused { key, remote, why, what, id } = event else { return };
        let (key, id) = (text::printable(&key, text::NAME_MAX), text::printable(&id, text::NAME_MAX));
        let now = self.began.elapsed();
        // A good key that may not do something is no attempt at guessing one.
        if why != KeyRefusal::Scope && self.muted.may_say(remote, now) {
            say!(Info, "{}", key_line(remote, &key, why, &id));
        }
        self.log.write(Event::KeyRefused { key, remote, why, what, id });
    }
}

/// The line of a refused key: the form of a refused sign-in, with `key` as the method.
fn key_line(remote: IpAddr, key: &str, why: KeyRefusal, id: &str) -> String {
    struct Quoted<'a>(&'a str);
    impl fmt::Display for Quoted<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            quote(self.0, f)
        }
    }
    let (remote, detail) = (remote.to_canonical(), why.word());
    format!(
        "refused sign-in remote={remote} method=key reason=credentials user={} id={id} detail={}",
        Quoted(key),
        Quoted(detail)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(user: &str, remote: &str) -> String {
        let user = text::printable(user, text::NAME_MAX);
        let remote = remote.parse().expect("an address");
        let (method, reason) = (MethodName::Pam, Denied::Credentials);
        Refusal { remote, method, reason, user: &user, id: "0123", detail: "a \"b\"" }.to_string()
    }

    #[test]
    fn the_promised_form() {
        assert_eq!(
            line("alice", "192.0.2.7"),
            r#"refused sign-in remote=192.0.2.7 method=pam reason=credentials user="alice" id=0123 detail="a \"b\"""#
        );
        assert!(line("x", "2001:db8::7").starts_with("refused sign-in remote=2001:db8::7 method="));
        assert!(line("x", "::ffff:192.0.2.7").starts_with("refused sign-in remote=192.0.2.7 method="));
    }

    #[test]
    fn no_name_leaves_its_quotation_marks() {
        let start = "refused sign-in remote=192.0.2.7 method=pam reason=credentials user=";
        for (name, quoted) in [
            (r#"" id=1 remote=198.51.100.1"#, r#""\" id=1 remote=198.51.100.1""#),
            (r#"\" remote=198.51.100.1"#, r#""\\\" remote=198.51.100.1""#),
            (
                "a\nINFO portcullis-launcher: refused sign-in remote=1.1.1.1",
                r#""a\u{fffd}INFO portcullis-launcher: refused sign-in remote=1.1.1.1""#,
            ),
            ("\u{1b}[2K\r", r#""\u{fffd}[2K\u{fffd}""#),
            ("\u{201d}\u{202e}ä\u{2028}", r#""\u{201d}\u{fffd}\u{e4}\u{fffd}""#),
            ("<HOST>%(x)s${jndi:x}", r#""<HOST>%(x)s${jndi:x}""#),
            ("", r#""""#),
        ] {
            let line = line(name, "192.0.2.7");
            assert_eq!(line, format!("{start}{quoted} id=0123 detail=\"a \\\"b\\\"\""), "{name:?}");
            assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
        assert!(line(&"\"".repeat(100_000), "192.0.2.7").len() < 300, "bounded");
    }

    #[test]
    fn reasons_are_called_as_in_the_audit_log() {
        for reason in [
            Denied::Credentials,
            Denied::Account,
            Denied::NotPermitted,
            Denied::BadName,
            Denied::Throttled,
            Denied::Deadline,
            Denied::Cancelled,
            Denied::System,
            Denied::Offline,
            Denied::Factor,
        ] {
            assert_eq!(serde_json::to_value(reason).expect("a word"), word(reason));
        }
    }
}
