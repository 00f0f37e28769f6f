//! Events from records: what shares a number belongs together, and the last record says that it is complete.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::args::Args;
use super::record::{Record, Value, kinds};

/// Events that wait for more of their records; with one more the oldest is taken as it is.
const OPEN_MAX: usize = 4096;
/// Longest wait for the last record: a kernel under load sends an event's records within milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same where nothing but Landlock's records came: without rules the kernel sends no record of the call, nor a last one.
const PATIENCE_ALONE: Duration = Duration::from_millis(300);
/// Most paths kept of one event: program, interpreter, loader.
const PATHS_MAX: usize = 6;
/// Longest text kept of a path or name (`PATH_MAX`).
const TEXT_MAX: usize = 4096;

/// What happened: one event of the kernel's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Act {
    /// Its number.
    pub serial: u32,
    /// When, in milliseconds since 1970.
    pub millis: u64,
    /// The system call.
    pub syscall: Option<Syscall>,
    /// The arguments of the program that was executed.
    pub args: Option<Args>,
    /// The working directory.
    pub cwd: Option<String>,
    /// Paths that were named.
    pub paths: Vec<PathName>,
    /// The address that was named: the bytes of a `sockaddr`.
    pub address: Option<Vec<u8>>,
    /// The process that was meant, and its name.
    pub process: Option<(i32, String)>,
    /// What Landlock refused.
    pub landlock: Option<LandlockDenial>,
    /// A Landlock domain that refused something for the first time, and the process that made it.
    pub domain: Option<(u64, i32)>,
    /// A Landlock domain without processes.
    pub domain_gone: Option<u64>,
    /// What a filter of system calls refused.
    pub seccomp: Option<SeccompDenial>,
    /// A process left this login session for that new one; its number.
    pub moved: Option<(u32, u32, i32)>,
    /// Whether rules or state of the audit subsystem changed.
    pub reconfigured: bool,
}

/// A system call that a rule asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Syscall {
    /// Architecture (`AUDIT_ARCH_…`).
    pub arch: u32,
    /// Its number there.
    pub number: u32,
    /// Whether it succeeded.
    pub success: bool,
    /// What it returned: below zero the error.
    pub exit: i64,
    /// Its first and second argument.
    pub args: [u64; 2],
    /// Process.
    pub pid: i32,
    /// Parent.
    pub ppid: i32,
    /// Effective user.
    pub euid: u32,
    /// Login session.
    pub session: u32,
    /// Program of the process (after an `execve` that succeeded: the new one).
    pub exe: String,
}

/// A path as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathName {
    /// The path.
    pub name: String,
    /// Whether it is the folder of the one that is meant.
    pub is_parent: bool,
}

/// A record of Landlock's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LandlockDenial {
    /// What was missing: `fs.execute,fs.read_file`.
    pub blockers: String,
    /// The path, address or process.
    pub target: String,
    /// Number of the rules that refused.
    pub domain: u64,
}

/// A record of a filter's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeccompDenial {
    /// Architecture of the call.
    pub arch: u32,
    /// Its number there.
    pub number: u32,
    /// Process.
    pub pid: i32,
    /// Login session.
    pub session: u32,
    /// Program.
    pub exe: String,
}

impl Act {
    /// Whether the record of the call was lost: nobody knows whose it was.
    pub fn is_nobodys(&self) -> bool {
        self.syscall.is_none() && (self.args.is_some() || self.cwd.is_some() || !self.paths.is_empty())
    }

    const fn is_landlocks_alone(&self) -> bool {
        let landlocks = self.landlock.is_some() || self.domain.is_some() || self.domain_gone.is_some();
        landlocks && self.syscall.is_none() && self.cwd.is_none()
    }

