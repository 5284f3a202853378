"""The key goes to a server whose certificate is in order, and to no other."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from certificates import Authority
from cryptography.x509.oid import ExtendedKeyUsageOID
from fakeplatform import KEY
from tlsserver import tls_server

from ways_device.api.client import Client
from ways_device.errors import ApiError

TRUSTED = Authority("Trusted")
OTHER = Authority("Other")


@pytest.fixture
def client_of(tmp_path, monkeypatch):
    """Return clients of a port that trust one root, as a user's computer would."""
    (tmp_path / "root.pem").write_bytes(TRUSTED.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    made = []

    def client(port):
        made.append(Client(f"https://localhost:{port}", KEY, sleep=lambda seconds: None))
        return made[-1]

    yield client
    for one in made:
        one.close()


@pytest.mark.parametrize(
    ("authority", "options"),
    [
        (OTHER, {}),
        (OTHER, {"is_self_signed": True}),
        (TRUSTED, {"name": "elsewhere.test"}),
        (TRUSTED, {"name": "127.0.0.1"}),
        (TRUSTED, {"days": -1}),
        (TRUSTED, {"days": 2, "since_days": 1}),
        (TRUSTED, {"purpose": ExtendedKeyUsageOID.CLIENT_AUTH}),
        (Authority("Below", signer=TRUSTED, is_ca=False), {}),
    ],
    ids=["unknown", "self-signed", "name", "address", "expired", "early", "purpose", "no-ca"],
)
def test_server_that_is_not_the_platform_gets_no_byte(client_of, tmp_path, authority, options):
    with tls_server(*authority.server(tmp_path, **options)) as server:
        with pytest.raises(ApiError, match=r"certificate of https://localhost:\d+ is not trusted"):
            client_of(server.port).get("devices")
        assert server.connections == 1
        assert server.application_bytes == 0


def test_server_in_order_is_asked(client_of, tmp_path):
    with tls_server(*TRUSTED.server(tmp_path)) as server:
        with pytest.raises(ApiError, match="cannot reach"):
            client_of(server.port).get("devices")
        assert server.application_bytes > 100


class _Elsewhere(BaseHTTPRequestHandler):
    """Notes whom it is asked by, and sends everybody on."""

    def do_GET(self):
        self.server.seen.append(dict(self.headers))
        self.send_response(self.server.status)
        self.send_header("Location", self.server.location)
        self.send_header("Set-Cookie", "session=canary")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(json.dumps({}).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def servers():
    """Two servers of this computer on two ports: two origins."""
    made = []
    for _ in range(2):
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
        server.daemon_threads, server.seen, server.status, server.location = True, [], 200, ""
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        made.append(server)
    yield made
    for server in made:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_redirect_takes_the_key_to_another_origin(servers, status, scheme):
    first, second = servers
    first.status = status
    first.location = f"{scheme}://127.0.0.1:{second.server_port}/v1/iot/devices"
    client = Client(f"http://127.0.0.1:{first.server_port}", KEY, sleep=lambda seconds: None)
    with pytest.raises(ApiError, match="redirects to"):
        client.get("devices")
    client.close()
    assert len(first.seen) == 1
    assert second.seen == []


def test_no_cookie_is_kept(servers):
    client = Client(f"http://127.0.0.1:{servers[0].server_port}", KEY)
    client.get("devices")
    client.get("devices")
    client.close()
    assert [headers.get("Cookie") for headers in servers[0].seen] == [None, None]
