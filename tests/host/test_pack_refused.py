"""What is not sure to do the same when it is packed is refused, with file and line."""

import pytest
from pack_rig import writer

from ways_device.errors import ToolError
from ways_device.pack import pack


@pytest.fixture
def agent(tmp_path):
    return writer(tmp_path)


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
        ("from firmware.misspelt import f\n", 1, "no firmware.misspelt"),
        ("def f():\n    from firmware import misspelt\n", 2, "firmware has no misspelt"),
        ("def f():\n    from firmware import rare\n\n    rare.gone(1)\n", 4, "rare has no gone"),
        ("def f():\n    from firmware.rare import gone\n", 2, "rare has no gone"),
        ("def f():\n    from firmware import rare\n\n    rare.ask = 1\n", 4, "from outside"),
        ("from firmware import unload\nunload('misspelt')\n", 2, "no firmware.misspelt"),
        ("from micropython import const\n_X = map(const, (1,))\n", 2, "const is the compiler's"),
        ("from micropython import const as c\n_X = c(1)\n", 1, "const under another name"),
    ],
)
def test_what_cannot_be_packed_safely_is_refused(agent, module, line, why):
    rare = "def ask():\n    pass\n"
    source = agent(agent=module + "\n\nclass Agent:\n    pass\n", rare=rare)
    with pytest.raises(ToolError, match=rf"firmware/agent.py:{line} cannot be packed: .*{why}"):
        pack(source)


@pytest.mark.parametrize(
    ("main", "line", "why"),
    [
        ("from firmware import rare\nrare.gone()\n", 2, "firmware.rare has no gone"),
        ("from firmware import misspelt\n", 1, "firmware has no misspelt"),
        ("\nfrom firmware.misspelt import f\n", 2, "firmware.misspelt has no f"),
        ("from firmware.rare import gone\n", 1, "firmware.rare has no gone"),
    ],
)
def test_a_script_that_takes_what_is_not_there_is_refused(agent, main, line, why):
    source = agent(main, rare="def ask():\n    pass\n", agent="class Agent:\n    pass\n")
    with pytest.raises(ToolError, match=rf"^main.py:{line} cannot be packed: {why}$"):
        pack(source)
