//! JupyterLab 4 and Notebook 7: the routes as data ([`mod@rows`]), and the decision on a request.
//!
//! Tornado matches the raw path, case-sensitive, and decodes only what its patterns capture; so does this. The person's
//! token is added by the proxy, which switches JupyterLab's own Origin and XSRF checks off: the server checks instead.

mod body;
mod doors;
mod messages;
mod query;
mod reference;
mod rows;
mod start;
mod terminals;

use portcullis_model::session::Ide;

use crate::adapter::{self, Adapter, is_unsafe};
use crate::doors::{Example, Spoken};
use crate::row::{Check, Row};
use crate::{Adapters, Ask, BodyRule, Capability, Flags, Forward, Refusal, Verdict};

pub(crate) use messages::{Kernel, Terminal};
pub use reference::reference;
pub use rows::rows;
pub(crate) use start::start;

/// Names below a kernel's folder that the interface fetches.
const KERNEL_RESOURCES: [&str; 5] =
    ["logo-32x32.png", "logo-64x64.png", "logo-svg.svg", "kernel.js", "kernel.css"];

/// The adapter.
pub(crate) struct Jupyter;

impl Adapter for Jupyter {
    fn tables(&self) -> &'static [&'static [Row]] {
        &rows::TABLES
    }

    fn allowed(&self, flags: &Flags, ask: &Ask<'_>, row: &Row) -> Result<(), Box<Refusal>> {
        match row.check {
            Check::KernelResource => {
                let name = ask.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                match flags.denies(Capability::Download) {
                    Some(denial) if !KERNEL_RESOURCES.contains(&name) => {
                        Err(Refusal::by_flag(Capability::Download, &denial).into())
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn complete(
        &self,
        flags: &Flags,
        ask: &Ask<'_>,
        row: &Row,
        tail: &str,
        forward: &mut Forward,
    ) -> Result<(), Box<Refusal>> {
        if row.capability() == Capability::Ui
            && is_unsafe(ask)
            && (!flags.uploads.value || flags.upload_limit().is_some())
        {
            // Settings and workspaces are files too, in the person's own folders: a store for whoever may not upload.
            forward.body = BodyRule::Limit(body::NAMES_MAX);
        }
        match row.check {
            Check::ContentsQuery => query::contents(flags, ask, tail, forward)?,
            Check::ContentsBody => body::head(flags, ask, tail, forward),
            Check::TerminalBody => terminals::head(flags, forward),
            _ => {}
        }
        Ok(())
    }

    fn judge_body(
        &self,
        adapters: &Adapters,
        _ide: Ide,
        flags: &Flags,
        ask: &Ask<'_>,
        body: &[u8],
    ) -> Verdict {
        if !ask.path.starts_with("/api/terminals") {
            return body::judge(adapters, flags, ask, body);
        }
        match adapter::decide(adapters, Ide::Jupyter, flags, ask) {
            Verdict::Forward(forward) => match terminals::judge(flags, body, forward) {
                Ok(forward) => Verdict::Forward(forward),
                Err(refusal) => Verdict::Refuse(refusal),
            },
            refused @ Verdict::Refuse(_) => refused,
        }
    }

    fn examples(&self, capability: Capability, file: &str) -> Vec<Example> {
        doors::examples(capability, file)
    }

    fn spoken(&self, _file: &str) -> Vec<Spoken> {
        messages::spoken()
    }

    fn naming(&self, file: &str) -> Vec<Example> {
        doors::naming(file)
    }

    fn bringing(&self, bytes: usize) -> Vec<Example> {
        doors::bringing(bytes)
    }
}

#[cfg(test)]
mod tests;
