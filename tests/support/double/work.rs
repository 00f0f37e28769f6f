//! Work for whoever measures what surrounds the double: `--double-work` has it listen on `$HOME/work.sock`, a line an order,
//! a line an answer: wall-clock and processor time in microseconds, children's included.
//!
//! `spawn N PROGRAM` starts a program N times, one after the other; `files N FOLDER` makes, writes, looks at, reads and removes N
//! small files in a folder of its own below that one (`~` is home); `run PROGRAM ARG…` (separated by tabs) runs a program once; `connect ADDRESS`
//! makes a TCP connection and `listen ADDRESS` takes such from then on.

use std::fs;
use std::io::{BufRead as _, BufReader, Error, ErrorKind, Result, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// What a small file holds: a page of a notebook's settings, say.
const CONTENT: [u8; 2048] = [b'x'; 2048];

/// Works on orders for ever, in a thread of its own.
pub(crate) fn listen(args: &[String]) {
    if !args.iter().any(|arg| arg == "--double-work") {
        return;
    }
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    std::thread::spawn(move || {
        let Ok(listener) = UnixListener::bind(home.join("work.sock")) else { return };
        for stream in listener.incoming().flatten() {
            let mut orders = BufReader::new(&stream).lines();
            while let Some(Ok(order)) = orders.next() {
                let answer = match measured(|| obey(&order, &home)) {
                    Ok((wall, cpu)) => format!("{wall} {cpu}\n"),
                    Err(error) => format!("error {order}: {error}\n"),
                };
                if (&stream).write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
}

fn measured(work: impl FnOnce() -> Result<()>) -> Result<(i64, i64)> {
    let (before, start) = (cpu()?, Instant::now());
    work()?;
    let wall = i64::try_from(start.elapsed().as_micros()).unwrap_or(i64::MAX);
    Ok((wall, cpu()? - before))
}

/// Processor time of this process and of its children that are gone.
fn cpu() -> Result<i64> {
    let mut sum = 0;
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let usage = getrusage(who)?;
        sum += usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    }
    Ok(sum)
}

fn obey(order: &str, home: &Path) -> Result<()> {
    let wrong = || Error::new(ErrorKind::InvalidInput, "no order");
    let (word, rest) = order.split_once(' ').ok_or_else(wrong)?;
    match word {
        "spawn" => {
            let (times, program) = rest.split_once(' ').ok_or_else(wrong)?;
            for _ in 0..times.parse::<u32>().map_err(|_| wrong())? {
                run(program, &[], home)?;
            }
            Ok(())
        }
        "files" => {
            let (count, folder) = rest.split_once(' ').ok_or_else(wrong)?;
            let folder = if folder == "~" { home } else { Path::new(folder) };
            files(folder, count.parse().map_err(|_| wrong())?)
        }
        "run" => {
            let words: Vec<&str> = rest.split('\t').collect();
            let (program, args) = words.split_first().ok_or_else(wrong)?;
            run(program, args, home)
        }
        "connections" => connections(rest.parse().map_err(|_| wrong())?),
        "connect" => connect(rest.parse().map_err(|_| wrong())?),
        "listen" => {
            let listener = TcpListener::bind(rest)?;
            std::thread::spawn(move || listener.incoming().for_each(drop));
            Ok(())
        }
        _ => Err(wrong()),
    }
}

/// A packet that is dropped is answered by nobody: longer than this takes no connection on one machine.
fn connect(address: SocketAddr) -> Result<()> {
    TcpStream::connect_timeout(&address, Duration::from_millis(700)).map(drop)
}

/// Connections to a port of our own, one after the other.
fn connections(count: usize) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let heard = std::thread::spawn(move || listener.incoming().take(count).filter(Result::is_ok).count());
    (0..count).try_for_each(|_| TcpStream::connect(address).map(drop))?;
    match heard.join() {
        Ok(found) if found == count => Ok(()),
        found => Err(Error::other(format!("{found:?} of {count} connections were heard"))),
    }
}

fn run(program: &str, args: &[&str], home: &Path) -> Result<()> {
    let status = Command::new(program)
        .args(args)
        // The same for all, one thread: what is compared is the place, not the machine's mood.
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("OPENBLAS_NUM_THREADS", "1")])
        .env("HOME", home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    if status.success() { Ok(()) } else { Err(Error::other(format!("ended with {status}"))) }
}

fn files(below: &Path, count: u32) -> Result<()> {
    let folder = below.join(format!("work-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let name = |number: u32| folder.join(format!("file-{number}.txt"));
    for number in 0..count {
        fs::write(name(number), CONTENT)?;
    }
    for number in 0..count {
        if fs::metadata(name(number))?.len() != CONTENT.len() as u64 {
            return Err(Error::other("a file of another length"));
        }
    }
    for number in 0..count {
        if fs::read(name(number))? != CONTENT {
            return Err(Error::other("a file with another content"));
        }
    }
    for number in 0..count {
        fs::remove_file(name(number))?;
    }
    fs::remove_dir(&folder)
}
