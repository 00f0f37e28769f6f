//! `portcullis ldap test`: what the directories of ldap.conf say of somebody, step by step.
//!
//! The daemon asks them, by the process, the account and the limits that it has at a sign-in; this command prints what it tells.
//! It must not show a password, and has none in its arguments.

use std::io::{self, BufRead as _, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use portcullis_model::Secret;
use portcullis_model::proof::{Failure, PASSWORD_MAX, Step};
use portcullis_wire::admin::{Found, FromDaemon, ToDaemon, Typed};
use serde_json::json;

use crate::Answer;
use crate::exit::Exit;
use crate::operations::Asking;

/// Milliseconds between two steps: the longest time that a directory may be given, and a little.
const PATIENCE: u16 = 65_000;

/// `portcullis ldap`.
#[derive(Debug, Subcommand)]
pub(crate) enum Ldap {
    /// Try to prove a password as a sign-in does, and tell each step: connections, binds, filters, groups, the role with its reason.
    ///
    /// Nobody is signed in by it, nothing is counted or recorded. The daemon does it, since its account, files and limits are what is
    /// tested: it must run, with auth-ldap=1. Whether the Unix account may be used is PAM's to say, and not asked here.
    ///
    /// Exits with 0 when the directories prove the password and the name can be an account's, with 1 when not.
    Test(Test),
}

/// `portcullis ldap test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The name, as it would be typed.
    user: String,
    /// File with the password in its first line; `-` is the standard input.
    #[arg(long, value_name = "FILE", default_value = "-")]
    password_file: PathBuf,
    #[command(flatten)]
    asking: Asking,
}

impl Ldap {
    /// Carries it out.
    pub(crate) fn run(&self) -> anyhow::Result<Answer> {
        let Self::Test(test) = self;
        let password = Typed(password(&test.password_file)?);
        let question = ToDaemon::LdapTest { user: test.user.clone(), password };
        let mut steps = Vec::new();
        for message in test.asking.run_dir.ask_within(&question, PATIENCE)? {
            match message {
                FromDaemon::Step(step) => steps.push(*step),
                FromDaemon::Tested(end) => return answer(&steps, end.as_deref(), test.asking.json),
                _ => break,
            }
        }
        bail!("the daemon answered something else")
    }
}

/// The first line of a file.
fn password(path: &Path) -> anyhow::Result<Secret> {
    let most = u64::try_from(PASSWORD_MAX)? + 2;
    let mut line = Vec::new();
    let shown = path.display();
    if path == Path::new("-") {
        io::stdin().lock().take(most).read_until(b'\n', &mut line).context("cannot read the password")?;
    } else {
        let file = std::fs::File::open(path).with_context(|| format!("cannot read `{shown}`"))?;
        io::BufReader::new(file)
            .take(most)
            .read_until(b'\n', &mut line)
            .with_context(|| format!("cannot read `{shown}`"))?;
    }
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    Ok(Secret::new(line))
}

fn answer(steps: &[Step], end: Result<&Found, &Failure>, as_json: bool) -> anyhow::Result<Answer> {
    let good = end.is_ok_and(|found| found.unix.is_ok());
    let text = if as_json {
        let told: Vec<String> = steps.iter().map(Step::to_string).collect();
        let object = match end {
            Ok(found) => json!({ "steps": told, "proven": true, "found": object(found) }),
            Err(why) => json!({
                "steps": told, "proven": false, "reason": why.word(), "text": why.to_string(),
            }),
        };
        format!("{}\n", serde_json::to_string_pretty(&object)?)
    } else {
        let told: String = steps.iter().map(|step| format!("{step}\n")).collect();
        let end = match end {
            Ok(found) => lines(found),
            Err(why) => format!("\nnot proven ({}): {why}\n", why.word()),
        };
        told + &end
    };
    let status = if good { Exit::Done } else { Exit::Failed };
    Ok(Answer { text, status: status.code(), ..Answer::default() })
}

