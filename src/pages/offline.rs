//! What people see while an administrator lets nobody in.

use askama::Template;
use portcullis_model::offline::Offline;

use crate::{Frame, render, when};

/// How often the page looks again by itself, in seconds: soon enough for whoever waits, rarely enough for a server that is
/// being worked on.
const AGAIN: u32 = 30;

/// Nobody is let in.
#[derive(Debug, Clone, Template)]
#[template(path = "offline.html")]
pub struct OfflinePage<'a> {
    /// Root path; whoever asks isn't looked at.
    pub frame: Frame<'a>,
    /// Since when, and what the administrator says.
    pub offline: &'a Offline,
    /// The time of the answer.
    pub now: u64,
}

impl OfflinePage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn ago(&self) -> String {
        when::ago(self.offline.since, self.now)
    }

    fn rfc3339(&self) -> String {
        when::rfc3339(self.offline.since)
    }

    const fn again() -> u32 {
        AGAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Root;

    #[test]
    fn it_says_why_and_what_becomes_of_sessions() {
        let root = Root::default();
        let offline =
            Offline { message: "New disks, <b>back</b> at 10:00".into(), since: 1_000, suspended: false };
        let frame = Frame { root: &root, user: None };
        let html = OfflinePage { frame, offline: &offline, now: 1_300 }.html();
        assert!(html.contains("New disks, &#60;b&#62;back&#60;/b&#62; at 10:00"), "{html}");
        assert!(html.contains("5 minutes ago") && html.contains("Running sessions go on"), "{html}");
        assert!(html.contains("http-equiv=\"refresh\" content=\"30\""), "{html}");
        let offline = Offline { message: String::new(), suspended: true, ..offline };
        let html = OfflinePage { frame, offline: &offline, now: 1_000 }.html();
        assert!(!html.contains("<dt>Why</dt>") && html.contains("come back with it"), "{html}");
    }
}
