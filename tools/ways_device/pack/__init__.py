"""Makes the agent smaller for a board: its modules become one, its own names those of the ROM.

The sources stay as they are; what is made of them does the same. Whatever is not sure to be safe
stops the packing. No kept tool does this: those that shorten names leave attributes alone, which
are most of the names, and know nothing of what MicroPython keeps in RAM.
"""

import ast
from dataclasses import dataclass, field
from pathlib import Path

from ways_device.pack import (
    calls,
    constants,
    link,
    local,
    move,
    once,
    program,
    public,
    rename,
    script,
    texts,
)
from ways_device.pack.early import let_go
from ways_device.pack.emit import Text
from ways_device.pack.links import Links
from ways_device.pack.module import PACKAGE
from ways_device.pack.pool import Pool, first, occurrences
from ways_device.pack.program import SCRIPT, Program

# A module that a script or a sensor file imports by name is found under that name.
_ALIASES = """
import sys
for name in {names!r}:
    sys.modules["{package}." + name] = sys.modules["{package}"]
    setattr(sys.modules["{package}"], name, sys.modules["{package}"])
del name
"""


@dataclass(frozen=True)
class Packed:
    """texts are {path below the package, without its kind: what is there}."""

    texts: dict[str, Text] = field(default_factory=dict)
    scripts: dict[str, Text] = field(default_factory=dict)  # by their file's name
    gone: list[str] = field(default_factory=list)  # the modules that have no file any more


def pack(source: Path, board: str = "board") -> Packed:
    """Pack the agent in source for a chip (board), or for Linux (board_unix).

    Raises ToolError that names file and line of what cannot be packed.
    """
    found = program.read(source, board)
    found.scripts = [ast.parse((source / SCRIPT).read_text("utf-8"))]
    for tree in found.scripts:
        script.check(tree, found)
    passing = texts.unloaded(found)
    links = link.link(found)
    wanted = public.wanted(found)
    kept = public.kept(found, wanted)
    by_name = calls.by_place(found, links, kept | public.kept_separately(found, links))
    attributes = rename.Attributes(found, links)  # while each method is in its class
    parts = move.move(found, links, once.find(found, links), kept)
    shared = constants.fold(found, links, kept)
    wiring = found.modules.get("wiring")
    early = wiring and let_go(wiring, public.known(wiring, found, links), links)
    pool = Pool(attributes.present({*kept, *links.imports.values()}))
    attributes.apply(pool)
    fixed = local.fixed_parameters(found, by_name)
    rename.rename_globals(found, links.imports.values(), kept, fixed, pool)
    for module in found.separate:
        rename.rename_own(module, public.known(module, found, links), fixed, pool)
    for module in found.modules.values():
        local.rename_locals(module, by_name, pool)
    local.check(found)
    once.write_forget(found, parts)
    links.finish()
    if early:
        early.finish()
    texts.gather(found, passing, _local(found))
    packed = _texts(found, links, shared, sorted(wanted))
    paths = [source / name for name in program.SCRIPTS if (source / name).is_file()]
    packed.scripts.update(
        script.shortened({one.name: ast.parse(one.read_text("utf-8")) for one in paths})
    )
    for name, tree in program.alone(source) if board == "board" else ():
        text = packed.texts[name] = Text()
        text.add(f"{PACKAGE}.{name}", tree.body)
    return packed


def _texts(found: Program, links: Links, shared: list[ast.stmt], wanted: list[str]) -> Packed:
    gone = [module.name for module in found.bundled if module.name not in ("", "sensors")]
    packed = Packed(gone=gone)
    names = first(occurrences(found.bundle_nodes(), _local(found)))
    bundle = packed.texts["__init__"] = Text()
    bundle.add("", [*names, *_imports(links), *_aliases([one for one in wanted if one]), *shared])
    for module in found.bundled:
        bundle.add(module.dotted, module.tree.body)
    if "sensors" in found.modules:
        # The folder has to be a package; what is in it is in the bundle.
        packed.texts["sensors/__init__"] = Text()
    for module in found.separate:
        text = packed.texts[module.name.replace(".", "/")] = Text()
        text.add(module.dotted, module.tree.body)
    return packed


def _local(found: Program) -> set[ast.AST]:
    """Return the nodes in the bundle whose names bytecode does not have."""
    return {node for node in rename.local_names(found) if not isinstance(node, ast.arg)}


def _imports(links: Links) -> list[ast.stmt]:
    statements: list[ast.stmt] = []
    for (module, name), variable in links.imports.items():
        here = variable.name
        alias = ast.alias(name or module, here if here != (name or module) else None)
        statements.append(ast.ImportFrom(module, [alias], 0) if name else ast.Import([alias]))
    return statements


def _aliases(names: list[str]) -> list[ast.stmt]:
    return ast.parse(_ALIASES.format(names=tuple(names), package=PACKAGE)).body
