//! The reference of RStudio's doors, written from the tables and the flags.

use std::fmt::Write;

use portcullis_model::session::Ide;

use super::rows;
use super::rpc::{self, Arg, Method};
use crate::flag::{self, About};
use crate::{Capability, Row};

/// Markdown for `docs/ides/rstudio.md`.
pub fn reference() -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n## Flags\n\n| flag | at the proxy | in RStudio too | what remains possible |\n| --- | --- | --- | --- |\n");
    for about in flag::ALL.into_iter().filter(|about| about.concerns.includes(Ide::Rstudio)) {
        let doors = all_rows().filter(|row| shut(&row.needs, about)).count();
        let calls = rpc::methods().filter(|(_, method)| shut(method.needs, about)).count();
        let proxy = match about.name {
            "restrict-directory-view" => {
                let named = rpc::methods().filter(|(_, method)| names_files(method)).count();
                format!("the files that {named} calls and 8 addresses name are resolved and compared")
            }
            "limit-file-upload-size-mb" => "every upload is measured".to_owned(),
            _ if about.unheld.is_some() => "no".to_owned(),
            _ => format!("{doors} addresses, {calls} calls"),
        };
        let remains = about.unheld.or_else(|| remains(about.name)).unwrap_or(about.remains);
        row(
            &mut page,
            &[&format!("`{}`", about.name), &proxy, about.rstudio_switch.unwrap_or("no"), remains],
        );
    }
    page.push_str(FLAGS);
    for about in flag::ALL.into_iter().filter(|about| !about.takes.is_empty()) {
        let names: Vec<_> =
            rpc::methods().filter(|(_, method)| shut(method.needs, about)).map(|(_, m)| m.name).collect();
        let doors: Vec<_> = all_rows().filter(|row| shut(&row.needs, about)).map(request).collect();
        if names.is_empty() && doors.is_empty() {
            continue;
        }
        let _ = writeln!(page, "\n### {}=0\n", about.name);
        let all: Vec<_> =
            doors.into_iter().chain(names.into_iter().map(|name| format!("`{name}`"))).collect();
        let _ = writeln!(page, "{}", all.join(", "));
    }
    page.push_str(ADDRESSES);
    page.push_str("\n| request | takes | read in |\n| --- | --- | --- |\n");
    for entry in all_rows() {
        row(&mut page, &[&request(entry), &words(&entry.needs), &entry.source]);
    }
    let _ = write!(page, "{CALLS}", CALLS = CALLS.replace("{}", &rpc::methods().count().to_string()));
    page.push_str("\n| call | takes | person's act | files in its parameters | read in |\n| --- | --- | --- | --- | --- |\n");
    for (source, method) in rpc::methods() {
        let files: Vec<_> = method.args.iter().filter_map(|arg| shown(*arg)).collect();
        let act = if method.act { "yes" } else { "" };
        row(
            &mut page,
            &[&format!("`{}`", method.name), &words(method.needs), act, &files.join(", "), source],
        );
    }
    page
}

pub(super) fn all_rows() -> impl Iterator<Item = &'static Row> {
    [rows::CALLS, rows::FILES, rows::PAGES, rows::PORTS].into_iter().flat_map(|table| table.iter())
}

fn names_files(method: &Method) -> bool {
    method.args.iter().any(|arg| arg.names_files())
}

/// Whether a flag alone shuts a door.
pub(super) fn shut(needs: &[Capability], about: &About) -> bool {
    needs.iter().any(|need| about.takes.contains(need))
}

fn words(needs: &[Capability]) -> String {
    needs.iter().map(|need| need.word()).collect::<Vec<_>>().join(" + ")
}

fn request(row: &Row) -> String {
    let any = row.needs.contains(&Capability::PortProxy) || row.needs.contains(&Capability::Unknown);
    let methods = if any { "any".to_owned() } else { row.methods.words().join(", ") };
    let socket = if row.socket.is_some() && !row.either { " (WebSocket)" } else { "" };
    format!("{methods} `{}`{socket}", row.path)
}

fn shown(arg: Arg) -> Option<String> {
    let number = arg.index().map(|at| (at + 1).to_string()).unwrap_or_default();
    Some(match arg {
        Arg::Path(_) | Arg::PathBut(..) | Arg::Place(_, "") => number,
        Arg::Each(_) => format!("{number} (each)"),
        Arg::In(_, name)
        | Arg::Place(_, name)
        | Arg::Name(_, name)
        | Arg::Absent(_, name)
        | Arg::Archive(_, name) => {
            format!("{number}.{name}")
        }
        Arg::InEach(_, name) => format!("{number}.{name} (each)"),
        Arg::Tree(_) => format!("{number} (in its project)"),
        Arg::Trees(_) => format!("{number} (each, in its project)"),
        Arg::TreesIn(_, name) => format!("{number}.{name} (in its project)"),
        Arg::Hidden => "refused".to_owned(),
        _ => return None,
    })
}

fn row(page: &mut String, cells: &[&str]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn remains(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "allow-shell" => {
            "R code can start programs (`system()`). A terminal that R code opens listens on every network interface, where only \
             the kernel can shut it."
        }
        "allow-file-uploads" => {
            "Text typed or pasted into an editor or the console can be saved (up to 8 MiB), and R code can fetch from the network."
        }
        "allow-file-downloads" => {
            "What an editor, a plot or a page shows can be copied off the screen; a file opened in an encoding of one byte shows all \
             its bytes; what pages are made of (`html`, `js`, pictures, fonts) is served beside a document; R code can send data \
             over the network."
        }
        "allow-package-installation" => {
            "The button `Install` is a line at the console, `install.packages(…)`: code, which no proxy can tell from other code."
        }
        "allow-publish" | "allow-external-publish" | "allow-rpubs-publish" => {
            "R code can publish, or send data over the network."
        }
        "allow-vcs" => "R code can run `git`.",
        "restrict-directory-view" => {
            "R code reads whatever file permissions allow. Pages of a document that was rendered from R code, and links inside a \
             folder that is copied or rendered, are not looked at; nor are links that change between check and opening."
        }
        "limit-file-upload-size-mb" => "Text that is saved is only held to it beyond 8 MiB.",
        _ => return None,
    })
}

