"""Fetch the device libraries that lib/lib.lock names, for where no image has them frozen.

A line of the lock is `name version sha256`. The package comes from the index that pip is set to
use, and not one byte of it is unpacked before its checksum is the one in the lock.
"""

import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from ways_device.errors import ToolError
from ways_device.resources import checkout, device_source

_MEMBER = re.compile(r"[^/]+/(?P<path>umqtt/\w+\.py)")
_PIN = re.compile(r"\S+ \S+ [0-9a-f]{64}")
_SETTING = re.compile(r"(?P<section>[^=]+)\.(?P<option>[^.=]+)='(?P<value>.*)'")
# An index address may carry a login: it is not for the screen.
_CREDENTIALS = re.compile(r"//[^/@\s]+@")
_TIMEOUT_S = 60


class Pin(NamedTuple):
    """One line of the lock."""

    name: str
    version: str
    sha256: str


def fetch() -> Path:
    """Return the folder of the device libraries, fetching what the lock asks for and it lacks."""
    lock = device_source() / "lib" / "lib.lock"
    folder = root()
    stamp = folder / ".fetched"
    text = lock.read_text()
    if stamp.is_file() and stamp.read_text() == text and (folder / "umqtt/simple.py").is_file():
        return folder
    try:
        for pin in read_lock(lock):
            print(f"fetching {pin.name} {pin.version} (once)", file=sys.stderr, flush=True)
            unpack(_download(pin), pin, folder)
        _write(stamp, text.encode())
    except OSError as exc:
        raise ToolError(f"cannot write {exc.filename}: {exc.strerror}; make it writable") from exc
    return folder


def read_lock(lock: Path) -> list[Pin]:
    """Return the pins of a lock. Raises ToolError naming the line that is not one."""
    pins = []
    for number, line in enumerate(lock.read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if not _PIN.fullmatch(" ".join(words)):
            raise ToolError(f"{lock}:{number}: not `name version sha256`; correct the line")
        pins.append(Pin(*words))
    return pins


def unpack(archive: bytes, pin: Pin, folder: Path) -> None:
    """Write the modules of a verified archive below folder.

    Raises ToolError, with nothing written, if its checksum is not the pinned one.
    """
    found = hashlib.sha256(archive).hexdigest()
    if found != pin.sha256:
        raise ToolError(
            f"{pin.name} {pin.version} was refused: its sha256 is {found}, lib.lock has "
            f"{pin.sha256}. Look at what the package index gave, then run the same command again"
        )
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            match = _MEMBER.fullmatch(member.name)
            data = tar.extractfile(member) if match and member.isfile() else None
            if match and data:
                _write(folder / match["path"], data.read())


def root() -> Path:
    if device_source() == checkout():
        return checkout() / "lib"
    from platformdirs import user_cache_path

    return user_cache_path("ways-device") / "lib"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
        draft.write(data)
    Path(draft.name).chmod(0o644)
    Path(draft.name).replace(path)


def _download(pin: Pin) -> bytes:
    # The index client is only needed here, and is slow to import.
    import requests
    from pypi_simple import (
        PYPI_SIMPLE_ENDPOINT,
        NoSuchProjectError,
        PyPISimple,
        UnsupportedRepoVersionError,
    )

    settings = _pip_settings()
    session = requests.Session()
    session.verify = settings.get("cert", True)
    index = settings.get("index-url", PYPI_SIMPLE_ENDPOINT)
    try:
        page = PyPISimple(index, session=session).get_project_page(pin.name, timeout=_TIMEOUT_S)
        for package in page.packages:
            if package.version == pin.version and package.package_type == "sdist":
                answer = session.get(package.url, timeout=_TIMEOUT_S)
                answer.raise_for_status()
                return answer.content
    except (OSError, ValueError, NoSuchProjectError, UnsupportedRepoVersionError) as exc:
        # Without the cause, whose text would carry a login into a traceback.
        raise ToolError(
            f"cannot fetch {pin.name} {pin.version}: {_CREDENTIALS.sub('//', str(exc))}. "
            "Check the network and pip's index settings, then run the same command again"
        ) from None
    raise ToolError(
        f"the package index has no {pin.name} {pin.version}; check pip's index settings"
    )


def _pip_settings() -> dict[str, str]:
    """Return what pip is configured to use, by option name; empty where there is no pip."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return {}
    settings: dict[str, str] = {}
    # The environment is stronger than a section for one command, and that than the general one.
    for section in ("global", "install", ":env:"):
        for line in done.stdout.splitlines():
            match = _SETTING.fullmatch(line)
            if match and match["section"] == section:
                settings[match["option"]] = match["value"]
    return settings


def main() -> int:
    """Fetch the device libraries and say where they are."""
    try:
        print(f"lib: {fetch()}")
    except ToolError as exc:
        print(f"lib: {exc}", file=sys.stderr)
        return exc.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
