"""The collector itself: a small tree of its own, with every way a device test can end."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
BITS = [
    bits for bits, name in (("64", "MICROPYTHON"), ("32", "MICROPYTHON32")) if name in os.environ
]

ENDINGS = """
import asyncio
import os
import sys

from harness import scratch


def test_passes():
    assert sys.implementation.name == "micropython"


async def test_passes_async():
    await asyncio.sleep_ms(1)


def test_fails():
    print("seen before")
    assert 1 == 2, "one is not two"


async def test_fails_async():
    raise ValueError("boo")


def test_hangs():
    print("seen before hanging")
    while True:
        pass


def test_hangs_deaf():
    import ffi

    sigint, ignore = 2, 1
    ffi.open(None).func("p", "signal", "ip")(sigint, ignore)
    while True:
        pass


def test_crashes():
    import ffi

    ffi.open(None).func("v", "abort", "")()


def test_needs_memory():
    bytearray(200 * 1024)


def test_has_a_folder_of_its_own():
    assert os.listdir(scratch()) == []
    open(scratch() + "/mark", "w").close()


def test_finds_modules_of_the_project_and_micropython_before_them():
    import firmware.part
    import asyncio

    assert not hasattr(asyncio, "IS_A_STRAY")


def helper():
    raise Exception("not a test")
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    device = root / "tests" / "device"
    device.mkdir(parents=True)
    for name in ("run_one.py", "harness.py"):
        shutil.copy(TESTS / "device" / name, device)
    for name in ("packonce.py", "longest.py"):
        shutil.copy(TESTS / name, root / "tests")
    collector = (TESTS / "conftest.py").read_text()
    quick, changes = re.subn(r"(TIME_LIMIT_S|INTERRUPT_GRACE_S) = \d+", r"\1 = 1", collector)
    assert changes == 2
    (root / "tests" / "conftest.py").write_text(quick)
    (root / "firmware").mkdir()
    (root / "firmware" / "part.py").touch()
    (root / "asyncio.py").write_text("IS_A_STRAY = True\n")
    (device / "test_endings.py").write_text(ENDINGS)
    (device / "test_import.py").write_text(
        "import nowhere\n\n\ndef test_never_runs():\n    pass\n"
    )
    (device / "test_heap.py").write_text(
        "HEAP_KB = 512\n\n\ndef test_has_memory():\n    bytearray(200 * 1024)\n"
    )
    return root


def collected(tree, *arguments):
    """Run pytest in tree; return {test: outcome} and all that was printed."""
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(tree)]
    command += ["-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:hypothesispytest"]
    command += ["-rA", "-v", *arguments]
    done = subprocess.run(
        command, cwd=tree, capture_output=True, text=True, timeout=90, check=False
    )
    lines = re.findall(r"^\S*::(\S+) (PASSED|FAILED|ERROR)", done.stdout, re.MULTILINE)
    return dict(lines), done.stdout


@pytest.fixture(scope="module")
def whole_run(tree):
    return collected(tree)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("test_passes", "PASSED"),
        ("test_passes_async", "PASSED"),
        ("test_fails", "FAILED"),
        ("test_fails_async", "FAILED"),
        ("test_hangs", "FAILED"),
        ("test_hangs_deaf", "FAILED"),
        ("test_crashes", "FAILED"),
        ("test_has_a_folder_of_its_own", "PASSED"),
        ("test_finds_modules_of_the_project_and_micropython_before_them", "PASSED"),
        ("test_never_runs", "FAILED"),
        ("test_has_memory", "PASSED"),
    ],
)
def test_each_ending_is_reported_on_its_own_test(whole_run, name, outcome, bits):
    outcomes, output = whole_run
    assert outcomes[f"{name}[{bits}]"] == outcome, output


def test_nothing_but_test_functions_is_collected(whole_run):
    outcomes, _ = whole_run
    assert len(outcomes) == 12 * len(BITS)


@pytest.mark.parametrize(
    "said",
    [
        "seen before\n",
        "AssertionError: one is not two",
        "ValueError: boo",
        "seen before hanging\n",
        "still running after 1 s, so it was stopped",
        "the interpreter crashed: SIGABRT",
        "ImportError: no module named 'nowhere'",
    ],
)
def test_the_reason_is_shown(whole_run, said):
    assert whole_run[1].count(said) >= len(BITS)


def test_a_hang_says_where_it_was(whole_run):
    assert re.search(r"in test_hangs\nKeyboardInterrupt", whole_run[1])


@pytest.mark.skipif(
    "32" not in BITS,
    reason="the limit is on 32-bit words, as a chip has, and this machine runs no 32-bit programs",
)
def test_memory_is_limited_to_what_a_chip_has(whole_run):
    outcomes, output = whole_run
    assert outcomes["test_needs_memory[32]"] == "FAILED", output
    assert "MemoryError" in output


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (["-k", "passes and not async"], {f"test_passes[{bits}]" for bits in BITS}),
        (["tests/device/test_endings.py::test_passes[64]"], {"test_passes[64]"}),
        (
            ["tests/device/test_endings.py::test_passes"],
            {f"test_passes[{bits}]" for bits in BITS},
        ),
    ],
)
def test_tests_can_be_chosen_by_name(tree, chosen, expected):
    outcomes, output = collected(tree, *chosen)
    assert set(outcomes) == expected, output
