"""Has wire() let go of each function of wiring.py when it has called it for the last time.

What an agent takes while it is built is what it has to have room for: its code shrinks as its
objects grow.
"""

import ast
from dataclasses import dataclass

from ways_device.pack.links import Links
from ways_device.pack.module import Module
from ways_device.pack.scope import FUNCTIONS, Variable
from ways_device.pack.trees import children, walk

_WIRE = "wire"


@dataclass
class Early:
    """The statement that names variables of the module, which it needs to change them."""

    statement: ast.Global
    variables: list[Variable]

    def finish(self) -> None:
        """Use the names of now."""
        self.statement.names = [variable.name for variable in self.variables]


def let_go(wiring: Module, kept: set[str], links: Links) -> Early | None:
    """Change wire(); kept are the functions that others call too."""
    wire = next((one for one in wiring.tree.body if getattr(one, "name", "") == _WIRE), None)
    if not isinstance(wire, ast.FunctionDef):
        return None
    done = _Uses(wiring, wire, kept, links).last_of_all()
    gone: list[Variable] = []
    body: list[ast.stmt] = []
    for at, statement in enumerate(wire.body):
        body.append(statement)
        if done.get(at) and statement is not wire.body[-1]:
            gone += done[at]
            body.append(_assignment(done[at], statement))
    declared = ast.copy_location(ast.Global([]), wire)
    wire.body = [declared, *body] if gone else body
    wiring.changed()
    return Early(declared, gone)


class _Uses:
    """Where the functions of wiring.py are used, counted in the statements of wire()."""

    def __init__(
        self, wiring: Module, wire: ast.FunctionDef, kept: set[str], links: Links
    ) -> None:
        self._wire = wire
        self._links = links
        self._homes: dict[ast.AST, ast.AST | None] = {}
        for statement in wiring.tree.body:
            _settle(statement, None, self._homes)
        self._functions = {
            node: variable
            for variable in wiring.scope.variables.values()
            for node, _ in variable.places
            if isinstance(node, ast.FunctionDef) and node.name not in kept
        }
        self._places = {id(part): at for at, one in enumerate(wire.body) for part in walk(one)}

    def last_of_all(self) -> dict[int, list[Variable]]:
        """Return the functions that are used last in each statement, by its number."""
        done: dict[int, list[Variable]] = {}
        for variable in self._functions.values():
            done.setdefault(self._last(variable, ()), []).append(variable)
        return done

    def _last(self, variable: Variable, callers: tuple[ast.AST, ...]) -> int:
        found = [-1]
        for load in self._links.loads(variable):
            home = self._homes.get(load)
            if home is self._wire:
                found.append(self._places[id(load)])
            elif home in self._functions and home not in callers:
                assert home is not None
                found.append(self._last(self._functions[home], (*callers, home)))
            elif home not in callers:  # somebody else may need it at any time
                return len(self._wire.body)
        return max(found)


def _assignment(variables: list[Variable], after: ast.stmt) -> ast.stmt:
    names = [ast.Name(variable.name, ast.Store()) for variable in variables]
    for variable, name in zip(variables, names, strict=True):
        variable.places.append((name, "id"))
    made = ast.Assign(list(names), ast.Constant(None))
    for node in walk(made):
        ast.copy_location(node, after)
    return made


def _settle(node: ast.AST, home: ast.AST | None, homes: dict[ast.AST, ast.AST | None]) -> None:
    homes[node] = home
    inner = node if isinstance(node, FUNCTIONS) and home is None else home
    for child in children(node):
        _settle(child, inner, homes)
