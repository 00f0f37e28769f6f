use std::os::unix::fs::{PermissionsExt, symlink};

use super::forms::Form;
use super::r::Install;
use super::tokens::Token;
use super::*;

/// The head of R's script as Debian's 4.2 has it, with the lines that count.
const R: &str = r#"#!/bin/bash
# Shell wrapper for R executable.

R_HOME_DIR=/usr/lib/R
if test "${R_HOME_DIR}" = "/usr/lib/R"; then
     if [ -x "/usr/${libnn}/R/bin/exec/R" ]; then
        R_HOME_DIR="/usr/${libnn}/R"
     fi
fi
R_HOME="${R_HOME_DIR}"
R_SHARE_DIR=/usr/share/R/share
export R_SHARE_DIR
R_INCLUDE_DIR=/usr/share/R/include
R_DOC_DIR=/usr/share/R/doc
usage="
Usage: R [options]
  --min-nsize=N         Set min number of fixed size obj's (\"cons cells\") to N
End."
"#;

/// Its `etc/ldpaths`.
const LDPATHS: &str = r#": ${JAVA_HOME=/usr/lib/jvm/default-java}
: ${R_JAVA_LD_LIBRARY_PATH=${JAVA_HOME}/lib/server}
if test -n "/usr/lib/x86_64-linux-gnu"; then
: ${R_LD_LIBRARY_PATH=${R_HOME}/lib:/usr/lib/x86_64-linux-gnu}
else
: ${R_LD_LIBRARY_PATH=${R_HOME}/lib}
fi
"#;

fn words(args: &[&str]) -> Vec<OsString> {
    args.iter().map(OsString::from).collect()
}

fn r(args: &[&str], env: &[(&str, &str)]) -> Act {
    let env =
        |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
    Install::of(R).expect("R's").start(&words(args), &env, &|_| Some(LDPATHS.to_owned()))
}

fn args_of(act: &Act) -> Vec<String> {
    let Act::Run { program, args, .. } = act else { panic!("{act:?}") };
    assert_eq!(program, Path::new("/usr/lib/R/bin/exec/R"));
    args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect()
}

#[test]
fn arguments_of_r_are_handed_on_as_its_script_does() {
    for (given, wanted) in [
        (vec!["--no-echo", "-e", "cat(1 + 1)\nq()"], vec!["--no-echo", "-e", "cat(1~+~+~+~1)~n~q()"]),
        (vec!["-f", "my file.R", "--file=a b.R"], vec!["-f", "my~+~file.R", "--file=a~+~b.R"]),
        (vec!["--quiet", "--args", "-e", "a b", ""], vec!["--quiet", "--args", "-e", "a b", ""]),
        (vec!["two words", "", "CMD"], vec!["two", "words", "", "CMD"]),
        (vec!["-g", "X11", "--gui=Tk", "--version"], vec!["-g", "X11", "--gui=Tk", "--version"]),
        (vec![], vec![]),
    ] {
        assert_eq!(args_of(&r(&given, &[])), wanted, "{given:?}");
    }
}

#[test]
fn variables_of_r_are_those_of_its_script() {
    let value = |act: &Act, name: &str| {
        let Act::Run { env, .. } = act else { panic!("{act:?}") };
        env.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string_lossy().into_owned())
    };
    let plain = r(&["--vanilla"], &[]);
    let java = "/usr/lib/R/lib:/usr/lib/x86_64-linux-gnu:/usr/lib/jvm/default-java/lib/server";
    for (name, wanted) in [
        ("R_HOME", Some("/usr/lib/R")),
        ("R_SHARE_DIR", Some("/usr/share/R/share")),
        ("R_INCLUDE_DIR", Some("/usr/share/R/include")),
        ("R_DOC_DIR", Some("/usr/share/R/doc")),
        ("R_PROFILE", Some("")),
        ("R_ENVIRON_USER", Some("")),
        ("LD_LIBRARY_PATH", Some(java)),
        ("R_LIBS", None),
    ] {
        assert_eq!(value(&plain, name).as_deref(), wanted, "{name}");
    }
    let said = [("JAVA_HOME", "/opt/jdk"), ("LD_LIBRARY_PATH", "/opt/lib"), ("R_HOME", "/home/alice/r")];
    let said = r(&[], &said);
    let path = "/usr/lib/R/lib:/usr/lib/x86_64-linux-gnu:/opt/jdk/lib/server:/opt/lib";
    assert_eq!(value(&said, "LD_LIBRARY_PATH").as_deref(), Some(path));
    assert_eq!(value(&said, "R_HOME").as_deref(), Some("/usr/lib/R"), "the script ignores another one");
    assert_eq!(value(&said, "R_PROFILE"), None);
}

