"""The real parts as processes: sandbox, virtual board, and the command run against them."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import packonce

WHOLE_COMMAND = [sys.executable, "-m", "ways_device.cli"]
# The same, but for the agent, which is packed once for all.
COMMAND = [sys.executable, packonce.__file__]
WIFI = [{"ssid": "ways-sandbox", "password": "ways-sandbox-password", "priority": 1}]
_READY_S = 30
_STOP_S = 15


@contextmanager
def part(folder: Path, *arguments: str) -> Iterator[dict[str, Any]]:
    """Run `ways-device <arguments>` and yield what its info file says; stop it afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    info, log = folder / "info.json", folder / "output.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [*WHOLE_COMMAND, *arguments, "--info-file", str(info)], stdout=output, stderr=output
        ) as child,
    ):
        try:
            end_s = time.monotonic() + _READY_S
            while not info.exists():
                assert child.poll() is None, log.read_text()
                assert time.monotonic() < end_s, f"not ready: {log.read_text()}"
                time.sleep(0.05)
            yield json.loads(info.read_text())
        finally:
            child.terminate()
            try:
                child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                raise


class World:
    """One user's computer with a running sandbox and a virtual board on it."""

    def __init__(
        self,
        folder: Path,
        sandbox: dict[str, Any],
        board: dict[str, Any],
        info_file: Path | None = None,
    ) -> None:
        """info_file is the sandbox's, if that is not in a folder of this world."""
        self.folder = folder
        self.sandbox = sandbox
        self.info_file = info_file or folder / "sandbox" / "info.json"
        self.board = board
        self.device_id = f"esp32-{board['unique_id']}"
        self.wifi_file = folder / "wifi.json"
        self.give_wifi(WIFI)
        key = Path(sandbox["api_key_file"]).read_text().strip()
        self.api = httpx.Client(
            base_url=sandbox["api_url"], headers={"X-API-Key": key}, timeout=10, trust_env=False
        )
        self.key = key

    def give_wifi(self, networks: list[dict[str, Any]]) -> None:
        self.wifi_file.write_text(json.dumps(networks))
        self.wifi_file.chmod(0o600)

    def arguments(self, *more: str) -> list[str]:
        """Return the command that makes the board a device that reports every second."""
        words = ["provision", "--name", "Cellar", "--port", self.board["port"]]
        words += ["--sandbox", str(self.info_file)]
        words += ["--wifi-file", str(self.wifi_file), "--json"]
        if "--interval" not in more and "--profile" not in more:
            words += ["--interval", "1"]
        return [*words, *more]

    @property
    def environment(self) -> dict[str, str]:
        home = str(self.folder / "home")
        return {**os.environ, "WAYS_DEVICE_HOME": home, "WAYS_DEVICE_DEBUG": "1"}

    def run(self, *arguments: str, timeout_s: float = 90) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def provision(self, *more: str) -> subprocess.CompletedProcess[str]:
        return self.run(*self.arguments(*more))

    def mpremote(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "mpremote", "connect", self.board["port"], *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return done.stdout

    def control(self, order: dict[str, Any]) -> None:
        """Give the virtual board one order."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(10)
            link.connect(self.board["control"])
            link.sendall(json.dumps(order).encode() + b"\n")
            answer = json.loads(link.makefile().readline())
        assert answer == {"ok": True}, answer

    def get(self, path: str) -> Any:
        answer = self.api.get(path)
        answer.raise_for_status()
        return answer.json()

    def devices(self) -> list[str]:
        return [item["device_id"] for item in self.get("/v1/iot/devices")["devices"]]

    def empty_account(self) -> None:
        """Delete what an earlier world of the same sandbox made there."""
        for device_id in self.devices():
            self.api.delete(f"/v1/iot/devices/{device_id}").raise_for_status()
        for profile in self.get("/v1/iot/profiles")["profiles"]:
            self.api.delete(f"/v1/iot/profiles/{profile['id']}").raise_for_status()
        for point in self.get("/v1/iot/datapoints")["datapoints"]:
            self.api.delete(f"/v1/iot/datapoints/{point['id']}").raise_for_status()

    def readings(self) -> int:
        """Return how many readings the broker delivered for the device."""
        boots = self.get(f"/sandbox/ledger/{self.device_id}")["boots"]
        return sum(int(boot["delivered"]) for boot in boots)

    def wait_until_reporting(self) -> None:
        """Wait for two more readings than there are now."""
        before = self.readings()
        end_s = time.monotonic() + 30
        while self.readings() < before + 2:
            assert time.monotonic() < end_s, "no readings any more"
            time.sleep(0.2)


class Platform:
    """A running sandbox that several worlds have, one after the other."""

    def __init__(self, folder: Path, info: dict[str, Any]) -> None:
        self.info_file = folder / "info.json"
        self.info = info


@contextmanager
def platform(folder: Path) -> Iterator[Platform]:
    words = ["sandbox", "start", "--state", str(folder / "state"), "--port", "0"]
    with part(folder, *words) as info:
        yield Platform(folder, info)


@contextmanager
def world(folder: Path, *board_options: str, at: Platform | None = None) -> Iterator[World]:
    """Yield a world with a board of its own and, unless one is given, a sandbox of its own."""
    words = ["vboard", "start", "--dir", str(folder / "board" / "chip"), *board_options]
    with ExitStack() as stack:
        here = at or stack.enter_context(platform(folder / "sandbox"))
        board = stack.enter_context(part(folder / "board", *words))
        made = World(folder, here.info, board, here.info_file)
        stack.callback(made.api.close)
        if at:
            made.empty_account()
        yield made
