"""Constants: a number takes the place of its name, a text is kept once for all who use it."""

import ast
from collections.abc import Iterator
from typing import Any

from ways_device.pack.links import Links
from ways_device.pack.module import Module
from ways_device.pack.pool import NAMED_UP_TO
from ways_device.pack.program import Program
from ways_device.pack.replace import Replaced
from ways_device.pack.scope import Scope, Variable
from ways_device.pack.trees import walk

_KINDS = (int, str, bytes)


def fold(program: Program, links: Links, kept: set[Variable]) -> list[ast.stmt]:
    """Take the constants out; return the statements that the bundle begins with for them.

    kept are variables that somebody outside needs: their definitions stay.
    """
    _fold(program, program.bundled, links, kept)
    for module in program.separate:
        public = {one for one in module.scope.variables.values() if one.name[0] != "_"}
        _fold(program, [module], links, public)
        module.tree.body = [*_share([module]), *module.tree.body]
        module.changed()
    return _share(program.bundled)


def _fold(program: Program, modules: list[Module], links: Links, kept: set[Variable]) -> None:
    known: dict[ast.AST, Any] = {}  # by the places that load it
    replaced: Replaced = {}
    for module in modules:
        for variable, statement in _definitions(module.scope):
            if variable in kept:
                continue
            try:
                value = _value(statement.value, known)
            except ValueError:
                continue
            known |= dict.fromkeys(variable.loads, value)
            replaced[statement] = None
            replaced |= {load: _literal(value, load) for load in links.loads(variable)}
            replaced |= dict.fromkeys(links.give_back(variable))
    # What is not of the bundle has only itself to use its private names.
    for module in program.modules.values() if modules[0].is_bundled else modules:
        module.replace(replaced)


def _literal(value: object, place: ast.expr) -> ast.expr:
    literal = ast.parse(repr(value), mode="eval").body
    for node in walk(literal):
        ast.copy_location(node, place)
    return literal


def _definitions(scope: Scope) -> Iterator[tuple[Variable, ast.Assign]]:
    """Yield the variables of a module that one statement at its top assigns."""
    statements = scope.node.body  # type: ignore[attr-defined]
    assigned = [one for one in statements if isinstance(one, ast.Assign)]
    by_targets: dict[tuple[ast.AST, ...], ast.Assign] = {(*one.targets,): one for one in assigned}
    for variable in scope.variables.values():
        statement = by_targets.get(tuple(variable.stores))
        if statement:
            yield variable, statement


def _value(node: ast.expr, names: dict[ast.AST, Any]) -> Any:
    """Return the value of an expression of constants. Raises ValueError if it is none."""
    if isinstance(node, ast.Constant) and type(node.value) in _KINDS:
        return node.value
    if node in names:
        return names[node]
    if isinstance(node, ast.BinOp | ast.UnaryOp):
        return _number(node, names)
    raise ValueError


def _number(node: ast.expr, names: dict[ast.AST, Any]) -> int:
    """Compute with integers, as both Pythons do."""
    for part in walk(node):
        is_inner = isinstance(part, ast.BinOp | ast.UnaryOp)
        if isinstance(part, ast.expr) and not is_inner and type(_value(part, names)) is not int:
            raise ValueError

    class Values(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.AST:
            return ast.copy_location(ast.Constant(_value(name, inner)), name)

    copy = ast.parse(ast.unparse(node), mode="eval").body
    pairs = zip(walk(node), walk(copy), strict=True)
    inner = {new: names[old] for old, new in pairs if old in names}
    tree = ast.Expression(Values().visit(copy))
    value = eval(compile(ast.fix_missing_locations(tree), "const", "eval"), {"__builtins__": {}})
    if type(value) is not int:
        raise ValueError
    return value


def _share(modules: list[Module]) -> list[ast.stmt]:
    """Give long texts that occur more than once a name, which the compiler resolves."""
    found: dict[tuple[type, Any], list[ast.Constant]] = {}
    for module in modules:
        inside = {
            part
            for node in module.nodes
            if isinstance(node, ast.JoinedStr)
            for part in node.values
        }
        for node in module.nodes:
            if isinstance(node, ast.Constant) and node not in inside and _is_long(node.value):
                found.setdefault((type(node.value), node.value), []).append(node)
    statements: list[ast.stmt] = []
    replaced: Replaced = {}
    for (_, value), nodes in sorted(found.items(), key=repr):
        if len(nodes) > 1:
            name = f"_{len(statements)}"
            call = ast.Call(ast.Name("const", ast.Load()), [ast.Constant(value)], [])
            statements.append(ast.Assign([ast.Name(name, ast.Store())], call))
            replaced |= {node: ast.Name(name, ast.Load()) for node in nodes}
    for module in modules:
        module.replace(replaced)
    return statements


def _is_long(value: object) -> bool:
    if isinstance(value, bytes):
        return len(value) > 0
    if isinstance(value, str):
        return len(value) > NAMED_UP_TO  # a shorter one is a name, and there once by itself
    return isinstance(value, int) and not -(2**30) <= value < 2**30
