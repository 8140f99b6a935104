"""A site on loopback that gives a token to whoever asks, and remembers what was asked."""

import http.server
import json
import threading

from kerbstone_keystoneauth.entry_points import WELL_KNOWN

_TOKEN = {
    "token": {
        "methods": ["password"],
        "user": {"id": "5f", "name": "alice", "domain": {"id": "default", "name": "Default"}},
        "audit_ids": ["one"],
        "issued_at": "2026-01-01T00:00:00.000000Z",
        "expires_at": "2099-01-01T00:00:00.000000Z",
    }
}


class Site:
    """``document``: what it says of its entry points; ``challenge``: how it refuses an empty sign-in."""

    def __init__(self, document=None, challenge="Keystone uri=\"here\"", methods=None, refused=()):
        self.document = document
        self.challenge = challenge
        self.methods = methods
        self.refused = refused
        self.asked = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self._server.server_port

    @property
    def signed_in_at(self):
        """Path and body of the request that earned a token."""
        return [asked for asked in self.asked if asked[1]["auth"]["identity"].get("methods")]


def _handler(site):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == WELL_KNOWN and site.document is not None:
                self._answer(200, site.document)
            else:
                self._answer(404, {"error": {"code": 404}})

        def do_POST(self):
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length))
            site.asked.append((self.path, body))
            methods = body["auth"]["identity"].get("methods")
            if methods and methods[0] not in site.refused:
                self._answer(201, _TOKEN, {"X-Subject-Token": "gAAA"})
                return
            error = {"code": 401}
            if site.methods is not None:
                error["identity"] = {"methods": site.methods}
            self._answer(401, {"error": error}, {"WWW-Authenticate": site.challenge})

        def _answer(self, status, body, headers=()):
            octets = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(octets)))
            for name, value in dict(headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_):
            pass

    return Handler
