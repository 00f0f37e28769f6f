//! The reference of JupyterLab's doors, written from the table and the flags.

use std::fmt::Write;

use portcullis_model::session::Ide;

use super::messages::MESSAGES;
use super::rows;
use crate::flag::{self, About};
use crate::row::Check;
use crate::{Capability, Row};

/// Markdown for `docs/ides/jupyter.md`.
pub fn reference() -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n## Flags\n\n| flag | at the proxy | in JupyterLab too | what remains possible |\n| --- | --- | --- | --- |\n");
    for about in flag::of(Ide::Jupyter) {
        let doors = rows().filter(|row| shut(row, about)).count();
        let proxy = match about.name {
            "restrict-directory-view" => "every path is resolved and compared".to_owned(),
            "limit-file-upload-size-mb" => "every upload is measured".to_owned(),
            "allow-file-uploads" => format!("{doors} doors, and every body of `api/contents`"),
            "allow-file-downloads" => format!("{doors} doors, and the format of `api/contents`"),
            _ => format!("{doors} doors"),
        };
        let switch = about.jupyter_switch.unwrap_or("no");
        row(&mut page, &[&format!("`{}`", about.name), &proxy, switch, about.remains]);
    }
    page.push_str(FLAGS);
    for about in flag::of(Ide::Jupyter).filter(|about| !about.takes.is_empty()) {
        let _ = writeln!(page, "\n### {}=0\n", about.name);
        page.push_str("| request | also takes |\n| --- | --- |\n");
        for door in rows().filter(|row| shut(row, about)) {
            let others: Vec<_> = door
                .needs
                .iter()
                .filter(|need| !about.takes.contains(need))
                .map(|need| need.title())
                .collect();
            row(&mut page, &[&request(door), &others.join(", ")]);
        }
        page.push_str(extra(about.name));
    }
    page.push_str(REASONS);
    page.push_str("\n## All routes\n\n");
    page.push_str(ROUTES);
    page.push_str("\n| request | takes | person's act | seen in |\n| --- | --- | --- | --- |\n");
    for entry in rows() {
        let takes: Vec<_> = entry.needs.iter().map(|need| need.word()).collect();
        row(
            &mut page,
            &[&request(entry), &takes.join(" + "), if entry.act { "yes" } else { "" }, &entry.seen],
        );
    }
    page.push_str(MESSAGES_HEAD);
    page.push_str("\n| channel | message | takes | person's act | kept by `audit-r-console` |\n| --- | --- | --- | --- | --- |\n");
    for message in MESSAGES {
        let channels: Vec<_> = message.channels.iter().map(|channel| channel.word()).collect();
        let act = if message.act { "yes" } else { "" };
        let kind = format!("`{}`", message.kind);
        row(&mut page, &[&channels.join(", "), &kind, message.takes.word(), act, message.kept.words()]);
    }
    page.push_str(MESSAGES_END);
    page
}

/// Whether a flag alone shuts a door.
pub(super) fn shut(row: &Row, about: &About) -> bool {
    row.needs.iter().any(|need| about.takes.contains(need))
        || (about.name == flag::DIRECTORIES.name && row.check == Check::HiddenPaths)
}

fn request(row: &Row) -> String {
    let methods = if row.needs.contains(&Capability::PortProxy) || row.needs.contains(&Capability::Unknown) {
        "any".to_owned()
    } else {
        row.methods.words().join(", ")
    };
    let socket = if row.socket.is_some() && !row.either { " (WebSocket)" } else { "" };
    format!("{methods} `{}`{socket}", row.path)
}

fn row(page: &mut String, cells: &[&str]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn extra(flag: &str) -> &'static str {
    match flag {
        "allow-file-uploads" => {
            "\n`PUT`, `POST` and `PATCH` of `api/contents` are judged by their body: numbered pieces (`chunk`), a `name`, or \
             content in base64 are an upload. What an editor saves passes: text of at most 8 MiB, and notebooks; so do new \
             empty documents, copies (`copy_from`), renaming and checkpoints. Bodies of more than 64 MiB are refused, and more \
             than 1 MiB of settings or workspace at once.\n"
        }
        "allow-file-downloads" => {
            "\n`GET api/contents` of a file passes as text only: `format=base64` is refused, and `format=text` is added where \
             no format is asked for, so that a binary file is an error. Of a kernel's folder only its logos, `kernel.js` and \
             `kernel.css` are given.\n"
        }
        _ => "",
    }
}

const HEAD: &str = "<!-- Generated from src/policy; PORTCULLIS_GENERATE=1 cargo test -p portcullis-policy writes it. -->

# JupyterLab: doors and flags

Every request to a JupyterLab session is looked up in a table of its routes. A row says what the request takes; the flags
of the person say what is given. Routes are matched on the raw path as JupyterLab's own server does; only names of files are
decoded, once. `..` in any spelling, backslashes, broken percent signs, zero and control bytes are refused always (400),
methods other than GET, HEAD, OPTIONS, POST, PUT, PATCH and DELETE too (405). `HEAD` is decided as `GET`, `OPTIONS` as the
strictest request to its path.

