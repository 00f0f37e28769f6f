//! The keeper looks at files for the launcher's plan: names, links and folders, in the mounts that PAM left.
//!
//! What hangs here hangs for one session. It must not judge what it finds.

use std::fs;
use std::path::Path;

use portcullis_sys::directories;
use portcullis_wire::{Channel, WireError};

use super::talk::{FromKeeper, Question};

/// Links that are followed to a program, as the kernel does at most.
const LINKS: usize = 40;
/// Most bytes of answers in one message, which takes 128 kB.
const TOLD_AT_ONCE: usize = 64 * 1024;
/// Folders at the top that are the machine's own: without them it wouldn't run, so they answer.
const SYSTEM: [&str; 12] =
    ["bin", "dev", "etc", "lib", "lib32", "lib64", "proc", "run", "sbin", "sys", "tmp", "usr"];

/// Answers these questions in their order.
///
/// # Errors
/// When the launcher is gone.
pub(super) fn answer(channel: &Channel, questions: Vec<Question>) -> Result<(), WireError> {
    let mut answers = Answers { channel, waiting: Vec::new(), bytes: 0 };
    for question in questions {
        if may_hang(question.path()) {
            // ORDER: what is known is told before what may never be, so that the launcher can say what doesn't answer.
            answers.tell(false)?;
        }
        let found = find(&question);
        answers.add(question, found)?;
    }
    answers.tell(true)
}

struct Answers<'c> {
    channel: &'c Channel,
    waiting: Vec<(Question, Vec<String>)>,
    bytes: usize,
}

impl Answers<'_> {
    fn add(&mut self, question: Question, found: Vec<String>) -> Result<(), WireError> {
        self.bytes += question.path().len() + 8;
        self.waiting.push((question.clone(), Vec::new()));
        for name in found {
            let bytes = name.len() + 8;
            if self.bytes + bytes > TOLD_AT_ONCE {
                self.tell(false)?;
                self.waiting.push((question.clone(), Vec::new()));
            }
            self.bytes += bytes;
            if let Some((_, part)) = self.waiting.last_mut() {
                part.push(name);
            }
        }
        Ok(())
    }

    fn tell(&mut self, done: bool) -> Result<(), WireError> {
        let answers = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        if answers.is_empty() && !done {
            return Ok(());
        }
        self.channel.send(&FromKeeper::Looked { answers, done }, &[])
    }
}

fn may_hang(path: &str) -> bool {
    let top = path.split('/').find(|part| !part.is_empty());
    top.is_some_and(|top| !SYSTEM.contains(&top))
}

fn find(question: &Question) -> Vec<String> {
    match question {
        Question::Steps(path) => steps(path),
        Question::Names(folder) => names(folder),
        Question::Roots(path) => vec![directories::real(path)],
    }
}

/// See [`portcullis_policy::sandbox::Files::steps`].
fn steps(path: &str) -> Vec<String> {
    // Looked at first: `realpath(3)` asks a file system nothing about its own top, and whoever uses it would hang there later.
    if fs::metadata(path).is_err() {
        return Vec::new();
    }
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

fn names(folder: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
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
        let all = [at("usr/python"), at("usr/bin/python3"), at("usr/bin/python3.11")];
        assert_eq!(steps(&at("usr/python")), all);
        let all = [at("bin/python3"), at("usr/bin/python3"), at("usr/bin/python3.11")];
        assert_eq!(steps(&at("bin/python3")), all);
        assert_eq!(steps(&at("usr/bin/python3.11")), [at("usr/bin/python3.11")]);
        assert_eq!(steps(&at("usr/bin/none")), Vec::<String>::new());
        assert_eq!(steps("/"), ["/"]);
        let mut found = names(&at("bin"));
        found.sort_unstable();
        assert_eq!(found, ["python3", "python3.11"]);
    }

    #[test]
    fn what_may_hang_is_asked_after_the_rest_was_told() {
        let (ours, theirs) = Channel::pair().expect("a pair");
        let dir = tempfile::tempdir().expect("a folder");
        let many = dir.path().join("many");
        fs::create_dir(&many).expect("a folder");
        (0..600)
            .for_each(|number| fs::write(many.join(format!("{number:0200}")), "").map(drop).expect("a file"));
        let many = many.to_str().expect("text").to_owned();
        let asked = vec![
            Question::Steps("/usr".into()),
            Question::Names("/none".into()),
            Question::Names(many.clone()),
            Question::Roots("/usr".into()),
        ];
        answer(&theirs, asked).expect("told");
        drop(theirs);
        let mut parts = Vec::new();
        while let Ok((FromKeeper::Looked { answers, done }, _)) = ours.receive() {
            parts.push((answers, done));
        }
        assert_eq!(parts[0], (vec![(Question::Steps("/usr".into()), vec!["/usr".into()])], false));
        assert_eq!(parts[1].0[0], (Question::Names("/none".into()), Vec::new()));
        let of_many = |(question, found): &(Question, Vec<String>)| {
            if *question == Question::Names(many.clone()) { found.len() } else { 0 }
        };
        assert_eq!(parts.iter().flat_map(|(answers, _)| answers).map(of_many).sum::<usize>(), 600);
        assert!(parts.len() >= 3 && parts.iter().filter(|(_, done)| *done).count() == 1);
        let last = parts.last().expect("one");
        assert_eq!(last.0.last(), Some(&(Question::Roots("/usr".into()), vec!["/usr".into()])));
    }
}
