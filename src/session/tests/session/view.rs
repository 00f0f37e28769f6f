//! What there is for a session with a view of its own, what there is without one, and that nothing of it is left.
//!
//! The IDE has Python say what it finds. Each thing that is not there is there without the view.

pub(crate) mod life;
pub(crate) mod programs;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use portcullis_model::sandbox::{Programs, Reach, Rules, Sandbox, View};
use portcullis_sys::process::Ended;
use portcullis_wire::Order;

use crate::Test;
use crate::world::{OTHER, PROXY, Setting, USER, World, setting};

pub(crate) const TESTS: &[Test] = &[
    ("only_its_own_processes_are_seen", only_its_own_processes_are_seen),
    ("temporary_files_are_its_own_and_limited", temporary_files_are_its_own_and_limited),
    ("in_folders_of_data_nothing_is_a_program", in_folders_of_data_nothing_is_a_program),
    ("what_is_hidden_is_empty_and_what_is_kept_is_there", what_is_hidden_is_empty_and_what_is_kept_is_there),
    ("outside_of_its_folders_nothing_is_changed", outside_of_its_folders_nothing_is_changed),
    ("a_link_in_the_place_of_a_folder_opens_nothing", a_link_in_the_place_of_a_folder_opens_nothing),
    ("settings_and_terminals_are_no_way_out", settings_and_terminals_are_no_way_out),
    ("the_user_undoes_nothing", the_user_undoes_nothing),
];

/// Folders of programs here; the ones that are links to others among them.
const FOLDERS: [&str; 7] =
    ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games"];
/// What Python needs, and R.
const ALLOWED: [&str; 4] = ["/usr/bin/python3", "/usr/bin/R", "/usr/lib/R/bin", "/usr/bin/Rscript"];

pub(super) struct Scene {
    pub(super) setting: Setting,
    pub(super) home: PathBuf,
}

pub(super) fn text(path: &Path) -> String {
    path.to_str().expect("plain").to_owned()
}

