//! The other parties, each a process of its own: the session itself, an IDE, a keeper, clients.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::ExitCode;

use nix::sys::signal::Signal;
use portcullis_sys::exec::Exec;
use portcullis_sys::socket::connect_seqpacket;
use portcullis_wire::{Answer, Ask, Channel};

pub(crate) fn play(args: &[String]) -> ExitCode {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["session"] => return portcullis_session::main(),
        ["keeper", program, first] => keeper(program, *first == "first"),
        ["ide", mode, socket] => ide(mode, Path::new(socket)),
        ["fetch", port, path] => fetch(port, path),
        ["upload", port, length] => upload(port, length.parse().expect("a number")),
        ["slow", port, path] => slow(port, path),
        ["idle", port, count] => idle(port, count.parse().expect("a number")),
        ["early", port, path] => early(port, path),
        ["door-connect", socket, path] => door_connect(socket, path),
        ["door-resolve", socket, paths @ ..] => door_resolve(socket, paths),
        other => unreachable!("no such role: {other:?}"),
    }
    ExitCode::SUCCESS
}

fn say(text: &str) {
    let mut out = io::stdout().lock();
    // A reader that went away is not this role's concern.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Starts the session with the descriptors it was given, and waits to be killed.
fn keeper(program: &str, first: bool) {
    let fds = portcullis_sys::fd::take_inherited(6).expect("descriptors");
    let mut exec = Exec::new(Path::new(program)).expect("a program");
    exec.arg("--role").arg("session").death_signal(Signal::SIGTERM);
    if first {
        exec.first_process();
    }
    for (number, fd) in (3..).zip(&fds) {
        if let Some(fd) = fd {
            exec.fd(number, fd.as_fd());
        }
    }
    let child = exec.spawn().expect("a session");
    say(&format!("{}\n", child.pid()));
    std::thread::park();
}

fn ide(mode: &str, socket: &Path) {
    match mode {
        "exits" => {
            say("first line\nlast \x1b[31mline\n");
            std::process::abort();
        }
        "mute" => {
            let _listener = UnixListener::bind(socket).expect("a socket");
            say("I listen but do not answer\n");
            loop {
                std::thread::park();
            }
        }
        "stubborn" => {
            family();
        }
        "flood" => {
            std::thread::spawn(|| {
                loop {
                    say(&"x".repeat(50_000));
                }
            });
        }
        "busy" => return busy(socket),
        _ => {}
    }
    let listener = UnixListener::bind(socket).expect("a socket");
    for stream in listener.incoming() {
        let stream = stream.expect("a connection");
        std::thread::Builder::new().stack_size(256 * 1024).spawn(move || serve(stream)).expect("a thread");
    }
}

/// An IDE with one thread and a short queue: when it is busy, others can't even connect.
fn busy(socket: &Path) {
    use nix::sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket as open,
    };
    let fd = open(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).expect("a socket");
    bind(fd.as_raw_fd(), &UnixAddr::new(socket).expect("a path")).expect("bound");
    listen(&fd, Backlog::new(1).expect("small")).expect("listening");
    for stream in UnixListener::from(fd).incoming() {
        serve(stream.expect("a connection"));
    }
}

/// Processes that don't want to go: one in a session of its own whose parent is gone, one that ignores TERM.
fn family() {
    let mut exec = Exec::new(Path::new("/bin/sh")).expect("sh");
    let script = "trap '' TERM; (setsid sh -c 'sleep 1000 & sleep 1000' &) ; (sleep 1000 &) ; exit 0";
    exec.arg("-c").arg(script).env("PATH", b"/usr/bin:/bin");
    exec.spawn().expect("a shell").wait().expect("its end");
}

/// A small HTTP server: one request per connection, body until the end of the stream.
fn serve(stream: UnixStream) {
    let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
    let mut stream = stream;
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() {
        return;
    }
    let path = line.split(' ').nth(1).unwrap_or("").to_owned();
    while !matches!(line.as_str(), "\r\n" | "") {
        line.clear();
        if reader.read_line(&mut line).is_err() {
            return;
        }
    }
    let mut answer = |body: &str| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}");
    };
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["", "facts"] => answer(&facts()),
        ["", "count"] => {
            let length = io::copy(&mut reader, &mut io::sink()).expect("a body");
            answer(&length.to_string());
        }
        ["", "big", length] => {
            answer("");
            let mut left: usize = length.parse().expect("a number");
            let piece = [b'b'; 64 * 1024];
            while left > 0 {
                let now = left.min(piece.len());
                if stream.write_all(&piece[..now]).is_err() {
                    return;
                }
                left -= now;
            }
        }
        ["", "long"] => {
            std::thread::park_timeout(std::time::Duration::from_millis(500));
            answer("ok");
        }
        ["", "python", script] => answer(&python(script)),
        ["", "act", verb, object @ ..] => answer(&crate::acts::act(verb, &object.join("/"))),
        // Answers without reading the body, and closes.
        ["", "refuse"] => answer(&"too large ".repeat(10_000)),
        _ => answer("ok"),
    }
}

