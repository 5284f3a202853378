"""New names for what functions have for themselves, and the proof that none hides a global."""

import ast
from collections.abc import Iterator

from ways_device.pack.module import Module
from ways_device.pack.names import PUBLIC
from ways_device.pack.pool import Pool
from ways_device.pack.program import PUBLIC as OPEN
from ways_device.pack.program import Program
from ways_device.pack.scope import FUNCTIONS, Scope, Variable, is_special, parameters
from ways_device.pack.trees import walk


def fixed_parameters(program: Program, by_name: set[str]) -> set[str]:
    """Return the names of all parameters that keep them: no global is to be hidden by one."""
    return {
        variable.name
        for module in program.modules.values()
        for scope in module.scope.walk()
        if isinstance(scope.node, FUNCTIONS)
        for variable in _fixed(scope, by_name, module.name in OPEN)
    }


def rename_locals(module: Module, by_name: set[str], pool: Pool) -> None:
    """Rename what functions have for themselves, but parameters that are given by name."""
    for scope in module.scope.inside:
        rename_function(scope, by_name, module.name in OPEN, pool)


def rename_function(scope: Scope, by_name: set[str], is_open: bool, pool: Pool) -> None:
    """Rename what one function, or each method of a class, has for itself."""
    if scope.is_class:
        for inner in scope.inside:
            rename_function(inner, by_name, is_open, pool)
        return
    scopes = list(scope.walk())
    own = [variable for one in scopes if not one.is_class for variable in one.variables.values()]
    places = {id(node) for variable in own for node, _ in variable.places}
    stay = {
        node.id
        for node in walk(scope.node)
        if isinstance(node, ast.Name) and id(node) not in places
    }
    functions = [one for one in scopes if isinstance(one.node, FUNCTIONS)]
    fixed = [one for inner in functions for one in _fixed(inner, by_name, is_open)]
    stay |= {variable.name for variable in fixed}
    # `const` is the compiler's, which knows it without an import.
    rest = [one for one in own if one not in fixed and one.name != "const"]
    for variable, name in zip(rest, pool.names(stay), strict=False):
        variable.rename(name)


def _fixed(scope: Scope, by_name: set[str], is_open: bool) -> list[Variable]:
    """Return the parameters of one function that keep their names."""
    assert isinstance(scope.node, FUNCTIONS)
    arguments = {id(one) for one in parameters(scope.node)}
    name = getattr(scope.node, "first_name", "_")
    is_method = scope.parent is not None and scope.parent.is_class
    is_open = is_open and (is_special(name) or not name.startswith("_"))
    is_open |= is_method and name in PUBLIC
    return [
        variable
        for variable in scope.variables.values()
        if variable.name == "self"
        or (
            (is_open or variable.name in by_name)
            and any(id(node) in arguments for node, _ in variable.places)
        )
    ]


def check(program: Program) -> None:
    """Refuse a global whose name means a local where it stands. Raises ToolError."""
    for module in program.modules.values():
        scopes = [one for one in module.scope.walk() if isinstance(one.node, FUNCTIONS)]
        own = {
            id(node)
            for scope in module.scope.walk()
            if scope is not module.scope and not scope.is_class
            for variable in scope.variables.values()
            for node, _ in variable.places
        }
        for scope in scopes:
            # No global is called self, and move.py writes some.
            names = {variable.name for variable in scope.variables.values()} - {"self"}
            for node in _names_in(scope.node):
                if node.id in names and id(node) not in own:
                    module.refuse(node, f"{node.id} would be hidden by a local")


def _names_in(function: ast.AST) -> Iterator[ast.Name]:
    """Yield the names in the body of a function; its defaults are outside."""
    body = function.body  # type: ignore[attr-defined]
    for part in body if isinstance(body, list) else [body]:
        yield from (node for node in walk(part) if isinstance(node, ast.Name))
