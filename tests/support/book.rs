//! Where a world keeps its accounts: in a file of its own, or in a database of its own at the PostgreSQL that all share.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::servers::postgres::{Database, Postgres};
use crate::world::World;

/// Which of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Book {
    /// As a daemon does that is told nothing.
    #[default]
    Sqlite,
    /// As `database.conf` says.
    Postgresql,
}

impl Book {
    /// Makes what a world needs, and tells its configuration.
    ///
    /// # Errors
    /// What the server said; skipped where PostgreSQL is not installed.
    pub(crate) fn open(self, config_dir: &Path) -> Result<Option<Database>> {
        if self == Self::Sqlite {
            return Ok(None);
        }
        let database = Postgres::shared()?.database()?;
        database.write_conf(config_dir)?;
        Ok(Some(database))
    }
}

impl World {
    /// Whether one of these stands anywhere in what is kept of accounts: in a file of SQLite's, or in a dump of PostgreSQL's, where
    /// bytes are hexadecimal digits.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn accounts_hold(&self, parts: &[&[u8]]) -> Result<bool> {
        let hex = |part: &[u8]| part.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let (kept, in_hex) = match &self.database {
            Some(database) => {
                let dump = Postgres::shared()?.dump(database)?.into_bytes();
                (vec![dump], parts.iter().map(|part| hex(part).into_bytes()).collect())
            }
            None => {
                let files = fs::read_dir(self.state_dir().join("accounts"))?;
                (files.map(|file| fs::read(file?.path())).collect::<Result<_, _>>()?, Vec::new())
            }
        };
        let sought: Vec<&[u8]> = parts.iter().copied().chain(in_hex.iter().map(Vec::as_slice)).collect();
        let has = |bytes: &Vec<u8>, part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        Ok(sought.iter().any(|part| kept.iter().any(|bytes| has(bytes, part))))
    }

    /// Takes the database of its own away.
    pub(crate) fn close_book(&mut self) -> Result<()> {
        match self.database.take() {
            Some(database) => Postgres::shared()?.remove(&database),
            None => Ok(()),
        }
    }
}
