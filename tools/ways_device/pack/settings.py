"""The settings' names as attributes: config.py sets them by keys that are texts, see attributes().

A key has to stay what it is in the file; the attribute may have a name that costs a board nothing.
"""

import ast

from ways_device.pack.program import Program
from ways_device.pack.trees import is_name, walk

_MODULE = "config"
_TABLE = "TABLE"
_FUNCTION = "attributes"
# A module that calls one of these may get at an attribute of something by a text.
_BY_TEXT = frozenset({"delattr", "getattr", "hasattr", "setattr"})


class Table:
    """keys are those of config.py, nodes the texts that mean one of them; owner is their class.

    All of them are empty if there is no such function, which is what asks for this.
    """

    owner = "Config"

    def __init__(self, program: Program) -> None:
        self._program = program
        self.keys: list[str] = []
        self.nodes: set[ast.AST] = set()
        self._function: ast.FunctionDef | None = None
        module = program.modules.get(_MODULE)
        for statement in module.tree.body if module else ():
            if isinstance(statement, ast.FunctionDef) and statement.name == _FUNCTION:
                self._function = statement
        for statement in module.tree.body if module and self._function else ():
            if isinstance(statement, ast.Assign) and is_name(statement.targets[0], _TABLE):
                rows = getattr(statement.value, "elts", [])
                self.keys = [str(row.elts[0].value) for row in rows]
        for module in program.modules.values() if self.keys else ():
            if module.name == _MODULE or not any(is_name(one, *_BY_TEXT) for one in module.nodes):
                self.nodes |= {node for node in module.nodes if self._is_key(node)}

    def _is_key(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Constant) and node.value in self.keys

    def name(self, renamed: dict[str, str]) -> None:
        """Have attributes() return what the keys are called from now on."""
        if self._function:
            names = " ".join(renamed.get(key, key) for key in self.keys)
            line = ast.parse(f"return {names!r}.split()").body[0]
            for node in walk(line):
                ast.copy_location(node, self._function)
            self._function.body = [line]
            self._program.modules[_MODULE].changed()
