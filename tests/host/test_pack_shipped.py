"""The shipped agent, packed: nothing of others is renamed, and each line has its source."""

import ast
import asyncio
import io
import os
import shutil
import socket
import ssl
import subprocess
import sys
import types
from pathlib import Path

import pytest

from ways_device.pack import link, pack, program, rename
from ways_device.pack.trace import lines_of
from ways_device.resources import device_source
from ways_device.toolchain import device_lib

ROOT = Path(__file__).resolve().parents[2]


def members():
    """Yield (what, names) of the objects that the interpreter and the chip hand to the agent."""
    kinds = (
        *(str, bytes, bytearray, memoryview, int, float, list, dict, set, tuple, range, OSError),
        *(io.FileIO, io.BytesIO, io.TextIOWrapper, socket.socket, ssl.SSLContext),
        *(asyncio.Event, asyncio.Task, types.GeneratorType, types.CoroutineType),
    )
    for kind in kinds:
        yield kind.__name__, {name for name in dir(kind) if name[0] != "_"}
    texts = [device_lib() / "umqtt" / "simple.py"]
    # The stubs are there after `make check`.
    for name in sorted(set(imported())):
        texts += [ROOT / "typings" / f"{name}.pyi", ROOT / "typings" / name / "__init__.pyi"]
    for path in filter(Path.exists, texts):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = node.name
            elif isinstance(node, ast.AnnAssign):
                name = ast.unparse(node.target)
            else:
                name = getattr(node, "attr", "_")
            if name[0] != "_":
                yield path, {name}


def imported():
    """Yield what the agent imports of others; in sensor files no attribute of others changes."""
    for path in (device_source() / "firmware").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module


@pytest.mark.parametrize("board", ["board", "board_unix"])
def test_no_attribute_is_renamed_that_another_object_has(board):
    found = program.read(device_source(), board)
    found.scripts = [ast.parse((device_source() / "main.py").read_text())]
    ours = set(rename.Attributes(found, link.link(found)).ours)
    assert len(ours) > 100
    for what, names in members():
        assert not ours & names, f"{what}: to be listed in pack/names.py"


def test_shipped_agent_is_packed_the_same_everywhere(tmp_path):
    shutil.copytree(device_source() / "firmware", tmp_path / "firmware")
    shutil.copy(device_source() / "main.py", tmp_path)
    texts = [
        subprocess.run(
            [sys.executable, "-c", _PRINT, tmp_path],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            timeout=240,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert texts[0] == texts[1]
    assert len(texts[0]) > 20_000


_PRINT = """
import pathlib
import sys
from ways_device.pack import pack
for board in ("board", "board_unix"):
    for name, text in pack(pathlib.Path(sys.argv[1]), board).texts.items():
        print(name, text)
"""


def test_what_the_host_runs_on_a_board_finds_what_it_takes_of_the_agent():
    modules = {
        f"firmware.{path}".replace("/", ".").removesuffix(".__init__"): ast.parse(str(text))
        for path, text in pack(device_source()).texts.items()
    }
    names = {name: set(defined(tree)) for name, tree in modules.items()}
    taken = set(asked_for())
    assert {("firmware.setup", "check"), ("firmware.setup", "Board")} <= taken
    for module, name in taken:
        assert name in names.get(module, ()), f"{module} has no {name} on a board"


def defined(tree):
    """Yield the names that the statements of a module itself give a value."""
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (one.asname or one.name for one in node.names)
        elif isinstance(node, ast.Assign):
            yield from map(ast.unparse, node.targets)
        else:
            yield getattr(node, "name", "")


def asked_for():
    """Yield (module, name) of what the host's scripts and commands take of the agent."""
    texts = [
        path.read_text() for path in sorted((ROOT / "tools/ways_device/onboard").glob("*.py"))
    ]
    board = ast.parse((ROOT / "tools/ways_device/board.py").read_text())
    values = [node.value for node in ast.walk(board) if isinstance(node, ast.Constant)]
    texts += [one.format(1) for one in map(str, values) if one.startswith("from firmware ")]
    for tree in map(ast.parse, texts):
        modules = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "firmware":
                modules |= {one.asname or one.name: f"firmware.{one.name}" for one in node.names}
            elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("firmware."):
                yield from ((node.module, one.name) for one in node.names)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in modules:
                yield modules[ast.unparse(node.value)], node.attr


def test_every_line_of_the_shipped_agent_has_a_source():
    source = device_source()
    places = [place for lines in lines_of(pack(source)).values() for place in lines if place]
    assert len(places) > 500
    for place in places:
        path, _, rest = place.partition(":")
        span = rest.split(" in ")[0].split("-")
        last = len((source / path).read_text().splitlines())
        assert 1 <= int(span[0]) <= int(span[-1]) <= last, place
        function = rest.partition(" in ")[2]
        names = {
            getattr(node, "name", "") for node in ast.walk(ast.parse((source / path).read_text()))
        }
        assert set(filter(None, function.split("."))) <= names
