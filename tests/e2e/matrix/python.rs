//! What people do in Python, as cells: each raises when it does not work.

use super::combos::{Action, Combo, Expect};

/// What the kernel says of a program that isn't there.
const NO_PROGRAM: &[&str] = &["No such file", "Permission denied", "PermissionError", "FileNotFoundError"];
/// What the stub in a shell's place says.
const NO_SHELL: &[&str] = &["allow-shell=0"];
const NO_LIBRARY: &[&str] = &["failed to map segment", "Operation not permitted"];
const NO_FILE: &[&str] = &["Permission denied", "Read-only file system"];
const NO_NETWORK: &[&str] = &["refused", "unreachable"];

const fn always(_: Combo) -> Expect {
    Expect::Works
}

const fn with_shell(combo: Combo) -> Expect {
    Expect::works_if(combo.shell, NO_SHELL)
}

const fn with_programs(combo: Combo) -> Expect {
    Expect::works_if(combo.shell, NO_PROGRAM)
}

const fn with_git(combo: Combo) -> Expect {
    Expect::works_if(combo.git(), NO_PROGRAM)
}

const fn with_own_programs(combo: Combo) -> Expect {
    Expect::works_if(combo.own_programs(), NO_LIBRARY)
}

const fn with_all_folders(combo: Combo) -> Expect {
    Expect::works_if(!combo.restricted, NO_FILE)
}

const fn with_network(combo: Combo) -> Expect {
    Expect::works_if(combo.network, NO_NETWORK)
}

const fn action(name: &'static str, expect: fn(Combo) -> Expect, code: &'static str) -> Action {
    Action { name, code, expect }
}

/// Before the others: `HOME`, `SHARED`, `OUTSIDE`, `PORT` and `WHEELS` are set.
pub(super) const FIRST: &str = "import os, sys, subprocess, socket, tempfile, pathlib";

