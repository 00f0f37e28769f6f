//! The real names of listed folders, for all who are waiting: a folder on a file system that doesn't answer stops nobody.
//!
//! Each is looked at by a thread of its own, of which there is one at most for a folder, and waited for a moment only. A name that
//! is not known counts as it is written: what lies behind a link of root's is refused then, and nothing more is allowed, since
//! sessions say the real names of what they are asked for. Called by `generation` whenever what a person may do is worked out.

use std::collections::BTreeMap;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portcullis_sys::directories;

/// Waiting stops everybody, so a disk that has to begin to turn is waited for by the next question.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long an answer is taken for the next question too: a reload asks for everybody who is signed in.
const FRESH: Duration = Duration::from_secs(1);

/// Looks at a folder.
type Look = fn(&str) -> String;

/// What is known of listed folders.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    folders: Arc<Mutex<BTreeMap<String, Folder>>>,
    look: Look,
}

#[derive(Debug, Default)]
struct Folder {
    /// Whether a thread is at it.
    under_way: bool,
    /// The last answer, and when it came.
    real: Option<(String, Instant)>,
}

impl Default for Listed {
    fn default() -> Self {
        Self { folders: Arc::default(), look: directories::real }
    }
}

impl Listed {
    /// The real name; as it was, or as it is written, where the folder doesn't answer.
    pub(crate) fn real(&self, directory: &str) -> String {
        let mut folders = self.folders();
        let folder = folders.entry(directory.to_owned()).or_default();
        let known = folder.real.clone();
        let as_known = || known.as_ref().map_or_else(|| directory.to_owned(), |(real, _)| real.clone());
        if folder.under_way || known.as_ref().is_some_and(|(_, at)| at.elapsed() < FRESH) {
            return as_known();
        }
        folder.under_way = true;
        drop(folders);
        let (told, answer) = sync_channel(1);
        let (all, name) = (self.clone(), directory.to_owned());
        let thread = std::thread::Builder::new().name("listed".to_owned()).spawn(move || {
            let real = (all.look)(&name);
            all.set(&name, Some(real.clone()));
            // Whoever asked may have gone on.
            let _ = told.send(real);
        });
        if let Err(error) = thread {
            tracing::warn!(directory, %error, "no thread to look at a listed folder; its name counts as it is written");
            self.set(directory, None);
            return as_known();
        }
        answer.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            tracing::warn!(
                directory,
                "a listed folder does not answer; until it does, its name counts as it is known"
            );
            as_known()
        })
    }

    fn set(&self, directory: &str, real: Option<String>) {
        if let Some(folder) = self.folders().get_mut(directory) {
            folder.under_way = false;
            folder.real = real.map(|real| (real, Instant::now())).or_else(|| folder.real.take());
        }
    }

    fn folders(&self) -> MutexGuard<'_, BTreeMap<String, Folder>> {
        // Nothing is half done in it whenever it is left.
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Held by the test for as long as `/hung` doesn't answer.
    static HUNG: Mutex<()> = Mutex::new(());

    fn look(directory: &str) -> String {
        let _wait = if directory == "/hung" { Some(HUNG.lock()) } else { None };
        format!("/real{directory}")
    }

    #[test]
    fn a_folder_that_does_not_answer_is_waited_for_once_and_counts_as_written() {
        let listed = Listed { look, ..Listed::default() };
        let hangs = HUNG.lock();
        assert_eq!(listed.real("/data"), "/real/data");
        let began = Instant::now();
        assert_eq!(listed.real("/hung"), "/hung");
        let waited = began.elapsed();
        assert!(waited >= PATIENCE, "{waited:?}");
        let began = Instant::now();
        (0..1000).for_each(|_| assert_eq!(listed.real("/hung"), "/hung"));
        assert!(began.elapsed() < PATIENCE * 100, "it is waited for again");
        assert_eq!(listed.real("/data"), "/real/data", "others are looked at meanwhile");
        drop(hangs);
        let end = Instant::now() + Duration::from_secs(20);
        while listed.real("/hung") != "/real/hung" {
            assert!(Instant::now() < end, "it is never known");
            std::thread::yield_now();
        }
    }
}
