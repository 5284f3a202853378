"""`wifi`: the networks a board knows."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ways_device.commands import options
from ways_device.commands.output import print_record, print_table
from ways_device.talk import Talk

app = typer.Typer(no_args_is_help=True, help="The Wi-Fi networks of a board: list, add, remove.")

_COLUMNS = ("ssid", "priority", "security")


@app.command("list")
def list_(
    port: options.Port = None,
    device_id: options.OnlyDevice = None,
    as_json: options.AsJson = False,
) -> None:
    """List the networks a board knows. Passwords stay on it."""
    from ways_device import context
    from ways_device.boards import networks

    found = networks.listed(context.open_board(port), Talk(), device_id)
    _print(found, as_json)


@app.command()
def add(
    ssid: Annotated[str | None, typer.Argument(help="The network's name.")] = None,
    *,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the password, mode 0600.  [default: asks]")
    ] = None,
    is_open: Annotated[bool, typer.Option("--open", help="It has no password.")] = False,
    priority: Annotated[int, typer.Option(help="Higher is tried first.")] = 0,
    wifi_file: Annotated[
        Path | None,
        typer.Option(help='Several: [{"ssid", "password", "priority"}], mode 0600.'),
    ] = None,
    port: options.Port = None,
    device_id: options.OnlyDevice = None,
    as_json: options.AsJson = False,
) -> None:
    """Add a network to a board, or give one that it knows another password.

    For example: ways-device wifi add cellar --password-file cellar.txt
    """
    from ways_device import context
    from ways_device.boards import networks
    from ways_device.wifi import load

    talk = Talk()
    if wifi_file is not None and ssid is None:
        fresh = load(wifi_file, talk.note)
    else:
        fresh = [networks.given(ssid, password_file, is_open, priority, talk)]
    _print(networks.changed(context.open_board(port), fresh, [], talk, device_id), as_json)


@app.command()
def remove(
    ssid: Annotated[str, typer.Argument(help="The network's name.")],
    port: options.Port = None,
    device_id: options.OnlyDevice = None,
    as_json: options.AsJson = False,
) -> None:
    """Let a board forget a network; the last one stays, or nobody would reach it."""
    from ways_device import context
    from ways_device.boards import networks

    found = networks.changed(context.open_board(port), [], [ssid], Talk(), device_id)
    _print(found, as_json)


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_record(found, as_json)
    else:
        print_table(found["networks"], _COLUMNS, as_json)
