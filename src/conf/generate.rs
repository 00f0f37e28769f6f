//! What is generated from the tables: the reference in `docs/` and the sample files in `etc/`.
//!
//! Generated files are committed; a test fails when one is stale, and writes it when asked to (see below).

use std::fmt::Write as _;

use portcullis_model::audit;

use crate::adapters;
use crate::ldap;
use crate::option::{FileKind, Group, Opt, Status};
use crate::options::rsession;
use crate::other_files;
use crate::profiles;

mod metrics;

/// All generated files: path below the repository's root, and text.
pub fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for kind in FileKind::FLAT {
        let stem = kind.name().trim_end_matches(".conf");
        files.push((format!("docs/options/{stem}.md"), reference(kind)));
        files.push((format!("etc/{}", kind.name()), sample(kind)));
    }
    files.push(("docs/options/adapters.md".into(), adapters_page()));
    files.push(("docs/options/ldap.md".into(), ldap::reference::page(GENERATED, entry)));
    files.push(("docs/options/profiles.md".into(), profiles_reference()));
    files.push(("docs/options/ip-rules.md".into(), IP_RULES.into()));
    files.push(("docs/options/README.md".into(), index()));
    files.push(("etc/adapters.conf".into(), adapters::reference::SAMPLE.into()));
    files.push(("etc/ldap.conf".into(), ldap::reference::SAMPLE.into()));
    files.push(("etc/profiles".into(), PROFILES_SAMPLE.into()));
    files.push(("etc/ip-rules".into(), IP_RULES_SAMPLE.into()));
    files.push(("docs/audit-events.md".into(), audit_reference()));
    files.push(("docs/metrics.md".into(), metrics::reference()));
    files.push(("etc/grafana/portcullis.json".into(), metrics::dashboard()));
    files
}

const GENERATED: &str =
    "<!-- Generated from the option tables in src/conf/options; change them, not this page. -->";

fn about(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Rserver => "The server: where it listens, who may sign in, cookies and TLS.",
        FileKind::Rsession => {
            "Sessions: what people may do in them, where they listen, how long they live. `profiles` overrides it for groups \
             and people."
        }
        FileKind::Jupyter => "JupyterLab.",
        FileKind::Vscode => "VS Code in the browser, by code-server.",
        FileKind::Portcullis => "What no other product has.",
        FileKind::Database => {
            "Where accounts are kept: a file of this machine, or a server that machines share."
        }
        FileKind::Adapters => "Routes beyond the built-in ones, and applications beside the IDEs.",
        FileKind::Ldap => "Directories that check passwords.",
        FileKind::Profiles => "Session options by user and group.",
        FileKind::IpRules => "Who may connect.",
        FileKind::LoginHtml => "HTML below the sign-in form.",
    }
}

fn reference(kind: FileKind) -> String {
    let mut out = format!("{GENERATED}\n\n# {}\n\n{}\n\n{SYNTAX}", kind.name(), about(kind));
    groups(&mut out, kind);
    out
}

fn groups(out: &mut String, kind: FileKind) {
    for group in kind.groups() {
        let _ = write!(out, "\n## {}\n", group.title);
        match group.rows.first().map(|opt| opt.status) {
            Some(Status::Implemented) => group.rows.iter().for_each(|opt| entry(out, opt)),
            _ => table(out, group),
        }
    }
}

const SYNTAX: &str = "One `option=value` a line. A `#` at the beginning of a line or after white space begins a comment. An option \
that is not in this list is an error, as is one that is given twice, unless it may be given several times.\n";

fn entry(out: &mut String, opt: &Opt) {
    let _ = write!(out, "\n### `{}`\n\n{}\n\n", opt.name, opt.meaning());
    let more: Vec<&str> = opt.doc.iter().skip(1).map(|line| line.trim()).collect();
    let more = more.join(" ");
    if !more.trim().is_empty() {
        let _ = write!(out, "{}\n\n", more.trim());
    }
    let _ = writeln!(out, "- Value: {}", (opt.kind)());
    let _ = writeln!(out, "- Default: {} — {}", code(opt.default), opt.reason);
    let _ = writeln!(out, "- A change takes effect {}", opt.reload.words());
}

