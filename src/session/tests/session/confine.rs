//! What the IDE of a session can't do, and that the session around it goes on as ever.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use portcullis_model::sandbox::{Calls, Programs, Reach, Rules, Sandbox, View};
use portcullis_model::session::Step;
use portcullis_sys::landlock;
use portcullis_sys::process::Ended;
use portcullis_wire::Report;

use crate::Test;
use crate::world::{PROXY, Setting, USER, World, setting};

pub(crate) const TESTS: &[Test] = &[
    ("nothing_confines_a_session_without_a_plan", nothing_confines_a_session_without_a_plan),
    ("a_confined_ide_reaches_what_it_may", a_confined_ide_reaches_what_it_may),
    ("only_listed_programs_are_executed", only_listed_programs_are_executed),
    ("a_confined_ide_can_not_reach_its_session", a_confined_ide_can_not_reach_its_session),
    ("with_privileges_the_session_itself_is_confined", with_privileges_the_session_itself_is_confined),
    (
        "a_plan_that_can_not_be_put_in_force_ends_the_start",
        a_plan_that_can_not_be_put_in_force_ends_the_start,
    ),
    ("an_ide_keeps_to_its_limits", an_ide_keeps_to_its_limits),
];

/// A home with a file, a folder of somebody else's with one that everybody may read, and the plan that tells them apart.
struct Scene {
    setting: Setting,
    home: PathBuf,
    elsewhere: PathBuf,
}

fn scene() -> Scene {
    let mut setting = setting("http");
    let (home, elsewhere) = (setting.folder("home", USER), setting.folder("elsewhere", 0));
    for folder in [&home, &elsewhere] {
        std::fs::write(folder.join("file"), "text").expect("written");
        std::fs::copy("/bin/true", folder.join("true")).expect("copied");
        std::fs::set_permissions(folder.join("true"), PermissionsExt::from_mode(0o755)).expect("own");
    }
    let command = &mut setting.spec.command;
    command.cwd = text(&home);
    command.env = vec![("HOME".into(), text(&home)), ("PATH".into(), "/usr/bin:/bin".into())];
    Scene { setting, home, elsewhere }
}

fn text(path: &Path) -> String {
    path.to_str().expect("plain").to_owned()
}

fn version() -> u32 {
    landlock::version().expect("Landlock: this test means nothing without it").min(9)
}

const CALLS: Option<Calls> = Some(Calls { no_truncate: false, no_memory_programs: true });

impl Scene {
    fn reach(&self) -> Reach {
        let spec = &self.setting.spec;
        let program = text(Path::new(&spec.command.program).parent().expect("a folder"));
        let read = ["/usr", "/lib", "/lib64", "/bin", "/etc", "/absent", &program];
        Reach {
            read: read.map(str::to_owned).into(),
            write: vec![text(&self.home), spec.dir.clone(), "/dev/null".into(), "/proc".into()],
        }
    }

    fn sandbox(&self, reach: bool) -> Sandbox {
        let rules = Some(Rules { version: version(), reach: reach.then(|| self.reach()) });
        Sandbox { rules, calls: CALLS, ..Sandbox::default() }
    }

    /// Starts the session under the plan, and the acts in its IDE.
    fn start(mut self, sandbox: Sandbox) -> Acts {
        self.setting.spec.sandbox = sandbox;
        Acts { world: self.setting.running(), home: self.home, elsewhere: self.elsewhere }
    }
}

struct Acts {
    world: World,
    home: PathBuf,
    elsewhere: PathBuf,
}

impl Acts {
    /// What came of an act in the IDE: `ok`, or the name of an error.
    fn act(&self, verb: &str, object: &str) -> String {
        let path = format!("/act/{verb}{}{object}", if object.starts_with('/') { "" } else { "/" });
        let answer = self.world.play(PROXY, &["fetch", &self.world.port, &path]);
        answer.rsplit_once("\r\n\r\n").map_or(answer.clone(), |(_, body)| body.to_owned())
    }

    fn facts(&self, name: &str) -> String {
        let facts = self.world.play(PROXY, &["fetch", &self.world.port, "/facts"]);
        let line = facts.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name} in {facts}")).trim().to_owned()
    }

    fn home(&self, name: &str) -> String {
        text(&self.home.join(name))
    }

    fn elsewhere(&self, name: &str) -> String {
        text(&self.elsewhere.join(name))
    }
}

