"""Joins the modules: what one imports from another is the other's variable itself.

In the bundle such imports vanish, and `module.name` becomes the name. A module that stays a file
of its own imports from the package whatever it takes from the bundle.
"""

import ast

from ways_device.pack.links import Links
from ways_device.pack.module import PACKAGE, Module
from ways_device.pack.program import LEFT_OUT, Program
from ways_device.pack.replace import Replaced
from ways_device.pack.scope import Scope, Variable
from ways_device.pack.trees import is_name


def link(program: Program) -> Links:
    """Join the modules of a program. Raises ToolError for what cannot be joined."""
    links = Links()
    for module in program.modules.values():
        places = _Places(module)
        for scope in module.scope.walk():
            _Linker(program, module, scope, links, places).run()
        # The compiler would put the value of a const() in place of every local of that name.
        links.replaced |= places.constants
        module.replace(links.replaced, links.added)
        module.changed()  # aliases have gone too
    return links


class _Places:
    """Where in a module the aliases stand, and what takes an attribute of something."""

    def __init__(self, module: Module) -> None:
        self.statements: dict[ast.alias, ast.Import | ast.ImportFrom] = {}
        self.members: dict[ast.expr, ast.Attribute] = {}
        self.constants: Replaced = {}
        for node in module.nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self.statements |= dict.fromkeys(node.names, node)
            elif isinstance(node, ast.Attribute):
                self.members[node.value] = node
            elif isinstance(node, ast.Call) and is_name(node.func, "const"):
                self.constants[node] = node.args[0]


class _Linker:
    """The imports of one scope."""

    def __init__(
        self, program: Program, module: Module, scope: Scope, links: Links, places: _Places
    ) -> None:
        self._program = program
        self._module = module
        self._scope = scope
        self._links = links
        self._places = places

    def run(self) -> None:
        for variable in list(self._scope.variables.values()):
            if _imports_of(variable):
                self._take(variable)

    def _take(self, variable: Variable) -> None:
        aliases = _imports_of(variable)
        if len(variable.stores) > len(aliases):
            self._module.refuse(
                variable.stores[-1], f"{variable.name} is imported and assigned too"
            )
        for alias in aliases:
            statement = self._places.statements[alias]
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
        members = self._places.members
        return [members[load] for load in variable.loads if load in members]

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
        self._links.borrow(alias, statement, target, variable)

    def _members(
        self,
        variable: Variable,
        alias: ast.alias,
        statement: ast.Import | ast.ImportFrom,
        target: Module,
    ) -> None:
        """Replace `module.name` by the name."""
        own: dict[str, Variable] = {}
        for load in variable.loads:
            parent = self._places.members.get(load)
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
        self._links.borrow(alias, line, target, self._scope.variables[name])
        return self._scope.variables[name]

    def _merge(self, variable: Variable, target: Variable, alias: ast.alias) -> None:
        target.places += [(node, key) for node, key in variable.places if node is not alias]
        self._scope.variables.pop(variable.name, None)

    def _find(self, module: Module, name: str, node: ast.AST) -> Variable:
        if name not in module.scope.variables:
            self._module.refuse(node, f"{module.dotted} has no {name}")
        return module.scope.variables[name]

    def _drop(self, alias: ast.alias) -> None:
        statement = self._places.statements[alias]
        statement.names = [one for one in statement.names if one is not alias]
        if not statement.names:
            self._links.replaced[statement] = None


def _imports_of(variable: Variable) -> list[ast.alias]:
    """Return what imports a variable; where another module imports it has the other key."""
    nodes = (node for node, key in variable.places if key == "asname")
    return [node for node in nodes if isinstance(node, ast.alias)]


def _is_load(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
