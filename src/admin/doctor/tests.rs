//! The command's answers, on configurations of the test's own.

use clap::Parser;
use portcullis_policy::flag;

use super::*;

mod machines;

#[derive(Debug, Parser)]
struct Typed {
    #[command(flatten)]
    question: Question,
}

fn examined(files: &[(&str, &str)], json: bool) -> Answer {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).expect("a file");
    }
    let nowhere = dir.path().join("nowhere").display().to_string();
    let mut args = vec!["doctor", "--run-dir", &nowhere, "--state-dir", &nowhere];
    args.extend(json.then_some("--json"));
    let typed = Typed::try_parse_from(args).expect("a question");
    answer(dir.path(), true, &typed.question)
}

fn value(files: &[(&str, &str)]) -> serde_json::Value {
    serde_json::from_str(&examined(files, true).text).expect("JSON")
}

#[test]
fn every_flag_has_a_level_and_a_reason_for_every_ide() {
    let json = value(&[("rsession.conf", "allow-shell=0\n")]);
    let lines = json["flags"].as_array().expect("flags");
    assert_eq!(lines.len(), flag::ALL.len());
    for line in lines {
        let cells = line["ides"].as_array().expect("IDEs");
        assert_eq!(cells.len(), Ide::BUILT_IN.len());
        for cell in cells {
            assert!(!cell["reason"].as_str().unwrap_or_default().is_empty(), "{cell}");
        }
    }
    assert_eq!(lines[0]["flag"], "allow-shell");
    assert_eq!((&lines[0]["restricts"], &lines[0]["value"]), (&true.into(), &"0".into()));
    assert_eq!(lines[0]["origin"]["at"]["line"], 1);
}

#[test]
fn a_demanded_level_that_is_not_reached_is_wrong() {
    let demanded = |level: &str| {
        let text = format!("minimum-level=allow-shell:{level}\n");
        value(&[("portcullis.conf", &text)])["checks"]
            .as_array()
            .expect("checks")
            .iter()
            .filter(|check| check["subject"] == "minimum-level")
            .map(|check| check["outcome"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(demanded("proxy"), ["PASS"]);
    let kernel = demanded("kernel");
    assert!(!kernel.is_empty() && kernel.iter().all(|outcome| outcome == "FAIL"), "{kernel:?}");
    assert_eq!(examined(&[("portcullis.conf", "minimum-level=allow-shell:kernel\n")], false).status, 1);
}

#[test]
fn what_is_only_recorded_reaches_no_level() {
    let files = [
        ("rsession.conf", "allow-shell=0\n"),
        ("portcullis.conf", "minimum-level=allow-shell:ide\naudit-only=allow-shell\n"),
    ];
    let found = examined(&files, false).text;
    let flat = found.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("`allow-shell` holds at `none`") && flat.contains("its effect is `audit`"),
        "{found}"
    );
    assert!(found.contains("0* audit"), "{found}");
}

#[test]
fn a_wrong_configuration_is_wrong_and_the_levels_are_shown_all_the_same() {
    let found = examined(&[("rsession.conf", "allow-shel=0\n")], false);
    assert_eq!(found.status, 1);
    assert!(
        found.text.contains("did you mean `allow-shell`?") || found.text.contains("there is no such option"),
        "{}",
        found.text
    );
    assert!(found.text.contains("allow-shell") && found.text.contains("proxy [1]"), "{}", found.text);
}

#[test]
fn applications_have_a_column_and_everything_fits_a_hundred_columns() {
    let adapters = "[app one]\ncommand=/bin/true {socket}\n[app two]\ncommand=/bin/true {socket}\n";
    let found = examined(&[("adapters.conf", adapters), ("profiles", "[*]\nallow-shell=0\n")], false).text;
    assert!(found.contains("APPLICATIONS"), "{found}");
    for line in found.lines() {
        assert!(line.chars().count() <= 100 || !line.contains(' ') || line.contains('/'), "{line}");
    }
    assert!(found.contains("profiles has 1 sections"), "{found}");
    assert!(!found.contains('\u{1b}'), "colour is for terminals");
}

#[test]
fn an_ide_that_is_off_is_no_mistake_and_none_at_all_is() {
    let off = value(&[("jupyter.conf", "labs-enabled=0\n")]);
    let checks = off["checks"].as_array().expect("checks");
    let of = |subject: &str| checks.iter().find(|check| check["subject"] == subject).expect(subject);
    assert_eq!(of("IDE jupyter")["outcome"], "INFO");
    assert!(
        switched_off(&crate::judge::tests::settings(&[("jupyter.conf", "labs-enabled=0\n")]), Ide::Jupyter)
            .is_some()
    );
    assert!(switched_off(&crate::judge::tests::settings(&[]), Ide::Jupyter).is_none());
}
