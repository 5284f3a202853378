"""Short texts of modules that a board forgets: kept in one text there, which goes with them.

A text of up to ten letters becomes a name as bytecode is loaded, and names stay for ever. Taken
out of a longer one it is an object like any other.
"""

import ast
import keyword
from typing import TypeGuard

from ways_device.pack.module import Module
from ways_device.pack.names import STATIC, STOCK
from ways_device.pack.pool import NAMED_UP_TO, occurrences
from ways_device.pack.program import Program
from ways_device.pack.replace import Replaced
from ways_device.pack.trees import identifiers, is_name

# What these make stays, and texts in it: each takes less as a name.
_MAKERS = frozenset({"start", "wiring"})
_BETWEEN = "\n"
_FEWEST = 3


def gather(program: Program, passing: set[str], local: set[ast.AST]) -> None:
    """Change the modules in passing, which are unloaded again. The names are the final ones.

    local are the nodes in the bundle that name a variable of a function.
    """
    known = {*occurrences(program.bundle_nodes(), local), *STATIC, *STOCK, *program.modules}
    for module in program.separate:
        if module.name in passing - _MAKERS:
            _gather(module, known)


def unloaded(program: Program) -> set[str]:
    """Return the modules that are forgotten when they have done what they are for.

    The names are still those of the sources.
    """
    calls = [node for node in program.nodes() if isinstance(node, ast.Call)]
    return {
        str(word.value)
        for call in calls
        if is_name(call.func, "unload")
        for word in call.args
        if isinstance(word, ast.Constant)
    }


def _gather(module: Module, known: set[str]) -> None:
    parts = {part for node in module.nodes for part in getattr(node, "values", [])}
    short = [node for node in module.nodes if _is_short(node) and node not in parts]
    others = occurrences(module.nodes, {*short})
    places = [node for node in short if node.value not in known and node.value not in others]
    texts = list(dict.fromkeys(str(node.value) for node in places))
    if len(texts) < _FEWEST:
        return
    mentioned = {*keyword.kwlist, *identifiers(module.nodes)}
    holder = next(name for name in sorted(known) if name.isalpha() and name not in mentioned)
    replaced: Replaced = {}
    for node in places:
        number = ast.Constant(texts.index(str(node.value)))
        text = ast.Subscript(ast.Name(holder, ast.Load()), number, ast.Load())
        replaced[node] = ast.copy_location(text, node)
    line = f"{holder} = {_BETWEEN.join(texts)!r}.split({_BETWEEN!r})"
    module.replace(replaced)
    module.tree.body = [*ast.parse(line).body, *module.tree.body]
    module.changed()


def _is_short(node: ast.AST) -> TypeGuard[ast.Constant]:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return False
    return len(node.value) <= NAMED_UP_TO and _BETWEEN not in node.value
