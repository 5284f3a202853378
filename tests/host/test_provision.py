"""Provisioning against a platform and a board in memory: the steps, and every way to stop them."""

import json
from dataclasses import replace

import pytest
from fakeplatform import KEY, flat
from provisioning import DEVICE_ID, WIFI, Killer, Rig

from ways_device.board import CONFIG_PATH
from ways_device.errors import (
    BoardError,
    FlashFullError,
    ToolError,
)


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


# The whole way.


def test_board_becomes_a_device_that_the_platform_shows(rig):
    record = rig.run()
    rig.assert_one_working_device()
    assert record.device_id == DEVICE_ID
    assert record.first_reading == {"internal_temperature": 21.5}
    assert record.interval_s == 5
    assert record.broker == "broker.test:8883"
    assert rig.platform.applied == [("prof-0", DEVICE_ID)]
    assert [point["key"] for point in rig.platform.datapoints] == ["internal_temperature"]
    assert rig.entry.state == "done"
    config = json.loads(rig.board.files[CONFIG_PATH])
    assert config["rev"] == 1
    assert (config["mqtt_host"], config["mqtt_port"]) == ("broker.test", 8883)
    assert config["interval_s"] == 5
    assert config["topics"] == ["devices/+/telemetry"]
    assert rig.board.body["wifi"] == [WIFI[0].as_json()]
    assert rig.board.seeded_s > 1_700_000_000


def test_board_gets_compiled_modules_and_only_what_it_can_use(rig):
    rig.run()
    assert sorted(rig.board.files) == [
        "/boot.py",
        "/config.json",
        "/lib/firmware/__init__.mpy",
        "/main.py",
    ]
    assert rig.board.files["/lib/firmware/__init__.mpy"][:2] == b"M\x06"


def test_same_command_again_changes_nothing(rig):
    rig.run()
    body, made, copied = rig.board.body, rig.platform.made, len(rig.board.copied)
    rig.run()
    rig.assert_one_working_device()
    assert rig.board.body == body
    assert rig.platform.made == made
    assert len(rig.board.copied) == copied
    assert rig.entry.state == "done"


def test_only_changed_files_are_copied_again(rig):
    rig.run()
    rig.board.copied.clear()
    (rig.source / "firmware" / "agent.py").write_text("import asyncio\nVERSION = 2\n")
    rig.run(interval_s=9)
    assert sorted(rig.board.copied) == ["/config.json", "/lib/firmware/__init__.mpy"]
    assert json.loads(rig.board.files[CONFIG_PATH])["rev"] == 2


def test_new_name_reaches_the_platform(rig):
    rig.run()
    rig.run(name="Another name")
    assert rig.platform.devices[DEVICE_ID]["name"] == "Another name"
    assert rig.platform.made == 1


@pytest.mark.parametrize(
    "shape",
    [
        flat,
        lambda device_id, password: {
            "mqtt_credentials": {
                "username": device_id,
                "password": password,
                "client_id": "own-client",
            }
        },
        lambda device_id, password: {"data": {"credentials": {"password": password}}},
    ],
)
def test_login_arrives_from_every_shape_of_answer(tmp_path, shape):
    rig = Rig(tmp_path, shape)
    rig.run()
    rig.assert_one_working_device()


# Secrets.


def test_no_secret_is_said_and_none_stays(rig, capfd):
    record = rig.run()
    out, err = capfd.readouterr()
    said = "".join(rig.said) + out + err + json.dumps(record.as_json())
    for canary in ("mqtt-canary", "wifi-canary", KEY):
        assert canary not in said
        assert canary not in rig.journal_text()
        assert canary not in rig.board.files[CONFIG_PATH].decode()
    assert set(rig.platform.keys_seen) == {KEY}


def test_login_is_on_the_disk_before_anything_else_happens(rig):
    killer = Killer()
    rig.run(killer)
    register = killer.places.index("after request", killer.places.index("after intent"))
    assert killer.places[register + 1 : register + 3] == ["before registered", "after registered"]


# What is wrong with the board or the settings.


def test_settings_the_device_refuses_are_told_before_it_is_registered(rig):
    with pytest.raises(BoardError, match="refuses these settings: window"):
        rig.run(settings={"window": "many"})
    assert rig.platform.devices == {}
    assert not rig.board.held


