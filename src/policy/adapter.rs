//! The decision that all adapters share: from a request's head to a verdict, by the rows of its IDE.
//!
//! Order: a malformed path, the method, the row (an administrator's first), the plain spelling, the flags, the names of
//! files, then what the adapter looks at itself. Pure; called through [`decide`](crate::decide).

mod own;

use portcullis_model::session::Ide;

use crate::doors::{Example, Finer, Spoken};
use crate::generic;
use crate::index;
use crate::path::{check_tail, decode_tail, malformed, not_plain, plain_tail};
use crate::row::{Check, Methods, Row, Tail};
use crate::{
    Adapters, Ask, BodyRule, Capability, Direction, Flags, Forward, PathClaim, PathRule, QueryRule, Refusal,
    SocketRule, Target, Transfer, Verdict,
};

/// Whether the IDE knows under which path it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// It was told its prefix: requests are sent on with it.
    Keep,
    /// It believes to be at `/`: the prefix is taken off.
    Strip,
}

/// What an IDE's adapter adds to the shared decision.
pub(crate) trait Adapter: Sync {
    /// Its built-in rows, table by table, in the order they are tried.
    fn tables(&self) -> &'static [&'static [Row]];

    /// Whether requests are sent on with the session's prefix.
    fn prefix(&self) -> Prefix {
        Prefix::Keep
    }

    /// Conditions of a row that fits and whose capabilities are given.
    ///
    /// # Errors
    /// Why it is refused all the same.
    fn allowed(&self, _flags: &Flags, _ask: &Ask<'_>, _row: &Row) -> Result<(), Box<Refusal>> {
        Ok(())
    }

    /// Completes the conditions under which a request goes on; `tail` is what `**` matched.
    ///
    /// # Errors
    /// Why it is refused all the same.
    fn complete(
        &self,
        _flags: &Flags,
        _ask: &Ask<'_>,
        _row: &Row,
        _tail: &str,
        _forward: &mut Forward,
    ) -> Result<(), Box<Refusal>> {
        Ok(())
    }

    /// Decides on a whole body; only asked when [`Adapter::complete`] said [`BodyRule::Judge`].
    fn judge_body(
        &self,
        adapters: &Adapters,
        ide: Ide,
        flags: &Flags,
        ask: &Ask<'_>,
        _body: &[u8],
    ) -> Verdict {
        decide(adapters, ide, flags, ask)
    }

    /// Requests that take a capability by their query or body, where the row alone doesn't tell: for `portcullis explain`.
    /// `file` is a path below the IDE's root, or absolute.
    fn examples(&self, _capability: Capability, _file: &str) -> Vec<Example> {
        Vec::new()
    }

    /// What is done by messages of a WebSocket rather than by requests: for `portcullis explain`. `file` is absolute.
    fn spoken(&self, _file: &str) -> Vec<Spoken> {
        Vec::new()
    }

    /// Requests that name a file where the rows alone don't show it, one for each place.
    fn naming(&self, _file: &str) -> Vec<Example> {
        Vec::new()
    }

    /// Requests that bring in a file of so many bytes.
    fn bringing(&self, _bytes: usize) -> Vec<Example> {
        Vec::new()
    }

    /// Whether a request names files in a way that can't be checked, which its row alone doesn't show.
    fn hides(&self, _ask: &Ask<'_>) -> bool {
        false
    }

    /// The query by which a request of this row names a file: for `portcullis explain`.
    fn query_of(&self, _row: &Row, _file: &str) -> Option<String> {
        None
    }

    /// What covers a request beyond its row, such as the method of a call: for `portcullis explain`.
    fn finer(&self, _ask: &Ask<'_>) -> Option<Finer> {
        None
    }
}

/// The adapter of an IDE.
pub(crate) fn of(ide: Ide) -> &'static dyn Adapter {
    match ide {
        Ide::Jupyter => &crate::jupyter::Jupyter,
        Ide::Rstudio => &crate::rstudio::Rstudio,
        Ide::CodeServer => &crate::code_server::CodeServer,
        Ide::App(_) => &crate::generic::Generic,
    }
}

/// Decides on a request by its head.
pub(crate) fn decide(adapters: &Adapters, ide: Ide, flags: &Flags, ask: &Ask<'_>) -> Verdict {
    if let Ide::App(name) = ide {
        if adapters.app(name).is_none() {
            return generic::undeclared(name).verdict();
        }
    }
    match Weighing::new(adapters, ide, flags, ask).weigh() {
        Ok(forward) => Verdict::Forward(forward),
        Err(refusal) => Verdict::Refuse(refusal),
    }
}

/// Everything one decision looks at.
pub(crate) struct Weighing<'a> {
    ide: Ide,
    adapter: &'static dyn Adapter,
    /// An administrator's rows.
    own: &'a [Row],
    flags: &'a Flags,
    ask: &'a Ask<'a>,
}

