//! The load: each kind of thing that people do on a thread of its own, over and over, through everything that happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use portcullis_testing::steps::{Download, Echoes, Requests, RequestsTwo, Step, Upload};
use portcullis_testing::{Client, tls};

use crate::board::{Board, Class};
use crate::cells::Cells;

/// Between two steps: a person's hands, and transfers that last through an event.
const PAUSE: Duration = Duration::from_millis(15);
/// Bytes of a download: some seconds at that pace.
const DOWN: u64 = 6 << 20;
/// Bytes of an upload.
const UP: u64 = 4 << 20;

/// One thing that goes on.
#[derive(Debug)]
pub(crate) struct Worker {
    /// What it is.
    pub(crate) class: Class,
    /// Whose, and over what.
    pub(crate) who: String,
    /// Whether it ends by itself, and what is read may have been sent long before.
    pub(crate) transfer: bool,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    hurry: AtomicBool,
    renew: AtomicBool,
    /// Steps that were taken.
    steps: AtomicU64,
    /// Messages, answers or bytes.
    got: AtomicU64,
    /// How often something was opened.
    opened: AtomicU64,
    /// By which generation of servers the last was.
    generation: AtomicU64,
}

impl Worker {
    fn start(board: &Arc<Board>, class: Class, who: String, mut steps: impl Step + 'static) -> Self {
        let (shared, board) = (Arc::new(Shared::default()), Arc::clone(board));
        let (theirs, name) = (Arc::clone(&shared), who.clone());
        let thread = std::thread::spawn(move || {
            while !theirs.stop.load(Ordering::Relaxed) {
                if theirs.renew.swap(false, Ordering::SeqCst) {
                    steps.close();
                }
                if !steps.is_open() {
                    // ORDER: before it is opened: during an event that is the older one, which errs on the safe side.
                    theirs.generation.store(board.generation(), Ordering::SeqCst);
                    theirs.opened.fetch_add(1, Ordering::SeqCst);
                }
                match steps.step() {
                    Ok(got) => {
                        theirs.got.fetch_add(got, Ordering::Relaxed);
                        theirs.steps.fetch_add(1, Ordering::SeqCst);
                    }
                    Err(broke) => {
                        steps.close();
                        board.broke(class, &name, &broke);
                        board.await_over();
                        std::thread::sleep(PAUSE);
                    }
                }
                if !theirs.hurry.load(Ordering::Relaxed) {
                    std::thread::sleep(PAUSE);
                }
            }
            steps.close();
        });
        Self { class, who, transfer: class == Class::Transfer, shared, thread }
    }

    /// Everything that somebody does in a session.
    pub(crate) fn all(
        board: &Arc<Board>,
        name: &str,
        client: &Client,
        two: &Arc<tls::Config>,
        session: &str,
    ) -> Vec<Self> {
        let me = format!("/s/{session}/api/me");
        let socket = format!("/s/{session}/api/events/subscribe");
        let (request, web) = (Class::Request, Class::WebSocket);
        let who = |what: &str| format!("{name}'s {what}");
        vec![
            Self::start(board, request, who("requests"), Requests::new(client, &me)),
            Self::start(board, request, who("home page"), Requests::new(client, "/")),
            Self::start(board, request, who("requests over HTTP/2"), RequestsTwo::new(client, two, &me)),
            Self::start(board, web, who("WebSocket"), Echoes::new(client, None, &socket)),
            Self::start(board, web, who("WebSocket over HTTP/2"), Echoes::new(client, Some(two), &socket)),
            Self::start(board, Class::Transfer, who("download"), Download::new(client, session, DOWN)),
            Self::start(board, Class::Transfer, who("upload"), Upload::new(client, session, UP)),
        ]
    }

    /// A notebook's cells, in somebody's session of a real JupyterLab.
    ///
    /// # Errors
    /// When there is no kernel.
    pub(crate) fn cells(board: &Arc<Board>, name: &str, client: &Client, session: &str) -> Result<Self> {
        let cells = Cells::new(client, session)?;
        Ok(Self::start(board, Class::WebSocket, format!("{name}'s cells"), cells))
    }

    /// How many steps it took.
    pub(crate) fn steps(&self) -> u64 {
        self.shared.steps.load(Ordering::SeqCst)
    }

    /// Messages, answers or bytes that it got.
    pub(crate) fn got(&self) -> u64 {
        self.shared.got.load(Ordering::Relaxed)
    }

    /// How often it opened something.
    pub(crate) fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::SeqCst)
    }

    /// How many servers came since it opened what it goes on with.
    pub(crate) fn age(&self, board: &Board) -> u64 {
        board.generation().saturating_sub(self.shared.generation.load(Ordering::SeqCst))
    }

    /// Has it close what is open and open another one.
    pub(crate) fn renew(&self) {
        self.shared.renew.store(true, Ordering::SeqCst);
    }

    /// Without pauses, or with them.
    pub(crate) fn hurry(&self, on: bool) {
        self.shared.hurry.store(on, Ordering::Relaxed);
    }

    /// Ends it.
    pub(crate) fn stop(self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join(); // what it met is on the board
    }
}
