"""The command `ways-device`: parses, calls, prints; a failure becomes one line and a status."""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ways_device import __version__, secrets, wifi
from ways_device.errors import ToolError
from ways_device.sandbox.cli import app as sandbox_app
from ways_device.talk import Talk
from ways_device.vboard.cli import app as vboard_app

_INTERRUPTED = 130
_USAGE = 2
_DEBUG = "WAYS_DEVICE_DEBUG"

_NEXT = """\
ways-device: readings from an ESP32 on the WAYSCloud IoT platform

  watch it work, no hardware      ways-device demo
  a platform on this computer     ways-device sandbox start --info-file sandbox.json
  a board without hardware        ways-device vboard start --info-file board.json
  make a board a device           ways-device provision --name NAME --wifi-file FILE
  bring its code up to date       ways-device deploy

ways-device COMMAND --help tells what a command takes.
"""

app = typer.Typer(
    name="ways-device",
    help="Readings from an ESP32 on the WAYSCloud IoT platform.",
    # Its tracebacks show the values of variables, and with them secrets.
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.add_typer(sandbox_app, name="sandbox")
app.add_typer(vboard_app, name="vboard")

_Port = Annotated[
    str | None,
    typer.Option(help="The board's port, or a0, u0, c0 ...  [default: the only board found]"),
]
_Json = Annotated[bool, typer.Option("--json", help="Print the record as JSON.")]


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"ways-device {__version__}")
    elif context.invoked_subcommand is None:
        print(_NEXT, end="")


@app.command()
def provision(
    *,
    name: Annotated[str, typer.Option(help="The device's name on the platform.")],
    port: _Port = None,
    device_id: Annotated[
        str | None, typer.Option(help="Its id.  [default: esp32-<the board's own id>]")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="A profile's name or id.")] = None,
    interval: Annotated[
        int | None,
        typer.Option(
            help="Seconds between readings; uses or makes such a profile.  [default: 60]"
        ),
    ] = None,
    wifi_file: Annotated[
        Path | None,
        typer.Option(help='[{"ssid", "password", "priority"}], mode 0600.  [default: asks]'),
    ] = None,
    sensor: Annotated[
        list[str] | None,
        typer.Option(help="KIND:key=value,...; can repeat.  [default: internal_temperature]"),
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="The CA of the broker.  [default: found by asking it]")
    ] = None,
    sandbox: Annotated[
        Path | None, typer.Option(help="The info file of a running sandbox, to use that.")
    ] = None,
    api_url: Annotated[str | None, typer.Option(help="The API's address.")] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(help="File with the API key, mode 0600.  [default: environment or keyring]"),
    ] = None,
    log_level: Annotated[str, typer.Option(help="What the board logs: E, W, I or D.")] = "I",
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value of the device's settings; can repeat."),
    ] = None,
    wait: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds to wait for the first reading.")
    ] = 120,
    as_json: _Json = False,
) -> None:
    """Register a device, set up a board as it, and wait for its first reading.

    Stopped half-way, the same command again goes on from there.
    """
    from ways_device import context
    from ways_device.provision import command
    from ways_device.provision.request import Request, sensors, settings

    talk = Talk()
    where = context.place(sandbox, api_url, api_key_file)
    request = Request(
        name=name,
        device_id=device_id,
        profile=profile,
        interval_s=interval,
        sensors=sensors(sensor or []),
        ca_file=ca_file or where.ca_file,
        settings=settings(setting or []),
        log_level=log_level,
        with_sequence=where.is_sandbox,
        wait_s=wait,
    )
    with context.opened(where, port, talk) as opened:
        record = command.provision(request, wifi.load(wifi_file, talk.note), opened)
    _print_record(record.as_json(), as_json)


@app.command()
def deploy(port: _Port = None, as_json: _Json = False) -> None:
    """Bring the code on a board up to date: compile, copy what changed, verify, restart."""
    from ways_device import context
    from ways_device.deploy import deploy as run_deploy
    from ways_device.resources import device_source

    board = context.open_board(port)
    copied = run_deploy(board, device_source(), Talk())
    _print_record({"port": board.port, "copied": copied}, as_json)


@app.command()
def demo(
    seconds: Annotated[float, typer.Option(min=5, max=86400, help="How long to watch.")] = 30,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Keep its files here.  [default: nowhere]")
    ] = None,
) -> int:
    """Play the whole way of a reading on this computer: platform, board, outage, count."""
    from ways_device.demo.command import demo as run_demo

    return 0 if run_demo(seconds, folder, Console(highlight=False)) else 1


def _print_record(record: dict[str, Any], as_json: bool) -> None:
    """Print what was done on stdout: JSON for programs, aligned lines for people."""
    if as_json:
        print(json.dumps(record))
        return
    width = max(len(key) for key in record)
    for key, value in record.items():
        print(secrets.redact(f"{key.replace('_', ' '):{width}}  {_words(value)}"))


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)


def run(arguments: list[str]) -> int:
    """Run one command; return its exit status. Every failure is one line on stderr."""
    try:
        status = app(arguments, prog_name="ways-device", standalone_mode=False)
        # Some versions of the parser turn Ctrl-C into this status, others into an exception.
        if status == _INTERRUPTED:
            raise KeyboardInterrupt
        return status if isinstance(status, int) else 0
    except ToolError as exc:
        return _failed(f"{exc.step}: {exc}" if exc.step else str(exc), exc.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _failed("interrupted; the same command again goes on from here", _INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as exc:
        # The parser's own errors have no common base that all its versions export.
        message = getattr(exc, "format_message", None)
        if message is not None:
            return _failed(f"{message() or 'see'}; try ways-device --help", _USAGE)
        return _failed(
            f"internal fault: {type(exc).__name__}: {secrets.one_line(str(exc))}; please report "
            f"it with what {_DEBUG}=1 shows",
            1,
        )


def _failed(message: str, status: int) -> int:
    if os.environ.get(_DEBUG):
        print(secrets.redact(traceback.format_exc()), file=sys.stderr)
    print(f"ways-device: {secrets.redact(message)}", file=sys.stderr)
    return status


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
