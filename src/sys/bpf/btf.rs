//! Where the members of the kernel's own structures stand, from its description of itself (BTF, `/sys/kernel/btf/vmlinux`).
//!
//! It reads what the running kernel says, so that a program finds a member wherever this kernel keeps it. Only names and places
//! of members are looked at. Called by [`executions`](super::executions) alone.

use std::path::Path;

use thiserror::Error;

/// Where the kernel describes itself (since 5.4, where it was built so).
pub(super) const KERNEL: &str = "/sys/kernel/btf/vmlinux";
/// Most bytes that are read: some ten times those of a distribution's kernel.
const LENGTH_MAX: u64 = 64 * 1024 * 1024;
/// Structures without a name inside of structures, at most.
const DEPTH_MAX: usize = 8;
const MAGIC: u16 = 0xeb9f;
const STRUCT: u32 = 4;
const UNION: u32 = 5;

/// Why a place is not known.
#[derive(Debug, Error)]
pub enum BtfError {
    /// No description.
    #[error("can't read `{KERNEL}`, where the kernel describes itself")]
    File(#[source] std::io::Error),
    /// Not in the form that is known.
    #[error("`{KERNEL}` is not in a form that is known")]
    Malformed,
    /// Another kernel.
    #[error("this kernel's `{0}` has no `{1}`")]
    Missing(&'static str, &'static str),
}

/// The description.
#[derive(Debug)]
pub(super) struct Btf {
    bytes: Vec<u8>,
    /// Where each type stands in `bytes`; number 0 is none.
    types: Vec<usize>,
    strings: (usize, usize),
}

/// The beginning of a type.
#[derive(Debug, Clone, Copy)]
struct Head {
    name: u32,
    kind: u32,
    /// How many parts follow.
    parts: u32,
    /// Whether places of members hold sizes of bit fields too.
    fields: bool,
}

/// A member of a structure.
struct Member {
    name: u32,
    kind: u32,
    bits: u32,
}

impl Btf {
    /// That of the running kernel.
    pub(super) fn kernel() -> Result<Self, BtfError> {
        use std::io::Read as _;
        let file = std::fs::File::open(Path::new(KERNEL)).map_err(BtfError::File)?;
        let mut bytes = Vec::new();
        file.take(LENGTH_MAX).read_to_end(&mut bytes).map_err(BtfError::File)?;
        Self::parse(bytes).ok_or(BtfError::Malformed)
    }

    fn parse(bytes: Vec<u8>) -> Option<Self> {
        let word = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
        if u16::from_ne_bytes(*bytes.first_chunk()?) != MAGIC {
            return None;
        }
        let size = |at: usize| usize::try_from(word(at)?).ok();
        let header = size(4)?;
        let (begin, length) = (header.checked_add(size(8)?)?, size(12)?);
        let (strings, strings_length) = (header.checked_add(size(16)?)?, size(20)?);
        let (end, strings_end) = (begin.checked_add(length)?, strings.checked_add(strings_length)?);
        if end > bytes.len() || strings_end > bytes.len() {
            return None;
        }
        let mut types = vec![0];
        let mut at = begin;
        while at < end {
            types.push(at);
            let head = head(&bytes, at)?;
            at = at.checked_add(12)?.checked_add(rest(head)?)?;
        }
        Some(Self { bytes, types, strings: (strings, strings_end) })
    }

    /// The place of a member in bytes from the beginning of its structure; one of a structure without a name inside counts as
    /// its own.
    pub(super) fn place(&self, of: &'static str, member: &'static str) -> Result<i16, BtfError> {
        let found = self.types.iter().skip(1).find_map(|&at| {
            let head = head(&self.bytes, at)?;
            let is_it = head.kind == STRUCT && self.string(head.name) == Some(of.as_bytes());
            // One that is only announced has no members; another of the same name may.
            is_it.then(|| self.within(at, member, 0)).flatten()
        });
        let bits = found.ok_or(BtfError::Missing(of, member))?;
        i16::try_from(bits / 8).map_err(|_| BtfError::Malformed)
    }

