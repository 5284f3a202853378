"""`sensor`: what a board measures."""

import re
import textwrap
from typing import Annotated, Any

import typer

from ways_device.commands import options
from ways_device.commands.output import print_record, print_table
from ways_device.errors import UsageError
from ways_device.secrets import one_line
from ways_device.talk import Talk

app = typer.Typer(no_args_is_help=True, help="The sensors of a board: list, add, test.")

_WIDTH = 80
_FORM = "KIND:key=value,..."
_ADD_NOTE = (
    "the platform takes values of datapoints it knows: where this one's are new to the account, "
    "run provision once more, or make them with ways-device api POST datapoints"
)


@app.command("list")
def list_(
    kind: Annotated[str | None, typer.Argument(help="One of them, with its options.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """List the kinds of sensor the agent knows; one with its options and (defaults).

    For example: ways-device sensor list bme280
    """
    from ways_device.boards import sensors
    from ways_device.resources import device_source

    found = sensors.kinds(device_source())
    if kind is not None:
        found = [one for one in found if one["kind"] == kind]
        if not found:
            raise UsageError(f"the agent has no kind {one_line(kind, 40)}; see sensor list")
    if as_json:
        print_table(found, ("kind",), as_json)
    elif kind is None:
        width = max(len(one["kind"]) for one in found)
        for one in found:
            first = re.split(r":|, by ", one["about"])[0].rstrip(".")
            print(f"{one['kind']:{width}}  {first}")
    else:
        for text in (found[0]["about"], f"Options: {found[0]['options'] or 'none'}."):
            print("\n".join(textwrap.wrap(text, _WIDTH)))


@app.command()
def add(
    sensor: Annotated[str, typer.Argument(help=_FORM)],
    *,
    driver: options.Drivers = None,
    port: options.Port = None,
    device_id: options.OnlyDevice = None,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
) -> None:
    """Add a sensor to a board's settings; its own code judges it before that is written.

    For example: ways-device sensor add dht22:pin=4
    """
    from ways_device import context, drivers
    from ways_device.boards import sensors, settings
    from ways_device.resources import device_source

    talk = Talk()
    changed = sensors.added(_one(sensor))
    own = drivers.load(driver or [], device_source())
    board = context.open_board(port)
    record = settings.change(board, changed, talk, device_id, dry_run, own)
    talk.note(_ADD_NOTE)
    print_record(record, as_json)


@app.command()
def test(
    sensor: Annotated[
        list[str] | None, typer.Argument(help=f"{_FORM}  [default: those of the board]")
    ] = None,
    *,
    driver: options.Drivers = None,
    port: options.Port = None,
    device_id: options.OnlyDevice = None,
    as_json: options.AsJson = False,
) -> int:
    """Run sensors once on a board, and show their values or what is wrong. Changes nothing.

    For example: ways-device sensor test dht22:pin=4
    """
    from ways_device import context, drivers
    from ways_device.boards import sensors
    from ways_device.resources import device_source

    asked = [_one(text) for text in sensor or []]
    own = drivers.load(driver or [], device_source())
    found = sensors.test(context.open_board(port), asked, Talk(), device_id, own)
    print_table(
        [row for one in found for row in _rows(one)] if not as_json else found,
        ("kind", "key", "value", "unit", "error"),
        as_json,
    )
    return 1 if any("error" in one for one in found) else 0


def _one(text: str) -> dict[str, Any]:
    from ways_device.provision.request import sensors

    if not text:
        raise UsageError(f"{_FORM} is expected")
    return dict(next(iter(sensors([text]))))


def _rows(one: dict[str, Any]) -> list[dict[str, Any]]:
    kind = one.get("kind")
    if "error" in one:
        return [{"kind": kind, "error": one["error"]}]
    return [{"kind": kind, **value} for value in one["values"]]
