//! Roles that live for one proof: what parses what strangers send, in C or in XML, begins with nothing and ends with its answer.
//!
//! Nobody can be harmed by it but whose proof it is. How many there are at a time is the pool's to say, as of PAM helpers.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::poll::PollFlags;
use nix::sys::memfd::{MFdFlags, memfd_create};
use portcullis_model::proof::{Failure, MethodName};
use portcullis_wire::WireError;
use portcullis_wire::identity::{FromAsk, ToAsk};

use super::link::Link;
use super::{ForAsk, Role, job};
use crate::launcher::Launcher;
use crate::log::say;

/// The role's word: the program's first argument, and its name in logs.
pub(crate) const fn word(method: MethodName) -> &'static str {
    match method {
        MethodName::Kerberos => "ticket",
        _ => "xml",
    }
}

/// Bytes as a file that is nowhere and that nobody changes any more, to be handed to a role: what only root may read.
pub(crate) fn sealed(name: &CStr, bytes: &[u8]) -> io::Result<OwnedFd> {
    /// `MFD_NOEXEC_SEAL` (Linux 6.3): no program, which some machines demand of every such file (`vm.memfd_noexec=2`).
    const NO_PROGRAM: MFdFlags = MFdFlags::from_bits_retain(8);
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let made = match memfd_create(name, flags | NO_PROGRAM) {
        Err(Errno::EINVAL) => memfd_create(name, flags),
        made => made,
    };
    let mut file = File::from(made?);
    file.write_all(bytes)?;
    let seals =
        SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(OwnedFd::from(file))
}

/// All that are under way, by method and number.
#[derive(Debug, Default)]
pub(super) struct Onces {
    all: BTreeMap<(MethodName, u64), Link<ToAsk, ForAsk>>,
    next: u64,
}

impl Onces {
    fn get(&mut self, role: Role) -> Option<&mut Link<ToAsk, ForAsk>> {
        let Role::Once(method, number) = role else { return None };
        self.all.get_mut(&(method, number))
    }

    /// Ends one: it has answered, or won't.
    fn end(&mut self, role: Role, now: Instant) -> Vec<ForAsk> {
        let Role::Once(method, number) = role else { return Vec::new() };
        self.all.remove(&(method, number)).map(|mut link| link.lost(now)).unwrap_or_default()
    }

    /// Whether this child is its process, and something is still to be heard of it.
    pub(super) fn is(&self, role: Role, pid: i32) -> bool {
        let Role::Once(method, number) = role else { return false };
        self.all.get(&(method, number)).is_some_and(|link| link.is(pid))
    }

    /// What to poll, and whose it is.
    pub(super) fn fds(&self) -> impl Iterator<Item = (Role, BorrowedFd<'_>, PollFlags)> {
        self.all.iter().filter_map(|(&(method, number), link)| {
            let (fd, flags) = link.fd()?;
            Some((Role::Once(method, number), fd, flags))
        })
    }

    /// When somebody has waited long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.all.values().filter_map(Link::deadline).min()
    }
}

impl Launcher {
    /// Has one proof examined by a process of its own; where there can't be one, the asker is told so at once. `beside` goes with
    /// the job.
    pub(crate) fn ask_once(
        &mut self,
        method: MethodName,
        who: ForAsk,
        deadline: Instant,
        beside: Option<OwnedFd>,
        message: impl FnOnce(u64) -> ToAsk,
        now: Instant,
    ) {
        self.identity.onces.next += 1;
        let role = Role::Once(method, self.identity.onces.next);
        let asked = match self.spawn_role(role) {
            Ok((process, channel, own)) => {
                let provider = self.identity.saml.for_role(role);
                let job = job::job(role, &self.active, self.identity.node, own.as_deref(), provider);
                let job = Box::new(job);
                let mut link = Link::new(now);
                link.started(process, channel, (ToAsk::Job(job), beside), now);
                let asked = link.ask_started(who, deadline, message).map(drop);
                self.identity.onces.all.insert((method, self.identity.onces.next), link);
                asked
            }
            Err(why) => {
                say!(Error, "the identity program can't be started role={}: {why}", role.name());
                Err(who)
            }
        };
        if let Err(who) = asked {
            self.hear_proof(who, Err(Failure::Unreachable), now);
        }
    }

