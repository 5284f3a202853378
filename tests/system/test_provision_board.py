"""What the host does to a board, one call at a time, on a virtual board that holds the code."""

import json
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from realparts import part

from ways_device import identity
from ways_device.api.platform import Datapoint
from ways_device.board import Board
from ways_device.boardlink import BoardLink
from ways_device.bytecode import DeviceFile
from ways_device.deploy import compile_code, deploy
from ways_device.errors import BoardError, FlashFullError
from ways_device.resources import device_source
from ways_device.talk import Talk
from ways_device.wifi import Network

LOGIN = {"username": "u", "password": "first-password", "client_id": "c"}
CONFIG = {"rev": 1, "mqtt_host": "h", "sensors": [{"kind": "simulated", "key": "t"}]}


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board")
    words = ["vboard", "start", "--dir", str(folder / "chip"), "--flash-kb", "512"]
    with part(folder, *words) as info:
        deploy(Board(BoardLink(info["port"])), device_source(), Talk())
        yield info["port"]


@pytest.fixture
def board(port):
    return Board(BoardLink(port))


def on_board(port, program):
    done = subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", port, "exec", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout.strip()


def body(device_id="d1", login=LOGIN, ssid="lab"):
    return identity.body(device_id, login, b"ca", [Network(ssid, "password")])


def slots(port):
    """Return what each copy holds: generation, device, password; None for no whole one."""
    read = (
        "import binascii, json, esp32\n"
        "def told(data): return binascii.hexlify(bytes(data)).decode()\n"
        "def nvs(n):\n"
        " b = bytearray(4096)\n"
        " try: return b[:esp32.NVS('ways').get_blob('id%d' % n, b)]\n"
        " except OSError: return b''\n"
        "def file(n):\n"
        " try: return open('/identity.%d' % n, 'rb').read()\n"
        " except OSError: return b''\n"
        "print(json.dumps([[told(file(n)), told(nvs(n))] for n in (0, 1)]))"
    )
    copies = json.loads(on_board(port, read))
    return [[opened(bytes.fromhex(copy)) for copy in of_slot] for of_slot in copies]


def opened(data):
    """Read one copy as firmware/identity.py describes it."""
    if len(data) < 14 or data[:4] != b"WID1":
        return None
    generation, size = struct.unpack_from("<IH", data, 4)
    end = 10 + size
    if zlib.crc32(data[:end]) != int.from_bytes(data[end : end + 4], "little"):
        return None
    found = json.loads(data[10:end])
    return [generation, found["device_id"], found["password"]]


def test_identity_goes_to_the_right_slot_and_reads_back(board, port):
    first = board.install_identity(body())
    assert (first.slot, first.generation) == (0, 1)
    assert first.sha256 == identity.sha256(body(), 1)
    # The same again changes nothing.
    assert board.install_identity(body()) == first
    assert slots(port) == [[[1, "d1", "first-password"]] * 2, [None, None]]

    # Another network, and the login stays what the board knows.
    second = board.install_identity(body(login={}, ssid="other"))
    assert (second.slot, second.generation) == (0, 2)
    assert slots(port)[0] == [[2, "d1", "first-password"]] * 2

    # Another device: the first stays as the spare.
    third = board.install_identity(body("d2", {**LOGIN, "password": "second-password"}))
    assert (third.slot, third.generation) == (1, 3)
    assert slots(port) == [
        [[2, "d1", "first-password"]] * 2,
        [[3, "d2", "second-password"]] * 2,
    ]
    assert board.facts([], []).identity == "d2"

    # Without a login for it the board takes no third one, and says what is missing.
    with pytest.raises(BoardError, match="did not take its identity: username is missing"):
        board.install_identity(body("d3", {}))
    assert board.facts([], []).identity == "d2"

    # One damaged copy is put right by the same identity; the other says who the board is.
    on_board(port, "open('/identity.1', 'w').write('torn')")
    assert board.facts([], []).identity == "d2"
    board.install_identity(body("d2", {**LOGIN, "password": "second-password"}))
    assert slots(port)[1] == [[3, "d2", "second-password"]] * 2
    assert "identity.new" not in on_board(port, "import os; print(os.listdir('/'))")


def test_settings_are_judged_by_the_agent(board):
    judged = board.check_config(json.dumps({**CONFIG, "colour": 1}).encode())
    assert [point.key for point in judged.datapoints] == ["t"]
    assert isinstance(judged.datapoints[0], Datapoint)
    assert judged.unknown == ("colour",)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"window": 99}, "window: 99 is not in 1..64"),
        ({"mqtt_host": 7}, "mqtt_host"),
        ({"topics": ["other/tree"]}, "topics"),
        ({"sensors": [{"kind": "none"}]}, "none"),
        ({"sensors": [{"kind": "simulated", "key": "seq"}]}, "seq"),
        ({"sensors": [{"kind": "simulated", "key": "t"}] * 2}, "t is told by two"),
    ],
)
def test_settings_the_agent_refuses_are_told_in_its_words(board, settings, said):
    with pytest.raises(BoardError, match=f"the device refuses these settings: .*{said}"):
        board.check_config(json.dumps({**CONFIG, **settings}).encode())


def test_clock_is_seeded_with_utc_and_the_floor_follows(board, port):
    board.seed_clock(time.time)
    told = on_board(port, "import time, esp32; print(time.time() + 946684800)")
    assert abs(int(told) - time.time()) < 5
    floor = on_board(port, "import esp32; print(esp32.NVS('ways').get_i32('time_floor'))")
    assert abs(int(floor) - time.time()) < 10


def test_files_arrive_whole_or_not_at_all(board, port):
    files = [DeviceFile("/new/deep/a.bin", bytes(range(256)) * 20), DeviceFile("/b", b"b")]
    on_board(port, "import os; os.mkdir('/old'); open('/old/x.py', 'w').write('old')")
    hashes = board.install(files, ["/old/x.py", "/old/none.py"])
    assert hashes == {file.path: file.sha256 for file in files}
    assert on_board(port, "import os; print(os.listdir('/old'))") == "[]"
    with pytest.raises(FlashFullError, match="flash is full"):
        board.install([DeviceFile("/b", b"c"), DeviceFile("/big", b"x" * 600_000)], [])
    # The old file is as it was, and the room is free again.
    assert on_board(port, "print(open('/b').read())") == "b"
    assert ".new" not in on_board(port, "import os; print(os.listdir('/'))")


def test_held_board_does_not_start_its_agent(board, port):
    board.hold_and_reset(60)
    assert on_board(port, "import esp32; print(esp32.NVS('ways').get_i32('hold'))") == "60"
    with board.listen() as listener:
        assert list(listener.lines(0.5)) == []
    board.release()
    with board.listen() as listener:
        said = [line for _ in range(10) for line in listener.lines(0.3)]
    # It starts now, and stops at once: these tests gave it no settings.
    assert any("config_unusable" in line for line in said), said


def test_board_whose_code_is_up_to_date_is_left_as_it_is(board):
    code = compile_code(device_source())
    facts = board.facts(code.needs, code.paths)
    assert code.changed(facts.hashes) == []
    assert code.hiding(facts.hashes) == []
    assert facts.stray == ()
    assert facts.starts_agent
    assert facts.version >= (1, 25)
    assert Path(board.port).exists()
