//! From root to the user, and what can go wrong on the way.

use std::os::unix::fs::MetadataExt;

use nix::sys::signal::Signal;
use portcullis_model::Uid;
use portcullis_model::session::Step;
use portcullis_sys::process::Ended;
use portcullis_wire::Report;

use crate::Test;
use crate::world::{OTHER, PROXY, USER, setting};

pub(crate) const TESTS: &[Test] = &[
    ("the_session_is_the_user_and_proves_it", the_session_is_the_user_and_proves_it),
    ("the_ide_finds_exactly_what_it_was_given", the_ide_finds_exactly_what_it_was_given),
    ("a_program_that_is_missing_says_so", a_program_that_is_missing_says_so),
    ("a_program_that_exits_shows_its_last_lines", a_program_that_exits_shows_its_last_lines),
    ("an_ide_that_never_answers_is_given_up", an_ide_that_never_answers_is_given_up),
    ("files_in_the_way_stop_the_start", files_in_the_way_stop_the_start),
    ("a_user_may_only_become_itself", a_user_may_only_become_itself),
    ("unexpected_groups_and_root_are_refused", unexpected_groups_and_root_are_refused),
    (
        "nothing_is_started_before_the_keeper_has_done_its_part",
        nothing_is_started_before_the_keeper_has_done_its_part,
    ),
    ("output_without_end_is_drained", output_without_end_is_drained),
];

