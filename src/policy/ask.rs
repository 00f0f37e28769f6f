//! What is asked and what is answered: the types between the server and the policy.
//!
//! Plain data, borrowed from the request where it can be; the allowed hot path allocates nothing.

use crate::rstudio::Own;
use crate::{Capability, Form, Refusal};

/// A request to an IDE, as far as a decision needs it.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The method as sent, case-sensitive. An extended CONNECT of HTTP/2 is a `GET` with [`Ask::upgrade`].
    pub method: &'a str,
    /// The raw path after `/s/<id>`, starting with `/`. These bytes are forwarded; they are never decoded for routing.
    pub path: &'a str,
    /// The raw query without its `?`.
    pub query: Option<&'a str>,
    /// Whether a WebSocket is asked for.
    pub upgrade: bool,
    /// `Sec-WebSocket-Protocol` as sent.
    pub subprotocol: Option<&'a str>,
    /// `Content-Length`, when there is one.
    pub content_length: Option<u64>,
    /// Whether a person looks at the answer (a navigation), so that a refusal is to be a page.
    pub wants_html: bool,
    /// The value of the cookie `port-token`, by which RStudio names local ports, when there is exactly one.
    pub port_token: Option<&'a str>,
}

/// The answer to an [`Ask`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Send it on, under these conditions.
    Forward(Forward),
    /// Answer it here.
    Refuse(Box<Refusal>),
}

impl Verdict {
    /// Whether the request may go on.
    pub const fn is_forward(&self) -> bool {
        matches!(self, Self::Forward(_))
    }
}

/// How a request is sent on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// What it does.
    pub capability: Capability,
    /// Whether it is a person's act, which keeps the session from being idle.
    pub activity: bool,
    /// What to do with its body.
    pub body: BodyRule,
    /// Which path must lie in the allowed directories first.
    pub paths: PathRule,
    /// For the audit log, when bytes of a file pass.
    pub transfer: Option<Transfer>,
    /// How frames of the WebSocket are to be read.
    pub socket: SocketRule,
    /// What to add to the query.
    pub query: QueryRule,
    /// A TCP port of this machine that the IDE will connect to. Only programs of the session's owner may listen there: what
    /// answers becomes a page of the owner's own.
    pub port: Option<u16>,
    /// Who answers it.
    pub target: Target,
    /// What the person typed, for the audit of consoles. Only read when that is on.
    pub typed: Option<Box<Typed>>,
    /// The path to send instead, when the name of a file in it was not in its one plain spelling: the same file, in that
    /// spelling. What was decided on is what is sent.
    pub spelt: Option<String>,
    /// What would have refused it, had the flag's effect not been `audit`: to be recorded.
    pub noted: Option<Box<Refusal>>,
    /// The paths that would have to lie in allowed directories, had restrict-directory-view not the effect `audit`: where one
    /// doesn't, that is to be recorded.
    pub recorded: PathRule,
}

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// The IDE.
    #[default]
    Session,
    /// The program on a port of this machine, which the server connects to itself.
    Port {
        /// The port; [`Forward::port`] has it too.
        port: u16,
        /// Of `::1`, else of `127.0.0.1`.
        six: bool,
        /// So many bytes of the path are the port's name; the rest is sent on.
        skip: usize,
    },
    /// The server itself, as RStudio's server does.
    Own(Own),
}

/// What a person typed, or ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// Where: the name of a call.
    pub channel: &'static str,
    /// What.
    pub text: String,
}

/// What to do with a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyRule {
    /// Stream it.
    Stream,
    /// Stream it, and refuse it (413) beyond so many bytes, by `Content-Length` and by count.
    Limit(u64),
    /// Read it whole, at most so many bytes (else 413), ask [`judge_body`](crate::judge_body), then send those bytes.
    Judge {
        /// Bytes that are read at most.
        limit: u64,
    },
    /// Stream it through a [`UploadForm`](crate::rstudio::UploadForm), which may refuse it or ask for a path before its end.
    Form,
}

/// Which path must be checked against the allowed directories before the request goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathRule {
    /// None.
    None,
    /// This one: the session resolves it, [`Flags::directory_allows`](crate::Flags::directory_allows) judges the result.
    Resolve(PathClaim),
    /// All of these.
    ResolveAll(Vec<PathClaim>),
    /// All of these, and none may be a folder.
    Files(Vec<PathClaim>),
}

impl PathRule {
    /// The paths to be resolved.
    pub fn claims(&self) -> &[PathClaim] {
        match self {
            Self::None => &[],
            Self::Resolve(claim) => std::slice::from_ref(claim),
            Self::ResolveAll(claims) | Self::Files(claims) => claims,
        }
    }
}

/// A path that a request names, decoded once and normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathClaim {
    /// Components joined by `/`, without `.`, `..` or empty ones; empty for the root itself.
    pub tail: String,
    /// True when it starts at `/`; else it is relative to the IDE's root, which is the person's home.
    pub absolute: bool,
}

impl PathClaim {
    /// The absolute path to be resolved.
    pub fn under(&self, home: &str) -> String {
        if self.absolute {
            format!("/{}", self.tail)
        } else {
            format!("{}/{}", home.trim_end_matches('/'), self.tail)
        }
    }
}

/// A file that goes in or out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Which way.
    pub direction: Direction,
    /// The path as the IDE names it, decoded once.
    pub path: String,
    /// Where in the body the file is.
    pub form: Form,
}

impl Transfer {
    /// A file whose bytes are the body.
    pub const fn new(direction: Direction, path: String) -> Self {
        Self { direction, path, form: Form::Body }
    }

    /// The same, in another form.
    #[must_use]
    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }
}

/// Which way a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Into the session.
    Upload,
    /// Out of the session.
    Download,
}

impl Direction {
    /// The word of the audit log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Download => "download",
        }
    }
}

/// How the client's frames on a WebSocket are read for activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SocketRule {
    /// Not a WebSocket, or its frames are never a person's act.
    None,
    /// Nothing is known of its frames; each data message counts as a person's act.
    Opaque,
    /// A kernel's channels, in Jupyter's binary or JSON framing.
    JupyterKernel,
    /// A terminal of Jupyter.
    JupyterTerminal,
    /// A terminal of RStudio.
    RstudioTerminal,
    /// The editor of code-server: its inspector says what is a person's act.
    CodeServer,
}

/// What is added to the query before the request goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueryRule {
    /// Nothing: it is forwarded as it came.
    Keep,
    /// This parameter (`name=value`), joined by `&`, or by `?` when there is no query. It wasn't there before.
    Add(&'static str),
}
