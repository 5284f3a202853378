"""Moves what only building needs from the bundle to wiring.py, which a board forgets as a whole.

A function goes there as it is, a method becomes a function of its object, and a constructor one
that makes the object. Loading the bundle, and keeping it, takes so much less.
"""

import ast

from ways_device.pack.links import Links
from ways_device.pack.module import PACKAGE
from ways_device.pack.once import Part
from ways_device.pack.program import Program
from ways_device.pack.replace import Replaced
from ways_device.pack.scope import FUNCTIONS, Scope, Variable
from ways_device.pack.trees import walk

_WIRING = "wiring"
_SETUP = "setup"  # what the host runs on a board without agent may load wiring.py


def move(program: Program, links: Links, parts: list[Part], kept: set[Variable]) -> list[Part]:
    """Move what can be moved; return the parts that stay where they are."""
    if not parts:
        return []
    moving = [part for part in parts if _can_move(part, kept)]
    at_home = {
        node
        for name in (_WIRING, _SETUP)
        if name in program.modules
        for node in program.modules[name].nodes
        if isinstance(node, ast.FunctionDef)
    }
    before = -1
    while before != len(moving):  # who is needed by one that stays has to stay
        before = len(moving)
        homes = at_home | {part.node for part in moving}
        moving = [part for part in moving if set(part.homes) <= homes]
    _Move(program, links).run(moving)
    return [part for part in parts if part not in moving]


def _can_move(part: Part, kept: set[Variable]) -> bool:
    if not part.runs_once or part.is_shared:
        return False
    if part.variable in kept and (not part.is_method or part.node.name == "__init__"):
        return False
    inside = [node for node in walk(part.node) if node is not part.node]
    # What such a function keeps for later would keep wiring.py too.
    if any(isinstance(node, FUNCTIONS) for node in inside):
        return False
    is_constructor = part.is_method and part.node.name == "__init__"
    return not (is_constructor and any(isinstance(node, ast.Return) for node in inside))


