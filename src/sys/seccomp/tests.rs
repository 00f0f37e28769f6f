//! Each row is tried in a process of its own, under the filter and, as the control, without.

use std::collections::BTreeSet;

mod cost;
mod server;

use super::row::Named;
use super::*;
use crate::fork::child_for_test;

const ALL: Sets = Sets { truncation: true, memory_programs: true, tracing: true, processors: true };

/// Runs it in a child under the filter; its result is the child's exit status, 255 when it was killed.
fn inside(sets: Option<Sets>, act: impl FnOnce() -> u8) -> u8 {
    let filter = sets.map(|sets| Filter::new(sets).expect("compiled"));
    child_for_test(|| {
        nix::unistd::setsid().ok(); // no terminal that a call could take from somebody
        if let Some(filter) = filter {
            crate::attributes::no_new_privs().expect("set");
            filter.apply().expect("in force");
        }
        act()
    })
}

type Arguments = [usize; 6];

/// The errno of a call, or 0.
fn call(number: libc::c_long, [a, b, c, d, e, f]: Arguments) -> u8 {
    // SAFETY: calls of the table, with pointers that point nowhere, so that what is not refused fails by that; in a child.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 { u8::try_from(nix::errno::Errno::last_raw()).expect("small") } else { 0 }
}

/// Arguments for which a row closes its call, one set for each alternative; what does not matter is -1, or 0 for sockets.
fn closed_by(row: &Row) -> Vec<Arguments> {
    let neutral = if row.name().starts_with("socket") { 0 } else { usize::MAX };
    with(&row.when, vec![[neutral; 6]])
}

fn with(when: &When, bases: Vec<Arguments>) -> Vec<Arguments> {
    let each = |arg: u8, values: &[Named]| {
        let set = |base: &Arguments, value: u32| {
            let mut arguments = *base;
            arguments[usize::from(arg)] = value as usize;
            arguments
        };
        bases.iter().flat_map(|base| values.iter().map(move |(_, value)| set(base, *value))).collect()
    };
    match when {
        When::Always => bases,
        When::AnyOf(arg, values) | When::Is(arg, _, values) => each(*arg, values),
        When::Without(arg, (_, bit)) => each(*arg, &[("", !bit)]),
        // Values next to those that pass, and far from them.
        When::IsNot(arg, _) => each(*arg, &[("", 9), ("", 40), ("", 0x40_0000), ("", 262)]),
        When::Both(first, second) => with(second, with(first, bases)),
    }
}

#[test]
fn every_row_answers_as_the_table_says() {
    for row in rows().flat_map(|(_, rows)| rows) {
        for arguments in closed_by(row) {
            let answer = u8::try_from(row.answer.errno()).expect("small");
            let got = inside(Some(ALL), || call(row.number, arguments));
            assert_eq!(got, answer, "{} {arguments:x?}", row.name());
        }
    }
}

/// Without the filter the same calls answer otherwise, or the test above proves nothing. As root: to others, the kernel's own
/// answer to many of them is the same.
#[test]
fn without_the_filter_the_answers_are_others() {
    crate::fork::needs_root();
    let mut same = BTreeSet::new();
    for row in rows().flat_map(|(_, rows)| rows) {
        for arguments in closed_by(row) {
            if i32::from(inside(None, || call(row.number, arguments))) == row.answer.errno() {
                same.insert(row.name());
            }
        }
    }
    // What this kernel answers itself: unknown families and protocols.
    for known in ["socket", "socketpair"] {
        same.remove(known);
    }
    assert!(same.is_empty(), "{same:?}");
}

