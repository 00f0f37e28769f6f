//! RStudio's `rsession` of open-source RStudio Server 2025.07: addresses and calls as data, and the decision on a request.
//!
//! rsession listens on a Unix socket and believes to be at `/`. It checks none of the `allow-` flags; what rserver did in
//! front of it (the page's static files, local ports, the pair of tokens that it wants with each call) the server does here,
//! told by [`Target`]. What runs is the method in a call's body, not the one in its address: they must agree.

mod answer;
mod doors;
mod envelope;
mod form;
mod judge;
mod place;
mod port;
mod query;
mod reference;
mod rows;
pub(crate) mod rpc;
mod start;
mod terminal;

use portcullis_model::session::Ide;

use crate::adapter::{self, Adapter, Prefix};
use crate::doors::{Example, Finer};
use crate::path::decode_tail;
use crate::row::{Check, Row};
use crate::{
    Adapters, Ask, BodyRule, Capability, Flags, Form, Forward, PathClaim, PathRule, Refusal, SocketRule,
    Target, Verdict,
};

pub use answer::refusal_answer;
pub(crate) use answer::refusal_body;
pub use form::{FormStep, UploadForm};
pub use reference::reference;
pub(crate) use start::start;
pub use start::{exit_words, place};
pub(crate) use terminal::Terminal;

/// What is looked at beyond address and method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The call that the address names, and its body.
    Call,
    /// The form of an upload, while it streams.
    Upload,
    /// The files of an export, in the query.
    Export,
    /// The rest of the address is a file, below the home or absolute.
    Files,
    /// A file in this field of the query.
    Path(&'static str),
    /// A document as a page: while downloads are refused, only what pages are made of.
    Page,
    /// The same, with a file in this field of the query.
    PageWith(&'static str),
    /// A port of 127.0.0.1 by RStudio's name for it.
    Port,
    /// The same of ::1.
    Port6,
    /// Answered by the server itself.
    Own(Own),
    /// Refused always.
    Never,
}

/// What the server answers itself, as rserver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// The page, made of its template.
    Index,
    /// The page that shows progress, made of its template.
    Progress,
    /// A static file of the package, by the whole address.
    File,
    /// A call that nobody needs an answer to.
    Null,
    /// To the person's home page, where signing out is.
    Home,
    /// Back to the session: the person is signed in.
    Session,
}

/// Ends of names that pages are made of: what else stands beside a document is a download.
const PAGE_PARTS: [&str; 18] = [
    "html", "htm", "css", "js", "mjs", "json", "map", "png", "jpg", "jpeg", "gif", "svg", "webp", "ico",
    "woff", "woff2", "ttf", "eot",
];

/// Bytes that a form is longer than its file, at most.
const FORM_SLACK: u64 = 64 << 10;
/// Longest body of a request that only names things.
const NAMES_MAX: u64 = 1 << 20;

/// The adapter.
pub(crate) struct Rstudio;

