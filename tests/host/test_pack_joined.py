"""What only builds: fitting.py becomes a part of wiring.py; constructors that are inherited."""

import pytest
from pack_rig import MAIN, run, text, writer

from ways_device.errors import ToolError
from ways_device.pack import pack

FITTING = """
import sys
from firmware.parts import Part, tell
_MOST = 3
def part(size):
    part = Part(min(size, _MOST))
    return part
def say(text):
    tell(text, sys.implementation.name)
"""
WIRING = """
import sys
from firmware import fitting
from firmware.agent import Agent
from firmware.parts import tell
def wire(size):
    part = fitting.part(size)
    say = sys.implementation.name
    fitting.say("wired")
    tell("again", say)
    return Agent(part.size)
def forget():
    pass
"""
PARTS = """
class Part:
    def __init__(self, size):
        self.size = size
def tell(text, by):
    print(text, by)
"""
AGENT = "class Agent:\n    def __init__(self, size):\n        self.size = size\n"
AGENT += "    def run(self):\n        print(self.size)\n"


@pytest.fixture
def agent(tmp_path):
    return writer(tmp_path)


def test_fitting_becomes_a_part_of_wiring(agent):
    source = agent(fitting=FITTING, wiring=WIRING, parts=PARTS, agent=AGENT)
    assert run(source) == "wired micropython\nagain micropython\n3\n"
    packed = pack(source)
    assert "fitting" not in packed.texts
    where = {origin.text.partition(":")[0] for origin in packed.texts["wiring"].origins}
    assert {"firmware/wiring.py", "firmware/fitting.py"} <= where


@pytest.mark.parametrize(
    ("fitting", "wiring", "place"),
    [
        (FITTING, WIRING.replace("fitting.say(", "fitting.sing("), "wiring.py:9 .*no sing"),
        (FITTING + "print(eval('1'))\n", WIRING, r"fitting.py:10 .*eval\(\)"),
        (FITTING.replace("_MOST", "(x := 1)"), WIRING, "fitting.py"),
    ],
)
def test_what_is_wrong_in_either_is_told_by_its_own_file(agent, fitting, wiring, place):
    source = agent(fitting=fitting, wiring=wiring, parts=PARTS, agent=AGENT)
    with pytest.raises(ToolError, match=f"^firmware/{place}"):
        pack(source)


STORE = """
class Store:
    def __init__(self, size):
        self.size = size * 2
    def run(self):
        print(self.size)
"""
KEEPER = """
from firmware.store import Store
class Keeper(Store):
    def run(self):
        print("kept", self.size)
"""
CHOICE = """
from firmware.store import Store
def wire(size):
    kind = _kind(size)
    return kind(size)
def _kind(size):
    if size < 9:
        return Store
    from firmware import keeping
    return keeping.Keeper
def forget():
    pass
"""


def test_a_constructor_that_a_sleepers_class_inherits_is_forgotten_but_not_moved(agent):
    source = agent(store=STORE, keeping=KEEPER, wiring=CHOICE, agent=AGENT)
    assert run(source) == "10\n"
    assert ".__init__ = None" in text(source, "wiring")
    # A sleeper calls no forget(), and its class has what it inherits.
    sleeper = MAIN.replace("wire(5)", "wire(50)").replace("wiring.forget()\n", "")
    source = agent(main=sleeper, store=STORE, keeping=KEEPER, wiring=CHOICE, agent=AGENT)
    assert run(source) == "kept 100\n"


def test_a_constructor_that_another_class_inherits_is_kept_if_that_is_made_later(agent):
    source = agent(
        store=STORE,
        later="from firmware.store import Store\nclass Later(Store):\n    pass\n",
        wiring=CHOICE.replace("keeping", "later").replace("Keeper", "Later"),
        agent=AGENT,
        main=MAIN + "from firmware import more\nmore.make()\n",
        more="from firmware import later\ndef make():\n    later.Later(7).run()\n",
    )
    assert run(source) == "10\n14\n"
    assert ".__init__ = None" not in text(source, "wiring")