#[test]
fn what_everybody_uses_passes() {
    let cloexec = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let tried: &[(&str, libc::c_long, [i64; 6])] = &[
        ("TCP", libc::SYS_socket, [2, (libc::SOCK_STREAM | cloexec).into(), 0, 0, 0, 0]),
        ("TCP by name", libc::SYS_socket, [10, libc::SOCK_STREAM.into(), 6, 0, 0, 0]),
        ("UDP", libc::SYS_socket, [2, (libc::SOCK_DGRAM | cloexec).into(), 17, 0, 0, 0]),
        ("Unix", libc::SYS_socket, [1, libc::SOCK_SEQPACKET.into(), 0, 0, 0, 0]),
        ("routes", libc::SYS_socket, [16, (libc::SOCK_RAW | cloexec).into(), 0, 0, 0, 0]),
        ("ask for the personality", libc::SYS_personality, [0xffff_ffff, 0, 0, 0, 0, 0]),
        ("no randomness", libc::SYS_personality, [0x4_0000, 0, 0, 0, 0, 0]),
        ("share the file table", libc::SYS_unshare, [0x400, 0, 0, 0, 0, 0]),
    ];
    for (what, number, arguments) in tried {
        let arguments = arguments.map(|argument| usize::try_from(argument).expect("positive"));
        assert_eq!(inside(Some(ALL), || call(*number, arguments)), 0, "{what}");
    }
    let code = inside(Some(ALL), || {
        let name = c"x".as_ptr();
        // SAFETY: a name that lives; a descriptor or -1 comes back.
        let sealed = unsafe { libc::memfd_create(name, 8) };
        let path = std::env::temp_dir().join(format!("portcullis-seccomp-{}", std::process::id()));
        let written = std::fs::write(&path, "x").and_then(|()| std::fs::write(&path, "y")).is_ok(); // the second truncates
        let _ = std::fs::remove_file(&path);
        let thread = std::thread::spawn(|| 7).join().is_ok_and(|it| it == 7);
        let program = std::process::Command::new("/bin/true").status().is_ok_and(|status| status.success());
        u8::from(sealed < 0) + 2 * u8::from(!written) + 4 * u8::from(!thread) + 8 * u8::from(!program)
    });
    assert_eq!(code, 0);
}

