"""Collect the files of tests/device for MicroPython and pin the programs that all tests use.

Each test function there is one item per interpreter, test_x[64] and test_x[32], and each item is
one process with little memory: the tests cannot disturb each other, and a crash or a hang is one
failed test. A file's HEAP_KB overrides the memory, in KB on 32-bit; 64-bit words get twice that.
"""

import ast
import contextlib
import os
import signal
import subprocess
import tempfile
from pathlib import Path

import longest
import packonce
import pytest

from ways_device import toolchain
from ways_device.errors import ToolError

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = {"64": "MICROPYTHON", "32": "MICROPYTHON32"}
# An ESP32 leaves the agent about this much; wider words need more for the same objects.
HEAP_KB = 128
WIDENING = {"64": 2, "32": 1}
TIME_LIMIT_S = 30
INTERRUPT_GRACE_S = 2

ONLY_64_BIT = "32-bit: this machine cannot run it; the device tests run on 64-bit alone"


def pytest_configure(config):
    try:
        # The environment carries them to xdist's workers and to every program a test starts.
        os.environ.update(toolchain.for_tests())
        toolchain.device_lib()
    except ToolError as exc:
        pytest.exit(f"the tests need their tools: {exc}", returncode=exc.exit_code)
    if packonce.FOLDER not in os.environ:
        # The first process of the run; its workers get this from it.
        folder = tempfile.TemporaryDirectory(prefix="packed-")
        config.add_cleanup(folder.cleanup)
        os.environ[packonce.FOLDER] = folder.name
    packonce.install()
    # Or every program that a test starts would compile the whole tool anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items):
    longest.first(items)


def pytest_report_header(config):
    lines = [
        toolchain.describe(Path(os.environ[variable]))
        for variable in PROGRAMS.values()
        if variable in os.environ
    ]
    return lines if len(lines) == len(PROGRAMS) else [*lines, ONLY_64_BIT]


def pytest_terminal_summary(terminalreporter):
    if PROGRAMS["32"] not in os.environ:
        terminalreporter.write_line(ONLY_64_BIT, yellow=True)


def pytest_pycollect_makemodule(module_path, parent):
    if module_path.parent.name == "device":
        return DeviceFile.from_parent(parent, path=module_path)
    return None


class DeviceFile(pytest.File):
    """A test file that CPython only reads."""

    def collect(self):
        body = ast.parse(self.path.read_text(), str(self.path)).body
        heap_kb = heap_of(body)
        for node in body:
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if not is_function or not node.name.startswith("test_"):
                continue
            for bits, variable in PROGRAMS.items():
                if variable in os.environ:
                    name = f"{node.name}[{bits}]"
                    yield DeviceTest.from_parent(
                        self, name=name, node=node, bits=bits, heap_kb=heap_kb
                    )


def heap_of(body):
    """Return the value of a module-level `HEAP_KB = number`, else the usual one."""
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "HEAP_KB":
            return ast.literal_eval(node.value)
    return HEAP_KB


class DeviceTest(pytest.Item):
    """One test function on one interpreter."""

    def __init__(self, *, node, bits, heap_kb, **kwargs):
        super().__init__(**kwargs)
        self.test_name = node.name
        self.line = node.lineno - 1
        self.program = os.environ[PROGRAMS[bits]]
        self.heap = f"heapsize={heap_kb * WIDENING[bits]}k"

    def runtest(self):
        command = [self.program, "-X", self.heap]
        command += ["tests/device/run_one.py", self.path.stem, self.test_name]
        with tempfile.TemporaryDirectory(prefix="device-") as scratch:
            status, output = run(command, {**os.environ, "SCRATCH": scratch})
        if status != 0:
            pytest.fail(f"{output}\n{ending(status)}", pytrace=False)

    def reportinfo(self):
        return self.path, self.line, self.name


def run(command, environment):
    """Run a device test and return (exit status or None if it hung, what it printed)."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=TIME_LIMIT_S)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        return None, interrupted(process)
    finally:
        end(process)


def interrupted(process):
    """Stop a process that hangs and return its output, with where it was if it still tells."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=INTERRUPT_GRACE_S)[0]
    except subprocess.TimeoutExpired:
        end(process)
        return process.communicate()[0]


def end(process):
    """End a process and all it started: one of those could hold its output open for ever."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def ending(status):
    if status is None:
        return f"still running after {TIME_LIMIT_S} s, so it was stopped"
    if status < 0:
        return f"the interpreter crashed: {signal.Signals(-status).name}"
    return f"exit status {status}"
