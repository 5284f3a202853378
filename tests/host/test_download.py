"""Firmware by address: only what its SHA-256 names, only over a way nobody can change."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from rich.console import Console

from ways_device.boards import download
from ways_device.errors import ToolError, UsageError
from ways_device.talk import Talk

DATA = b"firmware" * 5000
SHA256 = hashlib.sha256(DATA).hexdigest()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answers):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        status, headers, body = self.server.answers.get(path, (404, {}, b""))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server({"/fw.bin": (200, {}, DATA)}) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join(10)


@pytest.fixture
def talk():
    return Talk(Console(stderr=True, quiet=True))


def test_image_is_fetched_once_and_kept_private(server, tmp_path, talk):
    folder = tmp_path / "kept"
    for _ in range(2):
        path = download.chosen(f"{server.url}/fw.bin", SHA256.upper(), folder, talk)
        assert path.read_bytes() == DATA
    assert server.asked == ["/fw.bin"]
    assert path.stat().st_mode & 0o777 == 0o600 and folder.stat().st_mode & 0o777 == 0o700


def test_copy_that_was_damaged_meanwhile_is_fetched_anew(server, tmp_path, talk):
    path = download.chosen(f"{server.url}/fw.bin", SHA256, tmp_path, talk)
    path.write_bytes(DATA[:-1])
    assert download.chosen(f"{server.url}/fw.bin", SHA256, tmp_path, talk).read_bytes() == DATA


def test_what_is_not_what_was_meant_is_not_kept(server, tmp_path, talk):
    server.answers["/fw.bin"] = (200, {}, DATA + b"!")
    with pytest.raises(ToolError, match=r"is not what --sha256 names .*nothing was kept"):
        download.chosen(f"{server.url}/fw.bin?token=canary", SHA256, tmp_path, talk)
    assert server.asked == ["/fw.bin"]
    assert not list(tmp_path.glob("*.bin"))


def test_more_than_a_firmware_can_be_is_not_read(server, tmp_path, talk, monkeypatch):
    monkeypatch.setattr(download, "_MAX_BYTES", 10_000)
    with pytest.raises(ToolError, match="not a firmware image"):
        download.chosen(f"{server.url}/fw.bin", SHA256, tmp_path, talk)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/fw.bin",
        "ftp://127.0.0.1/fw.bin",
        "file:///etc/passwd",
        "http://127.0.0.1.example.com/fw.bin",
        "https:///fw.bin",
    ],
)
def test_only_https_and_this_computer_are_asked(url, tmp_path, talk):
    with pytest.raises(UsageError, match="only https is allowed"):
        download.chosen(url, SHA256, tmp_path, talk)


def test_redirect_is_followed_only_where_the_address_itself_would_be(server, tmp_path, talk):
    server.answers["/old"] = (302, {"Location": "/fw.bin"}, b"")
    assert download.chosen(f"{server.url}/old", SHA256, tmp_path, talk).read_bytes() == DATA
    (tmp_path / f"{SHA256}.bin").unlink()
    server.answers["/away"] = (302, {"Location": "http://example.com/fw.bin"}, b"")
    with pytest.raises(UsageError, match="only https is allowed"):
        download.chosen(f"{server.url}/away", SHA256, tmp_path, talk)
    server.answers["/round"] = (302, {"Location": "/round"}, b"")
    with pytest.raises(ToolError, match="leads from one address to the next"):
        download.chosen(f"{server.url}/round", SHA256, tmp_path, talk)


def test_missing_image_and_dead_server_are_told(server, tmp_path, talk):
    with pytest.raises(ToolError, match=r"is not there \(HTTP 404\)"):
        download.chosen(f"{server.url}/none", SHA256, tmp_path, talk)
    with pytest.raises(ToolError, match=r"cannot fetch http://127\.0\.0\.1/fw\.bin: "):
        download.chosen("http://127.0.0.1:9/fw.bin?secret=canary", SHA256, tmp_path, talk)


def test_address_needs_a_digest_and_a_file_may_have_one(tmp_path, talk):
    with pytest.raises(UsageError, match="an address needs --sha256"):
        download.chosen("https://example.com/fw.bin", None, tmp_path, talk)
    path = tmp_path / "fw.bin"
    path.write_bytes(DATA)
    assert download.chosen(str(path), SHA256, tmp_path, talk) == path
    with pytest.raises(UsageError, match="not the file that --sha256 names"):
        download.chosen(str(path), "0" * 64, tmp_path, talk)
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        download.chosen(str(path), "abc", tmp_path, talk)
    with pytest.raises(UsageError, match="there is no such file"):
        download.chosen(str(tmp_path / "none"), None, tmp_path, talk)
