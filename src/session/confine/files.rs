//! The rules for files and programs, from the specification.

use std::path::Path;

use portcullis_model::sandbox::{Programs, Reach};
use portcullis_sys::landlock::{Access, Handled, Rule, Ruleset};
use portcullis_wire::SessionSpec;

use super::ConfineError;

/// What starts dynamic programs. Each of them must be executable for any of those to run, so it is no program by itself here:
/// what it may load is what can be read, where no mount forbids it.
const LOADERS: &[&str] = &[
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];

/// The ruleset; `None` where the specification has none.
pub(super) fn ruleset(spec: &SessionSpec) -> Result<Option<Ruleset>, ConfineError> {
    let Some(rules) = &spec.sandbox.rules else { return Ok(None) };
    let programs = spec.sandbox.programs.as_ref();
    let (handled, list) = list(rules.reach.as_ref(), programs);
    let ruleset = Ruleset::new(rules.version, handled, &list)?;
    let there = |path: &&String| !ruleset.left_out().iter().any(|left_out| left_out == Path::new(path));
    if let Some(stub) = programs.map(|programs| &programs.stub).filter(|stub| !there(stub)) {
        return Err(ConfineError::Stub(stub.clone()));
    }
    if let Some(reach) = &rules.reach {
        let home = home(spec);
        // Where homes lie behind a link of root's, the rules have the real name.
        let real = std::fs::canonicalize(home).unwrap_or_else(|_| home.into());
        if !reach.write.iter().filter(there).any(|path| real.starts_with(path)) {
            return Err(ConfineError::Home(home.to_owned()));
        }
    }
    Ok(Some(ruleset))
}

fn home(spec: &SessionSpec) -> &str {
    let command = &spec.command;
    let said = command.env.iter().find(|(name, _)| name == "HOME").map(|(_, value)| value.as_str());
    said.unwrap_or(&command.cwd)
}

/// What is ruled, and the grants.
fn list(reach: Option<&Reach>, programs: Option<&Programs>) -> (Handled, Vec<Rule>) {
    let mut rules = Vec::new();
    let mut grant = |path: &str, access, links| rules.push(Rule { path: path.into(), access, links });
    let handled = match (reach, programs) {
        (None, None) => Handled::Nothing,
        (None, Some(_)) => {
            grant("/", Access { arrange: true, ..Access::default() }, true);
            Handled::Programs
        }
        (Some(reach), _) => {
            // Without a list of programs, whatever can be read can be a program.
            let execute = programs.is_none();
            // These are real names. Where a link stands now, its owner put it there since, or is no one whose links count.
            for path in &reach.read {
                grant(path, Access { read: true, execute, ..Access::default() }, false);
            }
            for path in &reach.write {
                grant(path, Access { read: true, write: true, execute, ..Access::default() }, false);
            }
            Handled::Files
        }
    };
    if let Some(Programs { allowed, stub, .. }) = programs {
        let named = allowed.iter().map(String::as_str).chain([stub.as_str()]).chain(LOADERS.iter().copied());
        for path in named {
            grant(path, Access { read: true, execute: true, ..Access::default() }, true);
        }
    }
    (handled, rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(reach: Option<&Reach>, programs: Option<&Programs>) -> (Handled, Vec<(String, String)>) {
        let (handled, rules) = list(reach, programs);
        let said = |access: Access| {
            let Access { read, write, execute, arrange } = access;
            let flags = [(read, 'r'), (write, 'w'), (execute, 'x'), (arrange, 'm')];
            flags.into_iter().filter(|(is, _)| *is).map(|(_, letter)| letter).collect::<String>()
        };
        let rules = rules.into_iter().map(|rule| (rule.path.display().to_string(), said(rule.access)));
        (handled, rules.filter(|(path, _)| !LOADERS.contains(&path.as_str())).collect())
    }

    #[test]
    fn what_is_granted_follows_folders_and_programs() {
        let pair = |path: &str, access: &str| (path.to_owned(), access.to_owned());
        let reach = Reach { read: vec!["/usr".into()], write: vec!["/home/a".into()] };
        let programs =
            Programs { folders: Vec::new(), allowed: vec!["/usr/bin/git".into()], stub: "/s".into() };
        let of_programs = [pair("/usr/bin/git", "rx"), pair("/s", "rx")];

        assert_eq!(granted(None, None), (Handled::Nothing, Vec::new()));
        let wanted = vec![pair("/usr", "rx"), pair("/home/a", "rwx")];
        assert_eq!(granted(Some(&reach), None), (Handled::Files, wanted));
        let wanted = [&[pair("/", "m")][..], &of_programs].concat();
        assert_eq!(granted(None, Some(&programs)), (Handled::Programs, wanted));
        let wanted = [&[pair("/usr", "r"), pair("/home/a", "rw")][..], &of_programs].concat();
        assert_eq!(granted(Some(&reach), Some(&programs)), (Handled::Files, wanted));
    }
}
