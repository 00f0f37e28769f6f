//! The control socket: the launcher's orders and the server's questions, told apart by who the kernel says they are.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::EpollFlags;
use portcullis_sys::peer::unix_peer;
use portcullis_sys::resolve::{PATHS_MAX, resolve};
use portcullis_sys::socket::{accept, connect_stream};
use portcullis_wire::{Answer, Ask, Channel, Order, WireError};

use crate::journal;
use crate::poll::{Poll, Token, Watch};
use crate::reports::{Reports, UNKNOWN};

/// The server's channels at a time: it has a thread per core, at most 64 of them, and each needs one.
const CLIENTS_MAX: usize = 64;
/// Connections accepted, or messages taken from one channel, before others get their turn.
const AT_ONCE: usize = 16;
/// Between two attempts when the IDE's queue is full.
const RETRY: Duration = Duration::from_millis(20);
/// How long a question for a connection waits for room in the IDE's queue.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// The socket and those who came through it.
#[derive(Debug)]
pub(crate) struct Door {
    listener: OwnedFd,
    watch: Watch,
    /// No connection could be taken; tried again after a pause, and said once until one was taken.
    paused: bool,
    complained: bool,
    proxy_uid: u32,
    launcher: Option<Launcher>,
    clients: Vec<Option<Client>>,
}

#[derive(Debug)]
struct Launcher {
    channel: Channel,
    watch: Watch,
}

#[derive(Debug)]
struct Client {
    channel: Channel,
    watch: Watch,
    /// A connection was asked for and the IDE's queue is full: until when it is tried. No other question is taken meanwhile.
    waiting: Option<Instant>,
}

/// What the server's questions are answered from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ide<'a> {
    /// Its socket.
    pub(crate) socket: &'a Path,
    /// It answered, and the session does not end.
    pub(crate) serves: bool,
}

impl Door {
    pub(crate) fn new(
        poll: &Poll,
        listener: OwnedFd,
        launcher: Option<Channel>,
        proxy_uid: u32,
    ) -> Result<Self, Errno> {
        let mut watch = Watch::default();
        watch.set(poll, &listener, Token::Control, Some(EpollFlags::EPOLLIN))?;
        let mut door = Self {
            listener,
            watch,
            paused: false,
            complained: false,
            proxy_uid,
            launcher: None,
            clients: Vec::new(),
        };
        if let Some(channel) = launcher {
            door.connected(poll, channel)?;
        }
        Ok(door)
    }

    /// Somebody connects.
    pub(crate) fn accept(&mut self, poll: &Poll, reports: &mut Reports, now: Instant) {
        for _ in 0..AT_ONCE {
            let fd = match accept(self.listener.as_fd()) {
                Ok(Some(fd)) => fd,
                Ok(None) => return,
                Err(errno) => {
                    if !std::mem::replace(&mut self.complained, true) {
                        journal::warn(format_args!("the control socket takes no connection error={errno}"));
                    }
                    // Without a pause this would turn at full speed.
                    self.paused = true;
                    let _ = self.watch.set(poll, &self.listener, Token::Control, None);
                    return;
                }
            };
            self.complained = false;
            let done = match unix_peer(fd.as_fd()) {
                Ok(peer) if peer.uid == 0 => self.connected(poll, Channel::from_fd(fd)),
                Ok(peer) if peer.uid == self.proxy_uid => self.client(poll, Channel::from_fd(fd)),
                Ok(peer) => {
                    reports.refused(i64::from(peer.uid), now);
                    Ok(())
                }
                Err(_) => {
                    reports.refused(UNKNOWN, now);
                    Ok(())
                }
            };
            if let Err(errno) = done {
                journal::warn(format_args!("a channel can't be watched error={errno}"));
            }
        }
    }

    /// A launcher is here; it replaces the one before, which is gone or about to go.
    fn connected(&mut self, poll: &Poll, channel: Channel) -> Result<(), Errno> {
        self.lose_launcher(poll);
        let mut watch = Watch::default();
        watch.set(poll, &channel, Token::Launcher, Some(EpollFlags::EPOLLIN))?;
        self.launcher = Some(Launcher { channel, watch });
        Ok(())
    }

    fn client(&mut self, poll: &Poll, channel: Channel) -> Result<(), Errno> {
        let index = match self.clients.iter().position(Option::is_none) {
            Some(index) => index,
            None if self.clients.len() < CLIENTS_MAX => {
                self.clients.push(None);
                self.clients.len() - 1
            }
            None => return Err(Errno::EUSERS),
        };
        let mut client = Client { channel, watch: Watch::default(), waiting: None };
        client.watch(poll, index)?;
        self.clients[index] = Some(client);
        Ok(())
    }

    /// The launcher said something or is gone. Its orders, in their order.
    pub(crate) fn orders(&mut self, poll: &Poll) -> Vec<Order> {
        let mut orders = Vec::new();
        for _ in 0..AT_ONCE {
            let Some(launcher) = &self.launcher else { break };
            match launcher.channel.receive::<Order>() {
                Ok((order, fds)) if fds.is_empty() => orders.push(order),
                Err(WireError::WouldBlock) => break,
                Err(WireError::Closed) => self.lose_launcher(poll),
                Ok(_) => {
                    journal::error(format_args!("the launcher sent descriptors with an order"));
                    self.lose_launcher(poll);
                }
                Err(error) => {
                    journal::error(format_args!("the launcher's order can't be read error={error}"));
                    self.lose_launcher(poll);
                }
            }
        }
        orders
    }

