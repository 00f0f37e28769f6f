//! The reference of VS Code's doors, written from the tables and the flags.

use std::fmt::Write;

use super::command::{Act, Command, Look, Way};
use super::commands::{SOURCE, commands};
use super::judge::{NEW_MAX, TEXT_MAX};
use super::methods::{COMMANDS, METHODS, Method};
use super::rows::TABLES;
use crate::flag::{self, About};
use crate::row::Row;

/// Markdown for `docs/ides/code-server.md`.
pub fn reference() -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n## Flags\n\n");
    for about in flag::ALL.into_iter().filter(|about| !about.takes.is_empty()) {
        let shut: Vec<String> = commands()
            .filter(|command| command.needs.iter().any(|need| about.takes.contains(need)))
            .map(|command| format!("`{}.{}`", command.channel, command.name))
            .collect();
        let methods: Vec<String> = METHODS
            .iter()
            .map(|method| (method, ""))
            .chain(COMMANDS.iter().map(|command| (command, "…")))
            .filter(|(method, _)| method.needs.iter().any(|need| about.takes.contains(need)))
            .map(|(method, more)| format!("`{}{more}`", method.name))
            .collect();
        let special = special(about);
        if shut.is_empty() && methods.is_empty() && special.is_empty() {
            continue;
        }
        let _ = writeln!(page, "### {}=0\n", about.name);
        if !shut.is_empty() {
            let _ = writeln!(page, "- Calls to the server: {}", shut.join(", "));
        }
        if !methods.is_empty() {
            let _ = writeln!(page, "- Calls to the extension host: {}", methods.join(", "));
        }
        page.push_str(&special);
        page.push('\n');
    }
    page.push_str(&others());
    page.push_str(
        "\n## Routes\n\nThe first that fits counts; `*` is one segment, `**` any number of them.\n\n",
    );
    page.push_str("| request | takes | seen in |\n| --- | --- | --- |\n");
    for entry in TABLES.iter().flat_map(|table| table.iter()) {
        route(&mut page, entry);
    }
    let _ = writeln!(page, "\n## Calls to the server\n\nRead from {SOURCE}. What is not here is unknown.\n");
    page.push_str("| channel | command | takes | person's act |\n| --- | --- | --- | --- |\n");
    for entry in commands() {
        command(&mut page, entry);
    }
    page.push_str("\n## Calls to the extension host\n\n");
    page.push_str(
        "What is not here passes.\n\n| method or command | takes | person's act |\n| --- | --- | --- |\n",
    );
    METHODS.iter().for_each(|entry| method(&mut page, entry, ""));
    COMMANDS.iter().for_each(|entry| method(&mut page, entry, "…"));
    page
}

fn words(needs: &[crate::Capability]) -> String {
    needs.iter().map(|need| need.word()).collect::<Vec<_>>().join(" + ")
}

fn route(page: &mut String, row: &Row) {
    let socket = if row.socket.is_some() && !row.either { " (WebSocket)" } else { "" };
    let methods = row.methods.words().join(", ");
    let _ = writeln!(page, "| {methods} `{}`{socket} | {} | {} |", row.path, words(&row.needs), row.seen);
}

fn command(page: &mut String, command: &Command) {
    let way = if command.way == Way::Listen { " (events)" } else { "" };
    let act = match command.act {
        Act::Never => "",
        Act::Always => "yes",
        Act::OutsideData => "outside of the editor's own data",
    };
    let paths = match (command.paths, command.look) {
        ([], Look::HiddenPaths) => "; refused while directories are restricted",
        ([], Look::Unrecorded) => "; refused while consoles are recorded",
        ([], _) => "",
        _ => "; its paths are resolved and compared",
    };
    let takes = words(command.needs);
    let _ = writeln!(page, "| {} | `{}`{way} | {takes}{paths} | {act} |", command.channel, command.name);
}

fn method(page: &mut String, method: &Method, more: &str) {
    let act = if method.act { "yes" } else { "" };
    let _ = writeln!(page, "| `{}{more}` | {} | {act} |", method.name, words(method.needs));
}

