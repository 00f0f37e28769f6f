//! The log of what changed: who shares the database hears of it, by notices and by looking.

use std::collections::VecDeque;
use std::time::Duration;

use crate::value::{Row, values, wrong};
use crate::{Error, Store};

/// How often is looked without a notice where others may write: half of the second within which a revocation must arrive.
const POLL: Duration = Duration::from_millis(500);
/// How many changes one look takes.
const AT_ONCE: u64 = 500;
/// How long changes are kept, in milliseconds: a day. A machine that was away for longer reads everything anew.
pub const KEPT: u64 = 24 * 60 * 60 * 1000;

/// What kind of thing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// An account: made, changed, locked, removed, its groups.
    Account,
    /// A sign-in: begun or ended.
    SignIn,
    /// An API key: made or ended.
    Key,
    /// A group of our own.
    Group,
    /// Everything of a person is over, by their account's id: their sessions too.
    Revoked,
}

impl ChangeKind {
    const ALL: [Self; 5] = [Self::Account, Self::SignIn, Self::Key, Self::Group, Self::Revoked];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::SignIn => "sign-in",
            Self::Key => "key",
            Self::Group => "group",
            Self::Revoked => "revoked",
        }
    }
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Counts up by one.
    pub revision: u64,
    /// What kind of thing.
    pub kind: ChangeKind,
    /// Which: the text of its id.
    pub id: String,
    /// Whether this machine wrote it.
    pub ours: bool,
}

/// What [`Changes::next`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Changes in their order; the last one's revision is what [`Store::beat`] reports once they are applied.
    Changed(Vec<Change>),
    /// So much was missed that everything must be read anew; changes go on behind this revision.
    Missed(u64),
    /// The database can't be reached. Told once.
    Apart,
    /// It can be reached again, and what changed meanwhile was told before.
    Together,
}

/// Tells what changes from here on, to one listener.
#[derive(Debug)]
pub struct Changes {
    store: Store,
    revision: u64,
    apart: bool,
    waiting: VecDeque<News>,
    listening: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for Changes {
    fn drop(&mut self) {
        if let Some(task) = &self.listening {
            task.abort();
        }
    }
}

impl Changes {
    pub(crate) const fn new(
        store: Store,
        revision: u64,
        listening: Option<tokio::task::JoinHandle<()>>,
    ) -> Self {
        Self { store, revision, apart: false, waiting: VecDeque::new(), listening }
    }

    /// The last revision that was told.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Waits for the next news. May be given up and called again: nothing is lost.
    pub async fn next(&mut self) -> News {
        loop {
            if let Some(news) = self.waiting.pop_front() {
                return news;
            }
            let look = self.look().await;
            if !self.waiting.is_empty() || look {
                continue;
            }
            let notice = self.store.wake.notified();
            if self.store.shared() || self.apart {
                // Late is as good as a notice: both lead to a look.
                let _ = tokio::time::timeout(POLL, notice).await;
            } else {
                notice.await;
            }
        }
    }

    /// Looks for changes; true when there may be more.
    async fn look(&mut self) -> bool {
        match self.store.changes_behind(self.revision).await {
            Ok(found) => {
                let News::Changed(changes) = &found else {
                    if let News::Missed(revision) = found {
                        self.revision = revision;
                        self.waiting.push_back(found);
                    }
                    return true;
                };
                let Some(last) = changes.last() else {
                    // ORDER: behind everything that was missed: whoever hears it has heard all.
                    if std::mem::take(&mut self.apart) {
                        self.waiting.push_back(News::Together);
                    }
                    return false;
                };
                self.revision = last.revision;
                self.waiting.push_back(found);
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.apart, true) {
                    tracing::warn!("{error}");
                    self.waiting.push_back(News::Apart);
                }
                false
            }
        }
    }
}

impl Store {
    /// The stream of changes from now on. Needs a tokio runtime, in which notices are waited for.
    ///
    /// # Errors
    /// When the present revision can't be read.
    pub async fn changes(&self) -> Result<Changes, Error> {
        let revision = self.revision().await?;
        Ok(self.changes_from(revision))
    }

    /// The stream of changes behind this revision.
    pub fn changes_from(&self, revision: u64) -> Changes {
        let listening = self.listener().map(tokio::spawn);
        Changes::new(self.clone(), revision, listening)
    }

    /// The revision of the last change.
    ///
    /// # Errors
    /// [`Error::Unreachable`] and [`Error::Broken`].
    pub async fn revision(&self) -> Result<u64, Error> {
        self.counter("revision").await
    }

    async fn counter(&self, name: &str) -> Result<u64, Error> {
        let row = self.driver.read("SELECT value FROM counters WHERE name = $1", values![name]).await?.one();
        row.ok_or_else(|| Error::Broken(format!("the counter `{name}` is missing")))?.number()
    }

    async fn changes_behind(&self, revision: u64) -> Result<News, Error> {
        let sql =
            "SELECT revision, kind, id, node FROM changes WHERE revision > $1 ORDER BY revision LIMIT $2";
        let found = self.driver.read(sql, values![revision, AT_ONCE]).await?;
        let changes = found.rows.into_iter().map(|row| self.change(row)).collect::<Result<Vec<_>, _>>()?;
        let gap = changes.first().is_some_and(|first| first.revision > revision + 1);
        if gap || changes.is_empty() && self.counter("pruned").await? > revision {
            return Ok(News::Missed(self.revision().await?));
        }
        Ok(News::Changed(changes))
    }

    fn change(&self, mut row: Row) -> Result<Change, Error> {
        let revision = row.number()?;
        let word = row.text()?;
        let kind = ChangeKind::ALL.into_iter().find(|kind| kind.word() == word);
        let kind = kind.ok_or_else(|| wrong("a kind of change"))?;
        Ok(Change { revision, kind, id: row.text()?, ours: row.text()? == self.node })
    }

    /// Forgets changes older than [`KEPT`]. Answers how many.
    ///
    /// # Errors
    /// [`Error::Unreachable`] and [`Error::Broken`].
    pub async fn prune_changes(&self, now: u64) -> Result<u64, Error> {
        let before = now.saturating_sub(KEPT);
        let mut tx = self.begin(now).await?;
        let last = "UPDATE counters SET value = (SELECT COALESCE(MAX(revision), 0) FROM changes WHERE at < $1) \
            WHERE name = 'pruned' AND value < (SELECT COALESCE(MAX(revision), 0) FROM changes WHERE at < $1)";
        tx.run(last, values![before]).await?;
        let sql = "DELETE FROM changes WHERE revision <= (SELECT value FROM counters WHERE name = 'pruned')";
        let gone = tx.run(sql, &[]).await?.changed;
        tx.commit().await?;
        Ok(gone)
    }
}
