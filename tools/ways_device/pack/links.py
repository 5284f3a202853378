"""What the modules of a program share with each other, and with modules that are not ours."""

import ast
from dataclasses import dataclass, field

from ways_device.pack.replace import Added, Replaced
from ways_device.pack.scope import Variable


@dataclass
class Links:
    """imports are those of the bundle from outside, replaced nodes go away.

    borrowed lists (alias, variable of the bundle, its name's in a separate module), taken
    (variable of a separate module, its name's in another module).
    """

    imports: dict[tuple[str, str], Variable] = field(default_factory=dict)
    borrowed: list[tuple[ast.alias, Variable, Variable]] = field(default_factory=list)
    # Where the aliases of what is borrowed stand.
    statements: dict[ast.alias, ast.ImportFrom] = field(default_factory=dict)
    taken: list[tuple[Variable, Variable]] = field(default_factory=list)
    # Of statements that were changed: where they imported from, what comes before them now.
    sources: dict[ast.AST, str] = field(default_factory=dict)
    added: Added = field(default_factory=dict)
    replaced: Replaced = field(default_factory=dict)
    outside: list[Variable] = field(default_factory=list)  # modules that are not ours
    # Attributes of separate modules that follow their variables; modules used in other ways too.
    settled: set[ast.AST] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)

    def loads(self, variable: Variable) -> list[ast.expr]:
        """Return all places that load a variable, in whatever module and under whatever name."""
        found: list[ast.expr] = [*variable.loads]
        found += [node for node, _ in variable.places if isinstance(node, ast.Attribute)]
        names = [own for target, own in self.taken if target is variable]
        names += [own for _, target, own in self.borrowed if target is variable]
        return found + [load for own in names for load in own.loads]

    def borrow(
        self, alias: ast.alias, statement: ast.ImportFrom, target: Variable, own: Variable
    ) -> None:
        """Note that an alias imports target, a variable of the bundle, as own."""
        self.borrowed.append((alias, target, own))
        self.statements[alias] = statement

    def give_back(self, variable: Variable) -> list[ast.AST]:
        """Have nobody borrow a variable any more; return the imports that are empty then."""
        aliases = [alias for alias, target, _ in self.borrowed if target is variable]
        self.borrowed = [one for one in self.borrowed if one[1] is not variable]
        for alias in aliases:
            self.statements[alias].names.remove(alias)
        return [self.statements[alias] for alias in aliases if not self.statements[alias].names]

    def finish(self) -> None:
        """Have the separate modules import what they borrow by the names of now."""
        for alias, target, own in self.borrowed:
            alias.name = target.name
            alias.asname = own.name if own.name != target.name else None
