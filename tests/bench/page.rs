//! `docs/performance.md`: two parts of two runs, because what the sandbox costs is measured in other namespaces. Each run
//! replaces its own part.

use std::path::Path;

use anyhow::{Context as _, Result};

const HEAD: &str = "# Performance\n\nWritten by `cargo xtask bench`; run it on your own machine, figures of another say little.\n\n";
/// Begins the second part.
const SANDBOX: &str = "# What the sandbox costs\n";

/// Which part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything else.
    Proxy,
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
    let at = before.find(SANDBOX).unwrap_or(before.len());
    let (proxy, sandbox) = before.split_at(at);
    match part {
        Part::Proxy if sandbox.is_empty() => format!("{HEAD}{text}"),
        Part::Proxy => format!("{HEAD}{text}\n{sandbox}"),
        Part::Sandbox => {
            let proxy = if proxy.is_empty() { HEAD } else { proxy };
            format!(
                "{}\n\n{SANDBOX}\nWritten by `cargo xtask bench --only-sandbox`.\n\n{text}",
                proxy.trim_end()
            )
        }
    }
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
    }
}
