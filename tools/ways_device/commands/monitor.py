"""`monitor`: what a board says, without disturbing it."""

import os
import sys
from typing import Annotated

import typer

from ways_device.commands import options
from ways_device.errors import UsageError
from ways_device.talk import Talk

app = typer.Typer()


@app.command()
def monitor(
    port: options.Port = None,
    level: Annotated[str, typer.Option(help="Least weight of the lines: E, W, I or D.")] = "D",
    seconds: Annotated[
        float | None,
        typer.Option("--for", min=0.1, help="Seconds to listen.  [default: until Ctrl-C]"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object for each line.")
    ] = False,
) -> None:
    """Show a board's log as it comes, until Ctrl-C. The board is only listened to.

    For example: ways-device monitor --level W
    """
    from ways_device.boards.monitor import LEVELS, follow, printer
    from ways_device.serialport import find_port

    if level not in tuple(LEVELS):
        raise UsageError("--level: one of E, W, I, D is expected")
    talk = Talk()
    found = find_port(port)
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    talk.note(f"listening to {found}; Ctrl-C ends it, and the board goes on")
    try:
        follow(found, printer(level, as_json, colour), talk, seconds)
    except KeyboardInterrupt:
        return
