"""`monitor`: a board's log, listened to and nothing else, over a port that comes and goes."""

import contextlib
import json
import os
import pty
import threading
import time
import tty

import pytest

from ways_device import cli, devicelog
from ways_device.boards import monitor
from ways_device.devicelog import Listener, parse
from ways_device.errors import BoardError
from ways_device.talk import Talk

LINES = [
    "1200 I agent agent_started boot=3 version=0.1.0",
    "1300 W wifi join_failed ssid=my home why=wrong_password",
    "1400 E store damaged why=crc",
    "1500 D sampler reading_taken boot=3 seq=1",
    "Traceback (most recent call last):",
]


class Port:
    """A pty that a path leads to, as long as it is plugged in."""

    def __init__(self, path):
        self.path = path
        self.heard = b""
        self._far = None
        self._to_say = b""
        self.is_opened = threading.Event()

    def plug(self):
        self._far, near = pty.openpty()
        tty.setraw(near)
        os.symlink(os.ttyname(near), self.path)
        # Held open: what is said before anybody listens is not lost.
        self._near = near
        os.set_blocking(self._far, False)

    def say(self, *lines):
        """Say it when somebody listens: what is there before, opening a port throws away."""
        self._to_say = "".join(f"{line}\r\n" for line in lines).encode()

    def opened(self):
        os.write(self._far, self._to_say)
        self.is_opened.set()
        self._to_say = b""

    def listen(self):
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._far, 1024):
                self.heard += data

    def unplug(self):
        self.listen()
        os.unlink(self.path)
        os.close(self._near)
        os.close(self._far)
        self._far = None


@pytest.fixture
def port(tmp_path, monkeypatch):
    made = Port(str(tmp_path / "tty"))
    made.plug()

    class Heard(Listener):
        def __enter__(self):
            opened = super().__enter__()
            made.opened()
            return opened

    monkeypatch.setattr(monitor, "Listener", Heard)
    yield made
    if made._far is not None:
        made.unplug()


def test_what_the_board_says_is_shown_and_nothing_is_sent(port, capsys):
    port.say(*LINES)
    monitor.follow(port.path, monitor.printer("D", False, False), Talk(), 0.4)
    port.listen()
    assert port.heard == b""
    assert capsys.readouterr().out.splitlines() == [
        "     1.200 I agent     agent_started boot=3 version=0.1.0",
        "     1.300 W wifi      join_failed ssid=my home why=wrong_password",
        "     1.400 E store     damaged why=crc",
        "     1.500 D sampler   reading_taken boot=3 seq=1",
        "Traceback (most recent call last):",
    ]


def test_lines_below_the_level_are_left_out_but_never_a_traceback(port, capsys):
    port.say(*LINES)
    monitor.follow(port.path, monitor.printer("W", False, False), Talk(), 0.4)
    out = capsys.readouterr().out
    assert "join_failed" in out and "damaged" in out and "Traceback" in out
    assert "agent_started" not in out and "reading_taken" not in out


def test_json_is_one_object_for_each_line(port, capsys):
    port.say(LINES[1], LINES[4])
    monitor.follow(port.path, monitor.printer("D", True, True), Talk(), 0.4)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {
            "uptime_ms": 1300,
            "level": "W",
            "module": "wifi",
            "event": "join_failed",
            "fields": {"ssid": "my home", "why": "wrong_password"},
        },
        {"text": LINES[4]},
    ]


def test_a_traceback_of_packed_code_tells_places_in_the_source(
    port, capsys, monkeypatch, tmp_path
):
    monkeypatch.setattr("ways_device.deploy.lines_folder", lambda: tmp_path)
    monitor._lines.cache_clear()
    for age_s, line in ((60, "old.py:1 in f"), (0, "firmware/wifi.py:81-83 in Wifi.run")):
        kept = tmp_path / f"{age_s}.json"
        kept.write_text(json.dumps({"firmware": ["", line]}))
        os.utime(kept, (time.time() - age_s, time.time() - age_s))
    port.say(*(f'  File "firmware", line {number}, in len' for number in (2, 99)))
    monitor.follow(port.path, monitor.printer("E", False, False), Talk(), 0.4)
    monitor._lines.cache_clear()
    assert capsys.readouterr().out.splitlines() == [
        '  File "firmware/wifi.py", line 81-83, in Wifi.run',
        '  File "firmware", line 99, in len',
    ]


def test_without_a_deploy_from_here_the_places_are_those_of_this_version(monkeypatch, tmp_path):
    monkeypatch.setattr("ways_device.deploy.lines_folder", lambda: tmp_path)
    monitor._lines.cache_clear()
    assert any("firmware/wifi.py" in line for line in monitor._lines()["firmware"])
    monitor._lines.cache_clear()


def test_port_that_vanishes_is_waited_for(port, capsys, monkeypatch):
    monkeypatch.setattr(devicelog, "_BACK_S", 0.2)
    seen = []

    def show(text):
        seen.append(text)
        if text == LINES[0]:
            threading.Thread(target=comes_back, daemon=True).start()

    def comes_back():
        port.unplug()
        # Longer than a reset takes it along: only somebody who waits will see it again.
        time.sleep(1.0)
        port.say(LINES[2])
        port.plug()

    port.say(LINES[0])
    end_s = time.monotonic() + 20
    while LINES[2] not in seen and time.monotonic() < end_s:
        monitor.follow(port.path, show, Talk(), 4.0)
    assert [text for text in seen if text] == [LINES[0], LINES[2]]
    said = capsys.readouterr().err
    assert "went away" in said and "is back" in said


def test_port_that_is_not_there_at_first_is_an_error(tmp_path):
    with pytest.raises(BoardError, match="there is no such port"):
        monitor.follow(str(tmp_path / "none"), print, Talk(), 1.0)


def test_ctrl_c_ends_it_well(port):
    import _thread

    def interrupt():
        port.is_opened.wait(30)
        _thread.interrupt_main()

    threading.Thread(target=interrupt, daemon=True).start()
    assert cli.run(["monitor", "--port", port.path]) == 0
    port.listen()
    assert port.heard == b""


def test_level_that_does_not_exist_is_refused(capsys):
    assert cli.run(["monitor", "--port", "/dev/none", "--level", "X"]) == 2
    assert "one of E, W, I, D" in capsys.readouterr().err


HOSTILE = "1 I a b c=\x1b[2J\x1b]0;title\x07 key=wayscloud_secret123"


def test_nothing_from_the_board_steers_the_terminal_or_shows_a_key():
    for text in (HOSTILE, "\x1b[31mred\x9b0m wayscloud_secret123"):
        for said in (
            monitor.as_text(text, parse(text), False),
            monitor.as_json(text, parse(text)),
        ):
            assert "\x1b" not in said and "\x9b" not in said and "\x07" not in said
            assert "secret123" not in said
    assert len(monitor.as_text("x" * 100_000, None, False)) < 3000


def test_colour_is_ours_alone_and_only_where_asked_for():
    line = parse(LINES[2])
    assert monitor.as_text(LINES[2], line, True).startswith("\x1b[2m     1.400\x1b[0m \x1b[31mE")
    assert "\x1b" not in monitor.as_text(LINES[2], line, False)
    assert monitor.as_text(LINES[4], None, True) == f"\x1b[2m{LINES[4]}\x1b[0m"
