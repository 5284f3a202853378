"""What the repository holds, and what a wheel made of it carries."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ways_device.devicelib import read_lock

ROOT = Path(__file__).resolve().parents[2]
TOP = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "boot.py",
    "firmware",
    "lib",
    "main.py",
    "pyproject.toml",
    "tests",
    "tools",
}
TARGETS = [
    "help",
    "setup",
    "lib",
    "toolchain",
    "check",
    "test",
    "demo",
    "bench",
    "proof",
    "deploy",
]


def tracked():
    """Return the files of the repository, those not yet committed included."""
    command = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        pytest.skip("git tells which files are the project's, and this copy is no checkout")
    return [path for path in done.stdout.splitlines() if (ROOT / path).exists()]


def test_the_top_is_the_agreed_tree_and_nothing_else():
    assert {path.split("/")[0] for path in tracked()} == TOP


def test_of_lib_only_the_lock_and_its_page_are_kept():
    assert {path for path in tracked() if path.startswith("lib/")} == {
        "lib/README.md",
        "lib/lib.lock",
    }


def test_make_help_names_every_target():
    done = subprocess.run(
        ["make", "--no-print-directory", "-C", str(ROOT)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    for target in TARGETS:
        assert f"make {target}: " in done.stdout


def test_ci_runs_the_command_that_the_readme_gives():
    assert "make test" in (ROOT / "README.md").read_text()
    commands = (ROOT / ".ci" / "run").read_text().splitlines()
    assert commands[-2:] == ["make check", "make test"]


@pytest.mark.parametrize("name", ["requirements", "check", "typings"])
def test_locks_have_hashes_and_no_addresses(name):
    text = (ROOT / "tools" / f"{name}.lock").read_text()
    assert "://" not in text
    pins = text.replace("\\\n", "").splitlines()
    assert pins
    assert all(" --hash=sha256:" in pin for pin in pins)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel made without the network, by the build back end that the lock pins."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_a_wheel_carries_all_that_a_board_needs(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    firmware = {path for path in tracked() if path.startswith("firmware/")}
    expected = firmware | {"boot.py", "main.py", "lib/lib.lock"}
    carried = {name for name in names if name.startswith("ways_device/device/")}
    assert carried == {f"ways_device/device/{path}" for path in expected}
    assert {name for name in names if name.endswith("dist-info/licenses/LICENSE")}
    host = {path[len("tools/") :] for path in tracked() if path.startswith("tools/ways_device/")}
    assert host <= names


def test_an_installed_wheel_finds_the_device_files_and_uses_the_users_cache(wheel, tmp_path):
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    question = (
        "from ways_device import devicelib, resources, toolchain\n"
        "print(resources.device_source(), toolchain.root(), devicelib.root(), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", question],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    source, programs, library = done.stdout.splitlines()
    assert Path(source) == site / "ways_device" / "device"
    assert read_lock(Path(source) / "lib" / "lib.lock")
    cache = tmp_path / "home"
    assert cache in Path(programs).parents
    assert cache in Path(library).parents
