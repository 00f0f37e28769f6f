//! The effect `audit`: what would have been refused is said beside the conditions under which it passes.
//!
//! A request is decided on twice, by the flags that are enforced and by all of them; nothing is decided twice where every flag is
//! enforced. Pure; called by [`decide`](crate::decide) and [`judge_body`](crate::judge_body).

use crate::{Ask, BodyRule, Flags, Forward, PathRule, Verdict, over_limit};

/// Adds to the conditions of a head what the strict flags say of it.
pub(crate) fn head(forward: &mut Forward, verdict: Verdict, strict: &Flags, ask: &Ask<'_>) {
    let body = forward.body;
    let Some(stricter) = common(forward, verdict) else { return };
    let known = ask.content_length;
    match (body, stricter.body) {
        (own, same) if own == same => {}
        // Bodies are read whole to be judged only where that can't be the reason for a refusal.
        (BodyRule::Stream | BodyRule::Limit(_), BodyRule::Judge { limit })
            if known.is_some_and(|length| length <= limit) && fits(body, known) =>
        {
            forward.body = BodyRule::Judge { limit };
        }
        (_, BodyRule::Judge { limit } | BodyRule::Limit(limit))
            if known.is_some_and(|length| length > limit) =>
        {
            forward.noted = Some(over_limit(strict, limit).into());
        }
        // Of unknown length: it can only be refused while it is read, and what passes isn't read.
        _ => {}
    }
}

/// Adds to the conditions of a judged body what the strict flags say of it.
pub(crate) fn body(forward: &mut Forward, verdict: Verdict) {
    common(forward, verdict);
}

fn common(forward: &mut Forward, verdict: Verdict) -> Option<Forward> {
    match verdict {
        Verdict::Refuse(refusal) => {
            forward.noted = Some(refusal);
            None
        }
        Verdict::Forward(stricter) => {
            if forward.paths == PathRule::None {
                forward.recorded = stricter.paths.clone();
            }
            Some(stricter)
        }
    }
}

fn fits(rule: BodyRule, length: Option<u64>) -> bool {
    match rule {
        BodyRule::Stream | BodyRule::Form => true,
        BodyRule::Limit(limit) | BodyRule::Judge { limit } => length.is_some_and(|length| length <= limit),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::session::Ide;

    use crate::{Adapters, Ask, BodyRule, Flags, PathClaim, PathRule, Setting, Verdict, decide, judge_body};

    /// The flags with all of `strict` recorded only, but for what `enforced` has.
    fn audited(enforced: Flags, strict: Flags) -> Flags {
        Flags { audited: Some(Box::new(strict)), ..enforced }
    }

    fn ask<'a>(method: &'a str, path: &'a str, content_length: Option<u64>) -> Ask<'a> {
        Ask {
            method,
            path,
            query: None,
            upgrade: false,
            subprotocol: None,
            content_length,
            wants_html: false,
            port_token: None,
        }
    }

    fn forward(flags: &Flags, ask: &Ask<'_>) -> crate::Forward {
        match decide(&Adapters::default(), Ide::Jupyter, flags, ask) {
            Verdict::Forward(forward) => forward,
            Verdict::Refuse(refusal) => panic!("refused: {}", refusal.rule),
        }
    }

    #[test]
    fn what_would_be_refused_passes_and_is_noted() {
        let strict = Flags { shell: Setting::at(false, "rsession.conf", 3), ..Flags::default() };
        let flags = audited(Flags::default(), strict.clone());
        for (path, noted) in [
            ("/api/terminals", Some("allow-shell=0 (rsession.conf:3)")),
            ("/api/nobody-knows", Some("unknown route")),
            ("/api/kernels", None),
        ] {
            let forward = forward(&flags, &ask("POST", path, None));
            let rule = forward.noted.map(|refusal| refusal.rule);
            assert_eq!(rule.is_some(), noted.is_some(), "{path}");
            assert!(rule.unwrap_or_default().contains(noted.unwrap_or_default()), "{path}");
        }
        assert!(
            !decide(&Adapters::default(), Ide::Jupyter, &strict, &ask("POST", "/api/terminals", None))
                .is_forward()
        );
    }

    #[test]
    fn beside_a_flag_that_is_enforced_the_unknown_is_refused() {
        let mut strict = Flags { shell: Setting::at(false, "rsession.conf", 3), ..Flags::default() };
        strict.vcs = Setting::at(false, "rsession.conf", 4);
        let enforced = Flags { vcs: strict.vcs.clone(), ..Flags::default() };
        let flags = audited(enforced, strict);
        let Verdict::Refuse(refusal) =
            decide(&Adapters::default(), Ide::Jupyter, &flags, &ask("POST", "/api/nobody-knows", None))
        else {
            panic!("it passed")
        };
        assert_eq!(refusal.flag, Some("allow-vcs"));
        assert!(forward(&flags, &ask("POST", "/api/terminals", None)).noted.is_some());
    }

    #[test]
    fn paths_and_sizes_are_recorded_too() {
        let strict =
            Flags { restrict_directories: Setting::at(true, "rsession.conf", 1), ..Flags::default() };
        let flags = audited(Flags::default(), strict);
        let read = forward(&flags, &ask("GET", "/files/a/b.txt", None));
        let claim = PathClaim { tail: "a/b.txt".into(), absolute: false };
        assert_eq!((read.paths, read.recorded), (PathRule::None, PathRule::Resolve(claim)));

        let strict = Flags { uploads: Setting::at(false, "rsession.conf", 1), ..Flags::default() };
        let flags = audited(Flags::default(), strict);
        let put = |length| forward(&flags, &ask("PUT", "/api/contents/a.txt", length));
        assert!(matches!(put(Some(100)).body, BodyRule::Judge { .. }));
        assert_eq!((put(None).body, put(None).noted), (BodyRule::Stream, None));
        let huge = put(Some(u64::MAX));
        assert_eq!(huge.body, BodyRule::Stream, "what is only recorded is never refused for its size");
        assert_eq!(huge.noted.map(|refusal| refusal.status), Some(413));
        let body = br#"{"type":"file","format":"base64","content":"AA=="}"#;
        let ask = ask("PUT", "/api/contents/a.bin", Some(50));
        match judge_body(&Adapters::default(), Ide::Jupyter, &flags, &ask, body) {
            Verdict::Forward(judged) => assert!(judged.noted.is_some()),
            Verdict::Refuse(refusal) => panic!("refused: {}", refusal.rule),
        }
    }
}