#[test]
fn what_r_does_by_a_shell_is_refused_with_words() {
    for (args, status, part) in [
        (vec!["CMD", "INSTALL", "x"], 126, "`R CMD` needs a shell"),
        (vec!["--vanilla", "CMD"], 126, "`R CMD`"),
        (vec!["-d", "gdb"], 1, "'-d' needs a shell"),
        (vec!["--debugger=gdb"], 1, "needs a shell"),
        (vec!["--arch", "x"], 1, "needs a shell"),
        (vec!["-e"], 1, "requires a non-empty argument"),
        (vec!["-e", "-x"], 1, "requires a non-empty argument"),
        (vec!["-f", ""], 1, "requires a filename"),
        (vec!["-g", "Gtk"], 1, "unknown GUI Gtk"),
        (vec!["--gui=Gtk"], 1, "unknown GUI Gtk"),
    ] {
        let Act::Fail(why, found) = r(&args, &[]) else { panic!("{args:?}") };
        assert!(why.contains(part) && found == status, "{args:?}: {why} {found}");
    }
    assert_eq!(r(&["RHOME"], &[]), Act::Say("/usr/lib/R".into()));
    let Act::Say(usage) = r(&["--help"], &[]) else { panic!("no usage") };
    assert!(usage.starts_with("Usage: R") && usage.contains("(\"cons cells\")") && usage.ends_with("End."));
}

#[test]
fn a_script_of_r_that_is_not_literal_is_not_followed() {
    for (from, to) in [
        ("R_HOME_DIR=/usr/lib/R\n", "R_HOME_DIR=$HOME/R\n"),
        ("R_HOME_DIR=/usr/lib/R\n", "R_HOME_DIR=/a;id\n"),
        ("R_HOME_DIR=/usr/lib/R\n", "R_HOME_DIR=lib/R\n"),
        ("R_HOME_DIR=/usr/lib/R\n", "R_HOME_DIR=/usr/../home/R\n"),
        ("R_HOME_DIR=/usr/lib/R\n", "R_HOME_DIR=/usr/lib/R\nR_HOME_DIR=/home/alice\n"),
        ("R_DOC_DIR=/usr/share/R/doc\n", ""),
    ] {
        assert_eq!(Install::of(&R.replace(from, to)), None, "{to}");
    }
    assert_eq!(Form::of(&R.replace("#!/bin/bash", "#!/usr/bin/python3")), None);
}

#[test]
fn scripts_that_start_a_program_are_known_by_their_whole_form() {
    let literal = |text: &str| Token::Literal(text.to_owned());
    let known = |text: &str| match Form::of(text) {
        Some(Form::Exec(words)) => Some(words),
        _ => None,
    };
    let own = "#!/bin/sh\nexec '/opt/c s/node' '/opt/c s/entry.js' \"$@\"\n";
    let wanted = vec![literal("/opt/c s/node"), literal("/opt/c s/entry.js"), Token::Arguments];
    assert_eq!(known(own), Some(wanted));
    let packaged = "#!/bin/sh\n# started by systemd\n\nexec /usr/lib/code-server/bin/code-server \"$@\"\n";
    assert!(known(packaged).is_some());
    let pip = "#!/bin/sh\n'''exec' /very/long/python3 \"$0\" \"$@\"\n' '''\nimport re\nimport os; os.system('id')\n";
    assert_eq!(known(pip), Some(vec![literal("/very/long/python3"), Token::Script, Token::Arguments]));
    let bundled = "#!/usr/bin/env sh\nset -eu\nroot() {\n  dirname \"$0\"\n}\n\nROOT=\"$(root)\"\nexec \"$ROOT/lib/node\" \"$ROOT\" \"$@\"\n";
    let root = |below: &str| Token::Root(below.to_owned());
    assert_eq!(known(bundled), Some(vec![root("lib/node"), root(""), Token::Arguments]));

    for other in [
        "",
        "#!/bin/sh\n",
        "#!/bin/sh\nid\n",
        "#!/bin/sh\nexec /bin/x\n",
        "#!/bin/sh\nid\nexec /bin/x \"$@\"\n",
        "#!/bin/sh\nexec /bin/x \"$@\"\nid\n",
        "#!/bin/sh\nexec /bin/x \"$@\" /y\n",
        "#!/bin/sh\nexec /bin/x \"$@\" \"$@\"\n",
        "#!/bin/sh\nexec \"$@\"\n",
        "#!/bin/sh\nexec /bin/x \"$0\" \"$@\"\n",
        "#!/bin/sh\nexec $NODE \"$@\"\n",
        "#!/bin/sh\n. /etc/x\nexec /bin/x \"$@\"\n",
        "#!/usr/bin/env -S sh -c\nexec /bin/x \"$@\"\n",
        "#!/usr/bin/perl\nexec /bin/x \"$@\"\n",
        "#!sh\nexec /bin/x \"$@\"\n",
        "#!/bin/sh\n'''exec' /python \"$0\" \"$@\"\nid\n",
        "#!/bin/sh\n'''exec' /python -c id \"$@\"\n' '''\n",
        "#!/bin/sh\nROOT=\"$(root)\"\nexec \"$ROOT/bin/node\" \"$ROOT\" \"$@\"\n",
        "#!/bin/sh\nROOT=/home/alice\nexec \"$ROOT/lib/node\" \"$ROOT\" \"$@\"\n",
    ] {
        assert_eq!(Form::of(other), None, "{other:?}");
    }
}

