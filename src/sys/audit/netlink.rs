//! The netlink sockets: one to ask and set, one that hears every record.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::sockopt::{RcvBufForce, ReceiveTimeout};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvmsg, sendto,
    setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike};
use thiserror::Error;

use super::rules::{Listed, Rule};

// linux/netlink.h and linux/audit.h
const HEAD: usize = 16;
const REQUEST_ACK: u16 = 0x1 | 0x4;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const GET: u16 = 1000;
const SET: u16 = 1001;
const ADD_RULE: u16 = 1011;
const DEL_RULE: u16 = 1012;
const LIST_RULES: u16 = 1013;
const MASK_ENABLED: u32 = 1;
const MASK_BACKLOG: u32 = 0x10;
/// The group of those who only listen.
const GROUP: u32 = 1;
/// `enabled`: rules can't be changed before the next boot.
const LOCKED: u32 = 2;
/// Longest record the kernel makes (`MAX_AUDIT_MESSAGE_LENGTH`, 8970) with room to spare.
const MESSAGE_MAX: usize = 16 * 1024;
/// Records that wait to be read: those of a few thousand programs started at once.
const RECEIVE_BYTES: usize = 32 * 1024 * 1024;
/// The kernel answers at once; it must not be waited for without end.
const ANSWER_SECONDS: i64 = 3;

/// Why the audit subsystem can't be used.
#[derive(Debug, Error)]
pub enum AuditError {
    /// No such subsystem, or not in these namespaces.
    #[error("the kernel's audit can't be reached (it answers in the machine's first namespaces only)")]
    Unreachable(#[source] Errno),
    /// It refused a request.
    #[error("the kernel's audit refused to {what}")]
    Refused {
        /// What was asked of it.
        what: &'static str,
        /// Why.
        #[source]
        errno: Errno,
    },
    /// It said something else.
    #[error("the kernel's audit gave no answer that makes sense")]
    Nonsense,
}

/// State of the subsystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// 0: off; 1: on; 2: on, and rules are locked.
    pub enabled: u32,
    /// Process id of the audit daemon; 0 without one.
    pub daemon: u32,
    /// Records per second that are allowed; 0 for all.
    pub rate_limit: u32,
    /// Records that may wait in the kernel.
    pub backlog_limit: u32,
    /// Records that the kernel dropped since boot.
    pub lost: u32,
}

impl Status {
    /// Whether rules can't be changed before the next boot (`auditctl -e 2`).
    pub const fn is_locked(&self) -> bool {
        self.enabled == LOCKED
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_ne_bytes(bytes.get(at * 4..at * 4 + 4)?.try_into().ok()?));
        Some(Self {
            enabled: word(1)?,
            daemon: word(3)?,
            rate_limit: word(4)?,
            backlog_limit: word(5)?,
            lost: word(6)?,
        })
    }
}

/// Where questions are asked and rules are set. Needs `CAP_AUDIT_CONTROL`.
#[derive(Debug)]
pub struct Control {
    fd: OwnedFd,
    sequence: u32,
}

impl Control {
    /// Opens it.
    ///
    /// # Errors
    /// When this kernel has no audit.
    pub fn open() -> Result<Self, AuditError> {
        let fd = netlink(SockFlag::SOCK_CLOEXEC).map_err(AuditError::Unreachable)?;
        setsockopt(&fd, ReceiveTimeout, &TimeVal::seconds(ANSWER_SECONDS))
            .map_err(AuditError::Unreachable)?;
        Ok(Self { fd, sequence: 0 })
    }

    /// How the subsystem stands.
    ///
    /// # Errors
    /// See [`AuditError`].
    pub fn status(&mut self) -> Result<Status, AuditError> {
        let answers = self.ask(GET, &[], "tell its state")?;
        answers.first().and_then(|answer| Status::parse(answer)).ok_or(AuditError::Nonsense)
    }

    /// Switches it on or off.
    ///
    /// # Errors
    /// When it is locked.
    pub fn set_enabled(&mut self, yes: bool) -> Result<(), AuditError> {
        self.set(MASK_ENABLED, 1, u32::from(yes), "be switched")
    }

    /// How many records may wait in the kernel.
    ///
    /// # Errors
    /// When it is locked.
    pub fn set_backlog(&mut self, records: u32) -> Result<(), AuditError> {
        self.set(MASK_BACKLOG, 5, records, "keep more records")
    }

    /// All rules, whosoever they are.
    ///
    /// # Errors
    /// See [`AuditError`].
    pub fn rules(&mut self) -> Result<Vec<Listed>, AuditError> {
        Ok(self.ask(LIST_RULES, &[], "list its rules")?.iter().map(|bytes| Listed::new(bytes)).collect())
    }

    /// Adds a rule; one that is there already is fine.
    ///
    /// # Errors
    /// When rules are locked.
    pub fn add(&mut self, rule: &Rule) -> Result<(), AuditError> {
        self.change(ADD_RULE, rule, "take a rule", Errno::EEXIST)
    }

    /// Removes a rule; one that is gone already is fine.
    ///
    /// # Errors
    /// When rules are locked.
    pub fn delete(&mut self, rule: &Rule) -> Result<(), AuditError> {
        self.change(DEL_RULE, rule, "drop a rule", Errno::ENOENT)
    }

    fn change(&mut self, kind: u16, rule: &Rule, what: &'static str, fine: Errno) -> Result<(), AuditError> {
        match self.ask(kind, rule.bytes(), what) {
            Err(AuditError::Refused { errno, .. }) if errno == fine => Ok(()),
            other => other.map(drop),
        }
    }