/// The control of all the others: the same acts, which the account may do.
fn nothing_confines_a_session_without_a_plan() {
    let acts = scene().start(Sandbox::default());
    let (file, program) = (acts.elsewhere("file"), acts.elsewhere("true"));
    for (verb, object) in
        [("read", &*file), ("list", &text(&acts.elsewhere)), ("run", &*program), ("read", "/etc/passwd")]
    {
        assert_eq!(acts.act(verb, object), "ok", "{verb} {object}");
    }
    assert_eq!(acts.act("memory-program", "x"), "ok");
    assert_ne!(acts.act("call", "unshare"), "EPERM", "{}", acts.act("call", "unshare"));
    assert_eq!(acts.act("signal", &acts.world.session.pid().to_string()), "ok");
    assert_eq!(acts.facts("Seccomp"), "0");
}

fn a_confined_ide_reaches_what_it_may() {
    let scene = scene();
    let sandbox = scene.sandbox(true);
    let acts = scene.start(sandbox);
    for (verb, object, wanted) in [
        ("read", acts.home("file"), "ok"),
        ("write", acts.home("new"), "ok"),
        ("list", text(&acts.home), "ok"),
        ("run", acts.home("true"), "ok"),
        ("run", "/bin/true".into(), "ok"),
        ("read", "/etc/passwd".into(), "ok"),
        ("write", "/dev/null".into(), "ok"),
        ("read", acts.elsewhere("file"), "EACCES"),
        ("list", text(&acts.elsewhere), "EACCES"),
        ("run", acts.elsewhere("true"), "EACCES"),
        ("list", "/".into(), "EACCES"),
        ("list", "/var".into(), "EACCES"),
        ("call", "unshare".into(), "EPERM"),
        ("call", "umount".into(), "EPERM"),
        ("memory-program", "x".into(), if memory_closed() { "EACCES" } else { "EPERM" }),
    ] {
        assert_eq!(acts.act(verb, &object), wanted, "{verb} {object}");
    }
    assert_eq!(acts.facts("Seccomp"), "2");
    assert_eq!(acts.facts("NoNewPrivs"), "1");
    let status = acts.world.proc("status");
    assert!(status.contains("Seccomp:\t0"), "the session process itself is not confined: {status}");
}

/// Whether the machine makes no programs in memory anyway: then that answers.
fn memory_closed() -> bool {
    std::fs::read_to_string("/proc/sys/vm/memfd_noexec").is_ok_and(|text| text.trim() == "2")
}

fn only_listed_programs_are_executed() {
    for reach in [false, true] {
        let scene = scene();
        let mut sandbox = scene.sandbox(reach);
        let ide = scene.setting.spec.command.program.clone();
        let kept = [ide.clone(), text(&scene.elsewhere)];
        sandbox.view =
            Some(View { tmp_mb: 16, data_only: Vec::new(), hidden: Vec::new(), kept: kept.into() });
        sandbox.programs = Some(Programs {
            folders: vec!["/usr/bin".into()],
            allowed: vec![ide, "/usr/bin/env".into(), "/usr/bin/false".into(), "/nonexistent".into()],
            stub: "/usr/bin/false".into(),
        });
        let acts = scene.start(sandbox);
        let shared_memory = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/ipc")).expect("root may");
        assert_ne!(shared_memory(&acts.world.session.pid().to_string()), shared_memory("self"));
        assert_eq!(acts.act("run", "/usr/bin/env"), "ok", "listed");
        assert_eq!(acts.act("run", "/bin/sh"), "exit status 1", "what stands in place of shells");
        assert_eq!(acts.act("run", "/usr/bin/id"), "ENOENT", "hidden");
        for program in [&acts.home("true"), &acts.elsewhere("true")] {
            assert_eq!(acts.act("run", program), "EACCES", "{program}");
        }
        assert_eq!(acts.act("memory-program", "x"), "EACCES");
        assert_eq!(acts.act("read", &acts.home("file")), "ok");
        assert_eq!(acts.act("read", &acts.elsewhere("file")), if reach { "EACCES" } else { "ok" });
        // Moves go on where files are not ruled, too.
        assert_eq!(acts.act("move", &acts.home("file")), "ok");
    }
}

