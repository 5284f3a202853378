"""One source file of the agent: its tree, what its names mean, and how it is changed."""

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from ways_device.errors import ToolError
from ways_device.pack.replace import Added, Replaced, replace
from ways_device.pack.scope import Scope
from ways_device.pack.trees import walk

PACKAGE = "firmware"


def dotted(name: str) -> str:
    """Return the full name of a module whose name below the package this is."""
    return f"{PACKAGE}.{name}" if name else PACKAGE


@dataclass(eq=False)
class Module:
    """One source file. name is below the package: "" is the package's own, "sensors.adc"."""

    name: str
    path: Path
    tree: ast.Module
    scope: Scope
    is_bundled: bool
    _nodes: list[ast.AST] = field(default_factory=list)

    @property
    def dotted(self) -> str:
        return dotted(self.name)

    @property
    def nodes(self) -> list[ast.AST]:
        """Return what walk() yields; the tree is walked again only after changed()."""
        if not self._nodes:
            self._nodes = [*walk(self.tree)]
        return self._nodes

    def changed(self) -> None:
        """Note that there are other nodes in the tree now."""
        self._nodes = []

    def replace(self, nodes: Replaced, added: Added | None = None) -> None:
        """Put other nodes, or nothing, in the place of some; and statements before others.

        They may be those of other modules too.
        """
        if not (nodes.keys() | (added or {}).keys()).isdisjoint(self.nodes):
            replace(self.tree, nodes, added)
            self.changed()

    def refuse(self, node: ast.AST, why: str) -> NoReturn:
        """Stop: this cannot be packed safely."""
        # A node may have come from another file, see join.py.
        parts = getattr(node, "path", self.path).parts
        where = "/".join(parts[parts.index(PACKAGE) :])
        line = getattr(node, "lineno", 1)
        raise ToolError(f"{where}:{line} cannot be packed: {why}")
