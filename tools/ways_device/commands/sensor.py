"""`sensor`: what a board measures."""

import textwrap
from typing import Annotated, Any

import typer

from ways_device.commands import options
from ways_device.commands.output import print_record, print_table
from ways_device.errors import UsageError
from ways_device.talk import Talk

app = typer.Typer(no_args_is_help=True, help="The sensors of a board: list, add, test.")

_WIDTH, _INDENT = 80, "    "
_FORM = "KIND:key=value,..."
_ADD_NOTE = (
    "the platform takes values of datapoints it knows: where this one's are new to the account, "
    "run provision once more, or make them with ways-device api POST datapoints"
)


@app.command("list")
def list_(as_json: options.AsJson = False) -> None:
    """List the kinds of sensor the agent knows, with their options and (defaults)."""
    from ways_device.boards import sensors
    from ways_device.resources import device_source

    found = sensors.kinds(device_source())
    if as_json:
        print_table(found, ("kind",), as_json)
        return
    for one in found:
        print(one["kind"])
        for text in (one["about"], one["options"] and f"Options: {one['options']}."):
            for line in textwrap.wrap(text, _WIDTH - len(_INDENT)):
                print(f"{_INDENT}{line}")


@app.command()
def add(
    sensor: Annotated[str, typer.Argument(help=_FORM)],
    *,
    port: options.Port = None,
    device_id: options.OnlyDevice = None,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
) -> None:
    """Add a sensor to a board's settings; its own code judges it before that is written.

    For example: ways-device sensor add dht22:pin=4
    """
    from ways_device import context
    from ways_device.boards import sensors, settings

    talk = Talk()
    changed = sensors.added(_one(sensor))
    board = context.open_board(port)
    record = settings.change(board, changed, talk, device_id, dry_run)
    talk.note(_ADD_NOTE)
    print_record(record, as_json)


@app.command()
def test(
    sensor: Annotated[
        list[str] | None, typer.Argument(help=f"{_FORM}  [default: those of the board]")
    ] = None,
    *,
    port: options.Port = None,
    device_id: options.OnlyDevice = None,
    as_json: options.AsJson = False,
) -> int:
    """Run sensors once on a board, and show their values or what is wrong. Changes nothing.

    For example: ways-device sensor test dht22:pin=4
    """
    from ways_device import context
    from ways_device.boards import sensors

    asked = [_one(text) for text in sensor or []]
    found = sensors.test(context.open_board(port), asked, Talk(), device_id)
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
