//! The kernel's audit subsystem (`NETLINK_AUDIT`): its rules, its state, and the records it sends to all who listen.
//!
//! It answers in the machine's first process, user and network namespaces only. Everything that is parsed holds text that
//! users chose: pure functions, every length bounded. It must not decide what is worth a record. Called by the launcher's
//! recorder.

mod address;
mod args;
mod assemble;
mod calls;
mod netlink;
mod record;
mod rules;

pub use address::address;
pub use args::Args;
pub use assemble::{Act, Assembler, LandlockDenial, PathName, SeccompDenial, Syscall};
pub use calls::{EXECUTE, is_exec, is_for_process, is_fork, name as call_name, process_of, writes};
pub use netlink::{AuditError, Control, Heard, Listener, Status, reachable};
pub use record::{Fields, Record, Value, kinds};
pub use rules::{KEY, Listed, Rule, ours, programs, refusals};
