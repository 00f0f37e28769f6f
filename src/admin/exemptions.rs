//! The exemptions of one person, as the running daemon has them: asked for, to explain what holds now.

use portcullis_model::UserName;
use portcullis_model::exemption::Exemption;
use portcullis_policy::Flags;
use portcullis_wire::admin::{FromDaemon, ToDaemon};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::daemon::RunDir;

/// Lifts from the flags what the daemon lifts for this person, and says so. A daemon that can't be asked is no error: it is said.
pub(crate) fn lift(run_dir: &RunDir, user: &UserName, flags: &mut Flags) -> String {
    let lists = match run_dir.ask(&ToDaemon::Exemptions) {
        Ok(answer) => answer.into_iter().filter_map(|message| match message {
            FromDaemon::Exemptions(list) => Some(list),
            _ => None,
        }),
        Err(why) => return format!("not looked at: {why:#}"),
    };
    let own = lists.flatten().filter(|exemption| exemption.user == *user);
    told(own, flags)
}

fn told(exemptions: impl Iterator<Item = Exemption>, flags: &mut Flags) -> String {
    let mut told = Vec::new();
    for exemption in exemptions {
        let what = format!("{} until {} ({})", exemption.flag, moment(exemption.until), exemption.reason);
        told.push(match exemption.session {
            Some(session) => format!("{what}, in session {session} only: not counted below"),
            None if flags.lift(&exemption.flag) => format!("{what}: counted below"),
            None => format!("{what}: nothing of that name is lifted"),
        });
    }
    if told.is_empty() { "none in force".to_owned() } else { told.join("\n") }
}

/// A moment in seconds since 1970, as the audit log writes moments.
pub(crate) fn moment(seconds: u64) -> String {
    let moment =
        i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_else(|| format!("second {seconds}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_policy::{Capability, Setting};

    #[test]
    fn only_what_holds_in_all_sessions_is_counted() {
        let one = |flag: &str, session: Option<&str>| Exemption {
            id: "010203ab".parse().expect("an id"),
            user: "alice".parse().expect("a name"),
            flag: flag.to_owned(),
            session: session.map(|id| id.parse().expect("an id")),
            reason: "ticket 7".to_owned(),
            since: 0,
            until: 3600,
        };
        let off = || Setting::at(false, "rsession.conf", 1);
        let mut flags = Flags { shell: off(), vcs: off(), ..Flags::default() };
        let list = [one("allow-shell", None), one("allow-vcs", Some("0011223344556677"))];
        let told = told(list.into_iter(), &mut flags);
        assert!(told.contains("allow-shell until 1970-01-01T01:00:00Z (ticket 7): counted"), "{told}");
        assert!(told.contains("0011223344556677 only: not counted"), "{told}");
        assert!(flags.denies(Capability::Shell).is_none() && flags.denies(Capability::Vcs).is_some());
        assert_eq!(super::told(std::iter::empty(), &mut flags), "none in force");
    }

    #[test]
    fn moments_are_written_as_in_the_log() {
        assert_eq!(moment(0), "1970-01-01T00:00:00Z");
        assert_eq!(moment(u64::MAX), format!("second {}", u64::MAX));
    }
}
