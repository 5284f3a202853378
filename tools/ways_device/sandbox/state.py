"""The folder that holds everything a sandbox keeps: where things are, and who has it."""

import fcntl
import os
import secrets
import socket
import time
from pathlib import Path

from ways_device.errors import ToolError
from ways_device.sandbox.files import write_private

# Below the range from which systems take ports for outgoing connections, so that the broker
# finds its port free again after it was stopped.
_PORTS = range(20000, 30000)
_TRIES = 50
_LOCK_WAIT_S = 1.0
_LOCK_STEP_S = 0.05


class State:
    """A locked state folder, mode 0700. The lock is held until close(), or by the broker's
    process where that outlives this one."""

    def __init__(self, folder: Path) -> None:
        """Make and lock folder. Raises ToolError if it is in use or cannot be used."""
        self.folder = folder.absolute()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            self.lock_fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise ToolError(
                f"{folder} cannot hold the state: {exc.strerror}; give another --state"
            ) from exc
        self._lock()
        self.database = self.folder / "sandbox.db"
        self.api_key_file = self.folder / "api-key"

    def _lock(self) -> None:
        # A little patience: the broker of a sandbox that was killed needs a moment to end.
        deadline = time.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(self.lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as exc:
                if time.monotonic() > deadline:
                    owner = os.pread(self.lock_fd, 20, 0).decode(errors="replace").strip()
                    os.close(self.lock_fd)
                    raise ToolError(
                        f"a sandbox (pid {owner}) already uses {self.folder}:"
                        " stop it, or give another --state"
                    ) from exc
                time.sleep(_LOCK_STEP_S)
        os.ftruncate(self.lock_fd, 0)
        os.pwrite(self.lock_fd, str(os.getpid()).encode(), 0)

    def mqtt_port(self, wanted: int | None) -> int:
        """Return the broker's port: wanted, else the one of last time, else a free one.

        It is kept, because boards are provisioned with it. Raises ToolError if it is taken.
        """
        file = self.folder / "mqtt-port"
        port = wanted
        if port is None and file.exists():
            text = file.read_text().strip()
            port = int(text) if text.isdecimal() else None
        if port is None:
            port = _free_port()
        elif not _is_free(port):
            raise ToolError(
                f"the broker's port {port} is taken:"
                " stop what uses it, or give another --mqtt-port"
            )
        write_private(file, f"{port}\n".encode())
        return port

    def close(self) -> None:
        os.close(self.lock_fd)


def _free_port() -> int:
    for _ in range(_TRIES):
        port = secrets.choice(_PORTS)
        if _is_free(port):
            return port
    raise ToolError("no free port for the broker: give one with --mqtt-port")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
