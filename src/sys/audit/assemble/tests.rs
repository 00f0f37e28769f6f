use super::*;

fn feed(assembler: &mut Assembler, now: Instant, kind: u16, text: &str) -> Option<Act> {
    assembler.take(&Record::parse(kind, text.as_bytes()).expect("a record"), now)
}

#[test]
fn an_event_is_complete_with_its_last_record() {
    let (mut all, now) = (Assembler::default(), Instant::now());
    let call = r#"audit(1.5:7): arch=c000003e syscall=59 success=yes exit=0 a0=1 items=2 ppid=10 pid=11 auid=1000 uid=1000 euid=0 ses=3 comm="x" exe="/usr/bin/x" key="portcullis""#;
    assert_eq!(feed(&mut all, now, kinds::SYSCALL, call), None);
    assert_eq!(feed(&mut all, now, kinds::EXECVE, r#"audit(1.5:7): argc=1 a0="x""#), None);
    assert_eq!(feed(&mut all, now, kinds::CWD, r#"audit(1.5:7): cwd=2F6120"#), None);
    let path = r#"audit(1.5:7): item=0 name="./x" inode=1 nametype=NORMAL"#;
    assert_eq!(feed(&mut all, now, kinds::PATH, path), None);
    // Another event in between.
    assert_eq!(feed(&mut all, now, kinds::CWD, r#"audit(1.5:8): cwd="/b""#), None);
    let act = feed(&mut all, now, kinds::EOE, "audit(1.5:7): ").expect("complete");
    let call = act.syscall.expect("a call");
    assert_eq!((call.session, call.pid, call.ppid, call.euid, call.success), (3, 11, 10, 0, true));
    assert_eq!((act.cwd.as_deref(), act.paths[0].name.as_str(), act.millis), (Some("/a "), "./x", 1005));
    assert_eq!(act.args.expect("arguments").texts(), ["x"]);
    assert!(all.expired(now + PATIENCE).len() == 1 && all.is_idle());
}

#[test]
fn a_filters_record_stands_alone_and_landlocks_goes_with_its_call() {
    let (mut all, now) = (Assembler::default(), Instant::now());
    let text = r#"audit(1.5:9): auid=1 uid=1 gid=1 ses=4 pid=12 comm="x" exe="/x" sig=0 arch=c000003e syscall=321 compat=0 ip=0x7 code=0x50000"#;
    let act = feed(&mut all, now, kinds::SECCOMP, text).expect("complete");
    assert_eq!(act.seccomp.map(|found| (found.session, found.number, found.pid)), Some((4, 321, 12)));
    let text =
        r#"audit(1.5:10): domain=1a blockers=fs.execute,fs.read_file path="/usr/bin/dash" dev="vda" ino=5"#;
    assert_eq!(feed(&mut all, now, kinds::LANDLOCK_ACCESS, text), None);
    let act = feed(&mut all, now, kinds::EOE, "audit(1.5:10): ").expect("complete");
    let denial = act.landlock.expect("a denial");
    assert_eq!(
        (denial.blockers.as_str(), denial.target.as_str()),
        ("fs.execute,fs.read_file", "/usr/bin/dash")
    );
    let text = r#"audit(1.5:11): domain=1a blockers=net.connect_tcp daddr=127.0.0.1 dest=9"#;
    feed(&mut all, now, kinds::LANDLOCK_ACCESS, text);
    let act = feed(&mut all, now, kinds::EOE, "audit(1.5:11): ").expect("complete");
    assert_eq!(act.landlock.map(|denial| denial.target).as_deref(), Some("127.0.0.1:9"));
    let text = r#"audit(1.5:12): domain=1a blockers=scope.signal opid=1 ocomm="init""#;
    feed(&mut all, now, kinds::LANDLOCK_ACCESS, text);
    let act = feed(&mut all, now, kinds::EOE, "audit(1.5:12): ").expect("complete");
    assert_eq!(act.landlock.map(|denial| denial.target).as_deref(), Some("process 1 (init)"));
}

#[test]
fn numbers_that_never_come_are_counted_and_late_ones_are_not() {
    let (mut gaps, now) = (Gaps::default(), Instant::now());
    for serial in [10, 12, 11, 15] {
        gaps.saw(serial, now);
    }
    assert_eq!(gaps.lost(now), 0, "13 and 14 may come still");
    gaps.saw(13, now);
    assert_eq!(gaps.lost(now + PATIENCE), 1);
    assert_eq!(gaps.lost(now + PATIENCE), 0, "told once");
    gaps.saw(15 + 1_000_000, now);
    assert_eq!(gaps.lost(now + PATIENCE), 999_999, "a wide gap is counted, not kept");
    let mut gaps = Gaps::default();
    [u32::MAX, 0, 1].into_iter().for_each(|serial| gaps.saw(serial, now));
    assert_eq!(gaps.lost(now + PATIENCE), 0, "the count wraps");
}

#[test]
fn hostile_records_are_bounded() {
    let (mut all, now) = (Assembler::default(), Instant::now());
    let mut out = 0;
    for serial in 0..u32::try_from(OPEN_MAX).expect("small") + 10 {
        out += usize::from(
            feed(&mut all, now, kinds::CWD, &format!("audit(1.1:{serial}): cwd=\"/\"")).is_some(),
        );
    }
    assert_eq!(out, 10);
    for _ in 0..100 {
        feed(&mut all, now, kinds::PATH, r#"audit(1.1:4100): name="x" nametype=PARENT"#);
        feed(&mut all, now, kinds::LANDLOCK_ACCESS, "audit(1.1:4100): blockers= path= opid= daddr=");
    }
    let act = feed(&mut all, now, kinds::EOE, "audit(1.1:4100): ").expect("complete");
    assert_eq!(act.paths.len(), PATHS_MAX);
}

#[test]
fn without_rules_landlocks_records_come_alone() {
    let (mut all, now) = (Assembler::default(), Instant::now());
    feed(
        &mut all,
        now,
        kinds::LANDLOCK_ACCESS,
        "audit(1.5:20): domain=1ab blockers=ptrace opid=7 ocomm=\"x\"",
    );
    let text = "audit(1.5:20): domain=1ab status=allocated mode=enforcing pid=99 uid=1 exe=\"/x\" comm=\"x\"";
    assert_eq!(feed(&mut all, now, kinds::LANDLOCK_DOMAIN, text), None);
    assert!(all.expired(now).is_empty());
    let acts = all.expired(now + PATIENCE_ALONE);
    assert_eq!(acts.len(), 1);
    assert_eq!(acts[0].domain, Some((0x1ab, 99)));
    assert_eq!(acts[0].landlock.as_ref().map(|denial| denial.domain), Some(0x1ab));
    assert!(!acts[0].is_nobodys());
    feed(&mut all, now, kinds::LANDLOCK_DOMAIN, "audit(1.5:21): domain=1ab status=deallocated denials=1");
    assert_eq!(all.expired(now + PATIENCE_ALONE)[0].domain_gone, Some(0x1ab));
    let text = "audit(1.5:22): pid=5 uid=0 old-auid=1 auid=2 tty=(none) old-ses=3 ses=4 res=1";
    assert_eq!(feed(&mut all, now, kinds::LOGIN, text).and_then(|act| act.moved), Some((3, 4, 5)));
    assert_eq!(feed(&mut all, now, 1112, "audit(1.5:23): pid=1 msg='op=x'"), None, "a program's own");
    assert!(all.is_idle());
}
