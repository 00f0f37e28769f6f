//! What is wrong with a section as a whole, and with the file beside `auth-ldap`.

use super::{GroupSearch, Section};
use crate::ini::char_len;
use crate::option::FileKind;
use crate::problem::{Problem, Severity};
use crate::settings::Settings;

/// What every section must say, with an example.
const NEEDED: [(&str, &str); 3] = [
    ("server-address", "ldap.example.com:389"),
    ("user-search-base", "ou=people,dc=example,dc=com"),
    ("username-attribute", "uid"),
];

/// A section whose lines are each right.
pub(super) fn section(section: &Section, problems: &mut Vec<Problem>) {
    let directory = section.directory();
    let said = |name: &str| section.values.find(name).filter(|said| !said.text.is_empty());
    for (name, example) in NEEDED.into_iter().filter(|(name, _)| said(name).is_none()) {
        problems.push(
            whole(section, Severity::Error, format!("it says no `{name}`"))
                .hint(format!("write for example `{name}={example}`")),
        );
    }
    if said("user-object-class").is_none() && said("user-filter").is_none() {
        let text = "it says neither `user-object-class` nor `user-filter`, so anything could be a person";
        problems
            .push(whole(section, Severity::Error, text).hint("write for example `user-object-class=person`"));
    }
    if let Some(line) = said("start-tls").filter(|_| directory.tls && directory.start_tls) {
        let text = "`tls=1` begins with TLS, so there is nothing to start";
        problems.push(line.problem(Severity::Error, text).hint("keep one of the two"));
    }
    secure(section, problems);
    binds(section, problems);
    groups(section, problems);
}

fn secure(section: &Section, problems: &mut Vec<Problem>) {
    let directory = section.directory();
    let tls = directory.tls || directory.start_tls;
    if !tls && !directory.insecure {
        let text = "passwords would travel in the clear: neither `tls` nor `start-tls` is 1";
        problems.push(
            whole(section, Severity::Error, text)
                .hint("set `start-tls=1`; for tests alone, say `insecure=1`"),
        );
    }
    if let Some(line) = section.values.find("insecure").filter(|_| directory.insecure) {
        let text = if tls {
            "whoever is on the way to the directory can read every password: its certificate is not checked"
        } else {
            "whoever is on the way to the directory can read every password: there is no TLS"
        };
        problems.push(line.problem(Severity::Warning, text).hint("for tests alone"));
    }
    if let Some(line) = section.values.find("ca-file").filter(|_| directory.ca_file.is_some()) {
        if !tls || directory.insecure {
            let text = "it has no effect: no certificate is checked";
            problems.push(line.problem(Severity::Warning, text).hint("set `start-tls=1` and `insecure=0`"));
        }
    }
}

fn binds(section: &Section, problems: &mut Vec<Problem>) {
    let directory = section.directory();
    let service = !directory.bind_dn.is_empty();
    let line = |name: &str| section.values.find(name);
    if let Some(said) = line("bind-dn").filter(|_| service && directory.bind_password_file.is_none()) {
        let text = "it has no password: a bind without one would be a bind as nobody";
        problems.push(said.problem(Severity::Error, text).hint("set `bind-password-file`"));
    }
    if let Some(said) =
        line("bind-password-file").filter(|_| !service && directory.bind_password_file.is_some())
    {
        let text = "it is nobody's password: `bind-dn` says nothing";
        problems.push(said.problem(Severity::Error, text).hint("set `bind-dn`"));
    }
    if let Some(said) = line("anonymous-bind").filter(|_| service && directory.anonymous_bind) {
        let text = "`bind-dn` is there, so nobody binds anonymously";
        problems.push(said.problem(Severity::Error, text).hint("keep one of the two"));
    }
    let Some(said) = line("user-dn-template").filter(|said| !said.text.is_empty()) else { return };
    if directory.double_bind() {
        let text = "it has no effect: people are searched for (`bind-dn` or `anonymous-bind`)";
        problems.push(said.problem(Severity::Warning, text).hint("remove one of the two"));
    }
    if said.text.matches("{user}").count() != 1 {
        let text = "it must have `{user}` in it once: else everybody would be bound as the same";
        problems
            .push(said.problem(Severity::Error, text).hint("write for example `uid={user},ou=people,dc=a`"));
    } else if !said.text.contains('@') && !said.text.contains('\\') && !template_is_dn(&said.text) {
        let text = "it is neither a distinguished name nor `{user}@domain`";
        problems
            .push(said.problem(Severity::Error, text).hint("write for example `uid={user},ou=people,dc=a`"));
    }
}

