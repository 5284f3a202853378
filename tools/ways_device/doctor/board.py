"""The board as it is: what runs on it; whether agent, settings and identity are whole."""

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography import x509

from ways_device.board import Facts
from ways_device.deploy import MIN_VERSION, Code
from ways_device.doctor.finding import Finding, Place

_BOARD = Place("board")
_FREE_LOW_BYTES = 32 * 1024
_EXPIRES_SOON = timedelta(days=60)
_DEPLOY = "run ways-device deploy"
_PROVISION = "run ways-device provision again: it writes the identity anew"
_FLASH = "flash MicroPython 1.25 or newer for an ESP32: ways-device flash"
_CAUSES = {
    "PWRON_RESET": "it was switched on",
    "HARD_RESET": "its reset button, or a command",
    "WDT_RESET": "the watchdog: something hung",
    "DEEPSLEEP_RESET": "it woke from deep sleep",
    "SOFT_RESET": "a soft reset",
}


def runs(facts: Facts, build: str) -> Finding:
    """Judge the MicroPython on the board."""
    version = ".".join(str(part) for part in facts.version)
    told = f"{version} on {facts.machine or facts.platform} ({build})"
    is_right = facts.name == "micropython" and facts.platform == "esp32"
    if not is_right or facts.version < MIN_VERSION:
        return _BOARD.problem("MicroPython", f"{facts.name} {told}", _FLASH)
    return _BOARD.ok("MicroPython", told)


def files(facts: Facts, code: Code, port: str) -> Iterator[Finding]:
    """Judge the agent's files by their hashes, and what else would be imported."""
    missing = [file.path for file in code.files if not facts.hashes.get(file.path)]
    changed = [file.path for file in code.changed(facts.hashes) if file.path not in missing]
    for paths, words in ((missing, "missing"), (changed, "not of this version, or damaged")):
        if paths:
            listed = ", ".join(paths[:3]) + (" ..." if paths[3:] else "")
            yield _BOARD.problem("agent", f"{len(paths)} files are {words}: {listed}", _DEPLOY)
    if not missing and not changed:
        yield _BOARD.ok("agent", f"{len(code.files)} files, complete and as this tool has them")
    for path in facts.stray:
        todo = f"remove it: mpremote connect {port} rm -r :{path}"
        yield _BOARD.problem("stray file", f"{path} hides a module that the agent needs", todo)
    for path in code.hiding(facts.hashes):
        yield _BOARD.problem("stray file", f"{path} is imported instead of the agent's", _DEPLOY)
    if not facts.stray and not code.hiding(facts.hashes):
        yield _BOARD.ok("stray files", "none hides a module")


def flash(examined: dict[str, Any]) -> Finding:
    free, whole = examined["free_bytes"], examined["flash_bytes"]
    detail = f"{free // 1024} of {whole // 1024} kB are free"
    if free < _FREE_LOW_BYTES:
        todo = "remove files of yours with mpremote rm, or lower log_kb: ways-device config set"
        return _BOARD.warning("flash", detail, todo)
    return _BOARD.ok("flash", detail)


def identity(examined: dict[str, Any]) -> Iterator[Finding]:
    """Judge the identity in use and its copies. There is no secret in what was told."""
    found = examined["identity"]
    copies = examined["copies"]
    damaged = [f"{one['place']} {one['slot']}" for one in copies if one["state"] == "damaged"]
    if found is None:
        detail = "none is valid" + (f" (damaged: {', '.join(damaged)})" if damaged else "")
        yield _BOARD.problem("identity", detail, "run ways-device provision")
        return
    device_id = found["device_id"]
    if found["lacks"]:
        yield _BOARD.problem("identity", f"{device_id} lacks {found['lacks'][0]}", _PROVISION)
    in_use = max((one for one in copies if one["state"] == "valid"), key=_generation)
    same = [one for one in copies if one["slot"] == in_use["slot"]]
    if damaged or any(_generation(one) != _generation(in_use) for one in same):
        words = f"{device_id}: a copy of it is damaged or missing ({', '.join(damaged) or 'slot'})"
        yield _BOARD.warning("identity", words, _PROVISION)
    else:
        spare = [one["device_id"] for one in copies if one["slot"] != in_use["slot"]]
        note = f", spare: {spare[0]}" if spare[0] else ""
        yield _BOARD.ok("identity", f"{device_id}, both copies valid{note}")
    yield authority(found["ca"], datetime.now(timezone.utc))


def _generation(copy: dict[str, Any]) -> int:
    return int(copy["generation"])


def certificate(text: str | None) -> x509.Certificate | None:
    """Return the certificate that a board told, DER in base64; None if it is none."""
    try:
        return x509.load_der_x509_certificate(base64.b64decode(text or ""))
    except (binascii.Error, ValueError):
        return None


def authority(text: str | None, now: datetime) -> Finding:
    """Judge the CA by which the board knows its broker."""
    found = certificate(text)
    todo = "run ways-device provision again, with --ca-file FILE if it is your own"
    if found is None:
        return _BOARD.problem("CA", "what the board trusts is no certificate", todo)
    end = found.not_valid_after_utc
    if end < now:
        return _BOARD.problem("CA", f"it expired on {end:%Y-%m-%d}", todo)
    if end - now < _EXPIRES_SOON:
        return _BOARD.warning("CA", f"it expires on {end:%Y-%m-%d}", todo)
    return _BOARD.ok("CA", f"valid until {end:%Y-%m-%d}")


def cause(told: str) -> Finding:
    words = _CAUSES.get(told, "unknown")
    if told == "WDT_RESET":
        return _BOARD.warning("last reset", words, "look at its log: ways-device monitor")
    return _BOARD.ok("last reset", words)


def stored(examined: dict[str, Any]) -> Finding:
    found = examined["stored"]
    kept = found["unsent_bytes"]
    detail = f"{-(-kept // 1024)} kB wait to be sent, {found['dropped_total']} were ever dropped"
    if found["dropped_total"]:
        todo = "raise log_kb (ways-device config set), or look why the link was down so long"
        return _BOARD.warning("readings", detail, todo)
    return _BOARD.ok("readings", detail)
