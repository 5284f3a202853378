"""Puts one module's functions into the only other one that uses them.

In the sources they are two, so that each has its concern; a board loads both for the same moment,
and what is in wiring.py goes piece by piece, see early.py.
"""

import ast
from collections.abc import Iterator

from ways_device.pack.replace import Replaced, replace
from ways_device.pack.scope import UnsureError
from ways_device.pack.trees import is_name, walk

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)


def join(host: ast.Module, guest: ast.Module, name: str) -> None:
    """Make the guest, a module called name, part of the host, which imports it as that.

    Raises UnsureError for something of the guest's that it does not have.
    """
    _use(host, _rename(guest, name), name)
    known = {one for statement in host.body for one in _imports(statement)}
    for statement in host.body:
        if isinstance(statement, ast.ImportFrom):
            statement.names = [one for one in statement.names if one.name != name]
    host.body = [one for one in host.body if getattr(one, "names", True)]
    for statement in guest.body:
        if isinstance(statement, _IMPORTS):
            told = zip(_imports(statement), statement.names, strict=True)
            statement.names = [alias for one, alias in told if one not in known]
            if statement.names:
                host.body.insert(0, statement)
        else:
            host.body.append(statement)


def _rename(guest: ast.Module, name: str) -> dict[str, str]:
    """Put its name before all that the guest defines: nothing of the host's is to hide it."""
    defined = {one: f"{name}_{one}" for statement in guest.body for one in _names(statement)}
    for node in walk(guest):
        if isinstance(node, ast.Name) and node.id in defined:
            node.id = defined[node.id]
        elif isinstance(node, _DEFINITIONS) and node in guest.body:
            node.name = defined[node.name]
    return defined


def _use(host: ast.Module, defined: dict[str, str], name: str) -> None:
    """Have the host use by itself what it took from the guest."""
    uses: Replaced = {}
    for node in walk(host):
        if isinstance(node, ast.Attribute) and is_name(node.value, name):
            if node.attr not in defined:
                raise UnsureError(node, f"{name} has no {node.attr}")
            uses[node] = ast.copy_location(ast.Name(defined[node.attr], ast.Load()), node)
    replace(host, uses)


def _names(statement: ast.stmt) -> Iterator[str]:
    """Yield what a statement of a module defines, but for imports."""
    if isinstance(statement, _DEFINITIONS):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        yield from (node.id for node in statement.targets if isinstance(node, ast.Name))


def _imports(statement: ast.stmt) -> Iterator[tuple[str, str, str | None]]:
    if isinstance(statement, _IMPORTS):
        for one in statement.names:
            yield getattr(statement, "module", "") or "", one.name, one.asname
