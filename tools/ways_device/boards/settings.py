"""The settings file of a board: shown, changed, judged. No secret is ever in it."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from ways_device.board import CONFIG_PATH, Board, Facts
from ways_device.boards.bench import hold, visiting
from ways_device.bytecode import DeviceFile
from ways_device.deploy import Visit, verify
from ways_device.drivers import Driver
from ways_device.errors import BoardError, UsageError
from ways_device.provision.settings import as_bytes
from ways_device.secrets import one_line
from ways_device.talk import Talk

_REV = "rev"
_PROVISION = "run provision to make the board a device"

Change = Callable[[dict[str, Any]], dict[str, Any]]


def show(board: Board, talk: Talk, device_id: str | None = None) -> dict[str, Any]:
    """Return the settings that are on the board."""
    with visiting(board, talk, device_id) as visited:
        return of(visited.facts)


def of(facts: Facts) -> dict[str, Any]:
    """Return a board's settings. Raises BoardError if it has none that can be read."""
    if facts.config is None:
        raise BoardError(f"there is no {CONFIG_PATH} on the board; {_PROVISION}")
    try:
        found = json.loads(facts.config)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BoardError(f"{CONFIG_PATH} on the board is damaged; {_PROVISION} again")
    return found


def change(
    board: Board,
    changed: Change,
    talk: Talk,
    device_id: str | None = None,
    dry_run: bool = False,
    drivers: Sequence[Driver] = (),
) -> dict[str, Any]:
    """Change a board's settings and restart it with them; return what is there then.

    changed makes the new settings from the old ones; drivers are put there with them. The agent's
    own code judges them before anything is written; what is written is read back. Nothing is
    restarted for no change.
    """
    with visiting(board, talk, device_id) as visited:
        old = of(visited.facts)
        new = counted(old, changed(dict(old)))
        names = sorted(key for key in {*old, *new} - {_REV} if old.get(key) != new.get(key))
        record = {"port": board.port, "rev": new[_REV], "changed": names}
        if not names:
            talk.note("the settings are so already")
            return record
        hold(visited, talk)
        with talk.step("checking the settings"):
            judge(board, new, names, drivers)
        if dry_run:
            return {**record, "dry_run": True}
        _write(visited, new, talk, drivers)
    return record


def counted(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the new settings, with a revision one higher if they differ from the old ones."""
    rev = old.get(_REV, 0)
    rev = rev if isinstance(rev, int) and not isinstance(rev, bool) else 0
    return {**new, _REV: rev + (new != old)}


def judge(
    board: Board, new: dict[str, Any], names: list[str], drivers: Sequence[Driver] = ()
) -> None:
    """Raise BoardError or UsageError if the agent on this board would not run with these.

    names are the keys that were changed: of those none may be unknown to it.
    """
    judged = board.check_config(as_bytes(new), {one.kind: one.text for one in drivers})
    unknown = [name for name in names if name in judged.unknown]
    if unknown:
        raise UsageError(f"the device has no setting {one_line(unknown[0], 40)}")
    if not judged.datapoints:
        raise UsageError("without a sensor the device has nothing to report; add one first")


def _write(
    visited: Visit, new: dict[str, Any], talk: Talk, drivers: Sequence[Driver] = ()
) -> None:
    with talk.step("writing the settings") as step:
        files = [*(one.file for one in drivers), DeviceFile(CONFIG_PATH, as_bytes(new))]
        hiding = [path for file in files for path in file.hiding]
        verify(files, visited.board.install(files, hiding))
        step.say(f"revision {new[_REV]}")


def assigned(texts: list[str], unset: list[str]) -> Change:
    """Return the change that key=value and names to leave out ask for. Raises UsageError."""
    values = dict(_pair(text) for text in texts)
    for name in (*values, *unset):
        if name == _REV:
            raise UsageError("rev counts by itself")
        if name in values and name in unset:
            raise UsageError(f"{name}: set it or leave it out, not both")
    if not values and not unset:
        raise UsageError("nothing to change: give key=value, or --unset KEY")

    def changed(old: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in {**old, **values}.items() if key not in unset}

    return changed


def _pair(text: str) -> tuple[str, Any]:
    """Return key=value; the value is JSON, or else plain text."""
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise UsageError(f"{one_line(text, 60)}: key=value is expected")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
