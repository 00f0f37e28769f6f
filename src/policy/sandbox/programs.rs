//! `allow-shell=0`: which programs there are in a session.

use portcullis_model::sandbox::Programs;
use portcullis_model::session::Ide;

use super::Asked;
use super::files::{Files, add, below, expanded, real};
use super::table::{FOLDERS, ROWS, SHELLS};

/// The list for a session; `None` where programs are not restricted.
pub(super) fn programs(
    asked: &Asked<'_>,
    said: &[String],
    files: &dyn Files,
    stub: &str,
) -> Option<Programs> {
    if asked.flags.shell.value {
        return None;
    }
    let mut allowed = Vec::new();
    for row in ROWS.iter().filter(|row| row.who.includes(asked.ide, asked.flags.vcs.value)) {
        for path in expanded(files, row.path) {
            all_names(&mut allowed, files, &path);
        }
    }
    all_names(&mut allowed, files, &asked.command.program);
    for folder in own_folders(asked.ide, &asked.command.program, files) {
        whole(&mut allowed, files, &folder);
    }
    // The administrator's own word, shells included.
    for path in said {
        all_names(&mut allowed, files, path);
    }
    add(&mut allowed, stub);
    let mut folders = Vec::new();
    for folder in FOLDERS {
        // A link (`/bin` on most machines) is covered where it leads.
        let whole = allowed.iter().any(|path| path == folder);
        if !whole && real(files, folder).is_some_and(|real| real == folder) {
            add(&mut folders, folder);
        }
    }
    Some(Programs { folders, allowed, stub: stub.to_owned() })
}

/// Every name on the way to a program: a link that leads through a hidden name would lead nowhere.
fn all_names(allowed: &mut Vec<String>, files: &dyn Files, path: &str) {
    for name in files.steps(path) {
        add(allowed, name);
    }
}

/// A folder as a whole; one with a shell in it by its other names.
fn whole(allowed: &mut Vec<String>, files: &dyn Files, folder: &str) {
    let names = files.names(folder);
    if !names.iter().any(|name| is_shell(name)) {
        return all_names(allowed, files, folder);
    }
    for name in names.iter().filter(|name| !is_shell(name)) {
        let path = format!("{folder}/{name}");
        // A link to a shell outside is no way to it either.
        let shell = real(files, &path).is_some_and(|real| real.rsplit('/').next().is_some_and(is_shell));
        if !shell {
            all_names(allowed, files, &path);
        }
    }
}

fn is_shell(name: &str) -> bool {
    SHELLS.contains(&name)
}

/// The folders of an IDE's own programs: that of its program, by its name and by its real one, and for IDEs that bring a tree of
/// their own all of that tree. Folders of the whole machine are nobody's own.
pub(super) fn own_folders(ide: Ide, program: &str, files: &dyn Files) -> Vec<String> {
    let mut folders = Vec::new();
    for name in files.steps(program) {
        let Some((folder, _)) = name.rsplit_once('/') else { continue };
        let (tree, is_bin) = match folder.rsplit_once('/') {
            Some((tree, "bin")) => (tree, true),
            _ => (folder, false),
        };
        let npm = folder
            .find("/node_modules/code-server")
            .map(|at| &folder[..at + "/node_modules/code-server".len()]);
        match ide {
            Ide::CodeServer if npm.is_some() => npm.iter().for_each(|tree| add(&mut folders, *tree)),
            // code-server and RStudio bring node, a search program and helpers beside `bin`.
            Ide::CodeServer | Ide::Rstudio if is_bin && !shared(tree) => add(&mut folders, tree),
            // A virtual environment: its programs, and those that its packages bring.
            Ide::Jupyter | Ide::App(_) if is_bin && !shared(tree) => {
                add(&mut folders, folder);
                add(&mut folders, format!("{tree}/lib"));
            }
            _ if !shared(folder) => add(&mut folders, folder),
            _ => {}
        }
    }
    folders.retain(|folder| !files.steps(folder).is_empty());
    folders
}

