//! What the kernel says about this process: the proof line of the audit record of a session's start.

use std::fmt;
use std::io;

use nix::sys::resource::{Resource, getrlimit};

/// The five capability sets of a process, as bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Kept over an `execve` of a file that has them inheritable.
    pub inheritable: u64,
    /// May be made effective.
    pub permitted: u64,
    /// In force.
    pub effective: u64,
    /// Kept over every `execve`.
    pub ambient: u64,
    /// The most an `execve` could give. Not a power by itself.
    pub bounding: u64,
}

impl Capabilities {
    /// Whether the process has no power by any of them; the bounding set only limits and is not counted.
    pub const fn is_empty(&self) -> bool {
        self.inheritable | self.permitted | self.effective | self.ambient == 0
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inheritable, permitted, effective, ambient, bounding } = self;
        write!(f, "inh={inheritable:x},prm={permitted:x},eff={effective:x},amb={ambient:x},bnd={bounding:x}")
    }
}

/// What `/proc/self/status` says that matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Real, effective, saved and file-system uid, with commas.
    pub uids: String,
    /// The same of the gid.
    pub gids: String,
    /// Supplementary groups, with commas.
    pub groups: String,
    /// The capability sets.
    pub capabilities: Capabilities,
    /// `1` when `no_new_privs` is set.
    pub no_new_privs: String,
    /// 0 none, 1 strict, 2 filters.
    pub seccomp: String,
    /// The mask for new files, in octal.
    pub umask: String,
}

impl Status {
    /// Reads that of this process.
    ///
    /// # Errors
    /// When `/proc` is not there.
    pub fn read() -> io::Result<Self> {
        Ok(Self::parse(&std::fs::read_to_string("/proc/self/status")?))
    }

    /// Reads the text of such a file. A set that is missing or not a number counts as full: fail closed.
    pub fn parse(text: &str) -> Self {
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.unwrap_or("?").split_whitespace().collect::<Vec<_>>().join(",")
        };
        let bits = |name: &str| u64::from_str_radix(&field(name), 16).unwrap_or(u64::MAX);
        Self {
            uids: field("Uid"),
            gids: field("Gid"),
            groups: field("Groups"),
            capabilities: Capabilities {
                inheritable: bits("CapInh"),
                permitted: bits("CapPrm"),
                effective: bits("CapEff"),
                ambient: bits("CapAmb"),
                bounding: bits("CapBnd"),
            },
            no_new_privs: field("NoNewPrivs"),
            seccomp: field("Seccomp"),
            umask: field("Umask"),
        }
    }
}

/// What a session's IDE is started under; a start that can't put it in force fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Confined {
    /// Version of the Landlock rules.
    pub landlock: Option<u32>,
    /// Whether system calls are filtered.
    pub calls: bool,
}

/// One line: ids, groups, capabilities, `no_new_privs`, seccomp, whether memory is closed to others, umask, limits, all of this
/// process; the numbers of its namespaces, which the programs it starts share; and what else those are started under.
///
/// # Errors
/// When `/proc` is not there.
pub fn proof(ide: Confined) -> io::Result<String> {
    let status = Status::read()?;
    let dumpable = nix::sys::prctl::get_dumpable().is_ok_and(|yes| yes);
    let limit = |resource| {
        let word = |n: u64| if n == libc::RLIM_INFINITY { "-".to_owned() } else { n.to_string() };
        getrlimit(resource)
            .map_or_else(|_| "?".to_owned(), |(soft, hard)| format!("{}:{}", word(soft), word(hard)))
    };
    Ok(format!(
        "uid={} gid={} groups={} caps={} nnp={} seccomp={} dumpable={} umask={} nofile={} nproc={} as={} core={} ns={} landlock={} calls={}",
        status.uids,
        status.gids,
        if status.groups.is_empty() { "-" } else { &status.groups },
        status.capabilities,
        status.no_new_privs,
        status.seccomp,
        u8::from(dumpable),
        status.umask,
        limit(Resource::RLIMIT_NOFILE),
        limit(Resource::RLIMIT_NPROC),
        limit(Resource::RLIMIT_AS),
        limit(Resource::RLIMIT_CORE),
        namespaces(),
        ide.landlock.map_or_else(|| "-".to_owned(), |version| version.to_string()),
        if ide.calls { "closed" } else { "-" },
    ))
}

/// Their numbers, by which `/proc/PID/ns` and the audit system name them.
fn namespaces() -> String {
    let number = |name: &str| {
        let link = std::fs::read_link(format!("/proc/self/ns/{name}")).unwrap_or_default();
        let text = link.to_string_lossy().into_owned();
        text.split_once('[').map_or("?", |(_, number)| number.trim_end_matches(']')).to_owned()
    };
    ["mnt", "pid", "net", "ipc"].map(|name| format!("{name}:{}", number(name))).join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_and_a_missing_set_counts_as_full() {
        let text = "Name:\tx\nUid:\t5\t5\t5\t5\nGroups:\t7 8 \nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n";
        let status = Status::parse(text);
        assert_eq!((status.uids.as_str(), status.groups.as_str()), ("5,5,5,5", "7,8"));
        assert!(!status.capabilities.is_empty(), "CapAmb is not there");
        assert!(Status::parse(&format!("{text}CapAmb:\t0\n")).capabilities.is_empty());
    }

    #[test]
    fn the_proof_is_one_line_about_this_process() {
        let line = proof(Confined { landlock: Some(7), calls: true }).expect("/proc");
        let uid = nix::unistd::getuid();
        assert!(line.starts_with(&format!("uid={uid},{uid},{uid},{uid} gid=")), "{line}");
        let own = std::fs::read_link("/proc/self/ns/pid").expect("a link").display().to_string();
        let own = own.replace("pid:[", "pid:").replace(']', "");
        assert!(line.contains(&format!(",{own},")) && line.ends_with(" landlock=7 calls=closed"), "{line}");
        assert!(!line.contains('\n') && line.contains(" nofile="), "{line}");
    }
}
