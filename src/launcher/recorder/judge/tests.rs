use portcullis_sys::audit::{LandlockDenial, PathName, SeccompDenial};

use super::*;

const ARCH: u32 = if cfg!(target_arch = "x86_64") { 0xC000_003E } else { 0xC000_00B7 };

fn number(call: nix::libc::c_long) -> u32 {
    u32::try_from(call).expect("small")
}

fn watched() -> Watched {
    Watched {
        login: 3,
        keeper: None,
        hidden: vec!["/usr/bin".into(), "/bin/".into()],
        ruled: false,
        allowed: None,
    }
}

fn act(call: nix::libc::c_long, exit: i64, path: &str) -> Act {
    let call = Syscall {
        arch: ARCH,
        number: number(call),
        success: exit >= 0,
        exit,
        args: [77, 0],
        pid: 10,
        ppid: 9,
        euid: 1000,
        session: 3,
        exe: "/usr/bin/x".into(),
    };
    let paths = vec![PathName { name: path.into(), is_parent: false }];
    Act { syscall: Some(call), paths, cwd: Some("/home/a".into()), ..Act::default() }
}

fn kinds(act: &Act, watched: &Watched) -> String {
    let word = |seen: &Seen| match seen {
        Seen::Executed(one) => format!("executed {} {}", one.program, one.error),
        Seen::Refused(one) => format!("{} {} {}", one.by.word(), one.what, one.target),
        Seen::Lost { .. } => "lost".to_owned(),
    };
    judge(act, watched, |path| path == "/usr/bin/bash").iter().map(word).collect::<Vec<_>>().join("; ")
}

#[test]
fn starts_are_told_and_lookups_are_not() {
    use nix::libc::{SYS_execve, SYS_openat};
    assert_eq!(kinds(&act(SYS_execve, 0, "./x"), &watched()), "executed /usr/bin/x ");
    assert_eq!(kinds(&act(SYS_execve, -8, "y"), &watched()), "executed /home/a/y ENOEXEC");
    assert_eq!(kinds(&act(SYS_execve, -2, "/usr/local/bin/bash"), &watched()), "");
    assert_eq!(kinds(&act(SYS_execve, -2, "/usr/bin/nothing"), &watched()), "");
    assert_eq!(kinds(&act(SYS_execve, -2, "/usr/bin/bash"), &watched()), "hidden execve /usr/bin/bash");
    assert_eq!(kinds(&act(SYS_execve, -2, "/usr/bin/../../home/a/bash"), &watched()), "");
    assert_eq!(kinds(&act(SYS_openat, 3, "/x"), &watched()), "", "an administrator's own rule");
    assert_eq!(kinds(&Act::default(), &watched()), "");
}

#[test]
fn refusals_say_by_what() {
    use nix::libc::{SYS_clone, SYS_connect, SYS_execve, SYS_kill, SYS_openat, SYS_write};
    assert_eq!(kinds(&act(SYS_openat, -13, "f"), &watched()), "permissions openat /home/a/f");
    let both = "executed /bin/x EACCES; permissions execve /bin/x";
    assert_eq!(kinds(&act(SYS_execve, -13, "/bin/x"), &watched()), both);
    let mut locked = act(SYS_openat, -13, "/etc/f");
    locked.landlock =
        Some(LandlockDenial { blockers: "fs.read_file".into(), target: "/etc/f".into(), domain: 1 });
    assert_eq!(kinds(&locked, &watched()), "landlock read a file /etc/f");
    assert_eq!(kinds(&act(SYS_clone, -11, ""), &watched()), "limit clone processes");
    assert_eq!(kinds(&act(SYS_write, -28, "/tmp/f"), &watched()), "limit write /tmp/f");
    assert_eq!(kinds(&act(SYS_kill, -3, ""), &watched()), "hidden kill process 77");
    let mut killed = act(SYS_kill, -1, "");
    killed.process = Some((1, "init".into()));
    assert_eq!(kinds(&killed, &watched()), "permissions kill process 1 (init)");
    let ours = Watched { keeper: Some(crate::state::Known { pid: 9, started: 1 }), ..watched() };
    assert_eq!(kinds(&locked, &ours), "", "the session process proves what is closed");
    let mut far = act(SYS_connect, -1, "");
    far.address = Some(vec![2, 0, 0, 80, 10, 0, 0, 1]);
    assert_eq!(kinds(&far, &watched()), "network connect 10.0.0.1:80");
    let seccomp = SeccompDenial {
        arch: ARCH,
        number: number(nix::libc::SYS_bpf),
        pid: 4,
        session: 3,
        exe: "/x".into(),
    };
    let act = Act { seccomp: Some(seccomp), ..Act::default() };
    assert_eq!((kinds(&act, &watched()).as_str(), login(&act)), ("seccomp bpf ", Some(3)));
}

#[test]
fn what_would_be_refused_is_marked() {
    let verdict = |allowed: &[&str], exe: &str| {
        let allowed = Some(allowed.iter().map(|one| (*one).to_owned()).collect());
        let mut act = act(nix::libc::SYS_execve, 0, "x");
        act.syscall.as_mut().expect("there").exe = exe.into();
        match &judge(&act, &Watched { allowed, ..watched() }, |_| false)[..] {
            [Seen::Executed(one)] => one.verdict == Verdict::WouldBeRefused,
            other => panic!("{other:?}"),
        }
    };
    assert!(!verdict(&["/usr/bin/git", "/usr/lib/git-core"], "/usr/bin/git"));
    assert!(!verdict(&["/usr/bin/git", "/usr/lib/git-core"], "/usr/lib/git-core/git-log"));
    assert!(verdict(&["/usr/bin/git"], "/usr/bin/gitk"));
    assert!(verdict(&[], "/usr/bin/dash"));
    let started = |program: &str| Execution { program: program.into(), ..Execution::default() };
    let stands = |program: &str| match traced(started(program), &watched()) {
        Seen::Executed(one) => one.verdict == Verdict::StandIn,
        other => panic!("{other:?}"),
    };
    assert!(stands("/usr/bin/dash") && !stands("/usr/bin/git") && !stands("/home/a/bash"));
}

#[test]
fn a_return_value_that_is_no_error_is_none() {
    let mut odd = act(nix::libc::SYS_openat, i64::MIN, "f");
    assert_eq!(kinds(&odd, &watched()), "");
    odd.syscall.as_mut().expect("there").exit = -1_000_000_000_000;
    assert_eq!(kinds(&odd, &watched()), "");
}
