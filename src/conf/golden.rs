//! What people see: bad input with the exact text that answers it.

use crate::{FileKind, Origin, Problem, Sources, load};

mod operation;

fn sources(files: &[(&str, &str)]) -> Sources {
    Sources::new("/etc/rstudio", files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())))
}

fn rendered(files: &[(&str, &str)]) -> String {
    let sources = sources(files);
    load(&sources).problems.iter().map(|problem| problem.render(&sources.dir)).collect()
}

#[track_caller]
fn answers(file: &str, text: &str, expected: &str) {
    assert_eq!(rendered(&[(file, text)]), expected, "\n--- found\n{}", rendered(&[(file, text)]));
}

#[test]
fn an_empty_directory_is_valid() {
    let loaded = load(&Sources::default());
    assert_eq!(loaded.problems, Vec::new());
    assert_eq!(loaded.settings.port(), 8787);
    assert!(loaded.settings.rsession.allow_shell && loaded.settings.jupyter.labs_enabled);
    assert!(!loaded.settings.sessions_by_tcp() && !loaded.settings.secure_cookies());
}

#[test]
fn the_session_security_page_is_understood() {
    let server = "auth-timeout-minutes=20\n";
    let session = "restrict-directory-view=1\nsession-port-range=59000-59999\nallow-external-publish=0\nallow-shell=0\n\
                   allow-file-downloads=0\nallow-file-uploads=0\nallow-package-installation=0\n";
    let loaded = load(&sources(&[("rserver.conf", server), ("rsession.conf", session)]));
    assert_eq!(loaded.problems, Vec::new());
    let settings = loaded.settings;
    assert_eq!(settings.rserver.auth_timeout_minutes, 20);
    let range = settings.rsession.session_port_range.expect("a range");
    assert_eq!((range.low, range.high, range.len()), (59000, 59999, 1000));
    assert!(!settings.rsession.allow_shell && settings.sessions_by_tcp());
    let origin = settings.origin(FileKind::Rsession, "allow-shell");
    assert_eq!(origin, Origin::At { file: "rsession.conf".into(), line: 4 });
    assert_eq!(origin.to_string(), "rsession.conf:4");
}

#[test]
fn an_unknown_option_names_the_nearest() {
    answers(
        "rsession.conf",
        "# flags\nallow-shel=0\n",
        "/etc/rstudio/rsession.conf:2: allow-shel: there is no such option
 2 | allow-shel=0
   | ^^^^^^^^^^
hint: did you mean `allow-shell`?
",
    );
    answers(
        "rserver.conf",
        "allow-shell=0\nxyzzy=1",
        "/etc/rstudio/rserver.conf:1: allow-shell: there is no such option
 1 | allow-shell=0
   | ^^^^^^^^^^^
hint: `allow-shell` belongs to rsession.conf
/etc/rstudio/rserver.conf:2: xyzzy: there is no such option
 2 | xyzzy=1
   | ^^^^^
",
    );
}

#[test]
fn values_that_are_none_say_what_to_write() {
    answers(
        "rsession.conf",
        "\tallow-shell =  maybe  # later\n",
        "/etc/rstudio/rsession.conf:1: allow-shell: `maybe` is neither 0 nor 1
 1 | \tallow-shell =  maybe  # later
   | \t               ^^^^^
hint: write 1 for yes and 0 for no
",
    );
    answers(
        "rserver.conf",
        "www-port=87870\nwww-address=localhost\n",
        "/etc/rstudio/rserver.conf:1: www-port: `87870` is not a port
 1 | www-port=87870
   |          ^^^^^
hint: write a whole number from 1 to 65535
/etc/rstudio/rserver.conf:2: www-address: `localhost` is not an address
 2 | www-address=localhost
   |             ^^^^^^^^^
hint: write 127.0.0.1 or ::1
",
    );
    answers(
        "portcullis.conf",
        "pam-timeout-seconds=1\nsession-transport=pipe\n",
        "/etc/rstudio/portcullis.conf:1: pam-timeout-seconds: `1` is out of range
 1 | pam-timeout-seconds=1
   |                     ^
hint: write a whole number from 5 to 600
/etc/rstudio/portcullis.conf:2: session-transport: `pipe` is not one of the words
 2 | session-transport=pipe
   |                   ^^^^
hint: write `auto`, `tcp`, `unix`
",
    );
    answers(
        "rsession.conf",
        "session-timeout-minutes=\n",
        "/etc/rstudio/rsession.conf:1: session-timeout-minutes: it is empty
 1 | session-timeout-minutes=
   |                         ^
hint: write a whole number from 0 to 525600
",
    );
}