While any flag takes something away, three more things are refused: routes that are in no row (the refusal names them),
spellings of a known route other than its plain one (`//`, `.`, `;`, needless percent-encoding), and the port proxy, because
behind a port can be anything.

The port proxy reaches only ports from 1024 on of this machine, and only while every program that listens there is the
person's own: another account's page would act in the person's name.
";

const FLAGS: &str = "
All of these hold at the level *proxy*: no request passes, whatever the browser or the person's own client sends. None of
them binds code that runs in a kernel or a terminal; that takes the kernel of the operating system. A person who may run
code may do in a cell whatever file permissions and the network allow.

`restrict-directory-view=1` applies to every path in a URL and to the paths in the bodies of `POST` and `PATCH
api/contents`. The session resolves the path as the person, links included; it must then lie in the home directory or in
`directory-view-allow-list`, compared by components. Requests that name files where this can't be done (comparisons of git
and nbdime, `api/resolvePath`) are refused.

`limit-file-upload-size-mb` measures each upload by what it decodes to. JupyterLab sends a file in pieces of 1 MiB without saying
how long it is: pieces within the limit stay on disk when a later one is refused.
";

const REASONS: &str = "
## Where the reason is read

Most refusals are shown by JupyterLab in its own dialogues and notifications, with the text of our answer. Three it keeps to itself,
whatever the answer says: a folder of the file browser that can't be opened (of all statuses it shows 404 alone, and in words of its
own: `_onConnectionFailure` in `packages/filebrowser/src/browser.ts`, `cd` in `model.ts`), a terminal that isn't opened, by the
palette or a menu (`terminal:create-new` in `packages/terminal-extension/src/index.ts`), and a download, which is the browser's
affair. For these a small extension, `portcullis-reasons`, is put beside JupyterLab by `JUPYTER_PATH` at each start, in files of the
session. It shows the text of a 403 in JupyterLab's own dialogue, enforces nothing, and asks for nothing but whether a
download is refused and why (`HEAD`, and then `GET`, of the same address: the audit log has what is refused of these too). Where it
doesn't run (it is switched off, or a release of JupyterLab doesn't load it), nothing opens and nothing is said. Seen with JupyterLab 4.6.6.

When flags change, open WebSockets are closed (1008) and JupyterLab connects anew within a second; kernels go on. It then shows
\"Unknown\" as the kernel's status until the next cell is run, as it does whenever a connection was lost.
";

const ROUTES: &str = "`*` is one segment, `**` any number of them. The first row that fits counts. A trailing slash changes
nothing. \"Person's act\" says which requests keep a session from being idle; of the messages on a kernel's WebSocket it is
those that run, complete or inspect code, answer a prompt or move a widget, of a terminal's what is typed.
";

const MESSAGES_HEAD: &str = "
## Messages of kernels and terminals

While any flag takes something away, or consoles are audited (`audit-r-console=input` or `all`), each message from the browser to
a kernel is read before it goes on, in all three framings: the subprotocol `v1.kernel.websocket.jupyter.org`, JSON text, and JSON
with buffers behind it. What can't be read ends the WebSocket with a reason (close codes 1003, 1007, 1009 for more than 8 MiB
before the buffers): offsets that leave gaps or overlap, a name that stands twice in header or content, anything but an object
where an object belongs, bytes that are not UTF-8. A message that is in no row of this table, or on another channel than those
named, never reaches the kernel; the cell shows an error named `Portcullis` with the reason. Otherwise messages pass untouched.
";

const MESSAGES_END: &str = "
On a terminal's WebSocket `stdin` is kept line by line, with control characters as escapes; `set_size` passes, anything else ends
it. A terminal that brings a command or an environment along (`shell_command` in the body of `POST api/terminals`) is refused,
because it would run without a key being pressed. With `all`, what kernel and terminal show is kept too: `stream`, results and displays as plain text, errors, prompts, the
values of `user_expressions`, what a debugger evaluates.

What this can't do:

* A cell that calls `%pip`, `!git` or `!id` is an `execute_request` like any other. It is recorded; whether code may do what it
  does is a question for the kernel of the operating system, not for the text of the code.
* At a prompt that hides what is typed (`getpass`), «hidden» is recorded, whatever was typed: code that runs what it reads there
  runs unseen. What is typed blindly into a terminal (`sudo`) is recorded as it is, because nothing on the WebSocket says that the
  terminal doesn't show it.
* Code that is already running talks to whom it likes: it runs files that were written before, and other programs of the same
  person reach a kernel by its own sockets, past the proxy.
* Language servers (`lsp/ws`), sockets of unknown routes, and what a program of the person's own says behind the port proxy are
  not read.
";
