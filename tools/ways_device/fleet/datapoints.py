"""Which datapoints sensors will tell, read out of their own source: no board is needed.

A sensor's open() makes each as Datapoint(options.pop(OPTION, DEFAULT), unit, ...), or of a name
that has been given such a pop. The board has the last word when it judges its settings; this is
for saying beforehand what an account lacks.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ways_device.provision.request import Request


@dataclass(frozen=True)
class _Point:
    """One datapoint of a kind of sensor. default "" = there is none unless the option is given."""

    option: str
    default: str
    data_type: str


def told_by(
    requests: Iterable[Request], source: Path, drivers: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Return {key: data type} of what these requests' sensors tell, and the kinds nobody knows.

    drivers     {kind: source} of the sensors besides those of the agent in source
    """
    known: dict[str, list[_Point] | None] = {}
    keys: dict[str, str] = {}
    unknown: dict[str, None] = {}
    for sensor in (sensor for request in requests for sensor in request.sensors):
        kind = str(sensor["kind"])
        if kind not in known:
            known[kind] = _points(source / "firmware" / "sensors", kind, drivers.get(kind))
        found = known[kind]
        if found is None:
            unknown[kind] = None
        for point in found or []:
            keys.update(_keys(point, sensor))
    return dict(sorted(keys.items())), sorted(unknown)


def _keys(point: _Point, sensor: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield key and data type of all that a sensor's options make of a datapoint."""
    key = str(sensor.get(point.option) or point.default)
    if not key:
        return
    aggregate = sensor.get("aggregate")
    if isinstance(aggregate, dict):
        aggregate = aggregate.get(key)
    kinds = aggregate if isinstance(aggregate, list) else [aggregate]
    for number, kind in enumerate(kinds):
        yield f"{key}_{kind}" if number else key, "number" if kind == "count" else point.data_type


def _points(folder: Path, kind: str, own: str | None) -> list[_Point] | None:
    """Return the datapoints of one kind, None if the agent has no such sensor and own is None."""
    path = folder / f"{kind}.py"
    if own is None and not path.is_file():
        return None
    tree = ast.parse(path.read_text("utf-8") if own is None else own)
    pops = dict(_assigned(tree))
    found = [point for node in ast.walk(tree) for point in _point(node, pops)]
    if found:
        return found
    # One that is another under a second name: its file has no Datapoint of its own.
    others = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "firmware.sensors"
        for alias in node.names
    ]
    return [
        point for other in others if other != kind for point in _points(folder, other, None) or []
    ]


def _assigned(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls that a plain name is given the answer of."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                yield name, call
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for target, value in zip(names, values, strict=False):
                    if isinstance(target, ast.Name) and isinstance(value, ast.Call):
                        yield target.id, value


def _point(node: ast.AST, pops: Mapping[str, ast.Call]) -> Iterator[_Point]:
    match node:
        case ast.Call(func=ast.Name(id="Datapoint"), args=[first, *rest], keywords=keywords):
            key = pops.get(first.id) if isinstance(first, ast.Name) else first
            given = {word.arg: word.value for word in keywords}
            data_type = given.get("data_type", rest[1] if len(rest) > 1 else None)
            match key:
                case ast.Call(args=[ast.Constant(value=str(option)), *others]):
                    default = others[0] if others else None
                    yield _Point(option, _text(default), _text(data_type) or "number")


def _text(node: ast.AST | None) -> str:
    """Return the text that a node spells, "" for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