#[test]
fn ranges_of_ports() {
    let wrong = [
        ("59999-59000", "the range `59999-59000` ends before it begins"),
        ("80-90", "port 80 belongs to the machine's own services"),
        ("59000", "`59000` is not a range of ports"),
        ("59000 - 59999", "`59000 - 59999` is not a range of ports"),
        ("59000-70000", "`59000-70000` is not a range of ports"),
        ("-1-5", "`-1-5` is not a range of ports"),
        ("8000-9000", "port 8787 of the server itself (`www-port`) is in the range"),
        ("59000-59001", "warning: there are 2 ports, so at most 2 sessions on this machine"),
    ];
    for (range, text) in wrong {
        let found = rendered(&[("rsession.conf", &format!("session-port-range={range}\n"))]);
        let first = found.lines().next().unwrap_or_default();
        assert_eq!(first, format!("/etc/rstudio/rsession.conf:1: session-port-range: {text}"));
    }
    answers(
        "rsession.conf",
        "session-limit=20\nsession-port-range=59000-59009\n",
        "/etc/rstudio/rsession.conf:2: session-port-range: 10 ports are fewer than the 20 sessions that one person may have
 2 | session-port-range=59000-59009
   |                    ^^^^^^^^^^^
hint: widen the range, or lower `session-limit`
",
    );
}

#[test]
fn a_line_given_twice_names_both_lines() {
    answers(
        "rsession.conf",
        "allow-shell=0\nallow-vcs=1\nallow-shell=1\n",
        "/etc/rstudio/rsession.conf:3: allow-shell: it is given twice, in line 1 and here
 3 | allow-shell=1
   | ^^^^^^^^^^^
hint: remove one of the two lines
",
    );
    let lists = "server-add-header=A: 1\nserver-add-header=B: 2\n";
    let loaded = load(&sources(&[("rserver.conf", lists)]));
    assert_eq!(loaded.problems, Vec::new());
    assert_eq!(loaded.settings.rserver.server_add_header.len(), 2);
}

#[test]
fn old_names_are_warned_of_and_carried_over() {
    let text = "restrict-directory-view=1\ndirectory-view-whitelist=/srv:/data\n";
    answers(
        "rsession.conf",
        text,
        "/etc/rstudio/rsession.conf:2: directory-view-whitelist: warning: `directory-view-whitelist` is an old name, its value is used
 2 | directory-view-whitelist=/srv:/data
   | ^^^^^^^^^^^^^^^^^^^^^^^^
hint: write `directory-view-allow-list`
",
    );
    let loaded = load(&sources(&[("rsession.conf", text)]));
    assert!(loaded.is_usable());
    assert_eq!(loaded.settings.rsession.directory_view_allow_list.len(), 2);
    answers(
        "rserver.conf",
        "www-iframe-embedding=1\n",
        "/etc/rstudio/rserver.conf:1: www-iframe-embedding: warning: this option is gone and has no effect
 1 | www-iframe-embedding=1
   | ^^^^^^^^^^^^^^^^^^^^
hint: use `www-same-site`
",
    );
    let both = "directory-view-whitelist=/a\ndirectory-view-allow-list=/b\n";
    assert!(!load(&sources(&[("rsession.conf", both)])).is_usable());
}

#[test]
fn what_is_not_implemented_is_never_silent() {
    answers(
        "rserver.conf",
        "auth-google-accounts=1\nauth-openid=false\nworkbench-api-enabled=1\n",
        "/etc/rstudio/rserver.conf:1: auth-google-accounts: warning: it is known but not implemented: signing in by Google is not offered: everybody signs in by PAM
 1 | auth-google-accounts=1
   |                      ^
/etc/rstudio/rserver.conf:3: workbench-api-enabled: note: it is known but not implemented: there is no interface for programs
 3 | workbench-api-enabled=1
   |                       ^
",
    );
    let elsewhere = [("rserver.conf", "rsession-config-file=/etc/other.conf\n")];
    assert!(!load(&sources(&elsewhere)).is_usable(), "flags of another file would not hold");
    let mut read = sources(&[]);
    read.others = ["file-locks", "rsesion.conf", "rsession.conf.bak", "themes"].map(str::to_owned).to_vec();
    let found: String = load(&read).problems.iter().map(|problem| problem.render(&read.dir)).collect();
    assert_eq!(
        found,
        "/etc/rstudio/file-locks: note: this file is not read: there are no lock files to tune
/etc/rstudio/rsesion.conf: warning: there is no such file, so nothing in it holds
hint: did you mean `rsession.conf`?
"
    );
}

