"""Settings changed on a board that fails or is let alone at any moment: whole, and running."""

import json

import pytest
from fakeboard import FakeBoard
from fakeplatform import FakePlatform, flat
from rich.console import Console

from ways_device.board import CONFIG_PATH, Installed
from ways_device.boards import networks, settings
from ways_device.errors import BoardError, FlashFullError, UsageError
from ways_device.talk import Talk
from ways_device.wifi import Network

OLD = {"rev": 3, "mqtt_host": "h", "sensors": [{"kind": "simulated"}]}
NEW = {**OLD, "rev": 4, "interval_s": 5}


class Stopper:
    """Raises at the n-th contact with the board, once."""

    def __init__(self, at, error):
        self.left = at
        self.error = error
        self.contacts = 0

    def __call__(self, moment):
        self.contacts += 1
        self.left -= 1
        if self.left == 0:
            raise self.error


@pytest.fixture
def board():
    made = FakeBoard(FakePlatform(flat))
    made.files[CONFIG_PATH] = json.dumps(OLD).encode()
    made.files["/main.py"] = b""
    made.body = {"device_id": "d-1"}
    return made


@pytest.fixture
def talk():
    return Talk(Console(quiet=True))


def change(board, talk, **more):
    return settings.change(board, settings.assigned(["interval_s=5"], []), talk, **more)


def on(board):
    return json.loads(board.files[CONFIG_PATH])


def test_change_is_written_and_the_agent_restarted(board, talk):
    assert change(board, talk)["rev"] == 4
    assert on(board) == NEW
    assert board.starts == 1 and not board.held


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), BoardError("gone"), FlashFullError("full")]
)
def test_whatever_stops_a_change_the_board_runs_and_the_same_command_ends_it(board, talk, error):
    counted = Stopper(0, error)
    board.around = counted
    change(board, talk)
    for at in range(1, counted.contacts + 1):
        board.files[CONFIG_PATH] = json.dumps(OLD).encode()
        board.around = Stopper(at, error)
        before = board.starts
        with pytest.raises(type(error)):
            change(board, talk)
        board.around = lambda moment: None
        assert on(board) in (OLD, NEW), at
        assert not board.held, at
        # Looked at without an answer it was not stopped, as far as anybody knows.
        assert board.starts > before or (at == 1 and not isinstance(error, KeyboardInterrupt)), at
        change(board, talk)
        assert on(board) == NEW


def test_board_that_holds_something_else_afterwards_is_not_called_done(board, talk):
    board.install = lambda files, hiding, copied=None: {CONFIG_PATH: "0" * 64}
    with pytest.raises(BoardError, match="is not what was sent; run the same command again"):
        change(board, talk)
    assert not board.held


def test_board_that_refuses_keeps_what_it_has(board, talk):
    with pytest.raises(BoardError, match="window"):
        settings.change(board, settings.assigned(["window=wide"], []), talk)
    assert on(board) == OLD and not board.held
    with pytest.raises(UsageError, match="no setting unknown_one"):
        settings.change(board, settings.assigned(["unknown_one=1"], []), talk)
    assert on(board) == OLD


def test_another_device_is_not_touched(board, talk):
    with pytest.raises(BoardError, match="is d-1, not d-2; plug that one in"):
        change(board, talk, device_id="d-2")
    assert on(board) == OLD and board.starts == 1 and not board.copied


def test_settings_without_a_change_are_not_judged_or_written(board, talk):
    settings.change(board, settings.assigned(["mqtt_host=h"], []), talk)
    assert board.copied == [] and on(board) == OLD


@pytest.mark.parametrize("rev", [None, "7", True, 1.5])
def test_odd_revision_starts_anew(board, talk, rev):
    board.files[CONFIG_PATH] = json.dumps({**OLD, "rev": rev}).encode()
    assert change(board, talk)["rev"] == 1


@pytest.mark.parametrize(
    ("pairs", "unset", "said"),
    [
        ([], [], "nothing to change"),
        (["rev=4"], [], "rev counts by itself"),
        ([], ["rev"], "rev counts by itself"),
        (["a=1"], ["a"], "set it or leave it out"),
        (["=1"], [], "key=value is expected"),
        (["a b=1"], [], "key=value is expected"),
    ],
)
def test_arguments_that_say_nothing_clear_are_refused(pairs, unset, said):
    with pytest.raises(UsageError, match=said):
        settings.assigned(pairs, unset)


def test_values_are_json_or_plain_text():
    changed = settings.assigned(['a=[1, "x"]', "b=plain", 'c="7"', "d=7", "e="], ["f"])
    assert changed({"f": 1, "g": 2}) == {
        "g": 2,
        "a": [1, "x"],
        "b": "plain",
        "c": "7",
        "d": 7,
        "e": "",
    }


# Networks.


def answering(board, *answers):
    board.asked = []

    def ask(name, args, *more, **others):
        board.asked.append((name, args))
        return list(answers)

    board.ask = ask
    return board


def networks_of(*ssids):
    told = [{"ssid": ssid, "priority": 0, "security": "password"} for ssid in ssids]
    return {"device_id": "d-1", "networks": told, "changed": True}


def test_networks_are_done_only_when_the_board_tells_them_back(board, talk):
    lab = Network("lab", "password-of-lab")
    for told in (networks_of("other"), networks_of(), {"device_id": "d-1"}):
        with pytest.raises(BoardError, match="are not what was sent; run the same command again"):
            networks.changed(answering(board, told), [lab], [], talk)
        assert not board.held
    with pytest.raises(BoardError, match="are not what was sent"):
        networks.changed(answering(board, networks_of("lab")), [], ["lab"], talk)
    with pytest.raises(BoardError, match="gave no answer"):
        networks.changed(answering(board), [lab], [], talk)
    found = networks.changed(answering(board, Installed, networks_of("lab")), [lab], [], talk)
    assert found["networks"][0]["ssid"] == "lab" and not board.held
    # The board it was looked at is the one that must take them.
    assert board.asked[0][1]["device_id"] == "d-1"