    fn take(&mut self, record: &Record<'_>) {
        let fields = || record.fields();
        let find = |name: &str| fields().find(|(n, _)| *n == name.as_bytes()).map(|(_, value)| value);
        let text = |name: &str| find(name).and_then(|value| value.string(TEXT_MAX));
        match record.kind {
            kinds::SYSCALL => self.syscall = Some(syscall(record)),
            kinds::EXECVE => self.args.get_or_insert_default().take(fields()),
            kinds::CWD => self.cwd = text("cwd"),
            kinds::PATH if self.paths.len() < PATHS_MAX => {
                let is_parent = find("nametype").is_some_and(|value| value.word() == "PARENT");
                self.paths.extend(text("name").map(|name| PathName { name, is_parent }));
            }
            kinds::SOCKADDR => self.address = find("saddr").and_then(|value| value.text(256)),
            kinds::OBJ_PID => {
                let pid = find("opid").and_then(Value::number).unwrap_or(0);
                self.process = Some((pid, text("ocomm").unwrap_or_default()));
            }
            kinds::SECCOMP => self.seccomp = Some(seccomp(record)),
            kinds::LANDLOCK_ACCESS => {
                let port = ["dest", "src"].into_iter().find_map(find).map(Value::word);
                let ip = ["daddr", "laddr", "saddr"].into_iter().find_map(find).map(Value::word);
                let path = text("path").or_else(|| text("name"));
                let process = find("opid").map(|pid| match text("ocomm") {
                    Some(name) => format!("process {} ({name})", pid.word()),
                    None => format!("process {}", pid.word()),
                });
                let address = match (ip, port) {
                    (Some(ip), Some(port)) => Some(format!("{ip}:{port}")),
                    (None, Some(port)) => Some(format!("port {port}")),
                    (ip, None) => ip,
                };
                let target = path.or(process).or(address).unwrap_or_default();
                let blockers = find("blockers").map(Value::word).unwrap_or_default();
                let domain = find("domain").and_then(Value::hex).unwrap_or(0);
                match &mut self.landlock {
                    // A rename is refused at both ends: the first is what was touched.
                    Some(first) if !first.blockers.contains(&blockers) && first.blockers.len() < TEXT_MAX => {
                        first.blockers = format!("{},{blockers}", first.blockers);
                    }
                    Some(_) => {}
                    None => self.landlock = Some(LandlockDenial { blockers, target, domain }),
                }
            }
            kinds::LOGIN => {
                let number = |name| find(name).and_then(Value::number);
                let pid = find("pid").and_then(Value::number).unwrap_or(-1);
                let done = number("res") == Some(1);
                let sessions = number("old-ses").zip(number("ses")).filter(|_| done);
                self.moved = sessions.map(|(old, new)| (old, new, pid));
            }
            kinds::LANDLOCK_DOMAIN => {
                let domain = find("domain").and_then(Value::hex).unwrap_or(0);
                match find("pid").and_then(Value::number) {
                    Some(pid) => self.domain = Some((domain, pid)),
                    None => self.domain_gone = Some(domain),
                }
            }
            kinds::CONFIG_CHANGE => self.reconfigured = true,
            _ => {}
        }
    }
}

fn syscall(record: &Record<'_>) -> Syscall {
    let mut found = Syscall { pid: -1, ppid: -1, session: u32::MAX, euid: u32::MAX, ..Syscall::default() };
    for (name, value) in record.fields() {
        match name {
            b"arch" => found.arch = value.hex().and_then(|arch| u32::try_from(arch).ok()).unwrap_or(0),
            b"syscall" => found.number = value.number().unwrap_or(u32::MAX),
            b"a0" => found.args[0] = value.hex().unwrap_or(0),
            b"a1" => found.args[1] = value.hex().unwrap_or(0),
            b"success" => found.success = value.word() == "yes",
            b"exit" => found.exit = value.number().unwrap_or(0),
            b"pid" => found.pid = value.number().unwrap_or(-1),
            b"ppid" => found.ppid = value.number().unwrap_or(-1),
            b"euid" => found.euid = value.number().unwrap_or(u32::MAX),
            b"ses" => found.session = value.number().unwrap_or(u32::MAX),
            b"exe" => found.exe = value.string(TEXT_MAX).unwrap_or_default(),
            _ => {}
        }
    }
    found
}

fn seccomp(record: &Record<'_>) -> SeccompDenial {
    let mut found = SeccompDenial { pid: -1, session: u32::MAX, ..SeccompDenial::default() };
    for (name, value) in record.fields() {
        match name {
            b"arch" => found.arch = value.hex().and_then(|arch| u32::try_from(arch).ok()).unwrap_or(0),
            b"syscall" => found.number = value.number().unwrap_or(u32::MAX),
            b"pid" => found.pid = value.number().unwrap_or(-1),
            b"ses" => found.session = value.number().unwrap_or(u32::MAX),
            b"exe" => found.exe = value.string(TEXT_MAX).unwrap_or_default(),
            _ => {}
        }
    }
    found
}

