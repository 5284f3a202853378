"""`flash`: another MicroPython on a board that stays who it is."""

from typing import Annotated

import typer

from ways_device.commands import options
from ways_device.commands.output import confirm, print_record
from ways_device.talk import Talk

app = typer.Typer()


@app.command()
def flash(
    image: Annotated[
        str, typer.Argument(help="MicroPython for this board: a .bin file, or its address.")
    ],
    *,
    port: options.Port = None,
    sha256: Annotated[
        str | None, typer.Option(help="What the image's SHA-256 must be; needed for an address.")
    ] = None,
    erase: Annotated[
        bool, typer.Option("--erase", help="Erase the whole flash first, identity included.")
    ] = False,
    baud: Annotated[
        int, typer.Option(min=9600, max=2_000_000, help="Speed of the transfer.")
    ] = 460_800,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
) -> None:
    """Write MicroPython to a board; its identity, settings and readings stay.

    For example: ways-device flash ESP32_GENERIC-v1.26.1.bin
    """
    from ways_device import secrets
    from ways_device.boards import firmware
    from ways_device.boards.download import chosen
    from ways_device.boards.flashing import ERASE_COST, Flashing
    from ways_device.serialport import find_port

    talk = Talk()
    found = firmware.read(chosen(image, sha256, secrets.home() / "firmware", talk), image)
    board = find_port(port)
    if erase and not dry_run:
        confirm(f"{board}: {ERASE_COST}. Erase it?", yes)
    folder = secrets.private_folder(secrets.home() / "tmp")
    print_record(Flashing(board, baud, found, folder, talk).run(erase, dry_run), as_json)
