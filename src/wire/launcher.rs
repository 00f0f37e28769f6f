//! What server and launcher say to each other.
//!
//! Every request of the server has a row in the launcher's request table (`portcullis_launcher::table`).

use std::net::IpAddr;
use std::time::Duration;

use portcullis_model::audit::Event;
use portcullis_model::exemption::Exemption;
use portcullis_model::key::KeyId;
use portcullis_model::lifetime::{Seen, Sign};
use portcullis_model::offline::Offline;
use portcullis_model::proof::{Begin, Evidence, Flow, MethodName};
use portcullis_model::session::{Ide, Session};
use portcullis_model::sign_in::{Denied, SignIn, SignInEnd};
use portcullis_model::{ExemptionId, Secret, SessionId, SignInId};
use serde::{Deserialize, Serialize};

use crate::accounts::{AccountAnswer, AccountRefusal, Asker, Wish};
use crate::keys::KeyRow;
pub use crate::open::OpenError;
use crate::watch::{AdminAct, AdminAnswer, AdminRefusal, Figures, Search};

mod greeting;
mod prompt;

pub use greeting::{ConfFile, Configuration, Hello, TlsMaterial};
pub use prompt::{Prompt, PromptStyle};

/// Sessions in one [`ToLauncher::Seen`]: each is some 60 bytes.
pub const SEEN_AT_ONCE: usize = 512;

/// Sign-ins in one [`ToServer::Revoke`]: more than one account may have.
pub const SIGN_INS_AT_ONCE: usize = 4096;

/// How long a server waits for what it cut to be closed, before it says what is left.
pub const REVOKED_WITHIN: Duration = Duration::from_millis(800);

