//! JupyterLab 4 and Notebook 7: the routes as data ([`mod@rows`]), and the decision on a request.
//!
//! Tornado matches the raw path, case-sensitive, and decodes only what its patterns capture; so does this. The person's
//! token is added by the proxy, which switches JupyterLab's own Origin and XSRF checks off: the server checks instead.

mod body;
mod query;
mod reference;
mod rows;
mod start;

use crate::path::{check_tail, decode_tail, malformed, not_plain};
use crate::row::{Check, Methods, Row, Tail};
use crate::{
    Ask, BodyRule, Capability, Direction, Flags, Forward, PathClaim, PathRule, QueryRule, Refusal,
    SocketRule, Transfer, Verdict,
};

pub(crate) use body::judge as judge_body;
pub use reference::reference;
pub use rows::rows;
pub(crate) use start::start;

/// Names below a kernel's folder that the interface fetches.
const KERNEL_RESOURCES: [&str; 5] =
    ["logo-32x32.png", "logo-64x64.png", "logo-svg.svg", "kernel.js", "kernel.css"];

pub(crate) fn decide(flags: &Flags, ask: &Ask<'_>) -> Verdict {
    match weigh(flags, ask) {
        Ok(forward) => Verdict::Forward(forward),
        Err(refusal) => Verdict::Refuse(refusal),
    }
}

fn weigh(flags: &Flags, ask: &Ask<'_>) -> Result<Forward, Box<Refusal>> {
    if let Some(why) = malformed(ask.path) {
        let why = format!("its path is malformed, {why}");
        return Err(
            Refusal::always(Capability::Unknown, 400, &why, "No page of the IDE asks like this.").into()
        );
    }
    // An extended CONNECT of HTTP/2 asks for a WebSocket, as GET does in HTTP/1.1.
    let name = if ask.upgrade && ask.method == "CONNECT" { "GET" } else { ask.method };
    let Some(method) = Methods::named(name).filter(|method| !ask.upgrade || *method == Methods::GET) else {
        let why = "the IDE knows no such method here";
        return Err(
            Refusal::always(Capability::Unknown, 405, why, "No page of the IDE asks like this.").into()
        );
    };
    if method == Methods::OPTIONS {
        return options(flags, ask);
    }
    let Some((row, tail)) = find(method, ask) else {
        return unknown(flags, ask, method);
    };
    if let Some(denial) = flags.restriction() {
        let (head, end) = if row.tail == Tail::Route { (ask.path, "") } else { row.route_of(ask.path, tail) };
        if let Some(why) = not_plain(head).or_else(|| not_plain(end)) {
            return Err(Refusal::unknown(ask, &denial, Some(why)).into());
        }
    }
    allowed(flags, ask, row)?;
    if row.tail != Tail::Route {
        check_tail(tail).map_err(|why| {
            let why = format!("the name of a file in its path is malformed, {}", why.0);
            Refusal::always(row.capability(), 400, &why, "Rename the file.")
        })?;
    }
    forward(flags, ask, row, tail)
}

/// The row of a request, and what its `**` matched.
fn find<'p>(method: Methods, ask: &Ask<'p>) -> Option<(&'static Row, &'p str)> {
    rows().find_map(|row| {
        // A plain GET on a socket's route is answered by an error there: the same capability, the same verdict.
        let fits = row.methods.meets(method) && (!ask.upgrade || row.socket.is_some());
        if fits { row.fits(ask.path).map(|tail| (row, tail)) } else { None }
    })
}

/// `OPTIONS` reads and changes nothing, but tells what is there: decided as the strictest row of its path.
fn options(flags: &Flags, ask: &Ask<'_>) -> Result<Forward, Box<Refusal>> {
    let mut fitting = rows().filter(|row| row.fits(ask.path).is_some());
    let Some(first) = fitting.next() else {
        return unknown(flags, ask, Methods::OPTIONS);
    };
    if let Some((denial, why)) = flags.restriction().zip(not_plain(ask.path)) {
        return Err(Refusal::unknown(ask, &denial, Some(why)).into());
    }
    allowed(flags, ask, first)?;
    // An extension's catch-all says nothing of a route that has a row of its own.
    for row in fitting.filter(|row| !row.needs.contains(&Capability::Unknown)) {
        allowed(flags, ask, row)?;
    }
    let port = loopback_port(ask.path).filter(|_| first.check == Check::LoopbackPort);
    Ok(Forward { port, ..plain(first.capability()) })
}

