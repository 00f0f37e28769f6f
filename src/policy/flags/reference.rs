//! The reference of the flags, written from their table. Called by the test that keeps `docs/flags.md`.

use std::fmt::Write as _;

use portcullis_model::session::Ide;

use crate::flag::{self, About};
use crate::levels::level;
use crate::sandbox::Held;

/// Markdown for `docs/flags.md`.
pub(crate) fn reference() -> String {
    let mut page = HEAD.to_owned();
    let full = Held::full();
    page.push_str("\n| flag | about | RStudio | JupyterLab | VS Code |\n| --- | --- | --- | --- | --- |\n");
    for about in flag::ALL {
        let levels = [Ide::Rstudio, Ide::Jupyter, Ide::CodeServer].map(|ide| {
            let (with, without) = (level(ide, about, &full), level(ide, about, &Held::default()));
            match (with.applies, with.level == without.level) {
                (false, _) => "–".to_owned(),
                (true, true) => with.level.word().to_owned(),
                (true, false) => format!("{} / {}", with.level.word(), without.level.word()),
            }
        });
        let [rstudio, jupyter, code] = levels;
        let _ = writeln!(page, "| `{}` | {} | {rstudio} | {jupyter} | {code} |", about.name, about.title);
    }
    page.push_str(BELOW);
    page.push_str(PROGRAMS);
    for (why, paths) in programs() {
        let _ = writeln!(page, "| {} | {why} |", paths.join(" "));
    }
    page.push_str("\n## Each flag\n");
    for about in flag::ALL {
        entry(&mut page, about);
    }
    page
}

fn entry(page: &mut String, about: &About) {
    let _ = writeln!(page, "\n### {}\n", about.name);
    if !about.takes.is_empty() {
        let takes: Vec<_> = about.takes.iter().map(|taken| format!("`{}`", taken.word())).collect();
        let _ = writeln!(page, "Takes {}.", takes.join(", "));
    }
    if let Some(why) = about.unheld {
        let _ = writeln!(page, "No request is refused for it: {why}.");
    }
    let switches = [Ide::Rstudio, Ide::Jupyter, Ide::CodeServer];
    for (ide, switch) in switches.into_iter().filter_map(|ide| Some((ide, about.switch(ide)?))) {
        let _ = writeln!(page, "In {} too: {switch}.", ide.title());
    }
    if !about.refused.is_empty() {
        let _ = writeln!(page, "The person reads: “{} … {}”", about.refused, about.advice);
    }
    if !about.remains.is_empty() {
        let _ = writeln!(page, "\nWhat remains possible: {}", about.remains);
    }
    if !about.remains_held.is_empty() {
        let _ = writeln!(page, "\nWhat remains possible where the kernel holds it: {}", about.remains_held);
    }
}

const HEAD: &str = "<!-- Generated from src/policy; PORTCULLIS_GENERATE=1 cargo test -p portcullis-policy writes it. -->

# Flags

What an administrator can take away, in `rsession.conf` for everybody and in `profiles` by group and person; of sections that match, the last
one that says something wins. The words are those of RStudio Workbench; what holds, and how strongly, is said here.

Levels, from the strongest: `kernel` (the operating system, for every process of the session), `proxy` (no request or message that does it
passes), `ide` (a switch of the IDE's own, which code can undo), `none`. `–` means that the IDE has nothing of the kind. Two levels in a cell
are those with the kernel and without it: where the machine hasn't got what it takes, where `session-sandbox=off` says so, or (`allow-shell`) where
packages may be installed. `portcullis doctor` says which of the two holds on a machine and what is missing.
";

const BELOW: &str = "
A request that no table knows, a path in a suspect spelling, and ports of other programs are refused while any flag restricts that is about
the IDE. `allow-presentation-commands` is off unless it is said, as upstream; as long as nobody says it, it refuses its own commands and makes
nothing else suspect.

## Publishing

`allow-publish=0` includes `allow-external-publish=0`, which includes `allow-rpubs-publish=0`: something goes to RPubs only where all three
allow it.

## To record instead of refusing

`audit-only=allow-shell restrict-directory-view` in `portcullis.conf`, or in a section of `profiles`, gives these flags the effect `audit`: what
they forbid passes and stands in the audit log as `refused` with `\"effect\":\"audit\"`. Whoever they concern reads on their home page that they
are not enforced. A request that no table knows is recorded while only such flags restrict; one enforced flag beside them refuses it. A body of
unknown length is not measured while it is only recorded, and what a form carries is not looked at then.

## To demand a level

`minimum-level=allow-shell:proxy` in `portcullis.conf`: where the flag restricts a person and holds more weakly in the IDE they start, the session
isn't started, and the page says why. A flag with the effect `audit` holds at `none`.

## To lift one for a while

```
portcullis exempt alice allow-shell --for 2h --reason 'course, ticket 4711'
portcullis exempt list
portcullis exempt end 1a2b3c4d
```

Root alone may. An exemption lifts one flag for one person, in all of their sessions or (`--session`) in one, at most for
`exemption-max-hours`. It holds at once: streams that hang on the old flags are cut, as at a reload. The person reads on their home page what
is lifted, why and until when; the audit log has `exempted` and `exemption-ended`. It ends by itself, by the wall clock or by the time since boot, whichever
comes first, and survives a restart of the daemon. What a switch of the IDE's own or the kernel holds in a session that runs already stays until
that session is started anew.
";

const PROGRAMS: &str = "
## What the kernel holds

**`restrict-directory-view=1`**: every process of the session reads and writes in home, in the entries of `directory-view-allow-list` and in its own
temporary folders, and nowhere else; it reads what programs need of the system (`/usr`, `/lib`, `/etc`, `/opt`, `/proc`, `/sys`, a few of `/dev`
and `/run`), as file permissions allow. `session-folders` adds folders to read for code alone.

**`allow-shell=0`**: the programs below can be executed, those of the IDE itself, and those in `session-programs`. All others in the machine's
folders of programs are not there at all. In place of `sh`, `bash` and `dash` stands a program that says that there is no shell; it starts R and VS Code
where their front-end scripts would. With `allow-package-installation=0` beside it, no file in home, in temporary folders and in folders for data is
executed or mapped as machine code, and nothing else can be written to: then the level is `kernel`. Without that, a program that somebody
puts into home can be run by way of the dynamic linker.

| programs | for what |
| --- | --- |
";

/// The rows of the list of programs, by what they are for.
fn programs() -> Vec<(&'static str, Vec<String>)> {
    let mut rows: Vec<(&str, Vec<String>)> = Vec::new();
    for (path, why) in crate::sandbox::reasons() {
        let path = format!("`{path}`");
        match rows.last_mut().filter(|(last, _)| *last == why) {
            Some((_, paths)) => paths.push(path),
            None => rows.push((why, vec![path])),
        }
    }
    rows
}
