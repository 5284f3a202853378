"""The board around the chip, which a small program plays here."""

import os
import sys
from contextlib import closing

from ways_device.vboard import board as board_module
from ways_device.vboard.board import Board
from ways_device.vboard.loop import Loop
from ways_device.vboard.store import Store

# The first says that it resets the board, and ends when it may. The second answers.
CHIP = """#!{python}
import os, pathlib, select, signal, socket, sys
wire = socket.socket(fileno=int(sys.argv[-1]))
said, may_end = pathlib.Path({folder!r}, "said"), pathlib.Path({folder!r}, "may end")
if not said.exists():
    said.write_text("")
    wire.sendall(b'{{"up": true}}\\n{{"reset": "hard"}}\\n')
    while not may_end.exists():
        if select.select([0], [], [], 0.01)[0]:
            os.read(0, 100)
    sys.exit()
os.write(1, b"next: " + os.read(0, 100))
signal.pause()
"""


def test_what_the_host_sends_after_the_farewell_waits_for_the_next_chip(tmp_path, monkeypatch):
    program = tmp_path / "chip"
    program.write_text(CHIP.format(python=sys.executable, folder=str(tmp_path)))
    program.chmod(0o755)
    monkeypatch.setattr(board_module.toolchain, "micropython", lambda: program)
    monkeypatch.setattr(board_module.toolchain, "libfaketime", lambda: None)
    seen = b""
    with (
        Loop() as loop,
        closing(Store(tmp_path / "board", None)) as store,
        closing(Board(loop, store, 512, lambda: None)) as board,
    ):
        host = os.open(board.port.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

        def speak():
            """Send a word as soon as the chip has taken its leave."""
            if board._farewell:
                os.write(host, b"word")
                loop.watch(host, listen)
                loop.call_later("let it end", 0.2, (tmp_path / "may end").touch)
            else:
                loop.call_later("speak", 0.005, speak)

        def listen():
            nonlocal seen
            seen += os.read(host, 100)
            if b"word" in seen:
                loop.stop()

        loop.call_later("speak", 0.005, speak)
        loop.call_later("end", 20, loop.stop)
        board.run()
        os.close(host)
    assert seen == b"next: word"
