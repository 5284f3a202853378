"""Firmware from the net, once: named by address and SHA-256, kept below the tool's own folder."""

import hashlib
import ipaddress
import time
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from ways_device.errors import ToolError, UsageError
from ways_device.secrets import one_line, private_folder, write_private
from ways_device.talk import Step, Talk

_MAX_BYTES = 32 * 1024 * 1024
_MAX_HOPS = 3
_TIMEOUT_S = 20.0
_WHOLE_S = 600.0
_HEX_DIGITS = 64
_CHUNK_BYTES = 65536


def is_url(text: str) -> bool:
    return "://" in text


def checked_sha256(text: str) -> str:
    """Return the digest in lower case. Raises UsageError if it is none."""
    digest = text.strip().lower()
    if len(digest) != _HEX_DIGITS or set(digest) - set("0123456789abcdef"):
        raise UsageError("--sha256: 64 hexadecimal digits are expected")
    return digest


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def chosen(text: str, sha256: str | None, folder: Path, talk: Talk) -> Path:
    """Return the file that a path or an address names; what is fetched is kept in folder.

    Raises UsageError if its digest is another than sha256, or an address comes without one.
    """
    digest = checked_sha256(sha256) if sha256 is not None else None
    if is_url(text):
        if digest is None:
            raise UsageError("an address needs --sha256: what comes from it must be what you mean")
        with talk.step("fetching the image") as step:
            return cached(text, digest, folder, step)
    path = Path(text)
    if not path.is_file():
        raise UsageError(f"{one_line(text)}: there is no such file")
    if digest is not None and sha256_of(path) != digest:
        raise UsageError(f"{one_line(text)}: not the file that --sha256 names; fetch it again")
    return path


def cached(url: str, sha256: str, folder: Path, step: Step) -> Path:
    """Return the file of this digest in folder, fetched from url if it is not there whole.

    Raises UsageError for an address that is not allowed, ToolError if it cannot be had.
    """
    _refuse_open(url)
    path = private_folder(folder) / f"{sha256}.bin"
    if path.is_file() and sha256_of(path) == sha256:
        step.say("kept from an earlier time")
        return path
    try:
        data = _fetched(url, step)
    except httpx.HTTPError as exc:
        raise ToolError(
            f"cannot fetch {_short(url)}: {one_line(str(exc) or type(exc).__name__)}; "
            "check the network and run the same command again"
        ) from exc
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise ToolError(
            f"{_short(url)} is not what --sha256 names (it has {found}); nothing was kept"
        )
    write_private(path, data)
    return path


def _fetched(url: str, step: Step) -> bytes:
    end_s = time.monotonic() + _WHOLE_S
    with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False) as client:
        for _ in range(_MAX_HOPS):
            with client.stream("GET", url) as answer:
                if answer.is_redirect:
                    url = urljoin(url, answer.headers.get("location", ""))
                    _refuse_open(url)
                    continue
                if answer.status_code != httpx.codes.OK:
                    raise ToolError(
                        f"{_short(url)} is not there (HTTP {answer.status_code}); "
                        "check the address"
                    )
                return _body(answer, end_s, step)
    raise ToolError(f"{_short(url)} leads from one address to the next; give the last one")


def _body(answer: httpx.Response, end_s: float, step: Step) -> bytes:
    data = bytearray()
    for piece in answer.iter_bytes(_CHUNK_BYTES):
        data += piece
        if len(data) > _MAX_BYTES:
            raise ToolError(f"over {_MAX_BYTES >> 20} MB: not a firmware image; check the address")
        if time.monotonic() > end_s:
            raise ToolError(f"not there after {_WHOLE_S:.0f} s; try again, or fetch it yourself")
        step.say(f"{len(data) >> 10} kB")
    return bytes(data)


def _refuse_open(url: str) -> None:
    """Raise UsageError unless nobody on the way can change what comes, or hold it back unseen."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and _is_loopback(parts.hostname or ""):
        return
    raise UsageError(f"{_short(url)}: only https is allowed; fetch the file yourself and name it")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _short(url: str) -> str:
    """Return the address for a message: what follows ? or sits before @ may be a secret."""
    parts = urlsplit(url)
    return one_line(f"{parts.scheme}://{parts.hostname or ''}{parts.path}", 120)
