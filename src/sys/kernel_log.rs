//! The kernel's log (`/dev/kmsg`), for the one thing that stands nowhere else: which process it ended for want of memory.
//!
//! Read when a group's counter says that there was one, never followed: a busy kernel writes much. What cannot be read (in a
//! container, mostly) is not known. Called by the launcher.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;

/// A process that the kernel ended because a group's memory was used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfMemory {
    /// The record's number: later ones are larger.
    pub number: u64,
    /// The group whose limit it was, from the hierarchy's root; empty when it was the machine's memory.
    pub limited: String,
    /// The group that the process was in.
    pub group: String,
    /// The process' name for itself, at most 15 bytes: its own choice.
    pub name: String,
    /// Its number, in the machine's own process namespace.
    pub pid: i32,
}

/// Records read at most: more than a log of four megabytes holds.
const RECORDS_MAX: usize = 65_536;
/// Longest record (`CONSOLE_EXT_LOG_MAX` of the kernel).
const RECORD_MAX: usize = 8192;

/// Those after the record of this number that the log still has, oldest first.
pub fn out_of_memory(after: u64) -> Vec<OutOfMemory> {
    let mut options = OpenOptions::new();
    let Ok(mut log) = options.read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut record = vec![0; RECORD_MAX];
    for _ in 0..RECORDS_MAX {
        match log.read(&mut record) {
            Ok(0) => break,
            Ok(length) => found.extend(parse(&String::from_utf8_lossy(&record[..length]))),
            // Overwritten while it was read; the next read gets the oldest that is left.
            Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    found.retain(|one: &OutOfMemory| one.number > after);
    found
}

/// One record: `priority,number,time,flags;text`. Only the kernel's own count: programs can write to this log too.
fn parse(record: &str) -> Option<OutOfMemory> {
    let (head, text) = record.split_once(';')?;
    let mut fields = head.split(',');
    let priority: u32 = fields.next()?.parse().ok()?;
    let number = fields.next()?.parse().ok()?;
    // The name is chosen by the process, with commas too, so both its sides are found from the outside.
    let text = text.lines().next()?.strip_prefix("oom-kill:").filter(|_| priority >> 3 == 0)?;
    let (before, rest) = text.split_once(",task_memcg=")?;
    let (group, rest) = rest.split_once(",task=")?;
    let (rest, _uid) = rest.rsplit_once(",uid=")?;
    let (name, pid) = rest.rsplit_once(",pid=")?;
    let limited = before.split_once(",oom_memcg=").map_or("", |(_, path)| path);
    let name: String = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    Some(OutOfMemory {
        number,
        limited: limited.to_owned(),
        group: group.to_owned(),
        name,
        pid: pid.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "6,1207,98765432,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,";

    #[test]
    fn the_victim_is_read() {
        let line = format!(
            "{HEAD}oom_memcg=/x/user-7/session-1,task_memcg=/x/user-7/session-1,task=python3,pid=4711,uid=7\n SUBSYSTEM=x\n"
        );
        let wanted = OutOfMemory {
            number: 1207,
            limited: "/x/user-7/session-1".into(),
            group: "/x/user-7/session-1".into(),
            name: "python3".into(),
            pid: 4711,
        };
        assert_eq!(parse(&line), Some(wanted));
    }

    #[test]
    fn the_machine_has_no_group_and_a_name_may_say_anything() {
        let line = "4,9,1,-;oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,\
                    task_memcg=/user-7/session-1,task=a,pid=1,uid=0,pid=22,uid=7\n";
        let found = parse(line).expect("a victim");
        assert_eq!((found.limited.as_str(), found.name.as_str(), found.pid), ("", "a,pid=1,uid=0", 22));
    }

    #[test]
    fn what_a_program_wrote_is_not_the_kernels() {
        let line = HEAD.replacen("6,", "14,", 1) + "oom_memcg=/a,task_memcg=/a,task=x,pid=1,uid=7\n";
        assert_eq!(parse(&line), None);
        for other in ["", "6,1,2,-;Killed process 1 (x)\n", "x", "6,1,2,-;oom-kill:task=x\n"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
