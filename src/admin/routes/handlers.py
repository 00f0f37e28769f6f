# Prints the routes of the JupyterLab that is installed here, one JSON object a line: pattern, handler, methods, socket, an example of
# a path, and its shape (`*` for one segment, `**` for any number). Nothing is served and no socket is opened.
import json
import re
import sys

try:
    from re import _parser as parser
except ImportError:
    import sre_parse as parser

from jupyter_core.application import JupyterApp
from jupyter_server.serverapp import ServerApp
from tornado.web import RequestHandler
from tornado.websocket import WebSocketHandler

ONE, MANY = "\x01", "\x02"


def letter(items):
    """A character of a set, and whether the set has a slash."""
    negated, found, slash = False, None, False
    for kind, value in items:
        name = str(kind)
        if name == "NEGATE":
            negated = True
        elif name == "LITERAL":
            found = found or chr(value)
            slash = slash or chr(value) == "/"
        elif name == "RANGE":
            found = found or chr(value[0])
            slash = slash or value[0] <= ord("/") <= value[1]
        elif name == "CATEGORY":
            word = str(value)
            found = found or ("1" if word.endswith("_DIGIT") and "NOT" not in word else "x")
            slash = slash or "NOT" in word
    if negated:
        return "x", not slash
    return found or "x", slash


def example(tokens):
    """Two texts: an example, and the same with marks where anything else could stand."""
    text, marked = "", ""
    for kind, value in tokens:
        name = str(kind)
        if name == "LITERAL":
            text, marked = text + chr(value), marked + chr(value)
        elif name == "ANY":
            # A dot that nobody escaped: `/api/spec.yaml`.
            text, marked = text + ".", marked + "."
        elif name in ("IN", "NOT_LITERAL"):
            one, slash = letter(value) if name == "IN" else ("x", value != ord("/"))
            text, marked = text + one, marked + (MANY if slash else ONE)
        elif name == "SUBPATTERN":
            more, shown = example(value[-1])
            text, marked = text + more, marked + shown
        elif name == "BRANCH":
            more, shown = example(value[1][0])
            start = "/" if more.startswith("/") else ""
            text, marked = text + more, marked + start + (MANY if "/" in more else ONE)
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            low, high, sub = value
            slash = [(str(one), what) for one, what in sub] == [("LITERAL", ord("/"))]
            if low == 0 and high == 1 and not slash:
                continue
            more, shown = example(sub)
            anything = [str(kind) for kind, _ in sub] == ["ANY"]
            more, shown = ("x", MANY) if anything else (more, shown)
            many = "/" in shown or MANY in shown
            text, marked = text + more * max(low, 1), marked + ("/" if slash else MANY if many else ONE)
    return text, marked


def shape(marked):
    segments = ["**" if MANY in one else "*" if ONE in one else one for one in marked.split("/")[1:]]
    if segments.count("**") > 1:
        segments = segments[: segments.index("**") + 1]
    return "/" + "/".join(segments)


def rules(router):
    for rule in router.rules:
        if hasattr(rule.target, "rules"):
            yield from rules(rule.target)
        elif hasattr(rule.matcher, "regex"):
            yield rule.matcher.regex.pattern, rule.target


def main():
    # It would write into the account's own folder; here nothing is changed.
    JupyterApp.migrate_config = lambda self: None
    app = ServerApp.instance()
    arguments = ["--ServerApp.base_url=/", "--ServerApp.open_browser=False", "--ServerApp.allow_root=True"]
    app.initialize(argv=arguments, find_extensions=True, new_httpserver=False)
    seen = set()
    for pattern, handler in list(rules(app.web_app.wildcard_router)) + list(rules(app.web_app.default_router)):
        if not isinstance(handler, type):
            continue
        names = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        methods = [m for m in names if getattr(handler, m.lower()) is not getattr(RequestHandler, m.lower())]
        path, marked = example(parser.parse(pattern.rstrip("$")))
        fits = bool(re.match(pattern, path)) and path.startswith("/")
        line = {
            "pattern": pattern,
            "handler": handler.__module__ + "." + handler.__qualname__,
            "methods": methods,
            "socket": issubclass(handler, WebSocketHandler),
            "example": path if fits else None,
            "shape": shape(marked) if fits else None,
        }
        text = json.dumps(line)
        if text not in seen:
            seen.add(text)
            print("route " + text)


main()
sys.stdout.flush()