def test_setting_that_nobody_knows_is_refused_and_an_old_one_is_dropped(rig):
    with pytest.raises(ToolError, match="--set unknown_x: the device has no such setting"):
        rig.run(settings={"unknown_x": 1})
    rig.run()
    config = json.loads(rig.board.files[CONFIG_PATH])
    rig.board.files[CONFIG_PATH] = json.dumps({**config, "unknown_y": 1, "window": 4}).encode()
    with pytest.raises(ToolError, match="--set unknown_x"):
        rig.run(settings={"unknown_x": 1})
    rig.run()
    kept = json.loads(rig.board.files[CONFIG_PATH])
    assert "unknown_y" not in kept
    assert kept["window"] == 4


def test_full_flash_is_told_before_anything_is_changed(rig):
    rig.board.free_bytes = 20_000
    with pytest.raises(FlashFullError, match=r"flash is full: \d+ kB are needed, 19 kB are free"):
        rig.run()
    assert rig.platform.devices == {}
    assert rig.board.files == {}
    assert ("POST", "/v1/iot/profiles") not in rig.platform.requests


def test_flash_that_fills_on_the_way_is_told_and_nothing_is_registered(rig):
    rig.board.fills_at = 10
    with pytest.raises(FlashFullError, match="flash is full"):
        rig.run()
    assert rig.platform.devices == {}
    assert not rig.board.held


def test_fault_of_the_board_is_told_in_its_own_words_and_mended_by_the_next_run(rig):
    rig.board.says = ["900 W wifi join_failed why=wrong_password ssid=lab"] * 2
    rig.board._report = lambda: None
    with pytest.raises(BoardError, match="wrong password for lab") as caught:
        rig.run()
    assert caught.value.step == "waiting for the first reading"
    assert rig.entry.state == "verified"
    assert "mqtt-canary" in rig.journal_text()
    del rig.board._report
    rig.run()
    rig.assert_one_working_device()
    assert rig.platform.made == 1
    assert "mqtt-canary" not in rig.journal_text()


def test_board_that_says_nothing_is_told_after_the_wait(rig):
    rig.board.says = []
    rig.board._report = lambda: None
    with pytest.raises(BoardError, match="no reading after 0 s: the board says nothing"):
        rig.run()


def test_old_reading_is_no_first_reading(rig):
    rig.run()
    rig.board._report = lambda: None
    with pytest.raises(
        BoardError, match="connected to the broker, but the platform shows nothing"
    ):
        rig.run()


def test_reading_of_a_device_that_is_not_online_is_not_enough(rig):
    real = rig.board._report

    def report():
        real()
        for device in rig.platform.devices.values():
            device["is_online"] = False

    rig.board._report = report
    with pytest.raises(BoardError, match="no reading after"):
        rig.run()


def test_failed_wait_leaves_the_running_board_alone(rig):
    rig.run()
    rig.board._report = lambda: None
    with pytest.raises(BoardError):
        rig.run()
    assert rig.board.starts == 2


def after_identity(rig, change):
    """Let change(board) happen once the identity is written."""
    real = rig.board.install_identity

    def install(body):
        installed = real(body)
        change(rig.board)
        return installed

    rig.board.install_identity = install


def test_file_that_changes_on_the_way_is_found_by_the_last_look(rig):
    after_identity(rig, lambda board: board.files.update({"/main.py": b"torn"}))
    with pytest.raises(BoardError, match=r"/main.py on the board is not what was sent"):
        rig.run()
    assert rig.entry.state == "written"


def test_identity_of_another_device_is_found_by_the_last_look(rig):
    after_identity(rig, lambda board: board.body.update({"device_id": "other"}))
    with pytest.raises(BoardError, match=f"the board's identity is other, not {DEVICE_ID}"):
        rig.run()


def test_identity_that_reads_back_differently_is_found(rig):
    real = rig.board.install_identity
    rig.board.install_identity = lambda body: replace(real(body), sha256="0" * 64)
    with pytest.raises(BoardError, match="the identity on the board is not what was sent"):
        rig.run()
    assert rig.entry.state == "registered"


def test_settings_of_another_device_are_not_taken_over(rig):
    rig.run(settings={"window": 3})
    rig.run(device_id="second")
    assert "window" not in json.loads(rig.board.files[CONFIG_PATH])
