"""From trees to text, and from a line of that text back to the source.

Each line of the text costs a board memory: bytecode tells where lines begin, for tracebacks. A
few simple statements share one, so that a traceback is right to a few lines of the source.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ways_device.pack.trees import bodies, statements

_SHARE = 4  # statements on a line
_COMPOUND = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.ExceptHandler,
    ast.Match,
)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def remember(tree: ast.Module, module: str) -> None:
    """Note what functions and classes are called in the source, and where, for Text.add()."""
    for node in statements(tree):
        if isinstance(node, _DEFINITIONS):
            node.first_name = node.name  # type: ignore[union-attr]
            node.first_module = module  # type: ignore[union-attr]


@dataclass(frozen=True)
class Origin:
    """What a line was: module and function as they are called in the source, first, last line."""

    module: str
    function: str = ""
    first: int = 0
    last: int = 0

    @property
    def text(self) -> str:
        """`firmware/x.py:3-5 in f`, "" for what has no source."""
        if not self.module:
            return ""
        lines = f"{self.first}-{self.last}" if self.last > self.first else f"{self.first}"
        module = self.module.replace(".", "/")
        if module in ("firmware", "firmware/sensors"):
            module += "/__init__"
        place = f"{module}.py:{lines}"
        return f"{place} in {self.function}" if self.function else place


@dataclass
class Text:
    """Lines of a module, each with its origin; share is how many statements a line may have."""

    share: int = _SHARE
    lines: list[str] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)

    def add(self, module: str, body: list[ast.stmt]) -> None:
        """Append the statements of one module of the source; it is "" for what has none."""
        for statement in body:
            _locate(statement)
        self._body(body, 0, Origin(module))

    def __str__(self) -> str:
        return "".join(line + "\n" for line in self.lines)

    def source_of(self, line: int) -> str:
        """Return file, lines and function of a line."""
        return self.origins[line - 1].text or "what the packing adds"

    def _body(self, body: list[Any], depth: int, place: Origin) -> None:
        group: list[ast.AST] = []
        for statement in body:
            if isinstance(statement, _COMPOUND) or len(group) == self.share:
                self._simple(group, depth, place)
                group = []
            if isinstance(statement, _COMPOUND):
                self._compound(statement, depth, place)
            else:
                group.append(statement)
        self._simple(group, depth, place)

    def _simple(self, group: list[ast.AST], depth: int, place: Origin) -> None:
        if group:
            self._line("; ".join(map(ast.unparse, group)), depth, place, group)

    def _compound(self, node: Any, depth: int, place: Origin) -> None:
        if isinstance(node, ast.Match):
            self._line(ast.unparse(node).split("\n")[0], depth, place, [node])
            return
        if isinstance(node, _DEFINITIONS):
            own = getattr(node, "first_name", node.name)
            module = getattr(node, "first_module", place.module)
            place = Origin(module, f"{place.function}.{own}".lstrip("."))
        for header, parts, about in _branches(node):
            for decorator in header[:-1]:
                self._line(decorator, depth, place, [node])
            if len(parts) <= self.share and not any(isinstance(part, _COMPOUND) for part in parts):
                text = "; ".join(map(ast.unparse, parts))
                heads = [] if isinstance(node, _DEFINITIONS) else about
                self._line(f"{header[-1]} {text}", depth, place, [*heads, *parts])
            else:
                self._line(header[-1], depth, place, about or parts[:1])
                self._body(parts, depth + 1, place)

    def _line(self, text: str, depth: int, place: Origin, nodes: list[Any]) -> None:
        self.lines.append(" " * depth + text)
        if not place.module:
            self.origins.append(place)
            return
        first = min(node.lineno for node in nodes)
        ends = [_end(node) for node in nodes]
        self.origins.append(Origin(place.module, place.function, first, max(ends)))


def _locate(statement: Any) -> None:
    """Give what the packing made the place of what it is in: ast.unparse() asks for one too."""
    statement.lineno = getattr(statement, "lineno", 1)
    for node in statements(statement):
        for inner in bodies(node):
            if not hasattr(inner, "lineno"):
                ast.copy_location(inner, node)


def _end(node: Any) -> int:
    """Return the last line of a statement, of a compound one that of its header."""
    if isinstance(node, _COMPOUND):
        return int(node.lineno)
    return int(node.end_lineno or node.lineno)


def _branches(node: Any) -> Iterator[tuple[list[str], list[Any], list[Any]]]:
    """Yield (lines of the header, body, what the header belongs to) of each part."""
    yield _header(node), node.body, [node]
    for handler in getattr(node, "handlers", []):
        yield _header(handler), handler.body, [handler]
    if getattr(node, "orelse", None):
        inner = node.orelse[0]
        if isinstance(node, ast.If) and len(node.orelse) == 1 and isinstance(inner, ast.If):
            first, *rest = _branches(inner)
            yield ["el" + first[0][0]], first[1], first[2]
            yield from rest
        else:
            yield ["else:"], node.orelse, []
    if getattr(node, "finalbody", None):
        yield ["finally:"], node.finalbody, []


def _header(node: Any) -> list[str]:
    """Return the lines before the body."""
    if isinstance(node, ast.Try):
        return ["try:"]
    if isinstance(node, ast.ExceptHandler):
        kind = f" {ast.unparse(node.type)}" if node.type else ""
        return [f"except{kind} as {node.name}:" if node.name else f"except{kind}:"]
    empty = type(node)(**{name: getattr(node, name, None) for name in node._fields})
    empty.body = [ast.Pass()]
    if hasattr(empty, "orelse"):
        empty.orelse = []
    ast.copy_location(empty, node)
    lines = ast.unparse(empty).split("\n")
    return [line for line in lines[:-1] if line]
