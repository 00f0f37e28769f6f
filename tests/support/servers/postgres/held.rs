//! Transactions that stay open, so that a test can say what the database does first.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::{Database, GONE_SECONDS, Postgres, as_role};
use crate::{place, until};

/// A transaction that is open; rolled back when this is dropped.
#[derive(Debug)]
pub struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        // The server rolls back what nobody is there for; gone already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Database {
    /// Begins a transaction with this SQL and leaves it open: what it locks is locked until the answer is dropped.
    ///
    /// # Errors
    /// When it is refused, or waits for somebody else's.
    pub fn hold(&self, server: &Postgres, sql: &str) -> Result<Held> {
        let name = format!("held-{}", place::next_number());
        let mut command = Command::new("psql");
        as_role(&mut command, self, &self.name, "disable").env("PGAPPNAME", &name);
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut held = Held(command.spawn()?);
        let input = held.0.stdin.as_mut().context("no pipe")?;
        // One message of both: who has begun it has carried it out.
        input.write_all(format!("BEGIN\\; {sql};\n").as_bytes())?;
        let is_open = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}' AND state = 'idle in transaction'"
        );
        until::some("the transaction is open", GONE_SECONDS, || {
            if let Some(status) = held.0.try_wait()? {
                bail!("psql ended with {status}");
            }
            Ok((server.admin("postgres", &is_open)?.trim() == "1").then_some(()))
        })?;
        Ok(held)
    }
}
