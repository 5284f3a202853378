"""The folder that is one board: what a power cut leaves, and who may use it.

flash.bin   the flash, see chip/_chip/flash.py
nvs.json    the committed part of NVS
board.json  {"unique_id": hex}
lock        held while a supervisor runs; its content is that process's id
run/        what a power cut takes away; elsewhere if the path would be too long. If there is a
            file wear in it, the chip keeps a record there, see chip/_chip/wear.py
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from ways_device.errors import ToolError, UsageError

DEFAULT_FLASH_KB = 2048
_BLOCK_KB = 4
_MIN_FLASH_KB = 64
_MAX_FLASH_KB = 16384
# A Unix socket's address holds 107 bytes and a zero.
_MAX_SOCKET_PATH_BYTES = 107
_CONTROL = "control"
# One of Espressif's prefixes, so that the id looks like those of real boards.
_ESPRESSIF = "240ac4"


class Store:
    def __init__(self, folder: Path, flash_kb: int | None) -> None:
        """Make or open the folder and take it for this process alone.

        flash_kb: None means whatever is there, DEFAULT_FLASH_KB for a new board. Raises
        UsageError if the size cannot be had, ToolError if the folder is in use or unusable.
        """
        self.folder = folder.absolute()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(
                self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
            )
        except OSError as exc:
            raise UsageError(f"{folder}: {exc.strerror}; give another folder with --dir") from exc
        try:
            self._take()
            self._make_flash(flash_kb)
            self.unique_id = self._load_unique_id()
            self.run_folder = self._make_run_folder()
        except BaseException:
            os.close(self._lock)
            raise
        self.control_path = self.run_folder / _CONTROL

    def close(self) -> None:
        """Remove what a power cut takes away, and let others use the folder."""
        shutil.rmtree(self.run_folder, ignore_errors=True)
        os.close(self._lock)

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            owner = os.pread(self._lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise ToolError(
                f"{self.folder} is in use by another virtual board (process {owner}); "
                "stop that one, or give another folder with --dir"
            ) from exc
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def _make_flash(self, flash_kb: int | None) -> None:
        flash = self.folder / "flash.bin"
        if not flash.exists():
            size_kb = flash_kb or DEFAULT_FLASH_KB
            if size_kb % _BLOCK_KB or not _MIN_FLASH_KB <= size_kb <= _MAX_FLASH_KB:
                raise UsageError(
                    f"--flash-kb {size_kb}: give a multiple of {_BLOCK_KB} "
                    f"from {_MIN_FLASH_KB} to {_MAX_FLASH_KB}"
                )
            _write_whole(flash, b"\xff" * (size_kb * 1024))
        size_kb = flash.stat().st_size // 1024
        if flash_kb not in (None, size_kb):
            raise UsageError(
                f"{self.folder} has a flash of {size_kb} KB; "
                f"leave --flash-kb out, or give another folder with --dir"
            )

    def _load_unique_id(self) -> str:
        path = self.folder / "board.json"
        if not path.exists():
            unique_id = _ESPRESSIF + secrets.token_hex(3)
            _write_whole(path, json.dumps({"unique_id": unique_id}).encode())
        try:
            return bytes.fromhex(json.loads(path.read_text())["unique_id"]).hex()
        except (ValueError, KeyError, TypeError) as exc:
            raise ToolError(
                f'{path} does not hold {{"unique_id": "<12 hex digits>"}}; '
                "remove it, and the board gets a new id"
            ) from exc

    def _make_run_folder(self) -> Path:
        run = self.folder / "run"
        if len(os.fsencode(run / _CONTROL)) > _MAX_SOCKET_PATH_BYTES:
            name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
            run = Path(tempfile.gettempdir()) / f"vboard-{os.getuid()}-{name}"
        if len(os.fsencode(run / _CONTROL)) > _MAX_SOCKET_PATH_BYTES:
            raise UsageError(f"{run} is too long for a socket; give a shorter folder with --dir")
        # What a killed supervisor left behind is as gone as after any other power cut.
        try:
            shutil.rmtree(run)
        except FileNotFoundError:
            pass
        except OSError as exc:
            raise ToolError(f"{run}: {exc.strerror}; remove it, then start again") from exc
        run.mkdir(mode=0o700)
        return run


def _write_whole(path: Path, data: bytes) -> None:
    new = path.with_name(path.name + ".new")
    try:
        new.write_bytes(data)
        new.replace(path)
    except OSError as exc:
        new.unlink(missing_ok=True)
        raise ToolError(f"{path}: {exc.strerror}; free some space, then start again") from exc
