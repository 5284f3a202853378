"""Arguments by name become arguments by place, where it is sure what is called."""

import ast
from collections.abc import Iterator

from ways_device.pack.links import Links
from ways_device.pack.program import Program
from ways_device.pack.scope import Variable


def by_place(program: Program, links: Links, kept: set[Variable]) -> set[str]:
    """Change the calls; return the names of arguments that are still given by name somewhere.

    kept are variables that somebody outside may call: their parameters stay as they are.
    """
    every = [node for node in program.nodes() if isinstance(node, ast.Call)]
    by_function = {call.func: call for call in every}
    for module in program.modules.values():
        for variable in module.scope.variables.values():
            function = _function(variable)
            loads = links.loads(variable)
            calls = [by_function[load] for load in loads if load in by_function]
            if function and variable not in kept and 0 < len(calls) == len(loads):
                _change(function, calls)
    for module in program.modules.values():
        module.changed()
    return {keyword.arg for call in every for keyword in call.keywords if keyword.arg}


def _function(variable: Variable) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return what runs when the variable is called, None if that is not sure."""
    definitions = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if sum(isinstance(node, definitions) for node, _ in variable.places) != 1:
        return None
    for node, _ in variable.places:
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                    return part
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return None if node.decorator_list else node
    return None


def _change(function: ast.FunctionDef | ast.AsyncFunctionDef, calls: list[ast.Call]) -> None:
    """Give all arguments of all calls by place; drop the defaults of the only call."""
    arguments = function.args
    if arguments.vararg or arguments.kwarg or arguments.posonlyargs:
        return
    every = [*arguments.args, *arguments.kwonlyargs]
    own = every[1:] if every and every[0].arg == "self" else every
    names = [one.arg for one in own]
    defaults = dict(_defaults(arguments))
    filled = [_filled(call, names, defaults) for call in calls]
    if not all(filled) or any(row is None for row in filled):
        return
    if arguments.kwonlyargs and len(calls) != 1:
        return
    for call, row in zip(calls, filled, strict=True):
        assert row is not None
        call.args, call.keywords = row, []
    if len(calls) == 1:
        arguments.args, arguments.kwonlyargs = every, []
        arguments.defaults, arguments.kw_defaults = [], []
        return
    # A call that leaves out what is last still may.
    for call in calls:
        del call.args[len(call.args) - _left_out(call, names, defaults) :]


def _left_out(call: ast.Call, names: list[str], defaults: dict[str, ast.expr]) -> int:
    count = 0
    for name, value in reversed(list(zip(names, call.args, strict=False))):
        if value is not defaults.get(name):
            break
        count += 1
    return count


def _filled(
    call: ast.Call, names: list[str], defaults: dict[str, ast.expr]
) -> list[ast.expr] | None:
    """Return all arguments in the order of the parameters, None if that is not safe."""
    if any(isinstance(value, ast.Starred) for value in call.args):
        return None
    given = dict(zip(names, call.args, strict=False))
    by_name = {str(keyword.arg): keyword.value for keyword in call.keywords}
    if "None" in by_name or len(call.args) > len(names) or not set(by_name) <= set(names):
        return None
    order = [name for name in names if name in by_name]
    if order != list(by_name):  # they would be evaluated in another order
        return None
    values = {**defaults, **given, **by_name}
    if set(names) - set(values):
        return None
    return [values[name] for name in names]


def _defaults(arguments: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    """Yield the parameters whose default is a constant, with it."""
    count = len(arguments.defaults)
    places = arguments.args[len(arguments.args) - count :] + arguments.kwonlyargs
    for one, value in zip(places, [*arguments.defaults, *arguments.kw_defaults], strict=True):
        if isinstance(value, ast.Constant):
            yield one.arg, value
