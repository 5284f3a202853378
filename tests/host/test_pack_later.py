"""A module that a function imports is a file of its own, and does what its source does."""

import pytest
from pack_rig import run, text, writer

from ways_device.pack import pack


@pytest.fixture
def agent(tmp_path):
    return writer(tmp_path)


def test_module_that_a_function_imports_stays_a_file(agent):
    source = agent(
        rare="from firmware.errors import SensorError\n\n\n"
        "def ask(x):\n    raise SensorError(x)\n",
        agent="from firmware.errors import SensorError\n\n\nclass Agent:\n"
        "    def __init__(self, size):\n        self.size = size\n"
        "    def run(self):\n        from firmware import rare\n        try:\n"
        "            rare.ask(self.size)\n        except SensorError as exc:\n"
        "            print(repr(exc))\n",
    )
    assert run(source) == "SensorError(5,)\n"
    assert "rare" in pack(source).texts


def test_module_that_is_loaded_later_takes_no_name_of_the_bundle(agent):
    functions = "".join(f"def f{n}():\n    return {n}\n\n\n" for n in range(90))
    source = agent(
        append="VALUE = 4\n",
        agent=f"{functions}class Agent:\n    def __init__(self, size):\n        self.size = size\n"
        "    def run(self):\n        from firmware import append\n"
        f"        print(append.VALUE, sum(({', '.join(f'f{n}()' for n in range(90))})))\n",
    )
    assert run(source) == "4 4005\n"


# What calls the module `rare` of a test, as a function of the agent that imports it.
def caller(body):
    lines = ["class Agent:", "    def __init__(self, size):", "        self.size = size"]
    lines += ["    def run(self):", *("        " + line for line in body)]
    return "\n".join(lines) + "\n"


def test_a_default_is_kept_for_those_who_call_from_another_module(agent):
    source = agent(
        rare="import asyncio\n\n\nasync def change(down, given, rev=None):\n"
        "    return down, given, rev\n\n\n"
        "async def again(down):\n    return await change(down, 2, rev=3)\n\n\n"
        "def add(x, y=2):\n    return x + y\n\n\nTHREE = add(1)\n\n\n"
        "def run(coroutine):\n    print(asyncio.run(coroutine))\n",
        agent=caller(
            [
                "from firmware import rare",
                "rare.run(rare.change(1, given=self.size))",
                "rare.run(rare.again(1))",
                "from firmware.rare import add",
                "print(add(7), rare.THREE)",
            ]
        ),
    )
    assert run(source) == "(1, 5, None)\n(1, 2, 3)\n9 3\n"


def test_a_class_of_another_module_takes_its_arguments_by_name_too(agent):
    source = agent(
        rare="class Box:\n    def __init__(self, first, *, second=2):\n"
        "        self.both = first, second\n\n\ndef made():\n    return Box(0, second=1)\n",
        agent=caller(
            [
                "from firmware import rare",
                "print(rare.made().both, rare.Box(first=self.size).both)",
            ]
        ),
    )
    assert run(source) == "(0, 1) (5, 2)\n"


def test_a_private_constant_that_another_module_reads_is_there(agent):
    source = agent(
        rare="from micropython import const\n\n_SIZE = const(3)\n\n\ndef twice():\n"
        "    return 2 * _SIZE\n",
        agent=caller(["from firmware import rare", "print(rare._SIZE, rare.twice())"]),
    )
    assert run(source) == "3 6\n"


@pytest.mark.parametrize("place", ["agent", "rare"])
def test_const_works_wherever_it_stands(agent, place):
    names = "".join(f"    x{n} = {n}\n" for n in range(20))
    constants = (
        "from micropython import const\n\n_A, _B = const(1), const(2)\nLIMIT = const(7)\n"
        "TABLE = {const(3): const(4)}\n\n\nclass Kind:\n    SORT = const(9)\n\n\n"
        f"def told(size=const(8)):\n    LOCAL = const(5)\n{names}"
        "    return _A, _B, LIMIT, TABLE, Kind.SORT, size, LOCAL, x19\n\n\n"
    )
    here = caller(["print(told(), LIMIT)"])
    there = caller(["from firmware import rare", "print(rare.told(), rare.LIMIT)"])
    source = agent(
        rare=constants, agent="LIMIT = 1\n" + there if place == "rare" else constants + here
    )
    assert run(source) == "(1, 2, 7, {3: 4}, 9, 8, 5, 19) 7\n"


def test_a_function_of_wiring_that_another_module_calls_later_is_not_let_go(agent):
    source = agent(
        main="from firmware import start\nagent = start.build()\nagent.run()\n",
        start="from firmware import wiring\n\n\ndef build():\n    made = wiring.wire(5)\n"
        "    print(wiring.named(2))\n    wiring.forget()\n    return made\n",
        wiring="from firmware.agent import Agent\n\n\ndef named(x):\n    return 'no %d' % x\n\n\n"
        "def wire(size):\n    name = named(size)\n    made = Agent(name)\n    return made\n\n\n"
        "def forget():\n    pass\n",
        agent=caller(["print(self.size)"]),
    )
    assert run(source) == "no 2\nno 5\n"


def test_an_attribute_of_a_driver_that_stock_images_freeze_keeps_its_name(agent):
    source = agent(
        sensors__in___init__="",
        sensors__in_box="class Box:\n    def __init__(self, driver):\n"
        "        self.bufferlike = driver\n        self.shape_of_it = 1\n"
        "    def told(self):\n        return self.bufferlike.shape_of_it\n\n\n"
        "def open(board, options):\n    import frozen\n\n    return Box(frozen.Driver())\n",
        agent=caller(["from firmware.sensors import box", "print(box.open(0, {}).told())"]),
    )
    board = source / "board"
    board.mkdir()
    (board / "frozen.py").write_text("class Driver:\n    shape_of_it = 6\n")
    assert run(source) == "6\n"
    assert "bufferlike" not in text(source, "sensors/box")
