"""Counting: what the board says it took, against what the platform says it got."""

import threading
import time
from dataclasses import dataclass
from typing import Any

from ways_device.devicelog import Listener, parse
from ways_device.errors import BoardError

_LOOK_S = 0.2


class Taken:
    """Listens to the board's port and keeps which readings it took, by boot."""

    def __init__(self, port: str) -> None:
        self._port = port
        self._highest: dict[int, int] = {}
        self._heard_s: dict[tuple[int, int], float] = {}
        self._stop = threading.Event()
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "Taken":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def highest(self) -> dict[int, int]:
        """The highest seq of each boot. They count up from 0, so it tells how many there are.

        The first ones were taken while provisioning listened to the port. Raises BoardError if
        the port could not be listened to.
        """
        if self._failure is not None:
            raise BoardError(self._failure)
        return dict(self._highest)

    def count(self) -> int:
        return sum(seq + 1 for seq in self.highest.values())

    def heard_s(self, boot: int, seq: int) -> float | None:
        """Return when the board told of this reading, on the monotonic clock."""
        return self._heard_s.get((boot, seq))

    def _listen(self) -> None:
        try:
            with Listener(self._port) as listener:
                while not self._stop.is_set():
                    for text in listener.lines(_LOOK_S):
                        self._hear(text)
        except BoardError as exc:
            self._failure = str(exc)

    def _hear(self, text: str) -> None:
        line = parse(text)
        if line is None or (line.module, line.event) != ("sampler", "reading_taken"):
            return
        boot, seq = int(line.fields["boot"]), int(line.fields["seq"])
        self._highest[boot] = max(seq, self._highest.get(boot, -1))
        self._heard_s[boot, seq] = time.monotonic()


@dataclass(frozen=True)
class Verdict:
    """What became of the readings up to a moment."""

    taken: int
    delivered: int
    duplicates: int
    extra: int  # rows the platform shows beyond one per reading

    def holds(self, duplicates_allowed: int) -> bool:
        return (
            self.taken > 0
            and self.delivered == self.taken
            and self.duplicates <= duplicates_allowed
            and self.extra == 0
        )

    def __str__(self) -> str:
        return (
            f"delivered {self.delivered} of {self.taken} readings, "
            f"{self.taken - self.delivered} lost, {self.duplicates} duplicates on the wire, "
            f"{self.extra} after dedup"
        )


def judge(highest: dict[int, int], ledger: dict[str, Any], rows: int) -> Verdict:
    """Compare the board's own count with the platform's ledger of the same device.

    highest     of each boot, at the moment that is judged; later readings do not count
    rows        how many values of one datapoint the platform showed before the ledger was read
    """
    boots = {row["boot"]: row for row in ledger["boots"]}
    delivered = [_arrived(boots[boot], seq) for boot, seq in highest.items() if boot in boots]
    return Verdict(
        taken=sum(seq + 1 for seq in highest.values()),
        delivered=sum(delivered),
        duplicates=sum(row["duplicates"] for row in boots.values()),
        extra=max(0, rows - sum(row["delivered"] for row in boots.values())),
    )


def _arrived(row: dict[str, Any], last: int) -> int:
    """Return how many of the readings 0..last of a boot the ledger has as delivered."""
    known = min(last, int(row["highest_seq"])) + 1
    gone: int = sum(max(0, min(end, last) - start + 1) for start, end in row["missing"])
    # Dropped and volatile readings are accounted for, but they did not arrive.
    unsent = int(row["dropped"]) + int(row["volatile"])
    return max(0, known - gone - unsent)
