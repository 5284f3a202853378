"""`config`: the settings of a board."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ways_device.commands import options
from ways_device.commands.output import print_record
from ways_device.errors import UsageError
from ways_device.secrets import redact
from ways_device.talk import Talk

app = typer.Typer(no_args_is_help=True, help="The settings of a board: show, set, validate.")


@app.command()
def show(
    port: options.Port = None,
    device_id: options.OnlyDevice = None,
    as_json: options.AsJson = False,
) -> None:
    """Show the settings that are on a board. Its agent is stopped for a moment."""
    from ways_device import context
    from ways_device.boards import settings

    found = settings.show(context.open_board(port), Talk(), device_id)
    if as_json:
        print_record(found, as_json)
        return
    # As `config set` takes them.
    for key, value in sorted(found.items()):
        print(redact(f"{key}={json.dumps(value, ensure_ascii=False)}"))


@app.command("set")
def set_(
    pairs: Annotated[
        list[str] | None, typer.Argument(help="key=value; the value is JSON or plain text.")
    ] = None,
    *,
    unset: Annotated[
        list[str] | None, typer.Option(help="A key to leave out: its default counts then.")
    ] = None,
    port: options.Port = None,
    device_id: options.OnlyDevice = None,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
) -> None:
    """Change settings of a board; its own code judges them before they are written.

    For example: ways-device config set interval_s=300 log_level=W
    """
    from ways_device import context
    from ways_device.boards import settings

    changed = settings.assigned(pairs or [], unset or [])
    board = context.open_board(port)
    print_record(settings.change(board, changed, Talk(), device_id, dry_run), as_json)


@app.command()
def validate(
    file: Annotated[Path, typer.Argument(help="A settings file, as /config.json on a board.")],
    *,
    driver: options.Drivers = None,
    as_json: options.AsJson = False,
) -> None:
    """Check a settings file with the agent's own code, on this computer. No board is needed."""
    from ways_device import drivers
    from ways_device.boards.judge import judge, settings_text
    from ways_device.resources import device_source

    own = [one.file for one in drivers.load(driver or [], device_source())]
    judged = judge(settings_text(file), device_source(), str(file), own)
    if judged.unknown:
        raise UsageError(f"{file}: the device has no setting {', '.join(judged.unknown)}")
    points = [f"{one.key} ({one.unit})" if one.unit else one.key for one in judged.datapoints]
    print_record({"file": str(file), "valid": True, "datapoints": points}, as_json)
