//! Every act is tried in a process of its own, under rules and, as the control, without.

use std::fs;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use super::*;
use crate::exec::{Exec, ExecError, ExecStep};
use crate::fork::{child_for_test, program_for_test};
use crate::process::Process;

const READ: Access = Access { read: true, write: false, execute: false, arrange: false };
const WRITE: Access = Access { read: true, write: true, execute: false, arrange: false };
const RUN: Access = Access { read: true, write: false, execute: true, arrange: false };
const ARRANGE: Access = Access { read: false, write: false, execute: false, arrange: true };

/// What the loader of a dynamic program and its libraries need.
const LIBRARIES: [&str; 3] = ["/usr/lib", "/lib", "/etc/ld.so.cache"];
const LOADERS: [&str; 2] = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];

fn rule(path: impl Into<PathBuf>, access: Access) -> Rule {
    Rule { path: path.into(), access, links: true }
}

fn kernel() -> u32 {
    version().expect("Landlock: this test means nothing without it").min(9)
}

/// Runs it in a child under the ruleset; 0 when it worked, else the errno.
fn inside<T>(ruleset: Option<&Ruleset>, act: impl FnOnce() -> io::Result<T>) -> i32 {
    i32::from(child_for_test(|| {
        if let Some(ruleset) = ruleset {
            crate::attributes::no_new_privs().expect("set");
            ruleset.restrict_self().expect("in force");
        }
        match act() {
            Ok(_) => 0,
            Err(error) => u8::try_from(error.raw_os_error().unwrap_or(254)).unwrap_or(253),
        }
    }))
}

/// Executes it in this process: its exit status is the child's.
fn execute(path: &Path, arg: &Path) -> io::Result<()> {
    let text = |path: &Path| std::ffi::CString::new(path.as_os_str().as_bytes()).expect("plain");
    let _ = nix::unistd::execv(&text(path), &[text(path), text(arg)]);
    Err(io::Error::last_os_error())
}

/// A folder to read, one to write with two below, one that no rule names; each with a file.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        for folder in ["read", "write/a", "write/b", "other"] {
            fs::create_dir_all(dir.path().join(folder)).expect("made");
        }
        for file in ["read/f", "write/a/f", "other/f"] {
            fs::write(dir.path().join(file), "text").expect("written");
        }
        let program = fs::read("/bin/true").expect("a program");
        for folder in ["read", "write", "other"] {
            program_for_test(&program, &dir.path().join(folder).join("true"));
        }
        symlink("../other/f", dir.path().join("read/link")).expect("made");
        Self(dir)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn rules(&self) -> Vec<Rule> {
        let libraries = LIBRARIES.iter().map(|path| rule(*path, READ));
        let loaders = LOADERS.iter().map(|path| rule(*path, RUN));
        let own = [
            rule(self.at("read"), READ),
            rule(self.at("read/true"), RUN),
            rule(self.at("write"), WRITE),
            rule("/dev", WRITE),
        ];
        libraries.chain(loaders).chain(own).collect()
    }
}

#[test]
fn each_version_adds_its_rights() {
    use AccessFs::*;
    let everything = Access { read: true, write: true, execute: true, arrange: true };
    let first = ReadFile | ReadDir | WriteFile | RemoveDir | RemoveFile | MakeDir | MakeReg | MakeSock;
    let first = first | MakeFifo | MakeSym | Execute;
    let none = BitFlags::empty();
    for (version, added, flags_wanted, scoped) in [
        (1, none, 0, false),
        (2, none | Refer, 0, false),
        (3, Refer | Truncate, 0, false),
        (4, Refer | Truncate, 0, false),
        (5, Refer | Truncate | IoctlDev, 0, false),
        (6, Refer | Truncate | IoctlDev, 0, true),
        (7, Refer | Truncate | IoctlDev, 2, true),
        (8, Refer | Truncate | IoctlDev, 2, true),
        (9, Refer | Truncate | IoctlDev | ResolveUnix, 2, true),
        (10, Refer | Truncate | IoctlDev | ResolveUnix, 2, true),
    ] {
        let wanted = first | added;
        assert_eq!(rights(version, everything, true), wanted, "{version}");
        assert_eq!(handled(version, Handled::Files), wanted | MakeChar | MakeBlock, "{version}");
        let of_files = ReadFile | WriteFile | Execute | Truncate | IoctlDev | ResolveUnix;
        assert_eq!(rights(version, everything, false), wanted & of_files, "{version}");
        let programs = handled(version, Handled::Programs);
        assert_eq!(programs, (Execute | Refer) & wanted, "{version}");
        assert_eq!(handled(version, Handled::Nothing), none, "{version}");
        assert_eq!(flags(version), flags_wanted, "{version}");
        assert_eq!(scopes(version) == (Scope::AbstractUnixSocket | Scope::Signal), scoped, "{version}");
        assert_eq!(rights(version, READ, true) & !(ReadFile | ReadDir | ResolveUnix), none, "{version}");
        assert_eq!(rights(version, RUN, false) & (WriteFile | Truncate), none, "{version}");
    }
}

