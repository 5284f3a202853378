"""The steps of `fleet plan`, `fleet provision` and `fleet report`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from ways_device import secrets
from ways_device.api.platform import Platform
from ways_device.context import Place
from ways_device.drivers import Driver
from ways_device.errors import ToolError, UsageError
from ways_device.fleet import report as reporting
from ways_device.fleet import results as resulting
from ways_device.fleet import survey as surveying
from ways_device.fleet.book import Book
from ways_device.fleet.client import FleetClient, FleetPlatform
from ways_device.fleet.crew import Crew, Shop
from ways_device.fleet.progress import Progress
from ways_device.fleet.results import Results
from ways_device.fleet.sheet import Row
from ways_device.fleet.stop import Stop
from ways_device.fleet.survey import State, Survey
from ways_device.fleet.yard import Yard
from ways_device.journal import Journal
from ways_device.provision.plan import Planner
from ways_device.resources import device_source


@contextmanager
def opened(where: Place, stop: Stop, drivers: Sequence[Driver] = ()) -> Iterator[Shop]:
    """Open the platform for a fleet whose boards get these sensor drivers besides the agent."""
    client = FleetClient(where.origin, secrets.api_key(where.origin, where.key_file), stop)
    try:
        platform = FleetPlatform(client)
        source = device_source()
        journal = Journal(secrets.home() / "journal")
        planner = Planner(platform, source, [one.file for one in drivers])
        yield Shop(platform, journal, source, planner, drivers)
    finally:
        client.close()


def plan(rows: Sequence[Row], shop: Shop) -> dict[str, Any]:
    """Return what would be done. Changes nothing anywhere, and needs no board.

    rows        of each row what it is: new, begun, done, conflict
    to_make     what the account lacks, and is made
    room        how many devices the plan allows in all, has, and needs for these rows
    problems    what it cannot succeed for
    """
    found = surveying.survey(rows, shop.platform, shop.journal)
    own = {one.kind: one.text for one in shop.drivers}
    lacks = surveying.lacks(rows, shop.platform, shop.planner.account, shop.source, own)
    room = _room(found, shop.platform)
    conflicts = found.count(State.CONFLICT)
    problems = [*lacks.problems]
    if conflicts:
        problems.append(f"{conflicts} rows have ids that this computer cannot use")
    if room["left"] is not None and room["needed"] > room["left"]:
        problems.append(f"the plan has room for {room['left']} of {room['needed']} new devices")
    making = asdict(lacks)
    del making["problems"]
    return {
        "rows": [
            {
                "name": one.row.name,
                "device_id": one.platform_id,
                "chip_id": one.row.chip_id,
                "state": one.state.value,
                "note": one.note,
            }
            for one in found.rows
        ],
        "to_make": making,
        "room": room,
        "problems": problems,
    }


def _room(found: Survey, platform: Platform) -> dict[str, Any]:
    subscription = surveying.subscription(platform)
    limit, count = subscription.device_limit, subscription.device_count
    left = None if limit is None or count is None else max(0, limit - count)
    needed = sum(not one.device for one in found.rows)
    return {"plan": subscription.plan, "limit": limit, "left": left, "needed": needed}


def provision(
    rows: Sequence[Row],
    shop: Shop,
    yard: Yard,
    stop: Stop,
    result_file: Path,
    jobs: int,
    wait_boards_s: float = 0.0,
    again: bool = False,
    console: Console | None = None,
) -> dict[str, Any]:
    """Make devices of the boards at hand. Returns how many are done, failed and left.

    again   whether boards whose rows are done get code, settings and profile anew
    Raises what stopped the run, with how far it came; what is done stays done.
    """
    found = surveying.survey(rows, shop.platform, shop.journal)
    for row in rows:
        # What can be refused is, before the first board is touched.
        shop.planner.plan(row.request, row.wifi)
    book = Book(found, again)
    done = {one.row.name for one in found.rows if one.state is State.DONE}
    results = Results(result_file, rows, done)
    progress = Progress(console, book.tally)
    with progress:
        _say_beforehand(found, shop.platform, yard, progress)
        Crew(shop, book, results, progress, stop, jobs).run(yard, wait_boards_s)
    tally = book.tally()
    if stop.reason is not None:
        raise _stopped(stop.reason, f"{tally}, {tally.left} left; {result_file} tells which")
    return {"done": tally.done, "failed": tally.failed, "left": tally.left}


def _say_beforehand(found: Survey, platform: Platform, yard: Yard, progress: Progress) -> None:
    room = _room(found, platform)
    if room["left"] is not None and room["needed"] > room["left"]:
        progress.say(f"the plan has room for {room['left']} of {room['needed']} new devices")
    for one in found.rows:
        if one.state is State.CONFLICT:
            progress.say(f"line {one.row.line}, {one.row.name}: {one.platform_id} {one.note}")
    for port in yard.absent():
        progress.say(f"{port}: there is no such port; is the board plugged in?")


def _stopped(reason: ToolError, how_far: str) -> ToolError:
    """Return the reason with how far the run came, of the same kind and exit status."""
    stopped = ToolError(f"stopped, {how_far}: {reason}")
    stopped.exit_code = reason.exit_code
    return stopped


def report(rows: Sequence[Row], shop: Shop, result_file: Path) -> list[dict[str, Any]]:
    """Return what the platform, the journal and the last run tell of each row."""
    errors = {one.name: one.error for one in resulting.load(result_file) if one.error}
    found = surveying.survey(rows, shop.platform, shop.journal)
    return [line.as_json() for line in reporting.lines(found, shop.platform, errors)]


def result_file(devices: Path, chosen: Path | None) -> Path:
    """Return where the results go: beside the sheet, if nothing else is said."""
    path = chosen or devices.with_name(f"{devices.stem}-result.csv")
    if path.resolve() == devices.resolve():
        raise UsageError(f"--result {path}: this is the sheet itself")
    return path