/// Interpreters, tools and a browser, as far as this machine has them; each does what it does in a session.
#[test]
fn what_people_run_works_under_it() {
    const TRIED: &[(&str, &[&str])] = &[
        ("/bin/sh", &["-c", "(echo a | cat) && exit 0"]),
        ("/usr/bin/perl", &["-e", "exit(fork ? (wait and $?) : 0)"]),
        (
            "/usr/bin/python3",
            &[
                "-c",
                "import socket,subprocess,threading as t,multiprocessing as m\nsubprocess.run(['true'],check=True)\nx=t.Thread(target=int);x.start();x.join()\nsocket.getaddrinfo('localhost',80)\nwith m.Pool(2) as p: assert p.map(abs,[-1])==[1]",
            ],
        ),
        ("/usr/bin/git", &["init", "-q", "repository"]),
        (
            "/usr/bin/node",
            &[
                "-e",
                "const w=require('worker_threads');new w.Worker('0',{eval:true}).on('exit',()=>require('child_process').exec('true',e=>process.exit(e?1:0)))",
            ],
        ),
        ("/usr/bin/Rscript", &["-e", "stopifnot(identical(parallel::mclapply(1:2,sqrt),lapply(1:2,sqrt)))"]),
        ("/usr/bin/gdb", &["-batch", "-return-child-result", "-ex", "run", "/bin/true"]),
        ("/usr/bin/java", &["-version"]),
        ("/usr/bin/chromium", &["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "about:blank"]),
    ];
    let filter = Filter::new(Sets { memory_programs: true, ..Sets::default() }).expect("compiled");
    let home = tempfile::tempdir().expect("a directory");
    let path = home.path().to_str().expect("plain").as_bytes().to_vec();
    let quiet = std::fs::File::create("/dev/null").expect("there");
    for (program, args) in TRIED.iter().filter(|(program, _)| std::path::Path::new(program).exists()) {
        let mut exec = crate::exec::Exec::new(std::path::Path::new(program)).expect("a program");
        for arg in *args {
            exec.arg(arg);
        }
        exec.env("PATH", b"/usr/bin:/bin").env("HOME", &path).cwd(home.path()).own_session();
        exec.fd(1, std::os::fd::AsFd::as_fd(&quiet)).fd(2, std::os::fd::AsFd::as_fd(&quiet));
        let child = exec.no_new_privs().filter(&filter).spawn().expect("started");
        assert_eq!(child.wait().expect("its end").to_string(), "exit status 0", "{program}");
    }
}

#[test]
fn sets_are_closed_only_when_asked_for() {
    for (sets, closed) in [(Sets::default(), false), (ALL, true)] {
        let answer = |number, arguments| inside(Some(sets), || call(number, arguments)) == 1;
        let nowhere = usize::MAX;
        assert_eq!(answer(libc::SYS_truncate, [nowhere; 6]), closed);
        assert_eq!(answer(libc::SYS_memfd_create, [nowhere, 0, 0, 0, 0, 0]), closed);
        assert_eq!(answer(libc::SYS_process_vm_readv, [nowhere; 6]), closed);
        assert_eq!(answer(libc::SYS_sched_setaffinity, [0, 0, 0, 0, 0, 0]), closed);
    }
}

#[test]
fn upper_halves_make_no_difference() {
    const HIGH: usize = 0x1_0000_0000;
    for (number, arguments) in [
        (libc::SYS_ioctl, [0, HIGH | 0x5412, 0, 0, 0, 0]),
        (libc::SYS_clone, [HIGH | 0x1000_0000, usize::MAX, 0, 0, 0, 0]),
        (libc::SYS_unshare, [HIGH | 0x1000_0000, 0, 0, 0, 0, 0]),
        (libc::SYS_personality, [HIGH | 0x40_0000, 0, 0, 0, 0, 0]),
        (libc::SYS_socket, [HIGH | 2, libc::SOCK_RAW as usize, 0, 0, 0, 0]),
    ] {
        assert_eq!(inside(Some(ALL), || call(number, arguments)), 1, "{number} {arguments:x?}");
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn other_numberings_end_the_process() {
    // 20 is `getpid` in 32 bits; who is answered nothing there has no such kernel.
    let old = || {
        let result: i64;
        // SAFETY: a call that takes nothing and changes nothing but its result.
        unsafe { std::arch::asm!("int 0x80", inlateout("rax") 20_i64 => result) };
        u8::from(result <= 0)
    };
    let x32 = || call(0x4000_0000 | libc::SYS_getpid, [0; 6]);
    let skip = || call(-1, [0; 6]);
    assert_ne!(inside(None, x32), 255, "the control");
    assert_eq!(inside(Some(Sets::default()), x32), 255);
    assert_eq!(inside(Some(Sets::default()), old), 255);
    assert_eq!(i32::from(inside(Some(Sets::default()), skip)), libc::ENOSYS);
}

#[test]
fn rows_are_named_once_and_explained() {
    let mut seen = BTreeSet::new();
    for row in rows().flat_map(|(_, rows)| rows) {
        assert!(row.constant.starts_with("SYS_"), "{}", row.name());
        assert!(seen.insert((row.name(), row.when.to_string())), "{} twice", row.name());
        assert!(row.why.ends_with('.') && row.why.len() > 10, "{}", row.name());
        assert!(!row.why.contains('|'), "{}: would end the cell", row.name());
    }
    assert!(seen.len() > 70, "{}", seen.len());
}

/// `PORTCULLIS_GENERATE=1` writes the page instead of complaining. It shows the table of this architecture.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_page_is_current() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/system-calls.md");
    if std::env::var_os("PORTCULLIS_GENERATE").is_some() {
        std::fs::write(&path, reference()).expect("written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == reference(), "docs/system-calls.md is stale: PORTCULLIS_GENERATE=1 writes it");
}
