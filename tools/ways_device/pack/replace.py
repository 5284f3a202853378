"""Puts other nodes in the place of some of a syntax tree."""

import ast

from ways_device.pack.trees import children

Replaced = dict[ast.AST, ast.AST | None]
Added = dict[ast.AST, list[ast.stmt]]


def replace(tree: ast.AST, nodes: Replaced, added: Added | None = None) -> None:
    """Put other nodes, or nothing, in the place of some of a tree; and statements before others.

    What takes the place of a node may be replaced in turn, by another one.
    """
    added = added or {}
    changed = nodes.keys() | added.keys()
    waiting = [tree] if changed else []
    for node in waiting:
        below = children(node)
        waiting += below
        if not changed.isdisjoint(below):
            _change(node, nodes, added)


def _change(node: ast.AST, nodes: Replaced, added: Added) -> None:
    for name, value in list(ast.iter_fields(node)):
        if isinstance(value, list):
            value[:] = [new for old in value for new in _instead(old, nodes, added)]
        elif value in nodes:
            setattr(node, name, _made(value, nodes))


def _instead(old: ast.AST, nodes: Replaced, added: Added) -> list[ast.AST | None]:
    made = _made(old, nodes)
    is_gone = made is None and old in nodes  # a list may have holes of its own
    return [*added.get(old, []), *([] if is_gone else [made])]


def _made(node: ast.AST | None, nodes: Replaced) -> ast.AST | None:
    while node in nodes:
        node = nodes[node]
    return node
