//! Records that could not be written, counted by their kind until somebody can say so.

use super::{Event, TABLE};

/// Counts records that can't be written now, by their kind, until somebody can say so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lost(std::collections::BTreeMap<&'static str, u64>);

impl Lost {
    /// Nothing was lost.
    pub const fn new() -> Self {
        Self(std::collections::BTreeMap::new())
    }

    /// Whether nothing was lost.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts one; of a record that itself says that some were lost, those.
    pub fn note(&mut self, event: &Event) {
        let (kind, lost) = match event {
            // The other side's word is one of ours, so that the table can't grow.
            Event::Overflow { kind, lost } => {
                (TABLE.iter().find(|row| row.name == kind).map_or("overflow", |row| row.name), *lost)
            }
            other => (other.name(), 1),
        };
        let count = self.0.entry(kind).or_default();
        *count = count.saturating_add(lost);
    }

    /// The records that say so; nothing counts as lost afterwards.
    pub fn take(&mut self) -> impl Iterator<Item = Event> + use<> {
        std::mem::take(&mut self.0)
            .into_iter()
            .map(|(kind, lost)| Event::Overflow { kind: kind.to_owned(), lost })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_counted_by_kind() {
        let mut lost = Lost::new();
        let stopped = Event::Stopped { why: String::new() };
        lost.note(&stopped);
        lost.note(&stopped);
        lost.note(&Event::Overflow { kind: "console".into(), lost: 5 });
        lost.note(&Event::Overflow { kind: "made up".into(), lost: 1 });
        let told: Vec<_> = lost.take().collect();
        let overflow = |kind: &str, lost| Event::Overflow { kind: kind.into(), lost };
        assert_eq!(told, [overflow("console", 5), overflow("overflow", 1), overflow("stopped", 2)]);
        assert!(lost.is_empty());
    }
}
