//! The body that starts a terminal, while consoles are audited: a command of its own would run without a key being pressed.
//!
//! JupyterLab's server hands all names of the body to terminado (`TerminalManager.create`, `new_terminal(**kwargs)`), which takes
//! `shell_command` and `extra_env` among them. The interface sends `name` and `cwd`.

use std::collections::BTreeMap;

use portcullis_conf::ConsoleAudit;
use serde::de::IgnoredAny;

use crate::{BodyRule, Capability, Flags, Forward, Refusal};

/// Two names and a path.
const BODY_MAX: u64 = 64 * 1024;
/// What the interface sends.
const KNOWN: [&str; 2] = ["name", "cwd"];

/// Whether the body is to be read.
pub(super) fn head(flags: &Flags, forward: &mut Forward) {
    if flags.console.value > ConsoleAudit::None {
        forward.body = BodyRule::Judge { limit: BODY_MAX };
    }
}

/// Decides on the whole body.
pub(super) fn judge(flags: &Flags, body: &[u8], mut forward: Forward) -> Result<Forward, Box<Refusal>> {
    // Whatever was to be done with the body is done: it is here.
    forward.body = BodyRule::Stream;
    let blank = body.trim_ascii();
    let names = if blank.is_empty() || blank == b"null" {
        BTreeMap::new()
    } else {
        serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(body).map_err(|error| {
            let why = format!("its body can't be read ({error})");
            Refusal::always(Capability::Shell, 400, &why, "Open the terminal from the interface.")
        })?
    };
    let Some(name) = names.keys().find(|name| !KNOWN.contains(&name.as_str())) else { return Ok(forward) };
    let name: String =
        name.chars().map(|c| if c.is_control() || c == '`' { '?' } else { c }).take(64).collect();
    let word = if flags.console.value == ConsoleAudit::All { "all" } else { "input" };
    let rule = format!("audit-r-console={word} ({})", flags.console.origin);
    Err(Box::new(Refusal {
        capability: Capability::Shell,
        status: 403,
        flag: Some("audit-r-console"),
        rule: format!("a terminal with `{name}` of its own; refused while {rule}"),
        text: format!(
            "A terminal that brings `{name}` along is refused: consoles are recorded here (`{rule}`), and what such a terminal \
             runs would not be. Open it without, and type."
        ),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setting;
    use crate::adapter::plain;

    #[test]
    fn a_terminal_brings_no_command_along_while_consoles_are_recorded() {
        let mut flags = Flags::default();
        let mut forward = plain(Capability::Shell);
        head(&flags, &mut forward);
        assert_eq!(forward.body, BodyRule::Stream, "the control");
        flags.console = Setting { value: ConsoleAudit::Input, origin: crate::Origin::Default };
        head(&flags, &mut forward);
        assert_eq!(forward.body, BodyRule::Judge { limit: BODY_MAX });
        for good in ["", " ", "null", "{}", r#"{"name":"1","cwd":"a/b"}"#] {
            assert!(judge(&flags, good.as_bytes(), forward.clone()).is_ok(), "{good}");
        }
        for bad in [
            r#"{"shell_command":["sh","-c","id"]}"#,
            r#"{"cwd":"a","extra_env":{"BASH_ENV":"x"}}"#,
            r#"{"Name":"1"}"#,
            r#"[{"shell_command":["id"]}]"#,
            r#"{"name":"1"}{"shell_command":["id"]}"#,
            "\u{feff}{}",
        ] {
            assert!(judge(&flags, bad.as_bytes(), forward.clone()).is_err(), "{bad}");
        }
        let utf16: Vec<u8> =
            r#"{"shell_command":["id"]}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(judge(&flags, &utf16, forward).is_err(), "Python reads UTF-16 too");
    }
}
