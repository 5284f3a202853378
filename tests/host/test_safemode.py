"""Safe mode and the two scripts use nothing of the agent: what both know has to agree."""

import ast
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"


def constants(path):
    """Return {name: value} of what a file assigns at its top, const() or not."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value
            if isinstance(value, ast.Call) and ast.unparse(value.func) == "const":
                value = value.args[0]
            try:
                found[node.targets[0].id] = eval(ast.unparse(value), {})
            except (NameError, TypeError, ImportError):
                continue
    return found


def test_no_true_time_is_before_the_same_moment():
    ours = constants(FIRMWARE / "clock.py")["BUILT_EPOCH_S"]
    assert constants(FIRMWARE / "safekeep.py")["BUILT_EPOCH_S"] == ours


def test_boot_py_knows_how_a_run_ends_as_the_agent_does():
    ours = constants(FIRMWARE / "retained.py")
    assert "ended in (0, 3)" in (ROOT / "boot.py").read_text()
    assert (ours["RUNNING"], ours["CRASHED"], ours["STEADY"]) == (0, 3, 4)


def test_they_find_the_byte_and_the_checksum_where_the_agent_puts_them():
    layout = (FIRMWARE / "retained.py").read_text()
    assert re.search(r"^    28 +u8 +ending", layout, re.M)
    assert re.search(r"^    32 +u32 +CRC-32 of the bytes before", layout, re.M)
    others = (ROOT / "boot.py", ROOT / "tools" / "ways_device" / "onboard" / "restart.py")
    for path in (*others, FIRMWARE / "safekeep.py", FIRMWARE / "lastrun.py"):
        text = path.read_text()
        assert "data[28]" in text, path
        assert 'data[32:36] = struct.pack("<I", binascii.crc32(data[:32]))' in text, path


def test_the_one_try_after_safe_mode_is_one_start_less_than_leads_there():
    most = constants(ROOT / "boot.py")["_MOST_STARTS"]
    assert constants(FIRMWARE / "safemode.py")["_ONE_TRY"] == most - 1


def test_an_id_is_checked_as_the_journal_of_the_agent_does():
    journal = constants(FIRMWARE / "journal.py")
    own = constants(FIRMWARE / "safekeep.py")
    assert (own["_ID"], own["_IDS"]) == (journal["_ID"], journal["_IDS"])


def test_it_comes_with_the_agent_by_mip():
    targets = [target for target, _ in json.loads((FIRMWARE / "package.json").read_text())["urls"]]
    for name in ("safemode", "safekeep", "safelink"):
        assert f"firmware/{name}.py" in targets