impl<'a> Weighing<'a> {
    /// Of one request.
    pub(crate) fn new(adapters: &'a Adapters, ide: Ide, flags: &'a Flags, ask: &'a Ask<'a>) -> Self {
        Self { ide, adapter: of(ide), own: adapters.rows(ide), flags, ask }
    }

    fn weigh(&self) -> Result<Forward, Box<Refusal>> {
        let (flags, ask) = (self.flags, self.ask);
        if let Some(why) = malformed(ask.path) {
            let why = format!("its path is malformed, {why}");
            return Err(Refusal::always(
                Capability::Unknown,
                400,
                &why,
                "No page of the IDE asks like this.",
            )
            .into());
        }
        // An extended CONNECT of HTTP/2 asks for a WebSocket, as GET does in HTTP/1.1.
        let name = if ask.upgrade && ask.method == "CONNECT" { "GET" } else { ask.method };
        let Some(method) = Methods::named(name).filter(|method| !ask.upgrade || *method == Methods::GET)
        else {
            let why = "the IDE knows no such method here";
            return Err(
                Refusal::always(Capability::Unknown, 405, why, "No page of the IDE asks like this.").into()
            );
        };
        if method == Methods::OPTIONS {
            return self.options();
        }
        let Some((row, tail)) = self.find(method) else {
            return self.unknown(method);
        };
        if let Some(denial) = flags.restriction_in(self.ide) {
            let (head, end) =
                if row.tail == Tail::Route { (ask.path, "") } else { row.route_of(ask.path, tail) };
            if let Some(why) = not_plain(head).or_else(|| not_plain(end)) {
                return Err(Refusal::unknown(ask, &denial, Some(why)).into());
            }
        }
        self.allowed(row)?;
        if row.tail != Tail::Route {
            check_tail(tail).map_err(|why| {
                let why = format!("the name of a file in its path is malformed, {}", why.0);
                Refusal::always(row.capability(), 400, &why, "Rename the file.")
            })?;
        }
        if self.is_own(row) { self.forward_own(row, tail, method) } else { self.forward(row, tail) }
    }

    fn rows(&self) -> impl Iterator<Item = &'a Row> + use<'a> {
        self.own.iter().chain(index::rows(self.ide, self.ask.path).iter().copied())
    }

    /// The row of a request, and what its `**` matched.
    pub(crate) fn find(&self, method: Methods) -> Option<(&'a Row, &'a str)> {
        let ask = self.ask;
        self.rows().find_map(|row| {
            // A plain GET on a socket's route is answered by an error there: the same capability, the same verdict.
            let fits = row.methods.meets(method) && (!ask.upgrade || row.socket.is_some());
            if fits { row.fits(ask.path).map(|tail| (row, tail)) } else { None }
        })
    }

    /// `OPTIONS` reads and changes nothing, but tells what is there: decided as the strictest row of its path.
    ///
    /// Not every program looks at the method (RStudio's session answers any alike): it goes on under the conditions of the request
    /// that it asks about, and without a body.
    fn options(&self) -> Result<Forward, Box<Refusal>> {
        let ask = self.ask;
        let fitting = || self.rows().filter_map(|row| row.fits(ask.path).map(|tail| (row, tail)));
        let Some((first, tail)) = fitting().next() else {
            return self.unknown(Methods::OPTIONS);
        };
        if let Some((denial, why)) = self.flags.restriction_in(self.ide).zip(not_plain(ask.path)) {
            return Err(Refusal::unknown(ask, &denial, Some(why)).into());
        }
        self.allowed(first)?;
        // An extension's catch-all says nothing of a route that has a row of its own.
        for (row, _) in fitting().skip(1).filter(|(row, _)| !row.needs.contains(&Capability::Unknown)) {
            self.allowed(row)?;
        }
        // How a request goes on is the built-in row's business, where there is one.
        let (row, tail) = fitting().find(|(row, _)| !self.is_own(row)).unwrap_or((first, tail));
        let mut forward = self.forward(row, tail)?;
        forward.capability = first.capability();
        forward.activity = false;
        forward.transfer = None;
        forward.body = BodyRule::Limit(0);
        Ok(forward)
    }

    /// Whether the flags give all that a row takes.
    fn allowed(&self, row: &Row) -> Result<(), Box<Refusal>> {
        for capability in row.needs.iter() {
            if let Some(denial) = self.flags.denies_in(self.ide, *capability) {
                return Err(Box::new(match capability {
                    Capability::Unknown => Refusal::unknown(self.ask, &denial, None),
                    Capability::PortProxy => Refusal::port_proxy(&denial),
                    other => Refusal::by_flag(*other, &denial),
                }));
            }
        }
        if row.names_port() && port_of(row, self.ask.path).is_none() {
            let why = "it does not name a port of this machine from 1024 on, in plain digits";
            let advice = "Other machines and system ports are out of reach.";
            return Err(Refusal::always(Capability::PortProxy, 403, why, advice).into());
        }
        if let Some(denial) = self.flags.directories_denial().filter(|_| row.check == Check::HiddenPaths) {
            let why = "this request names files where they can't be checked";
            return Err(Refusal::by_flag_because(row.capability(), &denial, why).into());
        }
        self.adapter.allowed(self.flags, self.ask, row)
    }

