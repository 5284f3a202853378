"""The device libraries: only what the lock pins comes in, and it comes whole."""

import functools
import hashlib
import io
import re
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ways_device import devicelib
from ways_device.errors import ToolError

NAME = "micropython-umqtt.simple"


def sdist(**files):
    """Return an archive as the index has it. A file's name may try to leave the folder."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    return data.getvalue()


GOOD = sdist(
    **{
        "pkg-1.3.4/umqtt/simple.py": b"class MQTTClient: pass\n",
        "pkg-1.3.4/umqtt/../../../escaped.py": b"",
        "pkg-1.3.4/setup.py": b"",
        "/umqtt/absolute.py": b"",
        "pkg-1.3.4/umqtt/notes.txt": b"",
    }
)


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        pass


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index on a free port that pip is set to use; put(archive) fills it."""
    project = tmp_path / "index" / "simple" / NAME.replace(".", "-")
    project.parent.mkdir(parents=True)
    handler = functools.partial(Handler, directory=tmp_path / "index")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"127.0.0.1:{server.server_address[1]}/simple"
    monkeypatch.setenv("PIP_INDEX_URL", f"http://someone:secret@{address}")

    def put(archive, version="1.3.4"):
        project.mkdir(exist_ok=True)
        file_name = f"{NAME}-{version}.tar.gz"
        (project / file_name).write_bytes(archive)
        (project / "index.html").write_text(f'<a href="{file_name}">{file_name}</a>')

    yield put
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout whose lock pins GOOD."""
    root = tmp_path / "checkout"
    (root / "lib").mkdir(parents=True)
    monkeypatch.setattr(devicelib, "checkout", lambda: root)
    monkeypatch.setattr(devicelib, "device_source", lambda: root)
    pin(root, hashlib.sha256(GOOD).hexdigest())
    return root


def pin(root, sha256, version="1.3.4"):
    (root / "lib" / "lib.lock").write_text(f"{NAME} {version} {sha256}\n")


def files(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def refusal():
    with pytest.raises(ToolError) as caught:
        devicelib.fetch()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_only_the_modules_are_unpacked(index, checkout):
    index(GOOD)
    assert devicelib.fetch() == checkout / "lib"
    assert files(checkout) == ["lib/.fetched", "lib/lib.lock", "lib/umqtt/simple.py"]
    assert (checkout / "lib/umqtt/simple.py").read_bytes() == b"class MQTTClient: pass\n"


def test_what_is_there_is_not_fetched_again(index, checkout, monkeypatch):
    index(GOOD)
    devicelib.fetch()
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert devicelib.fetch() == checkout / "lib"


def test_a_changed_lock_fetches_again(index, checkout):
    index(GOOD)
    devicelib.fetch()
    newer = sdist(**{"pkg-1.4.0/umqtt/simple.py": b"newer = True\n"})
    index(newer, "1.4.0")
    pin(checkout, hashlib.sha256(newer).hexdigest(), "1.4.0")
    devicelib.fetch()
    assert (checkout / "lib/umqtt/simple.py").read_bytes() == b"newer = True\n"


def test_other_bytes_than_the_pinned_are_refused(index, checkout):
    index(GOOD + b"!")
    assert re.search(
        rf"^{NAME} 1\.3\.4 was refused: its sha256 is [0-9a-f]+, lib\.lock has ", refusal()
    )
    assert files(checkout) == ["lib/lib.lock"]


def test_a_wrong_pin_refuses_the_right_bytes(index, checkout):
    index(GOOD)
    pin(checkout, "0" * 64)
    assert "was refused" in refusal()
    assert files(checkout) == ["lib/lib.lock"]


def test_an_unreadable_lock_is_named_with_its_line(checkout):
    (checkout / "lib" / "lib.lock").write_text("# a remark\n\numqtt latest\n")
    assert refusal().endswith("lib.lock:3: not `name version sha256`; correct the line")


def test_a_version_that_the_index_lacks_is_said(index, checkout):
    index(GOOD, "1.3.3")
    assert refusal() == f"the package index has no {NAME} 1.3.4; check pip's index settings"


def test_a_project_that_the_index_lacks_is_said_without_the_login(index, checkout):
    said = refusal()
    assert re.search(rf"^cannot fetch {NAME} 1\.3\.4: .*pip's index settings", said)
    assert "secret" not in said


def test_without_an_index_the_remedy_is_named(checkout, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://someone:secret@127.0.0.1:9/simple")
    said = refusal()
    assert re.search(r"^cannot fetch .*Check the network and pip's index settings", said)
    assert "secret" not in said


def test_the_projects_own_lock_can_be_read():
    (only,) = devicelib.read_lock(devicelib.device_source() / "lib" / "lib.lock")
    assert (only.name, only.version) == (NAME, "1.3.4")
