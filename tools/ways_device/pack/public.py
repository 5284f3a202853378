"""What others than the agent's own modules know of it by name: this stays as it is."""

import ast

from ways_device.errors import ToolError
from ways_device.pack.links import Links
from ways_device.pack.module import PACKAGE, Module
from ways_device.pack.program import BUILDERS, PUBLIC, Program
from ways_device.pack.scope import Variable
from ways_device.pack.trees import walk

# What a host calls on a board that is held.
_OF_THE_HOST = frozenset({"setup"})


def wanted(found: Program) -> dict[str, set[str]]:
    """Return the modules of the bundle that others import by name, with what they take.

    Others are the scripts a board starts with, and sensor files of somebody's own.
    """
    names = {name: set(ones) for name, ones in PUBLIC.items() if name in found.modules}
    for node in (node for tree in found.scripts for node in walk(tree)):
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            source = node.module if isinstance(node, ast.ImportFrom) else PACKAGE
            name = alias.name.removeprefix(f"{PACKAGE}.")
            if isinstance(node, ast.Import) and name == alias.name:
                continue  # another's, or the package itself
            target = found.target(source, name)
            if target and target[0].is_bundled:
                some = {target[1]} if target[1] else _public(target[0])
                names.setdefault(target[0].name, set()).update(some)
    names[""] = _public(found.modules[""])
    return names


def known(module: Module, found: Program, links: Links) -> set[str]:
    """Return what others know of a module that stays a file of its own."""
    if module.name in links.whole or module.name in _OF_THE_HOST:
        return _public(module)
    if module.name.startswith("sensors."):
        return {"open"}
    if module.name in BUILDERS or module.name in _named(found):  # main.py calls them
        return {
            node.attr
            for tree in found.scripts
            for node in walk(tree)
            if isinstance(node, ast.Attribute)
        }
    return set()


def kept_separately(found: Program, links: Links) -> set[Variable]:
    """Return the variables of separate modules that others know."""
    return {
        module.scope.variables[name]
        for module in found.separate
        for name in known(module, found, links) & set(module.scope.variables)
    }


def _named(found: Program) -> set[str]:
    """Return the words in the scripts that could be a module's name."""
    nodes = [node for tree in found.scripts for node in walk(tree)]
    words = {
        alias.name
        for node in nodes
        for alias in getattr(node, "names", [])
        if isinstance(alias, ast.alias)
    }
    return words | {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def kept(found: Program, names: dict[str, set[str]]) -> set[Variable]:
    """Return the variables of the bundle that others know. Raises ToolError for a clash."""
    by_name: dict[str, Variable] = {}
    for module, ones in names.items():
        variables = found.modules[module].scope.variables
        for one in sorted(ones & set(variables)):
            if by_name.setdefault(one, variables[one]) is not variables[one]:
                raise ToolError(f"two public modules of the agent define {one}")
    return set(by_name.values())


def _public(module: Module) -> set[str]:
    return {name for name in module.scope.variables if name.isidentifier() and name[0] != "_"}
