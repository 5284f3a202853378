"""The scripts that a board starts with: they take what the agent has, and leave no names behind.

A board compiles them at each start. Whatever is called something in them is a name in its RAM
from then on, even the variables of a function that has long returned.
"""

import ast
import builtins
import contextlib
from collections import Counter
from typing import NoReturn

from ways_device.errors import ToolError
from ways_device.pack.emit import Text, remember
from ways_device.pack.local import rename_function
from ways_device.pack.module import PACKAGE, Module
from ways_device.pack.pool import Pool
from ways_device.pack.program import SCRIPT, Program, strip
from ways_device.pack.scope import UnsureError, resolve
from ways_device.pack.trees import identifiers, walk


def check(script: ast.Module, found: Program) -> None:
    """Raise ToolError with the line of an import, or of `module.name`, that leads nowhere."""
    modules: dict[str, Module] = {}
    for node in walk(script):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            for alias in node.names:
                module = _module(node, alias.name, found)
                if module:
                    modules[alias.asname or alias.name] = module
    for node in walk(script):
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


def shortened(scripts: dict[str, ast.Module]) -> dict[str, Text]:
    """Return the scripts with names that every board has in ROM for what is theirs alone.

    scripts are {file name: tree}. They share their variables with each other and with the prompt:
    one that does not begin with `_` keeps its name.
    """
    taken = {*dir(builtins)}
    for tree in scripts.values():
        taken |= {*identifiers(walk(tree))}
    texts = {}
    for name, tree in scripts.items():
        module = name.removesuffix(".py")
        remember(tree, module)
        strip(tree)
        # A script that does what is not understood here keeps all its names.
        with contextlib.suppress(UnsureError):
            _rename(tree, taken)
        texts[name] = Text(share=1)
        texts[name].add(module, tree.body)
    return texts


def _rename(tree: ast.Module, taken: set[str]) -> None:
    """Rename what is private to a script; taken are the names for nothing else, which grow."""
    scope = resolve(tree)
    own = [one for one in scope.variables.values() if one.name.startswith("_")]
    for variable, new in zip(own, Pool(Counter()).names(taken), strict=False):
        variable.rename(new)
        taken.add(new)
    by_name = {node.arg or "" for node in walk(tree) if isinstance(node, ast.keyword)}
    for inner in scope.inside:
        rename_function(inner, by_name, False, Pool(Counter()))
