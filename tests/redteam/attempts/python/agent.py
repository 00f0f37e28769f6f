# The attacker's foothold: an application declared in adapters.conf, so that it runs as code of the session's.
#
# It takes one attempt at a time over its Unix socket, tries it in a process of its own and answers with what came of it. It is
# itself no part of any way out: everything it starts, a person's notebook could.
import json
import os
import runpy
import signal
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler

SECONDS = 45
R_HOME = "/usr/lib/R"


def start(order):
    """In the child: becomes the attempt."""
    os.environ.update(order["env"])
    os.environ["RT_AGENT"] = str(os.getppid())
    if os.getppid() != 1 and os.path.exists("/proc/1/stat"):
        # Inside a process namespace the session's process is the first one.
        inside = open(f"/proc/{os.getppid()}/status").read().split("PPid:")[1].split()[0]
        if inside == "1":
            os.environ["RT_SESSION_PID_INSIDE"] = "1"
    program, name, language = order["program"], order["way"], order["language"]
    if language == "python":
        sys.argv = [program, name]
        sys.path.insert(0, os.path.dirname(program))
        sys.stdout.flush()
        runpy.run_path(program, run_name="__main__")
        os._exit(20)
    if language == "r":
        libraries = f"{R_HOME}/lib:/usr/lib/x86_64-linux-gnu"
        os.environ.update(R_HOME=R_HOME, R_SHARE_DIR="/usr/share/R/share", R_INCLUDE_DIR="/usr/share/R/include")
        os.environ.update(R_DOC_DIR="/usr/share/R/doc", LD_LIBRARY_PATH=libraries)
        words = ["R", "--no-echo", "--no-save", "--no-restore", "--no-site-file", f"--file={program}", "--args", name]
        os.execv(f"{R_HOME}/bin/exec/R", words)
    os.execv(program, [program, name])


def attempt(order):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            os.dup2(writer, 1)
            os.dup2(writer, 2)
            null = os.open("/dev/null", os.O_RDONLY)
            os.dup2(null, 0)
            sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
            sys.stderr = sys.stdout
            start(order)
        except OSError as error:
            print(f"held: cannot execute: {error}", flush=True)
            os._exit(10)
        except SystemExit as error:
            os._exit(error.code if isinstance(error.code, int) else 20)
        except BaseException as error:
            print(f"broken: {type(error).__name__}: {error}", flush=True)
            os._exit(20)
        os._exit(20)
    os.close(writer)
    os.set_blocking(reader, False)
    output, until, status = b"", time.monotonic() + SECONDS, None
    while True:
        try:
            output += os.read(reader, 65536)
        except BlockingIOError:
            pass
        if status is not None:
            break
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            status = code
            continue
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            output += b"\nbroken: it took too long"
        time.sleep(0.01)
    os.close(reader)
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return {
        "status": os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1,
        "signal": signal.Signals(ended_by).name if ended_by else "",
        "output": output.decode(errors="replace")[-4000:],
    }


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(200, {"pid": os.getpid()})

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.reply(200, attempt(order))

    def address_string(self):
        return "proxy"

    def log_message(self, *args):
        pass


class Server(socketserver.UnixStreamServer):
    def get_request(self):
        request, _ = super().get_request()
        return request, ("proxy", 0)


if __name__ == "__main__":
    Server(sys.argv[1], Answer).serve_forever()
