//! `portcullis users`: who is signed in or has a session.

use anyhow::bail;
use clap::Args;
use portcullis_wire::admin::{FromDaemon, PersonRow, ToDaemon};
use serde_json::json;

use super::{Asking, now};
use crate::Answer;
use crate::screen::{Cell, Column, Screen, short, table};

/// The command's arguments.
#[derive(Debug, Args)]
pub(crate) struct People {
    #[command(flatten)]
    asking: Asking,
}

const COLUMNS: [Column; 6] = [
    Column { head: "USER", right: false, spare: 0 },
    Column { head: "UID", right: true, spare: 3 },
    Column { head: "SIGN-INS", right: true, spare: 0 },
    Column { head: "SESSIONS", right: true, spare: 0 },
    Column { head: "LAST SIGN-IN", right: true, spare: 2 },
    Column { head: "FROM", right: false, spare: 1 },
];

impl People {
    pub(crate) fn run(&self) -> anyhow::Result<Answer> {
        let mut rows = Vec::new();
        for message in self.asking.run_dir.ask(&ToDaemon::People)? {
            let FromDaemon::People(some) = message else { bail!("the daemon answered something else") };
            rows.extend(some);
        }
        let text = if self.asking.json {
            format!("{}\n", serde_json::to_string_pretty(&rows.iter().map(object).collect::<Vec<_>>())?)
        } else {
            told(&rows, Screen::of_output(), now())
        };
        Ok(Answer { text, ..Answer::default() })
    }
}

fn told(rows: &[PersonRow], screen: Screen, now: u64) -> String {
    if rows.is_empty() {
        return "nobody is signed in, and no session runs\n".to_owned();
    }
    let cells = |row: &PersonRow| -> Vec<Cell> {
        let last = row.sign_ins.first();
        let addresses: std::collections::BTreeSet<String> =
            row.sign_ins.iter().map(|one| one.remote.to_string()).collect();
        vec![
            row.user.to_string().into(),
            row.uid.0.to_string().into(),
            (row.sign_ins.len() as u64 + u64::from(row.more_sign_ins)).to_string().into(),
            row.sessions.to_string().into(),
            last.map_or("-".into(), |one| format!("{} ago", short(now.saturating_sub(one.since)))).into(),
            addresses.into_iter().collect::<Vec<_>>().join(", ").into(),
        ]
    };
    table(&COLUMNS, &rows.iter().map(cells).collect::<Vec<_>>(), screen)
}

fn object(row: &PersonRow) -> serde_json::Value {
    let sign_in = |one: &portcullis_wire::admin::SignInRow| json!({ "from": one.remote.to_string(), "since": one.since, "until": one.until });
    json!({
        "user": row.user.as_str(),
        "uid": row.uid.0,
        "sessions": row.sessions,
        "sign-ins": row.sign_ins.iter().map(sign_in).collect::<Vec<_>>(),
        "more-sign-ins": row.more_sign_ins,
    })
}

#[cfg(test)]
mod tests {
    use portcullis_model::Uid;
    use portcullis_wire::admin::SignInRow;

    use super::*;

    #[test]
    fn people_are_a_table() {
        let sign_in = |last: u8| SignInRow { remote: [192, 0, 2, last].into(), since: 1_000, until: 9_000 };
        let row = |user: &str, sign_ins: Vec<SignInRow>| PersonRow {
            user: user.parse().expect("a name"),
            uid: Uid(1001),
            sign_ins,
            more_sign_ins: 0,
            sessions: 2,
        };
        let rows = [row("alice", vec![sign_in(1), sign_in(1), sign_in(2)]), row("bob", vec![])];
        let expected = "\
USER    UID  SIGN-INS  SESSIONS  LAST SIGN-IN  FROM
alice  1001         3         2        5m ago  192.0.2.1, 192.0.2.2
bob    1001         0         2             -
";
        assert_eq!(told(&rows, Screen { width: None, colour: false }, 1_300), expected);
        assert!(told(&[], Screen { width: None, colour: false }, 0).contains("nobody"));
        assert_eq!(object(&rows[0])["sign-ins"][2]["from"], "192.0.2.2");
    }
}