#[test]
fn a_version_that_the_kernel_does_not_have_is_an_error() {
    if kernel() < 9 {
        assert!(matches!(
            Ruleset::new(9, Handled::Files, &[]),
            Err(LandlockError::Create { version: 9, .. })
        ));
    }
    assert!(Ruleset::new(0, Handled::Files, &[]).is_err());
    assert!(Ruleset::new(1, Handled::Nothing, &[]).is_err(), "it would hold nothing");
}

#[test]
fn files_are_reached_as_far_as_rules_go() {
    const NO: i32 = libc::EACCES;
    for version in 1..=kernel() {
        let tried = |act: &dyn Fn(&Place) -> io::Result<()>, wanted: i32, what: &str| {
            let (place, control) = (Place::new(), Place::new());
            let made = Ruleset::new(version, Handled::Files, &place.rules()).expect("a ruleset");
            assert_eq!(inside(Some(&made), || act(&place)), wanted, "version {version}: {what}");
            assert_eq!(inside(None, || act(&control)), 0, "without rules: {what}");
        };
        let cross = if version < MOVES_SINCE { libc::EXDEV } else { 0 };
        tried(&|it| fs::read(it.at("read/f")).map(drop), 0, "read");
        tried(&|it| fs::read(it.at("other/f")).map(drop), NO, "read elsewhere");
        tried(&|it| fs::read(it.at("read/link")).map(drop), NO, "read by a link to elsewhere");
        tried(&|it| fs::read_dir(it.at("read")).map(drop), 0, "list");
        tried(&|it| fs::read_dir(it.at("other")).map(drop), NO, "list elsewhere");
        tried(&|it| fs::read_dir(it.at("")).map(drop), NO, "list above");
        tried(&|it| append(&it.at("read/f")), NO, "write what may be read");
        tried(&|it| append(&it.at("other/f")), NO, "write elsewhere");
        tried(&|it| fs::write(it.at("write/a/f"), "x"), 0, "write");
        tried(&|it| fs::write(it.at("write/b/new"), "x"), 0, "make a file");
        tried(&|it| fs::write(it.at("read/new"), "x"), NO, "make a file where one may read");
        tried(&|it| fs::create_dir(it.at("write/d")), 0, "make a folder");
        tried(&|it| fs::create_dir(it.at("other/d")), NO, "make a folder elsewhere");
        tried(&|it| symlink("x", it.at("write/s")), 0, "make a link");
        tried(&|it| symlink("x", it.at("read/s")), NO, "make a link where one may read");
        tried(&|it| UnixListener::bind(it.at("write/u")).map(drop), 0, "make a socket");
        tried(&|it| UnixListener::bind(it.at("other/u")).map(drop), NO, "make a socket elsewhere");
        tried(&|it| fs::remove_file(it.at("read/f")), NO, "remove what may be read");
        tried(&|it| fs::remove_file(it.at("write/a/f")), 0, "remove");
        tried(&|it| fs::remove_dir(it.at("write/b")), 0, "remove a folder");
        tried(&|it| fs::rename(it.at("write/a/f"), it.at("write/a/g")), 0, "rename");
        tried(&|it| fs::rename(it.at("write/a/f"), it.at("write/b/f")), cross, "move");
        tried(&|it| fs::rename(it.at("write/a/f"), it.at("other/g")), NO, "move out");
        tried(&|it| fs::rename(it.at("other/f"), it.at("write/g")), NO, "move in");
        tried(&|it| fs::hard_link(it.at("write/a/f"), it.at("write/b/f")), cross, "link");

        tried(&|it| fs::hard_link(it.at("read/f"), it.at("write/g")), libc::EXDEV, "link to gain writing");
        let shorten = if version < TRUNCATES_SINCE { 0 } else { NO };
        tried(&|it| truncate(&it.at("read/f")), shorten, "truncate what may be read");
        tried(&|it| truncate(&it.at("other/f")), shorten, "truncate elsewhere");
        tried(&|it| truncate(&it.at("write/a/f")), 0, "truncate");
        tried(&|it| execute(&it.at("read/true"), Path::new("")), 0, "execute");
        tried(&|it| execute(&it.at("write/true"), Path::new("")), NO, "execute what may be written");
        tried(&|it| execute(&it.at("other/true"), Path::new("")), NO, "execute elsewhere");
        tried(&|_| terminal(), 0, "a terminal");
    }
}

