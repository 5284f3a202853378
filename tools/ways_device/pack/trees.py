"""Looks through syntax trees: every step of the packing does, so its time is spent here."""

import ast
from collections.abc import Iterable, Iterator
from typing import TypeGuard

# Fields that hold no node, or one that says nothing about names: an operator, load or store.
_PLAIN = frozenset(
    ["arg", "asname", "attr", "conversion", "ctx", "id", "kind", "level", "module", "op", "ops"]
)
# The fields of each kind of node that may hold others.
_FIELDS: dict[type, list[str]] = {
    kind: [name for name in kind._fields if name not in _PLAIN and kind is not ast.Constant]
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
# These have lists with something else in them.
_MIXED = (ast.arguments, ast.Dict, ast.Global, ast.MatchClass, ast.Nonlocal)
# Where a statement has others.
_BODIES = ("body", "handlers", "orelse", "finalbody")


def children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes right below one, in their order, but for operators and contexts."""
    found: list[ast.AST] = []
    for name in _FIELDS[type(node)]:
        value = getattr(node, name, None)
        if isinstance(value, list):
            found += value
        elif isinstance(value, ast.AST):
            found.append(value)
    if isinstance(node, _MIXED):
        return [one for one in found if isinstance(one, ast.AST)]
    return found


def walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what ast.walk() does and in its order, but for operators and contexts."""
    waiting = [tree]
    for node in waiting:  # it grows
        waiting += children(node)
        yield node


def bodies(node: ast.AST) -> list[ast.AST]:
    """Return the statements and handlers right below one."""
    return [one for name in _BODIES for one in getattr(node, name, ())]


def statements(tree: ast.stmt | ast.Module) -> Iterator[ast.AST]:
    """Yield a module or statement, and all statements and handlers inside, in walk()'s order."""
    waiting: list[ast.AST] = [tree]
    for node in waiting:
        waiting += bodies(node)
        yield node


def is_name(node: ast.AST, *names: str) -> TypeGuard[ast.Name]:
    """Tell whether a node is one of these names, and nothing longer."""
    return isinstance(node, ast.Name) and node.id in names


def identifiers(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield all names that nodes have for variables, parameters and what they import."""
    for node in nodes:
        for key in ("id", "arg", "name", "asname"):
            word = getattr(node, key, None)
            if isinstance(word, str):
                yield word
