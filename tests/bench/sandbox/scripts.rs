//! What Python is told to do, as one line each.

/// A good part of the standard library.
pub(super) const MODULES: &str = "import asyncio, concurrent.futures, csv, ctypes, dataclasses, decimal, email.mime.text, fractions, \
    http.client, http.server, importlib.metadata, inspect, json, logging.handlers, multiprocessing.pool, pathlib, pdb, \
    pickle, platform, pprint, sqlite3, ssl, statistics, tarfile, tempfile, unittest.mock, urllib.request, uuid, \
    xml.dom.minidom, xml.etree.ElementTree, xmlrpc.client, zipfile";
/// A tree is copied, read, looked at and renamed. Over the files of the round before: ext4 looks long for room beside files that were just removed, which would drown the rest.
pub(super) const TREE: &str = "import os, shutil, sysconfig; home = os.environ['HOME'] + '/tree'; lib = sysconfig.get_path('stdlib'); \
    [shutil.copytree(lib + '/' + name, home + '/' + name, dirs_exist_ok=True, ignore=shutil.ignore_patterns('__pycache__')) \
     for name in ('asyncio', 'concurrent', 'ctypes', 'email', 'encodings', 'html', 'http', 'importlib', 'json', 'logging', \
     'multiprocessing', 'unittest', 'urllib', 'wsgiref', 'xml')]; \
    names = [os.path.join(at, name) for at, _, files in os.walk(home) for name in files]; assert len(names) > 200; \
    [open(name, 'rb').read() for name in names * 3]; [os.stat(name) for name in names * 3]; \
    [(os.rename(name, name + '~'), os.rename(name + '~', name)) for name in names]";
/// Singular values, products, roots.
pub(super) const COMPUTE: &str = "import numpy; a = numpy.random.default_rng(1).random((400, 400)); [numpy.linalg.svd(a[:160, :160]) for _ in range(8)]; \
    [a @ a for _ in range(30)]; b = numpy.arange(4e6); [numpy.sqrt(b).sum() for _ in range(8)]";
/// A package is installed as pip does it: unpacked, compared with its hashes, compiled, loaded. The archive is made in the warm-up.
pub(super) const PACKAGE: &str = "import hashlib, os, py_compile, sys, sysconfig, zipfile; home = os.environ['HOME']; \
    lib, archive, to = sysconfig.get_path('stdlib'), home + '/package.zip', home + '/package'; \
    names = [os.path.relpath(os.path.join(at, name), lib) for part in ('email', 'json', 'http', 'urllib', 'xml', 'asyncio') \
     for at, _, files in os.walk(lib + '/' + part) for name in files if name.endswith('.py')]; assert len(names) > 60; \
    made = os.path.exists(archive) or exec(\"with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as z: \
     [z.write(lib + '/' + name, name) for name in names]\"); zipfile.ZipFile(archive).extractall(to); \
    [hashlib.sha256(open(to + '/' + name, 'rb').read()).hexdigest() for name in names]; \
    [py_compile.compile(to + '/' + name, doraise=True) for name in names]; sys.path.insert(0, to); import email.message, http.client";
/// Before another: this process and what it starts is under two rules of Landlock's, for everything and for its home, which
/// allow all. `no_new_privs` is set by what starts it.
pub(super) const RULE: &str = "import ctypes, os, struct; c = ctypes.CDLL(None, use_errno=True); \
    version = c.syscall(444, None, ctypes.c_size_t(0), 1); assert version > 0; \
    rights = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1; \
    rules = c.syscall(444, struct.pack('Q', rights), ctypes.c_size_t(8), 0); assert rules > 0; \
    added = [c.syscall(445, rules, 1, struct.pack('=Qi', rights, os.open(at, os.O_PATH)), 0) for at in ('/', os.environ['HOME'])]; \
    assert added == [0, 0] and c.syscall(446, rules, 0) == 0; ";
/// Before another, as [`RULE`] and behind it: a filter for system calls that lets all of them pass by their number.
pub(super) const FILTER: &str = "import ctypes, struct; filter = b''.join(struct.pack('HBBI', *step) for step in \
    [(0x20, 0, 0, 0), (0x15, 0, 1, 0xffffffff), (6, 0, 0, 0x50001), (6, 0, 0, 0x7fff0000)]); held = ctypes.create_string_buffer(filter); \
    assert ctypes.CDLL(None).prctl(22, 2, ctypes.c_char_p(struct.pack('HxxxxxxQ', 4, ctypes.addressof(held))), 0, 0) == 0; ";
