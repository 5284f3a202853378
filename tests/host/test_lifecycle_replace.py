"""A device that gets another id or login: what moves, what is left alone, every way to stop."""

import json

import pytest
from fakeboard import FakeBoard
from fakeplatform import flat
from lifecycle_rig import NEW_ID, Life, LifeBoard, contacts, killed_at
from provisioning import DEVICE_ID, Killed, Killer

from ways_device.board import CONFIG_PATH
from ways_device.errors import BoardError, ConflictError, NotFoundError, UsageError


@pytest.fixture
def life(tmp_path):
    return Life(tmp_path)


def test_new_device_takes_over_all_but_the_history(life):
    config = json.loads(life.board.files[CONFIG_PATH])
    outcome = life.replace(name="Cellar")
    life.assert_only(NEW_ID)
    device = life.platform.devices[NEW_ID]
    assert device["name"] == outcome.name == "Cellar"
    assert device["metadata"]["replaces"] == DEVICE_ID
    assert outcome.first_reading == {"internal_temperature": 21.5}
    assert "history" in outcome.not_moved
    kept = json.loads(life.board.files[CONFIG_PATH])
    assert {**kept, "rev": 0} == {**config, "rev": 0}
    # The board's own networks went from one identity to the other.
    assert life.networks_asked == 0


def test_old_login_ends_only_when_the_new_one_has_reported(life):
    requests = life.platform.requests
    requests.clear()
    life.board._report = lambda: None
    with pytest.raises(BoardError, match="no reading"):
        life.replace()
    assert ("DELETE", f"/v1/iot/devices/{DEVICE_ID}") not in requests
    assert DEVICE_ID in life.platform.devices
    del life.board._report
    life.replace()
    life.assert_only(NEW_ID)


def test_same_command_again_changes_nothing_and_says_the_same(life):
    first = life.replace(name="Cellar")
    made, starts = life.platform.made, life.board.starts
    again = life.replace(name="Cellar")
    assert (again.device_id, again.name) == (first.device_id, first.name)
    assert (life.platform.made, life.board.starts) == (made, starts)
    life.assert_only(NEW_ID)


@pytest.mark.parametrize("same_id", [False, True])
def test_killed_at_any_contact_the_same_command_ends_with_one_working_device(tmp_path, same_id):
    last = contacts(tmp_path, same_id)
    assert last > 80
    # Every fourth here, others for either way; the long form has them all.
    for at in range(1 + 2 * same_id, last + 1, 4):
        assert killed_at(tmp_path, at, same_id) is None


def test_same_id_gets_another_login(life):
    before = life.board.body["password"]
    life.replace(same_id=True)
    life.assert_only(DEVICE_ID)
    assert life.board.body["password"] != before
    assert "replaces" not in life.platform.devices[DEVICE_ID]["metadata"]
    # It is no record of a past one: another rotation is another one.
    life.replace(same_id=True)
    life.assert_only(DEVICE_ID)


def test_another_board_takes_the_place_of_a_broken_one(life):
    life.board = LifeBoard(life.platform)
    life.board.unique_id = "ffffffffffff"
    life.replace(profile="prof-0")
    life.assert_only("esp32-ffffffffffff")
    assert life.networks_asked == 1


def test_profile_that_nobody_can_tell_is_asked_for(life):
    life.board = LifeBoard(life.platform)
    with pytest.raises(UsageError, match="give --profile NAME; there are: ways-device every 5 s"):
        life.replace()
    assert life.record() is None
    # Where an earlier replacement noted it, it is known.
    life.platform.devices[DEVICE_ID]["metadata"]["profile"] = "prof-0"
    life.replace()
    life.assert_only(NEW_ID)


def test_another_board_may_take_over_the_id_itself(life):
    life.board = LifeBoard(life.platform)
    life.board.unique_id = "ffffffffffff"
    life.replace(profile="prof-0", same_id=True)
    life.assert_only(DEVICE_ID)


def test_board_of_another_device_is_not_taken_from_it(life):
    life.platform.devices["other"] = {"device_id": "other", "name": "theirs"}
    life.platform.passwords["other"] = "theirs"
    life.board.body["device_id"] = "other"
    with pytest.raises(BoardError, match="is the device other, which would lose its board"):
        life.replace()
    assert life.board.body["device_id"] == "other"
    assert not life.board.held
    assert life.record() is None


def test_replacement_that_was_begun_wants_its_own_board(life):
    whole = Killer()
    Life(life.folder.parent / "whole").replace(whole)
    with pytest.raises(Killed):
        life.replace(Killer(whole.places.index("after registered") + 1))
    first = life.board
    life.board = LifeBoard(life.platform)
    life.board.unique_id = "ffffffffffff"
    with pytest.raises(BoardError, match=f"begun with the board {first.unique_id}"):
        life.replace()
    life.board = first
    life.replace()
    life.assert_only(NEW_ID)


def test_replacement_that_was_begun_is_not_mixed_with_a_rotation(life):
    with pytest.raises(Killed):
        life.replace(killed_after(life, "after record begun"))
    with pytest.raises(ConflictError, match="run it again without --same-id"):
        life.replace(same_id=True)
    life.replace()
    life.assert_only(NEW_ID)


def killed_after(life, place):
    whole = Killer()
    Life(life.folder.parent / "twin").replace(whole)
    return Killer(whole.places.index(place) + 1)


def test_nothing_is_changed_by_a_look(life):
    life.platform.requests.clear()
    record = life.replacement(name="Cellar").look()
    assert record.new_id == NEW_ID
    assert {method for method, _ in life.platform.requests} == {"GET"}
    assert life.record() is None
    assert not life.board.held


def test_unknown_device_and_profile_are_told(life):
    with pytest.raises(NotFoundError, match="there is no device nobody"):
        life.replace(old_id="nobody")
    with pytest.raises(NotFoundError, match="--profile none"):
        life.replace(profile="none")


def test_id_that_is_taken_is_passed_over(life):
    life.platform.devices[NEW_ID] = {"device_id": NEW_ID, "name": "theirs"}
    assert life.replacement().look().new_id == f"{DEVICE_ID}-3"


def test_group_of_which_nobody_can_tell_is_named_and_not_guessed(tmp_path):
    life = Life(tmp_path, knows_filters=False)
    replacement = life.replacement()
    assert replacement.look().belongings["groups"] == []
    assert replacement.look().belongings["unknown_groups"] == ["Cellars", "Attics"]


def test_id_that_the_platform_chose_is_the_new_devices_id(life):
    life.platform.names_devices_itself = True
    assert life.replace().device_id == "server-made"
    life.assert_only("server-made")


def test_login_never_reaches_a_record(life):
    killer = Killer()
    Life(life.folder.parent / "whole").replace(killer)
    with pytest.raises(Killed):
        life.replace(Killer(killer.places.index("after identity")))
    text = "".join(path.read_text() for path in life.records_folder.iterdir())
    for canary in ("mqtt-canary", "wifi-canary"):
        assert canary not in text
    assert {path.stat().st_mode & 0o777 for path in life.records_folder.iterdir()} == {0o600}


def test_fake_board_is_no_more_than_its_base():
    # The kill tests stand on it: what they add to it must not hide what it checks.
    assert LifeBoard.install_identity is FakeBoard.install_identity
    assert flat("a", "b") == {"mqtt_username": "a", "mqtt_password": "b"}