/// Whether the flags give all that a row takes.
fn allowed(flags: &Flags, ask: &Ask<'_>, row: &Row) -> Result<(), Box<Refusal>> {
    for capability in row.needs {
        if let Some(denial) = flags.denies(*capability) {
            return Err(Box::new(match capability {
                Capability::Unknown => Refusal::unknown(ask, &denial, None),
                Capability::PortProxy => Refusal::port_proxy(&denial),
                other => Refusal::by_flag(*other, &denial),
            }));
        }
    }
    match row.check {
        Check::LoopbackPort if loopback_port(ask.path).is_none() => {
            let why = "it does not name a port of this machine from 1024 on, in plain digits";
            Err(Refusal::always(
                Capability::PortProxy,
                403,
                why,
                "Other machines and system ports are out of reach.",
            )
            .into())
        }
        Check::HiddenPaths => flags.directories_denial().map_or(Ok(()), |denial| {
            let why = "this request names files where they can't be checked";
            Err(Refusal::by_flag_because(row.capability(), &denial, why).into())
        }),
        Check::KernelResource => {
            let name = ask.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            match flags.denies(Capability::Download) {
                Some(denial) if !KERNEL_RESOURCES.contains(&name) => {
                    Err(Refusal::by_flag(Capability::Download, &denial).into())
                }
                _ => Ok(()),
            }
        }
        Check::None | Check::LoopbackPort | Check::ContentsQuery | Check::ContentsBody => Ok(()),
    }
}

fn forward(flags: &Flags, ask: &Ask<'_>, row: &Row, tail: &str) -> Result<Forward, Box<Refusal>> {
    let mut forward = plain(row.capability());
    forward.activity = row.act;
    if row.tail == Tail::File && flags.restrict_directories.value {
        forward.paths = PathRule::Resolve(PathClaim { tail: named(tail), absolute: false });
    }
    if ask.upgrade {
        forward.socket = row.socket.unwrap_or(SocketRule::Opaque);
        // Opening a socket is what a page does when it loads; frames tell a person's act.
        forward.activity = false;
    } else if row.either {
        forward.activity = is_unsafe(ask);
    }
    if let Some(direction) = row.transfer.filter(|_| ask.method != "HEAD") {
        forward.transfer = Some(transfer(direction, tail));
    }
    if row.capability() == Capability::Ui
        && is_unsafe(ask)
        && (!flags.uploads.value || flags.upload_limit().is_some())
    {
        // Settings and workspaces are files too, in the person's own folders: a store for whoever may not upload.
        forward.body = BodyRule::Limit(body::NAMES_MAX);
    }
    match row.check {
        Check::ContentsQuery => query::contents(flags, ask, tail, &mut forward)?,
        Check::ContentsBody => body::head(flags, ask, tail, &mut forward),
        Check::LoopbackPort => forward.port = loopback_port(ask.path),
        Check::None | Check::KernelResource | Check::HiddenPaths => {}
    }
    Ok(forward)
}

/// What no row covers: forwarded only while no flag takes anything away.
fn unknown(flags: &Flags, ask: &Ask<'_>, method: Methods) -> Result<Forward, Box<Refusal>> {
    if let Some(denial) = flags.denies(Capability::Unknown) {
        return Err(Refusal::unknown(ask, &denial, None).into());
    }
    let mut forward = plain(Capability::Unknown);
    forward.activity = method.meets(Methods::UNSAFE);
    if ask.upgrade {
        forward.socket = SocketRule::Opaque;
    }
    Ok(forward)
}

const fn plain(capability: Capability) -> Forward {
    Forward {
        capability,
        activity: false,
        body: BodyRule::Stream,
        paths: PathRule::None,
        transfer: None,
        socket: SocketRule::None,
        query: QueryRule::Keep,
        port: None,
    }
}

fn is_unsafe(ask: &Ask<'_>) -> bool {
    Methods::named(ask.method).is_some_and(|method| method.meets(Methods::UNSAFE))
}

/// The name in a tail that was checked before.
fn named(tail: &str) -> String {
    decode_tail(tail).unwrap_or_default()
}

fn transfer(direction: Direction, tail: &str) -> Transfer {
    let path = named(tail);
    Transfer { direction, path: if path.is_empty() { "(unsaved document)".to_owned() } else { path } }
}

/// The port of `/proxy/<port>…` and `/proxy/absolute/<port>…`; never of `/proxy/<host>:<port>…`.
fn loopback_port(path: &str) -> Option<u16> {
    let rest = path.strip_prefix("/proxy/")?;
    let rest = rest.strip_prefix("absolute/").unwrap_or(rest);
    let digits = rest.split('/').next().unwrap_or_default();
    let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| plain && *port >= 1024)
}

#[cfg(test)]
mod tests;