class _Move:
    def __init__(self, program: Program, links: Links) -> None:
        self._program = program
        self._links = links
        self._wiring = program.modules[_WIRING]
        self._replaced: Replaced = {}
        self._imports: list[ast.stmt] = []
        self._owner: dict[ast.AST, Variable] = {}
        setup = program.modules.get(_SETUP)
        self._of_setup = set(setup.nodes) if setup else set()
        self._elsewhere = {
            variable
            for module in program.separate
            if module is not self._wiring
            for variable in module.scope.variables.values()
        }
        outer = [module.scope.variables.values() for module in program.modules.values()]
        for variable in [*links.imports.values(), *(one for some in outer for one in some)]:
            for node, _ in variable.places:
                self._owner[node] = variable

    def run(self, parts: list[Part]) -> None:
        self._nodes = [part.node for part in parts]
        for part in parts:
            self._take(part)
        for part in parts:
            self._settle(part)
        for module in self._program.modules.values():
            module.replace(self._replaced)
        self._wiring.tree.body = [*self._imports, *self._nodes, *self._wiring.tree.body]
        self._wiring.changed()

    def _take(self, part: Part) -> None:
        """Make it a function of wiring.py, and have it called so."""
        node, home = part.node, part.module
        scope = next(one for one in home.scope.walk() if one.node is node)
        assert scope.parent is not None
        scope.parent.inside.remove(scope)
        scope.parent = self._wiring.scope
        self._wiring.scope.inside.append(scope)
        body = home.tree.body
        if part.is_method:
            owner = next(one for one, _ in part.variable.places if isinstance(one, ast.ClassDef))
            body = owner.body
        self._owner.pop(node, None)
        body[:] = [one for one in body if one is not node]
        home.changed()
        if part.is_method and not body:
            body.append(ast.copy_location(ast.Pass(), node))
        made = Variable(f"{home.name}.{part.variable.name}.{node.name}", [(node, "name")])
        self._wiring.scope.variables[made.name] = made
        if not part.is_method:
            self._follow(part.variable, made)
            home.scope.variables.pop(part.variable.name)
        elif node.name == "__init__":
            for use in part.uses:
                self._give(use, made)
            self._make_constructor(part, scope)
        else:
            self._make_function(part, made)

    def _follow(self, variable: Variable, made: Variable) -> None:
        """Let all that loads a variable of the bundle load the one of wiring.py."""
        for load in self._links.loads(variable):
            self._give(load, made)
        for _, target, own in self._links.borrowed:
            for module in self._program.separate if target is variable else ():
                scope = module.scope.variables
                for name in [name for name, one in scope.items() if one is own]:
                    scope.pop(name)
        empty = self._links.give_back(variable)
        self._replaced |= dict.fromkeys(empty)

    def _make_constructor(self, part: Part, scope: Scope) -> None:
        node = part.node
        owner = next(one for one, _ in part.variable.places if isinstance(one, ast.ClassDef))
        bases = [base for base in owner.bases if isinstance(base, ast.Name)]
        kind = ast.Name(owner.name, ast.Load())
        self._owner[kind] = part.variable
        new: ast.expr = ast.Call(kind, [], [])
        if bases:  # whose constructor is not to run yet
            new = ast.parse("object.__new__(None)", mode="eval").body
            new.args = [kind]  # type: ignore[attr-defined]
            scope.builtins.add("object")
            for call in walk(node):
                if isinstance(call, ast.Call) and _is_super(call.func):
                    base = ast.Name(bases[0].id, ast.Load())
                    self._owner[base] = self._owner[bases[0]]
                    call.func.value = base  # type: ignore[attr-defined]
                    call.args.insert(0, ast.Name("self", ast.Load()))
        node.args.args.pop(0)
        first = ast.Assign([ast.Name("self", ast.Store())], new)
        node.body = [first, *node.body, ast.Return(ast.Name("self", ast.Load()))]
        for statement in (first, node.body[-1]):
            for one in walk(statement):
                ast.copy_location(one, node)

    def _make_function(self, part: Part, made: Variable) -> None:
        uses = set(part.uses)
        # What has moved is in no module for the moment.
        setup = self._program.modules.get(_SETUP)
        trees = [self._wiring.tree, *self._nodes, *([setup.tree] if setup else [])]
        for tree in trees:
            for call in walk(tree):
                if isinstance(call, ast.Call) and call.func in uses:
                    assert isinstance(call.func, ast.Attribute)
                    name = ast.copy_location(ast.Name(made.name, ast.Load()), call.func)
                    call.args.insert(0, call.func.value)
                    call.func = name
                    if setup and tree is setup.tree:
                        self._of_setup.add(name)
                    self._give(name, made)

    def _settle(self, part: Part) -> None:
        """Import what it needs of the bundle and of the interpreter."""
        for node in walk(part.node):
            variable = self._owner.get(node)
            # What it imports itself, of a module that is loaded later, it goes on importing.
            here = self._wiring.scope.variables.values()
            if variable and variable not in self._elsewhere and variable not in here:
                self._give(node, self._import(variable, node))

    def _give(self, node: ast.AST, to: Variable) -> None:
        former = self._owner.get(node)
        if former:
            former.places = [place for place in former.places if place[0] is not node]
        if node in self._of_setup:
            to = self._for_setup(to)
        to.places.append((node, "id"))
        self._owner[node] = to

    def _for_setup(self, made: Variable) -> Variable:
        """Have setup.py import a function of wiring.py; return its variable there."""
        setup = self._program.modules[_SETUP]
        if made.name not in setup.scope.variables:
            alias = ast.alias(made.name)
            line = ast.ImportFrom(f"{PACKAGE}.{_WIRING}", [alias], 0)
            setup.tree.body.insert(0, ast.copy_location(line, setup.tree.body[0]))
            setup.changed()
            setup.scope.variables[made.name] = Variable(made.name, [(alias, "asname")])
            made.places.append((alias, "name"))
        return setup.scope.variables[made.name]

    def _import(self, variable: Variable, node: ast.AST) -> Variable:
        for _, target, own in self._links.borrowed:
            if target is variable and own in self._wiring.scope.variables.values():
                return own
        for (module, name), target in self._links.imports.items():
            if target is variable:
                return self._import_outside(module, name, variable)
        alias = ast.alias(variable.name)
        line = ast.ImportFrom(PACKAGE, [alias], 0)
        own = self._define(line, alias, variable.name, node)
        self._links.borrow(alias, line, variable, own)
        return own

    def _import_outside(self, module: str, name: str, variable: Variable) -> Variable:
        for own in self._links.outside:
            if own.name == variable.name and own in self._wiring.scope.variables.values():
                return own
        alias = ast.alias(name or module)
        line = ast.ImportFrom(module, [alias], 0) if name else ast.Import([alias])
        own = self._define(line, alias, variable.name, self._wiring.tree.body[0])
        self._links.outside.append(own)
        return own

    def _define(self, line: ast.stmt, alias: ast.alias, name: str, node: ast.AST) -> Variable:
        self._imports.append(ast.copy_location(line, node))
        own = Variable(name, [(alias, "asname")])
        self._wiring.scope.variables[f"import {name} {len(self._imports)}"] = own
        self._owner[alias] = own
        return own


def _is_super(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "super"
    )
