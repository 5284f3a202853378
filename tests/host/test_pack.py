"""The packed agent does what the sources do, in less."""

import pytest
from pack_rig import run, text, writer

from ways_device.pack import pack
from ways_device.pack.trace import lines_of, readable


@pytest.fixture
def agent(tmp_path):
    return writer(tmp_path)


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


def test_no_global_takes_the_name_of_an_argument_that_is_given_by_name(agent):
    functions = "".join(f"def f{n}():\n    return {n}\n\n\n" for n in range(9))
    calls = ", ".join(f"f{n}()" for n in range(9))
    asked = ", ".join("self.ask(much=1, more=2)" for _ in range(9))
    source = agent(
        agent=f"{functions}class Agent:\n    def __init__(self, size):\n        self.size = size\n"
        f"    def ask(self, much, more):\n        return sum(({calls})) + much + more\n"
        f"    def run(self):\n        print({asked})\n",
    )
    assert run(source) == " ".join(["39"] * 9) + "\n"
