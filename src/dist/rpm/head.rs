//! A head: an index of tags, sorted, and a store of their values, with a mark that spans both so that they can be summed.

use std::collections::BTreeMap;

/// A tag's value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Numbers of 16 bits.
    Shorts(Vec<u16>),
    /// Numbers of 32 bits.
    Numbers(Vec<u32>),
    /// One text.
    Text(String),
    /// Some texts.
    Texts(Vec<String>),
    /// A text that could be in several languages.
    Translated(String),
}

/// Tags with their values.
#[derive(Debug, Default)]
pub(super) struct Head {
    values: BTreeMap<u32, Value>,
}

/// The tag of the list of languages.
const TABLE: u32 = 100;
/// The type of the mark: bytes.
const BYTES: u32 = 7;
/// Bytes of an index entry.
const ENTRY: usize = 16;

impl Head {
    /// Sets a tag.
    pub(super) fn set(&mut self, tag: u32, value: Value) {
        self.values.insert(tag, value);
    }

    /// The one language of translated texts.
    pub(super) fn table(&mut self, language: &str) {
        self.set(TABLE, Value::Texts(vec![language.to_owned()]));
    }

    /// All of it, marked as a region by this tag.
    pub(super) fn bytes(&self, mark: u32) -> Vec<u8> {
        let (mut index, mut store) = (Vec::new(), Vec::new());
        for (tag, value) in &self.values {
            let (kind, align, count, bytes) = value.packed();
            store.resize(usize::next_multiple_of(store.len(), align), 0);
            index.extend(entry(*tag, kind, number(store.len()), count));
            store.extend(bytes);
        }
        // The mark stands first in the index and last in the store, where it says how far back the index begins.
        let entries = self.values.len() + 1;
        let back = number(entries * ENTRY).wrapping_neg();
        let first = entry(mark, BYTES, number(store.len()), number(ENTRY));
        store.extend(entry(mark, BYTES, back, number(ENTRY)));
        let mut out = vec![0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
        out.extend(number(entries).to_be_bytes());
        out.extend(number(store.len()).to_be_bytes());
        out.extend(first);
        out.extend(index);
        out.extend(store);
        out
    }
}

fn entry(tag: u32, kind: u32, offset: u32, count: u32) -> [u8; ENTRY] {
    let mut out = [0; ENTRY];
    for (place, field) in out.chunks_exact_mut(4).zip([tag, kind, offset, count]) {
        place.copy_from_slice(&field.to_be_bytes());
    }
    out
}

fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

impl Value {
    /// Type, alignment, count, bytes.
    fn packed(&self) -> (u32, usize, u32, Vec<u8>) {
        let ended = |text: &String| [text.as_bytes(), b"\0"].concat();
        match self {
            Self::Shorts(all) => {
                (3, 2, number(all.len()), all.iter().flat_map(|one| one.to_be_bytes()).collect())
            }
            Self::Numbers(all) => {
                (4, 4, number(all.len()), all.iter().flat_map(|one| one.to_be_bytes()).collect())
            }
            Self::Text(text) => (6, 1, 1, ended(text)),
            Self::Texts(all) => (8, 1, number(all.len()), all.iter().flat_map(ended).collect()),
            Self::Translated(text) => (9, 1, 1, ended(text)),
        }
    }
}
