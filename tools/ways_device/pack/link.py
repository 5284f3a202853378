"""Joins the modules: what one imports from another is the other's variable itself.

In the bundle such imports vanish, and `module.name` becomes the name. A module that stays a file
of its own imports from the package whatever it takes from the bundle.
"""

import ast
from dataclasses import dataclass, field

from ways_device.pack.program import LEFT_OUT, PACKAGE, Module, Program
from ways_device.pack.replace import Replace
from ways_device.pack.scope import Scope, Variable


@dataclass
class Links:
    """imports are those of the bundle from outside, replaced nodes go away in _Replace.

    borrowed lists (alias, variable of the bundle, its name's in a separate module), taken
    (variable of a separate module, its name's in another module).
    """

    imports: dict[tuple[str, str], Variable] = field(default_factory=dict)
    borrowed: list[tuple[ast.alias, Variable, Variable]] = field(default_factory=list)
    taken: list[tuple[Variable, Variable]] = field(default_factory=list)
    # Of statements that were changed: where they imported from, what comes before them now.
    sources: dict[ast.AST, str] = field(default_factory=dict)
    added: dict[ast.AST, list[ast.stmt]] = field(default_factory=dict)

    def loads(self, variable: Variable) -> list[ast.expr]:
        """Return all places that load a variable, in whatever module and under whatever name."""
        found: list[ast.expr] = [*variable.loads]
        found += [node for node, _ in variable.places if isinstance(node, ast.Attribute)]
        pairs = [*self.taken, *((target, own) for _, target, own in self.borrowed)]
        for target, own in pairs:
            found += own.loads if target is variable else []
        return found

    def give_back(self, program: Program, variable: Variable) -> list[ast.AST]:
        """Have nobody borrow a variable any more; return the imports that are empty then."""
        aliases = [alias for alias, target, _ in self.borrowed if target is variable]
        self.borrowed = [one for one in self.borrowed if one[1] is not variable]
        empty: list[ast.AST] = []
        for module in program.separate if aliases else ():
            for node in ast.walk(module.tree):
                if isinstance(node, ast.ImportFrom):
                    node.names = [alias for alias in node.names if alias not in aliases]
                    empty += [] if node.names else [node]
        return empty

    def finish(self) -> None:
        """Have the separate modules import what they borrow by the names of now."""
        for alias, target, own in self.borrowed:
            alias.name = target.name
            alias.asname = own.name if own.name != target.name else None

    replaced: dict[ast.AST, ast.AST | None] = field(default_factory=dict)
    outside: list[Variable] = field(default_factory=list)  # modules that are not ours
    # Attributes of separate modules that follow their variables; modules used in other ways too.
    settled: set[ast.AST] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)


def link(program: Program) -> Links:
    """Join the modules of a program. Raises ToolError for what cannot be joined."""
    links = Links()
    for module in program.modules.values():
        for scope in module.scope.walk():
            _Linker(program, module, scope, links).run()
        module.tree = Replace(links.replaced, links.added).visit(module.tree)
    return links


