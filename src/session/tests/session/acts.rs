//! What an IDE does when a test asks it to: each act once, answered by `ok` or the name of the error.

use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use portcullis_sys::exec::{Exec, ExecError};

/// The object is a path without its first slash, or a word.
pub(crate) fn act(verb: &str, object: &str) -> String {
    let path = Path::new("/").join(object);
    match verb {
        "read" => said(std::fs::read(path).map(drop)),
        "write" => said(std::fs::write(path, "x")),
        "list" => said(std::fs::read_dir(path).map(drop)),
        "move" => said(move_down(&path)),
        "run" => run(&path),
        "signal" => said(kill(pid(object), None).map_err(io::Error::from)),
        "trace" => said(trace(pid(object)).map_err(io::Error::from)),
        "memory-program" => said(memory_program()),
        "call" => said(call(object).map_err(io::Error::from)),
        other => unreachable!("no such act: {other}"),
    }
}

fn said(result: io::Result<()>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(error) => error
            .raw_os_error()
            .map_or_else(|| error.to_string(), |number| format!("{:?}", Errno::from_raw(number))),
    }
}

fn pid(text: &str) -> Pid {
    Pid::from_raw(text.parse().expect("a number"))
}

/// Reads a byte of another process's memory, from where nothing is.
fn trace(pid: Pid) -> Result<(), Errno> {
    let mut byte = [0];
    let mut here = [io::IoSliceMut::new(&mut byte)];
    let there = [RemoteIoVec { base: 0x1000, len: 1 }];
    process_vm_readv(pid, &mut here, &there).map(drop)
}

fn move_down(path: &Path) -> io::Result<()> {
    let below = path.with_file_name("below");
    std::fs::create_dir(&below)?;
    std::fs::rename(path, below.join("moved"))
}

fn run(program: &Path) -> String {
    match Exec::new(program).expect("absolute").spawn() {
        Ok(child) => {
            let end = child.wait().expect("its end").to_string();
            if end == "exit status 0" { "ok".to_owned() } else { end }
        }
        Err(ExecError::Child { errno, .. }) => format!("{errno:?}"),
        Err(error) => error.to_string(),
    }
}

/// A file that stands nowhere and is to be executed (`MFD_EXEC`, 0x10).
fn memory_program() -> io::Result<()> {
    use nix::sys::memfd::{MFdFlags, memfd_create};
    Ok(memfd_create("x", MFdFlags::from_bits_retain(0x10)).map(drop)?)
}

fn call(name: &str) -> Result<(), Errno> {
    match name {
        "unshare" => nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER),
        "processors" => {
            let own = nix::sched::sched_getaffinity(Pid::from_raw(0))?;
            nix::sched::sched_setaffinity(Pid::from_raw(0), &own)
        }
        "umount" => nix::mount::umount("/nonexistent"),
        other => unreachable!("no such call: {other}"),
    }
}