fn a_confined_ide_can_not_reach_its_session() {
    let scene = scene();
    let sandbox = scene.sandbox(false);
    let acts = scene.start(sandbox);
    let session = acts.world.session.pid().to_string();
    let signalled = if version() < landlock::SCOPES_SINCE { "ok" } else { "EPERM" };
    assert_eq!(acts.act("signal", &session), signalled);
    assert_eq!(acts.act("trace", &session), "EPERM");
    assert_eq!(acts.act("read", &format!("/proc/{session}/environ")), "EACCES");
    // It is as well as ever, and ends its IDE.
    assert!(acts.world.play(PROXY, &["fetch", &acts.world.port, "/api"]).ends_with("ok"));
    acts.world.session.signal(nix::sys::signal::Signal::SIGTERM).expect("it lives");
    assert_eq!(acts.world.ended().0, Ended::Exited(0));
}

fn with_privileges_the_session_itself_is_confined() {
    let scene = scene();
    let sandbox = Sandbox { privileges: true, ..scene.sandbox(true) };
    let acts = scene.start(sandbox);
    assert_eq!(acts.facts("NoNewPrivs"), "0");
    assert_eq!(acts.facts("Seccomp"), "2");
    assert_eq!(acts.act("read", &acts.home("file")), "ok");
    assert_eq!(acts.act("read", &acts.elsewhere("file")), "EACCES");
    assert_eq!(acts.act("call", "unshare"), "EPERM");
    // What a set-user-ID program may gain, and what not: SETUID, but neither SYS_ADMIN nor MKNOD.
    let bounding = u64::from_str_radix(&acts.facts("CapBnd"), 16).expect("bits");
    assert_eq!((bounding >> 7 & 1, bounding >> 21 & 1, bounding >> 27 & 1), (1, 0, 0), "{bounding:x}");
    let status = acts.world.proc("status");
    assert!(status.contains("Seccomp:\t2"), "{status}");
    acts.world.session.signal(nix::sys::signal::Signal::SIGTERM).expect("it lives");
    assert_eq!(acts.world.ended().0, Ended::Exited(0));
}

fn a_plan_that_can_not_be_put_in_force_ends_the_start() {
    let refused = |change: &dyn Fn(&Scene, &mut Sandbox), privileges: bool| {
        let mut scene = scene();
        let mut sandbox = scene.sandbox(true);
        sandbox.privileges = privileges;
        change(&scene, &mut sandbox);
        scene.setting.spec.sandbox = sandbox;
        let mut world = scene.setting.start();
        world.expected.push("the session can't start");
        let (end, reports) = world.ended();
        assert_eq!(end, Ended::Exited(1));
        let failed = reports.iter().find_map(|report| match report {
            Report::Failed { step, why, .. } => Some((*step, why.clone())),
            _ => None,
        });
        failed.unwrap_or_else(|| panic!("no failure in {reports:?}"))
    };
    for (privileges, wanted) in [(false, Step::StartIde), (true, Step::BecomeUser)] {
        let newer = |_: &Scene, sandbox: &mut Sandbox| {
            sandbox.rules.as_mut().expect("rules").version = 9;
        };
        if version() < 9 {
            let (step, why) = refused(&newer, privileges);
            assert_eq!(step, wanted);
            assert!(
                why.starts_with("the session's rules for files can't be made: the kernel takes no"),
                "{why}"
            );
        }
        let homeless = |scene: &Scene, sandbox: &mut Sandbox| {
            let reach = sandbox.rules.as_mut().and_then(|rules| rules.reach.as_mut()).expect("a reach");
            reach.write.retain(|path| *path != text(&scene.home));
        };
        let (step, why) = refused(&homeless, privileges);
        assert_eq!(step, wanted);
        assert!(why.starts_with("the home directory `") && why.contains("/home`"), "{why}");
    }
}

fn an_ide_keeps_to_its_limits() {
    let scene = scene();
    let mut sandbox = Sandbox::default();
    sandbox.limits.open_files = Some(100);
    sandbox.limits.nice = 5;
    sandbox.limits.processors = vec![0];
    sandbox.calls = CALLS;
    let acts = scene.start(sandbox);
    assert_eq!(acts.act("call", "processors"), "EPERM");
    assert_eq!(acts.facts("Cpus_allowed_list"), "0");
    let facts = acts.world.play(PROXY, &["fetch", &acts.world.port, "/facts"]);
    assert!(facts.contains("nofile (100, 100)"), "{facts}");
    assert!(facts.contains("nice 5\n"), "{facts}");
}
