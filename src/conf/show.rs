//! The effective configuration, in the files' own syntax.
//!
//! Each value is followed by a comment that says where it comes from, so that the output can be read and also fed back: such a
//! comment is taken over as long as the value above it is unchanged, and the output of that is the same again.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use crate::option::{FileKind, Opt, Status};
use crate::options::database::SECRET;
use crate::settings::Settings;
use crate::values::{MARK, Said, Values};

/// Stands for a password. Fed back it is a wrong password.
const HIDDEN: &str = "(not shown)";

/// A file as it is in force. Options that do nothing are shown where they are given.
pub fn text(settings: &Settings, file: FileKind) -> String {
    let mut out = String::new();
    match file {
        FileKind::Rserver
        | FileKind::Rsession
        | FileKind::Jupyter
        | FileKind::Vscode
        | FileKind::Portcullis
        | FileKind::Database => {
            let nothing = Values::default();
            let values = settings.said.of(file).unwrap_or(&nothing);
            for opt in file.options() {
                for shown in in_force(values, opt) {
                    let _ = write!(out, "{}={}\n{MARK}{}\n", opt.name, shown.text, shown.mark());
                }
            }
        }
        FileKind::Profiles => {
            for section in &settings.profiles.sections {
                sectioned(&mut out, &section.selector, &section.values);
            }
        }
        FileKind::Adapters => {
            for section in &settings.adapters.sections {
                sectioned(&mut out, section, &section.values);
            }
        }
        FileKind::Ldap => {
            for section in &settings.ldap.sections {
                sectioned(&mut out, section, &section.values);
            }
        }
        FileKind::IpRules => {
            for rule in &settings.ip_rules.rules {
                let from = rule.mark.clone().unwrap_or_else(|| format!("{}:{}", file.name(), rule.line));
                let _ = write!(out, "{}\n{MARK}{from} {}\n", rule.text, rule.text);
            }
        }
        FileKind::LoginHtml => out.push_str(settings.login_html.as_deref().unwrap_or_default()),
    }
    out
}

/// A section as it is in force: what it says, nothing else.
fn sectioned(out: &mut String, name: &dyn std::fmt::Display, values: &Values) {
    let _ = writeln!(out, "[{name}]");
    for said in &values.said {
        let shown = Shown::said(said);
        let _ = write!(out, "{}={}\n{MARK}{}\n", said.opt.name, shown.text, shown.mark());
    }
}

/// The same as JSON: for each option its value (a list for those that may be given several times) and its origin.
pub fn json(settings: &Settings, file: FileKind) -> Json {
    match file {
        FileKind::Rserver
        | FileKind::Rsession
        | FileKind::Jupyter
        | FileKind::Vscode
        | FileKind::Portcullis
        | FileKind::Database => {
            let nothing = Values::default();
            let values = settings.said.of(file).unwrap_or(&nothing);
            let rows = file.options().filter_map(|opt| option_json(values, opt));
            Json::Object(rows.collect())
        }
        FileKind::Profiles => settings
            .profiles
            .sections
            .iter()
            .map(|section| {
                let of = &section.values;
                let options: Map<String, Json> =
                    of.said.iter().filter_map(|said| option_json(of, said.opt)).collect();
                json!({ "section": section.selector.to_string(), "line": section.line, "options": options })
            })
            .collect(),
        FileKind::Adapters => settings
            .adapters
            .sections
            .iter()
            .map(|section| {
                let of = &section.values;
                let options: Map<String, Json> =
                    of.said.iter().filter_map(|said| option_json(of, said.opt)).collect();
                json!({ "section": section.to_string(), "line": section.line, "options": options })
            })
            .collect(),
        FileKind::Ldap => settings
            .ldap
            .sections
            .iter()
            .map(|section| {
                let of = &section.values;
                let options: Map<String, Json> =
                    of.said.iter().filter_map(|said| option_json(of, said.opt)).collect();
                json!({ "section": section.name, "line": section.line, "options": options })
            })
            .collect(),
        FileKind::IpRules => settings
            .ip_rules
            .rules
            .iter()
            .map(|rule| {
                let from = rule.mark.clone().unwrap_or_else(|| format!("{}:{}", file.name(), rule.line));
                json!({ "rule": rule.text, "origin": from })
            })
            .collect(),
        FileKind::LoginHtml => json!(settings.login_html),
    }
}

fn option_json(values: &Values, opt: &'static Opt) -> Option<(String, Json)> {
    let shown = in_force(values, opt);
    let last = shown.last()?;
    let origin = last.from.clone();
    let texts: Vec<&str> =
        shown.iter().map(|shown| shown.text.as_str()).filter(|text| !text.is_empty()).collect();
    let value = if opt.list { json!(texts) } else { json!(last.text) };
    let mut row = json!({ "value": value, "origin": origin });
    if opt.status != Status::Implemented {
        row["implemented"] = json!(false);
    }
    Some((opt.name.to_owned(), row))
}

struct Shown {
    name: &'static str,
    text: String,
    from: String,
}

impl Shown {
    fn said(said: &Said) -> Self {
        let from = said.mark.clone().unwrap_or_else(|| said.origin().to_string());
        let hidden = SECRET.contains(&said.opt.name) && !said.text.is_empty();
        let text = if hidden { HIDDEN.to_owned() } else { said.text.clone() };
        Self { name: said.opt.name, text, from }
    }

    /// A place is followed by the line itself, so that a changed line does not keep the old line's origin.
    fn mark(&self) -> String {
        if self.from == "default" {
            self.from.clone()
        } else {
            format!("{} {}={}", self.from, self.name, self.text)
        }
    }
}

fn in_force(values: &Values, opt: &'static Opt) -> Vec<Shown> {
    let said: Vec<Shown> = values.all(opt.name).map(Shown::said).collect();
    if said.is_empty() && opt.status == Status::Implemented {
        return vec![Shown { name: opt.name, text: opt.default.to_owned(), from: "default".into() }];
    }
    said
}
