"""The control socket's protocol, without a board behind it."""

import contextlib
import json
import socket
import threading

import pytest

from ways_device.vboard.control import Control
from ways_device.vboard.loop import Loop


class Rig:
    """A control socket served by a loop in this thread, while a client thread talks to it."""

    def __init__(self, path):
        self.path = path
        self.done = []

    def _number(self, value):
        if not isinstance(value, int):
            raise ValueError(f"number: {value!r} is none")
        return lambda: self.done.append(value)

    def talk(self, client):
        """Serve until client(socket) returns; return what it returned."""
        result = []
        with Loop() as loop:
            control = Control(loop, self.path, {"number": self._number})

            def run():
                with socket.socket(socket.AF_UNIX) as link:
                    link.settimeout(5)
                    link.connect(str(self.path))
                    result.append(client(link))
                loop.call_later("stop", 0, loop.stop)

            thread = threading.Thread(target=run)
            thread.start()
            loop.call_later("too long", 20, loop.stop)
            # The other thread's order to stop wakes no select: look every few ms.
            tick(loop)
            loop.run()
            thread.join(10)
            control.close()
        self.path.unlink()
        return result[0]


def tick(loop):
    loop.call_later("tick", 0.01, lambda: tick(loop))


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path / "control")


def ask(*lines):
    def client(link):
        reader = link.makefile()
        answers = []
        for line in lines:
            link.sendall(line + b"\n")
            answers.append(json.loads(reader.readline()))
        return answers

    return client


def test_each_line_gets_its_answer(rig):
    assert rig.talk(ask(b'{"number": 1}', b'{"number": 2}')) == [{"ok": True}] * 2
    assert rig.done == [1, 2]


def test_all_of_an_order_is_done_or_nothing(rig):
    answers = rig.talk(ask(b'{"number": 1, "other": 2}', b'{"number": "x"}', b"nonsense", b"5"))
    assert [list(answer) for answer in answers] == [["error"]] * 4
    assert "unknown key 'other'; known are number" in answers[0]["error"]
    assert answers[1]["error"] == "number: 'x' is none"
    assert rig.done == []


def test_lines_may_come_in_pieces_and_several_at_once(rig):
    def client(link):
        link.sendall(b'{"num')
        link.sendall(b'ber": 7}\n{"number": 8}\n')
        reader = link.makefile()
        return [json.loads(reader.readline()) for _ in range(2)]

    assert rig.talk(client) == [{"ok": True}] * 2
    assert rig.done == [7, 8]


def test_endless_line_is_refused_and_ends_the_connection(rig):
    def client(link):
        # What is still under way when the other end closes cannot be sent, nor the answer read.
        with contextlib.suppress(OSError):
            while True:
                link.sendall(b"x" * 4096)
        return "closed"

    assert rig.talk(client) == "closed"
    assert rig.talk(ask(b'{"number": 1}')) == [{"ok": True}]


def test_client_that_goes_away_disturbs_nobody(rig):
    def client(link):
        with socket.socket(socket.AF_UNIX) as other:
            other.connect(str(rig.path))
            other.sendall(b'{"number": 1}\n')
            other.recv(100)
            other.sendall(b'{"number"')
        return ask(b'{"number": 2}')(link)

    assert rig.talk(client) == [{"ok": True}]
    assert sorted(rig.done) == [1, 2]