class _Linker:
    """The imports of one scope."""

    def __init__(self, program: Program, module: Module, scope: Scope, links: Links) -> None:
        self._program = program
        self._module = module
        self._scope = scope
        self._links = links

    def run(self) -> None:
        for variable in list(self._scope.variables.values()):
            if _imports_of(variable):
                self._take(variable)

    def _take(self, variable: Variable) -> None:
        aliases = _imports_of(variable)
        stores = [node for node, _ in variable.places if not _is_load(node)]
        if len(stores) > len(aliases):
            self._module.refuse(stores[-1], f"{variable.name} is imported and assigned too")
        for alias in aliases:
            statement = self._statement(alias)
            if isinstance(statement, ast.Import):
                found = self._program.target(PACKAGE, "") if alias.name == PACKAGE else None
                found = found and (found[0], None)
                key = (alias.name, "")
            else:
                source = self._links.sources.get(statement, statement.module)
                found = self._program.target(source, alias.name)
                key = (str(source), alias.name)
            if found is None:
                self._refuse_misspelt(alias, key)
                self._links.outside.append(variable)
                self._outside(variable, alias, key)
                continue
            if len(aliases) > 1:
                self._module.refuse(alias, f"{variable.name} is imported twice")
            target, name = found
            if not target.is_bundled:
                self._elsewhere(variable, alias, target, name)
            elif name is None:
                self._members(variable, alias, statement, target)
            else:
                self._name(variable, alias, statement, self._find(target, name, alias))

    def _refuse_misspelt(self, alias: ast.alias, key: tuple[str, str]) -> None:
        """Refuse a module of ours that does not exist; some are left out on purpose."""
        package, _, below = key[0].partition(".")
        if package == PACKAGE and below not in LEFT_OUT:
            self._module.refuse(alias, f"there is no {key[0]}")

    def _outside(self, variable: Variable, alias: ast.alias, key: tuple[str, str]) -> None:
        """Join the imports of the same thing all over the bundle, at its top."""
        if key == ("micropython", "const"):  # the compiler needs no import
            if variable.name != "const":
                self._module.refuse(alias, "const under another name")
            self._drop(alias)
            return
        if not self._module.is_bundled or self._scope is not self._module.scope:
            return
        first = self._links.imports.setdefault(key, Variable(variable.name))
        self._merge(variable, first, alias)
        self._drop(alias)

    def _elsewhere(
        self, variable: Variable, alias: ast.alias, target: Module, name: str | None
    ) -> None:
        """Note by what names a separate module's variables are used here."""
        if name is not None:
            inner = self._find(target, name, alias)
            inner.places.append((alias, "name"))
            self._links.taken.append((inner, variable))
            alias.asname = variable.name
            return
        members = self._members_of(variable)
        if len(members) < len(variable.loads):
            self._links.whole.add(target.name)
        for member in members:
            if not isinstance(member.ctx, ast.Load):
                self._module.refuse(member, f"{variable.name} is changed from outside")
            self._find(target, member.attr, member).places.append((member, "attr"))
            self._links.settled.add(member)

    def _members_of(self, variable: Variable) -> list[ast.Attribute]:
        loads = {id(load) for load in variable.loads}
        return [
            node
            for node in ast.walk(self._module.tree)
            if isinstance(node, ast.Attribute) and id(node.value) in loads
        ]

    def _name(
        self,
        variable: Variable,
        alias: ast.alias,
        statement: ast.Import | ast.ImportFrom,
        target: Variable,
    ) -> None:
        assert isinstance(statement, ast.ImportFrom)
        if self._module.is_bundled:
            self._merge(variable, target, alias)
            self._drop(alias)
            return
        self._links.sources.setdefault(statement, str(statement.module))
        statement.module = PACKAGE
        self._links.borrowed.append((alias, target, variable))

    def _members(
        self,
        variable: Variable,
        alias: ast.alias,
        statement: ast.Import | ast.ImportFrom,
        target: Module,
    ) -> None:
        """Replace `module.name` by the name."""
        own: dict[str, Variable] = {}
        parents = {id(node.value): node for node in self._members_of(variable)}
        for load in variable.loads:
            parent = parents.get(id(load))
            if parent is None or not isinstance(parent.ctx, ast.Load):
                self._module.refuse(load, f"{variable.name} is used as a whole, or changed")
            found = self._find(target, parent.attr, parent)
            name = ast.copy_location(ast.Name(parent.attr, ast.Load()), parent)
            self._links.replaced[parent] = name
            if not self._module.is_bundled:
                found = own.setdefault(parent.attr, self._borrow(statement, found, parent.attr))
            found.places.append((name, "id"))
        del self._scope.variables[variable.name]
        self._drop(alias)

    def _borrow(self, statement: ast.stmt, target: Variable, name: str) -> Variable:
        """Import a variable of the bundle in the place where its module is imported."""
        for _, other, own in self._links.borrowed:
            if other is target and own in self._scope.variables.values():
                return own
        if name in self._scope.variables:
            self._module.refuse(statement, f"{name} has another meaning here")
        alias = ast.alias(name)
        line = ast.copy_location(ast.ImportFrom(PACKAGE, [alias], 0), statement)
        self._links.added.setdefault(statement, []).append(line)
        self._scope.define(name, alias, "asname")
        self._links.borrowed.append((alias, target, self._scope.variables[name]))
        return self._scope.variables[name]

    def _merge(self, variable: Variable, target: Variable, alias: ast.alias) -> None:
        target.places += [(node, key) for node, key in variable.places if node is not alias]
        self._scope.variables.pop(variable.name, None)

    def _find(self, module: Module, name: str, node: ast.AST) -> Variable:
        if name not in module.scope.variables:
            self._module.refuse(node, f"{module.dotted} has no {name}")
        return module.scope.variables[name]

    def _statement(self, alias: ast.alias) -> ast.Import | ast.ImportFrom:
        for node in ast.walk(self._module.tree):
            if isinstance(node, ast.Import | ast.ImportFrom) and alias in node.names:
                return node
        raise AssertionError("an alias without a statement")

    def _drop(self, alias: ast.alias) -> None:
        statement = self._statement(alias)
        statement.names = [one for one in statement.names if one is not alias]
        if not statement.names:
            self._links.replaced[statement] = None


def _imports_of(variable: Variable) -> list[ast.alias]:
    """Return what imports a variable; where another module imports it has the other key."""
    nodes = (node for node, key in variable.places if key == "asname")
    return [node for node in nodes if isinstance(node, ast.alias)]


def _is_load(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
