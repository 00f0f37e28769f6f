//! What a session uses of its limits, and what the kernel did about it, in words: for cards and for an IDE's own notices.
//!
//! A notice of JupyterLab shows 140 characters: what to do stands within them. What ends processes is called "the system": a
//! kernel is something else there.

use portcullis_model::load::{Killed, Load, Share, What, Whose};

/// One limit as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// Names it among those of a session: `session-memory`.
    pub key: String,
    /// What is measured.
    pub label: &'static str,
    /// How much of how much.
    pub words: String,
    /// The same in hundredths.
    pub percent: u64,
    /// What is about to happen, and what to do; `None` below [`WARN_PERCENT`](portcullis_model::load::WARN_PERCENT).
    pub warning: Option<String>,
}

/// Each limit of a session.
pub fn meters(load: &Load) -> Vec<Meter> {
    load.shares().map(|(whose, what, share)| meter(whose, what, share)).collect()
}

fn meter(whose: Whose, what: What, share: Share) -> Meter {
    let Share { used, limit } = share;
    let together = matches!(whose, Whose::User);
    let subject = if together { "Your sessions together use" } else { "This session uses" };
    let pronoun = if together { "their" } else { "its" };
    let (label, words, warning) = match what {
        What::Memory => (
            if together { "Memory of all" } else { "Memory" },
            format!("{used} of {limit} MB"),
            format!(
                "{subject} {used} of {pronoun} {limit} MB of memory. Save your work: when all is used, the system ends the \
                 largest process."
            ),
        ),
        What::Processes => (
            if together { "Processes of all" } else { "Processes" },
            format!("{used} of {limit}"),
            format!(
                "{subject} {used} of {pronoun} {limit} processes and threads. When all are used, nothing more can be started."
            ),
        ),
    };
    Meter {
        key: format!("{}-{}", whose.word(), what.word()),
        label,
        words,
        percent: share.percent(),
        warning: share.is_near().then_some(warning),
    }
}

/// What the kernel ended, and why: one sentence.
pub fn killed(killed: &Killed) -> String {
    // A name with a backquote would end the quotation; the process chose it.
    let process = match (killed.program.replace('`', "'"), killed.pid) {
        (program, _) if program.is_empty() => "a process".to_owned(),
        (program, 0) => format!("`{program}`"),
        (program, pid) => format!("`{program}` (process {pid})"),
    };
    format!("The system ended {process} because {}.", killed.used_up())
}

/// The same with what it means.
pub(crate) fn killed_in_full(one: &Killed) -> String {
    let before = match one.count {
        0 | 1 => String::new(),
        count => format!(" It is the {} process of this session.", ordinal(count)),
    };
    format!("{} What it had in memory only is lost.{before}", killed(one))
}

/// `2nd`, `3rd`, `11th`.
fn ordinal(number: u64) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use portcullis_model::load::Used;

    use super::*;

    #[test]
    fn a_warning_comes_near_the_limit() {
        let memory = |used| Used { memory_mb: Some(Share { used, limit: 2048 }), processes: None };
        let load = Load { session: memory(1700), user: memory(1950), killed: None };
        let [own, all] = &meters(&load)[..] else { panic!("two limits") };
        assert_eq!(
            (own.key.as_str(), own.words.as_str(), own.percent),
            ("session-memory", "1700 of 2048 MB", 83)
        );
        assert_eq!(own.warning, None);
        assert!(
            all.warning
                .as_deref()
                .is_some_and(|text| text.starts_with("Your sessions together use 1950 of their 2048 MB"))
        );
        assert_eq!(meters(&Load::default()), []);
    }

    #[test]
    fn a_notice_is_short_enough_to_be_read_whole() {
        let share = Some(Share { used: 999_999, limit: 999_999 });
        let used = Used { memory_mb: share, processes: share };
        let killed_one = Killed {
            program: "fifteen letters".into(),
            pid: 4_194_304,
            at: 0,
            whose: Whose::User,
            limit_mb: 999_999,
            count: 9,
        };
        let load = Load { session: used, user: used, killed: None };
        let warnings = meters(&load).into_iter().filter_map(|meter| meter.warning);
        for text in warnings.chain([killed(&killed_one)]) {
            assert!(text.len() <= 140, "{} {text}", text.len());
        }
    }

    #[test]
    fn who_was_ended_is_named_as_far_as_it_is_known() {
        let mut one = Killed {
            program: "pyth`n".into(),
            pid: 4711,
            at: 0,
            whose: Whose::Session,
            limit_mb: 2048,
            count: 1,
        };
        assert_eq!(
            killed_in_full(&one),
            "The system ended `pyth'n` (process 4711) because the session used its 2048 MB of memory. What it had in memory \
             only is lost."
        );
        one = Killed { program: String::new(), whose: Whose::Machine, count: 12, ..one };
        let text = killed_in_full(&one);
        assert!(
            text.starts_with("The system ended a process because the machine had no memory left."),
            "{text}"
        );
        assert!(text.ends_with("It is the 12th process of this session."), "{text}");
        assert_eq!([1, 2, 3, 4, 21, 112].map(ordinal), ["1st", "2nd", "3rd", "4th", "21st", "112th"]);
    }
}
