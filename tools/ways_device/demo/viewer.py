"""The demo's eyes: what the platform's API tells of one device."""

import time
from typing import Any

import httpx

from ways_device.errors import ToolError
from ways_device.sandboxinfo import SandboxInfo

_CALL_S = 10.0
_ROWS_MAX = 10_000


class Viewer:
    """One device as the platform's API shows it."""

    def __init__(self, info: SandboxInfo, record: dict[str, Any]) -> None:
        key = info.api_key_file.read_text("utf-8").strip()
        self._http = httpx.Client(
            base_url=info.api_url, headers={"X-API-Key": key}, timeout=_CALL_S
        )
        self._device_id = record["device_id"]
        self._shown: tuple[int, int] | None = None
        self._latency_s: float | None = None

    def __enter__(self) -> "Viewer":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def device(self) -> dict[str, Any]:
        found: dict[str, Any] = self._get(f"/v1/iot/devices/{self._device_id}")
        return found

    def latest(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get(
            f"/v1/iot/devices/{self._device_id}/telemetry/latest"
        )
        return found

    def ledger(self) -> dict[str, Any]:
        found: dict[str, Any] = self._get(f"/sandbox/ledger/{self._device_id}")
        return found

    def rows(self) -> int:
        """Return how many values of the first datapoint the API shows."""
        latest = self.latest()
        if not latest:
            return 0
        path = f"/v1/iot/devices/{self._device_id}/telemetry"
        one = latest[0]["datapoint_id"]
        return len(self._get(path, hours=24, limit=_ROWS_MAX, datapoint_id=one))

    def broker(self, action: str) -> None:
        """Stop or start the broker."""
        self._call("POST", f"/sandbox/broker/{action}")

    def latency_s(self, last: dict[str, int] | None, heard_s: float | None) -> float | None:
        """Return how long the newest reading was on its way when it was first seen here."""
        if last is not None and heard_s is not None:
            newest = last["boot"], last["highest_seq"]
            if newest != self._shown:
                self._shown = newest
                self._latency_s = max(0.0, time.monotonic() - heard_s)
        return self._latency_s

    def _get(self, path: str, **query: str | int) -> Any:
        return self._call("GET", path, **query).json()

    def _call(self, method: str, path: str, **query: str | int) -> httpx.Response:
        try:
            answer = self._http.request(method, path, params=query)
            answer.raise_for_status()
        except httpx.HTTPError as exc:
            raise ToolError(f"the sandbox did not answer {method} {path}: {exc}") from exc
        return answer
