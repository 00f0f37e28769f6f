//! Rules on the connections of a session, held by programs in the kernel that are attached to its control group.
//!
//! The programs are made from plain data, checked by the kernel when they are loaded, and live as long as the group: no process
//! holds them, none can take them off without privilege. What they refuse fails with `EPERM` at once where the system call
//! can be stopped (`connect`, `sendto`, `sendmsg`, whatever calls them: Fast Open, MPTCP, `io_uring`), and what is left
//! (answers to others, raw packets) is dropped as a packet. Nothing here decides what is allowed.
//!
//! Called by the keeper ([`attach`]), by the launcher at its start ([`probe()`]), and by the session process, which looks whether
//! they hold ([`refuses`]).

use std::fs::File;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use thiserror::Error;

mod addresses;
mod assembler;
mod btf;
mod denials;
mod executions;
mod load;
mod packets;
mod probe;
mod programs;
mod ring;
#[cfg(test)]
mod tests;

pub use btf::BtfError;
pub use denials::{Denial, Denials};
pub use executions::{Execution, Executions};
pub use probe::{Abilities, probe, refuses};

use load::Kind;

/// Most destinations, refused and allowed together: each costs some instructions for every packet, and the programs of kernels
/// before 5.2 have 4096 of them at most.
pub const MOST: usize = 256;

/// Addresses and ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    /// Address of the network. An IPv4 address may be written as an IPv6 one that maps it.
    pub address: IpAddr,
    /// Bits of it that count.
    pub prefix: u8,
    /// First and last port; `None` for all, and for protocols without ports.
    pub ports: Option<(u16, u16)>,
}

/// What a group may connect to, and who may connect to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Never, whatever is allowed. Ports of the loopback addresses count for every address of this machine.
    pub refused: Vec<Destination>,
    /// Allowed; `None` for everything else.
    pub allowed: Option<Vec<Destination>>,
    /// Whether others than this machine's own programs may connect to what listens in the group.
    pub listen: bool,
    /// Whether what listens in groups of other users is closed: those beside the folder that this group is in.
    pub neighbours: bool,
}

/// Why there are no rules.
#[derive(Debug, Error)]
pub enum BpfError {
    /// Too many destinations.
    #[error("there are {0} networks to allow or refuse, at most {MOST} can be")]
    Many(usize),
    /// A number of bits an address hasn't got.
    #[error("`{0}/{1}` is no network")]
    Prefix(IpAddr, u8),
    /// The program would be too long.
    #[error("the rules make a program that is too long")]
    Long,
    /// The group.
    #[error("can't open the group `{path}`")]
    Group {
        /// Its folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The kernel makes no map.
    #[error("the kernel makes no table for the rules")]
    Map(#[source] Errno),
    /// The kernel refuses the program.
    #[error("the kernel takes no program `{name}`{log}")]
    Load {
        /// Which.
        name: &'static str,
        /// The last lines of what its verifier says, after a colon; empty when it says nothing.
        log: String,
        /// Why.
        #[source]
        errno: Errno,
    },
    /// The program was taken, but not for this group.
    #[error("the program `{name}` can't be attached to the group{hint}")]
    Attach {
        /// Which.
        name: &'static str,
        /// What may help.
        hint: &'static str,
        /// Why.
        #[source]
        errno: Errno,
    },
    /// The kernel doesn't say where its structures keep what is to be read.
    #[error("the kernel's own structures are not known")]
    Kernel(#[source] BtfError),
    /// No tracepoint.
    #[error("the program can't be put on the tracepoint `{0}`")]
    Trace(&'static str, #[source] Errno),
    /// The ring.
    #[error("the ring can't be read")]
    Ring(#[source] Errno),
    /// It was attached and does nothing.
    #[error("the rules are attached, but a connection they refuse is not refused")]
    Idle,
}

/// Where what is refused is told (kernels from 5.8), for [`attach`] and for [`Denials::open`].
///
/// # Errors
/// Without privilege, or on an older kernel.
pub fn telling() -> Result<OwnedFd, BpfError> {
    load::ring().map_err(BpfError::Map)
}

/// Puts the rules on a group: for every socket that is made in it or below it from now on.
///
/// `group` is a folder of the version 2 hierarchy. Sockets made elsewhere before keep their own rules: a listener that is handed to
/// a process in the group answers whoever it answered.
///
/// What is refused is told in `telling`, if there is one: what [`telling`] made.
///
/// # Errors
/// See [`BpfError`]. The caller starts nothing of the user's in the group then: a part of the rules may be in force.
pub fn attach(group: &Path, rules: &Rules, telling: Option<BorrowedFd<'_>>) -> Result<(), BpfError> {
    let open = |path: &Path| {
        let failed = |source| BpfError::Group { path: path.to_path_buf(), source };
        let folder = File::open(path).map_err(failed)?;
        let number = folder.metadata().map_err(failed)?.ino();
        Ok((folder, number))
    };
    let (folder, _) = open(group)?;
    let neighbours = match (rules.neighbours, group.parent(), group.parent().and_then(Path::parent)) {
        (true, Some(own), Some(all)) => Some(packets::Neighbours { own: open(own)?.1, all: open(all)?.1 }),
        _ => None,
    };
    let programs = compile(rules, neighbours, telling)?;
    // ORDER: all are loaded before the first is attached, so that what the kernel doesn't take leaves the group as it was.
    let loaded: Vec<(Kind, OwnedFd)> = {
        let load = |(kind, code): &(Kind, Vec<_>)| Ok((*kind, load::program(*kind, code)?));
        programs.code.iter().map(load).collect::<Result<_, BpfError>>()?
    };
    for (kind, program) in &loaded {
        load::attach(folder.as_fd(), program.as_fd(), *kind)?;
    }
    Ok(())
}

/// Programs, and the tables they share, which they name by descriptor: kept until the programs are loaded.
struct Programs {
    code: Vec<(Kind, Vec<assembler::Instruction>)>,
    _answers: Option<OwnedFd>,
    /// When what was told.
    _told: Option<OwnedFd>,
}

fn compile(
    rules: &Rules,
    neighbours: Option<packets::Neighbours>,
    telling: Option<BorrowedFd<'_>>,
) -> Result<Programs, BpfError> {
    let judge = addresses::Judge::new(rules)?;
    let answers = if rules.listen { None } else { Some(load::answers().map_err(BpfError::Map)?) };
    let told = telling.map(|_| load::told()).transpose().map_err(BpfError::Map)?;
    let table = answers.as_ref().map(AsRawFd::as_raw_fd);
    let tell = telling
        .zip(told.as_ref())
        .map(|(ring, table)| denials::Told { ring: ring.as_raw_fd(), table: table.as_raw_fd() });
    let mut code = vec![
        (Kind::Connect4, programs::address(&judge, false, tell)?),
        (Kind::Connect6, programs::address(&judge, true, tell)?),
        (Kind::SendTo4, programs::address(&judge, false, tell)?),
        (Kind::SendTo6, programs::address(&judge, true, tell)?),
        (Kind::Outgoing, packets::outgoing(&judge, neighbours, table, tell)?),
    ];
    if let Some(table) = table {
        code.push((Kind::Incoming, packets::incoming(table)?));
    }
    if rules.allowed.is_some() {
        code.push((Kind::Socket, programs::socket()?));
    }
    Ok(Programs { code, _answers: answers, _told: told })
}
