//! The system call: tables, programs, and attaching these.
//!
//! Called by [`attach`](super::attach) and [`probe()`](super::probe()).

use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::BpfError;
use super::assembler::{Instruction, unsigned};
use super::denials::EVENT;
use super::packets::{KEY, VALUE};

/// What a program is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Incoming,
    Outgoing,
    Socket,
    Connect4,
    Connect6,
    SendTo4,
    SendTo6,
    Executions,
}

impl Kind {
    /// Its name, and the numbers of its type and of its place (`bpf_prog_type`, `bpf_attach_type`).
    const fn numbers(self) -> (&'static str, u32, u32) {
        const PACKETS: u32 = 8;
        const SOCKET: u32 = 9;
        const ADDRESS: u32 = 18;
        const TRACEPOINT: u32 = 17;
        match self {
            Self::Incoming => ("incoming", PACKETS, 0),
            Self::Outgoing => ("outgoing", PACKETS, 1),
            Self::Socket => ("socket", SOCKET, 2),
            Self::Connect4 => ("connect4", ADDRESS, 10),
            Self::Connect6 => ("connect6", ADDRESS, 11),
            Self::SendTo4 => ("sendmsg4", ADDRESS, 14),
            Self::SendTo6 => ("sendmsg6", ADDRESS, 15),
            Self::Executions => ("programs", TRACEPOINT, 0),
        }
    }
}

const MAP_CREATE: i32 = 0;
const MAP_LOOKUP: i32 = 1;
const PROG_LOAD: i32 = 5;
const PROG_ATTACH: i32 = 8;
const TRACEPOINT_OPEN: i32 = 17;
/// A number for each key, and one for each key and processor.
const ARRAY: u32 = 2;
const ARRAY_EACH: u32 = 6;
/// A table that forgets what was not used for longest.
const LRU_HASH: u32 = 9;
const RING: u32 = 27;
/// Destinations whose last telling is remembered.
const TOLD: u32 = 256;
/// Bytes of the ring of what was refused: some 500 events between two looks of the reader.
const RING_BYTES: usize = 16 * 1024;
/// Other ends that are remembered: as many as a program in a session talks to at once by UDP, with room.
const ANSWERS: u32 = 2048;
/// Programs of others on this group and on those above it stay, and all must agree (`BPF_F_ALLOW_MULTI`).
const BESIDE_OTHERS: u32 = 2;
/// Room for what the verifier says.
const LOG: usize = 64 * 1024;

/// The attributes of `BPF_PROG_LOAD`, as far as they are used.
#[repr(C)]
#[derive(Debug, Default)]
struct LoadAttributes {
    kind: u32,
    count: u32,
    code: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    place: u32,
}

/// One call; the answer is a descriptor, or 0. Where locked memory may be what is missing, it is made again with more of it:
/// asked for without need, a limit that can't be raised would stand among what the kernel refused in the session.
fn bpf<T>(command: i32, attributes: &T) -> Result<i32, Errno> {
    match call(command, attributes) {
        Err(Errno::EPERM) if matches!(command, MAP_CREATE | PROG_LOAD) => {
            let _memory = Memory::raise();
            call(command, attributes)
        }
        answer => answer,
    }
}

fn call<T>(command: i32, attributes: &T) -> Result<i32, Errno> {
    // SAFETY: the attributes live during the call and their size is given. The kernel reads what pointers in them name, which
    // the callers below keep alive, and writes to the log's memory alone, which they own.
    let answer =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<T>()) };
    Errno::result(answer).map(|answer| i32::try_from(answer).unwrap_or(-1))
}