/// What Python says to a script, given in hexadecimal digits.
fn python(script: &str) -> String {
    let byte = |at: usize| u8::from_str_radix(&script[at..at + 2], 16).expect("digits");
    let script: Vec<u8> = (0..script.len()).step_by(2).map(byte).collect();
    let script = String::from_utf8(script).expect("plain");
    let mut command = std::process::Command::new("/usr/bin/python3");
    match command.arg("-c").arg(script).stdin(std::process::Stdio::null()).output() {
        Ok(done) => String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned(),
        Err(error) => error.to_string(),
    }
}

/// What an IDE finds around it.
fn facts() -> String {
    let env: BTreeMap<String, String> = std::env::vars().collect();
    let fds = std::fs::read_dir("/proc/self/fd").expect("fds").filter_map(|entry| {
        let entry = entry.ok()?;
        let target = std::fs::read_link(entry.path()).ok()?;
        Some(format!("{}={}", entry.file_name().to_string_lossy(), target.display()))
    });
    let mut fds: Vec<String> = fds.collect();
    fds.sort();
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let pid = nix::unistd::getpid();
    let sid = nix::unistd::getsid(None).expect("a session");
    let cwd = std::env::current_dir().expect("a directory");
    let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).expect("a limit");
    let args: Vec<String> = std::env::args().collect();
    format!(
        "env {env:?}\nfds {fds:?}\nsid {}\ncwd {cwd:?}\nnofile {limit:?}\nnice {}\nargs {args:?}\n{status}",
        sid == pid,
        portcullis_sys::attributes::niceness(),
    )
}

fn connected(port: &str) -> TcpStream {
    TcpStream::connect(format!("127.0.0.1:{port}")).expect("connected")
}

fn get(mut stream: impl Read + Write, path: &str) -> String {
    let mut text = Vec::new();
    // A session that refuses closes: then the answer is empty.
    if write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").is_ok() {
        let _ = stream.read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn fetch(port: &str, path: &str) {
    if let Some(length) = path.strip_prefix("/big/") {
        let mut stream = connected(port);
        write!(stream, "GET {path} HTTP/1.1\r\n\r\n").expect("sent");
        let read = io::copy(&mut stream, &mut io::sink()).expect("read");
        return say(&format!("{} of {length}", read - 38));
    }
    say(&get(connected(port), path));
}

fn upload(port: &str, length: u64) {
    let mut stream = connected(port);
    stream.write_all(b"POST /count HTTP/1.1\r\n\r\n").expect("sent");
    let piece = [b'u'; 64 * 1024];
    let mut left = length;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        stream.write_all(&piece[..now]).expect("sent");
        left -= now as u64;
    }
    // Half-closed: the answer comes after that.
    stream.shutdown(Shutdown::Write).expect("half-closed");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    say(&text);
}

/// Asks for much and does not read until told.
fn slow(port: &str, path: &str) {
    let mut stream = connected(port);
    write!(stream, "GET {path} HTTP/1.1\r\n\r\n").expect("sent");
    stream.peek(&mut [0]).expect("it comes");
    say("asked\n");
    io::stdin().read_exact(&mut [0]).expect("told");
    say(&io::copy(&mut stream, &mut io::sink()).expect("read").to_string());
}

/// Sends a body to one who has answered and gone, and then reads.
fn early(port: &str, path: &str) {
    let mut stream = connected(port);
    write!(stream, "POST {path} HTTP/1.1\r\n\r\n").expect("sent");
    io::copy(&mut io::repeat(b'e').take(8 << 20), &mut stream).expect("the body is taken");
    stream.shutdown(Shutdown::Write).expect("half-closed");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the answer is not lost");
    say(&text.len().to_string());
}

fn idle(port: &str, count: usize) {
    let all: Vec<TcpStream> = (0..count).map(|_| connected(port)).collect();
    say("connected\n");
    let _ = io::stdin().read(&mut [0]);
    drop(all);
}

fn door(socket: &str) -> Channel {
    let fd = connect_seqpacket(Path::new(socket)).expect("connected");
    portcullis_sys::fd::set_nonblocking(fd.as_fd(), false).expect("blocking");
    Channel::from_fd(fd)
}

fn door_connect(socket: &str, path: &str) {
    let channel = door(socket);
    let answer = channel.send(&Ask::Connect, &[]).and_then(|()| channel.receive::<Answer>());
    match answer {
        Ok((Answer::Connected, mut fds)) => {
            let stream = UnixStream::from(fds.pop().expect("a descriptor"));
            stream.set_nonblocking(false).expect("blocking");
            say(&get(stream, path));
        }
        other => say(&format!("{other:?}")),
    }
}

fn door_resolve(socket: &str, paths: &[&str]) {
    let channel = door(socket);
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let answer = channel.send(&Ask::Resolve { paths }, &[]).and_then(|()| channel.receive::<Answer>());
    say(&format!("{answer:?}"));
}
