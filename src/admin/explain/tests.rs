//! The command's answers, on configurations of the test's own.

use std::path::Path;

use clap::Parser;

use super::*;

/// The question as it is typed, without the program's name.
#[derive(Debug, Parser)]
struct Typed {
    #[command(flatten)]
    question: Question,
}

fn dir(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).expect("a file");
    }
    dir
}

fn asked(dir: &Path, args: &[&str]) -> Answer {
    let who = ["explain", "--user", "alice", "--groups", "staff", "--run-dir", "/nowhere"];
    let typed = Typed::try_parse_from(who.iter().chain(args)).expect("a question");
    answer(dir, &typed.question)
}

#[test]
fn a_refusal_is_told_with_rule_row_level_and_remedy() {
    let dir = dir(&[("rsession.conf", "# flags\n\nallow-shell=0\n")]);
    let found =
        asked(dir.path(), &["--ide", "jupyter", "--request", "POST /s/0011223344556677/api/terminals"]);
    assert_eq!(found.status, 1, "{}{}", found.text, found.complaint);
    for words in [
        "user        alice (groups: staff), an account that is not on this machine",
        "exemptions  not looked at: the daemon doesn't run",
        "asked       POST /api/terminals in jupyter",
        "decision    REFUSED, answered 403 by the server",
        "rule        allow-shell=0 (rsession.conf:3)",
        "reason      Terminals are switched off here: the administrator has set",
        "capability  shell",
        "jupyter_server_terminals.api_handlers.TerminalRootHandler (seen in",
        "level       proxy for allow-shell: no request",
        "remains     Code can start programs",
        "to allow    in rsession.conf, line 3, write `allow-shell=1` or for alice alone, at the end of profiles: `[alice]`",
    ] {
        let flat = found.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(&words), "{words}\n--- in\n{}", found.text);
    }
    assert!(found.text.lines().all(|line| line.chars().count() <= 100), "{}", found.text);
}

#[test]
fn what_passes_says_what_would_refuse_it() {
    let dir = dir(&[]);
    let found = asked(dir.path(), &["--ide", "jupyter", "--request", "POST /api/terminals"]);
    assert_eq!(found.status, 0, "{}", found.text);
    assert!(found.text.contains("to refuse   in rsession.conf write `allow-shell=0`"), "{}", found.text);
}

#[test]
fn groups_decide_by_the_sections_of_profiles() {
    let profiles = "[@staff]\nallow-shell=1\n[@students]\nallow-shell=0\n";
    let dir = dir(&[("rsession.conf", "allow-shell=0\n"), ("profiles", profiles)]);
    let request = ["--ide", "jupyter", "--request", "POST /api/terminals"];
    assert_eq!(asked(dir.path(), &request).status, 0);
    let student = ["explain", "--user", "bob", "--groups", "students", "--run-dir", "/nowhere"];
    let typed = Typed::try_parse_from(student.iter().chain(&request)).expect("a question");
    let found = answer(dir.path(), &typed.question);
    assert!(found.status == 1 && found.text.contains("allow-shell=0 (profiles:4)"), "{}", found.text);
    assert!(found.text.contains("in profiles, line 4, write `allow-shell=1`"), "{}", found.text);
}

