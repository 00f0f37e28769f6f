//! Sessions with limits, as `portcullis status` shows them.

use portcullis_model::load::{SessionLoad, What};
use serde_json::{Value, json};

/// One line for a person.
pub(super) fn line(one: &SessionLoad) -> String {
    let shares = one.load.shares().map(|(whose, what, share)| {
        let unit = match what {
            What::Memory => " MB",
            What::Processes => "",
        };
        let near = if share.is_near() { " NEAR ITS LIMIT" } else { "" };
        format!("{} {} {} of {}{unit}{near}", whose.word(), what.word(), share.used, share.limit)
    });
    let mut parts: Vec<String> = shares.collect();
    if let Some(killed) = &one.load.killed {
        let name = if killed.program.is_empty() { "a process" } else { &killed.program };
        parts.push(format!("{} ended for want of memory, {name} last", killed.count));
    }
    format!("  {} {} {}: {}\n", one.session, one.user, one.ide, parts.join(", "))
}

/// The same for a program.
pub(super) fn object(one: &SessionLoad) -> Value {
    let shares = one.load.shares().map(|(whose, what, share)| {
        json!({
            "whose": whose.word(),
            "what": what.word(),
            "used": share.used,
            "limit": share.limit,
            "percent": share.percent(),
        })
    });
    let killed = one.load.killed.as_ref().map(|killed| {
        json!({
            "program": killed.program,
            "pid": killed.pid,
            "at": killed.at,
            "whose": killed.whose.word(),
            "limit-mb": killed.limit_mb,
            "count": killed.count,
        })
    });
    json!({
        "session": one.session.to_string(),
        "user": one.user,
        "ide": one.ide,
        "limits": shares.collect::<Vec<_>>(),
        "killed": killed,
    })
}

#[cfg(test)]
mod tests {
    use portcullis_model::SessionId;
    use portcullis_model::load::{Killed, Load, Share, Used, Whose};

    use super::*;

    #[test]
    fn use_and_limits_are_shown() {
        let used = Used {
            memory_mb: Some(Share { used: 62, limit: 64 }),
            processes: Some(Share { used: 5, limit: 20 }),
        };
        let killed = Killed {
            program: "python3".into(),
            pid: 7,
            at: 9,
            whose: Whose::Session,
            limit_mb: 64,
            count: 2,
        };
        let one = SessionLoad {
            session: SessionId::from_bytes([7; 8]),
            user: "alice".into(),
            ide: "jupyter".into(),
            load: Load { session: used, user: Used::default(), killed: Some(killed) },
        };
        assert_eq!(
            line(&one),
            "  0707070707070707 alice jupyter: session memory 62 of 64 MB NEAR ITS LIMIT, session processes 5 of 20, 2 ended \
             for want of memory, python3 last\n"
        );
        let object = object(&one);
        assert_eq!(object["limits"][0]["percent"], 96);
        assert_eq!(object["limits"][1]["what"], "processes");
        assert_eq!(object["killed"]["limit-mb"], 64);
    }
}