/// Records that are read.
const READ: [u16; 12] = [
    kinds::LOGIN,
    kinds::SYSCALL,
    kinds::PATH,
    kinds::CONFIG_CHANGE,
    kinds::SOCKADDR,
    kinds::CWD,
    kinds::EXECVE,
    kinds::OBJ_PID,
    kinds::EOE,
    kinds::SECCOMP,
    kinds::LANDLOCK_ACCESS,
    kinds::LANDLOCK_DOMAIN,
];

/// Puts events together, and notices numbers that never came.
#[derive(Debug, Default)]
pub struct Assembler {
    open: BTreeMap<u32, (Instant, Act)>,
    gaps: Gaps,
}

impl Assembler {
    /// Takes a record; returns the event that it completes, or one that has to make room.
    pub fn take(&mut self, record: &Record<'_>, now: Instant) -> Option<Act> {
        self.gaps.saw(record.serial, now);
        if !READ.contains(&record.kind) {
            return None; // what programs say of themselves, and others that have no last record
        }
        if record.kind == kinds::EOE {
            return self.open.remove(&record.serial).map(|(_, act)| act);
        }
        // Those of the end of a call have a last record; these tell all there is.
        if matches!(record.kind, kinds::SECCOMP | kinds::CONFIG_CHANGE | kinds::LOGIN) {
            let mut act = Act { serial: record.serial, millis: record.millis, ..Act::default() };
            act.take(record);
            return Some(act);
        }
        let fresh = Act { serial: record.serial, millis: record.millis, ..Act::default() };
        self.open.entry(record.serial).or_insert_with(|| (now, fresh)).1.take(record);
        if self.open.len() > OPEN_MAX { self.open.pop_first().map(|(_, (_, act))| act) } else { None }
    }

    /// Events whose last record did not come in time.
    pub fn expired(&mut self, now: Instant) -> Vec<Act> {
        let late = |since: Instant, act: &Act| {
            let patience = if act.is_landlocks_alone() { PATIENCE_ALONE } else { PATIENCE };
            now.saturating_duration_since(since) >= patience
        };
        let late = self.open.iter().filter(|(_, (since, act))| late(*since, act));
        let serials: Vec<u32> = late.map(|(&serial, _)| serial).collect();
        serials.into_iter().filter_map(|serial| self.open.remove(&serial)).map(|(_, act)| act).collect()
    }

    /// How many events never came, of those that had to come by now.
    pub fn lost(&mut self, now: Instant) -> u64 {
        self.gaps.lost(now)
    }

    /// Whether nothing waits.
    pub fn is_idle(&self) -> bool {
        self.open.is_empty() && self.gaps.missing.is_empty()
    }
}

/// Numbers that were skipped. Processors number their events at the start and send them at the end: a number may be late.
#[derive(Debug, Default)]
struct Gaps {
    highest: Option<u32>,
    missing: BTreeMap<u32, Instant>,
    lost: u64,
}

/// Missing numbers that are waited for; beyond, they count as lost at once.
const MISSING_MAX: u32 = 16 * 1024;

impl Gaps {
    fn saw(&mut self, serial: u32, now: Instant) {
        let Some(highest) = self.highest else {
            self.highest = Some(serial);
            return;
        };
        let ahead = serial.wrapping_sub(highest);
        // Behind (or the very same) is the farther half of the circle.
        if ahead == 0 || ahead > u32::MAX / 2 {
            self.missing.remove(&serial);
            return;
        }
        self.highest = Some(serial);
        let room = MISSING_MAX - u32::try_from(self.missing.len()).unwrap_or(MISSING_MAX).min(MISSING_MAX);
        let waited = (ahead - 1).min(room);
        self.lost += u64::from(ahead - 1 - waited);
        self.missing.extend((1..=waited).map(|back| (serial.wrapping_sub(back), now)));
    }

    fn lost(&mut self, now: Instant) -> u64 {
        let before = self.missing.len();
        self.missing.retain(|_, since| now.saturating_duration_since(*since) < PATIENCE);
        let late = before - self.missing.len();
        std::mem::take(&mut self.lost) + u64::try_from(late).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