fn special(about: &About) -> String {
    match about.name {
        "allow-shell" => "- What remains: extensions run as the person in the extension host, and whoever drives its socket with a \
             client of their own chooses which code it loads and in which environment. A task, a debugger or a hook of git that \
             an extension starts by itself starts a program. Without a terminal in the interface this is not a wall around \
             programs; only the operating system can be one. A terminal that was open before the flag was set still shows its output.\n"
            .to_owned(),
        "allow-file-uploads" => format!(
            "- `remoteFilesystem.writeFile` and `write` save documents and bring files in, and say nothing of which. Text passes: up \
             to {} MiB into a file that this tab has opened or that belongs to the editor, up to {} KiB into any other. What is not \
             text (its first {} bytes) is refused.\n- What remains: text that is pasted, in pieces of that size; a client of one's \
             own that opens a file before it overwrites it, puts text before other bytes, or appends. After a new connection (a \
             network that was away) the tab counts as having opened nothing: a larger document is to be opened again to be saved.\n",
            TEXT_MAX >> 20,
            NEW_MAX >> 10,
            super::facts::SAMPLE
        ),
        "allow-file-downloads" => "- `remoteFilesystem.readFile` is refused as the menu's *Download* sends it: not for settings (`atomic`), \
             nor below the editor's own data, nor of `.vscode/`, `.claude/`, `.github/copilot/`, `.mcp.json` and `*.code-workspace`. `open` for reading is refused, and \
             `vscode-remote-resource` but for files of extensions.\n- What remains: a document that is opened in an editor has been \
             sent to the browser, whatever its kind. A client of one's own reads any file as an editor does \
             (`remoteFilesystem.readFileStream`). A file that is copied into the folder of extensions is served as one of theirs.\n"
            .to_owned(),
        "allow-package-installation" => "- What remains: the editor asks the gallery of extensions from the browser itself; what is refused is that the server \
             installs. An extension that is copied into the folder of extensions, or a package that a terminal installs.\n"
            .to_owned(),
        "allow-vcs" => "- What remains: `git` in a terminal, and what the extension for git does by itself (it looks at the state of the folder).\n".to_owned(),
        _ => String::new(),
    }
}

fn others() -> String {
    "### restrict-directory-view=1\n\nThe addresses of all calls about files are resolved by the session as the person, links \
     included, before the call goes on; so are the folder that a page opens and the file of `vscode-remote-resource`. Files of the \
     program's own extensions below `/usr` and `/opt` are not asked for; if it is installed elsewhere, add that folder to \
     `directory-view-allow-list`.\n\n- What remains: search, version control and every other extension read as the person; \
     terminals do. A link that is changed between the check and the opening is followed.\n\n\
     ### limit-file-upload-size-mb\n\nMeasures what `writeFile` carries and how far `write` reaches. Documents that are open in \
     the editor may have 8 MiB in any case.\n\n\
     ### Any of them\n\nRefused while any flag takes something away: calls that are not in the list, the port proxy \
     (`/proxy/`, `/absproxy/`), tunnels (the third kind of socket), `request.request` (the server asks any address for the \
     browser), the agent host and the gateway for language models, and streams that can't be read.\n\n\
     ### audit-r-console\n\nWhat is typed in terminals is recorded by the line, and what a terminal is started with as a whole \
     (channel `terminal start`: tasks come this way too). Streams and calls to terminals that can't be recorded are refused. \
     What terminals show is not recorded, with `all` neither.\n\n- What remains: programs that the extension host starts by \
     itself, and what is typed into its debug consoles and notebooks, are not recorded.\n"
        .to_owned()
}

const HEAD: &str = "<!-- Generated from src/policy; PORTCULLIS_GENERATE=1 cargo test -p portcullis-policy writes it. -->

# VS Code (code-server): doors and flags

Pages and scripts come by HTTP; everything a person does goes over two WebSockets of the editor. Their stream is read: the
*management* socket carries calls to the server (files, terminals, extensions), the *extension host* socket calls to the code of
extensions. Each call is looked up by its name. A refused call is answered with the reason, which VS Code shows in its own
notification; the editor goes on working.

code-server opens the editor's socket on any path, serves any file on any path that ends in `vscode-remote-resource`, and can be
asked to leave WebSocket frames off; so every WebSocket is read or refused, that route is matched by its end, and
`skipWebSocketFrames=true` is refused always. A port is reached by `/proxy/<port>/` and `/absproxy/<port>/` in this spelling
only, and only while every program that listens there is the person's own.

What each socket's rules are worth differs. On the management socket the list of calls is complete for the release that is
named below, and what is not in it is refused while any flag takes something away: level *proxy*. The extension host runs the
code of extensions as the person, and its methods change with every release: what is refused there is what the interface would
do. It stays open with `allow-shell=0`, because without it there is no language support, no version control and no preview; its
level is *interface*.

code-server's own `--disable-file-downloads` and `--disable-file-uploads` only hide entries of menus and are not counted. The
first is set with `allow-file-downloads=0`, because VS Code swallows the reason why its *Download…* of a file or a folder fails; a
refused upload says why, by the menu or dragged in, so its entry stays. One more reason is swallowed: of a path out of reach
that is typed into its dialogue *Open File*, VS Code says only that there is no such path. `--disable-proxy` is real, and
set while any flag takes something away.
";
