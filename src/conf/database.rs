//! `database.conf`: what of it doesn't go together, and who may read it.

use crate::option::FileKind;
use crate::options::database::SECRET;
use crate::problem::{Problem, Severity};
use crate::settings::Settings;
use crate::sources::Sources;
use crate::value::{DatabaseProvider, OptionalSslMode};
use crate::values::Said;

const FILE: FileKind = FileKind::Database;

pub(crate) fn check(settings: &Settings, sources: &Sources, problems: &mut Vec<Problem>) {
    if sources.withheld.iter().any(|name| name == FILE.name()) {
        let text = "only root may read it: it was not looked at";
        problems.push(Problem::of_file(FILE.name(), Severity::Info, text));
    }
    let said = |name: &str| -> Option<&Said> {
        settings.said.of(FILE)?.find(name).filter(|said| !said.text.is_empty())
    };
    if let Some(secret) = SECRET.iter().find_map(|name| said(name)) {
        if sources.exposed.iter().any(|name| name == FILE.name()) {
            let text = format!("`{}` is said in a file that others than root can read", secret.opt.name);
            problems.push(secret.problem(Severity::Error, text).hint("make the file root's, with mode 0600"));
        }
    }
    let database = &settings.database;
    if database.provider == DatabaseProvider::Sqlite {
        let server = ["connection-uri", "host", "port", "database", "username", "password", "ssl-mode"];
        let given = |name: &&str| said(name).filter(|said| !said.opt.is_default(&said.text));
        problems.extend(server.iter().find_map(given).map(|said| {
            let text = format!("`{}` has no effect with provider=sqlite", said.opt.name);
            said.problem(Severity::Warning, text).hint("set `provider=postgresql`")
        }));
        return;
    }
    if let Some(uri) = said("connection-uri") {
        let known = ["postgresql://", "postgres://"].iter().any(|scheme| uri.text.starts_with(scheme));
        if !known {
            // The text itself may hold a password.
            let text = "`connection-uri` does not begin with `postgresql://`";
            problems.push(uri.problem(Severity::Error, text));
        }
    }
    if database.ssl_mode == OptionalSslMode::Require {
        problems.extend(said("ssl-mode").map(|said| {
            let text =
                "the database's certificate is not verified: whoever stands between may say who is locked";
            said.problem(Severity::Warning, text).hint("write `ssl-mode=verify-full`")
        }));
    }
}

#[cfg(test)]
mod tests {
    use crate::{Loaded, Severity, Sources, load, show};

    fn with(text: &str, exposed: bool) -> Loaded {
        let mut sources = Sources::new("/etc/rstudio", [("database.conf".to_owned(), text.to_owned())]);
        if exposed {
            sources.exposed.push("database.conf".to_owned());
        }
        load(&sources)
    }

    fn problems(text: &str, exposed: bool) -> Vec<(Severity, String)> {
        with(text, exposed).problems.into_iter().map(|problem| (problem.severity, problem.text)).collect()
    }

    #[test]
    fn a_password_that_others_can_read_is_an_error() {
        for secret in ["password=hunter2", "connection-uri=postgresql://u:hunter2@db/x"] {
            let text = format!("provider=postgresql\n{secret}\n");
            assert_eq!(problems(&text, false), []);
            let found = problems(&text, true);
            assert!(
                matches!(found.as_slice(), [(Severity::Error, why)] if why.contains("others than root")),
                "{found:?}"
            );
            assert!(!found[0].1.contains("hunter2"));
        }
        // Without a secret everybody may read it.
        assert_eq!(problems("provider=postgresql\nhost=db.example.test\npassword=\n", true), []);
    }

    #[test]
    fn a_secret_is_not_shown() {
        let text = "provider=postgresql\npassword=hunter2\nconnection-uri=postgresql://u:hunter2@db/x\n";
        let settings = with(text, false).settings;
        let file = crate::FileKind::Database;
        let shown = format!("{}{}", show::text(&settings, file), show::json(&settings, file));
        assert!(!shown.contains("hunter2") && shown.contains("password=(not shown)"), "{shown}");
        assert_eq!(settings.database.password, "hunter2");
    }

    #[test]
    fn what_does_not_go_together_is_said() {
        for (text, severity, with) in [
            ("host=db.example.test", Severity::Warning, "no effect with provider=sqlite"),
            (
                "provider=postgresql\nconnection-uri=mysql://u:hunter2@db",
                Severity::Error,
                "does not begin with",
            ),
            ("provider=postgresql\nssl-mode=require", Severity::Warning, "not verified"),
            ("provider=oracle", Severity::Error, "oracle"),
            ("provider=postgresql\nssl-mode=prefer", Severity::Error, "prefer"),
            ("directory=/srv", Severity::Info, "state folder"),
        ] {
            let found = problems(text, false);
            assert!(
                matches!(found.as_slice(), [(how, why)] if *how == severity && why.contains(with)),
                "{text}: {found:?}"
            );
            assert!(!found[0].1.contains("hunter2"));
        }
        assert_eq!(problems("", false), []);
    }
}
