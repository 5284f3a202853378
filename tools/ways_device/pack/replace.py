"""Puts other nodes in the place of some of a syntax tree."""

import ast
from typing import Any


class Replace(ast.NodeTransformer):
    """Puts other nodes, or nothing, in the place of some; and statements before others."""

    def __init__(
        self,
        nodes: dict[ast.AST, ast.AST | None],
        added: dict[ast.AST, list[ast.stmt]] | None = None,
    ) -> None:
        self._nodes = nodes
        self._added = added or {}

    def visit(self, node: ast.AST) -> Any:
        made = self._nodes[node] if node in self._nodes else self.generic_visit(node)
        before = self._added.get(node)
        return [*before, *([made] if made else [])] if before else made
