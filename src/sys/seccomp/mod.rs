//! Which system calls a session can't make: a table of closed calls, each with its reason, compiled to filters.
//!
//! Everything that is not in the table passes: sessions run whatever their users bring, and a list of what may pass would have
//! to foresee it. Closed is what no IDE, interpreter or tool in one needs, and what leads around another protection.
//! Calls of another architecture or numbering end the process, since their numbers mean something else.
//!
//! The server's own filter is the other way round ([`Filter::server`]): what passes is listed.
//!
//! The filters are put in force in a child by [`crate::exec`], or in this process by [`Filter::apply`]. It decides nothing:
//! which [`Sets`] are closed is the caller's business.

mod compile;
mod reference;
mod row;
mod rows;

use nix::errno::Errno;
use thiserror::Error;

pub use self::reference::reference;
pub use self::row::{Answer, Row, When};
pub use self::rows::server::Passing;
pub use self::rows::{Set, rows};

/// Why there is no filter.
#[derive(Debug, Error)]
#[error("the filter for system calls can't be compiled")]
pub struct FilterError(#[from] seccompiler::BackendError);

/// Which sets of rows are closed beside those that always are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sets {
    /// Emptying a file that can't be written: where Landlock does not know that.
    pub truncation: bool,
    /// Programs that stand in memory alone: where the kernel can't be told to make none.
    pub memory_programs: bool,
    /// Other processes' memory: where neither Landlock nor a process namespace keeps them out of reach.
    pub tracing: bool,
    /// Choosing processors: where they are chosen for the session.
    pub processors: bool,
}

/// What a role of the identity program does beside reading its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// It connects to others.
    Connections,
    /// That, and it has files in a folder of its own.
    Files,
    /// It opens files, and talks to nobody but its parent.
    Alone,
}

/// Filters, ready to be put in force.
#[derive(Debug)]
pub struct Filter {
    programs: Vec<Program>,
}

#[derive(Debug)]
struct Program {
    code: Vec<libc::sock_filter>,
    flags: libc::c_ulong,
}

/// Two programs at most, one that tells the kernel's audit system and one that doesn't: a call whose arguments count, as
/// `ioctl` does, runs through all of them each time. All others the kernel decides by their number, without any.
fn closing(closed: Vec<&Row>) -> Result<Vec<Program>, FilterError> {
    let mut programs: Vec<(libc::c_ulong, Vec<compile::Code>)> = Vec::new();
    // ORDER: of answers that differ in their error alone, the last of the table counts.
    for answer in Answer::ALL.into_iter().rev() {
        let rows: Vec<&Row> = closed.iter().copied().filter(|row| row.answer == answer).collect();
        if rows.is_empty() {
            continue;
        }
        let code = compile::program(&rows, answer)?;
        match programs.iter_mut().find(|(flags, _)| *flags == answer.flags()) {
            Some((_, parts)) => parts.push(code),
            None => programs.push((answer.flags(), vec![code])),
        }
    }
    Ok(programs
        .into_iter()
        .map(|(flags, parts)| Program { code: compile::one_after_the_other(parts), flags })
        .collect())
}

/// What the server may call.
pub fn passing() -> impl Iterator<Item = &'static Passing> {
    rows::server::PASSING.iter().chain(rows::server::PASSING_ON_X86)
}

impl Filter {
    /// Compiles the rows of these sets.
    ///
    /// # Errors
    /// When a row can't be compiled; the table's tests rule that out.
    pub fn new(sets: Sets) -> Result<Self, FilterError> {
        Ok(Self {
            programs: closing(
                rows().filter(|(set, _)| set.is_in(sets)).flat_map(|(_, rows)| rows.iter()).collect(),
            )?,
        })
    }

    /// The server's: what it needs passes, everything else is refused.
    ///
    /// # Errors
    /// When a row can't be compiled; the table's tests rule that out.
    pub fn server() -> Result<Self, FilterError> {
        Self::listing(passing().flat_map(|passing| passing.calls).copied(), &[])
    }

    /// That of a role of the identity program.
    ///
    /// # Errors
    /// When a row can't be compiled; the table's tests rule that out.
    pub fn identity(role: Identity) -> Result<Self, FilterError> {
        let numbers = |passing: &'static Passing| passing.calls.iter().copied();
        let servers = passing().flat_map(numbers);
        match role {
            Identity::Connections => Self::listing(servers, &[]),
            Identity::Files => {
                let own = rows::identity::FILES.iter().chain(rows::identity::FILES_ON_X86);
                Self::listing(servers.chain(own.flat_map(numbers)), &[])
            }
            Identity::Alone => {
                let without = |call: &libc::c_long| !rows::identity::NOT_ALONE.contains(call);
                Self::listing(servers.filter(without), rows::identity::ALONE)
            }
        }
    }

    fn listing(
        numbers: impl Iterator<Item = libc::c_long>,
        besides: &'static [Row],
    ) -> Result<Self, FilterError> {
        let numbers: Vec<libc::c_long> = numbers.collect();
        let listed = Program { code: compile::only(&numbers)?, flags: Answer::Refused.flags() };
        // ORDER: the list first: it lets the call through that loads the others.
        let mut programs = vec![listed];
        let closed = rows::server::CLOSED.iter().chain(rows::NAMESPACES).chain(besides);
        programs.extend(closing(closed.collect())?);
        Ok(Self { programs })
    }

    /// What the server gives up itself as the first thing it does.
    ///
    /// # Errors
    /// When a row can't be compiled; the table's tests rule that out.
    pub fn started() -> Result<Self, FilterError> {
        Ok(Self { programs: closing(rows::server::STARTED.iter().collect())? })
    }

    /// The programs with their flags, to be loaded one after the other. Good as long as this value.
    pub(crate) fn programs(&self) -> Vec<(libc::sock_fprog, libc::c_ulong)> {
        let pointed = |program: &Program| libc::sock_fprog {
            len: u16::try_from(program.code.len()).unwrap_or(0), // 0 is refused by the kernel; the compiler's limit is 4096
            filter: program.code.as_ptr().cast_mut(),
        };
        self.programs.iter().map(|program| (pointed(program), program.flags)).collect()
    }

    /// Puts it in force for this thread and what it starts, for ever. Needs `no_new_privs` or root.
    ///
    /// # Errors
    /// `EACCES` without either.
    pub fn apply(&self) -> Result<(), Errno> {
        for (program, flags) in self.programs() {
            let set = libc::SECCOMP_SET_MODE_FILTER;
            // SAFETY: the program points to instructions that live as long as `self`; the kernel copies and checks them.
            let done = unsafe { libc::syscall(libc::SYS_seccomp, set, flags, &raw const program) };
            Errno::result(done)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
