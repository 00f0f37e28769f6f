//! Programs that are hidden, and what stands in for shells.

use std::path::Path;

use super::{Scene, both, note, scene, script};
use crate::Test;

pub(crate) const TESTS: &[Test] = &[
    ("programs_that_are_hidden_are_not_there", programs_that_are_hidden_are_not_there),
    ("a_shell_beside_allowed_programs_is_none", a_shell_beside_allowed_programs_is_none),
    ("r_runs_without_a_shell", r_runs_without_a_shell),
];

fn programs_that_are_hidden_are_not_there() {
    let look = script(
        "
out = []
for path in ['/usr/bin/perl', '/bin/id', '/usr/bin/env', '/usr/sbin/nologin']:
    out.append(said(lambda: subprocess.run([path, '--version'], capture_output=True) and None))
    out.append(str(subprocess.run(['/lib64/ld-linux-x86-64.so.2', path, '--version'], capture_output=True).returncode))
print(' '.join(out))
for shell in ['/bin/sh', '/usr/bin/bash', '/bin/dash', '/bin/rbash']:
    done = subprocess.run([shell, '-c', 'echo yes'], capture_output=True, text=True)
    print(done.returncode, done.stdout.strip(), done.stderr.strip())
done = subprocess.run('echo yes 2>/dev/null', shell=True, capture_output=True, text=True)
print(done.returncode, done.stdout.strip(), done.stderr.strip())
print(os.path.realpath('/usr/bin/python3') == os.path.realpath(sys.executable), os.access('/usr/bin', os.W_OK))
fd = os.memfd_create('x', os.MFD_CLOEXEC) if True else 0
os.write(fd, open('/usr/lib/R/bin/exec/R', 'rb').read())
print(said(lambda: subprocess.run([f'/proc/self/fd/{fd}'], pass_fds=[fd], capture_output=True) and None))
print(said(lambda: os.close(os.memfd_create('x', 0x10))))
",
    );
    let (with, without) = both(Scene::programs, &look);
    let gone = ["ENOENT 127"; 4].join(" ");
    let message = "126  shell access is disabled in this session (allow-shell=0)";
    let wanted = [&gone, message, message, message, message, "126", "True False", "EACCES", "EACCES"];
    let lines: Vec<&str> = with.lines().map(str::trim).collect();
    if Path::new("/proc/sys/vm/memfd_noexec").exists() {
        assert_eq!(lines, wanted);
    } else {
        assert_eq!(lines[..7], wanted[..7], "memory is closed by a filter here");
    }
    let lines: Vec<&str> = without.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("ok 0 ok 0 ok 0"), "{without}");
    assert_eq!(lines[1..6], ["0 yes"; 5]);
    assert_eq!(lines[7..], ["ok", "ok"]);
}

fn a_shell_beside_allowed_programs_is_none() {
    let said = |stubbed: bool| {
        let inside = scene();
        let own = inside.setting.folder("environment", 0);
        for (from, to) in [("/bin/true", "tool"), ("/bin/bash", "bash"), ("/bin/bash", "zsh")] {
            std::fs::copy(from, own.join(to)).expect("copied");
        }
        let mut plan = inside.programs();
        plan.view.as_mut().expect("a view").kept.push(super::text(&own));
        let programs = plan.programs.as_mut().expect("programs");
        // Without a program of its own in it, the folder is nobody's, and what lies in it is the control.
        programs.allowed.extend(stubbed.then(|| super::text(&own.join("tool"))));
        let inside = inside.start(plan);
        let found = inside.python(&format!(
            "import subprocess\nout = []\nfor name in ['tool', 'bash', 'zsh']:\n    done = subprocess.run(['/lib64/ld-linux-x86-64.so.2', '{}/' + name, '-c', 'echo yes'], capture_output=True, text=True)\n    out.append(f'{{done.returncode}}{{done.stdout.strip()}}')\nprint(' '.join(out))",
            own.display()
        ));
        inside.end();
        found
    };
    assert_eq!(said(true), "0 126 126");
    assert_eq!(said(false), "0 0yes 0yes");
}

fn r_runs_without_a_shell() {
    let inside = scene();
    let plan = inside.programs();
    let inside = inside.start(plan);
    let run = |args: &str| {
        inside.python(&format!(
            "import subprocess\ndone = subprocess.run({args}, capture_output=True, text=True)\nprint(done.returncode, done.stdout.strip(), '|', done.stderr.strip())"
        ))
    };
    let code = "library(stats); x <- utils::head(letters, 2); cat(x, coef(lm(y ~ x, data.frame(x=1:3, y=c(2,4,6))))[[2]])";
    assert_eq!(run(&format!("['R', '--no-echo', '-e', {code:?}]")), "0 a b 2 |");
    assert_eq!(run("['Rscript', '-e', 'cat(1 + 1)']"), "0 2 |");
    assert_eq!(run("['/usr/lib/R/bin/R', 'RHOME']"), "0 /usr/lib/R |");
    assert!(run("['R', '--version']").starts_with("0 R version"));
    let system = run("['R', '--no-echo', '-e', 'cat(system(\"id\"), tempdir() != \"\")']");
    assert_eq!(system, "0 126 TRUE | shell access is disabled in this session (allow-shell=0)");
    let plot = "['R', '--no-echo', '-e', 'pdf(NULL); plot(1); cat(requireNamespace(\"parallel\"), unlist(parallel::mclapply(1:2, function(i) i * 2)))']";
    let plot = run(plot);
    assert!(plot.starts_with("0 TRUE 2 4 |"), "{plot}");
    assert_eq!(run("['R', 'CMD', 'SHLIB']").split(" |").next().map(str::trim), Some("126"));
    let timed = inside.python(
        "import os, time\nbest = 1\nfor _ in range(50):\n    t = time.monotonic(); pid = os.posix_spawn('/bin/sh', ['sh', '-c', 'x 2>/dev/null'], {}); os.waitpid(pid, 0); best = min(best, time.monotonic() - t)\nprint(best)",
    );
    note(&format!("the stub takes {timed} s at best"));
    inside.end();
}
