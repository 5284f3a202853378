"""The two lists of the agent's files, for mip and for the builder of images, are complete."""

import json
import re
from pathlib import Path

import ways_device

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"


def test_package_json_lists_every_file_of_the_agent():
    package = json.loads((FIRMWARE / "package.json").read_text())
    files = {path.relative_to(FIRMWARE).as_posix() for path in FIRMWARE.rglob("*.py")}
    expected = sorted(files - {"manifest.py"})
    assert package["urls"] == [[f"firmware/{name}", name] for name in expected]


def test_device_host_and_packages_have_one_version():
    device = re.search(r'VERSION = "(.*)"', (FIRMWARE / "__init__.py").read_text())[1]
    project = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.M)[1]
    package = json.loads((FIRMWARE / "package.json").read_text())["version"]
    assert device == project == package == ways_device.__version__