    fn within(&self, at: usize, wanted: &str, depth: usize) -> Option<u32> {
        let head = head(&self.bytes, at)?;
        if depth > DEPTH_MAX || !matches!(head.kind, STRUCT | UNION) {
            return None;
        }
        (0..head.parts).find_map(|number| {
            let member = self.member(at, head, number)?;
            if self.string(member.name) == Some(wanted.as_bytes()) {
                return Some(member.bits);
            }
            let inner = *self.types.get(usize::try_from(member.kind).ok()?)?;
            let nameless = member.name == 0 && inner > 0;
            nameless.then(|| self.within(inner, wanted, depth + 1)).flatten()?.checked_add(member.bits)
        })
    }

    fn member(&self, at: usize, head: Head, number: u32) -> Option<Member> {
        let at = at + 12 + usize::try_from(number).ok()? * 12;
        let word = |n: usize| Some(u32::from_ne_bytes(*self.bytes.get(at + n * 4..)?.first_chunk()?));
        let bits = if head.fields { word(2)? & 0x00ff_ffff } else { word(2)? };
        Some(Member { name: word(0)?, kind: word(1)?, bits })
    }

    fn string(&self, name: u32) -> Option<&[u8]> {
        let from = self.strings.0.checked_add(usize::try_from(name).ok()?)?;
        let text = self.bytes.get(from..self.strings.1)?;
        let length = memchr(text)?;
        Some(&text[..length])
    }
}

/// Where a text ends.
fn memchr(text: &[u8]) -> Option<usize> {
    text.iter().position(|byte| *byte == 0)
}

fn head(bytes: &[u8], at: usize) -> Option<Head> {
    let word = |n: usize| Some(u32::from_ne_bytes(*bytes.get(at + n * 4..)?.first_chunk()?));
    let info = word(1)?;
    Some(Head { name: word(0)?, kind: info >> 24 & 0x1f, parts: info & 0xffff, fields: info >> 31 == 1 })
}

/// Bytes that follow the head of a type (`Documentation/bpf/btf.rst`).
fn rest(head: Head) -> Option<usize> {
    let parts = usize::try_from(head.parts).ok()?;
    Some(match head.kind {
        // Integers, variables and tags have one word more.
        1 | 14 | 17 => 4,
        3 => 12,
        STRUCT | UNION | 15 | 19 => parts * 12,
        // Enumerations and lists of parameters.
        6 | 13 => parts * 8,
        2 | 7..=12 | 16 | 18 => 0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct a { int x; struct { long y; }; }`, as its description.
    fn small() -> Vec<u8> {
        let strings = b"\0int\0a\0x\0y\0";
        let types: [u32; 22] = [
            // 1: int; 2: the inner one without a name; 3: a.
            1,
            1 << 24,
            4,
            32, //
            0,
            STRUCT << 24 | 1,
            8,
            9,
            1,
            0, //
            5,
            STRUCT << 24 | 2,
            16,
            7,
            1,
            0,
            0,
            2,
            64, //
            0,
            12 << 24,
            1,
        ];
        let length = u32::try_from(types.len() * 4).expect("short");
        let mut bytes = MAGIC.to_ne_bytes().to_vec();
        bytes.extend([1, 0]);
        for word in [24, 0, length, length, u32::try_from(strings.len()).expect("short")] {
            bytes.extend(word.to_ne_bytes());
        }
        types.iter().for_each(|word| bytes.extend(word.to_ne_bytes()));
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn members_are_found_also_in_structures_without_a_name() {
        let btf = Btf::parse(small()).expect("a description");
        assert_eq!(btf.place("a", "x").expect("a place"), 0);
        assert_eq!(btf.place("a", "y").expect("a place"), 8);
        assert!(matches!(btf.place("a", "z"), Err(BtfError::Missing("a", "z"))));
        assert!(matches!(btf.place("b", "x"), Err(BtfError::Missing("b", "x"))));
    }

    #[test]
    fn what_is_broken_is_refused_and_nothing_panics() {
        let whole = small();
        for length in 0..whole.len() {
            let part = Btf::parse(whole[..length].to_vec());
            assert!(part.is_none(), "{length}");
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                if let Some(btf) = Btf::parse(bytes) {
                    let _ = (btf.place("a", "y"), btf.place("a", "x"));
                }
            }
        }
    }

    #[test]
    fn this_kernel_describes_itself() {
        let btf = match Btf::kernel() {
            Err(BtfError::File(_)) => return, // built without
            found => found.expect("a description"),
        };
        assert!(btf.place("task_struct", "mm").expect("every kernel has it") > 0);
        assert!(btf.place("dentry", "d_parent").expect("every kernel has it") > 0);
    }
}