fn table(out: &mut String, group: &Group) {
    out.push_str("\n| Option | Meaning | Default | What that means here |\n|---|---|---|---|\n");
    for opt in group.rows {
        let here = match opt.status {
            Status::Implemented => "it does what it says".to_owned(),
            Status::Recognised { effect, .. } => effect.to_owned(),
            Status::Retired { successor, carries_over: true } => {
                format!("its value is used as `{successor}`")
            }
            Status::Retired { successor, carries_over: false } => {
                format!("it has no effect; see `{successor}`")
            }
        };
        let _ = writeln!(out, "| `{}` | {} | {} | {here} |", opt.name, opt.meaning(), code(opt.default));
    }
}

fn code(text: &str) -> String {
    if text.is_empty() { "empty".into() } else { format!("`{text}`") }
}

fn sample(kind: FileKind) -> String {
    let mut out = format!(
        "# {}: {}\n# Every option with its default; remove the `#` before an option to set it.\n# Generated from the option \
         tables; docs/options has more about each.\n",
        kind.name(),
        about(kind).replace('`', "")
    );
    for group in kind.groups() {
        if matches!(group.rows.first().map(|opt| opt.status), Some(Status::Retired { .. })) {
            continue;
        }
        let _ = write!(out, "\n## {}\n", group.title);
        let mut last = "";
        for opt in group.rows {
            match opt.status {
                Status::Recognised { effect, .. } => {
                    if effect != last {
                        let _ = write!(out, "\n# Not implemented: {effect}.\n");
                    }
                    last = effect;
                }
                Status::Implemented | Status::Retired { .. } => out.push('\n'),
            }
            let _ = write!(out, "# {}\n#{}={}\n", opt.meaning(), opt.name, opt.default);
        }
    }
    out
}

fn profiles_reference() -> String {
    let mut out = format!("{GENERATED}\n\n# profiles\n\n{PROFILES}\n## Options of rsession.conf\n\n");
    out.push_str("These may stand in a section, with the meaning and values they have in [rsession.conf](rsession.md).\n\n");
    let (theirs, ours): (Vec<_>, Vec<_>) = profiles::borrowed()
        .filter(|opt| opt.status == Status::Implemented)
        .partition(|opt| FileKind::Rsession.option(opt.name).is_some());
    for opt in theirs {
        let _ = writeln!(out, "- `{}`: {}", opt.name, opt.meaning());
    }
    let left: Vec<&str> = rsession::GROUP
        .rows
        .iter()
        .map(|opt| opt.name)
        .filter(|name| profiles::option(name).is_none())
        .collect();
    let _ =
        write!(out, "\nNot among them, because it is about the whole machine: `{}`.\n", left.join("`, `"));
    out.push_str("\n## Options of portcullis.conf\n\n");
    out.push_str("These take the place of the file's own, with the meaning and values they have in [portcullis.conf](portcullis.md).\n\n");
    for opt in ours {
        let _ = writeln!(out, "- `{}`: {}", opt.name, opt.meaning());
    }
    groups(&mut out, FileKind::Profiles);
    out
}

fn adapters_page() -> String {
    adapters::reference::page(GENERATED, entry)
}

fn index() -> String {
    let mut out = format!("{GENERATED}\n\n# Configuration files\n\n");
    out.push_str(
        "They are read from `RSTUDIO_CONFIG_DIR`, else from `rstudio` below the first of `XDG_CONFIG_DIRS` that has it, else \
         from `/etc/rstudio`. Each may be missing; an empty directory is a valid configuration. `portcullis check-config` \
         reports every problem at once, `portcullis conf show` prints what is in force and where it comes from.\n\n",
    );
    for kind in FileKind::ALL {
        let stem = kind.name().trim_end_matches(".conf");
        let name = if kind == FileKind::LoginHtml {
            format!("`{}`", kind.name())
        } else {
            format!("[`{}`]({stem}.md)", kind.name())
        };
        let _ = writeln!(out, "- {name}: {}", about(kind));
    }
    out.push_str(
        "\n## Files of RStudio Workbench that are not read\n\n| File | What that means |\n|---|---|\n",
    );
    for (name, effect) in other_files::KNOWN {
        let _ = writeln!(out, "| `{name}` | {effect} |");
    }
    out
}

