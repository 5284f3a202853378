"""`ways-device sandbox`: parses, and calls server.py."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from ways_device.errors import ToolError, UsageError
from ways_device.sandbox import dialect as dialects
from ways_device.sandbox.faults_cli import faults
from ways_device.sandbox.ledger_cli import ledger

app = typer.Typer(
    help="The platform's API and a real broker, on this machine.", no_args_is_help=True
)

_Port = Annotated[int, typer.Option(min=0, max=65535, help="Port of the API; 0 takes a free one.")]
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@app.callback()
def _group() -> None:
    """The platform's API and a real broker, on this machine."""


@app.command()
def start(
    state: Annotated[
        Path | None, typer.Option(help="Folder to keep everything in.  [default: the user's]")
    ] = None,
    port: _Port = 8490,
    mqtt_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port of the broker.  [default: a free one, kept]"),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Open the broker to the network; boards reach it by this address."),
    ] = None,
    info_file: Annotated[
        Path | None, typer.Option(help="Where to write how to reach it, once it is ready.")
    ] = None,
    faults: Annotated[
        Path | None, typer.Option(help="A plan of faults to play, see README.")
    ] = None,
    plan_devices: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="How many devices the plan allows.")
    ] = 1000,
    dialect: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            help="How to answer where documents disagree: reference, docs-2025 or a JSON file.",
        ),
    ] = "reference",
) -> None:
    """Run a sandbox until Ctrl-C. What it keeps is there again at the next start."""
    if host is not None:
        _check_host(host)
    spoken = dialects.of(dialect)
    try:
        from ways_device.sandbox.server import Options, serve
    except ModuleNotFoundError as exc:
        raise ToolError(
            f"the sandbox needs {exc.name}: install it with pip install 'ways-device[sandbox]'"
        ) from exc
    folder = state or _default_state()
    serve(Options(folder, port, mqtt_port, host, info_file, faults, plan_devices, spoken))


app.command()(ledger)
app.command()(faults)


def _check_host(host: str) -> None:
    try:
        is_usable = not ip_address(host).is_unspecified
    except ValueError:
        is_usable = _HOST_NAME.fullmatch(host) is not None
    if not is_usable:
        raise UsageError(
            f"--host {host!r} is no address a board can connect to:"
            " give this machine's IP address or name in its network"
        )


def _default_state() -> Path:
    from platformdirs import user_data_path

    return user_data_path("ways-device") / "sandbox"
