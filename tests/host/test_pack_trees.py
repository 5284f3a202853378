"""The packer's ways through a syntax tree, and how it changes one."""

import ast

from ways_device.pack.replace import replace
from ways_device.pack.trees import is_name, statements, walk
from ways_device.resources import device_source

SAID_NOTHING = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
HARD = """
async def f(a: int, *b, c, d=1, **e):
    global g, h
    return {**a, 1: -b[0:c], 2: f'{d!r:>3}'}
"""


def test_walk_finds_what_ast_walk_does_but_for_operators_and_contexts():
    trees = [ast.parse(HARD)]
    trees += [ast.parse(path.read_text()) for path in device_source().rglob("firmware/*.py")]
    for tree in trees:
        expected = [node for node in ast.walk(tree) if not isinstance(node, SAID_NOTHING)]
        assert [*walk(tree)] == expected
        assert [*statements(tree)] == [
            node for node in expected if isinstance(node, ast.mod | ast.stmt | ast.excepthandler)
        ]


def replaced(text, change, added=None):
    """Return the text with what change() returns for the nodes it does not return itself."""
    tree = ast.parse(text)
    made = {node: change(node) for node in walk(tree)}
    nodes = {node: new for node, new in made.items() if new is not node}
    before = {node: added for node in walk(tree) if added and isinstance(node, ast.Return)}
    replace(tree, nodes, before)
    return ast.unparse(tree)


def test_a_node_is_replaced_and_what_took_its_place_too():
    text = "def f(a, *, b, c=const(const(x))):\n    const(g)(const(1))"
    bare = replaced(text, lambda node: node.args[0] if is_const(node) else node)
    assert bare == "def f(a, *, b, c=x):\n    g(1)"


def is_const(node):
    return isinstance(node, ast.Call) and is_name(node.func, "const")


def test_a_statement_goes_away_and_another_comes_before_one():
    text = "def f():\n    a = 1\n    return a"

    def change(node):
        return None if isinstance(node, ast.Assign) else node

    assert replaced(text, change, ast.parse("b").body) == "def f():\n    b\n    return a"