const HEAD: &str = "<!-- Generated from src/policy; PORTCULLIS_GENERATE=1 cargo test -p portcullis-policy writes it. -->

# RStudio: doors and flags

Sessions run `rsession` of open-source RStudio Server, read and tried at release 2025.07. It ignores every `allow-` option by
itself; all of them are held in front of it.

## What an administrator sets

Install the packages `rstudio-server` and R. RStudio's own `rserver` is not needed and is best switched off
(`systemctl disable --now rstudio-server`): Portcullis listens where it did. Then, in `rserver.conf`, only what differs:

| option | default |
| --- | --- |
| `rsession-path` | `/usr/lib/rstudio-server/bin/rsession` |
| `rsession-which-r` | `/usr/local/bin/R`, then `/usr/bin/R` |
| `rsession-ld-library-path` | nothing beside R's own folder of libraries |
| `www-local-path` | `www` beside the folder of `rsession-path` |

## What is assumed about the real rsession

No test of this project runs it: it is in no registry that the project can reach. A double that answers as it was observed to,
holes included, stands for it. These are the assumptions:

* It is started with `--config-file`, `--program-mode=server`, `--user-identity`, `--session-use-secure-cookies`,
  `--session-root-path`, `--session-same-site`, `--session-use-file-storage=1`, `--launcher-token`,
  `--session-timeout-minutes=0`, and `--limit-…` where a limit is set; with `R_HOME`, `R_SHARE_DIR`, `R_INCLUDE_DIR`,
  `R_DOC_DIR`, `LD_LIBRARY_PATH`, `RS_SESSION_TMP_DIR`, `RSTUDIO_LIMIT_RPC_CLIENT_UID`, `RSTUDIO_MINIMUM_USER_ID` and
  `RSTUDIO_DEFAULT_R_VERSION_HOME`. It runs without a `rserver`.
* It listens on the Unix socket `$RS_SESSION_TMP_DIR/<user>-d`, mode 0666. The folder is the session's own with mode 0700.
* It believes to be at `/`, and takes its public address from `X-RStudio-Request` and `X-RStudio-Root-Path`, whose copies from
  browsers never reach it. `X-RStudioUserIdentity` names the person.
* A call needs the header `X-RS-CSRF-Token` and the cookie `rs-csrf-token` with the same text. The server adds both; its own
  check of where a request comes from stands in their place, and covers `/upload`, `abort`, `suspend_session` and `interrupt`
  too, which rsession doesn't check.
* The method in a call's body runs, whatever its address says, except for `client_init`, `abort`, `suspend_session` and
  `interrupt`, which go by the address's end, query included. While a flag restricts, both must agree, and calls have no query.
* Errors have status 200 and the form `{\"error\":{\"code\":…,\"message\":…,\"error\":{…}}}`, of which the page shows the inner
  message. So do refusals.
* It does not serve the page itself. The server serves `index.htm` (with the marks `#csrf_token#` and so on filled in) and
  what stands beside it below `www`: `rstudio`, `images`, `css`, `js`, `docs`.
* Local ports (`/p/…`) were rserver's: the server connects to the port itself, and only to ports whose listeners all belong
  to the person.
* `SIGTERM` suspends it to disk, and its next start resumes: so stopping a session suspends it. `SIGUSR1` suspends when it can,
  `SIGUSR2` at once. It ends with status 100 when it is to be started anew (another project or a restart of R), 101 after
  a forced suspension. A person runs one RStudio session at a time, because they
  share one state: a second one is not started. A session whose time is up is sent `SIGUSR1`: one in which R computes, or which
  holds connections or pointers that block it, goes on and is asked again every minute. `session-timeout-kill-hours`,
  `session-max-age-hours` and the button Stop use `SIGTERM`, which doesn't ask.
";

const FLAGS: &str = "
All of these hold at the level *proxy*: no request passes, whatever the browser or the person's own client sends. None of
them binds R code, and the console is an editor of R code.

While any flag takes something away, calls and addresses that are in no table are refused and named, and so are calls with
another method in the body than in the address, bodies that can be read in two ways, and the port proxy.

`restrict-directory-view=1` resolves every path that a call or address names as the person, links included; it must then lie in
the home directory or in `directory-view-allow-list`. `~` is the home; `~name`, `..` and paths relative to R's working directory
are refused; paths relative to a project pass below it. Folders are not exported as an archive, whose making follows links, and
archives are not unpacked after an upload. `limit-file-upload-size-mb` counts the bytes of the file in the form.

The terminal of the real rsession listens on a port between 3000 and 7999 **of every network interface**, guarded by the eight
digits in its path. The proxy refuses the calls that open one, so that none is there while `allow-shell=0`; where terminals
are allowed, a firewall (or a network namespace) must keep that port from the network. No proxy can.
";

const ADDRESSES: &str = "
## All addresses

`*` is one segment, `**` any number of them; the first row that fits counts. rsession finds a handler by the start of an address;
what is not here is unknown all the same.
";

const CALLS: &str = "
## All calls

The {} methods of RStudio 2025.07, by `POST /rpc/<method>`. \"Person's act\" says which keep a session from being idle.
";
