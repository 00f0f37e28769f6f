//! What is asked and what is answered: the types between the server and the policy.
//!
//! Plain data, borrowed from the request where it can be; the allowed hot path allocates nothing.

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
    /// What would have refused it, had the flag's effect not been `audit`: to be recorded.
    pub noted: Option<Box<Refusal>>,
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
}

/// Which path must be checked against the allowed directories before the request goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathRule {
    /// None.
    None,
    /// This one: the session resolves it, [`Flags::directory_allows`](crate::Flags::directory_allows) judges the result.
    Resolve(PathClaim),
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
}

/// What is added to the query before the request goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueryRule {
    /// Nothing: it is forwarded as it came.
    Keep,
    /// This parameter (`name=value`), joined by `&`, or by `?` when there is no query. It wasn't there before.
    Add(&'static str),
}
