"""Ways to files and to what /proc tells, in Python. Ordinary permissions would allow each of them."""
import os
import shutil

from way import DATA, HOME, escaped, held, run

OUTSIDER = os.environ["RT_OUTSIDER"]


def first_line(path):
    with open(path) as file:
        escaped(f"read `{file.readline().strip()}`")


def listing():
    escaped(f"{len(os.listdir(DATA))} names")


def link():
    path = f"{HOME}/rt-link"
    if os.path.islink(path):
        os.unlink(path)
    os.symlink(f"{DATA}/by-link", path)
    first_line(path)


def copy_out():
    with open(f"{HOME}/rt-copied", "w") as file:
        file.write("x\n")
    shutil.copyfile(f"{HOME}/rt-copied", f"{DATA}/python-copied")
    escaped("copied a file out")


def of_process(name):
    with open(f"/proc/{OUTSIDER}/{name}", "rb") as file:
        escaped(f"{len(file.read())} bytes of /proc/{OUTSIDER}/{name}")


def others_arguments():
    with open(f"/proc/{os.environ['RT_BOB_PID']}/cmdline", "rb") as file:
        escaped(f"arguments of another user: {len(file.read())} bytes")


def processes():
    if OUTSIDER in os.listdir("/proc"):
        escaped(f"sees process {OUTSIDER}")
    held("process is not listed")


def through_process():
    first_line(f"/proc/{OUTSIDER}/root{DATA}/through-process")


def temporary(folder):
    first_line(f"{folder}/{os.environ['RT_DROP']}")


def session_folder():
    names = os.listdir(os.path.dirname(os.environ["RT_OTHER_SESSION_SOCKET"]))
    escaped(f"listed another session's folder: {len(names)} names")


def loginuid():
    with open("/proc/self/loginuid", "w") as file:
        file.write(str(os.getuid()))
    escaped("chose itself under which sign-in it is recorded")


def devices():
    with open(os.environ["RT_TERMINAL"], "w") as file:
        file.write("x")
    escaped("wrote to another terminal of the user")


run(
    {
        "read": lambda: first_line(f"{DATA}/by-python"),
        "list": listing,
        "link": link,
        "copy-out": copy_out,
        "bobs-home": lambda: first_line(f"{os.environ['RT_BOB_HOME']}/notes.txt"),
        "bobs-arguments": others_arguments,
        "environ": lambda: of_process("environ"),
        "maps": lambda: of_process("maps"),
        "processes": processes,
        "through-process": through_process,
        "tmp": lambda: temporary("/tmp"),
        "shm": lambda: temporary("/dev/shm"),
        "other-session": session_folder,
        "loginuid": loginuid,
        "terminal": devices,
    }
)
