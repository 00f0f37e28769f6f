use super::*;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};

fn spawn_to<'b>(mut exec: Exec<'b>, output: BorrowedFd<'b>) -> Process {
    exec.fd(1, output);
    exec.spawn().expect("a child")
}

fn output_of<'a>(script: &str, set: impl FnOnce(&mut Exec<'a>)) -> String {
    let (reader, writer) = fd::pipe().expect("a pipe");
    let mut exec = Exec::new(Path::new("/bin/sh")).expect("a program");
    exec.arg("-c").arg(script);
    set(&mut exec);
    let child = spawn_to(exec, writer.as_fd());
    drop(writer);
    let mut text = String::new();
    File::from(reader).read_to_string(&mut text).expect("its output");
    assert_eq!(child.wait().expect("its end"), crate::process::Ended::Exited(0), "{text}");
    text
}

#[test]
fn descriptors_are_those_named_even_when_they_cross() {
    let (a_reader, a) = fd::pipe().expect("a pipe");
    let (b_reader, b) = fd::pipe().expect("a pipe");
    File::from(a).write_all(b"A\n").expect("room");
    File::from(b).write_all(b"B\n").expect("room");
    // Their own numbers, crossed: a naive dup2 would overwrite one with the other.
    let (first, second) =
        (a_reader.as_raw_fd().min(b_reader.as_raw_fd()), a_reader.as_raw_fd().max(b_reader.as_raw_fd()));
    // By their names in /proc: the shell's own redirection takes one digit, and other tests hold descriptors too.
    let script = format!("cat /proc/$$/fd/{second} /proc/$$/fd/{first}; ls -1 /proc/$$/fd | wc -l");
    let text = output_of(&script, |exec| {
        exec.fd(second, a_reader.as_fd()).fd(first, b_reader.as_fd());
    });
    assert_eq!(text, "A\nB\n5\n", "0, 1, 2 and the two");
}

#[test]
fn the_environment_is_exactly_as_given_and_signals_are_default() {
    let text = output_of("/usr/bin/env; grep -E '^Sig(Blk|Ign)' /proc/self/status; umask; pwd", |exec| {
        exec.env("A", b"1").env("PATH", b"/bin:/usr/bin").umask(0o027).cwd(Path::new("/"));
    });
    let zero = "0000000000000000";
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("_=")).collect();
    let blocked = format!("SigBlk:\t{zero}");
    let ignored = format!("SigIgn:\t{zero}");
    for wanted in ["A=1", "PATH=/bin:/usr/bin", &blocked, &ignored, "0027", "/"] {
        assert!(lines.contains(&wanted), "{wanted} in {text}");
    }
    assert!(!text.contains("CARGO"), "{text}");
}

#[test]
fn failures_name_their_step() {
    let failure = |program: &str, set: &dyn Fn(&mut Exec<'_>)| {
        let mut exec = Exec::new(Path::new(program)).expect("a path");
        set(&mut exec);
        match exec.spawn() {
            Err(ExecError::Child { step, errno }) => Some((step, errno)),
            _ => None,
        }
    };
    assert_eq!(failure("/nonexistent", &|_| ()), Some((ExecStep::Program, Errno::ENOENT)));
    assert_eq!(failure("/etc/passwd", &|_| ()), Some((ExecStep::Program, Errno::EACCES)));
    let nowhere = |exec: &mut Exec<'_>| {
        exec.cwd(Path::new("/nonexistent"));
    };
    assert_eq!(failure("/bin/true", &nowhere), Some((ExecStep::Directory, Errno::ENOENT)));
    assert!(matches!(Exec::new(Path::new("true")), Err(ExecError::Relative(_))));
    let mut exec = Exec::new(Path::new("/bin/true")).expect("a path");
    assert!(matches!(exec.arg("a\0b").spawn(), Err(ExecError::Zero("an argument"))));
}

#[test]
fn an_identity_is_taken_on() {
    crate::fork::needs_root();
    let text = output_of("/usr/bin/id; grep CapEff /proc/self/status", |exec| {
        exec.identity(20_001, 20_002, &[20_003]).own_session();
    });
    assert!(text.contains("uid=20001") && text.contains("gid=20002") && text.contains("20003"), "{text}");
    assert!(text.contains("CapEff:\t0000000000000000"), "{text}");
}

#[test]
fn limits_and_the_filter_are_in_force() {
    let filter = Filter::new(crate::seccomp::Sets::default()).expect("compiled");
    let text = output_of(
        "ulimit -n; ulimit -d; /usr/bin/nice; grep -E '^(Seccomp|NoNewPrivs|Cpus_allowed_list)' /proc/self/status",
        |exec| {
            exec.env("PATH", b"/bin:/usr/bin").no_new_privs().filter(&filter).processors(&[0]);
            exec.limit(Limit::Files, 60, 70).limit(Limit::Files, 50, 50).limit(Limit::Data, 1 << 30, 1 << 30);
            exec.nice(crate::attributes::niceness().max(0) + 3);
        },
    );
    let lines: Vec<String> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let nice = (crate::attributes::niceness().max(0) + 3).to_string();
    for wanted in ["50", "1048576", &nice, "Seccomp: 2", "NoNewPrivs: 1", "Cpus_allowed_list: 0"] {
        assert!(lines.iter().any(|line| line == wanted), "{wanted} in {text}");
    }
    assert!(!lines.contains(&"Seccomp_filters: 0".to_owned()), "{text}");
}

#[test]
fn a_filter_that_can_not_be_set_ends_the_start() {
    if nix::unistd::geteuid().is_root() {
        return; // root may
    }
    let filter = Filter::new(crate::seccomp::Sets::default()).expect("compiled");
    let mut exec = Exec::new(Path::new("/bin/true")).expect("a path");
    let failed = exec.filter(&filter).spawn().expect_err("without no_new_privs");
    assert!(matches!(failed, ExecError::Child { step: ExecStep::Calls, errno: Errno::EACCES }), "{failed:?}");
}

#[test]
fn nobody_with_fewer_rights_runs_on_our_memory() {
    let filter = Filter::new(crate::seccomp::Sets::default()).expect("compiled");
    let stays = |set: &dyn for<'a> Fn(&mut Exec<'a>, &'a Filter)| {
        let mut exec = Exec::new(Path::new("/bin/true")).expect("a path");
        set(&mut exec, &filter);
        exec.stays_as_it_is()
    };
    assert!(stays(&|exec, _| {
        exec.own_session().death_signal(Signal::SIGKILL).cwd(Path::new("/")).umask(0o077);
    }));
    assert!(!stays(&|exec, _| {
        exec.identity(1, 1, &[]);
    }));
    assert!(!stays(&|exec, _| {
        exec.no_capabilities();
    }));
    assert!(!stays(&|exec, filter| {
        exec.filter(filter);
    }));
    assert!(!stays(&|exec, _| {
        exec.first_process();
    }));
}

#[test]
fn what_a_borrower_does_to_itself_the_parent_does_not_notice() {
    let mask = || std::fs::read_to_string("/proc/thread-self/status").expect("a status");
    let sig = |status: &str| {
        status
            .lines()
            .filter(|line| line.starts_with("Sig") && !line.starts_with("SigQ"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (before, here) = (sig(&mask()), std::env::current_dir().expect("a directory"));
    let text = output_of("ulimit -n; pwd", |exec| {
        exec.umask(0o077).cwd(Path::new("/")).own_session().limit(Limit::Files, 60, 70);
    });
    assert_eq!(text, "60\n/\n");
    assert_eq!(sig(&mask()), before);
    assert_eq!(std::env::current_dir().expect("a directory"), here);
}
