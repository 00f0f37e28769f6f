"""Ways to a shell, and to any program of the machine or of one's own, in Python."""
import ctypes
import mmap
import os
import pty
import shutil
import subprocess
import sys

from way import HOME, OK, SAY, escaped, held, ran, run

UPLOADED = f"{HOME}/rt/c/uploaded"
LOADER = "/lib64/ld-linux-x86-64.so.2"


def output(words, **more):
    """Runs a program directly, without any shell, and decides by what it prints."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, **more)
    ran(done.stdout)


def os_system():
    proof = f"{HOME}/rt-system"
    if os.path.exists(proof):
        os.unlink(proof)
    status = os.system(f"{SAY} > {proof}")
    if os.path.exists(proof):
        escaped("a command ran")
    held(f"status {status}")


def subprocess_shell():
    output(SAY, shell=True)


def popen():
    ran(os.popen(SAY).read())


def libc_system():
    proof = f"{HOME}/rt-libc"
    if os.path.exists(proof):
        os.unlink(proof)
    status = ctypes.CDLL(None).system(f"{SAY} > {proof}".encode())
    if os.path.exists(proof):
        escaped("a command ran")
    held(f"status {status}")


def pty_spawn():
    heard = []

    def read(fd):
        data = os.read(fd, 1024)
        heard.append(data)
        return data

    pty.spawn(["/bin/bash", "-c", SAY], read)
    ran(b"".join(heard))


def replaced(program):
    """Replaces a child of ours by the program, as exec() does."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        try:
            os.execv(program, [program, "-c", SAY])
        except OSError as error:
            os.write(1, str(error).encode())
        os._exit(1)
    os.close(writer)
    said = b""
    while part := os.read(reader, 4096):
        said += part
    os.waitpid(pid, 0)
    ran(said)


def spawned():
    reader, writer = os.pipe()
    pid = os.posix_spawn("/usr/bin/bash", ["bash", "-c", SAY], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)])
    os.waitpid(pid, 0)
    os.close(writer)
    ran(os.read(reader, 4096))


def own_copy():
    path = f"{HOME}/rt-shell"
    shutil.copyfile("/bin/bash", path)
    os.chmod(path, 0o755)
    output([path, "-c", SAY])


def script():
    path = f"{HOME}/rt-script"
    with open(path, "w") as file:
        file.write(f"#!/bin/sh\n{SAY}\n")
    os.chmod(path, 0o755)
    output([path])


