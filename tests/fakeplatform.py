"""A small platform for host tests: the calls that provisioning makes, in memory.

It answers through httpx's transport seam, or as a real server on a free port. `shape` chooses
where a register answer carries the login; `faults` are taken one per request, first come.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

KEY = "wayscloud_iot_test_Canary0Key"
Reply = tuple[int, dict[str, str], str]


def flat(device_id: str, password: str) -> dict[str, Any]:
    return {"mqtt_username": device_id, "mqtt_password": password}


class FakePlatform:
    def __init__(self, shape: Callable[[str, str], dict[str, Any]] = flat) -> None:
        self.shape = shape
        self.devices: dict[str, dict[str, Any]] = {}
        self.passwords: dict[str, str] = {}
        self.profiles: list[dict[str, Any]] = []
        self.datapoints: list[dict[str, Any]] = []
        self.readings: dict[str, list[dict[str, Any]]] = {}
        self.applied: list[tuple[str, str]] = []
        self.requests: list[tuple[str, str]] = []
        self.keys_seen: list[str] = []
        # Each entry stands for one request: a reply instead, "lost" (done, but no answer), None.
        self.faults: list[Reply | str | None] = []
        self.made = 0
        # Some platforms answer with an id of their own instead of the one asked for.
        self.names_devices_itself = False

    def count(self, method: str, path: str) -> int:
        return self.requests.count((method, path))

    # Doing it.

    def handle(self, method: str, path: str, headers: Any, body: str) -> Reply | None:
        """Return the reply; None means the connection breaks after the request was done."""
        self.requests.append((method, path))
        self.keys_seen.append(headers.get("X-API-Key") or "")
        if headers.get("X-API-Key") != KEY:
            return 401, {}, '{"detail": "Invalid API key"}'
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, tuple):
            return fault
        status, answer = self._route(method, path, json.loads(body) if body else None)
        if fault == "lost":
            return None
        return status, {}, "" if answer is None else json.dumps(answer)

    def _route(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        name, *rest = path.removeprefix("/v1/iot/").split("/")
        resource = getattr(self, f"_{name}", None)
        return resource(method, rest, body) if resource else (404, {"detail": "Not Found"})

    def _credentials(self, method: str, rest: list[str], body: Any) -> tuple[int, Any]:
        return 200, {"mqtt_broker": {"host": "broker.test", "port": 1883, "tls_port": 8883}}

    def _devices(self, method: str, rest: list[str], body: Any) -> tuple[int, Any]:
        match method, rest:
            case "POST", []:
                return self._register(body)
            case "GET", [device_id, "telemetry", "latest"]:
                return 200, self.readings.get(device_id, [])
        return self._device(method, rest[0], body)

    def _profiles(self, method: str, rest: list[str], body: Any) -> tuple[int, Any]:
        match method, rest:
            case "GET", []:
                kept = ("id", "name", "reporting_interval_seconds")
                items = [{key: item[key] for key in kept} for item in self.profiles]
                return 200, {"profiles": items}
            case "POST", []:
                self.profiles.append({"id": f"prof-{len(self.profiles)}", **body})
                return 201, self.profiles[-1]
            case "POST", [profile_id, "apply", device_id]:
                self.applied.append((profile_id, device_id))
                return 200, {"applied": True}
        found = [item for item in self.profiles if item["id"] == rest[0]]
        return (200, found[0]) if found else (404, {"detail": "Not found"})

    def _datapoints(self, method: str, rest: list[str], body: Any) -> tuple[int, Any]:
        if method == "POST":
            self.datapoints.append({"name": body["key"], **body})
            return 201, self.datapoints[-1]
        return 200, {"datapoints": self.datapoints}

    def _register(self, body: Any) -> tuple[int, Any]:
        device_id = "server-made" if self.names_devices_itself else body["device_id"]
        if device_id in self.devices:
            return 409, {"detail": "device exists"}
        self.made += 1
        self.devices[device_id] = {
            "device_id": device_id,
            "name": body["name"],
            "is_online": False,
            "metadata": body["metadata"],
        }
        self.passwords[device_id] = f"mqtt-canary-{self.made}"
        return 201, {
            **self.devices[device_id],
            **self.shape(device_id, self.passwords[device_id]),
        }

    def _device(self, method: str, device_id: str, body: Any) -> tuple[int, Any]:
        if device_id not in self.devices:
            return 404, {"detail": "Device not found"}
        if method == "DELETE":
            del self.devices[device_id]
            self.readings.pop(device_id, None)
            return 204, None
        if method == "PATCH":
            self.devices[device_id].update(body)
        return 200, self.devices[device_id]

    # Reaching it.

    def transport(
        self, around: Callable[[str], None] = lambda moment: None
    ) -> httpx.MockTransport:
        """Answer without a network; around() is called before and after each request."""

        def answer(request: httpx.Request) -> httpx.Response:
            around("before request")
            reply = self.handle(
                request.method, request.url.path, request.headers, request.content.decode()
            )
            around("after request")
            if reply is None:
                raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
            status, headers, text = reply
            return httpx.Response(status, headers=headers, text=text)

        return httpx.MockTransport(answer)

    @contextmanager
    def served(self) -> Iterator[str]:
        """Yield the address of a real server on this machine."""
        platform = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def _serve(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size).decode()
                reply = platform.handle(self.command, self.path.split("?")[0], self.headers, body)
                if reply is None:
                    self.close_connection = True
                    return
                status, headers, text = reply
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)
