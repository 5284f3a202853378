"""Constants: a number takes the place of its name, a text is kept once for all who use it."""

import ast
from collections.abc import Iterator
from typing import Any

from ways_device.pack.link import Links
from ways_device.pack.pool import NAMED_UP_TO
from ways_device.pack.program import Module, Program
from ways_device.pack.replace import Replace
from ways_device.pack.scope import Scope, Variable

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
    return _share(program.bundled)


def _fold(program: Program, modules: list[Module], links: Links, kept: set[Variable]) -> None:
    known: dict[Variable, Any] = {}
    replaced: dict[ast.AST, ast.AST | None] = {}
    for module in modules:
        for variable, statement in _definitions(module.scope):
            if variable in kept:
                continue
            names = {id(load): value for other, value in known.items() for load in other.loads}
            try:
                value = _value(statement.value, names)
            except ValueError:
                continue
            known[variable] = value
            replaced[statement] = None
            replaced |= {load: _literal(value, load) for load in links.loads(variable)}
            replaced |= dict.fromkeys(links.give_back(program, variable))
    # What is not of the bundle has only itself to use its private names.
    for module in program.modules.values() if modules[0].is_bundled else modules:
        module.tree = Replace(replaced).visit(module.tree)
    for module in modules:
        module.tree = _LayBare().visit(module.tree)


def _literal(value: object, place: ast.expr) -> ast.expr:
    literal = ast.parse(repr(value), mode="eval").body
    for node in ast.walk(literal):
        ast.copy_location(node, place)
    return literal


def _definitions(scope: Scope) -> Iterator[tuple[Variable, ast.Assign]]:
    """Yield the variables of a module that one statement at its top assigns."""
    statements = scope.node.body  # type: ignore[attr-defined]
    for variable in scope.variables.values():
        stores = [
            node
            for node, _ in variable.places
            if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
        ]
        for statement in statements:
            if isinstance(statement, ast.Assign) and statement.targets == stores:
                yield variable, statement


class _LayBare(ast.NodeTransformer):
    """Takes const() off: the compiler would put the value in place of every local of that name.

    Wherever it stands: nothing imports it any more.
    """

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        is_const = isinstance(node.func, ast.Name) and node.func.id == "const"
        return node.args[0] if is_const else node


def _value(node: ast.expr, names: dict[int, Any]) -> Any:
    """Return the value of an expression of constants. Raises ValueError if it is none."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "const":
        return _value(node.args[0], names)
    if isinstance(node, ast.Constant) and type(node.value) in _KINDS:
        return node.value
    if id(node) in names:
        return names[id(node)]
    if isinstance(node, ast.BinOp | ast.UnaryOp):
        return _number(node, names)
    raise ValueError


def _number(node: ast.expr, names: dict[int, Any]) -> int:
    """Compute with integers, as both Pythons do."""
    for part in ast.walk(node):
        is_inner = isinstance(part, ast.BinOp | ast.UnaryOp)
        if isinstance(part, ast.expr) and not is_inner and type(_value(part, names)) is not int:
            raise ValueError

    class Values(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.AST:
            return ast.copy_location(ast.Constant(_value(name, names)), name)

    copy = ast.parse(ast.unparse(node), mode="eval").body
    pairs = zip(ast.walk(node), ast.walk(copy), strict=True)
    inner = {id(new): names[id(old)] for old, new in pairs if id(old) in names}
    names = {**names, **inner}
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
            id(part)
            for node in ast.walk(module.tree)
            if isinstance(node, ast.JoinedStr)
            for part in node.values
        }
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and id(node) not in inside and _is_long(node.value):
                found.setdefault((type(node.value), node.value), []).append(node)
    statements: list[ast.stmt] = []
    replaced: dict[ast.AST, ast.AST | None] = {}
    for (_, value), nodes in sorted(found.items(), key=repr):
        if len(nodes) > 1:
            name = f"_{len(statements)}"
            call = ast.Call(ast.Name("const", ast.Load()), [ast.Constant(value)], [])
            statements.append(ast.Assign([ast.Name(name, ast.Store())], call))
            replaced |= {node: ast.Name(name, ast.Load()) for node in nodes}
    for module in modules:
        module.tree = Replace(replaced).visit(module.tree)
    return statements


def _is_long(value: object) -> bool:
    if isinstance(value, bytes):
        return len(value) > 0
    if isinstance(value, str):
        return len(value) > NAMED_UP_TO  # a shorter one is a name, and there once by itself
    return isinstance(value, int) and not -(2**30) <= value < 2**30