/// Server to launcher.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToLauncher {
    /// The server serves: once, first.
    Ready,
    /// Somebody wants to sign in. `conversation` is a number of the server's choice, unused so far.
    SignInStart {
        /// Names the conversation in what follows.
        conversation: u64,
        /// The client's address, for `PAM_RHOST` and the audit log.
        remote: IpAddr,
        /// What they brought; which method examines it, the launcher decides.
        evidence: Evidence,
        /// What their browser calls itself, cut.
        agent: String,
    },
    /// Answers to the prompts last sent, in their order; one per prompt that wants an answer.
    SignInAnswer {
        /// Which conversation.
        conversation: u64,
        /// The answers.
        answers: Vec<Secret>,
    },
    /// The person went away.
    SignInCancel {
        /// Which conversation.
        conversation: u64,
    },
    /// End one sign-in. Answered by [`ToServer::SignInEnded`] once that is on disk.
    SignOut {
        /// Which.
        sign_in: SignInId,
    },
    /// A person acted: the sign-in lives until `until` (seconds since 1970). At most once a minute per sign-in.
    Touch {
        /// Which.
        sign_in: SignInId,
        /// New end.
        until: u64,
    },
    /// Start a session for the owner of this sign-in. Answered by [`ToServer::Opened`].
    OpenSession {
        /// Names the request in the answer.
        request: u64,
        /// Whose.
        sign_in: SignInId,
        /// What to run.
        ide: Ide,
    },
    /// Stop a session of the owner of this sign-in. The end is told by [`ToServer::Session`].
    StopSession {
        /// Who asks.
        sign_in: SignInId,
        /// Which session.
        session: SessionId,
    },
    /// A person used a session. At most once in 30 s per session, but for [`Sign::Stay`].
    Activity {
        /// Which.
        session: SessionId,
        /// Seconds since 1970.
        at: u64,
        /// How.
        by: Sign,
    },
    /// What was seen of sessions that is no person's act: an open page, files on their way, busy kernels. At most
    /// [`SEEN_AT_ONCE`] sessions, and each at most once in ten seconds.
    Seen(Vec<(SessionId, Seen)>),
    /// Write to the audit log. Only what the server alone sees is taken from it: [`Event::Refused`], [`Event::Transfer`],
    /// [`Event::Console`], [`Event::ConsoleLimit`], [`Event::KeyRefused`] and [`Event::Overflow`].
    Audit(Event),
    /// The configuration sent last is in force for every request from now on.
    ConfigurationInForce {
        /// Which generation.
        generation: u64,
    },
    /// The configuration sent last can't be used (certificate and key don't match, say); the old one stays in force.
    ConfigurationRefused {
        /// Which generation.
        generation: u64,
        /// Why, for the log.
        why: String,
    },
    /// What hangs on this server. When it changed, at most once a second.
    Carries(Carried),
    /// What do you count? Answered by [`ToServer::Figures`].
    Figures {
        /// Names the request in the answer.
        request: u64,
    },
    /// An administrator looks. Answered by [`ToServer::Administrator`].
    AdminLook {
        /// Names the request in the answer.
        request: u64,
        /// Who asks.
        sign_in: SignInId,
        /// With the machine's last day.
        history: bool,
        /// At this session in particular: its owner is told.
        at: Option<SessionId>,
    },
    /// An administrator acts. Answered by [`ToServer::Administrator`] once it is on disk.
    AdminAct {
        /// Names the request in the answer.
        request: u64,
        /// Who asks.
        sign_in: SignInId,
        /// What is to be done.
        act: AdminAct,
    },
    /// An administrator searches the audit log. Answered by [`ToServer::Administrator`].
    AdminSearch {
        /// Names the request in the answer.
        request: u64,
        /// Who asks.
        sign_in: SignInId,
        /// For what.
        search: Search,
    },
    /// What [`ToServer::Revoke`] cut is closed, or has had [`REVOKED_WITHIN`] for it.
    Revoked {
        /// Which request.
        request: u64,
        /// WebSockets that were open.
        websockets: u32,
        /// Other transfers that were under way.
        transfers: u32,
        /// How many of both are open still.
        left: u32,
    },
    /// Nothing more is sent here: what comes up waits for the next launcher. The answer to [`ToServer::Leaving`].
    Paused,
    /// Somebody wants to go to a provider. Answered by [`ToServer::Begun`].
    Begin {
        /// Names the request in the answer.
        request: u64,
        /// The client's address.
        remote: IpAddr,
        /// By which method.
        method: MethodName,
        /// What the redirect carries.
        flow: Box<Flow>,
    },
    /// Somebody asks about accounts. Answered by [`ToServer::Answered`], what changes something once it is on disk.
    AccountAsk {
        /// Names the request in the answer.
        request: u64,
        /// Who asks.
        asker: Asker,
        /// For what.
        wish: Box<Wish>,
    },
    /// API keys that were used: when (in milliseconds since 1970) and from where. Each at most once a minute, at most
    /// [`KEYS_USED_AT_ONCE`](crate::keys::KEYS_USED_AT_ONCE).
    KeysUsed(Vec<(KeyId, u64, IpAddr)>),
    /// What do we tell a provider of ourselves (`/saml/metadata`)? Answered by [`ToServer::Described`].
    Describe {
        /// Names the request in the answer.
        request: u64,
        /// The client's address.
        remote: IpAddr,
        /// Which method's provider.
        method: MethodName,
    },
    /// A cookie of ours names a sign-in that was never told here: another machine may have given it out. Answered by
    /// [`ToServer::Recognised`].
    Known {
        /// Names the request in the answer.
        request: u64,
        /// Which.
        sign_in: SignInId,
    },
    /// A text of a key's form names a key that was never told here: another machine may have made it. Answered by
    /// [`ToServer::Recognised`].
    KnownKey {
        /// Names the request in the answer.
        request: u64,
        /// Which.
        key: KeyId,
    },
}

/// What hangs on a server: what would break off with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Connections of browsers that are open, those of WebSockets over HTTP/1 not counted.
    pub connections: u32,
    /// WebSockets.
    pub websockets: u32,
    /// Of the connections, those on which a request is under way: a download, an upload, an answer that is waited for, or
    /// WebSockets over HTTP/2.
    pub busy: u32,
}

impl Carried {
    /// Whether nothing does.
    pub const fn is_nothing(&self) -> bool {
        self.connections == 0 && self.websockets == 0
    }
}

