//! What the service manager is told (`sd_notify(3)`): ready, reloading, alive, sockets to keep.
//!
//! It is told without waiting: a service manager that reads nothing must not stop the loop in which revocations are done. What it
//! does not take is said again, in order, at later turns.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use portcullis_sys::activation::notify_with;

use crate::say;

/// What waits at most: more than the socket's own queue; of more the oldest is given up, for the last ones say what is so.
const WAITING_MAX: usize = 64;
/// When it is tried again.
const AGAIN: Duration = Duration::from_millis(100);

/// The service manager, if one started us.
#[derive(Debug)]
pub(crate) struct ServiceManager {
    socket: Option<OsString>,
    waiting: VecDeque<String>,
    /// The log has it that nobody reads.
    said: bool,
}

/// A sign of life.
const ALIVE: &str = "WATCHDOG=1\n";

/// The socket that the environment names.
fn socket() -> Option<OsString> {
    std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty())
}

impl ServiceManager {
    /// The one that `NOTIFY_SOCKET` names.
    pub(crate) fn of_environment() -> Self {
        Self { socket: socket(), waiting: VecDeque::new(), said: false }
    }

    /// Tells it lines of `NAME=value`, now or as soon as it reads.
    pub(crate) fn tell(&mut self, text: impl Into<String>) {
        if self.socket.is_none() {
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(text.into());
        self.again();
    }

    /// Tells it that the loop goes round; one such sign waits at most.
    pub(crate) fn alive(&mut self) {
        if !self.waiting.iter().any(|text| text == ALIVE) {
            self.tell(ALIVE);
        }
    }

    /// Tries what waits.
    pub(crate) fn again(&mut self) {
        let Some(socket) = &self.socket else { return };
        while let Some(text) = self.waiting.front() {
            match notify_with(socket, text, &[]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !std::mem::replace(&mut self.said, true) {
                        say!(Info, "the service manager does not read what it is told; it is told again");
                    }
                    return;
                }
                Err(error) => say!(Warn, "cannot tell the service manager: {error}"),
                Ok(()) => {}
            }
            self.waiting.pop_front();
        }
        self.said = false;
    }

    /// In how long there is something to try again.
    pub(crate) fn patience(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then_some(AGAIN)
    }
}

/// Has the service manager keep a descriptor for the next start, or forget those of that name.
pub(crate) fn store(name: &str, fd: Option<BorrowedFd<'_>>) {
    let Some(socket) = socket() else { return };
    let verb = if fd.is_some() { "FDSTORE" } else { "FDSTOREREMOVE" };
    let told = notify_with(&socket, &format!("{verb}=1\nFDNAME={name}\n"), fd.as_slice());
    if let Err(error) = told {
        say!(Info, "the service manager can't be asked to keep a socket: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn a_service_manager_that_does_not_read_is_told_later_and_in_order() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("notify");
        let receiver = UnixDatagram::bind(&path).expect("a socket");
        let mut manager = ServiceManager { socket: Some(path.into()), waiting: VecDeque::new(), said: false };
        let mut told = 0;
        while manager.patience().is_none() {
            manager.tell(format!("N={told}\n"));
            told += 1;
        }
        assert!(told > 1, "the queue of the socket takes some");
        manager.tell("READY=1\n");
        manager.alive();
        manager.alive();
        assert_eq!(manager.waiting.len(), 3, "one sign of life waits");
        let read = || {
            let mut buffer = [0; 32];
            let length = receiver.recv(&mut buffer).expect("received");
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        for number in 0..told {
            assert_eq!(read(), format!("N={number}\n"));
            manager.again();
        }
        assert_eq!(read(), "READY=1\n");
        assert_eq!(read(), ALIVE);
        assert_eq!(manager.patience(), None);
        for _ in 0..2 * WAITING_MAX {
            manager.tell("N=1\n");
        }
        assert!(manager.waiting.len() <= WAITING_MAX);
    }
}
