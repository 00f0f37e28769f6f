//! What a service manager keeps, and servers of before: with the test in both their places.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_sys::activation::identity;
use portcullis_sys::exec::Exec;
use portcullis_sys::process::Process;
use portcullis_testing::{Stage, case, place, process, until};

use crate::drive::{Drive, UNIX, arguments};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("listeners are handed to the service manager, and taken from it at the next start", stored),
        case("what the service manager hands over for another address is closed", other_address),
    ]
}

/// A launcher that a service manager started, with these descriptors from 3 on.
struct Managed {
    process: Process,
    manager: UnixDatagram,
}

impl Managed {
    fn start(folder: &Path, fds: &[OwnedFd], for_it: bool) -> Result<Self> {
        let notify = folder.join("notify");
        let _ = std::fs::remove_file(&notify);
        let manager = UnixDatagram::bind(&notify)?;
        manager.set_nonblocking(true)?;
        // Only the shell knows the number of the process that it becomes.
        let mut exec = Exec::new(Path::new("/bin/sh"))?;
        let pid = if for_it { "$$" } else { "1" };
        exec.arg("-c").arg(format!("LISTEN_PID={pid} exec \"$0\" \"$@\""));
        exec.arg(place::program("portcullis-launcher"));
        for argument in arguments(folder) {
            exec.arg(argument);
        }
        exec.env("PATH", b"/usr/bin:/bin").env("NOTIFY_SOCKET", notify.as_os_str().as_encoded_bytes());
        exec.env("LISTEN_FDS", fds.len().to_string().as_bytes());
        exec.env("LISTEN_FDNAMES", vec!["portcullis-old"; fds.len()].join(":").as_bytes());
        for (number, fd) in fds.iter().enumerate() {
            exec.fd(3 + i32::try_from(number)?, fd.as_fd());
        }
        Ok(Self { process: exec.spawn()?, manager })
    }

    /// What it says until this line, with the descriptors that it gives.
    fn hears(&self, line: &str) -> Result<(String, Vec<OwnedFd>)> {
        let (mut said, mut given) = (String::new(), Vec::new());
        until::is(line, 30, || {
            let mut text = [0; 4096];
            while let Ok(received) = portcullis_sys::fd::receive(self.manager.as_fd(), &mut text) {
                said.push_str(&String::from_utf8_lossy(&text[..received.length]));
                given.extend(received.fds);
            }
            said.contains(line)
        })?;
        Ok((said, given))
    }

    fn ends(&self) -> Result<()> {
        self.process.signal(Signal::SIGINT)?;
        self.process.wait()?;
        Ok(())
    }

    /// The sockets it has.
    fn sockets(&self) -> Result<BTreeSet<u64>> {
        let links = std::fs::read_dir(format!("/proc/{}/fd", self.process.pid()))?;
        let number = |text: String| text.strip_prefix("socket:[")?.strip_suffix("]")?.parse().ok();
        Ok(links
            .flatten()
            .filter_map(|entry| number(std::fs::read_link(entry.path()).ok()?.to_str()?.to_owned()))
            .collect())
    }
}

fn identities(fds: &[OwnedFd]) -> Result<BTreeSet<u64>> {
    Ok(fds.iter().map(|fd| identity(fd.as_fd())).collect::<std::io::Result<_>>()?)
}

/// Folders of a launcher that is gone.
fn folder() -> Result<std::path::PathBuf> {
    let drive = Drive::start(UNIX, "drain-seconds=0", "")?;
    drop(drive.ready()?);
    drive.leave()
}

fn stored(_: &Stage) -> Result<()> {
    let folder = folder()?;
    let first = Managed::start(&folder, &[], true)?;
    let (said, kept) = first.hears("FDNAME=portcullis-127.0.0.1_")?;
    ensure!(said.contains("FDSTORE=1"), "{said}");
    ensure!(!kept.is_empty() && identities(&kept)?.is_subset(&first.sockets()?), "no sockets");
    // All of it dies: whoever connects now waits in what the manager keeps.
    first.process.signal(Signal::SIGKILL)?;
    first.process.wait()?;
    let again = kept.iter().map(|fd| fd.as_fd().try_clone_to_owned()).collect::<std::io::Result<Vec<_>>>()?;
    let address = TcpListener::from(again.into_iter().next().context("one")?).local_addr()?;
    let _waits = std::net::TcpStream::connect(address)?;
    // Somebody takes its server's place, so that it has a child that stays.
    let beside = folder.join("bin/test.sock");
    std::fs::remove_file(&beside)?;
    let stays = UnixListener::bind(&beside)?;
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o666))?;
    let second = Managed::start(&folder, &kept, true)?;
    until::is("the next one has them", 30, || {
        let (Ok(has), Ok(kept)) = (second.sockets(), identities(&kept)) else { return false };
        kept.is_subset(&has)
    })?;
    let environment = until::some("a child", 30, || {
        let children = process::all().into_iter().filter(|one| one.parent == second.process.pid());
        Ok(children
            .filter_map(|one| one.environment().ok())
            // One that is about to become another program has its parent's still.
            .find(|one| one.contains_key("PATH") && !one.contains_key("NOTIFY_SOCKET")))
    })?;
    ensure!(!environment.keys().any(|name| name.starts_with("LISTEN_")), "{environment:?}");
    drop(stays);
    second.ends()
}

fn other_address(_: &Stage) -> Result<()> {
    let folder = folder()?;
    let other = OwnedFd::from(TcpListener::bind("127.0.0.9:0")?);
    let given = [other];
    for for_it in [true, false] {
        let managed = Managed::start(&folder, &given, for_it)?;
        // Of an address that it is not to listen on, or meant for another process: neither is taken.
        let (said, _) = managed.hears("FDNAME=portcullis-127.0.0.1_")?;
        let forgets = said.contains("FDSTOREREMOVE=1\nFDNAME=portcullis-old\n");
        ensure!(forgets || !for_it || managed.hears("FDSTOREREMOVE=1").is_ok(), "{said}");
        if for_it {
            ensure!(identities(&given)?.is_disjoint(&managed.sockets()?), "it is open still");
        }
        managed.ends()?;
    }
    Ok(())
}
