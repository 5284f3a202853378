"""What each name of a module stands for: every variable with the places that mention it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from ways_device.pack.trees import children

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(eq=False)
class Variable:
    """One variable. places are (node, field that holds its name); a load is a Name node."""

    name: str
    places: list[tuple[ast.AST, str]] = field(default_factory=list)

    def rename(self, name: str) -> None:
        self.name = name
        for node, key in self.places:
            setattr(node, key, name)

    @property
    def loads(self) -> list[ast.Name]:
        return [
            node
            for node, _ in self.places
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        ]

    @property
    def stores(self) -> list[ast.AST]:
        """Return the nodes that give it a value."""
        return [
            node
            for node, _ in self.places
            if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
        ]


@dataclass(eq=False)
class Scope:
    """The variables of a module, class, function or comprehension, and the scopes inside."""

    node: ast.AST
    parent: "Scope | None" = None
    variables: dict[str, Variable] = field(default_factory=dict)
    inside: list["Scope"] = field(default_factory=list)
    # Names that are loaded here and that nothing of ours defines.
    builtins: set[str] = field(default_factory=set)

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)

    def walk(self) -> Iterator["Scope"]:
        yield self
        for scope in self.inside:
            yield from scope.walk()

    def define(self, name: str, node: ast.AST, key: str) -> None:
        self.variables.setdefault(name, Variable(name)).places.append((node, key))

    def find(self, name: str) -> Variable | None:
        """Return what a name means here; None for a builtin."""
        if name in self.variables:
            return self.variables[name]
        scope = self.parent
        while scope:
            # What a class defines is an attribute to the functions inside.
            if name in scope.variables and not scope.is_class:
                return scope.variables[name]
            scope = scope.parent
        return None


class UnsureError(Exception):
    """A statement that cannot be packed safely: (node, why)."""


def resolve(tree: ast.Module) -> Scope:
    """Return the scope of a module, complete. Raises UnsureError."""
    top = Scope(tree)
    loads: list[tuple[Scope, ast.Name]] = []
    for statement in tree.body:
        _Reader(top, loads).visit(statement)
    for scope, node in loads:
        variable = scope.find(node.id)
        if variable is None:
            scope.builtins.add(node.id)
            continue
        variable.places.append((node, "id"))
    return top


class _Reader(ast.NodeVisitor):
    """Notes what one scope defines, and what it loads."""

    def __init__(self, scope: Scope, loads: list[tuple[Scope, ast.Name]]) -> None:
        self._scope = scope
        self._loads = loads

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._loads.append((self._scope, node))
        else:
            self._scope.define(node.id, node, "id")

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope.define(node.name, node, "name")
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        self._enter(node, node.body)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._scope.define(node.name, node, "name")
        for decorator in node.decorator_list:
            self.visit(decorator)
        self._function(node, node.body)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node, [node.body])

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._scope.define(node.name, node, "name")
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.asname is None and "." in alias.name:
                raise UnsureError(node, "an import of a dotted name")
            self._scope.define(alias.asname or alias.name, alias, "asname")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                raise UnsureError(node, "an import of all names")
            self._scope.define(alias.asname or alias.name, alias, "asname")

    def visit_Global(self, node: ast.Global) -> None:
        raise UnsureError(node, "global")

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        raise UnsureError(node, "nonlocal")

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        raise UnsureError(node, "an assignment inside an expression")

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, _COMPREHENSIONS):
            first = node.generators[0]
            self.visit(first.iter)
            inner = self._inner(node)
            for generator in node.generators:
                inner.visit(generator.target)
                for part in generator.ifs:
                    inner.visit(part)
                if generator is not first:
                    inner.visit(generator.iter)
            results = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
            for part in results:
                inner.visit(part)
            return
        for child in children(node):
            self.visit(child)

    def _function(self, node: Function, body: "list[ast.stmt] | list[ast.expr]") -> None:
        arguments = node.args
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self.visit(default)
        inner = self._inner(node)
        for argument in parameters(node):
            inner._scope.define(argument.arg, argument, "arg")
        for part in body:
            inner.visit(part)

    def _enter(self, node: ast.AST, body: list[ast.stmt]) -> None:
        inner = self._inner(node)
        for statement in body:
            inner.visit(statement)

    def _inner(self, node: ast.AST) -> "_Reader":
        scope = Scope(node, self._scope)
        self._scope.inside.append(scope)
        return _Reader(scope, self._loads)


def parameters(node: Function) -> list[ast.arg]:
    """Return all parameters of a function, the starred ones last."""
    found = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return found + [one for one in (node.args.vararg, node.args.kwarg) if one]


def is_special(name: str) -> bool:
    """Return whether Python itself gives a name its meaning."""
    return name.startswith("__") and name.endswith("__")
