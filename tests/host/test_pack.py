"""The packed agent does what the sources do, in less; what is not sure to do so is refused.

The small agents here are packed, compiled, and run by the real interpreter.
"""

import os
import subprocess

import pytest

from ways_device import bytecode
from ways_device.errors import ToolError
from ways_device.pack import pack
from ways_device.pack.trace import lines_of, readable

MAIN = """
from firmware import wiring
agent = wiring.wire(5)
wiring.forget()
agent.run()
"""
# What an agent has to have, besides what a test is about.
LEAST = {
    "__init__": 'VERSION = "1"\n',
    "errors": "class SensorError(Exception):\n    pass\n",
    "reading": 'from firmware.errors import SensorError\nclass Datapoint:\n    unit = ""\n',
    "wiring": "from firmware.agent import Agent\n\n\n"
    "def wire(size):\n    return Agent(size)\n\n\ndef forget():\n    pass\n",
}


@pytest.fixture
def agent(tmp_path):
    """Return what writes an agent of these modules; a key "x/y" is a file of a folder."""

    def write(main=MAIN, **modules):
        (tmp_path / "boot.py").write_text("")
        (tmp_path / "main.py").write_text(main)
        for name, text in {**LEAST, **modules}.items():
            path = tmp_path / "firmware" / f"{name.replace('__in_', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def run(source, bits="64"):
    """Compile the agent into lib/ beside it and run main.py; return all that it printed."""
    for file in bytecode.device_files(source):
        target = source / "board" / file.path[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)
    variable = "MICROPYTHON" if bits == "64" else "MICROPYTHON32"
    done = subprocess.run(
        [os.environ[variable], "main.py"],
        cwd=source / "board",
        env={**os.environ, "MICROPYPATH": "./lib:.frozen"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return done.stdout + done.stderr


def text(source, name="__init__"):
    return str(pack(source).texts[name])


def test_modules_become_one_that_works(agent):
    source = agent(
        tools='_STEP = 2\nLIMIT = _STEP * 3\n\n\ndef _help(value):\n    """Say."""\n'
        "    return value + _STEP\n\n\ndef more(value):\n    return _help(value) + LIMIT\n",
        agent="import json\nfrom firmware import tools\n\n\n"
        "def _help(x):\n    return json.dumps(x)\n\n\n"
        "class Agent:\n    def __init__(self, size):\n        self._size = size\n"
        "    @property\n    def doubled(self):\n        return 2 * self._size\n"
        "    def run(self):\n        print(_help([tools.more(self._size), self.doubled]))\n",
    )
    assert run(source) == "[13, 10]\n"
    packed = text(source)
    for gone in ("_size", "doubled", "more", "_STEP", "Say"):
        assert gone not in packed
    assert sorted(pack(source).texts) == ["__init__", "wiring"]


def test_two_modules_may_use_the_same_names(agent):
    source = agent(
        other="def ask(x):\n    return _x(x)\n\n\ndef _x(x):\n    return [x for x in range(x)]\n",
        agent="from firmware import other\nfrom firmware.other import ask as asked\n\n\n"
        "def ask(x):\n    return lambda y: (x, y, asked(y))\n\n\nclass Agent:\n"
        "    def __init__(self, ask):\n        self.ask = ask\n"
        "    def run(self):\n        print(ask(self.ask)(2), other.ask(1))\n",
    )
    assert run(source) == "(5, 2, [0, 1]) [0]\n"


def test_an_attribute_that_others_have_keeps_its_name(agent):
    source = agent(
        agent="import random\n\n\nclass Agent:\n    randrange = None\n"
        "    def __init__(self, size):\n        self.randrange = random.randrange\n"
        "        self.append = self.items = size\n"
        "    def run(self):\n        found = []\n        found.append(self.randrange(1))\n"
        "        print(found, self.append, list({}.items()))\n",
    )
    assert run(source) == "[0] 5 []\n"


def test_an_attribute_that_a_text_names_keeps_its_name(agent):
    source = agent(
        agent='NAMES = ("far", "wide")\n\n\nclass Agent:\n    far = wide = 1\n'
        "    def __init__(self, size):\n        for name in NAMES:\n"
        "            setattr(self, name, size)\n"
        "    def run(self):\n        print(self.far, self.wide)\n",
    )
    assert run(source) == "5 5\n"


def test_attributes_share_names_only_if_no_object_has_both(agent):
    source = agent(
        base="class Base:\n    def __init__(self):\n        self.alpha = 1\n"
        "    def both(self):\n        return self.alpha\n",
        agent="from firmware.base import Base\n\n\nclass Agent(Base):\n"
        "    def __init__(self, size):\n        super().__init__()\n        self.beta = size\n"
        "    def run(self):\n        print(self.alpha, self.beta, self.both(), Other().gamma)\n"
        "\n\nclass Other:\n    gamma = 9\n",
    )
    assert run(source) == "1 5 1 9\n"


def test_arguments_by_name_are_still_found(agent):
    source = agent(
        agent="def shown(first, *, last=3, **rest):\n    return first, last, sorted(rest)\n\n\n"
        "def once(first, *, second, third=3):\n    return first - second - third\n\n\n"
        "class Agent:\n    def __init__(self, size):\n        self.size = size\n"
        "    def ask(self, much=1, more=2):\n        return much, more\n"
        "    def told(self, value):\n        print(value)\n        return value\n"
        "    def run(self):\n        print(shown(1, last=self.size, extra=1))\n"
        "        print(once(9, third=self.told(4), second=self.told(2)), self.ask(more=7))\n",
    )
    assert run(source) == "(1, 5, ['extra'])\n4\n2\n3 (1, 7)\n"


def test_what_only_builds_is_moved_away_and_forgotten(agent):
    source = agent(
        main=MAIN + "import sys\nprint(sorted(sys.modules['firmware'].__dict__))\n",
        parts="import json\n\n\ndef first(part):\n    part.grow()\n    return part\n\n\n"
        "class Part:\n    def __init__(self, size):\n        self.size = json.loads(size)\n"
        "    def grow(self):\n        self.size += 1\n    def told(self):\n"
        "        return self.size\n",
        agent="class Agent:\n    def __init__(self, part):\n        self.part = part\n"
        "    def run(self):\n        print(self.part.told())\n",
        wiring="from firmware.agent import Agent\nfrom firmware.parts import Part, first\n\n\n"
        "def wire(size):\n    part = first(Part(str(size)))\n    return Agent(part)\n\n\n"
        "def forget():\n    pass\n",
    )
    assert run(source).splitlines()[0] == "6"
    bundle, wiring = text(source), text(source, "wiring")
    assert "loads" not in bundle
    assert "+= 1" not in bundle
    assert "loads" in wiring
    assert "+= 1" in wiring
    assert "= None" in wiring  # as soon as it has been called


def test_constructor_of_a_class_with_a_base_is_moved_too(agent):
    source = agent(
        agent="class Base:\n    def __init__(self, size):\n        self.size = size\n\n\n"
        "class Agent(Base):\n    def __init__(self, size):\n        super().__init__(size * 2)\n"
        "        self.more = 1\n    def run(self):\n        print(self.size + self.more)\n",
    )
    assert run(source) == "11\n"
    assert "object.__new__" in text(source, "wiring")


def test_what_is_kept_for_later_is_not_forgotten(agent):
    source = agent(
        agent="def later():\n    return helper()\n\n\ndef helper():\n    return 7\n\n\n"
        "class Agent:\n    def __init__(self, size, ask):\n        self.ask = ask\n"
        "    def run(self):\n        print(self.ask())\n",
        wiring="from firmware.agent import Agent, later\n\n\n"
        "def wire(size):\n    made = Agent(size, later)\n    return made\n\n\n"
        "def forget():\n    pass\n",
    )
    assert run(source) == "7\n"


def test_what_is_called_after_building_is_not_forgotten(agent):
    source = agent(
        main=MAIN + "print(wiring.more())\n",
        agent="class Agent:\n    def __init__(self, size):\n        self.size = size\n"
        "    def run(self):\n        print(self.size)\n",
        wiring="from firmware.agent import Agent\n\n\ndef _help(x):\n    return x + 1\n\n\n"
        "def wire(size):\n    size = _help(size)\n    return Agent(size)\n\n\n"
        "def more():\n    return _help(1)\n\n\ndef forget():\n    pass\n",
    )
    assert run(source) == "6\n2\n"


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


def test_what_moves_to_the_builder_finds_modules_that_are_loaded_later(agent):
    source = agent(
        later="def _double(x):\n    return 2 * x\n\n\ndef made_of(x):\n    return _double(x)\n",
        makers="def made(x):\n    from firmware import later\n\n"
        "    return later.made_of(x)\n\n\n"
        "def named(x):\n    from firmware.later import made_of\n\n    return made_of(x)\n",
        wiring="from firmware import makers\nfrom firmware.agent import Agent\n\n\n"
        "def wire(size):\n    return Agent(makers.made(size) + makers.named(size))\n\n\n"
        "def forget():\n    pass\n",
        agent="class Agent:\n    def __init__(self, size):\n        self.size = size\n"
        "    def run(self):\n        print(self.size)\n",
    )
    assert "made" not in text(source) and "later" in text(source, "wiring")
    assert run(source) == "20\n"


def test_sensor_file_of_ones_own_finds_the_public_modules(agent):
    source = agent(
        agent="class Agent:\n    def __init__(self, size):\n        pass\n    def run(self):\n"
        "        import mine\n",
    )
    own = source / "board" / "mine.py"
    own.parent.mkdir()
    own.write_text(
        "from firmware import errors\nfrom firmware.errors import SensorError\n"
        "from firmware.reading import Datapoint\n"
        "import firmware.reading\n"
        "print(errors.SensorError is SensorError, firmware.reading.Datapoint().unit == '')\n"
    )
    assert run(source) == "True True\n"


def test_script_may_import_a_module_by_its_full_name(agent):
    source = agent(
        main="import firmware.agent\nprint(firmware.agent.Agent(3).size)\n",
        agent="class Agent:\n    def __init__(self, size):\n        self.size = size\n",
    )
    assert run(source) == "3\n"


@pytest.mark.parametrize(
    ("module", "line", "why"),
    [
        ("x = 1\n\n\ndef f():\n    global x\n    x = 2\n", 5, "global"),
        ("from os import *\n", 1, "all names"),
        ("print(eval('1'))\n", 1, r"eval\(\)"),
        ("x = 1\nprint(locals())\n", 2, r"locals\(\)"),
        ("if (x := 1):\n    pass\n", 1, "assignment"),
        ("from firmware import errors\nprint(errors)\n", 2, "as a whole"),
        ("from firmware import errors\nerrors.x = 1\n", 2, "changed"),
        ("from firmware.errors import Missing\n", 1, "has no Missing"),
        ("from firmware.errors import SensorError\nSensorError = 1\n", 2, "assigned too"),
    ],
)
def test_what_cannot_be_packed_safely_is_refused(agent, module, line, why):
    source = agent(agent=module + "\n\nclass Agent:\n    pass\n")
    with pytest.raises(ToolError, match=rf"firmware/agent.py:{line} cannot be packed: .*{why}"):
        pack(source)


def test_traceback_is_made_readable(agent):
    source = agent(
        agent="class Agent:\n    def __init__(self, size):\n        self.size = size\n\n"
        "    def run(self):\n        self._inner(0)\n\n    def _inner(self, by):\n"
        "        if by == 0:\n            print(self.size // by)\n",
    )
    output = run(source)
    assert "ZeroDivisionError" in output
    assert "_inner" not in output
    lines = lines_of(pack(source))
    told = [readable(line, lines) for line in output.splitlines()]
    assert '  File "firmware/agent.py", line 9-10, in Agent._inner' in told
    assert '  File "firmware/agent.py", line 6, in Agent.run' in told
    assert any(line.startswith('  File "main.py", line 5') for line in told)


def test_place_that_is_not_of_the_agent_stays(agent):
    lines = {"firmware": ["firmware/x.py:3-5 in f", ""]}
    assert readable('File "firmware", line 1, in len', lines) == (
        'File "firmware/x.py", line 3-5, in f'
    )
    for line in ('File "firmware", line 2, in len', 'File "firmware", line 9', "I mqtt up", ""):
        assert readable(line, lines) == line
