"""What every way out has at hand: how it tells its outcome. Targets come as variables of the environment, RT_..."""
import os
import sys

HOME = os.environ["HOME"]
DATA = os.environ["RT_DATA"]
# Counted by the shell itself, so that no message that repeats the command looks like its output.
SAY = "echo rt-shell-$((40+2))"
OK = "rt-shell-42"


def leave(status, word, text):
    print(f"{word}: {text}", flush=True)
    os._exit(status)


def escaped(text):
    leave(0, "escaped", text)


def held(text):
    leave(10, "held", text)


def broken(text):
    leave(20, "broken", text)


def run(ways):
    """Tries the way named by the first argument: what it raises as OSError held it."""
    try:
        ways[sys.argv[1]]()
    except OSError as error:
        held(f"{type(error).__name__}: {error}")
    except KeyError as error:
        broken(f"no such way or target: {error}")
    broken("it told no outcome")


def ran(output):
    """Decides by what a command printed whether it ran."""
    text = output.decode(errors="replace") if isinstance(output, bytes) else output or ""
    if OK in text:
        escaped("a command ran")
    held("no command ran: " + " ".join(text.split())[-200:])
