"""An image of a device, put into a board that was never touched: it reports by itself."""

import json
import os
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest
from realparts import COMMAND, WIFI, part
from timeserver import time_server
from vboard_rig import Rig

from ways_device.api.client import Client
from ways_device.api.platform import Platform
from ways_device.boards import littlefs

DEVICE_ID = "from-an-image"
READING_S = 60


@pytest.fixture
def sandbox(tmp_path):
    folder = tmp_path / "sandbox"
    words = ["sandbox", "start", "--state", str(folder / "state"), "--port", "0"]
    with part(folder, *words) as info:
        yield info


@pytest.fixture
def time_source():
    with time_server() as address:
        yield address


def make_image(tmp_path, output, *more):
    wifi_file = tmp_path / "wifi.json"
    wifi_file.write_text(json.dumps(WIFI))
    wifi_file.chmod(0o600)
    words = ["image", "--name", "Cellar", "--device-id", DEVICE_ID, "--output", str(output)]
    words += ["--sandbox", str(tmp_path / "sandbox" / "info.json"), "--wifi-file", str(wifi_file)]
    done = subprocess.run(
        [*COMMAND, *words, "--size-kb", "1024", "--interval", "1", "--json", *more],
        env={**os.environ, "WAYS_DEVICE_HOME": str(tmp_path / "home")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode in (0, 2), done.stderr
    return done


def test_board_that_got_an_image_reports_by_itself(sandbox, time_source, tmp_path):
    chip = tmp_path / "board" / "chip"
    chip.mkdir(parents=True)
    flash = chip / "flash.bin"
    # A board that nobody has set up learns the time from the network.
    clock = f"ntp_hosts={json.dumps([time_source])}"
    record = json.loads(make_image(tmp_path, flash, "--set", clock).stdout)
    assert record["device_id"] == DEVICE_ID and record["kilobytes"] == 1024
    held = littlefs.read(flash.read_bytes())
    # Who has an image keeps it: another one in its place has to be meant.
    assert "give --yes if that is meant" in make_image(tmp_path, flash).stderr
    key = Path(sandbox["api_key_file"]).read_text().strip()
    with (
        part(tmp_path / "board", "vboard", "start", "--dir", str(chip)) as info,
        closing(Client(sandbox["api_url"], key)) as client,
    ):
        assert [one.name for one in first_reading(Platform(client))] == ["temperature"]
        on_board = Rig(info)
        for path in ("/boot.py", "/lib/firmware/__init__.mpy"):
            read = (
                f"import binascii; print(binascii.hexlify(open({path!r}, 'rb').read()).decode())"
            )
            assert bytes.fromhex(on_board.exec(read).strip()) == held[path]


def first_reading(platform):
    """Return what the platform shows of the device, once there is something."""
    end_s = time.monotonic() + READING_S
    while not (latest := platform.latest(DEVICE_ID)):
        assert time.monotonic() < end_s, "no reading"
        time.sleep(0.2)
    return latest
