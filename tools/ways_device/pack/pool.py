"""New names, those first that cost the least.

A board keeps every name once, so what stays in the agent anyway is used again; then what every
interpreter holds in ROM. Bytecode numbers the names of a module, and the first 128 of them take
a byte less at each place: `first` has the compiler meet the busiest names before all others.
"""

import ast
import keyword
from collections import Counter
from collections.abc import Iterable, Iterator

from ways_device.pack.names import STATIC, STOCK

_NEVER = frozenset(["self", "super", "const"])
_LETTERS = [f"{a}{b}" for a in "abcdefghijklmnopqrstuvwxyz" for b in ("", *"0123456789")]
# mpy-cross makes a name of every text up to this length.
NAMED_UP_TO = 10
_SHORT_NUMBERS = 128
# Where nodes have a name that bytecode needs.
_NAMES: dict[str, tuple[type, ...]] = {
    "id": (ast.Name,),
    "attr": (ast.Attribute,),
    "name": (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
    "arg": (ast.arg, ast.keyword),
}


class Pool:
    """The names to give away; present are those that stay, with how often they occur."""

    def __init__(self, present: Counter[str]) -> None:
        self._order = list(dict.fromkeys([*_busiest(present), *STATIC, *STOCK, *_LETTERS]))

    def names(self, taken: Iterable[str]) -> Iterator[str]:
        """Yield names but those that are taken."""
        never = {*taken, *_NEVER}
        return (name for name in self._order if name not in never)


def occurrences(nodes: Iterable[ast.AST], skipped: set[ast.AST]) -> Counter[str]:
    """Return how often each name occurs in the bytecode of these nodes, about.

    skipped are nodes whose name is that of a local variable, which has none in bytecode.
    """
    found = Counter(_name(node) for node in nodes if node not in skipped)
    del found[""]
    return found


def _name(node: ast.AST) -> str:
    """Return the name that a node puts into bytecode, "" for none."""
    if isinstance(node, ast.Constant):
        is_name = isinstance(node.value, str) and len(node.value) <= NAMED_UP_TO
        return str(node.value) if is_name else ""
    for key, kinds in _NAMES.items():
        if isinstance(node, kinds):
            return getattr(node, key) or ""
    return ""


def first(present: Counter[str]) -> list[ast.stmt]:
    """Return a statement that does nothing but mention the busiest names."""
    names = ", ".join(_busiest(present)[:_SHORT_NUMBERS])
    return ast.parse(f"for all in (): ({names})").body


def _busiest(present: Counter[str]) -> list[str]:
    # What begins with _ is a constant to the compiler, what is between __ has a meaning.
    names = [name for name in present if name.isidentifier() and name[0] != "_"]
    names = [name for name in names if not keyword.iskeyword(name)]
    return sorted(names, key=lambda name: (-present[name], name))
