"""The installed wheel alone, without the checkout: it provisions a virtual board, and counts."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 8
DEADLINE_S = 150
# What ties this test run to the checkout's programs and packages.
CHECKOUT_VARIABLES = ("MICROPYTHON", "MICROPYTHON32", "MOSQUITTO", "PYTHONPATH", "VIRTUAL_ENV")


def run(*command, **options):
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def installed(tmp_path):
    """The command of a fresh environment: the wheel, and the packages it depends on."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path), cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    place = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", str(place))
    python = place / "bin" / "python"
    options = ("--no-deps", "--no-index", "--disable-pip-version-check", "--quiet")
    run(sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(wheel))
    (packages,) = (place / "lib").glob("python*/site-packages")
    # The dependencies only: a folder named here has no .pth files of its own read, so the
    # checkout's editable install is not among them.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return place / "bin" / "ways-device"


@pytest.mark.timeout(300)
def test_the_wheel_alone_plays_the_whole_demo(installed, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    kept = {key: value for key, value in os.environ.items() if key not in CHECKOUT_VARIABLES}
    kept = {key: value for key, value in kept.items() if not key.startswith("XDG_")}
    place = {"env": kept | {"HOME": str(home)}, "cwd": tmp_path}
    where = "import ways_device.resources as r; print(r.device_source())"
    source = run(str(installed.parent / "python"), "-c", where, **place)
    assert source.startswith(str(installed.parent.parent))

    output = run(str(installed), "demo", "--seconds", str(SECONDS), **place)
    assert ", 0 lost, " in output.splitlines()[-1]
    assert (home / ".cache" / "ways-device").is_dir()
