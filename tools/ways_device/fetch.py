"""Fetch a program with the libraries it needs into a folder that can be moved.

    bin/NAME        sh wrapper; it starts NAME/bin/NAME with the loader and libraries beside it
    NAME/           bin/NAME, lib/*.so*, ld.so, layout (it appears whole or not at all)

Only what the program loads is kept of the packages. PRELOAD names a library to be loaded first:
LD_PRELOAD would go into the wrapper's shell, which runs with the system's own libc.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ways_device import debian
from ways_device.errors import ToolError
from ways_device.filelock import exclusive

# Raise it when what is kept in a folder changes: older folders are then made anew.
LAYOUT = "1"
_LOCK_TIMEOUT_S = 900
_LIST_TIMEOUT_S = 30
_RESOLVED = re.compile(r"^\s*(\S+) => (/.+) \(0x[0-9a-f]+\)$", re.MULTILINE)

_WRAPPER = """\
#!/bin/sh
# Starts the program with the loader and the libraries it was built for, wherever this folder is.
here=${{0%/*}}/../{name}
exec "$here/ld.so" ${{PRELOAD:+--preload "$PRELOAD"}} --library-path "$here/lib" \\
    "$here/bin/{name}" "$@"
"""


class CannotRunError(ToolError):
    """This machine cannot run the program at all, fetched or not."""


@dataclass(frozen=True)
class Recipe:
    """How to make one folder: packages to unpack, the program, and libraries loaded by name."""

    name: str
    title: str
    packages: tuple[str, ...]
    program: str
    libraries: tuple[str, ...]
    arch: str = ""


def fetched(root: Path, recipe: Recipe) -> Path:
    """Return the wrapper of the program below root, fetching it first if it is not there.

    Safe with several processes at once. Raises debian.FetchError, CannotRunError or ToolError.
    """
    wrapper = root / "bin" / recipe.name
    if _is_complete(root, recipe):
        return wrapper
    try:
        with exclusive(root / ".lock", _LOCK_TIMEOUT_S):
            if not _is_complete(root, recipe):
                print(f"fetching {recipe.title} (once, some seconds)", file=sys.stderr, flush=True)
                _make(root, recipe)
    except OSError as exc:
        raise ToolError(f"cannot write {exc.filename}: {exc.strerror}; make it writable") from exc
    return wrapper


def _is_complete(root: Path, recipe: Recipe) -> bool:
    layout = root / recipe.name / "layout"
    return (
        layout.is_file()
        and layout.read_text() == LAYOUT
        and (root / "bin" / recipe.name).is_file()
    )


def _make(root: Path, recipe: Recipe) -> None:
    arch = recipe.arch or debian.architecture()
    for abandoned in root.glob("fetch-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=root) as scratch:
        tree, folder = Path(scratch) / "tree", Path(scratch) / recipe.name
        tree.mkdir()
        debian.unpack(recipe.packages, arch, tree)
        _keep(tree, recipe, folder)
        (folder / "layout").write_text(LAYOUT)
        # A folder of an older layout, or one that lost its stamp, makes room.
        if (root / recipe.name).exists():
            (root / recipe.name).rename(Path(scratch) / "old")
        folder.rename(root / recipe.name)
        _write_wrapper(root, recipe.name, Path(scratch))


def _keep(tree: Path, recipe: Recipe, folder: Path) -> None:
    loader = _only(tree, "usr/lib*/ld-linux*.so.*", "lib*/ld-linux*.so.*")
    program = tree / recipe.program
    libraries = [_only(tree, f"usr/lib/**/{name}") for name in recipe.libraries]
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").mkdir()
    shutil.copy2(loader, folder / "ld.so")
    shutil.copy2(program, folder / "bin" / recipe.name)
    for name, path in _needed(loader, tree, [program, *libraries]):
        shutil.copy2(path, folder / "lib" / name)
    for path in libraries:
        shutil.copy2(path, folder / "lib" / path.name)


def _only(tree: Path, *patterns: str) -> Path:
    found = [path for pattern in patterns for path in sorted(tree.glob(pattern))]
    if not found:
        raise ToolError(f"the fetched packages hold no {patterns[0]}")
    return found[0]


def _needed(loader: Path, tree: Path, objects: list[Path]) -> Iterator[tuple[str, Path]]:
    """Yield name and file of every library the loader would load for objects."""
    folders = sorted({path.parent for path in tree.glob("usr/lib/**/*.so*")})
    search = ":".join(map(str, folders))
    for path in objects:
        command = [str(loader), "--library-path", search, "--list", str(path)]
        for name, library in _RESOLVED.findall(_listing(command)):
            if "/" not in name:
                yield name, Path(library)


def _listing(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_LIST_TIMEOUT_S, check=False
        )
    except OSError as exc:
        raise CannotRunError(f"this machine cannot run it: {exc.strerror}") from exc
    if done.returncode or "not found" in done.stdout:
        raise ToolError(f"the fetched packages do not fit together: {done.stderr or done.stdout}")
    return done.stdout


def _write_wrapper(root: Path, name: str, scratch: Path) -> None:
    draft = scratch / "wrapper"
    draft.write_text(_WRAPPER.format(name=name))
    draft.chmod(0o755)
    (root / "bin").mkdir(exist_ok=True)
    draft.replace(root / "bin" / name)
