//! `portcullis users list`.

use anyhow::bail;
use clap::Args;
use portcullis_model::account::Account;
use portcullis_wire::admin::{FromDaemon, ToDaemon};

use super::act::PATIENCE;
use super::{csv, told};
use crate::Answer;
use crate::operations::Asking;
use crate::screen::{Cell, Column, Screen, Tone, table};

/// The command's arguments.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only accounts with this in a name or the address.
    #[arg(value_name = "PART")]
    matching: Option<String>,
    /// Locked ones too.
    #[arg(long)]
    include_locked: bool,
    /// Why each has its role.
    #[arg(long)]
    reason: bool,
    /// Print comma-separated values.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    #[command(flatten)]
    asking: Asking,
}

const COLUMNS: [Column; 8] = [
    Column { head: "ID", right: true, spare: 2 },
    Column { head: "ACCOUNT", right: false, spare: 0 },
    Column { head: "NAME", right: false, spare: 3 },
    Column { head: "EMAIL", right: false, spare: 5 },
    Column { head: "ROLE", right: false, spare: 0 },
    Column { head: "FROM", right: false, spare: 4 },
    Column { head: "LAST SIGN-IN", right: false, spare: 1 },
    Column { head: "", right: false, spare: 0 },
];
/// The columns of Connect's tool, and ours behind them.
const CSV: [&str; 12] = [
    "GUID", "ID", "Username", "First", "Last", "Email", "Role", "DN", "UniqueID", "UnixName", "Provider",
    "Locked",
];

impl List {
    pub(super) fn run(&self) -> anyhow::Result<Answer> {
        let rows = self.rows()?;
        let text = match () {
            () if self.asking.json => {
                format!(
                    "{}\n",
                    serde_json::to_string_pretty(&rows.iter().map(told::object).collect::<Vec<_>>())?
                )
            }
            () if self.csv => as_csv(&rows),
            () if rows.is_empty() && self.matching.is_none() => {
                "there are no accounts yet: the first who signs in \
                becomes administrator, or `portcullis users add NAME --role administrator` makes one before\n"
                    .into()
            }
            () if rows.is_empty() => "no account has that in its names\n".into(),
            () => as_table(&rows, self.reason, Screen::of_output()),
        };
        Ok(Answer { text, ..Answer::default() })
    }

    fn rows(&self) -> anyhow::Result<Vec<Account>> {
        let mut rows: Vec<Account> = Vec::new();
        loop {
            let after = rows.last().map_or(0, |last| last.number);
            let matching = self.matching.clone().unwrap_or_default();
            let question = ToDaemon::Accounts { after, locked: self.include_locked, matching };
            let mut answer = self.asking.run_dir.ask_within(&question, PATIENCE)?.into_iter();
            let (Some(FromDaemon::Accounts { rows: some, more }), None) = (answer.next(), answer.next())
            else {
                bail!("the daemon answered something else")
            };
            let none = some.is_empty();
            rows.extend(some);
            if !more || none {
                return Ok(rows);
            }
        }
    }
}

fn as_table(rows: &[Account], reason: bool, screen: Screen) -> String {
    let cells = |account: &Account| -> Vec<Cell> {
        let why = if reason { format!(" ({})", account.role_reason) } else { String::new() };
        let locked = account.locked.as_ref().map_or("", |_| "locked");
        let name = format!("{} {}", account.profile.first, account.profile.last);
        vec![
            account.number.to_string().into(),
            account.unix.to_string().into(),
            name.trim().to_owned().into(),
            account.profile.email.clone().into(),
            format!("{}{why}", account.role).into(),
            account.identity.provider.to_string().into(),
            account.last_sign_in.map_or_else(|| "never".to_owned(), told::time).into(),
            Cell { text: locked.to_owned(), tone: Tone::Odd },
        ]
    };
    table(&COLUMNS, &rows.iter().map(cells).collect::<Vec<_>>(), screen)
}

fn as_csv(rows: &[Account]) -> String {
    let mut text = csv::line(CSV);
    for account in rows {
        let (guid, number) = (account.id.to_string(), account.number.to_string());
        let (unique, provider) = (account.identity.unique.to_string(), account.identity.provider.to_string());
        // A directory whose unique id is the distinguished name shows it; of others it isn't kept.
        let dn =
            std::str::from_utf8(account.identity.unique.as_bytes()).ok().filter(|text| text.contains('='));
        text += &csv::line([
            guid.as_str(),
            &number,
            &account.username,
            &account.profile.first,
            &account.profile.last,
            &account.profile.email,
            account.role.word(),
            dn.unwrap_or_default(),
            &unique,
            account.unix.as_str(),
            &provider,
            if account.locked.is_some() { "true" } else { "false" },
        ]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::tests::account;
    use super::*;

    #[test]
    fn accounts_are_a_table_and_values() {
        let mut bob = account(2, "bob");
        bob.locked = Some(portcullis_model::account::Lock { at: 1_700_000_000_000, by: "root".into() });
        bob.profile.first = "=1+1".into();
        let rows = [account(1, "alice"), bob];
        let text = as_table(&rows, true, Screen { width: None, colour: false });
        assert!(text.contains("alice") && text.contains("viewer (") && text.contains("locked"), "{text}");
        let text = as_csv(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("GUID,ID,Username,First,Last,Email,Role,DN,UniqueID"), "{}", lines[0]);
        assert!(lines[2].contains(",'=1+1,") && lines[2].ends_with(",true"), "{}", lines[2]);
    }
}
