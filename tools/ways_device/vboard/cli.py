"""ways-device vboard: run a virtual ESP32 on this machine."""

import json
import os
from contextlib import closing
from pathlib import Path

import platformdirs
import typer

from ways_device.errors import UsageError
from ways_device.vboard import store, world
from ways_device.vboard.board import Board
from ways_device.vboard.control import Control
from ways_device.vboard.loop import Loop
from ways_device.vboard.orders import commands
from ways_device.vboard.store import Store

DEFAULT_HEAP_KB = 512

app = typer.Typer(no_args_is_help=True, help="A virtual ESP32 on a serial port of this machine.")


@app.callback()
def _vboard() -> None:
    """A virtual ESP32 on a serial port of this machine."""


@app.command()
def start(
    folder: Path | None = typer.Option(  # noqa: B008
        None, "--dir", help="Folder that is the board; made if missing.", show_default=False
    ),
    flash_kb: int | None = typer.Option(
        None,
        "--flash-kb",
        help=f"Size of a new board's flash ({store.DEFAULT_FLASH_KB} if not given).",
        show_default=False,
    ),
    heap_kb: int = typer.Option(
        DEFAULT_HEAP_KB, "--heap-kb", min=192, max=65536, help="Memory for the board's programs."
    ),
    info_file: Path | None = typer.Option(  # noqa: B008
        None, "--info-file", help="Write port, pid, dir, unique_id, control here when ready."
    ),
) -> None:
    """Run a board until Ctrl-C. mpremote and ways-device use its port like a real one's."""
    folder = folder or platformdirs.user_data_path("ways-device") / "vboard"
    if info_file and not info_file.absolute().parent.is_dir():
        raise UsageError(f"--info-file {info_file}: there is no such folder; make it first")
    with Loop() as loop, closing(Store(folder, flash_kb)) as board_store:
        _serve(loop, board_store, heap_kb, info_file)


def _serve(loop: Loop, board_store: Store, heap_kb: int, info_file: Path | None) -> None:
    def on_ready() -> None:
        if info_file:
            _write_info(info_file, info)
        typer.echo(
            f"virtual board {board_store.unique_id} on {board.port.path}\n"
            f"Wi-Fi network {world.DEFAULT_SSID}, password {world.DEFAULT_PASSWORD}\n"
            f"try: mpremote connect {board.port.path} repl    Ctrl-C here stops the board"
        )

    with closing(Board(loop, board_store, heap_kb, on_ready)) as board:
        info = {
            "port": board.port.path,
            "pid": os.getpid(),
            "dir": str(board_store.folder),
            "unique_id": board_store.unique_id,
            "control": str(board_store.control_path),
        }
        with closing(Control(loop, board_store.control_path, commands(board))):
            try:
                board.run()
            finally:
                if info_file:
                    info_file.unlink(missing_ok=True)


def _write_info(path: Path, info: dict[str, object]) -> None:
    """Let the file appear whole: who waits for it may read it at once."""
    new = path.with_name(path.name + ".new")
    try:
        new.write_text(json.dumps(info) + "\n")
        new.replace(path)
    except OSError as exc:
        raise UsageError(f"--info-file {path}: {exc.strerror}; give another path") from exc