def git(*words):
    # One for each way: they may be tried at the same time.
    folder = f"{HOME}/rt-{sys.argv[1]}"
    if not os.path.isdir(folder):
        subprocess.run(["git", "init", "-q", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return ["git", "-C", folder, "-c", "user.name=x", "-c", "user.email=x@example.org", *words]


def git_alias():
    output(git("-c", f"alias.x=!{SAY}", "x"))


def git_editor():
    output(git("-c", f"core.editor={SAY}; false", "commit", "--allow-empty"))


def git_credential():
    asked = b"protocol=https\nhost=host.invalid\n\n"
    output(git("-c", f"credential.helper=!{SAY} >&2; false", "credential", "fill"), input=asked)


def git_ssh():
    output(git("-c", f"core.sshCommand={SAY} >&2; false", "ls-remote", "ssh://host.invalid/x"))


def node():
    program = os.environ["RT_NODE"]
    output([program, "-e", f"console.log(require('child_process').execSync('{SAY}').toString())"])


def vi():
    output(["vim", "-es", "-u", "NONE", "-c", f"!{SAY}", "-c", "qa!"], stdin=subprocess.DEVNULL)


def make():
    path = f"{HOME}/rt-makefile"
    with open(path, "w") as file:
        file.write("all:\n\t@" + SAY.replace("$", "$$") + "\n")
    output(["/usr/bin/make", "-f", path])


def uploaded():
    os.chmod(UPLOADED, 0o755)
    native(subprocess.run([UPLOADED], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout)


def native(said):
    if b"rt-native-ok" in said:
        escaped("native code of one's own runs")
    held("it does not run: " + " ".join(said.decode(errors="replace").split())[-200:])


def by_loader():
    native(subprocess.run([LOADER, UPLOADED], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout)


def from_memory():
    memory = os.memfd_create("x")
    with open(UPLOADED, "rb") as file:
        os.write(memory, file.read())
    path = f"/proc/self/fd/{memory}"
    done = subprocess.run([path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[memory])
    native(done.stdout)


def by_descriptor():
    """execveat() of a file without a name, from memory that is sealed as if it were data."""
    libc = ctypes.CDLL(None, use_errno=True)
    memory = libc.syscall(319, b"x", 0)
    if memory < 0:
        held(f"memfd_create: {os.strerror(ctypes.get_errno())}")
    with open(UPLOADED, "rb") as file:
        os.write(memory, file.read())
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writer, 1)
        words = (ctypes.c_char_p * 2)(b"x", None)
        libc.syscall(322, memory, b"", words, (ctypes.c_char_p * 1)(None), 0x1000)
        os.write(1, os.strerror(ctypes.get_errno()).encode())
        os._exit(1)
    os.waitpid(pid, 0)
    os.close(writer)
    native(os.read(reader, 4096))


def unnamed():
    """A program without a name in the session's own temporary folder."""
    fd = os.open("/tmp", os.O_TMPFILE | os.O_RDWR, 0o700)
    with open(UPLOADED, "rb") as file:
        os.write(fd, file.read())
    again = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
    os.close(fd)
    os.set_inheritable(again, True)
    done = subprocess.run([f"/proc/self/fd/{again}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[again])
    native(done.stdout)


def in_folder(folder):
    path = f"{folder}/rt-uploaded"
    shutil.copyfile(UPLOADED, path)
    os.chmod(path, 0o755)
    try:
        said = subprocess.run([path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    finally:
        os.unlink(path)
    native(said)


def library():
    ctypes.CDLL(f"{UPLOADED}.so")
    escaped("native code of one's own is loaded")


def mapped():
    with open(UPLOADED, "rb") as file:
        mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
    escaped("a file of one's own is mapped as code")


def preloaded():
    """A library of one's own in every program that may run."""
    done = subprocess.run(
        ["/usr/bin/python3", "-c", "pass"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "LD_PRELOAD": f"{UPLOADED}.so"},
    )
    native(done.stdout)


def as_other():
    """su asks for another user's password, which is known here: the sign-in would be good."""
    parent, child = pty.openpty()
    su = subprocess.Popen(
        ["/usr/bin/su", os.environ["RT_BOB_NAME"], "-c", SAY],
        stdin=child,
        stdout=child,
        stderr=child,
        start_new_session=True,
    )
    os.close(child)
    heard = b""
    told = False
    while True:
        try:
            part = os.read(parent, 1024)
        except OSError:
            break
        if not part:
            break
        heard += part
        if b":" in heard and not told:
            os.write(parent, os.environ["RT_BOB_PASSWORD"].encode() + b"\n")
            told = True
    su.wait()
    ran(heard)


def mounted():
    """/etc/fstab lets users mount this one: mount is set-user-ID for that."""
    place = os.environ["RT_MOUNT"]
    done = subprocess.run(["/usr/bin/mount", place], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode == 0:
        subprocess.run(["/usr/bin/umount", place])
        escaped("mounted as root")
    held(" ".join(done.stdout.decode(errors="replace").split()))


run(
    {
        "os-system": os_system,
        "subprocess-shell": subprocess_shell,
        "popen": popen,
        "libc-system": libc_system,
        "pty-spawn": pty_spawn,
        "exec-dash": lambda: replaced("/usr/bin/dash"),
        "posix-spawn": spawned,
        "own-copy": own_copy,
        "script": script,
        "perl": lambda: output(["/usr/bin/perl", "-e", "print 'rt-shell-', 40+2"]),
        "awk": lambda: output(["/usr/bin/awk", f'BEGIN{{system("{SAY}")}}']),
        "env": lambda: output(["/usr/bin/env", "bash", "-c", SAY]),
        "find": lambda: output(["/usr/bin/find", "/", "-maxdepth", "0", "-exec", "echo", OK, ";"]),
        "xargs": lambda: output(["/usr/bin/xargs", "-a", "/dev/null", "sh", "-c", SAY]),
        "tclsh": lambda: output(["/usr/bin/tclsh"], input=f"puts [exec echo {OK}]".encode()),
        "make": make,
        "vi": vi,
        "node": node,
        "git-alias": git_alias,
        "git-editor": git_editor,
        "git-credential": git_credential,
        "git-ssh": git_ssh,
        "uploaded": uploaded,
        "ld-so": by_loader,
        "ld-so-bash": lambda: output([LOADER, "/usr/bin/bash", "-c", SAY]),
        "memfd": from_memory,
        "execveat": by_descriptor,
        "unnamed": unnamed,
        "tmp": lambda: in_folder("/tmp"),
        "shm": lambda: in_folder("/dev/shm"),
        "library": library,
        "mapped": mapped,
        "preload": preloaded,
        "su": as_other,
        "mount": mounted,
        "nohup": lambda: output(["/usr/bin/nohup", "bash", "-c", SAY]),
        "setsid": lambda: output(["/usr/bin/setsid", "-w", "bash", "-c", SAY]),
        "gdb": lambda: output(["/usr/bin/gdb", "-batch", "-ex", f"shell {SAY}"]),
    }
)
