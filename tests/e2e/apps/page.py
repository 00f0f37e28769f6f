# A small WSGI application, for tests: files each way, a redirect, a cookie, and what it was told.
import json
import os


def application(environ, start_response):
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    home = os.environ["HOME"]

    def answer(status, text, *headers):
        body = text.encode()
        start_response(status, [("Content-Type", "text/html"), ("Content-Length", str(len(body))), *headers])
        return [body]

    if path in ("", "/"):
        told = {
            "script": environ.get("SCRIPT_NAME", ""),
            "prefix": environ.get("HTTP_X_FORWARDED_PREFIX", ""),
            "cwd": os.getcwd(),
            "uid": os.getuid(),
            "base": os.environ.get("BASE", ""),
            "known": environ.get("HTTP_AUTHORIZATION") == "token " + os.environ["PORTCULLIS_TOKEN"],
        }
        return answer("200 OK", json.dumps(told), ("Set-Cookie", "page=1; Path=/"))
    if path == "/go":
        return answer("302 Found", "", ("Location", environ.get("SCRIPT_NAME", "") + "/there"))
    if path.startswith("/files/") and method == "GET":
        with open(os.path.join(home, path[len("/files/") :])) as file:
            return answer("200 OK", file.read(), ("Content-Disposition", "attachment"))
    if path == "/upload" and method == "POST":
        length = len(environ["wsgi.input"].read())
        return answer("201 Created", str(length))
    return answer("200 OK", method + " " + path)
