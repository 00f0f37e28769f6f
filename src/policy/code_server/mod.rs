//! VS Code in the browser (code-server): the routes and commands as data, and the decision on both.
//!
//! Nearly everything goes over two WebSockets, so the table of routes ([`mod@rows`]) is short and the table of commands
//! ([`commands`]) is long. code-server's own `--disable-file-…` switches hide entries of menus and refuse nothing: they are not
//! counted. Routes are matched on the raw path.

mod answers;
mod call;
mod carry;
mod command;
mod commands;
mod doors;
mod facts;
mod frame;
mod hello;
mod judge;
mod known;
mod method_call;
mod methods;
mod place;
mod query;
mod reference;
mod rows;
mod socket;
mod start;
mod typed;
mod value;

use crate::adapter::{Adapter, Prefix};
use crate::doors::Spoken;
use crate::row::{Check, Row};
use crate::{Ask, Capability, Direction, Flags, Forward, PathRule, Refusal, Transfer};

pub use reference::reference;
pub(crate) use socket::Socket;
pub use start::places;
pub(crate) use start::start;

/// The adapter.
pub(crate) struct CodeServer;

impl Adapter for CodeServer {
    fn tables(&self) -> &'static [&'static [Row]] {
        &rows::TABLES
    }

    fn prefix(&self) -> Prefix {
        // Every address in its pages is relative.
        Prefix::Strip
    }

    fn spoken(&self, file: &str) -> Vec<Spoken> {
        doors::spoken(file)
    }

    fn query_of(&self, row: &Row, file: &str) -> Option<String> {
        doors::query(row, file)
    }

    fn allowed(&self, flags: &Flags, ask: &Ask<'_>, row: &Row) -> Result<(), Box<Refusal>> {
        match row.check {
            Check::AnyCase | Check::EditorSocket if names_a_port(ask.path) => {
                let why = "it names a port in another spelling than `/proxy/<port>/`";
                Err(Refusal::always(Capability::PortProxy, 403, why, "Use the plain spelling.").into())
            }
            Check::EditorSocket => match query::not_a_socket(ask) {
                Some(why) => {
                    let why = format!("it is no socket of the editor, {why}");
                    let advice = "Reload the page.";
                    Err(Refusal::always(Capability::Unknown, 403, &why, advice).into())
                }
                None => Ok(()),
            },
            Check::RemoteResource => resource(flags, ask),
            _ => Ok(()),
        }
    }

    fn complete(
        &self,
        flags: &Flags,
        ask: &Ask<'_>,
        row: &Row,
        _tail: &str,
        forward: &mut Forward,
    ) -> Result<(), Box<Refusal>> {
        match row.check {
            Check::RemoteResource => {
                let Ok(Some(place)) = query::place(ask, "path") else { return Ok(()) };
                if flags.restrict_directories.value && !place.is_installed() {
                    forward.paths = PathRule::Resolve(place.claim());
                }
                if !place.is_extension() {
                    forward.capability = Capability::Download;
                    forward.activity = true;
                    if ask.method != "HEAD" {
                        forward.transfer = Some(Transfer::new(Direction::Download, place.shown()));
                    }
                }
            }
            Check::Folder if flags.restrict_directories.value => {
                forward.paths = folder(flags, ask)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The server reads any file for this route; the interface needs those of extensions.
fn resource(flags: &Flags, ask: &Ask<'_>) -> Result<(), Box<Refusal>> {
    let denial = flags.denies(Capability::Download);
    match query::place(ask, "path") {
        Ok(Some(place)) if !place.is_extension() => match denial {
            Some(denial) => Err(Refusal::by_flag(Capability::Download, &denial).into()),
            None => Ok(()),
        },
        Ok(_) => Ok(()),
        Err(why) => match denial.or_else(|| flags.directories_denial()) {
            Some(denial) => {
                let why = format!("the path can't be checked: {why}");
                Err(Refusal::by_flag_because(Capability::Download, &denial, &why).into())
            }
            None => Ok(()),
        },
    }
}

/// The folder or workspace that a page opens.
fn folder(flags: &Flags, ask: &Ask<'_>) -> Result<PathRule, Box<Refusal>> {
    let wish = query::place(ask, "folder").and_then(|folder| match folder {
        Some(folder) => Ok(Some(folder)),
        None => query::place(ask, "workspace"),
    });
    match (wish, flags.directories_denial()) {
        (Ok(Some(place)), _) => Ok(PathRule::Resolve(place.claim())),
        (Err(why), Some(denial)) => {
            let why = format!("the folder can't be checked: {why}");
            Err(Refusal::by_flag_because(Capability::Browse, &denial, &why).into())
        }
        _ => Ok(PathRule::None),
    }
}

/// Whether code-server would take the path for one of its port proxies: its routes match in any case.
fn names_a_port(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    first.eq_ignore_ascii_case("proxy") || first.eq_ignore_ascii_case("absproxy")
}

#[cfg(test)]
mod tests;