#[test]
fn several_flags_in_the_way_are_all_named_and_proven_to_be_enough() {
    let dir = dir(&[("rsession.conf", "allow-shell=0\nallow-vcs=0\nallow-file-uploads=0\n")]);
    let found = asked(dir.path(), &["--ide", "jupyter", "--request", "GET /some/new/door", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&found.text).expect("JSON");
    let finding = &json["findings"][0];
    assert_eq!(finding["decision"], "refused");
    assert_eq!(finding["capability"], "unknown");
    let change = finding["change"]["lines"].as_array().expect("a list");
    assert_eq!(change.len(), 3, "each flag makes unknown routes suspect: {change:?}");
    let instead = finding["change"]["instead"].as_array().expect("a list");
    assert!(
        instead.iter().any(|line| line.as_str().is_some_and(|line| line.contains("adapters.conf"))),
        "{instead:?}"
    );
}

#[test]
fn what_no_option_allows_is_said_to_be_so() {
    let dir = dir(&[]);
    let found = asked(dir.path(), &["--ide", "jupyter", "--request", "GET /files/../x"]);
    assert_eq!(found.status, 1);
    assert!(found.text.contains("to allow    no option"), "{}", found.text);
}

#[test]
fn a_capability_shows_all_its_doors() {
    let dir = dir(&[("rsession.conf", "allow-file-downloads=0\n")]);
    let found = asked(dir.path(), &["--ide", "jupyter", "--op", "download", "--path", "/data/x y.csv"]);
    assert_eq!(found.status, 1, "{}", found.text);
    assert!(found.text.contains("shut  GET /files/data/x%20y.csv"), "{}", found.text);
    assert!(found.text.contains("format=base64"), "{}", found.text);
    assert!(!found.text.lines().any(|line| line.starts_with("  open")), "{}", found.text);
    let open = asked(dir.path(), &["--ide", "jupyter", "--op", "shell"]);
    assert!(open.status == 0 && open.text.contains("open  POST /api/terminals"), "{}", open.text);
    let nothing = asked(dir.path(), &["--ide", "jupyter", "--op", "launcher-jobs"]);
    assert!(
        nothing.status == UNKNOWN && nothing.text.contains("no request of this IDE's table"),
        "{}",
        nothing.text
    );
}

#[test]
fn a_folder_outside_is_named_with_the_line_that_lists_it() {
    let home = tempfile::tempdir().expect("a directory");
    let base = home.path().canonicalize().expect("a path");
    std::os::unix::fs::symlink("/etc", base.join("away")).expect("a link");
    let dir = dir(&[("rsession.conf", "restrict-directory-view=1\ndirectory-view-allow-list=/usr/share\n")]);
    let home = base.to_str().expect("text");
    let args = ["--ide", "jupyter", "--home", home, "--request", "GET /files/away/passwd"];
    let found = asked(dir.path(), &args);
    assert_eq!(found.status, 1, "{}", found.text);
    let flat = found.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("leads to /etc/passwd: outside of the home"), "{flat}");
    assert!(
        flat.contains("in rsession.conf, line 2, write `directory-view-allow-list=/usr/share:/etc`"),
        "{flat}"
    );
    assert!(flat.contains("the session looks as the person"), "{flat}");
}

#[test]
fn the_body_decides_where_it_is_given() {
    let dir = dir(&[("rsession.conf", "allow-file-uploads=0\n")]);
    let request = ["--ide", "jupyter", "--request", "PUT /api/contents/a.bin"];
    let unknown = asked(dir.path(), &request);
    assert!(unknown.status == UNKNOWN && unknown.text.contains("--body"), "{}", unknown.text);
    let body = dir.path().join("body");
    std::fs::write(
        &body,
        r#"{"type":"file","format":"base64","name":"a.bin","path":"a.bin","content":"AA=="}"#,
    )
    .expect("a file");
    let body = body.to_str().expect("text");
    let args: Vec<&str> = request.iter().copied().chain(["--body", body]).collect();
    let found = asked(dir.path(), &args);
    assert!(
        found.status == 1 && found.text.contains("allow-file-uploads=0 (rsession.conf:1)"),
        "{}",
        found.text
    );
}

#[test]
fn what_can_not_be_said_is_no_refusal() {
    let wrong = dir(&[("rsession.conf", "allow-shel=0\n")]);
    let found = asked(wrong.path(), &["--ide", "jupyter", "--request", "GET /api"]);
    assert!(
        found.status == UNKNOWN && found.complaint.contains("did you mean `allow-shell`?"),
        "{}",
        found.complaint
    );
    let good = dir(&[]);
    for args in [
        ["--ide", "no-such-ide", "--request", "GET /api"],
        ["--ide", "jupyter", "--request", "nonsense"],
        ["--ide", "jupyter", "--request", "GET api"],
    ] {
        assert_eq!(asked(good.path(), &args).status, UNKNOWN, "{args:?}");
    }
    assert!(Typed::try_parse_from(["explain", "--user", "a", "--op", "no-such"]).is_err());
    assert!(Typed::try_parse_from(["explain", "--user", "a"]).is_err(), "nothing is asked");
    assert!(
        Typed::try_parse_from(["explain", "--user", "a", "--op", "shell", "--request", "GET /"]).is_err()
    );
}

#[test]
fn what_is_recorded_only_passes_and_says_so() {
    let dir = dir(&[("rsession.conf", "allow-shell=0\n"), ("portcullis.conf", "audit-only=allow-shell\n")]);
    let found = asked(dir.path(), &["--ide", "jupyter", "--request", "POST /api/terminals"]);
    assert_eq!(found.status, 0, "{}", found.text);
    assert!(found.text.contains("recorded    allow-shell=0 (rsession.conf:1)"), "{}", found.text);
}