    fn lose_launcher(&mut self, poll: &Poll) {
        if let Some(mut old) = self.launcher.take() {
            // The keeper may hold a copy of this socket, so that closing ours alone would not take it out of the poll.
            let _ = old.watch.set(poll, &old.channel, Token::Launcher, None);
        }
    }

    /// Sends what the launcher is to know, as far as it takes it now.
    pub(crate) fn report(&mut self, poll: &Poll, reports: &mut Reports) {
        let Some(launcher) = &mut self.launcher else { return };
        let wanted = match reports.flush(&launcher.channel) {
            Ok(()) => EpollFlags::EPOLLIN,
            Err(WireError::WouldBlock) => EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT,
            Err(_) => return self.lose_launcher(poll),
        };
        if launcher.watch.set(poll, &launcher.channel, Token::Launcher, Some(wanted)).is_err() {
            self.lose_launcher(poll);
        }
    }

    /// The launcher's channel, for the last words.
    pub(crate) fn launcher(&self) -> Option<&Channel> {
        self.launcher.as_ref().map(|launcher| &launcher.channel)
    }

    /// A channel of the server has questions or is gone.
    pub(crate) fn asked(&mut self, poll: &Poll, index: u32, ide: Ide<'_>, now: Instant) {
        let index = index as usize;
        let Some(Some(client)) = self.clients.get_mut(index) else { return };
        for _ in 0..AT_ONCE {
            if client.waiting.is_some() {
                break;
            }
            let answered = match client.channel.receive::<Ask>() {
                Err(WireError::WouldBlock) => break,
                Err(WireError::Closed) => Err(None),
                Err(error) => Err(Some(error)),
                Ok((_, fds)) if !fds.is_empty() => Err(Some(WireError::Malformed)),
                Ok((Ask::Connect, _)) => client.connect(ide, now + CONNECT_WITHIN, now),
                Ok((Ask::Resolve { paths }, _)) => client.answer(&resolved(&paths), None),
            };
            if let Err(why) = answered {
                return self.lose(index, why);
            }
        }
        if client.watch(poll, index).is_err() {
            self.lose(index, None);
        }
    }

    fn lose(&mut self, index: usize, why: Option<WireError>) {
        if let Some(error) = why {
            journal::error(format_args!("a channel of the server ends error={error}"));
        }
        self.clients[index] = None;
    }

    /// When [`Door::tick`] has something to do.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        let waits = self.clients.iter().flatten().any(|client| client.waiting.is_some());
        (waits || self.paused).then_some(now + RETRY)
    }

    /// Tries again for those who wait for a connection.
    pub(crate) fn tick(&mut self, poll: &Poll, ide: Ide<'_>, now: Instant) {
        if std::mem::take(&mut self.paused) {
            if let Err(errno) =
                self.watch.set(poll, &self.listener, Token::Control, Some(EpollFlags::EPOLLIN))
            {
                journal::error(format_args!("the control socket can't be watched error={errno}"));
            }
        }
        for index in 0..self.clients.len() {
            let Some(client) = &mut self.clients[index] else { continue };
            let Some(until) = client.waiting.take() else { continue };
            let result = client.connect(ide, until, now);
            let watched = client.watch(poll, index);
            match result {
                Err(why) => self.lose(index, why),
                Ok(()) if watched.is_err() => self.lose(index, None),
                Ok(()) => {}
            }
        }
    }
}

impl Client {
    fn watch(&mut self, poll: &Poll, index: usize) -> Result<(), Errno> {
        let token = Token::Client(u32::try_from(index).map_err(|_| Errno::EUSERS)?);
        let wanted = self.waiting.is_none().then_some(EpollFlags::EPOLLIN);
        self.watch.set(poll, &self.channel, token, wanted)
    }

    /// Connects to the IDE and hands the connection over, or waits for room in its queue.
    fn connect(&mut self, ide: Ide<'_>, until: Instant, now: Instant) -> Result<(), Option<WireError>> {
        let failed = |why: String| Answer::Failed { why };
        if !ide.serves {
            return self.answer(&failed("the IDE does not answer now".to_owned()), None);
        }
        match connect_stream(ide.socket) {
            Ok(fd) => self.answer(&Answer::Connected, Some(&fd)),
            Err(Errno::EAGAIN | Errno::EMFILE | Errno::ENFILE) if now < until => {
                self.waiting = Some(until);
                Ok(())
            }
            Err(errno) => self.answer(&failed(format!("the IDE takes no connection: {errno}")), None),
        }
    }

    /// A server that does not take its answers is not waited for.
    fn answer(&self, answer: &Answer, fd: Option<&OwnedFd>) -> Result<(), Option<WireError>> {
        let fds: Vec<_> = fd.iter().map(|fd| fd.as_fd()).collect();
        self.channel.send(answer, &fds).map_err(|error| match error {
            WireError::Closed => None,
            other => Some(other),
        })
    }
}

fn resolved(paths: &[String]) -> Answer {
    if paths.len() > PATHS_MAX {
        return Answer::Failed { why: format!("more than {PATHS_MAX} paths in one question") };
    }
    Answer::Resolved { paths: paths.iter().map(|path| resolve(path)).collect() }
}