/// Launcher to server.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToServer {
    /// First message. Listening sockets come beside it: the main ones, then those of the redirect.
    Hello(Box<Hello>),
    /// New configuration, keys and TLS material, in answer to `SIGHUP`; already found free of problems by the launcher.
    Configuration(Box<Configuration>),
    /// A sign-in begins, or its end was moved elsewhere. Those of before come by [`ToServer::SignIns`].
    SignIn(Box<SignIn>),
    /// A session began or changed; one message each after `Hello`.
    Session(Box<Session>),
    /// A session that ended was forgotten.
    SessionForgotten(SessionId),
    /// A flag is lifted for a person; those of before come after `Hello`, before sign-ins.
    Exemption(Box<Exemption>),
    /// An exemption is over.
    ExemptionEnded(ExemptionId),
    /// All sign-ins and sessions of before were sent: serve.
    Caught,
    /// PAM asks or tells.
    Prompts {
        /// Which conversation.
        conversation: u64,
        /// In order.
        prompts: Vec<Prompt>,
    },
    /// The conversation ended well; its [`ToServer::SignIn`] came before.
    SignedIn {
        /// Which conversation.
        conversation: u64,
        /// The sign-in.
        sign_in: SignInId,
    },
    /// The conversation ended badly, after the same time whatever the reason.
    Denied {
        /// Which conversation.
        conversation: u64,
        /// Why; the page shows [`Denied::public`] only.
        reason: Denied,
        /// An id that is also in the log.
        id: String,
    },
    /// A sign-in is over; it is on disk.
    SignInEnded {
        /// Which.
        sign_in: SignInId,
        /// Why.
        why: SignInEnd,
    },
    /// Answer to [`ToLauncher::OpenSession`].
    Opened {
        /// The request's number.
        request: u64,
        /// The session, or why there is none (for its owner to read).
        result: Result<SessionId, OpenError>,
    },
    /// Answer to [`ToLauncher::Figures`].
    Figures {
        /// The request's number.
        request: u64,
        /// The figures.
        figures: Box<Figures>,
    },
    /// Answer to what an administrator asked.
    Administrator {
        /// The request's number.
        request: u64,
        /// What they see, or what was done, or why not.
        result: Result<AdminAnswer, AdminRefusal>,
    },
    /// Stop accepting, finish what is under way within so many seconds, exit.
    Drain {
        /// Seconds.
        within: u32,
    },
    /// Another server takes what is new: stop accepting, let everybody finish what they do within so many seconds, exit.
    /// Nobody is hurried: a connection without a request has its next one answered yet.
    Replaced {
        /// Seconds.
        within: u32,
    },
    /// This launcher is about to leave, and another one comes: say [`ToLauncher::Paused`], and knock at the next one's door.
    Leaving,
    /// An administrator ended these sign-ins: end them, cut what hangs on them, and answer with [`ToLauncher::Revoked`] when that is
    /// closed. At most [`SIGN_INS_AT_ONCE`].
    Revoke {
        /// Names the answer.
        request: u64,
        /// Which.
        sign_ins: Vec<SignInId>,
        /// API keys that end or may not be used, likewise; at most [`KEYS_AT_ONCE`](crate::keys::KEYS_AT_ONCE).
        keys: Vec<KeyId>,
    },
    /// Nobody is let in, or people are again: what is open ends, and only what [`Offline`] says is answered. Comes before
    /// [`ToServer::Caught`] where nobody is.
    Offline(Option<Box<Offline>>),
    /// So many records of this server, counted since the channel was opened, are on disk: they need not be told again.
    Written {
        /// How many.
        records: u64,
    },
    /// Live sign-ins of before, after `Hello` and to a server that came back: as many a message as [`batches`](crate::batches::batches) puts into one. They
    /// count together, and all there are, once [`ToServer::Caught`] comes.
    SignIns(Vec<SignIn>),
    /// Answer to [`ToLauncher::Begin`]: where the browser is to go, or why nowhere, with the id in the log.
    Begun {
        /// Which request.
        request: u64,
        /// Where, or why not.
        result: Result<Box<Begin>, (Denied, String)>,
    },
    /// Answer to [`ToLauncher::AccountAsk`].
    Answered {
        /// The request's number.
        request: u64,
        /// What, or why not.
        result: Result<Box<AccountAnswer>, AccountRefusal>,
    },
    /// API keys that may be used: those of before come before [`ToServer::Caught`], as many a message as
    /// [`batches`](crate::keys::batches) puts into one. One that is known is as it says from then on.
    Keys(Vec<KeyRow>),
    /// Answer to [`ToLauncher::Describe`]: the document, or why there is none, with the id in the log.
    Described {
        /// Which request.
        request: u64,
        /// The document, or why not.
        result: Result<String, (Denied, String)>,
    },
    /// Answer to [`ToLauncher::Known`] and [`ToLauncher::KnownKey`]; where it lives, its [`ToServer::SignIn`] or [`ToServer::Keys`]
    /// came before.
    Recognised {
        /// The request's number.
        request: u64,
        /// Whether it lives.
        lives: bool,
    },
    /// This machine has not heard of the others for longer than the configuration allows, or has again: nobody is answered, for what
    /// was ended elsewhere is not known here. What is open ends.
    Apart(bool),
}
