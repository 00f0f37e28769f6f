//! Whoever is recorded is told so.

mod support;

use portcullis_model::lifetime::Clocks;
use portcullis_pages::{Frame, HomePage, Recorded, Root};
use support::elements;

#[test]
fn whoever_is_recorded_is_told_so() {
    let root = Root::default();
    let told = |consoles: Option<Recorded<'_>>| {
        let page = HomePage {
            frame: Frame { root: &root, user: Some("ann") },
            now: 0,
            sessions: &[],
            start: &[],
            problem: None,
            restrictions: &[],
            lifted: &[],
            consoles,
            clocks: Clocks::default(),
            administers: false,
        };
        let html = page.html();
        assert!(!html.contains("/admin"), "the way is for administrators");
        let line = elements(&html).into_iter().find(|element| element.get("id") == Some("recorded"));
        assert!(line.iter().all(|element| element.around.iter().any(|name| name == "main")), "{html}");
        (line.map(|element| element.text), html)
    };
    assert_eq!(told(None).0, None);
    for (shown_too, what, value) in [(false, "", "input"), (true, ", and what they show,", "all")] {
        let (line, html) = told(Some(Recorded { shown_too, rule: "rserver.conf:3" }));
        let said = format!(
            "What you run and type in consoles, notebooks and terminals{what} is recorded here: the administrator has set"
        );
        assert_eq!(line, Some(said));
        let rule = format!("<code>audit-r-console={value}</code> (rserver.conf:3).");
        assert!(html.contains(&rule), "{html}");
    }
}