fn audit_reference() -> String {
    let mut out = String::from(
        "<!-- Generated from the table in src/model/audit.rs; change that, not this page. -->\n\n",
    );
    out.push_str(AUDIT);
    for event in audit::TABLE {
        let _ = write!(out, "\n## `{}`\n\n{}\n\n", event.name, event.doc.trim());
        for (field, doc) in event.fields {
            let _ = writeln!(out, "- `{field}`: {}", doc.trim());
        }
    }
    out
}

const AUDIT: &str = "# Events of the audit log

The launcher writes one JSON object a line to `audit/audit.jsonl` in the state directory. Every record has

- `seq`: its number, from 1 without gaps
- `time`: UTC, as RFC 3339 with milliseconds
- `event`: one of the words below
- `prev`: the `hash` of the record before; 64 zeros in the first
- `hash`: SHA-256 over `prev`, a line feed, and the record without this field

`portcullis audit verify FILE` checks the chain and names the first record that was changed, removed, added or moved.
";

const PROFILES: &str = "Session options by user and group.

Sections `[*]` (everybody), `[@group]` and `[user]` hold `option=value` lines. The file is read from top to bottom; every section
that matches a person applies, and a later one overrides an earlier one. The order decides, not how narrow a section is: write
the general sections first.

```ini
[*]
session-limit=3

[@students]
session-limit=1
allow-shell=0

[anna]
allow-shell=1
```
";

const IP_RULES: &str = "<!-- Generated from src/conf/generate.rs; change that, not this page. -->

# ip-rules

Who may connect. One rule a line: `allow` or `deny`, white space, and an address, a network such as `10.0.0.0/8`, or `all`. The first
rule that matches decides; when none does, the connection is allowed. IPv4 and IPv6 are both understood. A `#` begins a comment.

```
allow 192.168.1.0/24
allow 2001:db8::/32
deny all
```

Rules that allow and never deny, and rules below one about `all`, are warned of. A change takes effect at a reload (`SIGHUP`).
";

const PROFILES_SAMPLE: &str = "# profiles: session options by user and group.
# Sections [*], [@group] and [user]; every one that matches applies, a later one overrides an earlier one.
# docs/options/profiles.md lists the options.

#[*]
#session-limit=3

#[@students]
#allow-shell=0
";

const IP_RULES_SAMPLE: &str = "# ip-rules: who may connect.
# allow or deny, then an address, a network or all; the first rule that matches decides, no match is allowed.

#allow 192.168.1.0/24
#deny all
";

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// `PORTCULLIS_GENERATE=1 cargo test -p portcullis-conf generated` writes the files instead of complaining.
    #[test]
    fn generated_files_are_up_to_date() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let write = std::env::var_os("PORTCULLIS_GENERATE").is_some();
        let mut stale = Vec::new();
        for (name, text) in files() {
            let path = root.join(&name);
            if std::fs::read_to_string(&path).is_ok_and(|now| now == text) {
                continue;
            }
            if write {
                std::fs::create_dir_all(path.parent().expect("a file has a directory")).expect("a directory");
                std::fs::write(&path, text).expect("a generated file");
            } else {
                stale.push(name);
            }
        }
        assert!(stale.is_empty(), "stale, write them with PORTCULLIS_GENERATE=1: {stale:?}");
    }

    #[test]
    fn samples_are_valid_and_say_nothing() {
        for kind in FileKind::FLAT {
            let sources = crate::Sources::new("/c", [(kind.name().to_owned(), sample(kind))]);
            assert_eq!(crate::load(&sources).problems, Vec::new(), "{}", kind.name());
            let uncommented: String = sample(kind)
                .lines()
                .map(|line| format!("{}\n", line.strip_prefix('#').unwrap_or(line)))
                .collect();
            let pairs: String = uncommented
                .lines()
                .filter(|line| !line.starts_with([' ', '#']) && line.contains('='))
                .fold(String::new(), |text, line| text + line + "\n");
            let sources = crate::Sources::new("/c", [(kind.name().to_owned(), pairs)]);
            assert_eq!(crate::load(&sources).problems, Vec::new(), "{} uncommented", kind.name());
        }
    }
}
