"""A real fleet: virtual boards, a sandbox, and the command that makes devices of the boards."""

import csv
import json
import os
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from realparts import COMMAND, WIFI, part

LIMIT_S = 300


class RealFleet:
    """One computer with a sandbox and boards at ports."""

    def __init__(self, folder, sandbox, boards):
        self.folder = folder
        self.sandbox = sandbox
        self.boards = boards
        self.info_file = folder / "sandbox" / "info.json"
        self.sheet = folder / "devices.csv"
        lines = ["name,chip_id,interval_s,group,tags,sensors"]
        lines += [
            f"Real {number},{board['unique_id']},1,hall,a;b,simulated:key=cellar"
            for number, board in enumerate(boards)
        ]
        self.sheet.write_text("\n".join(lines) + "\n")
        self.wifi_file = folder / "wifi.json"
        self.wifi_file.write_text(json.dumps(WIFI))
        self.wifi_file.chmod(0o600)

    def run(self, *words):
        """Run a ways-device command to its end."""
        return subprocess.run(
            [*COMMAND, *words],
            env={**os.environ, "WAYS_DEVICE_HOME": str(self.folder / "home")},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def provision(self):
        """Run `fleet provision` on all boards; return the process and the seconds it took."""
        ports = ",".join(board["port"] for board in self.boards)
        words = ["fleet", "provision", str(self.sheet), "--ports", ports]
        words += ["--sandbox", str(self.info_file), "--wifi-file", str(self.wifi_file), "--json"]
        started_s = time.monotonic()
        done = self.run(*words)
        return done, time.monotonic() - started_s

    def wrong(self):
        """End the faults, and return what the sandbox or the results show that should not be."""
        key = Path(self.sandbox["api_key_file"]).read_text().strip()
        url = self.sandbox["api_url"]
        with httpx.Client(headers={"X-API-Key": key}, trust_env=False, timeout=10) as api:
            api.delete(f"{url}/sandbox/faults").raise_for_status()
            listed = api.get(f"{url}/v1/iot/devices?page_size=100").json()["devices"]
        ids = {f"esp32-{board['unique_id']}" for board in self.boards}
        there = {item["device_id"] for item in listed}
        lines = [f"{one}: not registered" for one in ids - there]
        lines += [f"{one}: no board is this device" for one in there - ids]
        lines += [f"{item['device_id']}: offline" for item in listed if not item["is_online"]]
        for row in self.results():
            if row["error"] or "cellar" not in row["first_reading"]:
                lines.append(f"{row['name']}: {row['state']} {row['error']}")
        return lines

    def results(self):
        with (self.folder / "devices-result.csv").open(newline="") as file:
            return list(csv.DictReader(file))


@contextmanager
def real_fleet(folder, count, *sandbox_options):
    """Run a sandbox and so many empty boards; yield the RealFleet."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["sandbox", "start", "--state", str(folder / "state"), "--port", "0"]
    with ExitStack() as stack:
        sandbox = stack.enter_context(part(folder / "sandbox", *words, *sandbox_options))
        boards = [stack.enter_context(board(folder / f"board{n}")) for n in range(count)]
        yield RealFleet(folder, sandbox, boards)


def board(folder):
    """Return a context manager that runs an empty virtual board and yields its info."""
    return part(folder, "vboard", "start", "--dir", str(folder / "chip"))
