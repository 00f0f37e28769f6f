//! What the double remembers: its client, events, documents, and how it ends.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

/// Forced suspension, as the real one ends.
const SUSPENDED: i32 = 101;
/// To be started anew.
const ANEW: i32 = 100;

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    /// Whose.
    pub(crate) user: String,
    /// Where `~` is.
    pub(crate) home: PathBuf,
    /// Its configuration file.
    pub(crate) config: String,
    poll: Duration,
    /// What changes.
    pub(crate) state: Mutex<State>,
    news: Condvar,
}

/// What changes.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The client that counts.
    pub(crate) client: String,
    clients: u32,
    events: Vec<Value>,
    /// Documents by their ids.
    pub(crate) documents: HashMap<String, Value>,
    /// The terminal's port, once there is one.
    pub(crate) terminal: Option<u16>,
    /// It was suspended before.
    pub(crate) resumed: bool,
}

impl Session {
    pub(crate) fn new(user: String, config: String, poll: u64) -> Self {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
        let resumed = std::fs::remove_file(suspended(&home)).is_ok();
        let state = Mutex::new(State { resumed, ..State::default() });
        Self { user, home, config, poll: Duration::from_millis(poll), state, news: Condvar::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line in the list of what was asked.
    pub(crate) fn seen(&self, line: &str) {
        let path = self.home.join("rsession.seen");
        if let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path) {
            let _ = writeln!(file, "{line}");
        }
    }

    /// A path as a person gives it: a forbidden one is the caller's to notice, as in the real program.
    pub(crate) fn path(&self, text: &str) -> PathBuf {
        match text.strip_prefix('~') {
            Some("") => self.home.clone(),
            Some(rest) if rest.starts_with('/') => self.home.join(rest.trim_start_matches('/')),
            _ => self.home.join(text),
        }
    }

    /// Whether the real program's own check of directories lets a path through: by its text, the parent of the home too.
    pub(crate) fn own_check(&self, path: &Path) -> bool {
        !self.config.contains("restrict-directory-view=1")
            || path.starts_with(self.home.parent().unwrap_or(&self.home))
    }

    /// Whether a call is from the newest client.
    pub(crate) fn is_client(&self, id: &str) -> bool {
        self.lock().client == id
    }

    /// A new client; others are out.
    pub(crate) fn new_client(&self) -> (String, bool) {
        let mut state = self.lock();
        let rejoined = state.clients > 0 || state.resumed;
        state.clients += 1;
        state.client = format!("client-{}-{}", std::process::id(), state.clients);
        self.news.notify_all();
        (state.client.clone(), rejoined)
    }

    /// Tells the page something.
    pub(crate) fn tell(&self, kind: &str, data: Value) {
        let mut state = self.lock();
        let id = state.events.len();
        state.events.push(json!({"id": id, "type": kind, "data": data}));
        self.news.notify_all();
    }

    /// Events after this one; waits for the first. `None` when another client came.
    pub(crate) fn events(&self, client: &str, after: i64) -> Option<Vec<Value>> {
        let fresh = |state: &State| -> Vec<Value> {
            let from = usize::try_from(after + 1).unwrap_or_default();
            state.events.get(from..).unwrap_or_default().to_vec()
        };
        let waits = |state: &mut State| state.client == client && fresh(state).is_empty();
        let (state, _) = self
            .news
            .wait_timeout_while(self.lock(), self.poll, waits)
            .unwrap_or_else(PoisonError::into_inner);
        (state.client == client).then(|| fresh(&state))
    }

    /// Ends it, after its state is on disk.
    pub(crate) fn suspend(&self, force: bool) -> ! {
        let _ = std::fs::create_dir_all(suspended(&self.home).parent().unwrap_or(&self.home));
        let _ = std::fs::write(suspended(&self.home), "state");
        println!("rsession-double: suspended");
        exit(if force { SUSPENDED } else { 0 })
    }

    /// Ends it for another project, or for good.
    pub(crate) fn quit(&self, project: &str) -> ! {
        exit(if project.is_empty() { 0 } else { ANEW })
    }
}

fn suspended(home: &Path) -> PathBuf {
    home.join(".local/share/rstudio/suspended-session-data")
}

/// USR1 suspends, USR2 and TERM at once.
pub(crate) fn heed_signals(session: &Arc<Session>, stubborn: bool) {
    use tokio::signal::unix::{SignalKind, signal};
    let session = Arc::clone(session);
    let (ready, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async move {
            let Ok(mut one) = signal(SignalKind::user_defined1()) else { return };
            let Ok(mut two) = signal(SignalKind::user_defined2()) else { return };
            let Ok(mut term) = signal(SignalKind::terminate()) else { return };
            let _ = ready.send(());
            loop {
                let force = tokio::select! {
                    _ = one.recv() => false,
                    _ = two.recv() => true,
                    _ = term.recv() => true,
                };
                if !stubborn {
                    session.suspend(force);
                }
            }
        });
    });
    let _ = wait.recv();
}
