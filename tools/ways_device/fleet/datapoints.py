"""Which datapoints sensors will tell, read out of the agent's own source: no board is needed.

A sensor's open() makes each as Datapoint(options.pop(OPTION, DEFAULT), unit, ...). The board has
the last word when it judges its settings; this is for saying beforehand what an account lacks.
"""

import ast
from collections.abc import Iterable
from pathlib import Path

from ways_device.provision.request import Request

# Option and default of each key, by kind of sensor.
_Keys = list[tuple[str, str]]


def told_by(requests: Iterable[Request], source: Path) -> tuple[list[str], list[str]]:
    """Return the keys that the sensors of these requests tell, and the kinds that are unknown."""
    folder = source / "firmware" / "sensors"
    known: dict[str, _Keys | None] = {}
    keys: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for sensor in (sensor for request in requests for sensor in request.sensors):
        kind = str(sensor["kind"])
        if kind not in known:
            known[kind] = _keys(folder, kind)
        found = known[kind]
        if found is None:
            unknown[kind] = None
        for option, default in found or []:
            keys[str(sensor.get(option, default))] = None
    return sorted(keys), sorted(unknown)


def _keys(folder: Path, kind: str) -> _Keys | None:
    """Return the keys of one kind, None if the agent has no such sensor."""
    path = folder / f"{kind}.py"
    if not path.is_file():
        return None
    tree = ast.parse(path.read_text("utf-8"))
    found = [key for node in ast.walk(tree) for key in _key(node) if isinstance(node, ast.Call)]
    if found:
        return found
    # One that is another under a second name: its file has no Datapoint of its own.
    others = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "firmware.sensors"
        for alias in node.names
    ]
    return [key for other in others if other != kind for key in _keys(folder, other) or []]


def _key(node: ast.AST) -> _Keys:
    match node:
        case ast.Call(
            func=ast.Name(id="Datapoint"),
            args=[
                ast.Call(args=[ast.Constant(value=str(option)), ast.Constant(value=default)]),
                *_,
            ],
        ):
            return [(option, str(default))]
    return []
