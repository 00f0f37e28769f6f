//! Every program that is started, told by a program in the kernel at the moment the new one takes the place of the old.
//!
//! It reads the new memory, so nobody can change the arguments any more, and costs nothing but at that moment: the rules of the
//! kernel's audit subsystem cost every system call. What can't be started is not seen here. Processes without a login session are
//! left out. Process numbers are those of the machine, whatever namespace a process is in.
//!
//! Called by the launcher's recorder. What is written is read as a stranger's text: it was chosen by whoever starts programs.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::BpfError;
use super::load::{self, Kind};
use super::ring::Ring;

mod program;

use program::{HEADER, flag};

/// Bytes of the ring: some thousand programs between two looks of the reader.
const RING: usize = 4 * 1024 * 1024;
/// Where it is put.
const POINT: &std::ffi::CStr = c"sched_process_exec";

/// A program that was started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Execution {
    /// Process.
    pub pid: i32,
    /// Its parent.
    pub ppid: i32,
    /// Effective user.
    pub uid: u32,
    /// Login session, as the kernel counts them.
    pub session: u32,
    /// The file that is executed (of a script: its interpreter).
    pub program: String,
    /// Working directory.
    pub cwd: String,
    /// Arguments.
    pub argv: Vec<String>,
    /// Whether something of it is not told whole.
    pub cut: bool,
}

impl Execution {
    /// From the bytes that [`program`] wrote.
    fn read(event: &[u8]) -> Option<Self> {
        let (header, rest) = event.split_first_chunk::<HEADER>()?;
        let word = |at: usize| Some(u32::from_ne_bytes(*header.get(at..)?.first_chunk()?));
        let [pid, ppid] = [0, 4].map(|at| word(at).and_then(|pid| i32::try_from(pid).ok()).unwrap_or(-1));
        let (program, rest) = path(rest)?;
        let (cwd, rest) = path(rest)?;
        let got = usize::try_from(word(20)?).ok()?;
        let flags = word(24)?;
        let bytes = rest.get(..got)?;
        let argv = bytes.strip_suffix(b"\0").unwrap_or(bytes);
        let argv = if bytes.is_empty() {
            Vec::new()
        } else {
            argv.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned()).collect()
        };
        let root = |path: String, cut: u32| {
            // What has no way up to the root was removed, or was made in memory.
            if flags & cut == 0 { path } else { format!("…{path}") }
        };
        Some(Self {
            pid,
            ppid,
            uid: word(8)?,
            session: word(12)?,
            program: root(program, flag::PROGRAM),
            cwd: root(cwd, flag::DIRECTORY),
            argv,
            cut: word(16)? != word(20)? || flags != 0,
        })
    }
}

/// A path from its names, the last one first, which end with an empty one; and what follows.
fn path(mut bytes: &[u8]) -> Option<(String, &[u8])> {
    let mut names = Vec::new();
    loop {
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let (name, rest) = (&bytes[..end], &bytes[end + 1..]);
        bytes = rest;
        if name.is_empty() {
            break;
        }
        names.push(String::from_utf8_lossy(name));
    }
    names.reverse();
    Some((format!("/{}", names.join("/")), bytes))
}

/// The kernel's program at its place, and the reading end of what it tells. Its descriptor polls readable.
#[derive(Debug)]
pub struct Executions {
    ring: Ring,
    lost: OwnedFd,
    /// While it is open, the program runs.
    _point: OwnedFd,
}

impl Executions {
    /// Begins to listen.
    ///
    /// # Errors
    /// Without privilege, before Linux 5.8, and where the kernel doesn't describe itself.
    pub fn begin() -> Result<Self, BpfError> {
        let places = program::Places::of_this_kernel().map_err(BpfError::Kernel)?;
        let (ring, lost, scratch) = (
            load::ring_of(RING).map_err(BpfError::Map)?,
            load::counter().map_err(BpfError::Map)?,
            load::scratch(program::SCRATCH).map_err(BpfError::Map)?,
        );
        let tables =
            program::Tables { ring: ring.as_raw_fd(), lost: lost.as_raw_fd(), scratch: scratch.as_raw_fd() };
        let code = program::program(&places, tables)?;
        let loaded = load::program(Kind::Executions, &code)?;
        let name = "sched_process_exec";
        let point = load::trace(POINT, loaded.as_fd()).map_err(|errno| BpfError::Trace(name, errno))?;
        let ring = Ring::open(ring, RING).map_err(BpfError::Ring)?;
        Ok(Self { ring, lost, _point: point })
    }

    /// Reads at most so many; says whether there may be more.
    pub fn take(&self, most: usize, mut each: impl FnMut(Execution)) -> bool {
        self.ring.take(most, |event| Execution::read(event).into_iter().for_each(&mut each))
    }

    /// Whether half of the ring is full: to be read soon.
    pub fn is_filling(&self) -> bool {
        self.ring.used() >= RING / 2
    }

    /// How many could not be told since the beginning, because the ring was full.
    pub fn lost(&self) -> u64 {
        // The table is ours and holds one number: reading it can't fail.
        load::counted(self.lost.as_fd()).unwrap_or(0)
    }
}

impl AsFd for Executions {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

#[cfg(test)]
mod tests;