/// Whether a folder has programs of the whole machine, or is so wide that it holds such folders.
fn shared(folder: &str) -> bool {
    let wide = [
        "",
        "/",
        "/usr",
        "/usr/local",
        "/usr/lib",
        "/usr/local/lib",
        "/usr/share",
        "/opt",
        "/srv",
        "/home",
        "/etc",
        "/var",
        "/lib",
    ];
    wide.contains(&folder) || FOLDERS.iter().any(|known| below(folder, known)) || !folder.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::tests::Machine;

    fn own(ide: Ide, program: &str, machine: &Machine) -> Vec<String> {
        own_folders(ide, program, machine)
    }

    #[test]
    fn an_ides_own_folders_are_its_own() {
        let venv =
            Machine::new(&["/opt/lab/bin/jupyter-lab", "/opt/lab/bin/pip", "/opt/lab/lib/python3.11/x"]);
        assert_eq!(own(Ide::Jupyter, "/opt/lab/bin/jupyter-lab", &venv), ["/opt/lab/bin", "/opt/lab/lib"]);
        let system = Machine::new(&["/usr/bin/jupyter-lab", "/usr/bin/perl"]);
        assert_eq!(own(Ide::Jupyter, "/usr/bin/jupyter-lab", &system), Vec::<String>::new());
        let linked = Machine::new(&["/usr/lib/code-server/bin/code-server", "/usr/lib/code-server/lib/node"])
            .link("/usr/bin/code-server", "/usr/lib/code-server/bin/code-server");
        assert_eq!(own(Ide::CodeServer, "/usr/bin/code-server", &linked), ["/usr/lib/code-server"]);
        let npm = Machine::new(&["/usr/local/lib/node_modules/code-server/out/node/entry.js"])
            .link("/usr/local/bin/code-server", "/usr/local/lib/node_modules/code-server/out/node/entry.js");
        let tree = "/usr/local/lib/node_modules/code-server";
        assert_eq!(own(Ide::CodeServer, "/usr/local/bin/code-server", &npm), [tree]);
        let rstudio = Machine::new(&["/usr/lib/rstudio-server/bin/rsession"]);
        assert_eq!(
            own(Ide::Rstudio, "/usr/lib/rstudio-server/bin/rsession", &rstudio),
            ["/usr/lib/rstudio-server"]
        );
        let top = Machine::new(&["/opt/bin/code-server", "/srv/app"]);
        assert_eq!(own(Ide::CodeServer, "/opt/bin/code-server", &top), ["/opt/bin"]);
        let app = Ide::from_word("shiny").expect("an application");
        assert_eq!(own(app, "/srv/app", &top), Vec::<String>::new());
    }

    #[test]
    fn a_folder_with_a_shell_in_it_is_given_without_it() {
        let conda = Machine::new(&[
            "/opt/conda/bin/python3.12",
            "/opt/conda/bin/bash",
            "/opt/conda/bin/jupyter-lab",
            "/bin/zsh",
        ])
        .link("/opt/conda/bin/sh", "bash")
        .link("/opt/conda/bin/shell", "/bin/zsh")
        .link("/opt/conda/bin/python", "python3.12");
        let mut allowed = Vec::new();
        whole(&mut allowed, &conda, "/opt/conda/bin");
        allowed.sort_unstable();
        let kept = ["/opt/conda/bin/jupyter-lab", "/opt/conda/bin/python", "/opt/conda/bin/python3.12"];
        assert_eq!(allowed, kept);
    }

    #[test]
    fn rows_are_absolute_have_a_reason_and_are_no_shells() {
        for row in ROWS {
            assert!(
                row.path.starts_with('/') && !row.path.ends_with('/') && row.path.len() > 4,
                "{}",
                row.path
            );
            assert!(!row.why.is_empty() && !row.why.ends_with('.'), "{}", row.path);
            let name = row.path.rsplit('/').next().expect("a name");
            let runs = [
                "perl", "awk", "find", "xargs", "vi", "vim", "less", "man", "tmux", "screen", "script",
                "gdb", "ld.so",
            ];
            assert!(!is_shell(name) && !runs.contains(&name), "{}", row.path);
            let whole = FOLDERS.contains(&row.path) && !row.path.ends_with("/git-core");
            assert!(!whole, "{} is a folder of everything", row.path);
        }
    }
}
