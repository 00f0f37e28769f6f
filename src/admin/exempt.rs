//! `portcullis exempt`: lifts a flag for a person, for a while; lists what is lifted; ends it.

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};
use nix::unistd::User;
use portcullis_model::exemption::Exemption;
use portcullis_model::{ExemptionId, SessionId, UserName};
use portcullis_wire::admin::{FromDaemon, ToDaemon};
use serde_json::json;
use time::OffsetDateTime;

use crate::Answer;
use crate::daemon::RunDir;

/// The command's arguments.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Exempt {
    #[command(subcommand)]
    action: Option<Action>,
    /// For whom.
    #[arg(required = true)]
    user: Option<UserName>,
    /// Which flag, such as allow-shell.
    #[arg(required = true)]
    flag: Option<String>,
    /// For how long, such as 90m, 2h or 1h30m; `exemption-max-hours` of portcullis.conf says how long at most.
    #[arg(long = "for", value_name = "TIME", value_parser = seconds, required = true)]
    time: Option<u64>,
    /// Why. The person reads it, and so does whoever reads the audit log.
    #[arg(long, value_name = "TEXT", required = true)]
    reason: Option<String>,
    /// In this session only.
    #[arg(long, value_name = "ID")]
    session: Option<SessionId>,
    #[command(flatten)]
    run_dir: RunDir,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the exemptions in force.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// End an exemption before its time.
    End {
        /// Which, as `list` shows it.
        id: ExemptionId,
    },
}

impl Exempt {
    pub(crate) fn run(&self) -> anyhow::Result<Answer> {
        let text = match &self.action {
            Some(Action::List { json }) => {
                let all: Vec<Exemption> = self
                    .run_dir
                    .ask(&ToDaemon::Exemptions)?
                    .into_iter()
                    .filter_map(|message| match message {
                        FromDaemon::Exemptions(some) => Some(some),
                        _ => None,
                    })
                    .flatten()
                    .collect();
                if *json { as_json(&all)? } else { listed(&all) }
            }
            Some(Action::End { id }) => {
                match self.run_dir.ask(&ToDaemon::EndExemption { id: *id })?.as_slice() {
                    [FromDaemon::Ended(ended)] => format!("{} holds again for {}\n", ended.flag, ended.user),
                    _ => bail!("the daemon answered something else"),
                }
            }
            None => self.grant()?,
        };
        Ok(Answer { text, ..Answer::default() })
    }

    fn grant(&self) -> anyhow::Result<String> {
        let missing = || anyhow!("an exemption needs a user, a flag, --for and --reason");
        let (Some(user), Some(flag), Some(seconds), Some(reason)) =
            (self.user.clone(), self.flag.clone(), self.time, self.reason.clone())
        else {
            return Err(missing());
        };
        if User::from_name(user.as_str())?.is_none() {
            bail!("there is no account `{user}`");
        }
        let question = ToDaemon::Exempt { user, flag, seconds, reason, session: self.session };
        match self.run_dir.ask(&question)?.as_slice() {
            [FromDaemon::Exempted { exemption, running }] => Ok(granted(exemption, *running)),
            _ => bail!("the daemon answered something else"),
        }
    }
}

fn granted(exemption: &Exemption, running: u32) -> String {
    let Exemption { id, user, flag, until, since, .. } = exemption;
    let place = exemption.session.map_or_else(String::new, |id| format!(" in session {id}"));
    let mut text = format!(
        "{user} is exempt from {flag}{place} for {}, until {}\nexemption {id}: `portcullis exempt end {id}` ends it before\n",
        span(until - since),
        moment(*until)
    );
    if running > 0 {
        let sessions =
            if running == 1 { "A session runs".to_owned() } else { format!("{running} sessions run") };
        text.push_str(&format!(
            "{sessions} already: the proxy lets through what {flag} forbids at once; what a switch of the IDE's own or the \
             kernel holds there stays as it was until the session is started anew\n"
        ));
    }
    text
}