fn append(path: &Path) -> io::Result<()> {
    fs::OpenOptions::new().append(true).open(path).map(drop)
}

fn truncate(path: &Path) -> io::Result<()> {
    Ok(nix::unistd::truncate(path, 0)?)
}

/// Makes one, opens its other end by name and asks for its size: control calls, which version 5 rules.
fn terminal() -> io::Result<()> {
    let open = |path: &str| fs::OpenOptions::new().read(true).write(true).open(path);
    let first = open("/dev/ptmx")?;
    let (mut number, unlocked) = (0_u32, 0_i32);
    // SAFETY: control calls that read or fill a number or a size that lives during the call.
    unsafe {
        Errno::result(libc::ioctl(first.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked))?;
        Errno::result(libc::ioctl(first.as_raw_fd(), libc::TIOCGPTN, &raw mut number))?;
        let other = open(&format!("/dev/pts/{number}"))?;
        let mut size: libc::winsize = std::mem::zeroed();
        Errno::result(libc::ioctl(other.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size))?;
    }
    Ok(())
}

#[test]
fn the_loader_runs_nothing_that_can_not_be_read() {
    let place = Place::new();
    let made = Ruleset::new(kernel(), Handled::Files, &place.rules()).expect("a ruleset");
    let loader = LOADERS.iter().map(Path::new).find(|path| path.exists()).expect("a loader");
    let load = |file: &str| inside(Some(&made), || execute(loader, &place.at(file)));
    assert_eq!(inside(None, || execute(loader, &place.at("other/true"))), 0, "the control");
    assert_ne!(load("other/true"), 0, "unreadable");
    // What the documentation says remains: only a mount without programs closes it.
    assert_eq!(load("write/true"), 0, "readable");
}

#[test]
fn only_programs_are_ruled_where_that_was_asked() {
    for version in 1..=kernel() {
        let place = Place::new();
        let mut rules: Vec<Rule> = LOADERS.iter().map(|path| rule(*path, RUN)).collect();
        rules.extend([rule(place.at("read/true"), RUN), rule("/", ARRANGE)]);
        let made = Ruleset::new(version, Handled::Programs, &rules).expect("a ruleset");
        let inside = |act: &dyn Fn() -> io::Result<()>| inside(Some(&made), act);
        assert_eq!(inside(&|| execute(&place.at("read/true"), Path::new(""))), 0);
        assert_eq!(inside(&|| execute(&place.at("other/true"), Path::new(""))), libc::EACCES);
        assert_eq!(inside(&|| fs::read(place.at("other/f")).map(drop)), 0);
        assert_eq!(inside(&|| fs::write(place.at("other/new"), "x")), 0);
        let moved = inside(&|| fs::rename(place.at("other/f"), place.at("write/f")));
        assert_eq!(moved, if version < MOVES_SINCE { libc::EXDEV } else { 0 }, "version {version}");
    }
}

