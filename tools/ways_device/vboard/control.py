"""The control socket: one JSON object per line, each answered by one.

{"ok": true} says that everything in the object was done, {"error": "..."} that nothing was.
"""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ways_device.vboard.loop import Loop

# key of a request: a function that checks the value and returns what is to be done. It raises
# ValueError, with one line that says what is wrong.
Commands = dict[str, Callable[[Any], Callable[[], None]]]

_LINE_MAX_BYTES = 65536
_ANSWER_TIMEOUT_S = 1


class Control:
    def __init__(self, loop: Loop, path: Path, commands: Commands) -> None:
        """Listen at path, for the user alone."""
        self._loop = loop
        self._commands = commands
        self._rest: dict[socket.socket, bytes] = {}
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(os.fspath(path))
        path.chmod(0o600)
        self._listener.listen()
        loop.watch(self._listener.fileno(), self._accept)

    def close(self) -> None:
        for connection in list(self._rest):
            self._drop(connection)
        self._loop.unwatch(self._listener.fileno())
        self._listener.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        # A client that does not read its answers must not hold the board up.
        connection.settimeout(_ANSWER_TIMEOUT_S)
        self._rest[connection] = b""
        self._loop.watch(connection.fileno(), lambda: self._serve(connection))

    def _drop(self, connection: socket.socket) -> None:
        del self._rest[connection]
        self._loop.unwatch(connection.fileno())
        connection.close()

    def _serve(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(65536)
            *lines, self._rest[connection] = (self._rest[connection] + data).split(b"\n")
            for line in lines:
                self._send(connection, self.answer(line))
            if len(self._rest[connection]) > _LINE_MAX_BYTES:
                self._send(connection, {"error": f"more than {_LINE_MAX_BYTES} bytes in a line"})
                data = b""
        except OSError:
            data = b""
        if not data:
            self._drop(connection)

    @staticmethod
    def _send(connection: socket.socket, answer: dict[str, Any]) -> None:
        connection.sendall(json.dumps(answer).encode() + b"\n")

    def answer(self, line: bytes) -> dict[str, Any]:
        """Do what a line asks for, all of it or nothing, and return the answer."""
        try:
            request = json.loads(line)
        except ValueError:
            return {"error": "not JSON; send one object per line"}
        if not isinstance(request, dict) or not request:
            return {"error": f"not an object with one of {', '.join(sorted(self._commands))}"}
        actions = []
        try:
            for key, value in request.items():
                if key not in self._commands:
                    known = ", ".join(sorted(self._commands))
                    raise ValueError(f"unknown key {key!r}; known are {known}")
                actions.append(self._commands[key](value))
        except ValueError as exc:
            return {"error": str(exc)}
        for action in actions:
            action()
        return {"ok": True}
