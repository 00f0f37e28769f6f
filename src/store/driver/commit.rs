//! The end of a transaction: what changed is written down in the same transaction, and whoever waits for changes is woken.

use std::collections::HashSet;

use crate::Error;
use crate::changes::ChangeKind;
use crate::driver::{On, Tx};
use crate::value::{Value, values};

/// What PostgreSQL's listeners listen to.
pub(crate) const CHANNEL: &str = "portcullis";
/// How many changes one statement writes.
const AT_ONCE: usize = 100;

impl Tx {
    /// Makes it so. Answers the revision of its last change; 0 when there is none.
    pub(crate) async fn commit(mut self) -> Result<u64, Error> {
        let revision = self.write_changes().await?;
        match &mut self.on {
            On::Lite { lite, open, .. } => {
                lite.run("COMMIT", &[]).await?;
                *open = false;
            }
            On::Pg(lease) => {
                lease.run("COMMIT", &[]).await?;
                lease.open = false;
            }
        }
        if revision > 0 {
            self.wake.notify_one();
        }
        Ok(revision)
    }

    async fn write_changes(&mut self) -> Result<u64, Error> {
        let mut seen = HashSet::new();
        let mut changes: Vec<(ChangeKind, String)> = std::mem::take(&mut self.changes);
        changes.retain(|change| seen.insert(change.clone()));
        if changes.is_empty() {
            return Ok(0);
        }
        // The row's lock lasts until the end: revisions become visible in their order, so that nobody who reads "behind 7" misses
        // a 6 that was committed later.
        let count = changes.len() as u64;
        self.run("UPDATE counters SET value = value + $1 WHERE name = 'revision'", values![count]).await?;
        let row = self.run("SELECT value FROM counters WHERE name = 'revision'", &[]).await?.one();
        let last =
            row.ok_or_else(|| Error::Broken("the counter of changes is missing".to_owned()))?.number()?;
        let mut next = last - count;
        for some in changes.chunks(AT_ONCE) {
            let mut bound = Vec::with_capacity(some.len() * 5);
            for (kind, id) in some {
                next += 1;
                bound.extend([
                    Value::from(next),
                    Value::from(self.now),
                    Value::from(kind.word()),
                    Value::from(id.as_str()),
                    Value::from(self.node.as_str()),
                ]);
            }
            let sql = format!(
                "INSERT INTO changes (revision, at, kind, id, node) VALUES {}",
                places(some.len(), 5)
            );
            self.run(&sql, &bound).await?;
        }
        if let On::Pg(lease) = &mut self.on {
            let text = last.to_string();
            lease.run("SELECT CAST(pg_notify('portcullis', $1) AS TEXT)", values![text]).await?;
        }
        Ok(last)
    }
}

/// `($1, $2), ($3, $4)` and so on.
pub(crate) fn places(rows: usize, columns: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            let comma = if column == 0 { "" } else { ", " };
            text.push_str(&format!("{comma}${}", row * columns + column + 1));
        }
        text.push(')');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn places_are_counted_through() {
        assert_eq!(places(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(places(1, 1), "($1)");
    }
}
