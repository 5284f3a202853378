"""The flash of a board that holds the agent's code and nothing else: made once in a run.

Copying the code takes a board and the command seconds of computing. A test whose subject is what
comes after that begins with a copy of this flash; the command then finds everything there already,
as it does on a board that was deployed to. NVS and the board's own id are not part of it.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import packonce
from realparts import COMMAND, Platform, World, part, world

from ways_device.filelock import exclusive
from ways_device.vboard.store import DEFAULT_FLASH_KB

_WAIT_S = 110
_DEPLOY_S = 90


@contextmanager
def coded_world(folder: Path, at: Platform | None = None) -> Iterator[World]:
    """Yield a world as realparts.world() does, whose board holds the code."""
    give(folder / "board" / "chip")
    with world(folder, at=at) as made:
        yield made


def give(chip: Path, flash_kb: int = DEFAULT_FLASH_KB) -> None:
    """Have the virtual board that will be started in this new folder hold the code."""
    chip.mkdir(parents=True)
    if packonce.FOLDER not in os.environ:
        _make(chip / "flash.bin", flash_kb)
        return
    kept = Path(os.environ[packonce.FOLDER]) / f"flash-{flash_kb}"
    with exclusive(kept.with_suffix(".lock"), _WAIT_S):
        if not kept.exists():
            _make(kept, flash_kb)
    shutil.copyfile(kept, chip / "flash.bin")


def _make(path: Path, flash_kb: int) -> None:
    with tempfile.TemporaryDirectory(prefix="flash-") as name:
        folder = Path(name)
        words = ["vboard", "start", "--dir", str(folder / "chip"), "--flash-kb", str(flash_kb)]
        with part(folder, *words) as board:
            done = subprocess.run(
                [*COMMAND, "deploy", "--port", board["port"]],
                env={**os.environ, "WAYS_DEVICE_HOME": str(folder / "home")},
                capture_output=True,
                text=True,
                timeout=_DEPLOY_S,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        # Whole or not at all: a test that was ended meanwhile leaves nothing for the next one.
        new = path.with_name(f"{path.name}.new")
        shutil.copyfile(folder / "chip" / "flash.bin", new)
        new.replace(path)