/// The cells.
pub(super) const ACTIONS: &[Action] = &[
    action("arithmetic", always, "assert 6 * 7 == 42"),
    action(
        "the standard library's native parts",
        always,
        "import ctypes, sqlite3, ssl, lzma, bz2, zlib, hashlib, curses, readline, decimal, uuid, zoneinfo\n\
         ssl.create_default_context(); zoneinfo.ZoneInfo('Europe/Berlin'); uuid.uuid1()",
    ),
    action(
        "foreign functions with callbacks",
        always,
        "import ctypes\nmine = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: n + 1)\nassert mine(1) == 2\n\
         assert ctypes.CDLL('libm.so.6').abs(-3) == 3",
    ),
    action(
        "threads",
        always,
        "import threading\nran = []\nall = [threading.Thread(target=ran.append, args=(n,)) for n in range(16)]\n\
         [t.start() for t in all]; [t.join() for t in all]\nassert len(ran) == 16",
    ),
    action(
        "asyncio with sockets on loopback",
        always,
        "import asyncio\n\
         async def answer(reader, writer):\n    writer.write(await reader.readline()); await writer.drain(); writer.close()\n\
         async def both():\n    server = await asyncio.start_server(answer, '127.0.0.1', 0)\n    \
         reader, writer = await asyncio.open_connection('127.0.0.1', server.sockets[0].getsockname()[1])\n    \
         writer.write(b'x\\n'); assert await reader.readline() == b'x\\n'; writer.close(); server.close()\n\
         await both()",
    ),
    action(
        "UDP on loopback",
        always,
        "a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); a.bind(('127.0.0.1', 0)); a.settimeout(5)\n\
         b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); b.sendto(b'x', a.getsockname())\nassert a.recv(9) == b'x'",
    ),
    action(
        "Unix sockets, by path and abstract",
        always,
        "import threading\n\
         for name in (tempfile.mktemp(), '\\0matrix%d' % os.getpid()):\n    \
         s = socket.socket(socket.AF_UNIX); s.bind(name); s.listen()\n    \
         c = socket.socket(socket.AF_UNIX); c.connect(name); c.close(); s.close()",
    ),
    action(
        "multiprocessing by fork",
        always,
        "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]",
    ),
    action(
        "multiprocessing by spawn",
        always,
        "import multiprocessing\nwith multiprocessing.get_context('spawn').Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]",
    ),
    action(
        "multiprocessing by a server of forks",
        always,
        "import multiprocessing\nwith multiprocessing.get_context('forkserver').Pool(2) as pool: assert pool.map(abs, [-3]) == [3]",
    ),
    action(
        "shared memory",
        always,
        "from multiprocessing import shared_memory\nm = shared_memory.SharedMemory(create=True, size=1 << 20)\n\
         m.buf[0] = 7; assert m.buf[0] == 7; m.close(); m.unlink()",
    ),
    action(
        "a second Python",
        always,
        "said = subprocess.run([sys.executable, '-c', 'print(6*7)'], capture_output=True, text=True, check=True).stdout\n\
         assert said == '42\\n', said",
    ),
    action(
        "a script of one's own with a second Python",
        always,
        "pathlib.Path(HOME, 'script.py').write_text('print(6*7)')\n\
         assert subprocess.check_output([sys.executable, HOME + '/script.py']) == b'42\\n'",
    ),
    action(
        "a virtual environment",
        always,
        "subprocess.run([sys.executable, '-m', 'venv', '--without-pip', HOME + '/env'], check=True)\n\
         assert subprocess.check_output([HOME + '/env/bin/python', '-c', 'print(1)']) == b'1\\n'",
    ),
    action(
        "a child that is ended by a signal",
        always,
        "import signal\nchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n\
         child.terminate(); assert child.wait(20) == -signal.SIGTERM",
    ),
    action(
        "temporary files, pipes and maps",
        always,
        "import mmap\nwith tempfile.TemporaryDirectory() as d:\n    os.mkfifo(d + '/pipe')\n    \
         with open(d + '/map', 'w+b') as f:\n        f.truncate(1 << 20); m = mmap.mmap(f.fileno(), 0); m[0] = 1; m.close()\n\
         with tempfile.NamedTemporaryFile() as f: f.write(b'x'); f.flush(); assert os.path.getsize(f.name) == 1",
    ),
    action(
        "names in Unicode",
        always,
        "p = pathlib.Path(HOME, 'größe 数据 🙂.txt'); p.write_text('ä'); assert p.read_text() == 'ä'\n\
         p.rename(p.with_name('über.txt')); assert 'über.txt' in os.listdir(HOME)",
    ),
    action(
        "links, modes and times",
        always,
        "p = pathlib.Path(HOME, 'modes'); p.write_text('x'); p.chmod(0o640); os.utime(p, (1, 1))\n\
         p.with_name('soft').symlink_to(p); os.link(p, p.with_name('hard')); os.setxattr(p, 'user.note', b'x')\n\
         assert os.path.samefile(p, p.with_name('hard')) and p.stat().st_mtime == 1",
    ),
    action(
        "a large file",
        always,
        "for place in (HOME, '/tmp'):\n    name = f'{place}/large-{os.getpid()}'\n    with open(name, 'wb') as f:\n        \
         for _ in range(64): f.write(bytes(1 << 20))\n        f.flush(); os.fsync(f.fileno())\n    \
         assert os.path.getsize(name) == 64 << 20; os.remove(name)",
    ),
    action(
        "a database in a file",
        always,
        "import sqlite3\ndb = sqlite3.connect(HOME + '/d.db'); db.execute('pragma journal_mode=wal')\n\
         db.execute('create table t (n)'); db.execute('insert into t values (1)'); db.commit()\n\
         assert db.execute('select n from t').fetchone() == (1,); db.close()",
    ),
    action(
        "file watchers",
        always,
        "import ctypes, select\nc = ctypes.CDLL(None); fd = c.inotify_init1(0); assert fd >= 0\n\
         assert c.inotify_add_watch(fd, HOME.encode(), 0x100) >= 0\nopen(HOME + '/watched', 'w').close()\n\
         assert select.select([fd], [], [], 10)[0]; os.close(fd)",
    ),
    action(
        "a plot as PNG by the standard library",
        always,
        "import struct, zlib\nfrom IPython.display import Image, display\n\
         def part(kind, data): return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))\n\
         rows = b''.join(b'\\0' + bytes(255 * (x == y) for x in range(64)) for y in range(64))\n\
         png = b'\\x89PNG\\r\\n\\x1a\\n' + part(b'IHDR', struct.pack('>IIBBBBB', 64, 64, 8, 0, 0, 0, 0)) + part(b'IDAT', zlib.compress(rows)) + part(b'IEND', b'')\n\
         display(Image(png)); pathlib.Path(HOME, 'plot.png').write_bytes(png)",
    ),
    action(
        "who one is and what the machine is",
        always,
        "import getpass, pwd, platform, resource\nassert pwd.getpwuid(os.getuid()).pw_name == getpass.getuser()\n\
         assert os.path.expanduser('~') == HOME and os.cpu_count() and os.sched_getaffinity(0) and os.getloadavg()\n\
         platform.platform(); platform.processor(); resource.getrlimit(resource.RLIMIT_NOFILE)\n\
         assert str(os.getpid()) in os.listdir('/proc') and open('/proc/meminfo').read() and open('/proc/self/status').read()",
    ),
    action(
        "a pseudo-terminal",
        always,
        "import pty\npid, fd = pty.fork()\nif pid == 0: os.write(1, b'tty'); os._exit(0)\n\
         assert os.read(fd, 9) == b'tty'; os.waitpid(pid, 0); os.close(fd)",
    ),
    action(
        "the folder that is allowed: reading",
        always,
        "assert open(SHARED + '/a.txt').read() == 'shared\\n'",
    ),
    action(
        "the folder that is allowed: writing",
        always,
        "p = SHARED + '/of-' + str(os.getuid()); open(p, 'w').write('x'); os.remove(p)",
    ),
    action(
        "another folder: reading",
        with_all_folders,
        "assert open(OUTSIDE + '/a.txt').read() == 'outside\\n'",
    ),
    action("another folder: listing", with_all_folders, "assert os.listdir(OUTSIDE)"),
    action(
        "another folder: writing",
        with_all_folders,
        "p = OUTSIDE + '/of-' + str(os.getuid()); open(p, 'w').write('x'); os.remove(p)",
    ),
    action(
        "a server that is not the session's own",
        with_network,
        "c = socket.create_connection(('127.0.0.1', PORT), 20); assert c.recv(9) == b'hello'; c.close()",
    ),
    action(
        "a shell by subprocess",
        with_shell,
        "r = subprocess.run('echo hello', shell=True, capture_output=True, text=True)\n\
         assert r.stdout == 'hello\\n', r",
    ),
    action("a shell by a cell's magic", with_shell, "%%bash\ntest $((6*7)) = 42 || exit 1"),
    action(
        "a program by its path",
        with_programs,
        "assert subprocess.run(['/usr/bin/id', '-u'], capture_output=True, check=True).stdout",
    ),
    action(
        "git in a cell",
        with_git,
        "d = tempfile.mkdtemp(dir=HOME)\ndef git(*args): subprocess.run(['git', *args], cwd=d, check=True, capture_output=True)\n\
         git('init'); open(d + '/a', 'w').write('x'); git('add', '.')\n\
         git('-c', 'user.name=a', '-c', 'user.email=a@example.org', 'commit', '-m', 'one'); git('log', '--oneline'); git('gc')",
    ),
];

/// With packages at hand as files.
pub(super) const PACKAGES: &[Action] = &[
    action(
        "numpy that the person installed",
        with_own_programs,
        "r = subprocess.run([sys.executable, '-m', 'pip', 'install', '--no-index', '--no-deps', '--quiet', '--disable-pip-version-check',\n    \
         '--target', HOME + '/packages', *WHEELS], capture_output=True, text=True)\n\
         assert r.returncode == 0, r\nsys.path.insert(0, HOME + '/packages')\nimport numpy\n\
         a = numpy.arange(250000.).reshape(500, 500); assert (a @ a).shape == (500, 500) and numpy.linalg.svd(a[:50, :50])",
    ),
    action(
        "a plot as PNG by numpy and Pillow",
        with_own_programs,
        "import numpy\nfrom PIL import Image\nImage.fromarray(numpy.eye(64, dtype='uint8') * 255).save(HOME + '/pillow.png')\n\
         assert Image.open(HOME + '/pillow.png').size == (64, 64)",
    ),
];