#[test]
fn options_that_contradict_each_other() {
    answers(
        "rserver.conf",
        "ssl-enabled=1\nssl-certificate=/etc/c.pem\nwww-same-site=none\n",
        "/etc/rstudio/rserver.conf:1: ssl-enabled: TLS is on, but `ssl-certificate-key` says nothing
 1 | ssl-enabled=1
   |             ^
hint: set `ssl-certificate-key` in rserver.conf
",
    );
    answers(
        "rserver.conf",
        "www-same-site=none\nauth-timeout-minutes=0\nauth-stay-signed-in-days=0\n",
        "/etc/rstudio/rserver.conf:1: www-same-site: browsers drop such cookies without TLS, so nobody could sign in
 1 | www-same-site=none
   |               ^^^^
hint: set `ssl-enabled=1`, or `auth-cookies-force-secure=1` when a proxy in front ends TLS
/etc/rstudio/rserver.conf:3: auth-stay-signed-in-days: sign-ins would end at once: `auth-timeout-minutes` is 0 too
 3 | auth-stay-signed-in-days=0
   |                          ^
hint: set one of the two
",
    );
    let warned = |file: &str, text: &str| {
        let problems = load(&sources(&[(file, text)])).problems;
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(!problems.iter().any(Problem::is_error), "{text}");
    };
    warned("rserver.conf", "ssl-certificate=/etc/c.pem\n");
    warned("rserver.conf", "ssl-protocols=TLSv1 TLSv1.1 TLSv1.2\n");
    warned("rserver.conf", "www-enable-origin-check=0\n");
    warned("rserver.conf", "auth-minimum-user-id=0\n");
    warned("rserver.conf", "auth-stay-signed-in-days=7\n");
    warned("rsession.conf", "directory-view-allow-list=/srv\n");
    warned("jupyter.conf", "lab-args=--no-browser --allow-root --ip=0.0.0.0\n");
    warned("ip-rules", "allow 10.0.0.0/8\n");
    warned("ip-rules", "deny all\nallow 10.0.0.1\n");
}