fn listed(all: &[Exemption]) -> String {
    if all.is_empty() {
        return "no exemptions\n".to_owned();
    }
    let mut text = String::new();
    for one in all {
        let place = one.session.map_or_else(String::new, |id| format!(" session={id}"));
        text.push_str(&format!(
            "{} {} {} until {}{place}: {}\n",
            one.id,
            one.user,
            one.flag,
            moment(one.until),
            one.reason
        ));
    }
    text
}

fn as_json(all: &[Exemption]) -> anyhow::Result<String> {
    let rows: Vec<_> = all
        .iter()
        .map(|one| {
            json!({
                "id": one.id.to_string(),
                "user": one.user.as_str(),
                "flag": one.flag,
                "session": one.session.map(|id| id.to_string()),
                "reason": one.reason,
                "since": one.since,
                "until": one.until,
            })
        })
        .collect();
    Ok(format!("{}\n", serde_json::to_string_pretty(&rows)?))
}

/// `2026-01-31 15:04 UTC`.
pub(crate) fn moment(at: u64) -> String {
    let at = i64::try_from(at).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    at.map_or_else(
        || "never".to_owned(),
        |at| format!("{} {:02}:{:02} UTC", at.date(), at.hour(), at.minute()),
    )
}

/// `1 h 30 min`: the two largest units that are not nothing.
pub(crate) fn span(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (size, unit) in units {
        if left >= size {
            parts.push(format!("{} {unit}", left / size));
            left %= size;
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// Numbers with their units, such as `1h30m`.
fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no length of time: write 90m, 2h or 1h30m");
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = match rest[digits..].chars().next() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            _ => return Err(wrong()),
        };
        total = number.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        rest = &rest[digits + 1..];
    }
    if total == 0 { Err(wrong()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_their_unit() {
        for (text, expected) in [("90m", 5400), ("2h", 7200), ("1h30m", 5400), ("1d", 86_400), ("5s", 5)] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for bad in [
            "",
            "2",
            "h",
            "2 h",
            "-2h",
            "2h30",
            "0m",
            "99999999999999999999h",
            "9999999999999999999d",
            "2µ",
            "1.5h",
        ] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    fn exemption(session: Option<SessionId>) -> Exemption {
        Exemption {
            id: ExemptionId::from_bytes([1, 2, 3, 0xab]),
            user: "alice".parse().expect("a name"),
            flag: "allow-shell".into(),
            session,
            reason: "a class".into(),
            since: 1_790_000_000,
            until: 1_790_007_200,
        }
    }

    #[test]
    fn what_is_granted_is_told_with_its_end_and_what_it_does_not_reach() {
        let told = granted(&exemption(None), 0);
        assert_eq!(
            told,
            "alice is exempt from allow-shell for 2 h, until 2026-09-21 16:13 UTC\n\
             exemption 010203ab: `portcullis exempt end 010203ab` ends it before\n"
        );
        let told = granted(&exemption(Some(SessionId::from_bytes([7; 8]))), 1);
        assert!(told.contains("in session 0707070707070707") && told.contains("started anew"), "{told}");
    }

    #[test]
    fn a_list_is_a_line_each_or_json() {
        assert_eq!(listed(&[]), "no exemptions\n");
        let all = [exemption(None), exemption(Some(SessionId::from_bytes([7; 8])))];
        let text = listed(&all);
        assert_eq!(text.lines().count(), 2);
        assert!(text.ends_with("session=0707070707070707: a class\n"), "{text}");
        let rows: serde_json::Value = serde_json::from_str(&as_json(&all).expect("JSON")).expect("JSON");
        assert_eq!(rows[0]["session"], serde_json::Value::Null);
        assert_eq!(
            (rows[1]["id"].as_str(), rows[1]["until"].as_u64()),
            (Some("010203ab"), Some(1_790_007_200))
        );
        assert_eq!(span(90_061), "1 d 1 h");
        assert_eq!((span(0), span(59), span(3600)), ("0 s".into(), "59 s".into(), "1 h".into()));
    }
}
