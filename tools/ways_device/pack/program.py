"""The agent's modules as syntax trees, and which of them become one."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ways_device.errors import ToolError
from ways_device.pack.emit import remember
from ways_device.pack.join import join
from ways_device.pack.module import PACKAGE, Module, dotted
from ways_device.pack.scope import Scope, UnsureError, resolve
from ways_device.pack.trees import is_name, statements, walk

# What a board starts with, and compiles itself; the second starts the agent.
SCRIPTS = ("boot.py", "main.py")
SCRIPT = SCRIPTS[1]
# They run before the agent does, and are forgotten then.
BUILDERS = ("config", "identity", "setup", "wiring")
# The second becomes a part of the first.
JOINED = ("wiring", "fitting")
# What an agent that sleeps between readings has besides: it forgets nothing.
SLEEPERS = ("keeping", "sleeper", "delivery", "rhythm", "keptfilters")
# One of these is the board's.
BOARDS = frozenset({"board", "board_unix"})
_BY_NAME = frozenset({"eval", "exec", "globals", "locals", "vars"})
# What Linux has besides its board.
_UNIX = frozenset({"commandline", "pin_unix"})
# For the builder of images, and for who writes against the sources.
_NEVER = frozenset({"client", "manifest"})
# What runs when the agent does not, and is imported past the package: it stays as it is.
ALONE = ("safekeep", "safelink", "safemode")
# What an import may name though it is not there: it runs on the other kind of board, or never.
LEFT_OUT = BOARDS | _NEVER | _UNIX | {*ALONE, "setup"}
# The modules that no board has.
NOT_FOR_BOARDS = BOARDS - {"board"} | _NEVER | _UNIX
# What somebody's own sensor file imports keeps its name.
PUBLIC = {
    "errors": {"ConfigError", "CorruptError", "LinkError", "RejectedError", "SensorError"},
    "reading": {"Datapoint"},
}


@dataclass(eq=False)
class Program:
    """All modules, those of the bundle first, each behind those it imports."""

    modules: dict[str, Module]
    scripts: list[ast.Module] = field(default_factory=list)

    @property
    def bundled(self) -> list[Module]:
        return [module for module in self.modules.values() if module.is_bundled]

    @property
    def separate(self) -> list[Module]:
        return [module for module in self.modules.values() if not module.is_bundled]

    def nodes(self) -> Iterator[ast.AST]:
        """Yield all nodes of all modules and scripts."""
        for module in self.modules.values():
            yield from module.nodes
        for tree in self.scripts:
            yield from walk(tree)

    def bundle_nodes(self) -> Iterator[ast.AST]:
        """Yield all nodes of the bundle."""
        for module in self.bundled:
            yield from module.nodes

    def target(self, source: str | None, name: str) -> tuple[Module, str | None] | None:
        """Return (module, name in it or None for itself) of `from source import name`.

        None for what is not the package's.
        """
        if source == PACKAGE and name in self.modules:
            return self.modules[name], None
        if source == PACKAGE:
            return self.modules[""], name
        below = (source or "").removeprefix(PACKAGE + ".")
        if below == source:
            return None
        inner = f"{below}.{name}"
        if inner in self.modules:
            return self.modules[inner], None
        return (self.modules[below], name) if below in self.modules else None


def read(source: Path, board: str) -> Program:
    """Read the agent in source; board is which of BOARDS. Raises ToolError."""
    folder = source / PACKAGE
    paths = {_name(path.relative_to(folder)): path for path in sorted(folder.rglob("*.py"))}
    # setup.py is what the host runs on a chip.
    others = {*_UNIX} if board == "board" else {"setup"}
    for name in {*BOARDS, *_NEVER, *ALONE, *others} - {board}:
        paths.pop(name, None)
    if "" not in paths:
        raise ToolError(f"the agent is missing in {source}; install ways-device again")
    trees = {name: _parse(path) for name, path in paths.items()}
    for name, tree in trees.items():
        strip(tree)
        remember(tree, dotted(name))
    if {*JOINED} <= set(trees):
        _join(trees, paths)
    together = _together(trees, board)
    modules = {}
    for name in _order(trees):
        tree = trees[name]
        module = Module(name, paths[name], tree, Scope(tree), name in together)
        try:
            module.scope = resolve(tree)
        except UnsureError as exc:
            module.refuse(*exc.args)
        _refuse_unsafe(module, {*paths, *LEFT_OUT})
        modules[name] = module
    return Program(modules)


def _join(trees: dict[str, ast.Module], paths: dict[str, Path]) -> None:
    host, guest = JOINED
    for node in walk(trees[guest]):
        node.path = paths[guest]  # type: ignore[attr-defined] # for refuse()
    try:
        join(trees[host], trees.pop(guest), guest)
    except UnsureError as exc:
        Module(host, paths[host], trees[host], Scope(trees[host]), False).refuse(*exc.args)


def alone(source: Path) -> Iterator[tuple[str, ast.Module]]:
    """Yield (name, tree without docstrings) of the modules of ALONE, as far as they are there."""
    for name in ALONE:
        path = source / PACKAGE / f"{name}.py"
        if path.is_file():
            tree = _parse(path)
            strip(tree)
            yield name, tree


def _refuse_unsafe(module: Module, names: set[str]) -> None:
    """Refuse what finds variables by their names. unload() finds modules so: those keep theirs."""
    called = {node.func for node in module.nodes if isinstance(node, ast.Call)}
    for node in module.nodes:
        if isinstance(node, ast.Name) and node.id in _BY_NAME - {module.name or "globals"}:
            module.refuse(node, f"{node.id}() looks at names")
        if isinstance(node, ast.Name) and node.id == "const" and node not in called:
            module.refuse(node, "const is the compiler's, and only called")
        if isinstance(node, ast.Call) and is_name(node.func, "unload"):
            for word in (one.value for one in node.args if isinstance(one, ast.Constant)):
                if word not in names:
                    module.refuse(node, f"there is no {PACKAGE}.{word!s}")


def _name(relative: Path) -> str:
    parts = relative.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text("utf-8"))
    except SyntaxError as exc:
        where = "/".join(path.parts[path.parts.index(PACKAGE) :])
        raise ToolError(f"{where} does not compile: line {exc.lineno}: SyntaxError") from exc


def _order(trees: dict[str, ast.Module]) -> list[str]:
    """Return the modules, each behind those that it imports as it is loaded."""
    ordered: list[str] = []
    begun: set[str] = set()

    def visit(name: str) -> None:
        if name in begun or name not in trees:
            return
        begun.add(name)
        for other in _imports(trees[name]):
            visit(other)
        ordered.append(name)

    for name in sorted(trees):
        visit(name)
    return ordered


def _together(trees: dict[str, ast.Module], board: str) -> set[str]:
    """Return the modules of the bundle: all that are loaded with wiring.py, and stay.

    A module that a function imports is meant to be loaded when that function runs.
    """
    found: set[str] = set()
    waiting = ["", board, *PUBLIC, *([] if "wiring" in trees else trees)]
    if "wiring" in trees:
        waiting += _imports(trees["wiring"])
    while waiting:
        name = waiting.pop()
        if name in trees and name not in {*found, *BUILDERS} and "." not in name:
            found.add(name)
            waiting += _imports(trees[name])
    return found


def _imports(tree: ast.Module) -> Iterator[str]:
    """Yield the names below the package that the statements of a module itself import."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from ("" for alias in node.names if alias.name == PACKAGE)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            below = str(node.module)[len(PACKAGE) + 1 :]
            yield below
            yield from (f"{below}.{alias.name}".lstrip(".") for alias in node.names)


def strip(tree: ast.Module) -> None:
    """Take the docstrings out."""
    for node in statements(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list) or isinstance(node, ast.If | ast.For | ast.While):
            continue
        kept = [part for part in body if not _is_text(part)]
        if not kept and not isinstance(node, ast.Module):
            kept = [ast.copy_location(ast.Pass(), node)]
        node.body = kept  # type: ignore[attr-defined]


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
