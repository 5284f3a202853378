"""Settings, networks and sensors of a board, changed by the command with real mpremote."""

import json
import subprocess
import sys

import pytest
from board_rig import CA, DEVICE_ID, LOGIN, SETTINGS, WIFI, caller, device, give_settings

from ways_device import identity
from ways_device.board import Board
from ways_device.boardlink import BoardLink
from ways_device.devicelog import parse

READ = """
import json, esp32
def nvs(n):
    b = bytearray(4096)
    try: return bytes(b[:esp32.NVS('ways').get_blob('id%d' % n, b)])
    except OSError: return b''
def file(n):
    try: return open('/identity.%d' % n, 'rb').read()
    except OSError: return b''
print(json.dumps([[(nvs(n)[10:-4]).decode(), (file(n)[10:-4]).decode()] for n in (0, 1)]))
"""


@pytest.fixture(scope="module")
def info(tmp_path_factory):
    with device(tmp_path_factory.mktemp("board")) as made:
        yield made


@pytest.fixture
def board(info):
    """The board, with the settings and networks that every test begins with."""
    made = Board(BoardLink(info["port"]))
    give_settings(made)
    yield made


@pytest.fixture
def run(info, board, tmp_path, monkeypatch, capsys):
    plain = caller(info, tmp_path / "home", monkeypatch, capsys)

    def call(*words, expected=0):
        said = plain(*words, expected=expected)
        for secret in ("login-canary-password", "wifi-canary-password", "second-canary-password"):
            assert secret not in said.out + said.err
        return said

    return call


def on_board(port, program):
    done = subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", port, "exec", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout.strip()


def settings_on(port):
    return json.loads(on_board(port, "print(open('/config.json').read())"))


def is_running(board):
    """Tell whether the agent runs again, by listening alone."""
    with board.listen() as listener:
        for _ in range(40):
            for text in listener.lines(0.25):
                line = parse(text)
                # It looks for its network, which is not in the air here.
                if line is not None and line.module in ("agent", "wifi"):
                    return True
    return False


# Settings.


def test_settings_are_shown_as_they_can_be_set(run, board):
    shown = run("config", "show").out
    assert "rev=3\n" in shown and 'mqtt_host="broker.invalid"\n' in shown
    assert is_running(board)
    assert json.loads(run("config", "show", "--json").out) == SETTINGS


def test_changed_settings_are_on_the_board_with_a_higher_revision(run, board, info):
    done = run("config", "set", "interval_s=300", "log_level=W", 'ntp_hosts=["a"]', "--json")
    assert json.loads(done.out)["changed"] == ["interval_s", "log_level", "ntp_hosts"]
    assert settings_on(info["port"]) == {
        **SETTINGS,
        "rev": 4,
        "interval_s": 300,
        "log_level": "W",
        "ntp_hosts": ["a"],
    }
    run("config", "set", "--unset", "ntp_hosts", "log_level=I")
    now = settings_on(info["port"])
    assert now["rev"] == 5 and "ntp_hosts" not in now


def test_agent_runs_with_the_new_settings_afterwards(run, board):
    run("config", "set", "interval_s=300")
    assert is_running(board)


def test_settings_that_are_so_already_are_not_written_again(run, info):
    done = run("config", "set", "mqtt_host=broker.invalid")
    assert "the settings are so already" in done.err
    assert "writing" not in done.err
    assert settings_on(info["port"]) == SETTINGS


@pytest.mark.parametrize(
    ("pair", "status", "said"),
    [
        ("window=99", 3, "the device refuses these settings: window: 99 is not in 1..64"),
        ('sensors=[{"kind":"none"}]', 3, "the device refuses these settings: sensors: none"),
        ("sensors=[]", 2, "without a sensor"),
        ("colour=1", 2, "the device has no setting colour"),
        ("rev=9", 2, "rev counts by itself"),
        ("interval", 2, "key=value is expected"),
    ],
)
def test_settings_the_agent_would_refuse_never_reach_the_file(
    run, board, info, pair, status, said
):
    assert said in run("config", "set", pair, expected=status).err
    if status != 2 or "expected" not in said:
        assert settings_on(info["port"]) == SETTINGS


def test_agent_runs_again_after_a_refusal(run, board):
    run("config", "set", "window=99", expected=3)
    assert is_running(board)


def test_dry_run_judges_and_writes_nothing(run, info):
    done = run("config", "set", "interval_s=300", "--dry-run", "--json")
    assert json.loads(done.out)["dry_run"] is True
    assert settings_on(info["port"]) == SETTINGS


def test_another_board_than_the_one_meant_is_left_alone(run, board, info):
    for words in (
        ("config", "set", "interval_s=300"),
        ("config", "show"),
        ("wifi", "remove", "lab"),
        ("sensor", "add", "adc:pin=34"),
    ):
        said = run(*words, "--device-id", "esp32-other", expected=3).err
        assert f"is {DEVICE_ID}, not esp32-other; plug that one in" in said
    assert settings_on(info["port"]) == SETTINGS
    run("config", "show", "--device-id", DEVICE_ID)


def test_damaged_settings_are_told_with_their_remedy(run, info):
    on_board(info["port"], "with open('/config.json', 'w') as f: f.write('{')")
    assert "is damaged; run provision" in run("config", "show", expected=3).err
    on_board(info["port"], "import os; os.remove('/config.json')")
    said = run("config", "set", "interval_s=5", expected=3).err
    assert "there is no /config.json on the board" in said


