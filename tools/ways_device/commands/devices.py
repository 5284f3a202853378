"""`list`, `show`, `decommission`, `audit`: the devices of an account."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ways_device.commands import options
from ways_device.commands.output import confirm, print_record, print_table
from ways_device.errors import UsageError
from ways_device.talk import Talk

app = typer.Typer()

_DeviceId = Annotated[str, typer.Argument(help="The device's id.")]


@app.command("list")
def list_devices(
    *,
    search: Annotated[
        str | None, typer.Option(help="Part of the id or the name, in any case.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="Only devices with this tag.")] = None,
    online: Annotated[bool, typer.Option("--online", help="Only devices online now.")] = False,
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
    as_json: options.AsJson = False,
) -> None:
    """List the account's devices.

    For example: ways-device list --online --search cellar
    """
    from ways_device.lifecycle import devices

    with _platform(sandbox, api_url, api_key_file) as (platform, _, _):
        print_table(devices.listed(platform, search, tag, online), devices.COLUMNS, as_json)


@app.command()
def show(
    device_id: _DeviceId,
    *,
    port: Annotated[
        str | None, typer.Option(help="Its board's port: the board's settings tell its profile.")
    ] = None,
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
    as_json: options.AsJson = False,
) -> None:
    """Show one device: its state, health, tags, profile, latest readings, open alarms."""
    from ways_device import context
    from ways_device.errors import BoardError
    from ways_device.lifecycle import board as plugged
    from ways_device.lifecycle import devices

    board = plugged.glance(context.open_board(port)) if port else None
    if board is not None and board.identity != device_id:
        raise BoardError(f"the board at {board.port} is {board.identity}, not {device_id}")
    with _platform(sandbox, api_url, api_key_file) as (platform, journal, _):
        config = board.config if board else None
        record = devices.shown(platform, journal, device_id, config)
    print_record(record if as_json else devices.as_lines(record), as_json)


@app.command()
def decommission(
    device_ids: Annotated[list[str], typer.Argument(metavar="DEVICE...", help="Their ids.")],
    *,
    wipe_board: Annotated[
        bool, typer.Option("--wipe-board", help="Clear the identity of the board plugged in too.")
    ] = False,
    port: options.Port = None,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
    as_json: options.AsJson = False,
) -> None:
    """Delete devices on the platform, with their readings. It cannot be undone.

    For example: ways-device decommission cellar-1 --wipe-board
    """
    from ways_device import context
    from ways_device.lifecycle.decommission import Decommission

    talk = Talk()
    if port is not None and not wipe_board:
        raise UsageError("--port: a board is only asked for with --wipe-board")
    with _platform(sandbox, api_url, api_key_file) as (platform, journal, records):
        command = Decommission(platform, journal, records, talk)
        found = command.look(device_ids)
        for one in found:
            talk.note(f"{one.device_id}: lost are {', '.join(one.lost)}")
        if not dry_run:
            confirm(f"Delete {len(found)} device(s) and all they ever reported?", yes)
            found = command.run(found, context.open_board(port) if wipe_board else None)
    print_table([one.as_json() for one in found], ("device_id", "deleted", "board_wiped"), as_json)


@app.command()
def audit(
    *,
    port: Annotated[
        list[str] | None,
        typer.Option(help="Look at the board here too; can repeat.  [default: all on USB]"),
    ] = None,
    no_boards: Annotated[
        bool, typer.Option("--no-boards", help="Leave the boards alone: a look stops them.")
    ] = False,
    delete_orphans: Annotated[
        bool, typer.Option("--delete-orphans", help="Delete what was begun here and never seen.")
    ] = False,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
    as_json: options.AsJson = False,
) -> None:
    """Compare platform, journal and boards, and list what does not belong together.

    For example: ways-device audit --no-boards --json
    """
    from ways_device.lifecycle import audit as lifecycle

    talk = Talk()
    boards = [] if no_boards else _boards(port or [], talk)
    with _platform(sandbox, api_url, api_key_file) as (platform, journal, records):
        compared = lifecycle.Audit(platform, journal, records, boards)
        found = compared.findings()
        orphans = [one.device_id for one in found if one.finding == lifecycle.ORPHAN]
        if delete_orphans and orphans and not dry_run:
            confirm(f"Delete {len(orphans)} orphan(s): {', '.join(orphans[:8])}?", yes)
            compared.delete_orphans(found, talk)
    if as_json:
        print(json.dumps([one.as_json() for one in found]))
    else:
        for one in found:
            print("\n".join(one.as_lines()))
        print("platform, journal and boards agree" if not found else f"{len(found)} finding(s)")


def _boards(ports: list[str], talk: Talk) -> list[Any]:
    """Return what each board is, or why it could not be asked."""
    from ways_device import context
    from ways_device.errors import BoardError
    from ways_device.lifecycle import board as plugged
    from ways_device.serialport import board_ports

    found: list[Any] = []
    for port in ports or board_ports():
        try:
            with talk.step(f"looking at the board at {port}"):
                found.append(plugged.glance(context.open_board(port)))
        except BoardError as exc:
            found.append(exc)
    return found


@contextmanager
def _platform(
    sandbox: Path | None, api_url: str | None, key_file: Path | None
) -> Iterator[tuple[Any, Any, Any]]:
    """Open the platform, the journal and the records of what was begun; no board."""
    from ways_device import context, secrets
    from ways_device.api.platform import Platform
    from ways_device.journal import Journal
    from ways_device.lifecycle.record import Records

    with context.client(context.place(sandbox, api_url, key_file)) as made:
        journal = Journal(secrets.home() / "journal")
        yield Platform(made), journal, Records(secrets.home() / "lifecycle")