#[test]
fn signals_sockets_and_tracing_stay_inside() {
    let sleeper =
        Exec::new(Path::new("/bin/sleep")).expect("a program").arg("1000").spawn().expect("a child");
    let name =
        SocketAddr::from_abstract_name(format!("portcullis-test-{}", std::process::id())).expect("a name");
    let _listener = UnixListener::bind_addr(&name).expect("bound");
    let signal =
        || -> io::Result<()> { Ok(nix::sys::signal::kill(nix::unistd::Pid::from_raw(sleeper.pid()), None)?) };
    let connect = || UnixStream::connect_addr(&name).map(drop);
    let trace = || -> io::Result<()> {
        let nothing = std::ptr::null_mut::<libc::c_void>();
        // SAFETY: seizing takes numbers and null pointers; the other goes on running.
        Errno::result(unsafe { libc::ptrace(libc::PTRACE_SEIZE, sleeper.pid(), nothing, nothing) })?;
        Ok(())
    };
    let own = || -> io::Result<()> {
        let own = SocketAddr::from_abstract_name(format!("portcullis-test-own-{}", std::process::id()))?;
        let _listener = UnixListener::bind_addr(&own)?;
        UnixStream::connect_addr(&own)?;
        Ok(nix::sys::signal::kill(nix::unistd::getpid(), None)?)
    };
    assert_eq!((inside(None, signal), inside(None, connect)), (0, 0), "the control");
    let traced = inside(None, trace); // refused already where the machine allows it to parents only
    assert!(traced == 0 || traced == libc::EPERM, "{traced}");
    for version in 1..=kernel() {
        let what = if version < SCOPES_SINCE { Handled::Programs } else { Handled::Nothing };
        let made = Ruleset::new(version, what, &[]).expect("a ruleset");
        let wanted = if version < SCOPES_SINCE { 0 } else { libc::EPERM };
        assert_eq!(inside(Some(&made), signal), wanted, "version {version}");
        assert_eq!(inside(Some(&made), connect), wanted, "version {version}");
        assert_eq!(inside(Some(&made), trace), libc::EPERM, "version {version}");
        assert_eq!(inside(Some(&made), own), 0, "version {version}");
    }
    end(&sleeper);
}

fn end(process: &Process) {
    process.signal(nix::sys::signal::Signal::SIGKILL).expect("ours");
    process.wait().expect("its end");
}

#[test]
fn what_is_not_there_is_left_out_and_nothing_else() {
    let place = Place::new();
    let list =
        [rule(place.at("none"), READ), rule(place.at("read/f/below"), READ), rule(place.at("read"), READ)];
    let made = Ruleset::new(kernel(), Handled::Files, &list).expect("a ruleset");
    assert_eq!(made.left_out(), [place.at("none"), place.at("read/f/below")]);
    let twice = "x".repeat(5000);
    assert!(matches!(
        Ruleset::new(kernel(), Handled::Files, &[rule(&*twice, READ)]),
        Err(LandlockError::Open { errno: Errno::ENAMETOOLONG, .. })
    ));
}

#[test]
fn a_program_is_started_under_rules_and_this_process_is_not() {
    let place = Place::new();
    let made = Ruleset::new(kernel(), Handled::Files, &place.rules()).expect("a ruleset");
    let start = |program: &Path, privileges: bool| {
        let mut exec = Exec::new(program).expect("a program");
        exec.landlock(made.as_fd(), made.flags());
        if !privileges {
            exec.no_new_privs();
        }
        exec.spawn().map(|child| child.wait().expect("its end").to_string())
    };
    assert_eq!(start(&place.at("read/true"), false).expect("started"), "exit status 0");
    let refused = start(&place.at("other/true"), false).expect_err("refused");
    assert!(
        matches!(refused, ExecError::Child { step: ExecStep::Program, errno: Errno::EACCES }),
        "{refused:?}"
    );
    fs::read(place.at("other/f")).expect("this process is as it was");
    if !nix::unistd::geteuid().is_root() {
        let refused = start(&place.at("read/true"), true).expect_err("neither root nor no_new_privs");
        assert!(
            matches!(refused, ExecError::Child { step: ExecStep::Rules, errno: Errno::EPERM }),
            "{refused:?}"
        );
    }
}

#[test]
fn a_link_grants_something_only_where_links_are_followed() {
    let place = Place::new();
    symlink(place.at("other"), place.at("read/away")).expect("made");
    for links in [true, false] {
        for path in ["read/away", "read/away/f", "read/away/."].map(|path| place.at(path)) {
            let ruleset =
                Ruleset::new(kernel(), Handled::Files, &[Rule { path: path.clone(), access: READ, links }]);
            let ruleset = ruleset.expect("made");
            assert_eq!(ruleset.left_out().is_empty(), links, "{}", path.display());
            let read = inside(Some(&ruleset), || fs::read(place.at("other/f")));
            assert_eq!(read, if links { 0 } else { libc::EACCES }, "{}", path.display());
        }
    }
}
