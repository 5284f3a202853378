"""A board for host tests: the interface of ways_device.board.Board, without a board.

It keeps what it is given, judges settings like the agent would at its simplest, and reports to
the fake platform once it is released with a login that platform knows.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from fakeplatform import FakePlatform

from ways_device import identity
from ways_device.api.platform import Datapoint
from ways_device.board import CONFIG_PATH, Facts, Installed, Judgement
from ways_device.errors import BoardError, FlashFullError

UNIQUE_ID = "a0b1c2d3e4f5"


class Listener:
    def __init__(self, said: list[str]) -> None:
        self._said = said

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def lines(self, wait_s: float) -> Iterator[str]:
        yield from self._said


class FakeBoard:
    port = "/dev/fake"

    def __init__(
        self, platform: FakePlatform, around: Callable[[str], None] | None = None
    ) -> None:
        self.platform = platform
        self.around = around or (lambda moment: None)
        self.files: dict[str, bytes] = {}
        self.body: dict[str, Any] | None = None
        self.generation = 0
        self.held = False
        self.seeded_s = 0
        self.says: list[str] = ["1000 I mqtt session_up resumed=False"]
        self.copied: list[str] = []
        self.free_bytes = 1_000_000
        self.fills_at: int | None = None
        self.unique_id = UNIQUE_ID
        self.starts = 0

    def facts(self, names: Any, paths: Any) -> Facts:
        self.around("before facts")
        text = self.files.get(CONFIG_PATH)
        return Facts(
            platform="esp32",
            name="micropython",
            version=(1, 26, 1),
            bytecode=6,
            stray=(),
            unique_id=self.unique_id,
            free_bytes=self.free_bytes,
            hashes={path: _hash(self.files[path]) for path in paths if path in self.files},
            identity=self.body["device_id"] if self.body else None,
            config=text.decode() if text else None,
            starts_agent="/main.py" in self.files,
        )

    def hold(self, seconds: int) -> None:
        self.around("before hold")
        self.held = seconds > 0
        self.around("after hold")

    hold_and_reset = hold

    def install(self, files: Any, hiding: Any, copied: Any = None) -> dict[str, str | None]:
        self.around("before install")
        if self.fills_at is not None and sum(len(file.data) for file in files) > self.fills_at:
            raise FlashFullError("the board's flash is full")
        for file in files:
            self.files[file.path] = file.data
            self.copied.append(file.path)
        for path in hiding:
            self.files.pop(path, None)
        self.around("after install")
        return {file.path: _hash(self.files[file.path]) for file in files}

    def check_config(self, text: bytes, drivers: Any = None) -> Judgement:
        self.around("before check")
        values = json.loads(text)
        if not isinstance(values.get("window", 1), int):
            raise BoardError("the device refuses these settings: window: not of type int")
        points = tuple(
            Datapoint(str(entry.get("key", entry["kind"])), "degC", "number")
            for entry in values["sensors"]
        )
        return Judgement(points, tuple(key for key in values if key.startswith("unknown")))

    def install_identity(self, body: bytes) -> Installed:
        self.around("before identity")
        new = json.loads(body)
        old = self.body if self.body and self.body["device_id"] == new["device_id"] else {}
        merged = {**old, **new}
        if "password" not in merged:
            raise BoardError("the board did not take its identity: password is missing")
        if merged != self.body:
            self.generation += 1
            self.body = merged
        self.around("after identity")
        return Installed(0, self.generation, identity.sha256(body, self.generation))

    def seed_clock(self, now_s: Callable[[], float]) -> None:
        self.around("before clock")
        self.seeded_s = int(now_s())

    def release(self) -> None:
        self.around("before release")
        self.held = False
        self.starts += 1
        self._report()
        self.around("after release")

    let_go = release

    def _report(self) -> None:
        body, platform = self.body, self.platform
        if body is None or CONFIG_PATH not in self.files or "/main.py" not in self.files:
            return
        device = platform.devices.get(body["device_id"])
        if device is None or platform.passwords[body["device_id"]] != body["password"]:
            return
        device["is_online"] = True
        points = self.check_config(self.files[CONFIG_PATH]).datapoints
        platform.readings[body["device_id"]] = [
            {"name": point.key, "measured_at": f"t{self.starts}", "value": 21.5, "unit": "degC"}
            for point in points
        ]

    def listen(self) -> Listener:
        return Listener(self.says)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