fn lines(found: &Found) -> String {
    let account = match &found.unix {
        Ok(name) => format!("`{name}`; whether it may be used here, PAM says at a sign-in"),
        Err(why) => format!("none: {why}"),
    };
    let new = if found.register { "an account is made" } else { "nobody is let in" };
    format!(
        "\nproven: `{}` of {}, unique id {}\nUnix account: {account}\ngroups: {}\nrole of an account that is not the first: {}, \
         because {}\nwhere there is no account yet: {new}\n",
        found.user, found.identity.provider, found.identity.unique, found.groups, found.role, found.reason
    )
}

fn object(found: &Found) -> serde_json::Value {
    json!({
        "user": found.user,
        "provider": found.identity.provider.to_string(),
        "unique_id": found.identity.unique.to_string(),
        "unix": found.unix.as_ref().ok().map(ToString::to_string),
        "unix_problem": found.unix.as_ref().err(),
        "groups": found.groups,
        "role": found.role.word(),
        "role_reason": found.reason.to_string(),
        "register": found.register,
    })
}

#[cfg(test)]
mod tests {
    use portcullis_model::account::{Identity, Provider, Role, RoleReason, RoleRule, UniqueId};
    use portcullis_model::proof::Shown;

    use super::*;

    fn found(unix: Result<&str, &str>) -> Found {
        Found {
            identity: Identity {
                provider: Provider::Ldap("main".into()),
                unique: UniqueId::try_from(vec![1, 2, 3]).expect("an id"),
            },
            user: "Kim".into(),
            unix: unix.map(|name| name.parse().expect("a name")).map_err(str::to_owned),
            groups: 2,
            role: Role::Publisher,
            reason: RoleReason {
                rule: RoleRule::Group,
                value: "analysts".into(),
                place: "portcullis.conf:7".into(),
            },
            register: true,
        }
    }

    #[test]
    fn each_step_is_a_line_and_the_end_says_what_would_become_of_it() {
        let steps = [Step::Search {
            what: Shown::from("user"),
            base: Shown::from("dc=a"),
            filter: Shown::from("(uid=x\\2a)"),
        }];
        let good = answer(&steps, Ok(&found(Ok("kim"))), false).expect("an answer");
        assert_eq!(
            (good.status, good.text.as_str()),
            (
                0,
                "search for user below `dc=a`: (uid=x\\2a)\n\nproven: `Kim` of ldap:main, unique id AQID\n\
                 Unix account: `kim`; whether it may be used here, PAM says at a sign-in\ngroups: 2\n\
                 role of an account that is not the first: publisher, because group `analysts` (portcullis.conf:7)\n\
                 where there is no account yet: an account is made\n"
            )
        );
        let no_name = answer(&[], Ok(&found(Err("it has a `/`"))), false).expect("an answer");
        assert!(no_name.status == 1 && no_name.text.contains("none: it has a `/`"), "{no_name:?}");
        let refused = answer(&[], Err(&Failure::Locked), false).expect("an answer");
        assert!(refused.status == 1 && refused.text.contains("not proven (locked)"), "{refused:?}");
    }

    #[test]
    fn json_has_the_same() {
        let good = answer(&[], Ok(&found(Ok("kim"))), true).expect("an answer");
        let object: serde_json::Value = serde_json::from_str(&good.text).expect("JSON");
        assert_eq!((&object["proven"], &object["found"]["unix"]), (&json!(true), &json!("kim")));
        let refused = answer(&[], Err(&Failure::Credentials), true).expect("an answer");
        let object: serde_json::Value = serde_json::from_str(&refused.text).expect("JSON");
        assert_eq!((&object["reason"], refused.status), (&json!("credentials"), 1));
    }

    #[test]
    fn a_password_is_the_first_line_of_a_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("p");
        for (text, wanted) in [("a b\r\nc\n", "a b"), ("ä", "ä"), ("\n", ""), ("", "")] {
            std::fs::write(&file, text).expect("written");
            assert_eq!(password(&file).expect("read").expose(), wanted.as_bytes(), "{text:?}");
        }
        assert!(password(&dir.path().join("none")).is_err());
    }
}
