//! Why a request is refused, in words for the person, and in the form the IDE shows.
//!
//! What the person reads says what was refused, why, and what to do. The rule (flag, file, line) is in it: a person who
//! asks the administrator for a change can name the line.

use portcullis_model::session::Ide;
use serde_json::json;

use crate::flags::Denial;
use crate::{Ask, Capability, Flags, Verdict};

/// A refused request and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked for.
    pub capability: Capability,
    /// HTTP status: 403 by a flag, 400 for a malformed target, 405 for a method, 413 for size.
    pub status: u16,
    /// The option that refuses, when one does.
    pub flag: Option<&'static str>,
    /// For the audit log: `allow-shell=0 (rsession.conf:3)`, or `unknown route …`.
    pub rule: String,
    /// For the person: what, why, and what to do. Names stand in backquotes, which pages show as code.
    pub text: String,
}

/// Longest piece of a target that is repeated in a rule.
const TARGET_MAX: usize = 200;

impl Refusal {
    /// A flag takes the capability away.
    pub(crate) fn by_flag(capability: Capability, denial: &Denial<'_>) -> Self {
        let about = denial.about;
        let rule = denial.rule();
        let said = denial.said();
        let text = format!("{}: the administrator has set {said}. {}", about.refused, about.advice);
        Self { capability, status: 403, flag: Some(about.name), rule, text }
    }

    /// A flag takes it away for a reason that needs saying.
    pub(crate) fn by_flag_because(capability: Capability, denial: &Denial<'_>, why: &str) -> Self {
        let about = denial.about;
        let rule = denial.rule();
        let said = denial.said();
        let text =
            format!("{}: the administrator has set {said}, and {why}. {}", about.refused, about.advice);
        Self { capability, status: 403, flag: Some(about.name), rule: format!("{rule}: {why}"), text }
    }

    /// No row covers it, or not in this spelling, and a flag is restrictive.
    pub(crate) fn unknown(ask: &Ask<'_>, denial: &Denial<'_>, why: Option<&str>) -> Self {
        let target = shown(ask);
        let because = why.map_or_else(String::new, |why| format!(": {why}"));
        Self {
            capability: Capability::Unknown,
            status: 403,
            flag: Some(denial.about.name),
            rule: format!("unknown route `{target}`{because}; refused while {}", denial.rule()),
            text: format!(
                "`{target}` is none of the requests that are known of this IDE{because}. Nobody can say what it does, and \
                 while the administrator's {} holds, such requests are refused. If an extension of yours needs it, tell \
                 your administrator this route.",
                denial.said()
            ),
        }
    }

    /// A message of a WebSocket that nobody knows, and a flag is restrictive.
    pub(crate) fn unknown_message(what: &str, denial: &Denial<'_>) -> Self {
        Self {
            capability: Capability::Unknown,
            status: 403,
            flag: Some(denial.about.name),
            rule: format!("unknown message `{what}`; refused while {}", denial.rule()),
            text: format!(
                "`{what}` is none of the messages that are known of this IDE. Nobody can say what it does, and while the \
                 administrator's {} holds, such messages are refused. If an extension of yours needs it, tell your administrator \
                 its name.",
                denial.said()
            ),
        }
    }

    /// The way to a port is shut while a flag is restrictive.
    pub(crate) fn port_proxy(denial: &Denial<'_>) -> Self {
        Self {
            capability: Capability::PortProxy,
            status: 403,
            flag: Some(denial.about.name),
            rule: format!("port proxy; refused while {}", denial.rule()),
            text: format!(
                "Reaching other programs' ports through the IDE is refused while the administrator's {} holds: behind a \
                 port can be anything, also what that option forbids. If you need it, ask your administrator.",
                denial.said()
            ),
        }
    }

    /// Refused whatever the flags say.
    pub(crate) fn always(capability: Capability, status: u16, why: &str, advice: &str) -> Self {
        Self {
            capability,
            status,
            flag: None,
            rule: why.to_owned(),
            text: format!("This request was refused: {why}. {advice}"),
        }
    }

    /// Larger than uploads may be.
    pub(crate) fn too_large(denial: &Denial<'_>) -> Self {
        Self { status: 413, ..Self::by_flag(Capability::Upload, denial) }
    }

    pub(crate) fn verdict(self) -> Verdict {
        Verdict::Refuse(Box::new(self))
    }
}

