//! What is known of the machine's files for a plan: nothing at first, then what the session's keeper found.
//!
//! The launcher never looks at homes and listed folders itself: one on a file system that doesn't answer would stop it for
//! everybody. A plan is made with what is known, which says what else it needs to know; the keeper, whose session alone hangs
//! then, is asked ([`super::looker`]), and the plan is made anew until nothing is missing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use portcullis_policy::sandbox::Files;

use super::talk::Question;

/// Most bytes of questions in one message, which takes 128 kB.
const ASKED_AT_ONCE: usize = 64 * 1024;

/// What the keeper found, and what is not known yet.
#[derive(Debug, Default)]
pub(super) struct Looked {
    known: BTreeMap<Question, Vec<String>>,
    missing: RefCell<Missing>,
}

/// What is not known, in the order in which it was asked for.
#[derive(Debug, Default)]
struct Missing {
    list: Vec<Question>,
    names: BTreeSet<Question>,
}

impl Looked {
    /// An answer, or a further part of one.
    pub(super) fn add(&mut self, question: Question, found: Vec<String>) {
        self.known.entry(question).or_default().extend(found);
    }

    /// The real name as far as root's links lead; as it is written while that is not known.
    pub(super) fn roots(&self, path: &str) -> String {
        self.find(Question::Roots(path.to_owned())).pop().unwrap_or_else(|| path.to_owned())
    }

    /// Forgets what was missing.
    pub(super) fn begin(&mut self) {
        *self.missing.get_mut() = Missing::default();
    }

    /// What is to be asked next; empty when nothing was missing.
    pub(super) fn questions(&self) -> Vec<Question> {
        let mut bytes = 0;
        let fits = |question: &&Question| {
            bytes += question.path().len() + 8;
            bytes <= ASKED_AT_ONCE
        };
        self.missing.borrow().list.iter().take_while(fits).cloned().collect()
    }

    /// The first question that has no answer: where the keeper is.
    pub(super) fn waits_for(&self) -> Option<String> {
        let missing = self.missing.borrow();
        let open = missing.list.iter().find(|question| !self.known.contains_key(question));
        open.map(|question| question.path().to_owned())
    }

    fn find(&self, question: Question) -> Vec<String> {
        if let Some(found) = self.known.get(&question) {
            return found.clone();
        }
        let mut missing = self.missing.borrow_mut();
        if missing.names.insert(question.clone()) {
            missing.list.push(question);
        }
        Vec::new()
    }
}

impl Files for Looked {
    fn steps(&self, path: &str) -> Vec<String> {
        self.find(Question::Steps(path.to_owned()))
    }

    fn names(&self, folder: &str) -> Vec<String> {
        self.find(Question::Names(folder.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_asked_once_and_in_order() {
        let mut looked = Looked::default();
        let steps = |path: &str| Question::Steps(path.to_owned());
        assert_eq!((looked.steps("/b"), looked.names("/a")), (Vec::new(), Vec::new()));
        assert_eq!((looked.roots("/c"), looked.steps("/b")), ("/c".to_owned(), Vec::new()));
        let asked = looked.questions();
        assert_eq!(asked, [steps("/b"), Question::Names("/a".into()), Question::Roots("/c".into())]);
        assert_eq!(looked.waits_for().as_deref(), Some("/b"));
        looked.add(steps("/b"), vec!["/b".into()]);
        assert_eq!(looked.waits_for().as_deref(), Some("/a"));
        looked.add(Question::Names("/a".into()), vec!["x".into()]);
        looked.add(Question::Names("/a".into()), vec!["y".into()]);
        looked.add(Question::Roots("/c".into()), vec!["/d".into()]);
        looked.begin();
        assert_eq!((looked.steps("/b"), looked.roots("/c")), (vec!["/b".to_owned()], "/d".to_owned()));
        assert_eq!(looked.names("/a"), ["x", "y"]);
        assert_eq!((looked.questions(), looked.waits_for()), (Vec::new(), None));
    }

    #[test]
    fn a_message_holds_what_it_can() {
        let looked = Looked::default();
        (0..100).for_each(|number| drop(looked.steps(&format!("/{number:04000}"))));
        assert_eq!(looked.questions().len(), 16);
    }
}
