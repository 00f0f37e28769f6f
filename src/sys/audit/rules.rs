//! Rules of the exit list: what the kernel writes records of. Plain data; a rule is its bytes, as the kernel takes and lists them.

use std::collections::BTreeSet;

use super::calls::{ARCH, Call, DESCRIPTOR, EXEC, FORK, NARROW, PROCESS, REFUSED, WRITE};

/// The word by which an administrator sees whose rules these are (`auditctl -l -k portcullis`).
pub const KEY: &str = "portcullis";

// linux/audit.h
const FILTER_EXIT: u32 = 4;
const FILTER_TASK: u32 = 1;
const NEVER: u32 = 0;
const ALWAYS: u32 = 2;
const FIELD_ARCH: u32 = 11;
const FIELD_LOGIN_SET: u32 = 24;
const FIELD_EXIT: u32 = 103;
const FIELD_KEY: u32 = 210;
const EQUAL: u32 = 0x4000_0000;
const MASK_WORDS: usize = 64;
const FIELDS_MAX: usize = 64;
/// Flags, action and count; the mask; fields, values and operators; the length of what follows.
const HEAD_LEN: usize = 4 * (3 + MASK_WORDS + 3 * FIELDS_MAX + 1);

/// A rule of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule(Vec<u8>);

/// Rules for programs that are started by processes with a login id.
pub fn programs() -> Vec<Rule> {
    vec![native(EXEC, None), Rule::new(NARROW.0, NARROW.1, None)]
}

/// Rules for what is refused to processes with a login id, and for processes, descriptors and room that ran out.
pub fn refusals() -> Vec<Rule> {
    vec![
        native(REFUSED, Some(libc::EACCES)),
        native(REFUSED, Some(libc::EPERM)),
        native(REFUSED, Some(libc::EROFS)),
        native(PROCESS, Some(libc::ESRCH)),
        native(FORK, Some(libc::EAGAIN)),
        native(DESCRIPTOR, Some(libc::EMFILE)),
        native(WRITE, Some(libc::ENOSPC)),
    ]
}

/// All rules that may be ours.
pub fn ours() -> Vec<Rule> {
    programs().into_iter().chain(refusals()).collect()
}

fn native(list: &[Call], error: Option<i32>) -> Rule {
    let numbers = list.iter().filter_map(|(_, number)| u32::try_from(*number).ok());
    Rule::new(ARCH, numbers, error)
}

impl Rule {
    fn new(arch: u32, calls: impl IntoIterator<Item = u32>, error: Option<i32>) -> Self {
        let mut mask = [0_u32; MASK_WORDS];
        for call in calls {
            if let Some(word) = usize::try_from(call / 32).ok().and_then(|at| mask.get_mut(at)) {
                *word |= 1 << (call % 32);
            }
        }
        let mut fields = vec![(FIELD_ARCH, arch), (FIELD_LOGIN_SET, 1)];
        fields.extend(error.map(|error| (FIELD_EXIT, u32::from_ne_bytes((-error).to_ne_bytes()))));
        let key = u32::try_from(KEY.len()).expect("a short word");
        fields.push((FIELD_KEY, key));
        let mut bytes = Vec::with_capacity(HEAD_LEN + KEY.len());
        let mut put = |word: u32| bytes.extend(word.to_ne_bytes());
        put(FILTER_EXIT);
        put(ALWAYS);
        put(u32::try_from(fields.len()).expect("few"));
        mask.into_iter().for_each(&mut put);
        let padded = |of: fn(&(u32, u32)) -> u32| {
            let words: Vec<u32> = fields.iter().map(of).collect();
            words.into_iter().chain(std::iter::repeat(0)).take(FIELDS_MAX)
        };
        padded(|field| field.0).for_each(&mut put);
        padded(|field| field.1).for_each(&mut put);
        padded(|_| EQUAL).for_each(&mut put);
        put(key);
        bytes.extend(KEY.as_bytes());
        Self(bytes)
    }

    /// As the kernel takes it (`struct audit_rule_data`).
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is this one that the kernel lists.
    pub fn is(&self, listed: &Listed) -> bool {
        listed.0 == self.0
    }
}

/// A rule that the kernel has, whosoever it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed(Vec<u8>);

impl Listed {
    pub(super) fn new(bytes: &[u8]) -> Self {
        // What follows the text only fills the message up.
        let length =
            bytes.get(HEAD_LEN - 4..HEAD_LEN).and_then(|four| four.try_into().ok()).map(u32::from_ne_bytes);
        let end = length
            .and_then(|length| usize::try_from(length).ok())
            .map_or(bytes.len(), |length| HEAD_LEN.saturating_add(length).min(bytes.len()));
        Self(bytes[..end].to_vec())
    }

    fn word(&self, at: usize) -> Option<u32> {
        self.0.get(at * 4..at * 4 + 4).and_then(|four| four.try_into().ok()).map(u32::from_ne_bytes)
    }

    /// Whether it keeps all processes out of the kernel's sight (`-a never,task`): one with a field is for some only.
    pub fn silences_tasks(&self) -> bool {
        let fields = self.word(2).unwrap_or(0).min(u32::try_from(FIELDS_MAX).unwrap_or(0));
        let first = 3 + MASK_WORDS;
        let narrows = (0..fields)
            .filter_map(|at| usize::try_from(at).ok())
            .any(|at| self.word(first + at) != Some(FIELD_KEY));
        // The highest bit puts it in front of others.
        self.word(0).map(|list| list & 0xF) == Some(FILTER_TASK) && self.word(1) == Some(NEVER) && !narrows
    }

    /// Which of `rules` the kernel doesn't have.
    pub fn missing<'r>(listed: &[Self], rules: &'r [Rule]) -> Vec<&'r Rule> {
        let known: BTreeSet<&[u8]> = listed.iter().map(|one| one.0.as_slice()).collect();
        rules.iter().filter(|rule| !known.contains(rule.0.as_slice())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_the_kernels_shape() {
        let rule = Rule::new(ARCH, [0, 33, 9999], Some(13));
        let listed = Listed::new(&[rule.bytes(), &[0; 3]].concat());
        assert!(rule.is(&listed), "padding does not count");
        assert_eq!(rule.bytes().len(), HEAD_LEN + KEY.len());
        assert_eq!((listed.word(0), listed.word(1), listed.word(2)), (Some(4), Some(2), Some(4)));
        assert_eq!((listed.word(3), listed.word(4), listed.word(5)), (Some(1), Some(2), Some(0)));
        assert_eq!(listed.word(3 + 64 + 64 + 2), Some(0xFFFF_FFF3), "the error, below zero");
        assert!(!listed.silences_tasks());
    }

    #[test]
    fn what_is_missing_is_told_and_halves_are_nobodys() {
        let rules = ours();
        let listed: Vec<Listed> = rules.iter().skip(1).map(|rule| Listed::new(rule.bytes())).collect();
        assert_eq!(Listed::missing(&listed, &rules), [&rules[0]]);
        let never: Vec<u8> = [0x11_u32, 0].into_iter().flat_map(u32::to_ne_bytes).collect();
        assert!(Listed::new(&never).silences_tasks());
        let mut some = vec![1_u32, 0, 1];
        some.extend([0; MASK_WORDS]);
        some.push(9); // a login id
        let some: Vec<u8> = some.into_iter().flat_map(u32::to_ne_bytes).collect();
        assert!(!Listed::new(&some).silences_tasks(), "for one login only");
        assert!(!Listed::new(&never[..5]).silences_tasks());
        assert!(!Listed::new(&[]).silences_tasks());
    }
}
