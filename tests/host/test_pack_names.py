"""Names that a board would keep for ever: what packing does so that fewer are made."""

import os
import re
import subprocess

import pytest
from pack_rig import MAIN, run, text, writer

from ways_device import bytecode
from ways_device.pack import pack


@pytest.fixture
def agent(tmp_path):
    return writer(tmp_path)


def names_after(source, main):
    """Return the names that an interpreter has made when it has run main.py."""
    (source / "main.py").write_text(main + "import micropython\nmicropython.qstr_info(1)\n")
    return set(re.findall(r"^Q\((.*)\)$", run(source), re.MULTILINE))


# A module that is loaded for a moment, as the agent does it.
RARE = """
def told(x):
    if x == "only here":
        return "nothing"
    return {"fleeting": "%s=%d" % ("rare word", x), "odd": "odd" in "oddments"}
"""
CALLER = """
from firmware import unload


class Agent:
    def __init__(self, size):
        self.size = size
    def run(self):
        from firmware import rare
        try:
            print(sorted(rare.told(self.size).items()))
        finally:
            unload("rare")
"""
PACKAGE = """
import sys
def unload(name):
    for names, key in ((sys.modules, "firmware." + name), (globals(), name)):
        names[key] = None
        del names[key]
"""


def test_short_texts_of_a_module_that_is_forgotten_become_no_names(agent):
    source = agent(rare=RARE, agent=CALLER, __init__=PACKAGE)
    names = names_after(source, MAIN)
    assert run(source).startswith("[('fleeting', 'rare word=5'), ('odd', True)]\n")
    assert not names & {"fleeting", "nothing", "rare word", "%s=%d", "odd"}
    # One that nobody unloads keeps them: an object of its own takes more than a name.
    source = agent(rare=RARE, agent=CALLER.replace('unload("rare")', "pass"), __init__=PACKAGE)
    assert {"fleeting", "odd"} <= names_after(source, MAIN)


def test_a_text_that_the_agent_has_anyway_stays_where_it_is(agent):
    caller = CALLER.replace("print(", 'print("fleeting", ')
    source = agent(rare=RARE, agent=caller, __init__=PACKAGE)
    assert "fleeting" in text(source, "rare").replace("\\n", " ").split("'")
    assert run(source).startswith("fleeting [('fleeting', 'rare word=5')")


SETTINGS = """
TABLE = (("mqtt_host", str, "a"), ("own_limit_s", int, 7), ("kind", str, "k"))


class Config:
    unknown = ()


def checked(values):
    found = Config()
    for name, (key, kind, default) in zip(attributes(), TABLE):
        setattr(found, name, kind(values.get(key, default)))
    return found


def attributes():
    return [row[0] for row in TABLE]
"""
WIRING = """
from firmware.agent import Agent
def wire(size):
    from firmware import config
    found = config.checked({"mqtt_host": "b", "own_limit_s": size})
    return Agent([found.mqtt_host, found.own_limit_s, found.kind])
def forget():
    pass
"""
PRINTER = "class Agent:\n    def __init__(self, all):\n        self.all = all\n"
PRINTER += "    def run(self):\n        print(self.all)\n"


def test_a_setting_has_its_key_in_the_file_and_another_name_in_the_code(agent):
    source = agent(config=SETTINGS, wiring=WIRING, agent=PRINTER)
    assert run(source) == "['b', 5, 'k']\n"
    assert "own_limit_s" in text(source, "config")  # the key
    assert ".own_limit_s" not in text(source, "wiring")
    assert "own_limit_s" not in names_after(source, MAIN)


def test_a_setting_that_somebody_may_ask_for_by_text_keeps_its_name(agent):
    source = agent(
        config=SETTINGS,
        wiring=WIRING.replace("found.own_limit_s,", 'getattr(found, "own_limit_s"),'),
        agent=PRINTER,
    )
    assert run(source) == "['b', 5, 'k']\n"
    assert "own_limit_s" in text(source, "config").split("return")[-1]


SCRIPT = """
import sys
_LIMIT = 3
left = "for main.py"


def _inner(first, *, second=2):
    third = first + second
    return [each * third for each in range(_LIMIT)]


def kept(value):
    return _inner(value, second=1)


try:
    print(kept(1), _LIMIT)
except ValueError as exc:
    print(exc)
del _inner
"""


def test_a_script_makes_no_names_for_what_is_its_own(agent):
    source = agent(main=SCRIPT, agent=PRINTER)
    assert run(source) == "[0, 2, 4] 3\n"
    packed = str(pack(source).scripts["main.py"])
    assert not re.search(r"\b(_LIMIT|_inner|first|third|each|value)\b", packed)
    # A name that is given by name, or that another script or the prompt may want, stays.
    assert re.search(r"\bsecond\b", packed)
    assert re.search(r"^left = .*def kept", packed, re.DOTALL | re.MULTILINE)


def test_scripts_that_share_their_variables_do_not_take_each_others(agent, tmp_path):
    agent(main="print(callable(open), left, kept())\n", agent=PRINTER)
    (tmp_path / "boot.py").write_text(
        "_a = 1\n_b = 2\n\n\ndef kept():\n    return _a + _b\n\n\nleft = kept()\n"
    )
    files = {file.path: file.data.decode() for file in bytecode.device_files(tmp_path)[:2]}
    both = tmp_path / "both.py"
    both.write_text(files["/boot.py"] + files["/main.py"])
    done = subprocess.run(
        [os.environ["MICROPYTHON"], str(both)],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout == "True 3 3\n"


def test_no_name_of_a_script_is_given_to_something_else_in_it(agent):
    # Nobody calls them in here: they are for the prompt.
    public = "".join(f"def {name}():\n    return 0\n\n\n" for name in ("append", "args", "close"))
    source = agent(
        main=f"{public}_a = 1\n_b = 2\n_c = 3\nprint(_a, close(), args())\n", agent=PRINTER
    )
    packed = str(pack(source).scripts["main.py"])
    assert not re.search(r"^(append|args|close) = ", packed, re.MULTILINE)
    assert run(source) == "1 0 0\n"


def test_a_script_that_cannot_be_understood_keeps_its_names(agent):
    main = "_x = 1\n\n\ndef _set():\n    global _x\n    _x = 2\n\n\n_set()\nprint(_x)\n"
    source = agent(main=main, agent=PRINTER)
    assert run(source) == "2\n"
    assert "_set" in str(pack(source).scripts["main.py"])