fn failure(reports: &[Report]) -> (Step, &str, &[String]) {
    let found = reports.iter().find_map(|report| match report {
        Report::Failed { step, why, output } => Some((*step, why.as_str(), output.as_slice())),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no failure in {reports:?}"))
}

fn the_session_is_the_user_and_proves_it() {
    let world = setting("http").start();
    let reports = world.until(|report| matches!(report, Report::Running));
    let [Report::Step(Step::BecomeUser), Report::Proof(proof), rest @ ..] = reports.as_slice() else {
        panic!("{reports:?}");
    };
    assert_eq!(rest, [Report::Step(Step::StartIde), Report::Step(Step::Answer), Report::Running]);
    let ids = format!("uid={USER},{USER},{USER},{USER} gid={USER},{USER},{USER},{USER} groups=20001,20009 ");
    assert!(proof.starts_with(&ids), "{proof}");
    assert!(proof.contains(" caps=inh=0,prm=0,eff=0,amb=0,bnd=0 nnp=1 seccomp="), "{proof}");
    assert!(proof.contains(" dumpable=0 umask=0077 "), "{proof}");

    let status = world.proc("status");
    for line in ["NoNewPrivs:\t1", "CapEff:\t0000000000000000", "Groups:\t20001 20009", "Umask:\t0077"] {
        assert!(status.contains(line), "{line} in {status}");
    }
    // Not even its own user reads its memory, environment or descriptors.
    let proc = std::fs::metadata(format!("/proc/{}/environ", world.session.pid())).expect("it lives");
    assert_eq!(proc.uid(), 0);
    let fds: Vec<_> = std::fs::read_dir(format!("/proc/{}/fd", world.session.pid()))
        .expect("root may")
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .collect();
    assert!(!fds.iter().any(|path| path.ends_with("passwd")), "{fds:?}");
}

fn the_ide_finds_exactly_what_it_was_given() {
    let world = setting("http").running();
    let facts = world.play(PROXY, &["fetch", &world.port, "/facts"]);
    let line = |name: &str| {
        let found = facts.lines().find(|line| line.starts_with(name));
        found.unwrap_or_else(|| panic!("no {name} in {facts}")).to_owned()
    };
    assert_eq!(line("env "), r#"env {"A": "b c", "HOME": "/nonexistent", "TOKEN": "s3cret"}"#);
    assert!(line("fds ").starts_with(r#"fds ["0=/dev/null", "1=pipe:"#), "{facts}");
    assert!(!line("fds ").contains("passwd"), "{facts}");
    assert_eq!(line("fds ").matches("socket:").count(), 3, "its listener, its connection twice: {facts}");
    assert!(!line("args ").contains("s3cret"));
    assert_eq!(line("sid "), "sid true");
    assert_eq!(line("cwd "), "cwd \"/\"");
    assert_eq!(line("Umask"), "Umask:\t0077");
    assert_eq!(line("NoNewPrivs"), "NoNewPrivs:\t1");
    assert_eq!(line("Uid"), format!("Uid:\t{USER}\t{USER}\t{USER}\t{USER}"));
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "SigBlk"] {
        assert!(line(set).ends_with("0000000000000000"), "{}", line(set));
    }
    let file = world.private.join("conf/ide.json");
    let found = std::fs::metadata(&file).expect("written");
    assert_eq!((found.uid(), found.mode() & 0o7777), (USER, 0o600));
    assert_eq!(std::fs::read_to_string(&file).expect("root may"), "{}");
}

fn a_program_that_is_missing_says_so() {
    for (program, why) in [
        ("/nonexistent/jupyter-lab", "the program `/nonexistent/jupyter-lab` is not installed"),
        ("/etc/passwd", "the program `/etc/passwd` can't be executed"),
    ] {
        let mut setting = setting("http");
        setting.spec.command.program = program.into();
        let (end, reports) = setting.start().ended();
        assert_eq!(end, Ended::Exited(1));
        let (step, text, _) = failure(&reports);
        assert_eq!(step, Step::StartIde);
        assert!(text.starts_with(why), "{text}");
        assert_eq!(reports.last(), Some(&Report::Ended { left_over: 0 }));
    }
    let mut nowhere = setting("http");
    nowhere.spec.command.cwd = "/root".into();
    let (_, reports) = nowhere.start().ended();
    let (step, text, _) = failure(&reports);
    assert_eq!(
        (step, text),
        (Step::StartIde, "the working directory `/root` can't be entered: EACCES: Permission denied")
    );
}

fn a_program_that_exits_shows_its_last_lines() {
    let (end, reports) = setting("exits").start().ended();
    assert_eq!(end, Ended::Exited(1));
    let (step, why, output) = failure(&reports);
    assert_eq!(step, Step::Answer);
    assert_eq!(why, "the IDE ended before it answered: killed by SIGABRT");
    assert_eq!(output, ["first line", "last \u{fffd}[31mline"]);
}

fn an_ide_that_never_answers_is_given_up() {
    let mut setting = setting("mute");
    (setting.spec.answer_within, setting.spec.end_within) = (1, 1);
    let world = setting.start();
    let (_, reports) = world.ended();
    let (step, why, output) = failure(&reports);
    assert_eq!(step, Step::Answer);
    assert!(why.starts_with("the IDE did not answer within 1 seconds"), "{why}");
    assert_eq!(output, ["I listen but do not answer"]);
    assert!(!world.private.join("ide.sock").exists(), "the socket is left behind");
}

fn files_in_the_way_stop_the_start() {
    let setting = setting("http");
    let private = std::path::PathBuf::from(&setting.spec.dir);
    std::os::unix::fs::symlink("/tmp", private.join("conf")).expect("a link");
    let (_, reports) = setting.start().ended();
    let (step, why, _) = failure(&reports);
    assert_eq!(step, Step::StartIde);
    assert!(why.starts_with("its files can't be prepared: can't write `conf/ide.json`"), "{why}");
}

fn a_user_may_only_become_itself() {
    let mut own = setting("http");
    own.start_as = Some(USER);
    let world = own.start();
    let reports = world.until(|report| matches!(report, Report::Running));
    assert!(matches!(&reports[1], Report::Proof(proof) if proof.contains("nnp=1")), "{reports:?}");
    drop(world);

    let mut other = setting("http");
    (other.start_as, other.spec.uid) = (Some(USER), Uid(OTHER));
    let mut world = other.start();
    world.expected.push("the session can't start");
    let (end, reports) = world.ended();
    assert_eq!(end, Ended::Exited(1));
    let (step, why, _) = failure(&reports);
    assert_eq!(step, Step::BecomeUser);
    assert!(why.contains("can't set uid"), "{why}");
}

fn unexpected_groups_and_root_are_refused() {
    type Change = fn(&mut portcullis_wire::SessionSpec);
    let cases: [(Change, &str); 4] = [
        (|spec| spec.groups.clear(), "groups are [20009], not []"),
        (|spec| spec.uid = Uid(0), "it is for uid or gid 0"),
        (|spec| spec.proxy_uid = Uid(0), "the proxy's account is root"),
        (
            |spec| spec.transport = portcullis_model::session::Transport::Tcp(portcullis_model::Port(1)),
            "descriptor 5 ",
        ),
    ];
    for (change, wanted) in cases {
        let mut setting = setting("http");
        change(&mut setting.spec);
        let mut world = setting.start();
        world.expected.push("the session can't start");
        let (end, reports) = world.ended();
        assert_eq!(end, Ended::Exited(1));
        let (step, why, _) = failure(&reports);
        assert_eq!(step, Step::BecomeUser);
        assert!(why.contains(wanted), "{why}");
    }
}

fn nothing_is_started_before_the_keeper_has_done_its_part() {
    let mut setting = setting("http");
    setting.go = false;
    let mut world = setting.start();
    world.expected.push("the session can't start");
    world.tell = None;
    let (end, reports) = world.ended();
    assert_eq!(end, Ended::Exited(1));
    let (step, why, _) = failure(&reports);
    assert_eq!(step, Step::BecomeUser);
    assert!(why.contains("the keeper didn't put the session into its groups"), "{why}");
    assert!(!reports.iter().any(|report| matches!(report, Report::Proof(_))), "{reports:?}");
}

fn output_without_end_is_drained() {
    let world = setting("flood").running();
    for _ in 0..3 {
        assert!(world.play(PROXY, &["fetch", &world.port, "/api"]).ends_with("ok"));
    }
    assert!(world.memory("Anonymous") < 2048, "{} kB", world.memory("Anonymous"));
    world.session.signal(Signal::SIGTERM).expect("it lives");
    assert_eq!(world.ended().0, Ended::Exited(0));
}
