//! Files that this tab has opened, so that saving one can be told from bringing another in.
//!
//! Hashes only, so many at most: when they are too many the oldest are forgotten, and what is forgotten is judged as a file that
//! was never opened.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

use super::place::Place;

/// Most files that are remembered: more than a person opens in a day.
const MOST: usize = 4096;

/// The files.
#[derive(Debug, Default)]
pub(super) struct Known {
    hasher: RandomState,
    files: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Known {
    /// It was opened, or made empty in the editor.
    pub(super) fn add(&mut self, place: &Place) {
        let hash = self.hasher.hash_one(place.shown());
        if !self.files.insert(hash) {
            return;
        }
        self.order.push_back(hash);
        if self.order.len() > MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.files.remove(&oldest);
            }
        }
    }

    /// Whether it was.
    pub(super) fn has(&self, place: &Place) -> bool {
        self.files.contains(&self.hasher.hash_one(place.shown()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let place = |number: usize| Place::of_path(&format!("/w/{number}")).expect("a path");
        let mut known = Known::default();
        for number in 0..=MOST {
            known.add(&place(number));
            known.add(&place(number));
        }
        assert!(!known.has(&place(0)) && known.has(&place(1)) && known.has(&place(MOST)));
    }
}
