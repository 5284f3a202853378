"""Which certificate authority a board is told to trust for its broker.

Either a file says so, or the host asks the broker itself, verified against the host's own
trust store, and takes the root that anchored the chain.
"""

import socket
import ssl
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ways_device.errors import ToolError, UsageError

_CONNECT_S = 15


def from_file(path: Path) -> bytes:
    """Return the one certificate in a PEM or DER file, in DER. Raises UsageError."""
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise UsageError(f"cannot read the CA file {path}: {exc.strerror}") from exc
    try:
        if b"-----BEGIN CERTIFICATE" in data:
            found = x509.load_pem_x509_certificates(data)
        else:
            found = [x509.load_der_x509_certificate(data)]
    except ValueError as exc:
        raise UsageError(f"{path}: not a certificate in PEM or DER") from exc
    if len(found) != 1:
        raise UsageError(
            f"{path}: {len(found)} certificates; a board keeps one: give the root's alone"
        )
    end = found[0].not_valid_after_utc
    if end < datetime.now(timezone.utc):
        raise UsageError(f"{path}: this certificate expired on {end:%Y-%m-%d}; get the new one")
    return found[0].public_bytes(Encoding.DER)


def from_broker(host: str, port: int) -> bytes:
    """Return the root, in DER, that this machine's trust store anchors the broker's chain in."""
    remedy = "give its CA with --ca-file FILE"
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        with (
            socket.create_connection((host, port), _CONNECT_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            chain = _verified_chain(secured)
    except ssl.SSLCertVerificationError as exc:
        raise ToolError(
            f"the certificate of {host}:{port} is not one this computer trusts "
            f"({exc.verify_message}); {remedy}"
        ) from exc
    except OSError as exc:
        raise ToolError(
            f"cannot ask {host}:{port} for its certificate ({exc}); check the network, or {remedy}"
        ) from exc
    if not chain:
        raise ToolError(f"this Python does not tell which CA anchors {host}; {remedy}")
    return chain[-1]


def _verified_chain(secured: ssl.SSLSocket) -> list[bytes]:
    """Return the verified chain in DER, leaf first; empty if this Python cannot tell."""
    public: Any = getattr(secured, "get_verified_chain", None)
    if public is not None:
        return list(public())
    # Public since Python 3.13 only; 3.10 to 3.12 have it one layer below.
    inner: Any = getattr(getattr(secured, "_sslobj", None), "get_verified_chain", None)
    if inner is None:
        return []
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in inner()]
