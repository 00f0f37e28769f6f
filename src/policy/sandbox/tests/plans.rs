use super::*;

const SHELL: &str = "allow-shell=0\n";
const SEALED: &str = "allow-shell=0\nallow-package-installation=0\n";
const WALLED: &str = "restrict-directory-view=1\ndirectory-view-allow-list=/srv/data:/nowhere\n";

#[test]
fn without_flags_nothing_is_out_of_reach_but_what_is_the_sessions_own() {
    let plan = Case::default().plan().expect("a plan");
    assert_eq!(plan.fallen, Vec::new());
    let sandbox = plan.sandbox;
    assert_eq!(sandbox.programs, None);
    assert_eq!(sandbox.rules, Some(Rules { version: 7, reach: None }), "signals and sockets stay in");
    assert_eq!(sandbox.calls, Some(Calls { no_truncate: false, no_memory_programs: false }));
    let view = sandbox.view.expect("a view");
    assert_eq!((view.tmp_mb, view.data_only), (1024, Vec::new()));
    assert!(within(&view.hidden, "/run/user/1000/bus"), "else a manager outside starts programs for it");
    assert!(within(&view.hidden, "/run/portcullis/admin.sock") && view.kept.contains(&DIR.to_owned()));
    assert!(!within(&view.hidden, "/run/docker.sock"), "nobody forbade it");
    assert!(!sandbox.privileges && sandbox.limits == portcullis_model::sandbox::Limits::default());
}

#[test]
fn off_is_off() {
    let off = Case { rsession: SEALED, portcullis: "session-sandbox=off\n", ..Case::default() };
    assert_eq!(off.plan().expect("a plan"), Plan::default());
    let bare = Case { host: HostFacts::default(), ..off };
    assert_eq!(bare.plan().expect("a plan"), Plan::default(), "nothing is wanted, nothing is missing");
}

#[test]
fn allow_shell_leaves_a_list_of_programs() {
    let sandbox = Case { rsession: SHELL, ..Case::default() }.planned();
    let list = programs(&sandbox);
    for there in [
        "/usr/bin/python3",
        "/usr/bin/python3.11",
        "/usr/bin/git",
        "/usr/bin/ssh",
        "/usr/bin/node",
        "/usr/bin/R",
        "/usr/lib/R/bin/exec/R",
        "/usr/lib/git-core/git",
        "/lib64/ld-linux-x86-64.so.2",
        "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
        "/opt/jupyter/bin/jupyter-lab",
        "/opt/jupyter/bin/pip",
        STUB,
    ] {
        assert!(within(&list.allowed, there), "{there}\n{:?}", list.allowed);
    }
    for gone in [
        "/usr/bin/bash",
        "/usr/bin/dash",
        "/usr/bin/sh",
        "/usr/bin/perl",
        "/usr/local/bin/tool",
        "/home/anna/x",
    ] {
        assert!(!within(&list.allowed, gone), "{gone}");
    }
    let absent: Vec<&String> = list.allowed.iter().filter(|path| debian().steps(path).is_empty()).collect();
    assert_eq!(absent, Vec::<&String>::new(), "what is not there is not said");
    assert_eq!(list.stub, STUB);
    assert!(
        list.folders.contains(&"/usr/bin".to_owned()) && list.folders.contains(&"/usr/local/bin".to_owned())
    );
    assert!(!list.folders.contains(&"/bin".to_owned()), "a link is covered where it leads");
    assert!(!list.folders.contains(&"/usr/lib/git-core".to_owned()), "all of it is on the list");
    assert!(sandbox.calls.expect("calls").no_memory_programs);
    let view = sandbox.view.expect("a view");
    assert_eq!(view.data_only, Vec::<String>::new(), "packages may be installed: they are loaded from home");
    // As a whole: a cover over one name is gone when its service makes that name anew.
    assert!(view.hidden.contains(&"/run".to_owned()) && !within(&view.kept, "/run/docker.sock"));
    assert!(
        within(&view.kept, "/run/systemd/resolve/stub-resolv.conf")
            && within(&view.kept, STUB) == STUB.starts_with("/run/")
    );
    assert_eq!(sandbox.rules.expect("rules").reach, None);
}

#[test]
fn version_control_is_on_the_list_where_it_is_allowed() {
    let without = Case { rsession: "allow-shell=0\nallow-vcs=0\n", ..Case::default() }.planned();
    let list = programs(&without);
    for gone in ["/usr/bin/git", "/usr/bin/ssh", "/usr/lib/git-core/git"] {
        assert!(!within(&list.allowed, gone), "{gone}");
    }
    assert!(list.folders.contains(&"/usr/lib/git-core".to_owned()));
}

