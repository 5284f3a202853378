"""The info file of a running sandbox: where it is and what to trust."""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ways_device.errors import UsageError


@dataclass(frozen=True)
class SandboxInfo:
    api_url: str
    api_key_file: Path
    mqtt_host: str
    mqtt_tls_port: int
    ca_file: Path


def load(path: Path) -> SandboxInfo:
    """Read the file that `ways-device sandbox start --info-file PATH` writes when ready."""
    remedy = "start one with: ways-device sandbox start --info-file " + str(path)
    try:
        found = json.loads(path.read_text("utf-8"))
        info = SandboxInfo(
            api_url=str(found["api_url"]),
            api_key_file=Path(found["api_key_file"]),
            mqtt_host=str(found["mqtt_host"]),
            mqtt_tls_port=int(found["mqtt_tls_port"]),
            ca_file=Path(found["ca_file"]),
        )
    except OSError as exc:
        raise UsageError(f"no running sandbox at {path}: {exc.strerror}; {remedy}") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise UsageError(f"{path}: not the info file of a sandbox; {remedy}") from exc
    if urlsplit(info.api_url).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise UsageError(f"{path}: a sandbox's API is on this machine, not {info.api_url}")
    return info