/// Whether a template is one of a distinguished name, by a name that needs no escapes.
fn template_is_dn(text: &str) -> bool {
    portcullis_model::dn::normalised(&text.replace("{user}", "x")).is_some()
}

fn groups(section: &Section, problems: &mut Vec<Problem>) {
    let directory = section.directory();
    let said = |name: &str| section.values.find(name).filter(|said| !said.text.is_empty());
    if let Some(line) = said("permitted-login-group").filter(|_| !directory.has_groups()) {
        let text = "nobody could sign in: the directory's groups are not asked for";
        problems.push(
            line.problem(Severity::Error, text).hint("set `group-search-base` and `group-name-attribute`"),
        );
    }
    for (name, other) in
        [("group-search-base", "group-name-attribute"), ("group-name-attribute", "group-search-base")]
    {
        let needless = name == "group-name-attribute" && directory.group_membership == GroupSearch::MemberOf;
        if let Some(line) = said(name).filter(|_| said(other).is_none() && !needless) {
            let text = format!("it has no effect: `{other}` says nothing, so groups are not asked for");
            problems
                .push(line.problem(Severity::Error, text).hint(format!("set `{other}`, or remove the line")));
        }
    }
    let unfiltered = said("group-object-class").is_none() && said("group-filter").is_none();
    if let Some(line) = said("group-search-base").filter(|_| unfiltered && directory.has_groups()) {
        let text = "neither `group-object-class` nor `group-filter` says what a group is";
        problems.push(
            line.problem(Severity::Error, text).hint("write for example `group-object-class=groupOfNames`"),
        );
    }
}

/// The file beside `auth-ldap`.
pub(crate) fn check(settings: &Settings, problems: &mut Vec<Problem>) {
    let on = settings.sign_in.auth_ldap;
    let sections = &settings.ldap.sections;
    if on && sections.is_empty() {
        let said = settings.said.portcullis.find("auth-ldap");
        let text = "nobody could sign in: ldap.conf names no directory";
        let problem = said.map(|said| said.problem(Severity::Error, text));
        problems.extend(problem.map(|problem| problem.hint("write a section `[name]` into ldap.conf")));
    }
    if let Some(first) = sections.first().filter(|_| !on) {
        let text = "it has no effect: `auth-ldap` of portcullis.conf is 0";
        problems.push(whole(first, Severity::Warning, text).hint("set `auth-ldap=1` in portcullis.conf"));
    }
    // Whether groups come from the directory must be the same for all: else a group's name would mean two things.
    let with = |wanted: bool| sections.iter().find(|section| section.directory().has_groups() == wanted);
    if let (Some(with), Some(without)) = (with(true), with(false)) {
        let text = format!("it asks for no groups, but `[{with}]` does: all must, or none");
        problems.push(
            whole(without, Severity::Error, text).hint("set `group-search-base` and `group-name-attribute`"),
        );
    }
}

fn whole(section: &Section, severity: Severity, text: impl Into<String>) -> Problem {
    let trimmed = section.source.trim();
    let start = char_len(&section.source) - char_len(section.source.trim_start());
    Problem {
        file: FileKind::Ldap.name().to_owned(),
        line: section.line,
        span: start..start + char_len(trimmed),
        option: None,
        severity,
        text: text.into(),
        hint: None,
        source: Some(section.source.clone()),
    }
}