    /// Has a ticket examined. The key table is the service's own secret: who has it can make tickets of anybody for it, so it is in
    /// the process that examines one, and in no file that this process's account could open.
    pub(crate) fn ask_ticket(
        &mut self,
        who: ForAsk,
        deadline: Instant,
        message: impl FnOnce(u64) -> ToAsk,
        now: Instant,
    ) {
        let role = Role::Once(MethodName::Kerberos, 0);
        let table = self.active.secrets.iter().find(|secret| secret.role.is_told_as(role));
        let beside = table.map(|table| sealed(c"portcullis-keytab", table.named.bytes.expose())).transpose();
        match beside {
            Ok(Some(table)) => {
                self.ask_once(MethodName::Kerberos, who, deadline, Some(table), message, now);
            }
            other => {
                say!(Error, "the key table can't be handed over: {:?}", other.err());
                self.hear_proof(who, Err(Failure::Unreachable), now);
            }
        }
    }

    /// One message of it. Its answer is the last: whatever it would say behind that is heard by nobody.
    pub(super) fn hear_once(&mut self, role: Role, now: Instant) -> Result<bool, WireError> {
        let Some(link) = self.identity.onces.get(role) else { return Ok(false) };
        let Some(message) = link.receive::<FromAsk>()? else { return Ok(false) };
        match message {
            FromAsk::Ready => {}
            FromAsk::Answer { request, result } => {
                let who = link.answered(request).ok_or(WireError::Malformed)?;
                self.identity.onces.end(role, now);
                self.hear_proof(who, result, now);
            }
            FromAsk::Step { .. } | FromAsk::Piece { .. } => return Err(WireError::Malformed), // nobody wanted to be told
        }
        Ok(true)
    }

    /// It is gone, or is to go: whoever still waits is told.
    pub(super) fn once_lost(&mut self, role: Role, now: Instant) {
        for who in self.identity.onces.end(role, now) {
            self.hear_proof(who, Err(Failure::Unreachable), now);
        }
    }

    /// Ends those that had their time.
    pub(super) fn tick_once(&mut self, now: Instant) {
        let late = |link: &Link<ToAsk, ForAsk>| link.deadline().is_some_and(|at| now >= at);
        let late = self.identity.onces.all.iter().filter(|(_, link)| late(link));
        let late: Vec<Role> = late.map(|(&(method, number), _)| Role::Once(method, number)).collect();
        for role in late {
            for who in self.identity.onces.end(role, now) {
                self.hear_proof(who, Err(Failure::Slow), now);
            }
        }
    }

    /// Sends what waits.
    pub(super) fn flush_once(&mut self, now: Instant) {
        let mut broken = Vec::new();
        for (&(method, number), link) in &mut self.identity.onces.all {
            if let Err(error) = link.flush() {
                broken.push((Role::Once(method, number), error));
            }
        }
        for (role, error) in broken {
            self.role_broke(role, &error, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};

    use super::*;

    #[test]
    fn what_is_sealed_is_read_and_never_changed() {
        let mut file = File::from(sealed(c"test", b"the table").expect("made"));
        let mut text = String::new();
        file.rewind().expect("at its begin");
        file.read_to_string(&mut text).expect("read");
        assert_eq!(text, "the table");
        file.rewind().expect("at its begin");
        let refused = file.write(b"x").expect_err("it is sealed");
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert!(file.set_len(0).is_err() && file.set_len(1000).is_err());
        assert_eq!(fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::empty())), Err(Errno::EPERM));
    }

    #[test]
    fn roles_of_one_proof_have_the_words_that_the_program_knows() {
        assert_eq!((word(MethodName::Kerberos), word(MethodName::Saml)), ("ticket", "xml"));
    }
}