#[test]
fn lines_that_are_none() {
    answers(
        "rserver.conf",
        "[server]\nwww-port 8787\n",
        "/etc/rstudio/rserver.conf:1: this file has no sections
 1 | [server]
   | ^^^^^^^^
hint: remove the line; sections belong to profiles
/etc/rstudio/rserver.conf:2: this is neither `option=value` nor a comment
 2 | www-port 8787
   | ^^^^^^^^^^^^^
hint: write `option=value`, or begin the line with `#`
",
    );
    answers(
        "rserver.conf",
        "# gr\u{fffd}\u{fffd}e\nwww-root-path=/\u{fffd}\nserver-user=a\u{1b}[31m\n",
        "/etc/rstudio/rserver.conf:2: www-root-path: the value has bytes that are not UTF-8
 2 | www-root-path=/\u{fffd}
   |               ^^
/etc/rstudio/rserver.conf:3: server-user: the value has a control character
 3 | server-user=a\u{fffd}[31m
   |             ^^^^^^
",
    );
}

#[test]
fn values_that_would_open_a_door() {
    for (file, text) in [
        ("jupyter.conf", "lab-args=--ServerApp.token=x\n"),
        ("jupyter.conf", "lab-args=--IdentityProvider.token=\n"),
        ("jupyter.conf", "lab-args=--config=/tmp/x\n"),
        ("jupyter.conf", "lab-args=--ServerApp.ip=0.0.0.0\n"),
        ("rserver.conf", "server-add-header=Set-Cookie: a=b\n"),
        ("rserver.conf", "server-add-header=A B: c\n"),
        ("rserver.conf", "www-frame-origin=a.example;script-src *\n"),
        ("rserver.conf", "www-root-path=/a/../b\n"),
        ("rserver.conf", "www-root-path=\n"),
        ("rserver.conf", "server-user=../root\n"),
        ("rserver.conf", "ssl-protocols=SSLv3\n"),
        ("rserver.conf", "secure-cookie-key-file=key\n"),
        ("rsession.conf", "directory-view-allow-list=srv\n"),
        ("portcullis.conf", "pam-service=../login\n"),
    ] {
        assert!(!load(&sources(&[(file, text)])).is_usable(), "{text}");
    }
}

#[test]
fn what_the_kernel_is_asked_for_in_vain_is_said() {
    let said = |portcullis: &str, rsession: &str, profiles: &str| {
        let files = [("portcullis.conf", portcullis), ("rsession.conf", rsession), ("profiles", profiles)];
        load(&sources(&files)).problems.into_iter().filter_map(|problem| problem.option).collect::<Vec<_>>()
    };
    let none = Vec::<String>::new();
    let programs = "session-programs=/usr/bin/make\n";
    assert_eq!(said(programs, "", ""), ["session-programs"]);
    assert_eq!(said(programs, "allow-shell=0\n", ""), none);
    assert_eq!(said(programs, "", "[@students]\nallow-shell=0\n"), none);
    let folders = "session-folders=/srv/ref\n";
    assert_eq!(said(folders, "", ""), ["session-folders"]);
    assert_eq!(said(folders, "restrict-directory-view=1\n", ""), none);
    let kernel = "minimum-level=allow-shell:kernel\n";
    assert_eq!(said(kernel, "", ""), none);
    assert_eq!(said(&format!("{kernel}session-sandbox=off\n"), "", ""), ["minimum-level"]);
    assert_eq!(said("minimum-level=allow-shell:proxy\nsession-sandbox=off\n", "", ""), none);
    assert_eq!(said("audit-refusals=1\naudit-programs=off\n", "", ""), ["audit-refusals"]);
    assert_eq!(said("audit-refusals=1\n", "", ""), none);
}

#[test]
fn profiles_are_checked() {
    answers(
        "profiles",
        "session-limit=1\n[a b]\nsession-limit=1\n  [*]\nsession-timeout-kill-hours=9\nsession-port-range=1-2\nsession-limit=1\n",
        "/etc/rstudio/profiles:1: session-limit: it stands before the first section, so it is about nobody
 1 | session-limit=1
   | ^^^^^^^^^^^^^
hint: write `[*]` above it for everybody
/etc/rstudio/profiles:2: `[a b]` names nobody: it has a character that a name can't have
 2 | [a b]
   | ^^^^^
hint: write `[*]` for everybody, `[@group]` or `[user]`
/etc/rstudio/profiles:6: session-port-range: there is no such option
 6 | session-port-range=1-2
   | ^^^^^^^^^^^^^^^^^^
hint: `session-port-range` belongs to rsession.conf
",
    );
}

#[test]
fn problems_as_json() {
    let problems = load(&sources(&[("rsession.conf", "allow-shel=0\n")])).problems;
    assert_eq!(
        serde_json::to_string(&problems).expect("JSON"),
        r#"[{"file":"rsession.conf","line":1,"span":{"start":0,"end":10},"option":"allow-shel","severity":"error","text":"there is no such option","hint":"did you mean `allow-shell`?","source":"allow-shel=0"}]"#
    );
}

#[test]
fn flags_recorded_only_and_demanded_are_a_contradiction_that_is_told() {
    answers(
        "portcullis.conf",
        "audit-only=allow-shell allow-vcs\nminimum-level=allow-shell:proxy restrict-directory-view:proxy\n",
        "/etc/rstudio/portcullis.conf:2: minimum-level: warning: `audit-only` names them too, so nobody whom they restrict can start anything: allow-shell
 2 | minimum-level=allow-shell:proxy restrict-directory-view:proxy
   |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: take them out of one of the two
",
    );
    answers(
        "portcullis.conf",
        "minimum-level=allow-shell:none\n",
        "/etc/rstudio/portcullis.conf:1: minimum-level: `none` is no level
 1 | minimum-level=allow-shell:none
   |               ^^^^^^^^^^^^^^^^
hint: write `ide`, `proxy` or `kernel`
",
    );
}