impl Adapter for Rstudio {
    fn tables(&self) -> &'static [&'static [Row]] {
        static TABLES: [&[Row]; 4] = [rows::CALLS, rows::FILES, rows::PAGES, rows::PORTS];
        &TABLES
    }

    fn prefix(&self) -> Prefix {
        Prefix::Strip
    }

    fn allowed(&self, flags: &Flags, ask: &Ask<'_>, row: &Row) -> Result<(), Box<Refusal>> {
        let Check::Rstudio(look) = row.check else { return Ok(()) };
        match look {
            Look::Call => judge::allowed(flags, ask, method_of(ask.path)),
            Look::Never => {
                let why = "only R's own child processes ask this";
                Err(Refusal::always(Capability::Unknown, 403, why, "No page of RStudio asks like this.")
                    .into())
            }
            Look::Port | Look::Port6 if target_port(ask).is_none() => {
                let why = "it names no port from 1024 on that this session's cookie knows";
                let advice = "Open the application again from RStudio.";
                Err(Refusal::always(Capability::PortProxy, 403, why, advice).into())
            }
            Look::Page | Look::PageWith(_) => {
                let Some(denial) = flags.denies_in(Ide::Rstudio, Capability::Download) else { return Ok(()) };
                if is_page_part(ask.path) {
                    return Ok(());
                }
                Err(Refusal::by_flag(Capability::Download, &denial).into())
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
        let Check::Rstudio(look) = row.check else {
            // An administrator's row for a call: the method in its body must be the same all the same.
            if ask.path.starts_with("/rpc/") {
                judge::head(flags, forward);
            }
            return Ok(());
        };
        let outside = |why: &str| unchecked(flags, row.capability(), why);
        match look {
            Look::Call => {
                let method = rpc::method(method_of(ask.path));
                let plain = ask.query.is_none_or(str::is_empty);
                if flags.restriction_in(Ide::Rstudio).is_some() && !plain {
                    // rsession looks at the end of the whole address for the calls it answers at once.
                    let why = "a call has no query";
                    return Err(Refusal::always(forward.capability, 400, why, "Reload the page.").into());
                }
                if let Some(method) = method {
                    forward.capability = method.needs.first().copied().unwrap_or(Capability::Unknown);
                    forward.activity = method.act;
                } else {
                    forward.capability = Capability::Unknown;
                }
                judge::head(flags, forward);
            }
            Look::Upload => upload(flags, ask, forward)?,
            Look::Export => {
                let query = query::Query::read(ask.query.unwrap_or_default());
                if let Some(transfer) = &mut forward.transfer {
                    transfer.path = named(query.as_ref().ok());
                }
                if flags.restrict_directories.value {
                    let (claims, whole) = query.and_then(|query| query.export()).map_err(outside)?;
                    forward.paths =
                        if whole { PathRule::Files(claims) } else { PathRule::ResolveAll(claims) };
                }
            }
            Look::Files => {
                // What is sent on is the one plain spelling: decided on that.
                let plain = forward.spelt.as_deref().and_then(|spelt| spelt.strip_prefix("/files"));
                let claim = match ask.query {
                    // Whoever takes the address as one text has the query at the end of the path.
                    Some(query) if query.contains(['/', '%', '\\']) => {
                        Err("its query could be read as part of it")
                    }
                    _ => file(plain.unwrap_or(tail)),
                };
                if let Some(transfer) = &mut forward.transfer {
                    transfer.path = claim.as_ref().map_or_else(|_| String::new(), |claim| claim.under("~"));
                }
                if flags.restrict_directories.value {
                    forward.paths = PathRule::Resolve(claim.map_err(outside)?);
                }
            }
            Look::Path(name) | Look::PageWith(name) => {
                let query = ask.query.unwrap_or_default();
                if let Some(transfer) = &mut forward.transfer {
                    let claim = query::Query::read(query).and_then(|query| query.path(name));
                    transfer.path = claim.ok().flatten().map(|claim| claim.under("~")).unwrap_or_default();
                }
                if flags.restrict_directories.value {
                    let claim =
                        query::Query::read(query).and_then(|query| query.path(name)).map_err(outside)?;
                    forward.paths = claim.map_or(PathRule::None, PathRule::Resolve);
                }
            }
            Look::Port | Look::Port6 => {
                let port = target_port(ask);
                forward.port = port;
                let skip = ask.path.match_indices('/').nth(2).map_or(ask.path.len(), |(at, _)| at);
                if let Some(port) = port {
                    forward.target = Target::Port { port, six: look == Look::Port6, skip };
                }
                if ask.upgrade && may_be_terminal(ask) {
                    forward.socket = SocketRule::RstudioTerminal;
                }
            }
            Look::Own(own) => {
                forward.target = Target::Own(own);
                forward.body = BodyRule::Limit(NAMES_MAX);
            }
            Look::Page | Look::Never => {}
        }
        Ok(())
    }

    fn examples(&self, capability: Capability, _file: &str) -> Vec<Example> {
        doors::calls(capability)
    }

    fn naming(&self, file: &str) -> Vec<Example> {
        doors::naming(file)
    }

    fn bringing(&self, bytes: usize) -> Vec<Example> {
        doors::bringing(bytes)
    }

    fn hides(&self, ask: &Ask<'_>) -> bool {
        rpc::method(method_of(ask.path)).is_some_and(|method| method.args.contains(&rpc::Arg::Hidden))
    }

    fn query_of(&self, row: &Row, file: &str) -> Option<String> {
        doors::query(row, file)
    }

    fn finer(&self, ask: &Ask<'_>) -> Option<Finer> {
        doors::finer(method_of(ask.path))
    }

    fn judge_body(
        &self,
        adapters: &Adapters,
        ide: Ide,
        flags: &Flags,
        ask: &Ask<'_>,
        body: &[u8],
    ) -> Verdict {
        let mut forward = match adapter::decide(adapters, ide, flags, ask) {
            Verdict::Forward(forward) => forward,
            refused @ Verdict::Refuse(_) => return refused,
        };
        forward.body = BodyRule::Stream;
        match judge::body(flags, method_of(ask.path), body, &mut forward) {
            Ok(()) => Verdict::Forward(forward),
            Err(refusal) => Verdict::Refuse(refusal),
        }
    }
}

fn upload(flags: &Flags, ask: &Ask<'_>, forward: &mut Forward) -> Result<(), Box<Refusal>> {
    if let Some((denial, limit)) = flags.size_denial().zip(flags.upload_limit()) {
        let most = limit.saturating_add(FORM_SLACK);
        if ask.content_length.is_some_and(|length| length > most) {
            return Err(Refusal::too_large(&denial).into());
        }
    }
    if let Some(transfer) = &mut forward.transfer {
        transfer.form = Form::Multipart;
    }
    if flags.restriction_in(Ide::Rstudio).is_some() {
        forward.body = BodyRule::Form;
    }
    Ok(())
}

/// Why a file that a request names can't be checked.
fn unchecked(flags: &Flags, capability: Capability, why: &str) -> Box<Refusal> {
    let why = format!("it names a file that can't be checked: {why}");
    match flags.directories_denial() {
        Some(denial) => Refusal::by_flag_because(capability, &denial, &why),
        None => Refusal::always(capability, 400, &why, "Open it again."),
    }
    .into()
}

/// The files of an export in words.
fn named(query: Option<&query::Query<'_>>) -> String {
    let claims = query.and_then(|query| query.export().ok()).map(|(claims, _)| claims).unwrap_or_default();
    let names: Vec<_> = claims.iter().map(|claim| claim.under("~")).collect();
    names.join(", ")
}

/// What follows `/files`: below the home, but a second slash makes it absolute.
fn file(tail: &str) -> Result<PathClaim, &'static str> {
    let decoded = query::decoded(tail.strip_prefix('/').unwrap_or(tail))?;
    let absolute = decoded.starts_with('/');
    let tail = crate::path::normalise(&decoded).map_err(|why| why.0)?;
    Ok(PathClaim { tail, absolute })
}

