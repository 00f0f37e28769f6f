//! The page about the table, `docs/system-calls.md`: written from the rows, so that it can't differ from them.

use std::fmt::Write as _;

use super::rows::{Set, rows};

const HEAD: &str = "<!-- Generated from src/sys/seccomp; PORTCULLIS_GENERATE=1 cargo test -p portcullis-sys writes it. -->
# System calls that a session can't make

With `session-sandbox` in force, these calls answer with an error in everything that a session runs, whatever language it is
written in. All others pass. Calls in the numbering of another architecture (32 bits, x32) end the process with `SIGSYS`.

What is refused with `EPERM`, `EAFNOSUPPORT` or `EPROTONOSUPPORT` is told to the kernel's audit system; where that is read
(`audit-programs`), the audit log names it as `denied`. `ENOSYS` is the answer where libraries have another way that is open; it
is not logged, for some ask with each thread they make. With `allow-sudo=1` the list is the same: root inside a session is refused as well.

Debuggers work: `ptrace` stays open, because Landlock and the process namespace keep everything outside of the session out of
its reach. Container engines, FUSE mounts and the sandbox of Chromium (start it with `--no-sandbox`) don't.
";

/// The text of the page, for this architecture.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    let mut before: Option<Set> = None;
    for (set, rows) in rows().filter(|(_, rows)| !rows.is_empty()) {
        if before.replace(set) != Some(set) {
            let head = "| Call | When | Answer | Why |\n|---|---|---|---|\n";
            let _ = write!(page, "\n## {}\n\n{head}", set.said());
        }
        for row in rows {
            // A bar would end the cell.
            let when = row.when.to_string().replace('|', "\\|");
            let _ = writeln!(page, "| `{}` | {when} | {} | {} |", row.name(), row.answer, row.why);
        }
    }
    page
}
