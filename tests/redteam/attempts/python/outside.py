# What is on the machine beside the session: no part of any attempt, but the targets of many. Started by the test, never by a
# session. First argument: `outsider` (runs as the same user, outside of every session) or `bob` (another user).
import array
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading

role, wish = sys.argv[1], json.loads(sys.argv[2])
told = {"pid": os.getpid()}


def serve(listener, handle):
    def loop():
        while True:
            connection, _ = listener.accept()
            try:
                handle(connection)
            except OSError:
                pass
            connection.close()

    threading.Thread(target=loop, daemon=True).start()


def unix(path, mode=0o777):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    if not path.startswith("\0"):
        os.chmod(path, mode)
    listener.listen(8)
    return listener


def manager(connection):
    """Runs what it is told as this user, as systemd's manager of a user does."""
    words = connection.recv(200).decode().split()
    connection.sendall(subprocess.run(words[:1], capture_output=True).stdout)


def greet(connection):
    connection.recv(10)
    connection.sendall(b"hello from " + role.encode() + b"\n")


def tcp(host, port=0):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(16)
    serve(listener, lambda connection: connection.close())
    return listener.getsockname()[1]


def udp(host, port):
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((host, port))

    def loop():
        while True:
            _, sender = datagrams.recvfrom(100)
            datagrams.sendto(b"pong", sender)

    threading.Thread(target=loop, daemon=True).start()


if role == "outsider":
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    # A terminal of the user's that belongs to no session.
    _, terminal = os.openpty()
    told["terminal"] = os.ttyname(terminal)
    secret = ctypes.create_string_buffer(b"rt-secret-in-memory")
    told["address"] = ctypes.addressof(secret)
    told["fd"] = os.open(wish["data"] + "/held-open", os.O_RDONLY)
    serve(unix(wish["manager"], 0o700), manager)

    def hand_over(connection):
        there = os.open(wish["data"], os.O_RDONLY | os.O_DIRECTORY)
        rights = array.array("i", [there])
        connection.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        os.close(there)

    serve(unix(wish["handover"], 0o700), hand_over)
    # A process of this user with a user namespace of its own, to be entered.
    child = subprocess.Popen(["/usr/bin/unshare", "-U", "/usr/bin/sleep", "3600"])
    told["in_namespace"] = child.pid
else:
    serve(unix(wish["socket"]), greet)
    serve(unix(wish["service"]), greet)
    serve(unix("\0" + wish["abstract"]), greet)
    told["outer_port"] = tcp(wish["outer"])
    udp(wish["outer"], told["outer_port"])
    told["metadata_port"] = tcp(wish["metadata"])
    udp(wish["metadata"], told["metadata_port"])
    told["port"] = tcp("127.0.0.1")
    free = socket.socket()
    free.bind(("0.0.0.0", 0))
    told["listen_port"] = free.getsockname()[1]
    free.close()

print(json.dumps(told), flush=True)
# Ends with the test that started it.
sys.stdin.read()
