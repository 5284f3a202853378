"""What the tests of notifications share: a real HTTP server as receiver, and a small world."""

import asyncio
import ssl
import threading
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

from ways_device.sandbox import notifications
from ways_device.sandbox.alarms import Alarms
from ways_device.sandbox.db import Db
from ways_device.sandbox.rules import Rule

START = 1_800_000_000.0
HANG = "hang"
FLOOD = "flood"
LATE = "late"


class Receiver:
    """Answers with the given statuses, the last one for ever. requests is what came.

    An answer may be HANG (none comes until the end), LATE (200, once `ended` is set), FLOOD (a
    body without an end), or a pair of a status and headers.
    """

    def __init__(self, *answers, tls=None):
        self.requests = []
        self.flooded_bytes = 0
        self.ended = threading.Event()
        self._answers = list(answers) or [200]
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                receiver.requests.append(
                    SimpleNamespace(
                        path=self.path,
                        headers=dict(self.headers.items()),
                        body=body,
                    )
                )
                receiver.answer(self)

            do_GET = do_POST  # noqa: N815 - the library's name

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def answer(self, handler):
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if answer in (HANG, LATE):
            self.ended.wait(60)
            if answer == HANG:
                return
            answer = 200
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        handler.send_response(200 if answer == FLOOD else status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if answer == FLOOD:
            handler.end_headers()
            while not self.ended.is_set():
                handler.wfile.write(b"x" * 65536)
                self.flooded_bytes += 65536
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"ok")

    def close(self):
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()


async def until(ask):
    """Wait until ask() is true; other tasks run in the meantime."""
    deadline = time.monotonic() + 20
    for _ in range(10_000):
        if ask():
            return
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@contextmanager
def receiving(*answers, tls=None):
    with closing(Receiver(*answers, tls=tls)) as receiver:
        yield receiver


def server_tls(certs):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs.cert_file, certs.key_file)
    return context


class World:
    """The parts of notifications with real alarms, on a clock that stands still."""

    def __init__(self, path, environment=None):
        self.now = START
        self.db = Db(path)
        self.parts = notifications.build(self.db, lambda: self.now, environment or {})
        self.parts.sender._jitter = lambda: 1.0
        self.alarms = Alarms(self.db, self.parts.notifier.on_change, lambda: self.now)

    def device(self, device_id, profile_id=None, group_id=None):
        if profile_id is not None:
            self.db.run(
                "INSERT OR IGNORE INTO profiles (id, name, expected_topics, metadata, created_at,"
                " updated_at) VALUES (?, 'p', '[]', '{}', 0, 0)",
                profile_id,
            )
        self.db.run(
            "INSERT INTO devices (device_id, name, metadata, password_salt, password_hash,"
            " profile_id, created_at, updated_at) VALUES (?, 'd', '{}', '', '', ?, 0, 0)",
            device_id,
            profile_id,
        )
        if group_id is not None:
            self.db.run("INSERT OR IGNORE INTO groups VALUES (?, 'g', NULL, NULL, 0, 0)", group_id)
            self.db.run("INSERT INTO group_members VALUES (?, ?)", group_id, device_id)

    def rule(self, rule_id="r", severity="critical", config=None):
        self.db.run(
            "INSERT INTO rules (id, name, rule_type, scope_type, config, severity, actions,"
            " cooldown_seconds, is_enabled, auto_resolve, created_at, updated_at)"
            " VALUES (?, ?, 'offline', 'fleet', '{}', ?, '[]', 0, 1, 0, 0, 0)",
            rule_id,
            rule_id.upper(),
            severity,
        )
        actions = ("create_alarm",)
        return Rule(
            rule_id,
            rule_id.upper(),
            "offline",
            "fleet",
            None,
            config or {},
            severity,
            actions,
            0,
            False,
        )

    def channel(self, channel_type="webhook", is_enabled=True, **config):
        config = config or {"url": "http://127.0.0.1:9/x"}
        fields = {"name": "C", "channel_type": channel_type, "config": config}
        return self.parts.channels.create({**fields, "is_enabled": is_enabled})["id"]

    def policy(self, *channel_ids, **fields):
        fields = {"name": "P", "channel_ids": list(channel_ids), **fields}
        return self.parts.policies.create(fields)["id"]

    def rows(self):
        return self.db.all("SELECT * FROM notifications ORDER BY rowid")

    def told(self):
        return [row["event_type"] for row in self.rows()]

    def row(self):
        (row,) = self.rows()
        return row

    def settle(self, deadline_s=None):
        """Send what is due now. Returns the seconds that took."""
        if deadline_s is not None:
            self.parts.sender._transports._deadline_s = deadline_s
        begun = time.monotonic()
        asyncio.run(asyncio.wait_for(self.parts.sender.settle(), 30))
        return time.monotonic() - begun

    def close(self):
        self.db.close()