pub(super) fn scene() -> Scene {
    let mut setting = setting("http");
    let home = setting.folder("home", USER);
    setting.spec.command.cwd = text(&home);
    setting.spec.command.env =
        vec![("HOME".into(), text(&home)), ("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())];
    Scene { setting, home }
}

impl Scene {
    pub(super) fn view(&self) -> View {
        let mut data_only = ["/tmp", "/var/tmp", "/dev/shm"].map(str::to_owned).to_vec();
        data_only.push(text(&self.home));
        View { tmp_mb: 4, data_only, hidden: Vec::new(), kept: Vec::new() }
    }

    pub(super) fn plan(&self) -> Sandbox {
        Sandbox { view: Some(self.view()), ..Sandbox::default() }
    }

    pub(super) fn programs(&self) -> Sandbox {
        let stub = self.setting.program().to_owned();
        let programs = Programs {
            folders: FOLDERS.map(str::to_owned).into(),
            allowed: ALLOWED.map(str::to_owned).into(),
            stub: text(&stub),
        };
        Sandbox { programs: Some(programs), ..self.plan() }
    }

    pub(super) fn start(mut self, sandbox: Sandbox) -> Inside {
        self.setting.spec.sandbox = sandbox;
        Inside { world: self.setting.running() }
    }
}

pub(super) struct Inside {
    pub(super) world: World,
}

impl Inside {
    /// What Python says in the IDE.
    pub(super) fn python(&self, script: &str) -> String {
        let script = script.bytes().fold(String::from("/python/"), |mut path, byte| {
            let _ = write!(path, "{byte:02x}");
            path
        });
        let answer = self.world.play(PROXY, &["fetch", &self.world.port, &script]);
        answer.split_once("\r\n\r\n").map_or(answer.clone(), |(_, body)| body.trim().to_owned())
    }

    pub(super) fn end(self) {
        self.world.launcher.send(&Order::End, &[]).expect("sent");
        assert_eq!(self.world.ended().0, Ended::Exited(0));
    }
}

/// The same script in a session with this sandbox and in one without.
pub(super) fn both(sandbox: impl Fn(&Scene) -> Sandbox, script: &str) -> (String, String) {
    let with = scene();
    let sandbox = sandbox(&with);
    let with = with.start(sandbox);
    let said = with.python(script);
    with.end();
    let without = scene().start(Sandbox::default());
    let control = without.python(script);
    without.end();
    (said, control)
}

/// Names of errors, for scripts.
pub(super) const TRY: &str = "
import errno, os, subprocess, sys
def said(act):
    try:
        done = act()
    except OSError as e:
        return errno.errorcode[e.errno]
    return 'ok' if done is None else str(done)
";

pub(super) fn script(lines: &str) -> String {
    format!("{TRY}\n{lines}")
}

fn only_its_own_processes_are_seen() {
    let pids = "import os; print(sorted(int(n) for n in os.listdir('/proc') if n.isdigit())[:2], os.path.exists('/proc/1/root/etc'), os.getppid() < 100)";
    let (with, without) = both(Scene::plan, pids);
    assert_eq!(with, "[1, 2] False True", "the session's process and the IDE");
    assert!(!without.starts_with("[1, 2] ") || !without.ends_with("True"), "{without}");
    let inside = scene();
    let plan = inside.plan();
    let inside = inside.start(plan);
    // Nor does it reach those outside by their numbers, which are others' here.
    let kill = format!("{TRY}\nprint(said(lambda: os.kill({}, 0)))", inside.world.session.pid());
    assert_eq!(inside.python(&kill), "ESRCH");
    inside.end();
}

fn temporary_files_are_its_own_and_limited() {
    let outside = tempfile::Builder::new().prefix("portcullis-seen-").tempfile_in("/tmp").expect("a file");
    std::fs::set_permissions(outside.path(), PermissionsExt::from_mode(0o644)).expect("own");
    let fill = script(&format!(
        "
print(os.path.exists('{}'))
def fill(folder, megabytes):
    with open(folder + '/portcullis-fill', 'wb') as f:
        for _ in range(megabytes): f.write(b'x' * (1 << 20)); f.flush()
def files(folder, count):
    for n in range(count): open(f'{{folder}}/portcullis-{{n}}', 'w').close()
for folder in ['/tmp', '/var/tmp', '/dev/shm']:
    print(said(lambda: fill(folder, 3)), said(lambda: fill(folder, 8)), end=' ')
    os.remove(folder + '/portcullis-fill')
print(said(lambda: files('/tmp', 6000)))
for n in range(6000):
    try: os.remove(f'/tmp/portcullis-{{n}}')
    except OSError: pass
print(oct(os.stat('/tmp').st_mode & 0o7777), os.stat('/tmp').st_uid)
",
        outside.path().display()
    ));
    let (with, without) = both(Scene::plan, &fill);
    assert_eq!(with, "False\nok ENOSPC ok ENOSPC ok ENOSPC ENOSPC\n0o1777 0");
    assert_eq!(without, "True\nok ok ok ok ok ok ok\n0o1777 0");
    assert!(!Path::new("/tmp/portcullis-fill").exists());
}

fn in_folders_of_data_nothing_is_a_program() {
    let run = script(
        "
import ctypes, mmap, shutil
home = os.environ['HOME']
out = []
for folder in [home, '/tmp', '/dev/shm', '/var/tmp']:
    path = folder + '/portcullis-true'
    shutil.copy('/usr/lib/R/bin/exec/R' if not os.path.exists('/usr/bin/true') else '/usr/bin/true', path)
    os.chmod(path, 0o755)
    out.append(said(lambda: subprocess.run([path], stderr=subprocess.DEVNULL).returncode * 0))
    loader = '/lib64/ld-linux-x86-64.so.2'
    out.append(str(subprocess.run([loader, path], stderr=subprocess.DEVNULL).returncode))
    with open(path, 'rb') as f:
        out.append(said(lambda: mmap.mmap(f.fileno(), 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE) and None))
    os.remove(path)
print(' '.join(out))
",
    );
    let (with, without) = both(Scene::plan, &run);
    assert_eq!(with, ["EACCES 127 EPERM"; 4].join(" "));
    assert_eq!(without, ["0 0 ok"; 4].join(" "));
}

fn what_is_hidden_is_empty_and_what_is_kept_is_there() {
    let hidden = tempfile::tempdir_in("/var/lib").expect("a folder");
    std::fs::set_permissions(hidden.path(), PermissionsExt::from_mode(0o755)).expect("own");
    std::fs::create_dir(hidden.path().join("sub")).expect("a folder");
    let ticket = tempfile::Builder::new().prefix("krb5cc_").tempfile_in("/tmp").expect("a file");
    std::fs::write(ticket.path(), "ticket").expect("written");
    let other = tempfile::Builder::new().prefix("krb5cc_").tempfile_in("/tmp").expect("a file");
    let socket = hidden.path().with_extension("sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o777)).expect("own");
    for (path, owner) in [(ticket.path(), USER), (&hidden.path().join("sub"), USER), (other.path(), OTHER)] {
        chown(path, Some(owner), Some(owner)).expect("root");
    }
    let look = script(&format!(
        "
import socket
hidden, ticket, other, sock = '{}', '{}', '{}', '{}'
print(os.listdir(hidden), os.path.exists(ticket) and open(ticket).read(), os.path.exists(other))
print(said(lambda: open(ticket, 'a').write('!') and None), said(lambda: open(hidden + '/sub/new', 'w').close()))
print(said(lambda: socket.socket(socket.AF_UNIX).connect(sock)))
print(os.listdir(os.path.dirname(os.environ['HOME'])))
",
        hidden.path().display(),
        text(ticket.path()),
        text(other.path()),
        socket.display()
    ));
    let plan = |kept: bool| {
        let (hidden, socket, ticket) = (text(hidden.path()), text(&socket), text(ticket.path()));
        let (sub, other) = (text(&hidden_sub(&hidden)), text(other.path()));
        move |scene: &Scene| {
            let mut view = scene.view();
            view.hidden = vec![hidden.clone(), socket.clone(), "/nonexistent/portcullis".into()];
            if kept {
                view.kept = vec![ticket.clone(), sub.clone(), other.clone(), "/tmp/portcullis-absent".into()];
            }
            Sandbox { view: Some(view), ..Sandbox::default() }
        }
    };
    let (with, without) = both(plan(false), &look);
    let said: Vec<&str> = with.lines().collect();
    assert_eq!(said[..3], ["[] False False", "ok ENOENT", "EACCES"], "{with}");
    assert!(
        said[3].contains("'session'") && said[3].contains("'home'") && !said[3].contains("log"),
        "{with}"
    );
    let said: Vec<&str> = without.lines().collect();
    assert_eq!(said[..3], ["['sub'] ticket True", "ok ok", "ok"], "{without}");
    std::fs::remove_file(hidden.path().join("sub/new")).expect("written");
    let (with, _) = both(plan(true), &look);
    assert!(with.starts_with("['sub'] ticket! False\nok ok\nEACCES\n"), "another's is not kept: {with}");
    let _ = std::fs::remove_file(&socket);
}

fn hidden_sub(hidden: &str) -> PathBuf {
    Path::new(hidden).join("sub")
}

fn outside_of_its_folders_nothing_is_changed() {
    // The user's own, but of no folder that the session may write to.
    let own = tempfile::tempdir_in("/var/lib").expect("a folder");
    chown(own.path(), Some(USER), Some(USER)).expect("root");
    let change = script(&format!(
        "
own, home = '{}', os.environ['HOME']
out = []
for folder in [own, home, '/tmp']:
    file = folder + '/portcullis-file'
    out.append(said(lambda: open(file, 'w').close()))
    out.append(said(lambda: os.chmod(folder if folder != '/tmp' else file, 0o755)))
    out.append(said(lambda: os.utime(folder if folder != '/tmp' else file)))
    out.append(said(lambda: os.remove(file)))
out.append(said(lambda: open('/dev/null', 'w').write('x') and None))
out.append(said(lambda: open('/proc/self/comm', 'w').write('x') and None))
print(' '.join(out))
",
        own.path().display()
    ));
    let sandbox = |with_view: bool| {
        let folder = text(own.path());
        move |scene: &Scene| {
            let program = text(scene.setting.program().parent().expect("a folder"));
            let read = ["/usr", "/lib", "/lib64", "/bin", "/etc", "/sys", &program, &folder];
            let read = read.map(str::to_owned).into();
            let (home, dir) = (text(&scene.home), scene.setting.spec.dir.clone());
            let write = vec![home, dir, "/tmp".into(), "/dev".into(), "/proc".into(), "/nonexistent".into()];
            let version = portcullis_sys::landlock::version().expect("Landlock").min(3);
            let rules = Some(Rules { version, reach: Some(Reach { read, write }) });
            Sandbox { rules, view: with_view.then(|| scene.view()), ..Sandbox::default() }
        }
    };
    let (with, control) = both(sandbox(true), &change);
    let rest = "ok ok ok ok ok ok ok ok ok ok";
    assert_eq!(control, format!("ok ok ok ok {rest}"));
    assert_eq!(with, format!("EROFS EROFS EROFS EROFS {rest}"));
    let (rules, _) = both(sandbox(false), &change);
    assert_eq!(rules, format!("EACCES ok ok ENOENT {rest}"), "the rules alone leave modes and times open");
}

fn a_link_in_the_place_of_a_folder_opens_nothing() {
    // The user's own, where nothing may be changed; and a name of the list that the user made a link to it.
    let own = tempfile::tempdir_in("/var/lib").expect("a folder");
    chown(own.path(), Some(USER), Some(USER)).expect("root");
    let change = script(&format!("print(said(lambda: os.utime('{}')))", own.path().display()));
    let sandbox = |link: bool| {
        let folder = text(own.path());
        move |scene: &Scene| {
            let listed = scene.home.with_file_name("listed");
            if link {
                std::os::unix::fs::symlink(&folder, &listed).expect("a link");
            } else {
                std::fs::create_dir(&listed).expect("a folder");
            }
            let (home, dir) = (text(&scene.home), scene.setting.spec.dir.clone());
            let write = vec![home, dir, "/tmp".into(), "/dev".into(), "/proc".into(), text(&listed)];
            let version = portcullis_sys::landlock::version().expect("Landlock").min(3);
            let rules = Some(Rules { version, reach: Some(Reach { read: vec!["/".into()], write }) });
            Sandbox { rules, view: Some(scene.view()), ..Sandbox::default() }
        }
    };
    for link in [false, true] {
        assert_eq!(both(sandbox(link), &change), ("EROFS".into(), "ok".into()), "link: {link}");
    }
}

fn settings_and_terminals_are_no_way_out() {
    // Somebody else's terminal that the user may open: another login of theirs.
    let mut login = std::process::Command::new("/usr/bin/python3");
    login.args([
        "-c",
        "import os, sys; pair = os.openpty(); print(os.ttyname(pair[1]), flush=True); sys.stdin.read()",
    ]);
    login.uid(USER).gid(USER).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut login = login.spawn().expect("a login");
    let mut name = String::new();
    BufReader::new(login.stdout.take().expect("a pipe")).read_line(&mut name).expect("a name");
    let name = name.trim();
    let look = script(&format!(
        "
print(said(lambda: os.close(os.open('{}', os.O_WRONLY | os.O_NOCTTY))))
master, slave = os.openpty()
os.write(slave, b'x')
print(os.ttyname(slave).startswith('/dev/pts/'), os.read(master, 1) == b'x', bool(os.statvfs('/sys').f_flag & os.ST_RDONLY))
print(*[bool(os.statvfs(path).f_flag & os.ST_RDONLY) for path in ['/proc/sys', '/proc/irq', '/sys/fs', '/proc/self']])
",
        name
    ));
    let (with, without) = both(Scene::plan, &look);
    drop(login.stdin.take());
    login.wait().expect("its end");
    assert_eq!(with, "ENOENT\nTrue True True\nTrue True True False");
    assert!(without.starts_with("ok\nTrue True False\nFalse False"), "{without}");
}

fn the_user_undoes_nothing() {
    let undo = script(
        "
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(done):
    return 'ok' if done == 0 else errno.errorcode[ctypes.get_errno()]
out = [call(libc.umount2(path, 2)) for path in [b'/tmp', b'/usr/bin', os.environb[b'HOME'], b'/proc']]
out.append(call(libc.mount(b'/', b'/mnt', None, 4096, None)))
out.append(call(libc.setns(os.open('/proc/1/ns/mnt', os.O_RDONLY), 0)) if os.access('/proc/1/ns/mnt', os.R_OK) else 'EACCES')
print(' '.join(out))
# In a user namespace of its own it may unmount what it mounts, and nothing else.
if libc.unshare(0x10000000 | 0x20000) == 0:
    print(' '.join(call(libc.umount2(path, 2)) for path in [b'/tmp', b'/usr/bin', os.environb[b'HOME'], b'/proc']))
    print(call(libc.mount(None, os.environb[b'HOME'], None, 4096 | 32, None)))
",
    );
    let inside = scene();
    let plan = inside.programs();
    let inside = inside.start(plan);
    let said = inside.python(&undo);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "EPERM EPERM EPERM EPERM EPERM EACCES", "{said}");
    if let [_, unmounts, remount] = lines.as_slice() {
        assert_eq!((*unmounts, *remount), ("EINVAL EINVAL EINVAL EINVAL", "EPERM"), "{said}");
    }
    inside.end();
}

/// Says a figure where people look for them.
pub(super) fn note(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "note: {text}");
}
