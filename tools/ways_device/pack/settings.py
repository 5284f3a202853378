"""The settings' names as attributes: config.py sets them by keys that are texts, see attributes().

A key has to stay what it is in the file; the attribute may have a name that costs a board nothing.
"""

import ast

from ways_device.pack.program import Program

_MODULE = "config"
_TABLE = "TABLE"
_FUNCTION = "attributes"
_BY_TEXT = frozenset({"delattr", "getattr", "hasattr", "setattr"})


class Table:
    """keys are those of config.py, nodes the texts that mean one of them; owner is their class.

    All of them are empty if there is no such function, which is what asks for this.
    """

    owner = "Config"

    def __init__(self, program: Program) -> None:
        self.keys: list[str] = []
        self.nodes: set[ast.AST] = set()
        self._function: ast.FunctionDef | None = None
        module = program.modules.get(_MODULE)
        for statement in module.tree.body if module else ():
            if isinstance(statement, ast.FunctionDef) and statement.name == _FUNCTION:
                self._function = statement
        for statement in module.tree.body if module and self._function else ():
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == _TABLE:
                rows = getattr(statement.value, "elts", [])
                self.keys = [str(row.elts[0].value) for row in rows]
        for module in program.modules.values() if self.keys else ():
            if module.name == _MODULE or not _asks_by_text(module.tree):
                self.nodes |= {node for node in ast.walk(module.tree) if self._is_key(node)}

    def _is_key(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Constant) and node.value in self.keys

    def name(self, renamed: dict[str, str]) -> None:
        """Have attributes() return what the keys are called from now on."""
        if self._function:
            names = " ".join(renamed.get(key, key) for key in self.keys)
            line = ast.parse(f"return {names!r}.split()").body[0]
            for node in ast.walk(line):
                ast.copy_location(node, self._function)
            self._function.body = [line]


def _asks_by_text(tree: ast.Module) -> bool:
    """Tell whether a module may get at an attribute of something by a text."""
    return any(isinstance(node, ast.Name) and node.id in _BY_TEXT for node in ast.walk(tree))