#[test]
fn the_administrator_adds_programs_for_all_or_for_some() {
    let case = Case {
        rsession: SHELL,
        portcullis: "session-programs=/usr/bin/perl:/nowhere\n",
        profiles: "[anna]\nsession-programs=/usr/local/bin/tool\n",
        ..Case::default()
    };
    let list = case.planned().programs.expect("a list").allowed;
    assert!(list.contains(&"/usr/local/bin/tool".to_owned()));
    assert!(!list.contains(&"/usr/bin/perl".to_owned()), "a section takes the place of the file");
}

#[test]
fn an_ide_of_its_own_brings_its_own_programs() {
    let rstudio =
        Case { rsession: SHELL, ide: Ide::Rstudio, program: "/opt/rs/bin/rsession", ..Case::default() };
    let list = rstudio.planned().programs.expect("a list").allowed;
    assert!(!within(&list, "/usr/bin/node") && !within(&list, "/opt/jupyter/bin/pip"));
    assert!(within(&list, "/usr/lib/R/bin/exec/R"));
}

#[test]
fn where_packages_are_closed_too_nothing_written_is_a_program() {
    let sandbox = Case { rsession: SEALED, ..Case::default() }.planned();
    let data = &sandbox.view.as_ref().expect("a view").data_only;
    for folder in ["/home/anna", "/home", DIR, "/tmp", "/var/tmp", "/dev/shm", "/srv", "/data"] {
        assert!(data.contains(&folder.to_owned()), "{folder}: {data:?}");
    }
    assert!(!within(data, "/usr/lib/x") && !within(data, "/opt/jupyter/bin/pip"));
    let reach = reach(&sandbox);
    assert_eq!(reach.read, ["/"]);
    for path in ["/home/anna/x", "/srv/data/x", "/dev/null", "/tmp/x"] {
        assert!(within(&reach.write, path), "{path}");
    }
    for path in ["/var/lib/secret", "/opt/jupyter/bin/x", "/usr/lib/x", "/run/lock/x", "/dev/sda"] {
        assert!(!within(&reach.write, path), "{path}: a file there would be a program");
    }
}

#[test]
fn restricted_folders_are_those_of_the_proxy_and_what_programs_need() {
    let sandbox =
        Case { rsession: WALLED, portcullis: "session-folders=/data\n", ..Case::default() }.planned();
    let reach = reach(&sandbox);
    for path in ["/home/anna/x", "/srv/data/x", DIR, "/tmp/x", "/dev/null", "/dev/nvidia0"] {
        assert!(within(&reach.write, path), "{path}");
    }
    for path in
        ["/usr/bin/bash", "/usr/lib/x", "/etc/passwd", "/opt/jupyter/share/x", "/proc/self", "/data/x"]
    {
        assert!(within(&reach.read, path), "{path}");
    }
    for path in
        ["/home/ben/x", "/home", "/", "/srv", "/var/lib/secret", "/run/portcullis", "/nowhere", "/root"]
    {
        assert!(!within(&reach.read, path) && !within(&reach.write, path), "{path}");
    }
    assert!(
        !within(&reach.write, "/data/x")
            && !within(&reach.write, "/usr/lib/x")
            && !within(&reach.write, "/dev/sda")
    );
    assert_eq!(sandbox.programs, None);
}

#[test]
fn with_both_what_is_no_program_of_the_session_can_not_be_read_either() {
    let both = "allow-shell=0\nrestrict-directory-view=1\n";
    let sandbox = Case { rsession: both, ..Case::default() }.planned();
    let reach = reach(&sandbox);
    for path in ["/usr/bin/bash", "/usr/local/bin/tool", "/usr/sbin/ldconfig"] {
        assert!(!within(&reach.read, path), "{path}: the dynamic linker runs what it can read");
    }
    for path in ["/usr/lib/x", "/usr/share/zoneinfo", "/usr/local/lib/x", STUB] {
        assert!(within(&reach.read, path), "{path}");
    }
}

#[test]
fn a_link_of_a_persons_own_in_the_list_leads_nowhere() {
    // Root's links are followed before a plan is asked for: what is a link still is somebody else's.
    let linked = "allow-shell=0\nallow-package-installation=0\nrestrict-directory-view=1\ndirectory-view-allow-list=/opt/shared\n";
    let sandbox = Case { rsession: linked, ..Case::default() }.planned();
    let write = &reach(&sandbox).write;
    assert!(!within(write, "/srv/data/x") && !within(write, "/opt/shared"), "{write:?}");
    assert!(!within(&sandbox.view.expect("a view").data_only, "/srv/data"));
}