/// Method and path as a rule repeats them: no query (it may hold secrets), cut, printable.
fn shown(ask: &Ask<'_>) -> String {
    let socket = if ask.upgrade { " (WebSocket)" } else { "" };
    let target = format!("{} {}{socket}", ask.method, ask.path);
    target.chars().map(|c| if c.is_control() || c == '`' { '?' } else { c }).take(TARGET_MAX).collect()
}

/// The refusal for a body that went beyond a limit of [`BodyRule`](crate::BodyRule) while it was read.
pub fn over_limit(flags: &Flags, limit: u64) -> Refusal {
    let by = flags.size_denial().filter(|_| flags.uploads.value);
    if let Some(denial) = by {
        return Refusal::too_large(&denial);
    }
    if let Some(denial) = flags.denies(Capability::Upload) {
        let why = format!("more than {limit} bytes can't be told from an upload");
        return Refusal { status: 413, ..Refusal::by_flag_because(Capability::Upload, &denial, &why) };
    }
    let why = format!("its body is longer than {limit} bytes");
    Refusal::always(Capability::Write, 413, &why, "Save less at once.")
}

/// The refusal for a path that a [`PathRule`](crate::PathRule) asked to resolve and that lies outside the allowed
/// directories, or can't be resolved.
pub fn outside(flags: &Flags, capability: Capability, path: &str) -> Refusal {
    let Some(denial) = flags.directories_denial() else {
        return Refusal::always(capability, 403, "its path can't be checked", "Open another document.");
    };
    let path: String = path.chars().map(|c| if c.is_control() { '?' } else { c }).take(TARGET_MAX).collect();
    let refusal = Refusal::by_flag(capability, &denial);
    Refusal { rule: format!("{}: `{path}`", refusal.rule), ..refusal }
}

/// The refusal for a port of [`Forward::port`](crate::Forward::port) on which a program of another account listens.
///
/// Its pages would act in the person's name: they are of the same origin as the person's own.
pub fn port_of_another(port: u16) -> Refusal {
    let why = format!("the program on port {port} belongs to another account");
    Refusal::always(Capability::PortProxy, 403, &why, "Start your own program on a port that is free.")
}

/// The body that answers a refused request: content type and text.
///
/// JupyterLab shows `message` of its JSON errors in a dialogue. With `wants_html` the server renders its own page instead;
/// what is returned then is the plain text of it.
pub fn refusal_body(ide: Ide, refusal: &Refusal, id: &str, wants_html: bool) -> (&'static str, String) {
    // Neither plain text nor the IDE's dialogue knows what backquotes mean.
    let text = refusal.text.replace('`', "");
    if wants_html {
        return ("text/plain; charset=utf-8", format!("{text}\n\nReference: {id}\n"));
    }
    match ide {
        Ide::Rstudio => crate::rstudio::refusal_body(refusal, &text, id),
        Ide::Jupyter | Ide::CodeServer | Ide::App(_) => (
            "application/json",
            json!({
                "message": text,
                "reason": refusal.rule,
                "portcullis": { "id": id, "rule": refusal.rule, "capability": refusal.capability.word() },
            })
            .to_string(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setting;

    #[test]
    fn a_refusal_says_what_why_and_what_to_do() {
        let flags = Flags { shell: Setting::at(false, "rsession.conf", 3), ..Flags::default() };
        let denial = flags.denies(Capability::Shell).expect("it is off");
        let refusal = Refusal::by_flag(Capability::Shell, &denial);
        assert_eq!(
            refusal.text,
            "Terminals are switched off here: the administrator has set `allow-shell=0` (rsession.conf:3). Notebooks and \
             consoles still run code. If you need a terminal, ask your administrator and name that line."
        );
        let (kind, body) = refusal_body(Ide::Jupyter, &refusal, "abc", false);
        assert_eq!(kind, "application/json");
        let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["message"], refusal.text.replace('`', ""));
        assert_eq!(body["portcullis"]["id"], "abc");
        assert_eq!(body["portcullis"]["capability"], "shell");
        assert!(refusal_body(Ide::Jupyter, &refusal, "abc", true).1.contains("Reference: abc"));
    }

    #[test]
    fn a_body_over_a_limit_names_the_flag_that_set_it() {
        let mut flags = Flags::default();
        assert_eq!(over_limit(&flags, 5).flag, None);
        flags.upload_limit_mb = Setting::at(1, "rsession.conf", 7);
        assert_eq!(over_limit(&flags, 5).rule, "limit-file-upload-size-mb=1 (rsession.conf:7)");
        flags.uploads.value = false;
        assert_eq!(over_limit(&flags, 5).flag, Some("allow-file-uploads"));
        assert_eq!(over_limit(&flags, 5).status, 413);
    }
}
