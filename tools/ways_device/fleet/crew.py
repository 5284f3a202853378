"""The boards of a fleet at work side by side, each through the same steps as a single one.

A board that fails costs only its row, and is tried once more when the others are through. What
no board can get past (a refused key, a full plan, Ctrl-C) stops all of them: each lets its board
go, and the journal knows how far it came.
"""

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ways_device import secrets
from ways_device.api.platform import Platform
from ways_device.context import Context
from ways_device.deploy import visit
from ways_device.drivers import Driver
from ways_device.errors import ToolError
from ways_device.fleet.book import Book, Fate, NoRowError
from ways_device.fleet.progress import BoardTalk, Progress
from ways_device.fleet.results import Result, Results
from ways_device.fleet.sheet import Row
from ways_device.fleet.stop import Stop, StoppedError
from ways_device.fleet.yard import Arrivals, Yard
from ways_device.journal import Journal
from ways_device.provision.command import set_up
from ways_device.provision.plan import Planner
from ways_device.provision.record import Record

_POLL_S = 0.2
# A board that is told to stop may be in the middle of one file.
_LET_GO_S = 90.0


@dataclass(frozen=True)
class Shop:
    """What all boards share."""

    platform: Platform
    journal: Journal
    source: Path
    planner: Planner
    # Sensor drivers of the user's own: the planner's code has them too.
    drivers: Sequence[Driver] = ()


class InterruptedRunError(ToolError):
    """Somebody pressed Ctrl-C."""


class Crew:
    """One run. jobs is how many boards are worked on at a time."""

    def __init__(
        self,
        shop: Shop,
        book: Book,
        results: Results,
        progress: Progress,
        stop: Stop,
        jobs: int,
    ) -> None:
        self.shop = shop
        self.book = book
        self.results = results
        self.progress = progress
        self.stop = stop
        self._jobs = jobs
        self._ports: queue.Queue[str] = queue.Queue()
        self._lock = threading.Lock()
        # Ports that were given out and are not through yet.
        self._busy: set[str] = set()
        # Ports whose board failed for the first time; the boards or ports that did so.
        self._again: list[str] = []
        self._tried: set[str] = set()

    def run(self, yard: Yard, wait_boards_s: float) -> None:
        """Work until nothing is left to do, no board has come for so long, or the run is over."""
        workers = [
            threading.Thread(target=self._work, args=(yard,), daemon=True)
            for _ in range(self._jobs)
        ]
        for worker in workers:
            worker.start()
        try:
            self._feed(Arrivals(yard), wait_boards_s)
        except KeyboardInterrupt:
            self.progress.say("stopping: the boards are let go; Ctrl-C again ends at once")
            self.stop.set(InterruptedRunError("interrupted"))
            raise
        finally:
            end_s = time.monotonic() + _LET_GO_S
            for _ in workers:
                self._ports.put("")
            for worker in workers:
                worker.join(max(0.0, end_s - time.monotonic()))

    def _feed(self, arrivals: Arrivals, wait_boards_s: float) -> None:
        """Hand out the boards that are there, and those that come."""
        idle_since_s = time.monotonic()
        while not self.stop.is_set:
            with self._lock:
                busy = set(self._busy)
            given = self._hand_out(arrivals.new(busy))
            if not given and not busy:
                given = self._hand_out(self._take_again())
            if given or busy:
                idle_since_s = time.monotonic()
            elif self.book.tally().left == 0 or time.monotonic() > idle_since_s + wait_boards_s:
                return
            if not given:
                time.sleep(_POLL_S)

    def _hand_out(self, ports: list[str]) -> bool:
        with self._lock:
            self._busy.update(ports)
        for port in ports:
            self._ports.put(port)
        return bool(ports)

    def _take_again(self) -> list[str]:
        with self._lock:
            again, self._again = self._again, []
        return again

    def _work(self, yard: Yard) -> None:
        while True:
            port = self._ports.get()
            if not port:
                return
            try:
                if not self.stop.is_set:
                    _Turn(self, yard, port).take()
            finally:
                self.progress.show(port, "")
                with self._lock:
                    self._busy.discard(port)

    def try_again(self, port: str, key: str) -> bool:
        """Note that a board failed; return whether it gets a second turn."""
        with self._lock:
            if key in self._tried:
                return False
            self._tried.add(key)
            self._again.append(port)
            return True


class _Turn:
    """One board's turn, from being looked at to its first reading."""

    def __init__(self, crew: Crew, yard: Yard, port: str) -> None:
        self._crew = crew
        self._yard = yard
        self._port = port
        self._talk = BoardTalk(crew.progress, port, crew.stop.check)
        self._started_s = time.monotonic()
        self._row: Row | None = None
        self._chip_id = ""

    def take(self) -> None:
        """Do all of it; whatever goes wrong is told and costs only this board."""
        try:
            self._settle(self._provision())
        except StoppedError:
            self._put_back()
        except NoRowError as exc:
            self._talk.note(str(exc))
        except ToolError as exc:
            self._fail(f"{exc.step}: {exc}" if exc.step else str(exc))
        except Exception as exc:
            self._fail(f"internal fault: {type(exc).__name__}: {secrets.one_line(str(exc))}")

    def _provision(self) -> Record:
        shop = self._crew.shop
        board = self._yard.open(self._port)
        context = Context(shop.platform, board, shop.journal, shop.source, self._talk)
        with visit(board, shop.planner.code, self._talk) as visited:
            self._chip_id = visited.facts.unique_id
            self._row = row = self._crew.book.claim(visited.facts)
            self._talk.name = row.name
            plan = shop.planner.plan(row.request, row.wifi)
            return set_up(row.request, plan, visited, context, self._started_s)

    def _settle(self, record: Record) -> None:
        assert self._row is not None
        reading = ", ".join(f"{key} {value}" for key, value in record.first_reading.items())
        self._put("done", reading, device_id=record.device_id)
        self._crew.book.settle(self._row, Fate.DONE)
        self._talk.note(f"done: {reading}")

    def _put_back(self) -> None:
        if self._row is not None:
            self._put("begun")
            self._crew.book.settle(self._row, Fate.LEFT)

    def _fail(self, why: str) -> None:
        is_over = self._crew.stop.is_set
        again = not is_over and self._crew.try_again(self._port, self._chip_id or self._port)
        if self._row is not None:
            self._put("failed", error=why)
            self._crew.book.settle(self._row, Fate.LEFT if again or is_over else Fate.FAILED)
        self._talk.note(f"{why}{'; it is tried once more at the end' if again else ''}")

    def _put(self, state: str, reading: str = "", error: str = "", device_id: str = "") -> None:
        row = self._row
        assert row is not None
        took = f"{time.monotonic() - self._started_s:.1f}"
        device_id = device_id or row.device_id
        self._crew.results.put(
            Result(row.name, device_id, self._chip_id, self._port, state, reading, took, error)
        )
