//! `portcullis conf show`.

use std::path::Path;

use anyhow::Context as _;
use portcullis_conf::{FileKind, Problem, Sources, load, show};

use crate::{Answer, EX_CONFIG};

/// A file by its name, for the command line.
pub(crate) fn file(name: &str) -> Result<FileKind, String> {
    let names: Vec<&str> = FileKind::ALL.into_iter().map(FileKind::name).collect();
    FileKind::from_name(name).ok_or_else(|| format!("the files are {}", names.join(", ")))
}

/// One file, or all of them. A configuration with errors is not in force, so only its errors are told.
pub(crate) fn answer(dir: &Path, file: Option<FileKind>, json: bool) -> anyhow::Result<Answer> {
    let sources = Sources::read(dir).context("cannot read the configuration")?;
    let loaded = load(&sources);
    if !loaded.is_usable() {
        let errors = loaded.problems.iter().filter(|problem| problem.is_error());
        let complaint = errors.map(|problem: &Problem| problem.render(dir)).collect();
        return Ok(Answer { complaint, status: EX_CONFIG, ..Answer::default() });
    }
    let settings = &loaded.settings;
    let text = match (file, json) {
        (Some(file), false) => show::text(settings, file),
        (Some(file), true) => pretty(&show::json(settings, file))?,
        (None, true) => {
            let all = FileKind::ALL.map(|file| (file.name().to_owned(), show::json(settings, file)));
            pretty(&serde_json::Value::Object(all.into_iter().collect()))?
        }
        (None, false) => FileKind::ALL
            .into_iter()
            .filter(|file| *file != FileKind::LoginHtml)
            .map(|file| format!("### {}\n{}", dir.join(file.name()).display(), show::text(settings, file)))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    Ok(Answer { text, ..Answer::default() })
}

fn pretty(value: &serde_json::Value) -> anyhow::Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_fed_back_gives_itself() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("rsession.conf");
        std::fs::write(&path, "# flags\n\nallow-shell = no # none\nsession-port-range=59000-59999\n")
            .expect("a file");
        let first = answer(dir.path(), Some(FileKind::Rsession), false).expect("an answer");
        assert!(first.text.contains("allow-shell=no\n#: rsession.conf:3 allow-shell=no\n"), "{}", first.text);
        assert!(first.text.contains("allow-vcs=1\n#: default\n"), "{}", first.text);
        std::fs::write(&path, &first.text).expect("a file");
        assert_eq!(answer(dir.path(), Some(FileKind::Rsession), false).expect("an answer"), first);
    }

    #[test]
    fn a_wrong_configuration_is_not_shown() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("rsession.conf"), "allow-shel=0\n").expect("a file");
        let found = answer(dir.path(), None, true).expect("an answer");
        assert_eq!((found.text.as_str(), found.status), ("", EX_CONFIG));
        assert!(found.complaint.contains("did you mean `allow-shell`?"), "{}", found.complaint);
    }

    #[test]
    fn all_files_are_shown() {
        let found = answer(Path::new("/nowhere/at/all"), None, false).expect("an answer");
        assert!(
            found.text.starts_with("### /nowhere/at/all/rserver.conf\nserver-user=portcullis\n#: default\n")
        );
        let json = answer(Path::new("/nowhere/at/all"), None, true).expect("an answer").text;
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["rsession.conf"]["allow-shell"]["value"], "1");
        assert_eq!(json["rsession.conf"]["allow-shell"]["origin"], "default");
    }
}