#[test]
fn flags_that_are_only_recorded_restrict_nothing() {
    let recorded = Case {
        rsession: "allow-shell=0\nallow-package-installation=0\nrestrict-directory-view=1\n",
        portcullis: "audit-only=allow-shell restrict-directory-view\n",
        ..Case::default()
    };
    let sandbox = recorded.planned();
    assert_eq!((sandbox.programs, sandbox.rules.expect("rules").reach), (None, None));
    assert_eq!(sandbox.view.expect("a view").data_only, Vec::<String>::new());
}

#[test]
fn a_ticket_cache_stays_and_a_manager_outside_does_not() {
    let pam_env = [
        ("KRB5CCNAME", "FILE:/tmp/krb5cc_1000_x"),
        ("XDG_RUNTIME_DIR", "/run/user/1000"),
        ("SSH_AUTH_SOCK", "/tmp/../etc/x"),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/1000/bus"),
        ("XAUTHORITY", "/home/anna/.Xauthority"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let case = Case { rsession: WALLED, pam_env: pam_env.into(), ..Case::default() };
    let sandbox = case.planned();
    assert!(within(&reach(&sandbox).write, "/tmp/krb5cc_1000_x"));
    let kept = sandbox.view.expect("a view").kept;
    assert_eq!(kept[..2], [DIR, "/tmp/krb5cc_1000_x"]);
    assert!(kept[2..].iter().all(|path| path.starts_with("/run/") && !path.contains("1000")), "{kept:?}");
}

#[test]
fn what_a_person_says_by_way_of_pam_uncovers_nothing() {
    let kept = |name: &str, value: &str| {
        let pam_env = vec![(name.to_owned(), value.to_owned())];
        Case { pam_env, ..Case::default() }.planned().view.expect("a view").kept
    };
    for (name, value) in [
        ("SSH_AUTH_SOCK", "/run/user/1000/bus"),
        ("SSH_AUTH_SOCK", "/run/user/1000/systemd/private"),
        ("SSH_AUTH_SOCK", "/run/user/1000/ssh-x/../bus"),
        ("XAUTHORITY", "/run/user/."),
        ("XAUTHORITY", "/run/user"),
        ("XAUTHORITY", "/run/user/1000"),
        ("KRB5CCNAME", "FILE:/tmp/."),
        ("KRB5CCNAME", "FILE:/tmp/"),
        ("KRB5CCNAME", "FILE:/tmp//krb5cc"),
        ("KRB5CCNAME", "KCM:"),
        ("KRB5CCNAME", "tmp/krb5cc"),
        ("HOME", "/tmp/krb5cc_1000"),
    ] {
        assert_eq!(kept(name, value), [DIR], "{name}={value}");
    }
    for (name, value, path) in [
        ("KRB5CCNAME", "DIR:/run/user/1000/krb5cc", "/run/user/1000/krb5cc"),
        ("KRB5CCNAME", "/tmp/krb5cc_1000", "/tmp/krb5cc_1000"),
        ("SSH_AUTH_SOCK", "/tmp/ssh-XX/agent.7", "/tmp/ssh-XX/agent.7"),
    ] {
        assert_eq!(kept(name, value), [DIR, path], "{name}={value}");
    }
}

#[test]
fn a_plan_names_nothing_of_the_process_that_looked() {
    for rsession in [WALLED, SEALED] {
        let reach = reach(&Case { rsession, ..Case::default() }.planned()).clone();
        let all = || reach.read.iter().chain(&reach.write);
        assert!(all().any(|path| path == "/proc"), "a process finds its own descriptors there");
        assert!(!all().any(|path| path.starts_with("/proc/")), "{reach:?}");
    }
}

#[test]
fn each_version_of_landlock_has_its_plan() {
    for version in 1..=12 {
        let host = HostFacts { landlock: Some(version), ..rich() };
        let free = Case { host: host.clone(), ..Case::default() }.planned();
        assert_eq!(free.rules.is_some(), version >= 6, "{version}: rules that hold nothing are not made");
        let walled = Case { rsession: WALLED, host, ..Case::default() };
        let plan = walled.plan().expect("a plan");
        let rules = plan.sandbox.rules.expect("rules");
        assert_eq!((rules.version, rules.reach.is_some()), (version.min(9), true));
        assert_eq!(plan.sandbox.calls.expect("calls").no_truncate, version < 3, "{version}");
        assert_eq!(plan.fallen, Vec::new(), "{version}");
    }
}

/// What is missing, and whether it matters to these flags.
type Missing = (fn(&mut HostFacts), Layer);

#[test]
fn what_is_missing_is_said_or_ends_the_start() {
    let all: [Missing; 4] = [
        (|host| host.landlock = None, Layer::Files),
        (|host| host.namespaces = false, Layer::View),
        (|host| host.seccomp = false, Layer::Calls),
        (|host| host.connections = false, Layer::Connections),
    ];
    for (change, layer) in all {
        let mut host = rich();
        change(&mut host);
        let auto = Case { rsession: SEALED, host: host.clone(), ..Case::default() };
        let plan = auto.plan().expect("the rest");
        assert_eq!(plan.fallen.iter().map(|fallen| fallen.layer).collect::<Vec<_>>(), [layer]);
        let fallen = &plan.fallen[0];
        assert!(!fallen.why.is_empty() && !fallen.hint.is_empty() && !fallen.effect.is_empty(), "{fallen:?}");
        let sandbox = plan.sandbox;
        assert_eq!(sandbox.rules.is_some(), layer != Layer::Files);
        assert_eq!(sandbox.programs.is_some(), layer != Layer::Files);
        assert_eq!(sandbox.view.is_some(), layer != Layer::View);
        assert_eq!(sandbox.calls.is_some(), layer != Layer::Calls);
        let required = Case { portcullis: "session-sandbox=required\n", ..auto };
        let refused = required.plan().expect_err("nothing is started");
        assert_eq!(refused.rule, "session-sandbox=required (portcullis.conf:1)");
        assert!(!refused.why.is_empty() && !refused.hint.is_empty());
    }
    let required = Case { rsession: SEALED, portcullis: "session-sandbox=required\n", ..Case::default() };
    assert!(required.plan().is_ok(), "everything is there");
    // Landlock is not missed where no flag needs it.
    let host = HostFacts { landlock: None, ..rich() };
    let free = Case { portcullis: "session-sandbox=required\n", host, ..Case::default() };
    assert_eq!(free.plan().expect("a plan").fallen, Vec::new());
}

#[test]
fn sudo_is_a_knob_and_nothing_else_changes() {
    let with = Case { rsession: SEALED, profiles: "[anna]\nallow-sudo=1\n", ..Case::default() }.planned();
    let without = Case { rsession: SEALED, ..Case::default() }.planned();
    assert!(with.privileges && !without.privileges);
    assert_eq!(Sandbox { privileges: false, ..with }, without);
}

#[test]
fn limits_are_by_groups_or_by_what_stands_in_for_them() {
    let profiles = "[*]\nmax-memory-mb=2000\nmax-processes=200\nmax-open-files=500\nnice=5\ncpu-affinity=1-2\n\
                    max-processor-percent=150\n";
    let portcullis = "user-max-memory-mb=1000\n";
    let case = Case { profiles, portcullis, ..Case::default() };
    let limits = case.planned().limits;
    assert_eq!((limits.session.memory_mb, limits.session.processes), (Some(2000), Some(200)));
    assert_eq!((limits.session.processor_percent, limits.user.memory_mb), (Some(150), Some(1000)));
    assert_eq!(
        (limits.open_files, limits.nice, limits.processors.as_slice()),
        (Some(500), 5, [0, 1].as_slice())
    );
    assert_eq!((limits.process_memory_mb, limits.account_processes), (None, None));
    let bare = Case { host: HostFacts { controllers: Vec::new(), ..rich() }, ..case };
    let plan = bare.plan().expect("a plan");
    let limits = plan.sandbox.limits;
    assert!(!limits.session.is_some() && !limits.user.is_some());
    assert_eq!((limits.process_memory_mb, limits.account_processes), (Some(1000), Some(200)));
    let layers: Vec<Layer> = plan.fallen.iter().map(|fallen| fallen.layer).collect();
    assert_eq!(layers, [Layer::Memory, Layer::Processes, Layer::Processors]);
    let off = Case { portcullis: "session-sandbox=off\n", profiles, ..Case::default() };
    assert_eq!(off.planned().limits.session.memory_mb, Some(2000), "limits are no part of what is off");
}

#[test]
fn what_an_applications_command_names_is_read_unless_it_is_the_persons() {
    let args = &["--path=/srv/data", "/home/anna/own", "/opt/../root", "unix:/x"];
    let read = |ide| {
        let case = Case { rsession: WALLED, program: "/usr/bin/python3", args, ide, ..Case::default() };
        reach(&case.planned()).read.clone()
    };
    let app = read(Ide::from_word("page").expect("an application"));
    assert!(within(&app, "/srv/data/page.py"), "{app:?}");
    assert!(!app.iter().any(|path| path.starts_with("/home") || path.starts_with("/root")), "{app:?}");
    assert!(!within(&read(Ide::Jupyter), "/srv/data/page.py"), "a word of an IDE's own start opens nothing");
}
