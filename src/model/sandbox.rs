//! What the kernel lets the processes of a session reach: plain data, made by `portcullis_policy` from the configuration and
//! the machine's facts, carried by `portcullis_wire`, put in force by keeper and session process.
//!
//! Nothing here is a wish: what a plan holds, the machine has, and a session in which a part of it can't be put in force is
//! not started.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Everything that confines a session. The default confines nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// Processes, temporary files and programs of the session's own; `None` where the machine's are seen.
    pub view: Option<View>,
    /// Which programs there are (`allow-shell=0`); `None` for all of the machine's. View and rules both act on it.
    pub programs: Option<Programs>,
    /// Files and programs by Landlock; `None` without it.
    pub rules: Option<Rules>,
    /// System calls; `None` for no filter.
    pub calls: Option<Calls>,
    /// Connections.
    pub network: Network,
    /// Memory, processors, processes, files.
    pub limits: Limits,
    /// `allow-sudo`: set-user-ID programs keep their effect (`no_new_privs` is not set). Everything else holds for them too.
    pub privileges: bool,
}

/// A mount and a process namespace: own `/proc`, `/tmp`, `/var/tmp`, `/dev/shm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Size of the temporary files together, in megabytes.
    pub tmp_mb: u32,
    /// Folders in which no file is a program or a library: home and temporary folders, where nothing may be installed.
    pub data_only: Vec<String>,
    /// Folders and sockets by which a process outside would start programs for whoever asks (a person's own service manager):
    /// nothing is in them. Those that are not there are left out.
    pub hidden: Vec<String>,
    /// Files and folders below hidden or temporary ones that stay as they are (a ticket cache that PAM put into `/tmp`). Those
    /// that are not there are left out.
    pub kept: Vec<String>,
}

/// `allow-shell=0`: which programs there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programs {
    /// Folders whose other entries are hidden, absolute.
    pub folders: Vec<String>,
    /// Programs that may be executed, and folders all of whose files may: absolute. Those that are not there are left out.
    pub allowed: Vec<String>,
    /// In place of `sh`, `dash` and `bash`: a program that says that there is no shell (`portcullis-session` itself).
    pub stub: String,
}

/// A Landlock ruleset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Version of the interface to use: not more than the kernel has.
    pub version: u32,
    /// Which files can be reached (`restrict-directory-view=1`); `None` for all.
    pub reach: Option<Reach>,
}

/// Folders and files that can be reached. Links are followed when the rules are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// To read and list.
    pub read: Vec<String>,
    /// To read, list, write, make, rename and remove.
    pub write: Vec<String>,
}

/// Which sets of system calls are closed. The calls themselves stand in `portcullis_sys::seccomp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// Where Landlock knows no truncation (before version 3): `truncate` by path is closed.
    pub no_truncate: bool,
    /// Whether programs that are not on a list are closed (`allow-shell=0`): `memfd` and the like make none.
    pub no_memory_programs: bool,
}

/// What a session may connect to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// Whatever the machine reaches: nothing rules it.
    #[default]
    Unruled,
    /// A network of the session's own with nothing but its loopback (`session-network=none`).
    Own,
    /// The machine's network, by rules on each connection and packet.
    Ruled(Egress),
}

/// Rules on connections: what is refused comes first, then what is allowed; the rest is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Egress {
    /// Never, whatever is allowed: metadata of clouds, ports of other sessions.
    pub refused: Vec<Destination>,
    /// Allowed; `None` for everything.
    pub allowed: Option<Vec<Destination>>,
    /// Whether others than this machine's own programs may connect to what listens in the session (`session-listen`).
    #[serde(default)]
    pub listen: bool,
    /// Whether what listens in sessions of other users on this machine is closed to it.
    #[serde(default)]
    pub neighbours_closed: bool,
}

/// Addresses and ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// Address of the network.
    pub address: IpAddr,
    /// Bits of it that count.
    pub prefix: u8,
    /// First and last port; `None` for all, and for protocols without ports.
    pub ports: Option<(u16, u16)>,
}

/// Limits of one session and of all sessions of its user. `None` is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Of the session.
    pub session: Quota,
    /// Of all sessions of the user together.
    pub user: Quota,
    /// Memory of each process in megabytes, where nothing counts that of a session (`RLIMIT_DATA`).
    pub process_memory_mb: Option<u64>,
    /// Processes and threads of everything that runs as the user, in sessions or not, where nothing counts those of a session
    /// (`RLIMIT_NPROC`).
    pub account_processes: Option<u64>,
    /// Open files of a process (`max-open-files`).
    pub open_files: Option<u64>,
    /// Niceness (`nice`).
    pub nice: i32,
    /// Processors that may be used, from 0 (`cpu-affinity`); empty for all.
    pub processors: Vec<u16>,
}

/// What a group of processes may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Memory in megabytes.
    pub memory_mb: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u64>,
    /// Hundredths of a processor.
    pub processor_percent: Option<u32>,
}

impl Quota {
    /// Whether it limits anything.
    pub const fn is_some(&self) -> bool {
        self.memory_mb.is_some() || self.processes.is_some() || self.processor_percent.is_some()
    }
}
