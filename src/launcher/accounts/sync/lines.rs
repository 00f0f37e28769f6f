//! What the machine's files of accounts say of each name, as fingerprints: pure functions of their bytes.
//!
//! So that a stranger's new account is no reason to look everybody up. A name's fingerprint has in it its lines of `passwd` and
//! `shadow`, the groups whose lines name it as a member, and what its groups' numbers are called; other members are not. Fingerprints
//! are keyed anew in each process and leave it nowhere, and no line is kept. What is not written as these files are written, or is an
//! entry of NIS (`+`, `-`), may be about anybody: then there are none, and everybody is looked up. Not seen is a group that begins to
//! have the number of one which a directory alone knew; the next look finds it. Called by `read` and `round`.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, Hash, RandomState};

use portcullis_model::Gid;
use thiserror::Error;

/// A line that may be about anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("line {line} of `{file}` may be about anybody")]
pub(super) struct Odd {
    file: &'static str,
    line: usize,
}

/// The three files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a> {
    pub(super) passwd: &'a [u8],
    pub(super) group: &'a [u8],
    pub(super) shadow: &'a [u8],
}

/// Fingerprints: of what is said of people, by their names' hashes; of groups, by their names' and by their numbers.
#[derive(Debug)]
pub(super) struct Lines {
    key: RandomState,
    people: HashMap<u64, u64>,
    groups: HashMap<u64, u64>,
    numbers: HashMap<u32, u64>,
}

/// What is not as it was.
#[derive(Debug)]
pub(super) struct Changes {
    key: RandomState,
    people: HashSet<u64>,
    groups: HashSet<u64>,
    numbers: HashSet<u32>,
}

impl Lines {
    /// Of these files.
    pub(super) fn of(key: &RandomState, files: Bytes<'_>) -> Result<Self, Odd> {
        let mut all = Self {
            key: key.clone(),
            people: HashMap::new(),
            groups: HashMap::new(),
            numbers: HashMap::new(),
        };
        // First what groups and their numbers are called: it is in the fingerprints of people.
        for line in lines("group", files.group) {
            let Group { name, gid, .. } = Group::of(line?)?;
            add(key, all.groups.entry(key.hash_one(name)).or_default(), gid);
            add(key, all.numbers.entry(gid).or_default(), name);
        }
        for line in lines("group", files.group) {
            let Group { name, gid, members } = Group::of(line?)?;
            // Of two names of one number the first is the group's: whom a directory names has the other one no more.
            let called = all.numbers.get(&gid).copied();
            add(key, all.groups.entry(key.hash_one(name)).or_default(), called);
            // Whoever is a member twice is so by both lines.
            for member in members.split(|&byte| byte == b',') {
                // As it is written, too: what is beside the name may be a part of it to whoever reads it.
                let person = all.people.entry(key.hash_one(member.trim_ascii())).or_default();
                add(key, person, ("member", member, name, gid, called));
            }
        }
        for line in lines("passwd", files.passwd) {
            let line = line?;
            let gid = line.fields().nth(3).and_then(number).ok_or(line.odd)?;
            let called = all.numbers.get(&gid);
            let person = all.people.entry(key.hash_one(line.name())).or_default();
            add(key, person, ("passwd", line.bytes, called));
        }
        for line in lines("shadow", files.shadow) {
            let line = line?;
            let person = all.people.entry(key.hash_one(line.name())).or_default();
            add(key, person, ("shadow", line.bytes));
        }
        Ok(all)
    }

    /// What is not as it was `before`, which was read with the same key.
    pub(super) fn changes(&self, before: &Self) -> Changes {
        Changes {
            key: self.key.clone(),
            people: differences(&before.people, &self.people),
            groups: differences(&before.groups, &self.groups),
            numbers: differences(&before.numbers, &self.numbers),
        }
    }
}

impl Changes {
    /// Whether they may be about somebody of this name, who has this group and is a member of groups of these names.
    pub(super) fn touch(&self, user: &str, gid: Gid, groups: &[String]) -> bool {
        let hash = |name: &str| self.key.hash_one(name.as_bytes());
        let any = !(self.people.is_empty() && self.groups.is_empty() && self.numbers.is_empty());
        // The groups, too, for whom the files don't know: a directory may say that somebody has a group of this machine.
        any && (self.people.contains(&hash(user))
            || self.numbers.contains(&gid.0)
            || groups.iter().any(|group| self.groups.contains(&hash(group))))
    }
}

/// One more is in a fingerprint; in which order counts, since the first of two lines does.
fn add(key: &RandomState, fingerprint: &mut u64, more: impl Hash) {
    *fingerprint = key.hash_one((*fingerprint, more));
}

/// Whose fingerprints differ, or are in one only.
fn differences<K: Copy + Eq + Hash>(before: &HashMap<K, u64>, now: &HashMap<K, u64>) -> HashSet<K> {
    let of = |these: &HashMap<K, u64>, those: &HashMap<K, u64>| -> Vec<K> {
        let differs = |(key, print): &(&K, &u64)| those.get(*key) != Some(*print);
        these.iter().filter(differs).map(|(&key, _)| key).collect()
    };
    of(before, now).into_iter().chain(of(now, before)).collect()
}

/// A line that says something, of the usual form: a name, and fields behind it.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    bytes: &'a [u8],
    /// What it is when the rest of it is not of the usual form.
    odd: Odd,
}

impl<'a> Line<'a> {
    fn fields(self) -> impl Iterator<Item = &'a [u8]> {
        self.bytes.split(|&byte| byte == b':')
    }

    fn name(self) -> &'a [u8] {
        self.fields().next().unwrap_or_default()
    }

    /// Whether whoever reads it takes it as it is taken here.
    fn is_plain(self) -> bool {
        let name = self.name();
        let begins = name.first().is_some_and(|first| !matches!(first, b'+' | b'-' | b' '));
        begins
            && name.len() < self.bytes.len()
            && !name.iter().any(u8::is_ascii_control)
            && !self.bytes.contains(&0)
    }
}

/// The lines of a file but empty ones and comments.
fn lines<'a>(file: &'static str, bytes: &'a [u8]) -> impl Iterator<Item = Result<Line<'a>, Odd>> {
    bytes.split(|&byte| byte == b'\n').zip(1..).filter_map(move |(bytes, number)| {
        let line = Line { bytes, odd: Odd { file, line: number } };
        match bytes.trim_ascii_start().first() {
            None | Some(b'#') => None,
            Some(_) => Some(if line.is_plain() { Ok(line) } else { Err(line.odd) }),
        }
    })
}

/// A line of `group`.
struct Group<'a> {
    name: &'a [u8],
    gid: u32,
    members: &'a [u8],
}

impl<'a> Group<'a> {
    fn of(line: Line<'a>) -> Result<Self, Odd> {
        let mut fields = line.bytes.splitn(4, |&byte| byte == b':');
        match (fields.next(), fields.next(), fields.next().and_then(number), fields.next()) {
            (Some(name), Some(_), Some(gid), Some(members)) => Ok(Self { name, gid, members }),
            _ => Err(line.odd),
        }
    }
}

/// Digits and nothing else.
fn number(field: &[u8]) -> Option<u32> {
    let digits = field.iter().all(u8::is_ascii_digit).then_some(field)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