/// The method that an address names.
fn method_of(path: &str) -> &str {
    path.strip_prefix("/rpc/").unwrap_or_default().trim_end_matches('/')
}

/// The port that an address and the session's cookie name.
fn target_port(ask: &Ask<'_>) -> Option<u16> {
    let name = ask.path.split('/').nth(2)?;
    port::port(ask.port_token?, name)
}

/// Whether the session's terminals could take an address for one of theirs, in whatever spelling: they look for `terminal`, or
/// for the handle of eight digits that they gave.
fn may_be_terminal(ask: &Ask<'_>) -> bool {
    let handle = |part: &str| part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    // Behind `/p/` and the port's name.
    let path = ask.path.split('/').skip(3);
    let query = ask.query.unwrap_or_default().split(['/', '?', '&', '=']);
    path.chain(query).any(|part| part.eq_ignore_ascii_case("terminal") || handle(part))
}

/// Whether an address is of something that pages are made of.
fn is_page_part(path: &str) -> bool {
    let Ok(name) = decode_tail(path) else { return false };
    let last = name.rsplit('/').next().unwrap_or_default();
    if path.ends_with('/') || !last.contains('.') {
        // The document itself, or a folder's index.
        return true;
    }
    let end = last.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    PAGE_PARTS.contains(&end.as_str())
}

#[cfg(test)]
mod tests;
