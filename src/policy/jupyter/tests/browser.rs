//! What a real browser sends must pass, with everything on and with everything off.

use super::*;

const ALL_OFF: &str = include_str!("../../testdata/all-off.requests");
const ALL_ON: &str = include_str!("../../testdata/all-on.requests");

/// Asked at the start whether or not there are language servers; the page goes on without.
const REFUSED: &str = "/lsp/status";

fn replay(flags: &Flags, requests: &str, mut seen: impl FnMut(&Ask<'_>, Verdict)) -> usize {
    let mut count = 0;
    for line in requests.lines().filter(|line| !line.starts_with('#')) {
        let [method, target, body] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("not a request: {line}")
        };
        let ask = if method == "WS" { socket(target) } else { ask(method, target) };
        let verdict = decide(flags, &ask);
        let judged =
            matches!(&verdict, Verdict::Forward(forward) if matches!(forward.body, BodyRule::Judge { .. }));
        seen(&ask, if judged { judge_body(flags, &ask, body.as_bytes()) } else { verdict });
        count += 1;
    }
    count
}

#[test]
fn a_page_works_with_everything_off() {
    let mut flags = Flags::default();
    ALL.into_iter().for_each(|change| change(&mut flags));
    let count = replay(&flags, ALL_OFF, |ask, verdict| {
        assert_eq!(verdict.is_forward(), ask.path != REFUSED, "{} {}: {verdict:?}", ask.method, ask.path);
    });
    assert!(count > 30, "{count}");
}

#[test]
fn every_request_of_a_page_is_known() {
    let count = replay(&Flags::default(), ALL_ON, |ask, verdict| {
        let Verdict::Forward(forward) = verdict else { panic!("{} {} was refused", ask.method, ask.path) };
        assert_ne!(forward.capability, Capability::Unknown, "{} {}", ask.method, ask.path);
        assert_ne!(forward.capability, Capability::Upload, "{} {}", ask.method, ask.path);
    });
    assert!(count > 30, "{count}");
}
