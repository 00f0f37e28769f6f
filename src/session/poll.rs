//! The one `epoll` of the process, and what its events are about.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

/// Events taken at a time; more wait in the kernel for the next round.
const EVENTS: usize = 64;

/// What a descriptor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// The session's TCP port.
    Port,
    /// The control socket.
    Control,
    /// Signals.
    Signals,
    /// The IDE's output.
    Output,
    /// The launcher's channel.
    Launcher,
    /// The question whether the IDE answers.
    Probe,
    /// What the rules on connections refused.
    Denials,
    /// A channel of the server.
    Client(u32),
    /// A relayed connection, the proxy's end.
    Proxy(u32),
    /// A relayed connection, the IDE's end.
    Ide(u32),
}

impl Token {
    fn encode(self) -> u64 {
        let (kind, index) = match self {
            Self::Port => (0, 0),
            Self::Control => (1, 0),
            Self::Signals => (2, 0),
            Self::Output => (3, 0),
            Self::Launcher => (4, 0),
            Self::Probe => (5, 0),
            Self::Client(index) => (6, index),
            Self::Proxy(index) => (7, index),
            Self::Ide(index) => (8, index),
            Self::Denials => (9, 0),
        };
        kind << 32 | u64::from(index)
    }

    fn decode(data: u64) -> Option<Self> {
        let index = u32::try_from(data & u64::from(u32::MAX)).ok()?;
        Some(match data >> 32 {
            0 => Self::Port,
            1 => Self::Control,
            2 => Self::Signals,
            3 => Self::Output,
            4 => Self::Launcher,
            5 => Self::Probe,
            6 => Self::Client(index),
            7 => Self::Proxy(index),
            8 => Self::Ide(index),
            9 => Self::Denials,
            _ => return None,
        })
    }
}

/// The poll.
#[derive(Debug)]
pub(crate) struct Poll(Epoll);

impl Poll {
    pub(crate) fn new() -> Result<Self, Errno> {
        Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map(Self)
    }

    /// Waits until something is ready or `due` has come.
    pub(crate) fn wait(&self, due: Option<Instant>) -> Result<Vec<(Token, EpollFlags)>, Errno> {
        let timeout = due.map_or(EpollTimeout::NONE, |due| {
            // Rounded up, or the loop would turn idly in the last millisecond.
            let left = due.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
            EpollTimeout::try_from(left).unwrap_or(EpollTimeout::MAX)
        });
        let mut events = [EpollEvent::empty(); EVENTS];
        let ready = match self.0.wait(&mut events, timeout) {
            Err(Errno::EINTR) => 0,
            other => other?,
        };
        let decode = |event: &EpollEvent| Some((Token::decode(event.data())?, event.events()));
        Ok(events[..ready].iter().filter_map(decode).collect())
    }
}

/// What is waited for on one descriptor. The kernel is told of changes only.
#[derive(Debug, Default)]
pub(crate) struct Watch(Option<EpollFlags>);

impl Watch {
    /// Waits for `wanted`; for nothing at all when that is `None` (an end that hung up would report itself for ever).
    pub(crate) fn set(
        &mut self,
        poll: &Poll,
        fd: impl AsFd,
        token: Token,
        wanted: Option<EpollFlags>,
    ) -> Result<(), Errno> {
        if self.0 == wanted {
            return Ok(());
        }
        match (self.0, wanted) {
            (None, Some(flags)) => poll.0.add(fd, EpollEvent::new(flags, token.encode()))?,
            (Some(_), Some(flags)) => poll.0.modify(fd, &mut EpollEvent::new(flags, token.encode()))?,
            (_, None) => poll.0.delete(fd)?,
        }
        self.0 = wanted;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_as_they_went() {
        for token in [Token::Port, Token::Probe, Token::Client(0), Token::Proxy(7), Token::Ide(u32::MAX)] {
            assert_eq!(Token::decode(token.encode()), Some(token));
        }
        assert_eq!(Token::decode(u64::MAX), None);
    }
}
