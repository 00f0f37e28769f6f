//! The schema's versions: each a file, applied once, all that are missing in one transaction, alone.
//!
//! A file that was released never changes: the next version is a new file. A database of a newer program is refused.

use crate::driver::Driver;
use crate::value::values;
use crate::{Error, OpenError};

const MIGRATIONS: &[(u64, &str)] = &[(1, include_str!("schema/0001.sql"))];

/// The version that this program writes.
pub const VERSION: u64 = 1;

/// Brings the database to [`VERSION`]. `now` in milliseconds since 1970.
pub(crate) async fn migrate(driver: &Driver, now: u64) -> Result<(), OpenError> {
    if found(driver).await? == VERSION {
        return Ok(());
    }
    let mut tx = driver.begin_alone().await?;
    // What is missing is looked up again: another machine may have been here while this one waited.
    let table = "CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY, at BIGINT NOT NULL)";
    tx.run(table, &[]).await?;
    let row = tx.run("SELECT COALESCE(MAX(version), 0) FROM migrations", &[]).await?.one();
    let version = row.map(|mut row| row.number()).transpose()?.unwrap_or(0);
    newer(version)?;
    for (number, text) in MIGRATIONS.iter().filter(|(number, _)| *number > version) {
        for statement in statements(&driver.schema(text)) {
            tx.run(&statement, &[]).await?;
        }
        tx.run("INSERT INTO migrations (version, at) VALUES ($1, $2)", values![*number, now]).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn found(driver: &Driver) -> Result<u64, OpenError> {
    if !driver.has_table("migrations").await? {
        return Ok(0);
    }
    let row = driver.read("SELECT COALESCE(MAX(version), 0) FROM migrations", &[]).await?.one();
    let version = row.map(|mut row| row.number()).transpose()?.unwrap_or(0);
    newer(version)?;
    Ok(version)
}

fn newer(found: u64) -> Result<(), OpenError> {
    if found > VERSION { Err(OpenError::Newer { found, known: VERSION }) } else { Ok(()) }
}

/// The statements of a file, without comments.
fn statements(text: &str) -> Vec<String> {
    let code: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let code = code.join("\n");
    let statements = code.split(";\n").map(|statement| statement.trim().trim_end_matches(';'));
    statements.filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

impl From<std::num::TryFromIntError> for Error {
    fn from(error: std::num::TryFromIntError) -> Self {
        Self::Broken(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_up_without_a_hole() {
        let numbers: Vec<u64> = MIGRATIONS.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (1..=VERSION).collect::<Vec<_>>());
    }

    #[test]
    fn a_file_is_cut_into_statements() {
        assert_eq!(
            statements("-- a;\nCREATE x (\n a,\n b);\n\nINSERT y;\n"),
            ["CREATE x (\n a,\n b)", "INSERT y"]
        );
    }
}