# Networks.


def identities(port):
    return [
        [json.loads(text) if text else None for text in slot]
        for slot in json.loads(on_board(port, READ))
    ]


def test_networks_are_changed_on_the_board_and_its_login_stays(run, board, info, tmp_path):
    password = tmp_path / "password"
    password.write_text("second-canary-password\n")
    password.chmod(0o600)
    listed = json.loads(run("wifi", "list", "--json").out)
    assert listed["device_id"] == DEVICE_ID
    assert listed["networks"] == [{"ssid": "lab", "priority": 1, "security": "password"}]
    run("wifi", "add", "cellar", "--password-file", str(password), "--priority", "2")
    assert is_running(board)
    for copy in identities(info["port"])[0]:
        assert {key: copy[key] for key in LOGIN} == LOGIN
        assert copy["wifi"] == [
            {"ssid": "lab", "password": "wifi-canary-password", "priority": 1},
            {"ssid": "cellar", "password": "second-canary-password", "priority": 2},
        ]
    # Of a known name: the new password counts.
    run("wifi", "add", "lab", "--open")
    assert [one["password"] for one in identities(info["port"])[0][1]["wifi"]] == [
        "",
        "second-canary-password",
    ]
    assert run("wifi", "remove", "cellar").out.splitlines()[1].split() == ["lab", "0", "open"]
    refused = run("wifi", "remove", "lab", expected=3).err
    assert "its only network; add another one first" in refused
    assert (
        "it knows no network attic; it knows: lab"
        in run("wifi", "remove", "attic", expected=3).err
    )
    assert board.facts([], []).identity == DEVICE_ID
    # As it was, for the other tests.
    password.write_text("wifi-canary-password")
    run("wifi", "add", "lab", "--password-file", str(password), "--priority", "1")


def test_more_networks_than_a_board_keeps_are_refused_and_none_is_lost(run, info, tmp_path):
    path = tmp_path / "wifi.json"
    path.write_text(json.dumps([{"ssid": f"n{n}", "password": "x" * 8} for n in range(8)]))
    path.chmod(0o600)
    before = identities(info["port"])
    assert "it keeps 8 networks" in run("wifi", "add", "--wifi-file", str(path), expected=3).err
    assert identities(info["port"]) == before


def test_password_is_never_taken_from_an_argument_or_a_pipe(run):
    assert "--password-file" in run("wifi", "add", "cellar", expected=2).err
    assert "No such option" in run("wifi", "add", "c", "--password", "x" * 8, expected=2).err


HIDE = """
import os, esp32
os.rename('/identity.0', '/kept.0')
nvs = esp32.NVS('ways')
nvs.erase_key('id0')
nvs.commit()
"""


def test_board_without_identity_has_no_networks(run, board, info):
    on_board(info["port"], HIDE)
    try:
        assert "it has no identity; run provision" in run("wifi", "list", expected=3).err
    finally:
        on_board(info["port"], "import os; os.rename('/kept.0', '/identity.0')")
        # The copy in NVS comes back with the next identity that is stored.
        board.install_identity(identity.body(DEVICE_ID, {}, CA.der, WIFI))


# Sensors.


def test_sensors_of_the_settings_are_asked_once(run, board):
    rows = json.loads(run("sensor", "test", "--json").out)
    assert rows[0]["values"] == [{"key": "t", "value": 21.0, "unit": "°C"}]
    assert is_running(board)


def test_sensor_is_tried_before_it_is_added(run, info):
    table = run("sensor", "test", "dht22:pin=4", "adc:pin=34").out
    assert "temperature" in table and "humidity" in table and "voltage" in table
    run("sensor", "add", "adc:pin=34")
    now = settings_on(info["port"])
    assert now["sensors"] == [*SETTINGS["sensors"], {"kind": "adc", "pin": 34}]
    assert now["rev"] == 4


def test_sensor_that_fails_is_told_beside_those_that_do_not(run, info):
    done = run(
        "sensor", "test", "nothing", "adc", "adc:pin=34,size=2", "simulated", "--json", expected=1
    )
    rows = json.loads(done.out)
    assert "no module named" in rows[0]["error"]
    assert rows[1]["error"] == "sensors: adc: option pin is missing"
    assert rows[2]["error"] == "sensors: adc: unknown option size"
    assert rows[3]["values"]
    assert settings_on(info["port"]) == SETTINGS


def test_driver_that_hangs_or_breaks_is_told_with_its_words(run, board, info):
    on_board(
        info["port"],
        "with open('/lib/firmware/sensors/stuck.py', 'w') as f: f.write('''\n"
        "import asyncio\n"
        "from firmware.reading import Datapoint\n"
        "class S:\n"
        "    points = (Datapoint('x', ''),)\n"
        "    def __init__(self, how): self.how = how\n"
        "    async def read_into(self, reading):\n"
        "        if self.how == 'raise': raise OSError(19)\n"
        "        if self.how == 'infinite': reading.set('x', float('inf'))\n"
        "        await asyncio.sleep(60)\n"
        "def open(board, options): return S(options.pop('how'))\n"
        "''')",
    )
    asked = [f"stuck:how={how}" for how in ("raise", "infinite", "wait")]
    rows = json.loads(run("sensor", "test", *asked, "--json", expected=1).out)
    assert "19" in rows[0]["error"]
    assert "not a number: inf" in rows[1]["error"]
    assert rows[2]["error"] == "no value within 5 s" and rows[2]["ms"] >= 5000
    assert is_running(board)
