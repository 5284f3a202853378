"""What runs only while the agent is put together, and is forgotten then.

The code of wiring.py, config.py, identity.py and setup.py runs before the agent does, and never
again. What is called from nowhere else does so too: functions, methods, the constructors of
classes that nobody else makes. forget() in wiring.py is written anew: it lets go of them all. An
agent that sleeps does not call it.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from ways_device.pack.links import Links
from ways_device.pack.module import PACKAGE, Module
from ways_device.pack.names import PUBLIC
from ways_device.pack.program import BUILDERS, SLEEPERS, Program
from ways_device.pack.program import PUBLIC as OPEN
from ways_device.pack.scope import FUNCTIONS, Variable
from ways_device.pack.trees import children, walk

_FORGET = "forget"
_Method = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(eq=False)
class Part:
    """A function of the bundle, or a method of one of its classes (variable is the class)."""

    module: Module
    variable: Variable
    node: _Method
    is_method: bool
    uses: list[ast.AST] = field(default_factory=list)
    homes: list[ast.AST | None] = field(default_factory=list)  # functions that the uses are in
    runs_once: bool = False  # its body does, and nobody keeps it for later
    is_shared: bool = False  # other classes have a method of this name, or inherit this one


def find(program: Program, links: Links) -> list[Part]:
    """Return what only building needs; nothing if there is no forget()."""
    wiring = program.modules.get("wiring")
    if wiring is None or _FORGET not in wiring.scope.variables:
        return []
    return _Search(program, links).run()


class _Search:
    def __init__(self, program: Program, links: Links) -> None:
        self._links = links
        self._home: dict[ast.AST, ast.AST | None] = {}  # in whose body a node stands
        self._called: set[ast.AST] = set()  # what is called at once, not kept for later
        self._uses: dict[str, list[ast.AST]] = {}  # of attributes
        self._texts: set[object] = set()
        self._once: set[ast.AST | None] = set()  # bodies that only building runs
        # The classes that stand on another, by the place that names it; None for a sleeper's.
        self._heirs: dict[ast.AST, Variable | None] = {}
        for module in program.modules.values():
            self._settle(module.tree, None)
            self._note_heirs(module)
            if module.name in BUILDERS:
                self._once |= {node for node in module.nodes if isinstance(node, ast.FunctionDef)}
            elif module.name in SLEEPERS:  # what only they use later than that others forget
                self._once |= {node for node in module.nodes if isinstance(node, _Method)}
        for tree in program.scripts:
            self._settle(tree, None)
        self._parts = [part for module in program.bundled for part in _parts(module)]
        self._owners = {
            name: [part.node for part in self._parts if part.is_method and part.node.name == name]
            for name in {part.node.name for part in self._parts if part.is_method}
        }

    def run(self) -> list[Part]:
        found = -1
        while found != len(self._once):  # one makes others possible
            found = len(self._once)
            for part in self._parts:
                uses = self._uses_of(part)
                is_called = self._all_once(uses) and self._called.issuperset(uses)
                if is_called and _runs_at_once(part.node):
                    self._once.add(part.node)
        found_parts = [part for part in self._parts if self._all_once(self._uses_of(part))]
        for part in found_parts:
            part.uses = self._uses_of(part)
            part.homes = [self._home[use] for use in part.uses]
            part.runs_once = part.node in self._once
            part.is_shared = part.is_method and len(self._owners[part.node.name]) > 1
            if part.node.name == "__init__":
                part.is_shared = any(
                    use in self._heirs for use in self._links.loads(part.variable)
                )
        return found_parts

    def _all_once(self, uses: list[ast.AST]) -> bool:
        return bool(uses) and all(self._home[use] in self._once for use in uses)

    def _uses_of(self, part: Part) -> list[ast.AST]:
        """Return all places that could mean it; nothing if somebody else could too."""
        name = part.node.name
        if not part.is_method:
            return list(self._links.loads(part.variable))
        if name == "__init__":
            return list(self._constructions(part.variable))
        if name.startswith("__") or name in PUBLIC or name in self._texts:
            return []
        return self._uses.get(name, [])

    def _constructions(self, variable: Variable) -> Iterator[ast.AST]:
        """Yield what may construct a class, or one that stands on it."""
        for load in self._links.loads(variable):
            if load not in self._heirs:
                yield load
                continue
            heir = self._heirs[load]
            if heir:
                yield from self._constructions(heir)

    def _note_heirs(self, module: Module) -> None:
        """A sleeper's classes do not count: it forgets nothing."""
        for node in module.tree.body:
            for base in node.bases if isinstance(node, ast.ClassDef) else ():
                variable = module.scope.variables[node.name]  # type: ignore[attr-defined]
                self._heirs[base] = None if module.name in SLEEPERS else variable

    def _settle(self, node: ast.AST, home: ast.AST | None) -> None:
        for child in children(node):
            self._home[child] = home
            if isinstance(child, ast.Call):
                self._called.add(child.func)
            elif isinstance(child, ast.Attribute):
                self._uses.setdefault(child.attr, []).append(child)
            elif isinstance(child, ast.Constant):
                self._texts.add(child.value)
            is_body = isinstance(child, (*FUNCTIONS, ast.GeneratorExp))
            self._settle(child, child if is_body else home)


def _parts(module: Module) -> list[Part]:
    """Return the functions and methods of a module that could go."""
    found = []
    for variable in module.scope.variables.values():
        stores = variable.stores
        if len(stores) != 1 or module.name in OPEN:
            continue
        if isinstance(stores[0], _Method):
            found.append(Part(module, variable, stores[0], False))
        elif isinstance(stores[0], ast.ClassDef):
            for node in stores[0].body:
                if isinstance(node, _Method) and not node.decorator_list:
                    found.append(Part(module, variable, node, True))
    return found


def _runs_at_once(node: _Method) -> bool:
    is_generator = any(isinstance(one, ast.Yield | ast.YieldFrom) for one in walk(node))
    return isinstance(node, ast.FunctionDef) and not is_generator


def write_forget(program: Program, parts: list[Part]) -> None:
    """Write the body of forget(). The names are the final ones."""
    if not parts:
        return
    wiring = program.modules["wiring"]
    node = wiring.scope.variables[_FORGET].places[0][0]
    assert isinstance(node, ast.FunctionDef)
    lines = [f"import {PACKAGE} as all"]
    lines += [
        f"all.{part.variable.name}{'.' + part.node.name if part.is_method else ''} = None"
        for part in parts
    ]
    node.body = ast.parse("\n".join(lines)).body
    wiring.changed()
