"""What only builds the agent goes to wiring.py and is forgotten; nothing else is."""

import pytest
from pack_rig import MAIN, run, text, writer


@pytest.fixture
def agent(tmp_path):
    return writer(tmp_path)


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
