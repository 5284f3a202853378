"""Refuses a script that takes what the agent does not have: else a board would find out."""

import ast
from typing import NoReturn

from ways_device.errors import ToolError
from ways_device.pack.program import PACKAGE, SCRIPT, Module, Program


def check(script: ast.Module, found: Program) -> None:
    """Raise ToolError with the line of an import, or of `module.name`, that leads nowhere."""
    modules: dict[str, Module] = {}
    for node in ast.walk(script):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            for alias in node.names:
                module = _module(node, alias.name, found)
                if module:
                    modules[alias.asname or alias.name] = module
    for node in ast.walk(script):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if module and node.attr not in module.scope.variables:
                _refuse(node, f"{module.dotted} has no {node.attr}")


def _module(node: ast.ImportFrom, name: str, found: Program) -> Module | None:
    """Return the module that a statement imports, None if it is something of a module."""
    module, inner = found.target(node.module, name) or (None, None)
    if module and inner is None:
        return module
    if module is None or inner not in module.scope.variables:
        _refuse(node, f"{node.module} has no {name}")
    return None


def _refuse(node: ast.expr | ast.stmt, why: str) -> NoReturn:
    raise ToolError(f"{SCRIPT}:{node.lineno} cannot be packed: {why}")
