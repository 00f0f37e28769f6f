//! A network of the test's own with a group in it, and children that run inside.

use std::fs::File;
use std::io::Read;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};

use crate::bpf::{Destination, Rules, attach, telling};
use crate::cgroup::{Group, Hierarchies, Quota};
use crate::fork::{child_for_test, needs_root};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A group that is removed at the end of the test.
pub(super) struct Inside {
    group: Group,
}

impl Inside {
    /// A group of the user `uid`, in the network of this thread.
    pub(super) fn of(uid: u32) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{}-{number}", std::process::id());
        let none = Quota::default();
        let group = Hierarchies::find().make(uid, &name, &none, &none).expect("a group");
        assert!(group.unified().is_some(), "these tests need control groups of version 2");
        Self { group }
    }

    pub(super) fn path(&self) -> &Path {
        self.group.unified().expect("looked at above")
    }

    pub(super) fn rule(&self, rules: &Rules) {
        self.put_in_force(rules, None);
    }

    /// The same; what is refused is told in what comes back.
    pub(super) fn rule_and_tell(&self, rules: &Rules) -> OwnedFd {
        let ring = telling().expect("a ring");
        self.put_in_force(rules, Some(ring.as_fd()));
        ring
    }

    fn put_in_force(&self, rules: &Rules, telling: Option<BorrowedFd<'_>>) {
        if let Err(error) = attach(self.path(), rules, telling) {
            panic!("{error}: {:?}", std::error::Error::source(&error));
        }
    }

    /// What a child in the group gets: 0, or the error's number.
    pub(super) fn attempt(&self, body: impl FnOnce() -> Result<(), Errno>) -> Tried {
        let procs = self.path().join("cgroup.procs");
        Tried(child_for_test(|| {
            enter(&procs);
            match body() {
                Ok(()) => 0,
                Err(errno) => u8::try_from(errno as i32).unwrap_or(254),
            }
        }))
    }

    /// A child in the group that has something ready when this returns, and stays.
    pub(super) fn serve<T>(&self, ready: impl FnOnce() -> T, then: impl FnOnce(T)) -> Served {
        let procs = self.path().join("cgroup.procs");
        serve(move || enter(&procs), ready, then)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = self.group.kill();
        let _ = self.group.wait_empty(Duration::from_secs(5));
        let _ = self.group.remove();
    }
}

fn enter(procs: &PathBuf) {
    std::fs::write(procs, "0").expect("into the group");
}

/// What became of a try.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tried(pub(super) u8);

pub(super) const DONE: Tried = Tried(0);
pub(super) const REFUSED: Tried = Tried(Errno::EPERM as u8);

impl std::fmt::Debug for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => f.write_str("done"),
            number => write!(f, "{:?}", Errno::from_raw(number.into())),
        }
    }
}

/// A child, ended with this value.
pub(super) struct Served(i32);

impl Drop for Served {
    fn drop(&mut self) {
        // Ours and not reaped, so the number is its.
        let pid = nix::unistd::Pid::from_raw(self.0);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        let _ = nix::sys::wait::waitpid(pid, None);
    }
}

/// Forks; returns when `ready` has run in the child.
pub(super) fn serve<T>(first: impl FnOnce(), ready: impl FnOnce() -> T, then: impl FnOnce(T)) -> Served {
    let (reader, writer) = crate::fd::pipe().expect("a pipe");
    let mut reader = File::from(reader);
    // SAFETY: as for `child_for_test`: bodies keep to system calls and small allocations, and the child leaves by `_exit`.
    match unsafe { nix::unistd::fork() }.expect("a child") {
        nix::unistd::ForkResult::Child => {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                first();
                let value = ready();
                nix::unistd::write(&writer, b"r").expect("told");
                drop(writer);
                then(value);
            }));
            // SAFETY: ends the process; takes a number and does not return.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        nix::unistd::ForkResult::Parent { child } => {
            drop(writer);
            let served = Served(child.as_raw());
            let mut byte = [0];
            reader.read_exact(&mut byte).expect("the child is ready");
            served
        }
    }
}

/// A network of this thread's own, with these further addresses on its loopback interface.
pub(super) fn own_network(addresses: &[&str]) {
    needs_root();
    unshare(CloneFlags::CLONE_NEWNET).expect("a network");
    ip("link set lo up");
    for address in addresses {
        let quick = if address.contains(':') { " nodad" } else { "" };
        ip(&format!("addr add {address} dev lo{quick}"));
    }
}

/// A second network behind a cable: 10.77.0.1 and fd77::1 here, 10.77.0.2 and fd77::2 there.
pub(super) fn cable() -> Served {
    let outside = serve(
        || (),
        || {
            unshare(CloneFlags::CLONE_NEWNET).expect("a network");
        },
        |()| loop {
            nix::unistd::pause();
        },
    );
    ip(&format!("link add inner type veth peer name outer netns {}", outside.0));
    for command in
        ["addr add 10.77.0.1/24 dev inner", "addr add fd77::1/64 dev inner nodad", "link set inner up"]
    {
        ip(command);
    }
    outside.enter(|| {
        for command in [
            "addr add 10.77.0.2/24 dev outer",
            "addr add fd77::2/64 dev outer nodad",
            "link set outer up",
            "link set lo up",
        ] {
            ip(command);
        }
    });
    // A cable is there when both ends know each other: nobody listens, and says so.
    for address in ["10.77.0.2:9", "[fd77::2]:9"] {
        let address = address.parse().expect("an address");
        let answers = || {
            let error =
                TcpStream::connect_timeout(&address, Duration::from_millis(200)).expect_err("nobody listens");
            error.kind() == std::io::ErrorKind::ConnectionRefused
        };
        assert!((0..50).any(|_| answers()), "nothing is heard from {address}");
    }
    outside
}

impl Served {
    /// Runs something in the child's network, on a thread of its own.
    pub(super) fn enter<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        let network = std::fs::File::open(format!("/proc/{}/ns/net", self.0)).expect("its network");
        std::thread::scope(|scope| {
            let there = scope.spawn(move || {
                nix::sched::setns(network, CloneFlags::CLONE_NEWNET).expect("entered");
                body()
            });
            there.join().expect("done there")
        })
    }
}

fn ip(command: &str) {
    let done = Command::new("ip").args(command.split(' ')).status().expect("the program ip");
    assert!(done.success(), "ip {command}");
}

/// A rule, from text.
pub(super) fn to(network: &str, ports: Option<(u16, u16)>) -> Destination {
    let (address, prefix) = match network.split_once('/') {
        Some((address, prefix)) => (address, prefix.parse().expect("a prefix")),
        None => (network, if network.contains(':') { 128 } else { 32 }),
    };
    Destination { address: address.parse().expect("an address"), prefix, ports }
}