#[test]
fn words_are_put_together_with_arguments() {
    let run = |words: &[Token], script: &str| {
        forms::command(words, Path::new(script), vec!["a b".into(), "".into()])
    };
    let literal = |text: &str| Token::Literal(text.to_owned());
    let found = run(&[literal("/n"), Token::Script, Token::Arguments], "/x/y");
    let wanted: Vec<OsString> = ["/x/y", "a b", ""].map(OsString::from).into();
    assert_eq!(found, Some((PathBuf::from("/n"), wanted)));
    assert_eq!(run(&[literal("n"), Token::Arguments], "/x/y"), None, "a relative program");
    let found = run(&[Token::Root("lib/node".into()), Token::Arguments], "/usr/bin/env").expect("a program");
    assert_eq!(found.0, Path::new("/usr/lib/node"), "beside the script's own folder");
}

#[test]
fn a_script_is_the_first_path_and_no_command_is_one() {
    let found = |args: &[&str]| script(&words(args)).map(|(script, rest)| (script.clone(), rest.len()));
    assert_eq!(found(&["/usr/bin/R", "-e", "1"]), Some(("/usr/bin/R".into(), 2)));
    assert_eq!(found(&["-eu", "/x"]), Some(("/x".into(), 0)));
    for none in [&[][..], &["-c", "/usr/bin/R"], &["x"], &["./x"], &["-i"], &["-c"], &["-x", "y", "/z"]] {
        assert_eq!(found(none), None, "{none:?}");
    }
    assert!(is_silenced(&words(&["-c", "/usr/bin/which 'uname' 2>/dev/null"])));
    assert!(is_silenced(&words(&["-c", "x > /dev/null 2>&1 "])));
    for (command, removed) in [
        ("rm -Rf /tmp/RtmpRBupuJ", Some("/tmp/RtmpRBupuJ")),
        ("rm -Rf /home/alice/t/RtmpRBupuJ", Some("/home/alice/t/RtmpRBupuJ")),
        ("rm -Rf /tmp/RtmpRBupuJ; id", None),
        ("rm -Rf /tmp/../home/RtmpRBupuJ", None),
        ("rm -Rf '/tmp/RtmpRBupuJ'", None),
        ("rm -Rf RtmpRBupuJ", None),
        ("rm -Rf /home/alice", None),
        ("rm -Rf /tmp/Rtmp$(id)", None),
        ("rm -rf /tmp/RtmpRBupuJ", None),
    ] {
        let wanted = removed.map(|path| Act::Remove(path.into()));
        assert_eq!(chore(&words(&["-c", command])), wanted, "{command}");
    }
    let Some(Act::Say(system)) = chore(&words(&["-c", "uname -a"])) else { panic!("no answer") };
    assert!(system.starts_with("Linux ") && system.ends_with(" GNU/Linux"), "{system}");
    assert!(chore(&words(&["-c", "uname -r"])).is_none() && chore(&words(&["uname -a"])).is_none());
    assert!(!is_silenced(&words(&["-c", "id"])) && !is_silenced(&words(&["x 2>/dev/null"])));
}

#[test]
fn a_script_counts_when_it_is_roots_alone() {
    let dir = std::env::temp_dir().join(format!("portcullis-shell-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder");
    let own = |name: &str, text: &str, mode| {
        let path = dir.join(name);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("own");
        path
    };
    let is_root = nix::unistd::geteuid().is_root();
    let script = own("script", "#!/bin/sh\nexec /bin/true \"$@\"\n", 0o755);
    assert_eq!(read(&script).is_some(), is_root);
    for (name, text, mode) in [
        ("group", "#!/bin/sh\n", 0o775),
        ("all", "#!/bin/sh\n", 0o757),
        ("program", "\u{7f}ELF", 0o755),
        ("empty", "", 0o755),
        ("long", &format!("#!/bin/sh\n{}", "#".repeat(70_000)), 0o755),
    ] {
        assert_eq!(read(&own(name, text, mode)), None, "{name}");
    }
    assert_eq!(read(&dir), None);
    assert_eq!(read(Path::new("/proc/self/cmdline")), None, "root's, but of whoever's words");
    symlink(&script, dir.join("link")).expect("a link");
    assert_eq!(read(&dir.join("link")).is_some(), is_root, "what it leads to counts");
    if is_root {
        std::os::unix::fs::chown(&script, Some(20_001), None).expect("root");
        assert_eq!(read(&script), None, "a user's");
        // A script that starts a script that starts a program.
        let end = own("end", "#!/bin/sh\nexec /bin/true x \"$@\"\n", 0o755);
        let start = own("start", &format!("#!/bin/sh\nexec {} \"$@\"\n", end.display()), 0o755);
        let wanted = Act::Run { program: "/bin/true".into(), args: words(&["x", "1"]), env: Vec::new() };
        assert_eq!(follow(&start, words(&["1"])), Some(wanted));
        let round = own("round", &format!("#!/bin/sh\nexec {}/round \"$@\"\n", dir.display()), 0o755);
        assert_eq!(follow(&round, Vec::new()), None, "no end");
    }
    std::fs::remove_dir_all(&dir).expect("removed");
}