    fn forward(&self, row: &Row, tail: &str) -> Result<Forward, Box<Refusal>> {
        let (flags, ask) = (self.flags, self.ask);
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
        forward.port = port_of(row, ask.path);
        forward.spelt = self.respelt(row, tail)?;
        self.adapter.complete(flags, ask, row, tail, &mut forward)?;
        Ok(forward)
    }

    /// The path with the name of its file in the one plain spelling, when it came in another.
    fn respelt(&self, row: &Row, tail: &str) -> Result<Option<String>, Box<Refusal>> {
        let followed = row.has_end();
        let Some(plain) =
            Some(row.tail).filter(|tail| *tail != Tail::Route).and_then(|_| plain_tail(tail, followed))
        else {
            return Ok(None);
        };
        let (head, end) = row.route_of(self.ask.path, tail);
        let spelt = format!("{head}{plain}{end}");
        // `a%2fcheckpoints` is a file, `a/checkpoints` a list of versions: what reads as both is neither.
        let again = Weighing { ask: &Ask { path: &spelt, ..*self.ask }, ..*self };
        let method = if self.ask.upgrade { Some(Methods::GET) } else { Methods::named(self.ask.method) };
        let method = method.map(|method| if method == Methods::OPTIONS { row.methods } else { method });
        if method.and_then(|method| again.find(method)).is_some_and(|(found, _)| std::ptr::eq(found, row)) {
            return Ok(Some(spelt));
        }
        let why = "the name of a file in its path can be read as another route";
        Err(Refusal::always(row.capability(), 400, why, "Rename the file.").into())
    }

    /// What no row covers: forwarded only while no flag takes anything away.
    fn unknown(&self, method: Methods) -> Result<Forward, Box<Refusal>> {
        if let Some(denial) = self.flags.denies_in(self.ide, Capability::Unknown) {
            return Err(Refusal::unknown(self.ask, &denial, None).into());
        }
        let mut forward = plain(Capability::Unknown);
        forward.activity = method.meets(Methods::UNSAFE);
        if self.ask.upgrade {
            forward.socket = SocketRule::Opaque;
        }
        Ok(forward)
    }
}

/// Conditions that ask for nothing.
pub(crate) const fn plain(capability: Capability) -> Forward {
    Forward {
        capability,
        activity: false,
        body: BodyRule::Stream,
        paths: PathRule::None,
        transfer: None,
        socket: SocketRule::None,
        query: QueryRule::Keep,
        port: None,
        target: Target::Session,
        typed: None,
        spelt: None,
        noted: None,
        recorded: PathRule::None,
    }
}

/// Whether the method changes something.
pub(crate) fn is_unsafe(ask: &Ask<'_>) -> bool {
    Methods::named(ask.method).is_some_and(|method| method.meets(Methods::UNSAFE))
}

/// The name in a tail that was checked before.
fn named(tail: &str) -> String {
    decode_tail(tail).unwrap_or_default()
}

/// A file that passes, named by a tail that was checked before.
pub(crate) fn transfer(direction: Direction, tail: &str) -> Transfer {
    let path = named(tail);
    Transfer::new(direction, if path.is_empty() { "(unsaved document)".to_owned() } else { path })
}

/// The port that a row's request names: the first segment after the row's literal start (and after `absolute/`), when it is
/// a loopback port from 1024 on in plain digits; never of `<host>:<port>`.
fn port_of(row: &Row, path: &str) -> Option<u16> {
    if !row.names_port() {
        return None;
    }
    let start = row.path.split('*').next().unwrap_or_default().trim_end_matches('/');
    let rest = path.strip_prefix(start)?.strip_prefix('/')?;
    let rest = rest.strip_prefix("absolute/").unwrap_or(rest);
    let digits = rest.split('/').next().unwrap_or_default();
    let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| plain && *port >= 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_one_of_this_machine_in_plain_digits() {
        let row = Row::new(Methods::ANY, "/proxy**", &[Capability::PortProxy], "", "")
            .check(crate::Check::LoopbackPort);
        for (path, port) in [
            ("/proxy/8123/x", Some(8123)),
            ("/proxy/absolute/8123", Some(8123)),
            ("/proxy/1024", Some(1024)),
            ("/proxy/1023/", None),
            ("/proxy/08123/", None),
            ("/proxy/65536/", None),
            ("/proxy/host:8123/", None),
            ("/proxy/+8123/", None),
            ("/proxy/", None),
            ("/proxy", None),
        ] {
            assert_eq!(port_of(&row, path), port, "{path}");
        }
    }
}
