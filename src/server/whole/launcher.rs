//! The launcher's side of the wire, in the test's hands.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, channel as mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portcullis_model::load::Load;
use portcullis_model::session::{Ide, Session, State, Transport};
use portcullis_model::sign_in::{Principal, SignIn};
use portcullis_model::{Gid, Secret, SessionId, SignInId, Uid};
use portcullis_wire::launcher::Configuration;
use portcullis_wire::{Channel, Hello, Knock, Let, ToLauncher, ToServer};

use crate::generation::tests::configuration;
use crate::run::{RunError, run};
use crate::state::now;
use crate::whole::browser::Browser;

/// Longer than anything here takes on a loaded machine; only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running server and its launcher.
pub(crate) struct Launcher {
    pub(crate) address: SocketAddr,
    pub(crate) run_dir: tempfile::TempDir,
    wire: Option<Channel>,
    said: Receiver<ToLauncher>,
    server: Option<JoinHandle<Result<(), RunError>>>,
}

impl Launcher {
    /// Starts a server with these files as its configuration.
    pub(crate) fn start(files: &[(&str, &str)]) -> Self {
        Self::start_with(configuration(1, files), &[])
    }

    /// Starts a server with this configuration; beside its own listener it gets these for redirecting.
    pub(crate) fn start_with(configuration: Configuration, redirects: &[TcpListener]) -> Self {
        let (ours, theirs) = Channel::pair().expect("a pair");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let run_dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(run_dir.path().join("control")).expect("a directory");
        let hello =
            Hello { configuration, run_dir: run_dir.path().to_str().expect("text").to_owned(), listeners: 1 };
        let fds: Vec<_> = std::iter::once(&listener).chain(redirects).map(AsFd::as_fd).collect();
        ours.send(&ToServer::Hello(Box::new(hello)), &fds).expect("sent");
        let server = std::thread::spawn(move || run(theirs));
        let said = listen(&ours);
        Self { address, run_dir, wire: Some(ours), said, server: Some(server) }
    }

    /// Starts one that serves, with these people signed in and these sessions.
    pub(crate) fn serving(files: &[(&str, &str)], people: &[&SignIn], sessions: &[&Session]) -> Self {
        let launcher = Self::start(files);
        for person in people {
            launcher.send(ToServer::SignIn(Box::new((*person).clone())));
        }
        for session in sessions {
            launcher.send(ToServer::Session(Box::new((*session).clone())));
        }
        launcher.caught();
        launcher
    }

    pub(crate) fn caught(&self) {
        self.send(ToServer::Caught);
        self.expect("ready", |message| matches!(message, ToLauncher::Ready).then_some(()));
    }

    pub(crate) fn send(&self, message: ToServer) {
        self.wire.as_ref().expect("open").send(&message, &[]).expect("sent");
    }

    /// The next message that fits; others before it are passed over.
    pub(crate) fn expect<T>(&self, what: &str, mut fits: impl FnMut(ToLauncher) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let message =
                self.said.recv_timeout(left).unwrap_or_else(|_| panic!("the server never said: {what}"));
            if let Some(found) = fits(message) {
                return found;
            }
        }
    }

    /// A browser without cookies.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// A browser of somebody whose sign-in was told before.
    pub(crate) fn browser_of(&self, person: &SignIn) -> Browser {
        use portcullis_model::cookie::{Claims, NAME_PLAIN};
        let ring = crate::generation::Generation::for_tests(&[]).ring;
        let claims = Claims { sign_in: person.id, issued: now(), expires: now() + 3600 };
        let mut browser = self.browser();
        browser.cookies.push(format!("{NAME_PLAIN}={}", ring.sign(&claims)));
        browser
    }

    /// Goes away, as if it were killed.
    pub(crate) fn dies(&mut self) {
        let wire = self.wire.take().expect("open");
        // The reader's copy keeps the socket open: both directions are shut instead.
        nix::sys::socket::shutdown(std::os::fd::AsRawFd::as_raw_fd(&wire), nix::sys::socket::Shutdown::Both)
            .expect("shut");
    }

    /// Where the server knocks after that.
    pub(crate) fn door(&self) -> OwnedFd {
        let path = portcullis_wire::knock::socket_path(self.run_dir.path());
        portcullis_sys::socket::listen_seqpacket(&path, 0o600, None).expect("a door")
    }

    /// The next launcher, at this door; the server's first words, and its sockets.
    pub(crate) fn comes_back(door: &OwnedFd) -> (Channel, Knock, Vec<OwnedFd>) {
        let until = Instant::now() + PATIENCE;
        let fd = loop {
            match portcullis_sys::socket::accept(door.as_fd()).expect("a connection") {
                Some(fd) => break fd,
                None => assert!(Instant::now() < until, "nobody knocks"),
            }
            std::thread::yield_now();
        };
        let channel = Channel::from_fd(fd);
        channel.set_nonblocking(false).expect("set");
        let (knock, listeners) = Knock::receive(&channel).expect("a knock");
        (channel, knock, listeners)
    }

    /// Takes the place of the one that died.
    pub(crate) fn takes_over(&mut self, channel: Channel) {
        Let::In.send(&channel).expect("sent");
        self.said = listen(&channel);
        self.wire = Some(channel);
    }

    /// Waits for the server's end.
    pub(crate) fn ended(&mut self) -> Result<(), RunError> {
        self.server.take().expect("running").join().expect("no panic")
    }
}

/// Hears what a server says.
fn listen(channel: &Channel) -> Receiver<ToLauncher> {
    let reader = Channel::from_fd(channel.as_fd().try_clone_to_owned().expect("a copy"));
    let (say, said) = mpsc();
    std::thread::spawn(move || {
        while let Ok((message, _)) = reader.receive::<ToLauncher>() {
            if say.send(message).is_err() {
                break;
            }
        }
    });
    said
}

/// Somebody who signed in just now and whose processes are the test's own.
pub(crate) fn person(user: &str, number: u8) -> SignIn {
    let principal = Principal {
        user: user.parse().expect("a name"),
        uid: Uid(nix::unistd::getuid().as_raw()),
        gid: Gid(1000),
        groups: vec![],
        home: format!("/home/{user}"),
        shell: "/bin/sh".into(),
    };
    let id = SignInId::from_bytes([number; 16]);
    SignIn::of(id, principal, IpAddr::from([127, 0, 0, 1]), (now(), now() + 3600))
}

/// A session of theirs, reached by the door.
pub(crate) fn session_of(user: &str, number: u8, state: State) -> Session {
    Session {
        id: SessionId::from_bytes([number; 8]),
        user: user.parse().expect("a name"),
        ide: Ide::Jupyter,
        state,
        transport: Transport::Unix,
        token: Secret::from("T0KEN".to_owned()),
        started: now(),
        last_activity: now() - 3600,
        load: Load::default(),
        warning: None,
        unheld: Vec::new(),
    }
}
