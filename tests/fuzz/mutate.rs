//! Mutation without coverage: what runs everywhere, in a normal test. Repeats itself for the same seed.

/// A small generator (SplitMix64): the same numbers on every machine.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    /// One of these.
    pub fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Longest input that is made.
const LONGEST: usize = 8 * 1024;

/// Changes an input in a few places: bytes, runs, words, and parts of another input.
pub fn mutate(input: &mut Vec<u8>, others: &[Vec<u8>], words: &[&str], random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        let byte = u8::try_from(random.below(256)).unwrap_or(0);
        match random.below(9) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < input.len() => input[at] = byte,
            2 => input.insert(at, byte),
            3 if at < input.len() => drop(input.drain(at..(at + 1 + random.below(8)).min(input.len()))),
            4 => input.truncate(at),
            5 => {
                let run = input[at..(at + random.below(32)).min(input.len())].to_vec();
                input.splice(at..at, run);
            }
            6 | 7 if !words.is_empty() => {
                let word = random.of(words).bytes();
                let end = if random.below(2) == 0 { at } else { (at + random.below(8)).min(input.len()) };
                input.splice(at..end, word);
            }
            _ if !others.is_empty() => {
                let other = random.of(others);
                let from = random.below(other.len() + 1);
                let end = (from + random.below(64)).min(other.len());
                input.splice(at..at, other[from..end].iter().copied());
            }
            _ => {}
        }
    }
    input.truncate(LONGEST);
}
