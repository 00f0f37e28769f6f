//! The page about what is tried and how it is held, made from the table.

use std::fmt::Write as _;

use crate::attempt::{Evidence, Flags};
use crate::table;

/// Its path below the project's root.
#[cfg(test)]
const PATH: &str = "docs/redteam.md";

const HEAD: &str = "<!-- Generated from the table in tests/redteam/table by `cargo xtask redteam --write`; change that, not this page. -->\n\n\
# Ways out that are tried\n\n\
`cargo xtask redteam` signs in, starts real sessions and tries to get out of them: each way with the sandbox, where it must fail and be\n\
named in the audit log, and without it as the control, where it must succeed, or it would prove nothing. It needs root and a kernel whose\n\
audit system answers; it changes accounts and mounts only where they are thrown away, and what exhausts is bounded by a control group of its own.\n\
`--json` prints all of it with the records; the exit status is 1 when one way doesn't hold.\n\n\
Targets are such that ordinary permissions allow them: a folder that everybody may use, processes of the same user outside of the session,\n\
set-user-ID programs with a hole. Without a sandbox the session has every flag open and `session-sandbox=off`; for what wants to outlive\n\
its session and for set-user-ID programs, the control is a plain sign-in, because a session holds these without a sandbox too.\n\n\
\"Not there\" stands where nothing can be refused: the session has no such process, socket or file. Such ways are counted apart; of the\n\
others there must be at least 60.\n\n\
What is held here is what the page says, no more: [the threat model](threat-model.md) has what code can still do.\n";

/// The page.
pub(crate) fn markdown() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## Flags of the sessions\n\n");
    for flags in Flags::ALL {
        let options: Vec<String> = flags
            .options()
            .iter()
            .flat_map(|(_, text)| text.split('\n'))
            .map(|option| format!("`{option}`"))
            .collect();
        let _ = writeln!(page, "- {}: {}", flags.name(), options.join(", "));
    }
    page.push_str(
        "\nAll of them with `session-sandbox=required`, `audit-programs=required` and `audit-refusals=1`.\n",
    );
    for (title, attempts) in table::PARTS {
        let _ = write!(
            page,
            "\n## {title}\n\n| Way | Language | Flags | Held by | Named by |\n|---|---|---|---|---|\n"
        );
        for one in *attempts {
            let mut named: Vec<String> = Vec::new();
            for word in one.evidence.iter().flat_map(|evidence| words(*evidence)) {
                if !named.contains(&word) {
                    named.push(word);
                }
            }
            let (title, language, flags) = (one.title, one.language.name(), one.flags.name());
            let _ = writeln!(
                page,
                "| {title} | {language} | {flags} | {} | {} |",
                one.held_by,
                named.join(" or ")
            );
        }
    }
    page
}

fn words(evidence: Evidence) -> Vec<String> {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    match evidence {
        Evidence::Denied(_) => words(&["`denied`"]),
        Evidence::Executed(_) => words(&["`executed`", "`denied`"]),
        Evidence::Ran(_) => words(&["`executed`"]),
        Evidence::Limit(_) => words(&["`limit-reached`"]),
        Evidence::Refused(_) => words(&["`refused`"]),
        Evidence::LeftOver => words(&["`session-ended`, what was left over"]),
        Evidence::Known(why) => vec![format!("known to get out: {why}")],
        Evidence::NotThere(why) => vec![format!("not there: {why}")],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_page_is_what_the_table_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(PATH);
        let page = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            page == markdown(),
            "{PATH} is not what the table says; `cargo xtask redteam --write` writes it"
        );
    }

    #[test]
    fn every_way_has_a_name_of_its_own_and_is_in_its_source() {
        let mut seen = BTreeSet::new();
        // A terminal is a request, no cell.
        for one in table::all().filter(|one| one.source != "notebook/ways.ipynb" || one.name != "terminal") {
            assert!(seen.insert(one.id()), "{} is there twice", one.id());
            assert!(!one.evidence.is_empty(), "{}: no record is to name it", one.id());
            let path = crate::sources::folder().join(one.source);
            let text =
                std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let quoted = format!("\"{}\"", one.name);
            let branch = format!("\n{})", one.name);
            assert!(text.contains(&quoted) || text.contains(&branch), "{} is not in its source", one.id());
        }
        assert!(seen.len() >= 60, "only {} ways", seen.len());
    }
}