    /// `struct audit_status` with one field that counts.
    fn set(&mut self, mask: u32, at: usize, value: u32, what: &'static str) -> Result<(), AuditError> {
        let mut words = [0_u32; 11];
        words[0] = mask;
        words[at] = value;
        let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
        self.ask(SET, &bytes, what).map(drop)
    }

    /// Sends a request and takes the answers up to the kernel's word that it is done.
    fn ask(&mut self, kind: u16, body: &[u8], what: &'static str) -> Result<Vec<Vec<u8>>, AuditError> {
        self.sequence = self.sequence.wrapping_add(1);
        let length = u32::try_from(HEAD + body.len()).map_err(|_| AuditError::Nonsense)?;
        let mut message = Vec::with_capacity(HEAD + body.len());
        message.extend(length.to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(REQUEST_ACK.to_ne_bytes());
        message.extend(self.sequence.to_ne_bytes());
        message.extend(0_u32.to_ne_bytes());
        message.extend(body);
        let refused = |errno| match errno {
            Errno::ECONNREFUSED | Errno::EPROTONOSUPPORT => AuditError::Unreachable(errno),
            errno => AuditError::Refused { what, errno },
        };
        sendto(self.fd.as_raw_fd(), &message, &NetlinkAddr::new(0, 0), MsgFlags::empty()).map_err(refused)?;
        let (mut answers, mut acknowledged) = (Vec::new(), false);
        let (single, listing) = (kind == GET, kind == LIST_RULES);
        let mut buffer = vec![0; MESSAGE_MAX];
        loop {
            let Some(answer) = receive(self.fd.as_fd(), &mut buffer, MsgFlags::empty()).map_err(refused)?
            else {
                continue;
            };
            if answer.sequence != self.sequence {
                continue; // of a request that was given up
            }
            match answer.kind {
                ERROR => {
                    let code: [u8; 4] = answer
                        .body
                        .get(..4)
                        .and_then(|code| code.try_into().ok())
                        .ok_or(AuditError::Nonsense)?;
                    match i32::from_ne_bytes(code) {
                        0 => acknowledged = true,
                        code => return Err(refused(Errno::from_raw(-code))),
                    }
                }
                DONE => return Ok(answers),
                _ => answers.push(answer.body.to_vec()),
            }
            // The word that it was taken comes before the answer of one kind and behind that of another.
            if acknowledged && !listing && (!single || !answers.is_empty()) {
                return Ok(answers);
            }
        }
    }
}

/// Whether the kernel's audit answers here, and could be set. Changes nothing.
///
/// # Errors
/// Why not.
pub fn reachable() -> Result<Status, AuditError> {
    Control::open()?.status()
}

/// What came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<'b> {
    /// A record: its number and text.
    Record(u16, &'b [u8]),
    /// Some were dropped, because they were not read fast enough.
    Overrun,
    /// Nothing at the moment.
    Nothing,
}

/// Hears every record, beside an audit daemon if there is one. Needs `CAP_AUDIT_READ`.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    buffer: Vec<u8>,
}

impl Listener {
    /// Joins those who listen.
    ///
    /// # Errors
    /// When the kernel has no audit, or it is not for us.
    pub fn join() -> Result<Self, AuditError> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = netlink(flags).map_err(AuditError::Unreachable)?;
        let refused = |errno| AuditError::Refused { what: "be heard", errno };
        setsockopt(&fd, RcvBufForce, &RECEIVE_BYTES).map_err(refused)?;
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, GROUP)).map_err(refused)?;
        Ok(Self { fd, buffer: vec![0; MESSAGE_MAX] })
    }

    /// The next record that waits.
    ///
    /// # Errors
    /// The kernel's.
    pub fn hear(&mut self) -> Result<Heard<'_>, Errno> {
        match receive(self.fd.as_fd(), &mut self.buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(Some(message)) => Ok(Heard::Record(message.kind, message.body)),
            // One that the kernel didn't send: as if it were a record of no kind.
            Ok(None) => Ok(Heard::Record(0, &[])),
            Err(Errno::ENOBUFS) => Ok(Heard::Overrun),
            Err(Errno::EAGAIN) => Ok(Heard::Nothing),
            Err(errno) => Err(errno),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

struct Message<'b> {
    kind: u16,
    sequence: u32,
    body: &'b [u8],
}

fn netlink(flags: SockFlag) -> Result<OwnedFd, Errno> {
    socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkAudit)
}

/// One message; `None` when it is not from the kernel or too short. Its length is the datagram's: the one in its head does
/// not count the head in some versions.
fn receive<'b>(
    fd: BorrowedFd<'_>,
    buffer: &'b mut [u8],
    flags: MsgFlags,
) -> Result<Option<Message<'b>>, Errno> {
    let (length, from) = loop {
        match datagram(fd, buffer, flags) {
            Err(Errno::EINTR) => {}
            other => break other?,
        }
    };
    let bytes = &buffer[..length.min(buffer.len())];
    if from.is_none_or(|from| from.pid() != 0) || bytes.len() < HEAD {
        return Ok(None);
    }
    Ok(Some(Message {
        kind: u16::from_ne_bytes([bytes[4], bytes[5]]),
        sequence: u32::from_ne_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
        body: &bytes[HEAD..],
    }))
}

fn datagram(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
    flags: MsgFlags,
) -> Result<(usize, Option<NetlinkAddr>), Errno> {
    let mut slices = [std::io::IoSliceMut::new(buffer)];
    let message = recvmsg::<NetlinkAddr>(fd.as_raw_fd(), &mut slices, None, flags)?;
    Ok((message.bytes, message.address))
}
