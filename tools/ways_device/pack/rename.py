"""New names: those that every interpreter holds in ROM, each used again wherever it can be."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator

from ways_device.pack import settings
from ways_device.pack.links import Links
from ways_device.pack.module import Module
from ways_device.pack.names import FOREIGN, PUBLIC
from ways_device.pack.pool import Pool, occurrences
from ways_device.pack.program import BOARDS, Program
from ways_device.pack.scope import Variable, is_special
from ways_device.pack.trees import is_name, walk


class Attributes:
    """Which attributes are ours alone, and what they are called from now on."""

    def __init__(self, program: Program, links: Links) -> None:
        self._program = program
        self._settled = links.settled
        self._nodes = [node for module in program.modules.values() for node in module.nodes]
        self._classes = [node for node in self._nodes if isinstance(node, ast.ClassDef)]
        self._used = [node for node in self._nodes if isinstance(node, ast.Attribute)]
        self._owners: dict[str, set[str]] = {}
        self._loose = {node.attr for node in self._used if not isinstance(node.ctx, ast.Load)}
        for node in self._classes:
            self._class(node)
        self._table = table = settings.Table(program)
        for key in table.keys:
            self._owners.setdefault(key, set()).add(table.owner)
        self._loose |= set(table.keys)
        self._kept = self._held_by_others(program) | set(self._of_modules(links.outside))
        self.ours = self._proper()

    def apply(self, pool: Pool) -> None:
        """Rename them all."""
        self.renamed = self._color(pool)
        self._table.name(self.renamed)
        for module in self._program.modules.values():
            for node in module.nodes:
                if isinstance(node, ast.Attribute) and node not in self._settled:
                    node.attr = self.renamed.get(node.attr, node.attr)
            for scope in module.scope.walk():
                if scope.is_class:
                    for variable in scope.variables.values():
                        variable.rename(self.renamed.get(variable.name, variable.name))

    def present(self, kept: set[Variable]) -> Counter[str]:
        """Return how often the names occur in the bundle that stay as they are."""
        bundled = self._program.bundled
        renamed = local_names(self._program) | self._settled
        for module in bundled:
            for scope in module.scope.walk():
                for variable in scope.variables.values():
                    is_global = scope is module.scope and variable not in kept
                    if is_global or (scope.is_class and variable.name in self.ours):
                        renamed |= {node for node, _ in variable.places}
            renamed |= {
                node
                for node in module.nodes
                if isinstance(node, ast.Attribute) and node.attr in self.ours
            }
        return occurrences(self._program.bundle_nodes(), renamed)

    def _class(self, node: ast.ClassDef) -> None:
        """Note which attributes a class has."""
        for name in _body_names(node):
            self._own(name, node)
        for part in walk(node):
            if isinstance(part, ast.Attribute) and is_name(part.value, "self"):
                self._own(part.attr, node)

    def _own(self, name: str, node: ast.ClassDef) -> None:
        self._owners.setdefault(name, set()).add(node.name)
        # What a base class has, its children have.
        self._owners[name] |= {base.id for base in node.bases if isinstance(base, ast.Name)}

    def _held_by_others(self, program: Program) -> set[str]:
        """Return the names that somebody else may mean too, so that they stay."""
        kept = set(FOREIGN | PUBLIC)
        for tree in program.scripts:
            kept |= {node.attr for node in walk(tree) if isinstance(node, ast.Attribute)}
        for module in program.modules.values():
            if module.name in BOARDS or module.name.startswith("sensors."):
                kept |= set(_of_parts(module))
            if not module.is_bundled:
                kept |= {name for name in module.scope.variables if not name.startswith("_")}
        # getattr() and setattr() take a text, wherever it comes from.
        texts = [node for node in self._nodes if isinstance(node, ast.Constant)]
        return kept | {
            node.value
            for node in texts
            if isinstance(node.value, str) and node not in self._table.nodes
        }

    def _of_modules(self, outside: list[Variable]) -> Iterator[str]:
        """Yield the attributes of modules that are not ours, and theirs in turn."""
        places = {node for variable in outside for node, _ in variable.places}
        for node in self._used:
            chain = [node.attr]
            inner = node.value
            while isinstance(inner, ast.Attribute):
                chain.append(inner.attr)
                inner = inner.value
            if inner in places:
                yield from chain

    def _proper(self) -> list[str]:
        """Return the attributes that are ours alone, the busiest first."""
        defined = set(self._owners) & (self._loose | self._methods())
        ours = [name for name in defined if name not in self._kept and not is_special(name)]
        uses = Counter(node.attr for node in self._used)
        return sorted(ours, key=lambda name: (-uses[name], name))

    def _color(self, pool: Pool) -> dict[str, str]:
        """Give attributes that no class has both the same new name."""
        stay = {*self._owners, *self._loose} - {*self.ours}
        taken: dict[str, set[str]] = {}
        renamed = {}
        for name in self.ours:
            owners = self._owners[name]
            new = next(one for one in pool.names(stay) if not taken.get(one, set()) & owners)
            taken.setdefault(new, set()).update(owners)
            renamed[name] = new
        return renamed

    def _methods(self) -> set[str]:
        return {name for node in self._classes for name in _body_names(node)}


def _body_names(node: ast.ClassDef) -> Iterator[str]:
    """Yield what the body of a class defines."""
    for part in node.body:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            yield part.name
        elif isinstance(part, ast.Assign):
            for target in part.targets:
                yield from (one.id for one in walk(target) if isinstance(one, ast.Name))


def _of_parts(module: Module) -> Iterator[str]:
    """Yield the attributes of what may be the chip's objects, or drivers that it freezes."""
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and not is_name(node.value, "self", "board"):
            yield node.attr


def local_names(program: Program) -> set[ast.AST]:
    """Return the nodes that name a variable of a function, which has no name in bytecode."""
    return {
        node
        for module in program.bundled
        for scope in module.scope.walk()
        if not scope.is_class and scope is not module.scope
        for variable in scope.variables.values()
        for node, _ in variable.places
    }


def rename_globals(
    program: Program,
    imports: Iterable[Variable],
    kept: set[Variable],
    fixed: set[str],
    pool: Pool,
) -> None:
    """Give the variables of the bundle names of their own; kept ones have theirs."""
    modules = program.bundled
    every = [variable for module in modules for variable in module.scope.variables.values()]
    stay = {variable.name for variable in kept} | {variable.name for variable in imports} | fixed
    stay |= {
        name for module in modules for scope in module.scope.walk() for name in scope.builtins
    }
    # A module that is imported becomes an attribute of its package: of the bundle.
    stay |= {name.partition(".")[0] for name in program.modules}
    every = [one for one in every if one not in kept and one.name != "const"]
    every.sort(key=lambda variable: (-len(variable.places), variable.name))
    for variable, name in zip(every, pool.names(stay), strict=False):
        variable.rename(name)


def rename_own(module: Module, kept: set[str], fixed: set[str], pool: Pool) -> None:
    """Rename what a separate module has for itself, but what others know by these names."""
    stay = {name for scope in module.scope.walk() for name in scope.builtins} | kept | fixed
    own = [one for one in module.scope.variables.values() if one.name not in {*kept, "const"}]
    for variable, name in zip(own, pool.names(stay), strict=False):
        variable.rename(name)
