//! What the kernel is to hold in a session: the policy's plan, with this machine's facts and files.
//!
//! Called by `open`, before anything of a session is there, so that one that can't be held is refused; and again when PAM has
//! said what it did, whose ticket caches stay visible.

use std::fs;
use std::path::Path;

use portcullis_model::session::{Ide, IdeCommand};
use portcullis_model::sign_in::{Principal, SignIn};
use portcullis_model::{Secret, SessionId};
use portcullis_policy::sandbox::{Asked, Fallen, Files, Layer, Machine, NotConfined, Plan, sandbox};
use portcullis_policy::{Flags, LaunchFacts};
use portcullis_sys::directories;
use portcullis_wire::launcher::OpenError;

use crate::launcher::Launcher;
use crate::log::say;

/// Links that are followed to a program, as the kernel does at most.
const LINKS: usize = 40;

impl Launcher {
    /// The plan of a session that is started now.
    pub(super) fn plan(
        &self,
        ide: Ide,
        facts: &LaunchFacts,
        command: &IdeCommand,
        who: &Principal,
    ) -> Result<Plan, NotConfined> {
        self.plan_under(self.flags(who), ide, facts, command)
    }

    /// The same under other flags: those that are only recorded, say.
    pub(super) fn plan_under(
        &self,
        mut flags: Flags,
        ide: Ide,
        facts: &LaunchFacts,
        command: &IdeCommand,
    ) -> Result<Plan, NotConfined> {
        // The same names as those that the proxy compares with.
        flags.directories.value.iter_mut().for_each(|path| *path = directories::real(path));
        let stub = self.dirs.libexec.join("portcullis-session");
        let asked = Asked { settings: &self.active.settings, flags: &flags, facts, ide, command };
        let stub = stub.to_str().unwrap_or_default();
        sandbox(&asked, &Machine { host: &self.host, files: &Disk, stub })
    }

    /// Whether the kernel can hold what the configuration demands for this session; when not, that is recorded.
    pub(super) fn confinable(
        &mut self,
        sign_in: &SignIn,
        ide: Ide,
        id: SessionId,
        token: &Secret,
        command: &IdeCommand,
    ) -> Result<(), OpenError> {
        let who = &sign_in.principal;
        let facts = self.launch_facts(id, who, token, Vec::new());
        let refused = match self.plan(ide, &facts, command, who) {
            Ok(plan) => {
                self.say_fallen(&plan.fallen);
                return Ok(());
            }
            Err(refused) => refused,
        };
        say!(Info, "a session was refused user={} ide={ide}: {refused} (hint: {})", who.user, refused.hint);
        self.record_refused(sign_in, None, ide.word(), format!("{}: {}", refused.rule, refused.why));
        Err(OpenError::NotConfined { rule: refused.rule, why: refused.why })
    }

    /// Says once for each layer what is missing.
    fn say_fallen(&mut self, fallen: &[Fallen]) {
        for missing in fallen {
            if self.fallen_said.insert(missing.layer) {
                let Fallen { why, hint, effect, .. } = missing;
                say!(
                    Warn,
                    "the kernel can't hold everything in sessions: {why}; it would hold that {effect} (hint: {hint})"
                );
            }
        }
    }
}

/// Layers of which was said that they are missing.
pub(crate) type Said = std::collections::BTreeSet<Layer>;

/// This machine's files.
#[derive(Debug)]
struct Disk;

impl Files for Disk {
    fn steps(&self, path: &str) -> Vec<String> {
        let Ok(real) = fs::canonicalize(path) else { return Vec::new() };
        let mut steps = vec![path.to_owned()];
        let mut at = Path::new(path).to_path_buf();
        for _ in 0..LINKS {
            // Folders on the way may be links as well: the next name is said without them.
            let (Some(parent), Some(name)) = (at.parent(), at.file_name()) else { break };
            let Ok(parent) = fs::canonicalize(parent) else { break };
            let here = parent.join(name);
            push(&mut steps, &here);
            let Ok(target) = fs::read_link(&here) else { break };
            at = parent.join(target);
        }
        // ORDER: the real name stands last.
        steps.retain(|step| Path::new(step) != real);
        push(&mut steps, &real);
        steps
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
    }
}

fn push(steps: &mut Vec<String>, path: &Path) {
    if let Some(path) = path.to_str().filter(|path| !steps.iter().any(|known| known == path)) {
        steps.push(path.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn every_name_on_the_way_is_said_and_the_real_one_last() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().canonicalize().expect("its name");
        let at = |name: &str| root.join(name).to_str().expect("text").to_owned();
        fs::create_dir_all(root.join("usr/bin")).expect("folders");
        fs::write(root.join("usr/bin/python3.11"), "").expect("a file");
        symlink("python3.11", root.join("usr/bin/python3")).expect("a link");
        symlink("../usr/bin/python3", root.join("usr/python")).expect("a link");
        symlink("usr/bin", root.join("bin")).expect("a link");
        assert_eq!(
            Disk.steps(&at("usr/python")),
            [at("usr/python"), at("usr/bin/python3"), at("usr/bin/python3.11")]
        );
        assert_eq!(
            Disk.steps(&at("bin/python3")),
            [at("bin/python3"), at("usr/bin/python3"), at("usr/bin/python3.11")]
        );
        assert_eq!(Disk.steps(&at("usr/bin/python3.11")), [at("usr/bin/python3.11")]);
        assert_eq!(Disk.steps(&at("usr/bin/none")), Vec::<String>::new());
        assert_eq!(Disk.steps("/"), ["/"]);
        let mut names = Disk.names(&at("bin"));
        names.sort_unstable();
        assert_eq!(names, ["python3", "python3.11"]);
    }
}
