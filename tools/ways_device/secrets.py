"""The one place that knows where secrets live, and that keeps them off screens.

An API key comes from a 0600 file, the environment, the system's keyring or a prompt, in
this order; never from an argument, which every process on the machine can read.
"""

import contextlib
import getpass
import os
import re
import stat
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from ways_device.errors import ToolError, UsageError

KEY_VARIABLE = "WAYSCLOUD_API_KEY"
KEYRING_SERVICE = "ways-device"

# A locked keyring asks its owner for a password: long enough to type one, not for ever.
_KEYRING_S = 60

_KEY_PATTERN = re.compile(r"wayscloud_[A-Za-z0-9_]+")
_CONTROL_PATTERN = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def redact(text: str) -> str:
    """Return text without API keys and without bytes that would steer a terminal."""
    return _CONTROL_PATTERN.sub("", _KEY_PATTERN.sub("wayscloud_***", text))


def one_line(text: str, limit: int = 200) -> str:
    """Return untrusted text fit for a message: redacted, on one line, of bounded length."""
    line = " ".join(redact(text).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def home() -> Path:
    """Return the folder of this tool's own files, 0700; WAYS_DEVICE_HOME overrides it."""
    import platformdirs

    chosen = os.environ.get("WAYS_DEVICE_HOME")
    path = Path(chosen) if chosen else platformdirs.user_data_path("ways-device")
    return private_folder(path)


def private_folder(path: Path) -> Path:
    """Make the folder with mode 0700 whatever the umask, and return it."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as exc:
        raise ToolError(
            f"cannot make {path} ({exc.strerror}); name another folder in WAYS_DEVICE_HOME"
        ) from exc
    return path


def write_private(path: Path, data: bytes) -> None:
    """Replace path by data, mode 0600, all or nothing, on the disk when this returns."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put a rename or removal on the disk too, where the system can."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def readable_by_others(path: Path) -> bool:
    """Tell whether anyone but its owner may read the file."""
    return sys.platform != "win32" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def api_key(origin: str, key_file: Path | None, environ: Mapping[str, str] | None = None) -> str:
    """Return the API key for origin. Raises UsageError if there is none or it is unsafe."""
    environ = os.environ if environ is None else environ
    if key_file is not None:
        return _key_from_file(key_file)
    if environ.get(KEY_VARIABLE, "").strip():
        return _checked(environ[KEY_VARIABLE], KEY_VARIABLE)
    stored = _key_from_keyring(origin)
    if stored:
        return _checked(stored, "the keyring")
    if sys.stdin.isatty() and sys.stderr.isatty():
        return _checked(getpass.getpass(f"API key for {origin}: ", sys.stderr), "the prompt")
    raise UsageError(f"no API key: give --api-key-file FILE (mode 0600) or set {KEY_VARIABLE}")


def _key_from_file(path: Path) -> str:
    try:
        if readable_by_others(path):
            raise UsageError(f"{path}: others can read this API key; run: chmod 600 {path}")
        return _checked(path.read_text("utf-8"), str(path))
    except OSError as exc:
        raise UsageError(f"cannot read the API key file {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path}: not a text file; it should hold the API key alone") from exc


def _checked(text: str, source: str) -> str:
    key = text.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(f"{source}: not an API key: one word of plain characters is expected")
    return key


def _key_from_keyring(origin: str) -> str | None:
    found: list[str | None] = []

    def ask() -> None:
        import keyring

        # Every backend has its own exceptions; whatever goes wrong, there is no key here.
        with contextlib.suppress(Exception):
            found.append(keyring.get_password(KEYRING_SERVICE, origin))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_KEYRING_S)
    return found[0] if found else None
