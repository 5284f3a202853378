"""The board as a device of a sandbox, made by the real command, and what the sandbox says."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from chip_rig import CHIP, Bench

from ways_device import sandboxinfo
from ways_device.api import pages

_PROVISION_S = 400
_COMMAND_S = 180
_INTERVAL_S = 2
_POLL_S = 0.5


class Device:
    def __init__(self, bench: Bench, info: Path, wifi_file: Path) -> None:
        self.bench = bench
        self.id = ""
        self._info = info
        self._wifi_file = wifi_file
        self._config = bench.facts.config
        found = sandboxinfo.load(info)
        self._api = httpx.Client(
            base_url=found.api_url,
            headers={"X-API-Key": found.api_key_file.read_text().strip()},
            timeout=10,
            trust_env=False,
        )

    def close(self) -> None:
        self._api.close()

    def stranger(self) -> str | None:
        """Return the id that the board has, if it has one that the sandbox does not know."""
        owner = self.bench.facts.identity
        known = owner and self._api.get(f"/v1/iot/devices/{owner}").status_code == httpx.codes.OK
        return None if known else owner

    def provision(self) -> None:
        """Make the board a device that reports its memory every two seconds."""
        answer = self._run(
            *("provision", "--name", "Hardware checklist", "--sandbox", str(self._info)),
            *("--wifi-file", str(self._wifi_file), "--interval", str(_INTERVAL_S), "--json"),
            *("--sensor", "hwheap", "--driver", str(CHIP / "hwheap.py")),
            *("--log-level", "I", "--set", "retry_max_ms=5000"),
            *("--set", "watchdog_s=60", "--set", "connect_every=0"),
            limit_s=_PROVISION_S,
        )
        self.id = json.loads(answer)["device_id"]

    @contextmanager
    def one_more_sensor(self, kind: str) -> Iterator[None]:
        """Let the agent run with one more sensor, a driver of chip/; without it afterwards."""
        before = self.bench.settings()
        assert before is not None
        try:
            self._run("sensor", "add", kind, "--driver", str(CHIP / f"{kind}.py"))
            yield
        finally:
            self.bench.restore(before, kind)
            self.bench.release()

    def run(self) -> None:
        """Let the agent run, if a check before has held the board."""
        if self.bench.is_held:
            self.bench.release()

    def restore(self) -> None:
        """Put back the settings that the board came with; a new device keeps what it has."""
        if self._config is not None:
            self.bench.restore(self._config, "hwheap")

    def _run(self, *words: str, limit_s: float = _COMMAND_S) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "ways_device.cli", *words, "--port", self.bench.port],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=limit_s,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self.bench.is_left_running()
        return done.stdout

    def get(self, path: str) -> Any:
        return self._api.get(path).raise_for_status().json()

    def ledger(self) -> dict[str, Any]:
        """Return the account of the readings, {} while there is none."""
        answer = self._api.get(f"/sandbox/ledger/{self.id}")
        return dict(answer.json()) if answer.status_code == httpx.codes.OK else {}

    def delivered(self) -> int:
        return sum(int(boot["delivered"]) for boot in self.ledger().get("boots", []))

    def missing(self) -> int:
        """Return how many readings the ledger misses."""
        gaps = [gap for boot in self.ledger()["boots"] for gap in boot["missing"]]
        return sum(last - first + 1 for first, last in gaps)

    def events(self, event_type: str) -> list[dict[str, Any]]:
        """Return what the events of this type told, the oldest first."""
        found = self.get(f"/sandbox/devices/{self.id}/events")
        return [one["metadata"] for one in found if one["event_type"] == event_type]

    def latest(self, key: str) -> int:
        """Return the newest value of a datapoint."""
        found = pages.items(self.get(f"/v1/iot/devices/{self.id}/telemetry/latest"), "telemetry")
        return int(next(one["value"] for one in found if one["name"] == key))

    def kick(self) -> None:
        """Have the broker close the device's session."""
        plan = {"mqtt": [{"fault": "kick", "device_id": self.id}]}
        self._api.put("/sandbox/faults", json=plan).raise_for_status()

    def end_faults(self) -> None:
        self._api.delete("/sandbox/faults").raise_for_status()

    def wait(self, holds: Callable[[], bool], what: str, within_s: float) -> None:
        end_s = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < end_s, f"no {what} within {within_s:.0f} s"
            time.sleep(_POLL_S)

    def wait_readings(self, count: int, within_s: float = 60) -> None:
        """Wait for so many more readings than there are now."""
        before = self.delivered()
        self.wait(lambda: self.delivered() >= before + count, "readings", within_s)