fn descriptor(number: i32) -> OwnedFd {
    // SAFETY: the kernel has just made this descriptor (close-on-exec, as all of this call), and nobody else has it.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// The table of those who may answer.
pub(super) fn answers() -> Result<OwnedFd, Errno> {
    let attributes: [u32; 5] = [LRU_HASH, KEY, VALUE, ANSWERS, 0];
    bpf(MAP_CREATE, &attributes).map(descriptor)
}

/// The table of what was told when.
pub(super) fn told() -> Result<OwnedFd, Errno> {
    let attributes: [u32; 5] = [LRU_HASH, EVENT, VALUE, TOLD, 0];
    bpf(MAP_CREATE, &attributes).map(descriptor)
}

/// The ring of what was refused.
pub(super) fn ring() -> Result<OwnedFd, Errno> {
    ring_of(ring_size())
}

/// A ring of so many bytes: a power of two, and whole pages.
pub(super) fn ring_of(size: usize) -> Result<OwnedFd, Errno> {
    let size = u32::try_from(size).map_err(|_| Errno::EINVAL)?;
    let attributes: [u32; 5] = [RING, 0, 0, size, 0];
    bpf(MAP_CREATE, &attributes).map(descriptor)
}

/// Room of so many bytes, for each processor its own.
pub(super) fn scratch(bytes: u32) -> Result<OwnedFd, Errno> {
    let attributes: [u32; 5] = [ARRAY_EACH, 4, bytes, 1, 0];
    bpf(MAP_CREATE, &attributes).map(descriptor)
}

/// One number.
pub(super) fn counter() -> Result<OwnedFd, Errno> {
    let attributes: [u32; 5] = [ARRAY, 4, 8, 1, 0];
    bpf(MAP_CREATE, &attributes).map(descriptor)
}

/// That number.
pub(super) fn counted(counter: BorrowedFd<'_>) -> Result<u64, Errno> {
    let (key, mut value) = (0_u32, 0_u64);
    let at = |place: *const u8| place as u64;
    let attributes: [u64; 4] = [
        u64::from(unsigned(counter.as_raw_fd())),
        at(std::ptr::from_ref(&key).cast()),
        at(std::ptr::from_mut(&mut value).cast()),
        0,
    ];
    // The descriptor is a word before a hole: on machines of the other order it would be in the upper half.
    let attributes = if cfg!(target_endian = "big") {
        [attributes[0] << 32, attributes[1], attributes[2], 0]
    } else {
        attributes
    };
    bpf(MAP_LOOKUP, &attributes)?;
    Ok(value)
}

/// Has a program run at a tracepoint for as long as what is returned stays open.
pub(super) fn trace(point: &'static std::ffi::CStr, program: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    #[repr(C)]
    struct Attributes {
        name: u64,
        program: u32,
        hole: u32,
    }
    let program = unsigned(program.as_raw_fd());
    bpf(TRACEPOINT_OPEN, &Attributes { name: point.as_ptr() as u64, program, hole: 0 }).map(descriptor)
}

/// Bytes of a page of memory.
pub(super) fn page() -> usize {
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
    page.and_then(|page| usize::try_from(page).ok()).unwrap_or(4096)
}

/// Bytes of the ring: a power of two, and whole pages.
pub(super) fn ring_size() -> usize {
    RING_BYTES.max(page())
}

/// Loads a program. When the kernel refuses, it is asked why.
pub(super) fn program(kind: Kind, code: &[Instruction]) -> Result<OwnedFd, BpfError> {
    let (name, number, place) = kind.numbers();
    let mut attributes = LoadAttributes {
        kind: number,
        count: u32::try_from(code.len()).map_err(|_| BpfError::Long)?,
        code: code.as_ptr() as u64,
        license: c"Dual MIT/GPL".as_ptr() as u64,
        place,
        ..LoadAttributes::default()
    };
    for (to, from) in attributes.name.iter_mut().zip(b"portc_".iter().chain(name.as_bytes())) {
        *to = *from;
    }
    let errno = match bpf(PROG_LOAD, &attributes) {
        Ok(number) => return Ok(descriptor(number)),
        Err(errno) => errno,
    };
    let mut log = vec![0_u8; LOG];
    attributes.log_level = 1;
    attributes.log_size = u32::try_from(LOG).map_err(|_| BpfError::Long)?;
    attributes.log = log.as_mut_ptr() as u64;
    match bpf(PROG_LOAD, &attributes) {
        Ok(number) => Ok(descriptor(number)),
        Err(_) => Err(BpfError::Load { name, log: said(&log), errno }),
    }
}

/// The last lines that mean something: the verifier says first what it did, then what it found.
fn said(log: &[u8]) -> String {
    let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
    let text = String::from_utf8_lossy(&log[..end]);
    let mut lines: Vec<&str> =
        text.lines().rev().filter(|line| !line.starts_with("processed ")).take(3).collect();
    lines.reverse();
    if lines.is_empty() { String::new() } else { format!(": {}", lines.join("; ")) }
}

/// Attaches a program to a group. It stays until the group is removed.
pub(super) fn attach(group: BorrowedFd<'_>, program: BorrowedFd<'_>, kind: Kind) -> Result<(), BpfError> {
    let (name, _, place) = kind.numbers();
    let attributes = attributes(group, program, place, BESIDE_OTHERS);
    let hint = |errno| match errno {
        Errno::EPERM => {
            "; a group above it has programs that allow none beside them (a unit with IPAddressDeny= needs Delegate=yes)"
        }
        Errno::EINVAL | Errno::EBADF => "; it is not a group of version 2",
        _ => "",
    };
    match bpf(PROG_ATTACH, &attributes) {
        Ok(_) => Ok(()),
        Err(errno) => Err(BpfError::Attach { name, hint: hint(errno), errno }),
    }
}

fn attributes(group: BorrowedFd<'_>, program: BorrowedFd<'_>, place: u32, flags: u32) -> [u32; 4] {
    [unsigned(group.as_raw_fd()), unsigned(program.as_raw_fd()), place, flags]
}

/// The way others may have attached one: none beside it.
#[cfg(test)]
pub(super) fn attach_alone(group: BorrowedFd<'_>, program: BorrowedFd<'_>, kind: Kind) -> Result<(), Errno> {
    let (_, _, place) = kind.numbers();
    bpf(PROG_ATTACH, &attributes(group, program, place, 0)).map(drop)
}

/// Before 5.11 programs and tables count as locked memory, of which PAM may have left this process little.
#[derive(Debug)]
struct Memory(Option<(u64, u64)>);

impl Memory {
    /// Lifts the limit until this value is dropped. Where that can't be, the kernel says so when it is asked for memory.
    fn raise() -> Self {
        let before = getrlimit(Resource::RLIMIT_MEMLOCK).ok();
        let _ = setrlimit(Resource::RLIMIT_MEMLOCK, libc::RLIM_INFINITY, libc::RLIM_INFINITY);
        Self(before)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some((soft, hard)) = self.0 {
            let _ = setrlimit(Resource::RLIMIT_MEMLOCK, soft, hard);
        }
    }
}
