"""The command `ways-device`: parses, calls, prints; a failure becomes one line and a status."""

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from ways_device import __version__, secrets
from ways_device.commands import examples, next_step
from ways_device.commands.api import app as api_app
from ways_device.commands.battery_life import app as battery_life_app
from ways_device.commands.board import app as board_app
from ways_device.commands.command import app as command_app
from ways_device.commands.config import app as config_app
from ways_device.commands.devices import app as devices_app
from ways_device.commands.doctor import app as doctor_app
from ways_device.commands.flash import app as flash_app
from ways_device.commands.fleet import app as fleet_app
from ways_device.commands.image import app as image_app
from ways_device.commands.monitor import app as monitor_app
from ways_device.commands.probe import app as probe_app
from ways_device.commands.profile import app as profile_app
from ways_device.commands.replace import app as replace_app
from ways_device.commands.sensor import app as sensor_app
from ways_device.commands.wifi import app as wifi_app
from ways_device.errors import ToolError
from ways_device.sandbox.cli import app as sandbox_app
from ways_device.vboard.cli import app as vboard_app

_INTERRUPTED = 130
_USAGE = 2
_DEBUG = "WAYS_DEVICE_DEBUG"

_TITLE = "Readings from an ESP32 on the WAYSCloud IoT platform."
_STATUS = """\
Exit status:
  0    done
  1    failed; the message says what to do next
  2    called wrongly, or nobody agreed: nothing was done
  3    the board or its port
  4    the platform's REST API
  5    `sandbox ledger` only: readings are missing
  130  interrupted: the same command again goes on from there

Environment:
  WAYSCLOUD_API_KEY  the API key, where no --api-key-file is given
  WAYSCLOUD_API_URL  the API's address, where no --api-url is given
  WAYS_DEVICE_HOME   the folder of this tool's own files
  WAYS_DEVICE_DEBUG  if set, a failure shows its traceback, without secrets
  NO_COLOR           if set, no colours"""

_MORE = """
More:
  watch it work, no hardware  ways-device demo
  a platform on this machine  ways-device sandbox start --info-file sandbox.json
  a board, without hardware   ways-device vboard start --info-file board.json
  make a board a device       ways-device provision --name NAME --wifi-file FILE
  bring its code up to date   ways-device deploy
  all commands                ways-device --help
"""

app = typer.Typer(
    name="ways-device",
    help=_TITLE,
    epilog="\b\n" + _STATUS.replace("\n\n", "\n\n\b\n"),
    # Its tracebacks show the values of variables, and with them secrets.
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(board_app)
app.add_typer(flash_app)
app.add_typer(image_app)
app.add_typer(devices_app)
app.add_typer(replace_app)
app.add_typer(battery_life_app)
app.add_typer(doctor_app)
app.add_typer(monitor_app)
app.add_typer(config_app, name="config")
app.add_typer(wifi_app, name="wifi")
app.add_typer(sensor_app, name="sensor")
app.add_typer(profile_app, name="profile")
app.add_typer(command_app)
app.add_typer(fleet_app, name="fleet")
app.add_typer(api_app)
app.add_typer(probe_app)
app.add_typer(sandbox_app, name="sandbox")
app.add_typer(vboard_app, name="vboard")


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"ways-device {__version__}")
    elif context.invoked_subcommand is None:
        here = next_step.look(Path.cwd())
        print(f"{_TITLE}\n\n{next_step.text(here)}{_MORE}", end="")


@app.command()
def demo(
    seconds: Annotated[float, typer.Option(min=5, max=86400, help="How long to watch.")] = 30,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Keep its files here.  [default: nowhere]")
    ] = None,
) -> int:
    """Play the whole way of a reading on this computer: platform, board, outage, count."""
    from rich.console import Console

    from ways_device.demo.command import demo as run_demo

    return 0 if run_demo(seconds, folder, Console(highlight=False)) else 1


def run(arguments: list[str]) -> int:
    """Run one command; return its exit status. Every failure is one line on stderr."""
    try:
        return _called(arguments)
    except SystemExit as exc:
        # The completion of words ends so.
        return exc.code if isinstance(exc.code, int) else 1
    except (KeyboardInterrupt, typer.Abort):
        return _failed("interrupted; the same command again goes on from here", _INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as exc:
        return _explained(exc)


def _called(arguments: list[str]) -> int:
    command = typer.main.get_command(app)
    examples.attach(command)
    status = command.main(arguments, prog_name="ways-device", standalone_mode=False)
    # Some versions of the parser turn Ctrl-C into this status, others into an exception.
    if status == _INTERRUPTED:
        raise KeyboardInterrupt
    return status if isinstance(status, int) else 0


def _explained(exc: Exception) -> int:
    if isinstance(exc, ToolError):
        return _failed(f"{exc.step}: {exc}" if exc.step else str(exc), exc.exit_code)
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
    # One line, whatever a board or a platform has put into it.
    print(f"ways-device: {' '.join(secrets.redact(message).split())}", file=sys.stderr)
    return status


def main() -> None:
    """The console script."""
    secrets.take_key()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
