"""The hardware checklist run as a user runs it, and what it could leave on a board."""

import ast
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "hardware"
# What a busy machine may be late with.
TIMES = ("ms", "s", "%")
STATE = """
import binascii, esp32, json, machine, os
def number(space, key):
    try:
        return esp32.NVS(space).get_i32(key)
    except OSError:
        return None
def names(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []
print(json.dumps({"hold": number("ways", "hold"), "kept": number("hwcheck", "kept"),
    "memory": binascii.hexlify(machine.RTC().memory()).decode(),
    "files": names("/"), "drivers": names("/sensors")}))
"""


def command(*arguments):
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]


def run(*arguments, timeout_s=100, environment=None):
    """Run pytest as a user does; return (exit status, what it said)."""
    ends = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(
        command(*arguments), cwd=ROOT, env=environment, text=True, **ends
    ) as child:
        try:
            said, _ = child.communicate(timeout=timeout_s)
        finally:
            child.kill()
    return child.returncode, said


def checks():
    """Yield (file, function) of each check."""
    for path in sorted(FOLDER.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield path, node


def lines_of(path):
    return json.loads(path.read_text())["checks"]


def assert_only_late(lines, said):
    """Assert that whatever failed has only taken longer than a chip may."""
    late = [line for line in lines if line["verdict"] == "missed"]
    assert {line["unit"] for line in late} <= set(TIMES), said
    assert len([line for line in lines if line["verdict"] == "failed"]) <= len(late), said


def options(real, results):
    words = ("--short", "--port", real.board["port"], "--wifi-file", str(real.wifi_file))
    sandbox = str(real.folder / "sandbox" / "info.json")
    return (*words, "--sandbox", sandbox, "--results", str(results))


def state(port):
    """Tell what a checklist could leave behind, without a reset."""
    words = [sys.executable, "-m", "mpremote", "connect", port, "resume", "exec", STATE]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)
