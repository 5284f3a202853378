"""Secrets: the API key, and passwords as the broker's dynamic-security plugin stores them."""

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from ways_device.errors import ToolError
from ways_device.sandbox.files import write_private

# Every password here has 256 random bits: more rounds would slow the broker, not an attacker.
_ITERATIONS = 101


def new_password() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Hashed:
    """A password that can be checked but not read: PBKDF2-SHA512, salt and hash in base64."""

    salt: str
    hash: str
    iterations: int = _ITERATIONS


def hashed(password: str) -> Hashed:
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return Hashed(base64.b64encode(salt).decode(), base64.b64encode(digest).decode())


class ApiKey:
    """The account's key, made at the first start and kept in a file of mode 0600."""

    def __init__(self, path: Path) -> None:
        """Read path, or make it. Raises ToolError if it cannot be used."""
        try:
            if not path.exists():
                write_private(path, f"wayscloud_iot_sandbox_{secrets.token_hex(28)}\n".encode())
            self._key = path.read_text().strip().encode()
        except (OSError, ValueError) as exc:
            raise ToolError(f"{path}: {exc}; remove it and a new key is made") from exc
        if not self._key:
            raise ToolError(f"{path} is empty; remove it and a new key is made")

    def matches(self, candidate: str) -> bool:
        """True for the key. Takes the same time wherever the first difference is."""
        return hmac.compare_digest(candidate.strip().encode(errors="replace"), self._key)
