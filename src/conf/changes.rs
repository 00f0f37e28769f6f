//! What is another between two configurations, and when each change takes effect: what an administrator is told after a reload.

use std::collections::BTreeMap;

use crate::option::{FileKind, Opt, Reload};
use crate::settings::Settings;
use crate::values::{Said, Values};

/// Something that changed.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// In which file.
    pub file: FileKind,
    /// Which option; `None` where a file is one text.
    pub option: Option<&'static Opt>,
    /// When it takes effect.
    pub reload: Reload,
}

/// What changed, file by file in the order of their options.
pub fn changes(before: &Settings, after: &Settings) -> Vec<Change> {
    FileKind::ALL.into_iter().flat_map(|file| in_file(before, after, file)).collect()
}

fn in_file(before: &Settings, after: &Settings, file: FileKind) -> Vec<Change> {
    let of_option = |opt: &'static Opt| Change { file, option: Some(opt), reload: opt.reload };
    let whole = |changed: bool| {
        let change = Change { file, option: None, reload: Reload::Hup };
        if changed { vec![change] } else { Vec::new() }
    };
    match file {
        FileKind::Profiles => {
            let rows = |settings: &Settings| -> Vec<Row> {
                let sections = settings.profiles.sections.iter();
                sections.flat_map(|one| said(&one.selector.to_string(), &one.values)).collect()
            };
            differing(&rows(before), &rows(after)).into_iter().map(of_option).collect()
        }
        FileKind::Adapters => {
            let rows = |settings: &Settings| -> Vec<Row> {
                let sections = settings.adapters.sections.iter();
                sections.flat_map(|one| said(&one.to_string(), &one.values)).collect()
            };
            differing(&rows(before), &rows(after)).into_iter().map(of_option).collect()
        }
        FileKind::Ldap => {
            let rows = |settings: &Settings| -> Vec<Row> {
                let sections = settings.ldap.sections.iter();
                sections.flat_map(|one| said(&one.name, &one.values)).collect()
            };
            // The order of the sections is that in which they are tried.
            let names = |settings: &Settings| -> Vec<String> {
                settings.ldap.sections.iter().map(|one| one.name.clone()).collect()
            };
            let mut changes = whole(names(before) != names(after));
            changes.extend(differing(&rows(before), &rows(after)).into_iter().map(of_option));
            changes
        }
        FileKind::IpRules => {
            let texts = |settings: &Settings| -> Vec<String> {
                settings.ip_rules.rules.iter().map(|rule| rule.text.clone()).collect()
            };
            whole(texts(before) != texts(after))
        }
        FileKind::LoginHtml => whole(before.login_html != after.login_html),
        _ => {
            let nothing = Values::default();
            let (old, new) =
                (before.said.of(file).unwrap_or(&nothing), after.said.of(file).unwrap_or(&nothing));
            file.options().filter(|opt| !same(old, new, opt)).map(of_option).collect()
        }
    }
}

/// What is given of an option, or its default.
fn same(old: &Values, new: &Values, opt: &Opt) -> bool {
    let given = |values: &Values| -> Vec<String> {
        let texts: Vec<String> = values.all(opt.name).map(|said| said.text.clone()).collect();
        if texts.iter().all(|text| opt.is_default(text)) { Vec::new() } else { texts }
    };
    given(old) == given(new)
}

/// A line of a section: where, which option, what.
struct Row {
    section: String,
    opt: &'static Opt,
    text: String,
}

impl Row {
    fn key(&self) -> (&str, &'static str, &str) {
        (&self.section, self.opt.name, &self.text)
    }
}

fn said(section: &str, values: &Values) -> Vec<Row> {
    let row = |said: &Said| Row { section: section.to_owned(), opt: said.opt, text: said.text.clone() };
    values.said.iter().map(row).collect()
}

/// The options of rows that only one of them has. Where only the order is another, all of them: the later one wins.
fn differing(before: &[Row], after: &[Row]) -> Vec<&'static Opt> {
    fn keys(rows: &[Row]) -> Vec<(&str, &'static str, &str)> {
        rows.iter().map(Row::key).collect()
    }
    let (old, new) = (keys(before), keys(after));
    let turned = old.len() == new.len() && old != new && old.iter().all(|key| new.contains(key));
    let changed = before
        .iter()
        .filter(|row| !new.contains(&row.key()))
        .chain(after.iter().filter(|row| turned || !old.contains(&row.key())));
    let by_name: BTreeMap<&str, &'static Opt> = changed.map(|row| (row.opt.name, row.opt)).collect();
    by_name.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConfText, Sources, load};

    fn settings(files: &[(&str, &str)]) -> Settings {
        let file = |(name, text): &(&str, &str)| ConfText { name: (*name).into(), text: (*text).into() };
        let files = files.iter().map(file).collect();
        load(&Sources { dir: "/etc/rstudio".into(), files, ..Sources::default() }).settings
    }

    fn names(before: &[(&str, &str)], after: &[(&str, &str)]) -> Vec<(&'static str, &'static str, Reload)> {
        let changed = changes(&settings(before), &settings(after));
        changed
            .iter()
            .map(|one| (one.file.name(), one.option.map_or("", |opt| opt.name), one.reload))
            .collect()
    }

    #[test]
    fn what_is_another_is_named_with_its_time() {
        let before = [("rserver.conf", "www-port=8787\n"), ("rsession.conf", "allow-shell=1\n")];
        assert!(names(&before, &before).is_empty());
        let said = [("rsession.conf", "allow-shell=1\n")];
        assert!(names(&said, &[]).is_empty(), "the default said or not is the same");
        let after = [
            ("rserver.conf", "www-port=8788\n"),
            ("rsession.conf", "allow-shell=0\n"),
            ("login.html", "<p>x</p>\n"),
            ("ip-rules", "deny 192.0.2.1\n"),
        ];
        let changed = names(&before, &after);
        let of = |option: &str| changed.iter().find(|one| one.1 == option).map(|one| one.2);
        assert_eq!(of("www-port"), Some(Reload::Restart));
        assert!(of("allow-shell").is_some());
        assert_eq!(changed.iter().filter(|one| one.1.is_empty()).count(), 2, "{changed:?}");
        assert_eq!(changed.len(), 4, "{changed:?}");
    }

    #[test]
    fn sections_are_compared_with_their_order() {
        let profiles = |text: &'static str| [("profiles", text)];
        let one = profiles("[*]\nallow-shell=0\n[ann]\nallow-vcs=0\n");
        assert!(names(&one, &one).is_empty());
        let other = profiles("[*]\nallow-shell=0\n[bob]\nallow-vcs=0\n");
        assert_eq!(names(&one, &other).iter().map(|row| row.1).collect::<Vec<_>>(), ["allow-vcs"]);
        let turned = profiles("[ann]\nallow-vcs=0\n[*]\nallow-shell=0\n");
        assert_eq!(names(&one, &turned).len(), 2);
    }
}
