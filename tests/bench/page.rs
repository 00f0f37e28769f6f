//! `docs/performance.md`: parts of several runs, because what the sandbox costs is measured in other namespaces, and attacks take
//! their time. Each run replaces its own part.

use std::path::Path;

use anyhow::{Context as _, Result};

const HEAD: &str = "# Performance\n\nWritten by `cargo xtask bench`; run it on your own machine, figures of another say little.\n\n";
/// A part's heading, and what it is written by; the first part has those of the page.
const PARTS: [(Part, &str, &str); 3] = [
    (Part::People, "# Many people\n", "cargo xtask bench --only-people"),
    (Part::Hostile, "# Under attack\n", "cargo xtask bench --only-hostile"),
    (Part::Sandbox, "# What the sandbox costs\n", "cargo xtask bench --only-sandbox"),
];

/// Which part, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything else.
    Proxy,
    /// Sign-ins, and very many of them.
    People,
    /// What users notice of hostile peers.
    Hostile,
    /// What the sandbox costs.
    Sandbox,
}

/// Writes a part of the page and leaves the other as it is.
///
/// # Errors
/// When the file can't be written.
pub(crate) fn write(path: &Path, part: Part, text: &str) -> Result<()> {
    let before = std::fs::read_to_string(path).unwrap_or_default();
    std::fs::write(path, page(&before, part, text))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

fn page(before: &str, part: Part, text: &str) -> String {
    let mut rest = before;
    // From the last part to the first: each begins with its heading and ends where the one behind it begins.
    let mut behind = String::new();
    for (which, heading, by) in PARTS.into_iter().rev() {
        let at = rest.find(heading).unwrap_or(rest.len());
        let old = &rest[at..];
        if which == part {
            behind = format!("{heading}\nWritten by `{by}`.\n\n{}\n\n{behind}", text.trim_end());
        } else if !old.is_empty() {
            behind = format!("{}\n\n{behind}", old.trim_end());
        }
        rest = &rest[..at];
    }
    let first = match (part, rest.is_empty()) {
        (Part::Proxy, _) => format!("{HEAD}{text}"),
        (_, true) => HEAD.to_owned(),
        (_, false) => rest.to_owned(),
    };
    format!("{}\n\n{behind}", first.trim_end()).trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_replaces_its_own_part() {
        let first = page("", Part::Proxy, "A\n");
        let both = page(&first, Part::Sandbox, "B\n");
        assert!(
            both.starts_with(HEAD) && both.contains("\nA\n\n# What") && both.ends_with("\nB\n"),
            "{both}"
        );
        let again = page(&both, Part::Proxy, "C\n");
        assert!(
            again.contains("\nC\n\n# What") && again.ends_with("\nB\n") && !again.contains("\nA\n"),
            "{again}"
        );
        assert_eq!(page(&again, Part::Sandbox, "B\n"), again);
        let all = page(&again, Part::Hostile, "D\n");
        let places = ["C\n", "D\n", "B\n"].map(|text| all.find(text).expect("there"));
        assert!(places.is_sorted(), "{all}");
        assert_eq!(page(&page(&all, Part::Hostile, "E\n"), Part::Hostile, "D\n"), all);
    }
}
