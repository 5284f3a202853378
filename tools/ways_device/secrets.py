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
_OWN_PREFIX = "WAYSCLOUD_"
KEYRING_SERVICE = "ways-device"

# A locked keyring asks its owner for a password: long enough to type one, not for ever.
_KEYRING_S = 60

_KEY_BEGIN = "wayscloud_"
_KEY_PATTERN = re.compile(_KEY_BEGIN + r"[A-Za-z0-9_]+")
# Sequences that steer a terminal, other control characters, what turns the reading direction
# round, and halves of characters, which no output can carry.
_CONTROL_PATTERN = re.compile(
    r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f"
    r"\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
# A shorter one could be a part of any word, and taking it out would tell where it was.
_HIDDEN_LENGTH = 8
_hidden: set[str] = set()
# What the environment held when the program began.
_taken: list[str] = [""]


def hide(secret: str) -> str:
    """Keep this secret out of all that redact() returns from now on; return it."""
    if len(secret) >= _HIDDEN_LENGTH:
        _hidden.add(secret)
    return secret


def redact(text: str) -> str:
    """Return text without keys and passwords in use, and without what would steer a terminal."""
    text = _CONTROL_PATTERN.sub("", text)
    for secret in sorted(_hidden, key=len, reverse=True):
        text = text.replace(secret, f"{_KEY_BEGIN}***" if secret.startswith(_KEY_BEGIN) else "***")
    return _KEY_PATTERN.sub(f"{_KEY_BEGIN}***", text)


def child_environ(**more: str) -> dict[str, str]:
    """Return the environment for a program we start: all of ours but what is secret."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_OWN_PREFIX)}
    return {**kept, **more}


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


def take_key() -> None:
    """Move the API key out of the environment: no program that we start can inherit it then."""
    _taken[:] = [os.environ.pop(KEY_VARIABLE, "")]


def api_key(origin: str, key_file: Path | None, environ: Mapping[str, str] | None = None) -> str:
    """Return the API key for origin. Raises UsageError if there is none or it is unsafe."""
    environ = os.environ if environ is None else environ
    if key_file is not None:
        return _key_from_file(key_file)
    given = environ.get(KEY_VARIABLE, "").strip() or _taken[0].strip()
    if given:
        return _checked(given, KEY_VARIABLE)
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
    return hide(key)


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
