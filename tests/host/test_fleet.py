"""Many boards at once, in memory: who gets which row, what stops a run, what it leaves behind."""

import threading
import time
from collections import Counter

import pytest
from fakeplatform import KEY
from fleet_rig import Boards, FleetFake, FleetRig, Lines, chip_id, sheet_text
from rich.console import Console

from ways_device.errors import BoardError, ToolError, UsageError
from ways_device.fleet import command
from ways_device.fleet.progress import BoardTalk, Progress
from ways_device.fleet.yard import named
from ways_device.provision import plan as planning


@pytest.fixture
def rig(tmp_path):
    return FleetRig(tmp_path, FleetFake())


def said(rig):
    return Lines(rig.said).text()


def names_of(rig, yard):
    """Return the name of the device that each board is, by the board's number."""
    return {
        int(port[-4:]): rig.platform.devices[board.body["device_id"]]["name"]
        for port, board in yard.boards.items()
        if board.body is not None
    }


# The whole way.


def test_boards_become_the_devices_of_their_rows(rig):
    yard = Boards(rig.platform, 6)
    rows = rig.sheet(sheet_text(6))
    assert rig.provision(rows, yard) == {"done": 6, "failed": 0, "left": 0}
    ids = {f"esp32-{chip_id(number)}" for number in range(6)}
    assert rig.working(yard) == set(rig.platform.devices) == ids
    assert names_of(rig, yard) == {number: f"Device {number}" for number in range(6)}
    assert set(rig.platform.groups) == {"hall 0", "hall 1", "hall 2"}
    assert len(rig.platform.members) == 6
    assert rig.platform.tags == {f"esp32-{chip_id(n)}": ["a", "b"] for n in (1, 3, 5)}
    for result in rig.results().values():
        assert (result.state, result.error) == ("done", "")
        assert result.first_reading == "simulated 21.5"
        assert result.port.endswith(result.name.split()[1])
        assert float(result.seconds) >= 0


def test_what_boards_share_is_asked_for_made_and_compiled_once(rig, monkeypatch):
    compiled = []
    real = planning.compile_code

    def compile_code(source, drivers):
        compiled.append(1)
        return real(source, drivers)

    monkeypatch.setattr(planning, "compile_code", compile_code)
    yard = Boards(rig.platform, 12)
    rig.provision(rig.sheet(sheet_text(12)), yard, jobs=6)
    assert compiled == [1]
    count = rig.platform.count
    assert count("GET", "/v1/iot/credentials") == 1
    assert count("GET", "/v1/iot/datapoints") == 1
    assert count("POST", "/v1/iot/datapoints") == 1
    assert count("POST", "/v1/iot/profiles") == 2
    assert count("POST", "/v1/iot/groups") == 3
    assert count("POST", "/v1/iot/devices") == 12


def test_same_command_again_only_looks_at_the_boards(rig):
    yard = Boards(rig.platform, 3)
    rows = rig.sheet(sheet_text(3))
    rig.provision(rows, yard)
    passwords, made = dict(rig.platform.passwords), rig.platform.made
    rig.platform.requests.clear()
    assert rig.provision(rows, yard) == {"done": 3, "failed": 0, "left": 0}
    assert {method for method, _ in rig.platform.requests} == {"GET"}
    assert len(rig.platform.requests) < 8
    assert rig.working(yard) == set(rig.platform.devices)
    assert said(rig).count("done already") == 3
    # Asked to, it brings all of them up to date: the same devices, with the same logins.
    changed = rig.sheet(sheet_text(3).replace(",5,", ",7,"))
    assert rig.provision(changed, yard, again=True) == {"done": 3, "failed": 0, "left": 0}
    assert b'"interval_s":7' in yard.board(0).files["/config.json"]
    assert rig.platform.passwords == passwords
    assert rig.platform.made == made
    # Without any board at hand it still is done, and the results are kept.
    assert rig.provision(rows, Boards(rig.platform)) == {"done": 3, "failed": 0, "left": 0}
    assert rig.results()["Device 1"].first_reading == "simulated 21.5"


def test_no_secret_is_in_results_or_output(rig):
    rig.provision(rig.sheet(sheet_text(2)), Boards(rig.platform, 2))
    text = said(rig) + rig.result.read_text()
    for canary in ("mqtt-canary", "wifi-canary", KEY):
        assert canary not in text


# Which board is which.


def test_boards_without_chip_id_take_the_next_free_row_in_order(rig):
    yard = Boards(rig.platform, 2, first=7)
    tally = rig.provision(rig.sheet(sheet_text(3, "device_id")), yard, jobs=1)
    assert tally == {"done": 2, "failed": 0, "left": 1}
    assert names_of(rig, yard) == {7: "Device 0", 8: "Device 1"}
    assert rig.results()["Device 2"].state == "left"
    # A board that is a device already goes on with its row, whatever the order.
    more = Boards(rig.platform)
    more.boards = dict(reversed(yard.boards.items()))
    more.plug(3)
    assert rig.provision(rig.sheet(sheet_text(3, "device_id")), more, jobs=1)["done"] == 3
    assert names_of(rig, more) == {3: "Device 2", 7: "Device 0", 8: "Device 1"}


def test_row_with_a_chip_id_waits_for_its_board(rig):
    text = "name,device_id,chip_id\n" + f"Own,own-1,{chip_id(5)}\nAny one,any-1,\n"
    yard = Boards(rig.platform, 2, first=4)
    assert rig.provision(rig.sheet(text), yard)["done"] == 2
    assert names_of(rig, yard) == {4: "Any one", 5: "Own"}


def test_board_of_no_row_is_let_go_as_it_was(rig):
    yard = Boards(rig.platform, 3)
    tally = rig.provision(rig.sheet(sheet_text(2)), yard)
    assert tally == {"done": 2, "failed": 0, "left": 0}
    assert yard.board(2).files == {}
    assert not yard.board(2).held
    assert "no row of the file is left for this board" in said(rig)


def test_board_that_is_another_device_is_not_taken_unless_it_is_named(rig):
    yard = Boards(rig.platform, 1)
    yard.board(0).body = {"device_id": "from-elsewhere", "password": "theirs"}
    tally = rig.provision(rig.sheet(sheet_text(1, "device_id")), yard)
    assert tally == {"done": 0, "failed": 0, "left": 1}
    assert yard.board(0).body == {"device_id": "from-elsewhere", "password": "theirs"}
    assert "is from-elsewhere already, which this file has not" in said(rig)
    assert rig.platform.devices == {}
    assert rig.provision(rig.sheet(sheet_text(1)), yard)["done"] == 1


def test_board_that_lost_what_it_was_is_not_called_done(rig):
    yard = Boards(rig.platform, 1)
    rig.provision(rig.sheet(sheet_text(1)), yard)
    yard.board(0).body = None
    assert rig.provision(rig.sheet(sheet_text(1)), yard)["failed"] == 1
    assert "its password is neither on this board" in rig.results()["Device 0"].error


def test_identity_of_a_row_on_the_board_of_none_is_told(rig):
    yard = Boards(rig.platform, 1)
    rig.provision(rig.sheet(sheet_text(1)), yard)
    other = Boards(rig.platform, 1, first=9)
    other.board(9).body = dict(yard.board(0).body)
    rig.provision(rig.sheet(sheet_text(1)), other)
    assert f"holds the identity of Device 0, whose chip_id is {chip_id(0)}" in said(rig)
    assert other.board(9).files == {}


def test_device_of_somebody_else_is_a_conflict_that_costs_only_its_row(rig):
    rig.platform.devices["dev-0000"] = {"device_id": "dev-0000", "name": "theirs"}
    yard = Boards(rig.platform, 2)
    tally = rig.provision(rig.sheet(sheet_text(2, "device_id")), yard, jobs=1)
    assert tally == {"done": 1, "failed": 0, "left": 1}
    assert names_of(rig, yard) == {0: "Device 1"}
    assert "line 2, Device 0: dev-0000 exists, and was not made by this computer" in said(rig)
    assert rig.platform.devices["dev-0000"]["name"] == "theirs"


# Boards that fail.


def test_board_that_fails_costs_only_its_row_and_is_tried_once_more(rig):
    yard = Boards(rig.platform, 4)
    yard.board(1).fills_at = 1
    tally = rig.provision(rig.sheet(sheet_text(4)), yard)
    assert tally == {"done": 3, "failed": 1, "left": 0}
    assert yard.opened == {port: 2 if port.endswith("1") else 1 for port in yard.boards}
    failed = rig.results()["Device 1"]
    assert failed.state == "failed"
    assert failed.error.startswith("copying to the board: the board's flash is full")
    assert not yard.board(1).held
    assert said(rig).count("tried once more at the end") == 1


def test_board_that_fails_once_is_done_at_the_second_try(rig):
    yard = Boards(rig.platform, 3)
    board = yard.board(0)
    real = board.install_identity
    tries = []

    def install(body):
        tries.append(1)
        if len(tries) == 1:
            raise BoardError("the cable fell out")
        return real(body)

    board.install_identity = install
    assert rig.provision(rig.sheet(sheet_text(3, "device_id")), yard)["done"] == 3
    assert rig.working(yard) == set(rig.platform.devices)
    assert rig.platform.made == 3


def test_board_that_does_not_answer_at_all_is_told_by_its_port(rig):
    yard = Boards(rig.platform, 2)

    def silent(names, paths):
        raise BoardError("/dev/fake0000 is silent")

    yard.board(0).facts = silent
    tally = rig.provision(rig.sheet(sheet_text(2)), yard)
    assert tally == {"done": 1, "failed": 0, "left": 1}
    assert "fake0000: looking at the board: /dev/fake0000 is silent" in said(rig)
    assert yard.opened["/dev/fake0000"] == 2


def test_fault_of_our_own_costs_one_row_too(rig):
    yard = Boards(rig.platform, 2)
    yard.board(0).check_config = lambda text: 1 / 0
    assert rig.provision(rig.sheet(sheet_text(2)), yard)["failed"] == 1
    assert "internal fault: ZeroDivisionError" in rig.results()["Device 0"].error
    assert not yard.board(0).held


def test_error_that_a_spreadsheet_would_run_is_written_as_text(rig):
    yard = Boards(rig.platform, 1)

    def refuse(names, paths):
        raise BoardError("=HYPERLINK(1)\x1b[31m\n2")

    yard.board(0).facts = refuse
    rig.provision(rig.sheet(sheet_text(1)), yard)
    real = yard.board(0)
    del real.facts
    real.install_identity = lambda body: (_ for _ in ()).throw(BoardError("=1+1\x1b[31m\n2"))
    rig.provision(rig.sheet(sheet_text(1)), yard)
    assert "\x1b" not in rig.result.read_text()
    assert ",=" not in rig.result.read_text()


# What stops a run.


def test_refused_key_stops_at_once_and_says_how_far_it_came(rig):
    yard = Boards(rig.platform, 30)
    rig.platform.refuse_from = 60
    with pytest.raises(ToolError, match="refused the API key") as caught:
        rig.provision(rig.sheet(sheet_text(30)), yard, jobs=8)
    assert caught.value.exit_code == 4
    after = len(rig.platform.requests) - 61
    assert after <= 4
    done = sum(one.state == "done" for one in rig.results().values())
    assert f"stopped, {done} of 30 done, {30 - done} left" in str(caught.value)
    assert not any(board.held for board in yard.boards.values())
    rig.platform.refuse_from = None
    assert rig.provision(rig.sheet(sheet_text(30)), yard)["done"] == 30
    assert rig.working(yard) == set(rig.platform.devices)
    assert len(rig.platform.devices) == 30


def test_full_plan_stops_with_the_counts_and_a_larger_one_goes_on(rig):
    yard = Boards(rig.platform, 9)
    rig.platform.limit = 5
    with pytest.raises(ToolError, match="the plan's limit of 5 devices is reached") as caught:
        rig.provision(rig.sheet(sheet_text(9)), yard, jobs=3)
    assert caught.value.exit_code == 4
    assert "stopped, " in str(caught.value)
    assert "the plan has room for 5 of 9 new devices" in said(rig)
    assert len(rig.platform.devices) == 5
    assert not any(board.held for board in yard.boards.values())
    rig.platform.limit = 9
    assert rig.provision(rig.sheet(sheet_text(9)), yard)["done"] == 9
    assert rig.platform.made == 9


def test_ctrl_c_lets_the_boards_go_and_the_same_command_goes_on(rig):
    reached = threading.Event()

    class Interrupting(Boards):
        def present(self):
            if reached.is_set():
                reached.clear()
                raise KeyboardInterrupt
            return super().present()

    yard = Interrupting(rig.platform, 12)

    def around(moment):
        # The boards are in the middle when somebody presses it.
        if moment == "before identity":
            reached.set()
            end_s = time.monotonic() + 10
            while not rig.stop.is_set and time.monotonic() < end_s:
                time.sleep(0.01)

    for board in yard.boards.values():
        board.around = around
    with pytest.raises(KeyboardInterrupt):
        rig.provision(rig.sheet(sheet_text(12)), yard)
    states = Counter(one.state for one in rig.results().values())
    assert states["begun"] > 0
    assert states["left"] > 0
    # The step that was under way is the last one.
    journal = "".join(path.read_text() for path in (rig.folder / "journal").glob("*.json"))
    assert '"written"' in journal
    assert '"verified"' not in journal
    assert not any(board.held for board in yard.boards.values())
    for board in yard.boards.values():
        board.around = lambda moment: None
    reached.clear()
    assert rig.provision(rig.sheet(sheet_text(12)), yard)["done"] == 12
    assert rig.working(yard) == set(rig.platform.devices)
    assert rig.platform.made == 12


def test_profile_that_is_missing_is_told_before_any_board_is_touched(rig):
    yard = Boards(rig.platform, 1)
    with pytest.raises(ToolError, match="--profile none: there is none"):
        rig.provision(rig.sheet("name,device_id,profile\nOne,d-1,none\n"), yard)
    assert not yard.opened


# How many at a time, and who comes later.


def test_no_more_boards_and_requests_at_a_time_than_allowed(rig):
    yard = Boards(rig.platform, 16)
    at_work, most = Counter(), []
    lock = threading.Lock()

    def watched(board):
        def around(moment):
            with lock:
                at_work[board.port] = moment != "after release"
                most.append(sum(at_work.values()))

        board.around = around

    for board in yard.boards.values():
        watched(board)
    rig.platform.takes_s = 0.01
    rig.provision(rig.sheet(sheet_text(16)), yard, jobs=6)
    assert max(most) <= 6
    assert rig.platform.most_at_once == 4


def test_boards_can_be_plugged_in_by_and_by(rig):
    yard = Boards(rig.platform)

    def feed():
        for number in range(3):
            time.sleep(0.3)
            yard.plug(number)

    hand = threading.Thread(target=feed)
    hand.start()
    tally = rig.provision(rig.sheet(sheet_text(3, "device_id")), yard, wait_boards_s=20)
    hand.join()
    assert tally == {"done": 3, "failed": 0, "left": 0}


def test_next_board_at_the_same_port_is_a_new_one(rig, monkeypatch):
    monkeypatch.setattr("ways_device.fleet.yard.GONE_LOOKS", 2)
    yard = Boards(rig.platform, 1)
    first = yard.board(0)

    def swap():
        while not first.starts:
            time.sleep(0.02)
        time.sleep(0.5)
        del yard.boards[first.port]
        time.sleep(1.5)
        second = yard.plug(1)
        yard.boards = {first.port: second}

    hand = threading.Thread(target=swap)
    hand.start()
    tally = rig.provision(rig.sheet(sheet_text(2)), yard, wait_boards_s=20)
    hand.join()
    assert tally == {"done": 2, "failed": 0, "left": 0}


def test_ports_are_auto_or_a_list():
    assert named("auto") is None
    assert named("/dev/ttyX1, u3") == ["/dev/ttyX1", "/dev/ttyUSB3"]
    for wrong in ("", ",", "u1,/dev/ttyUSB1"):
        with pytest.raises(UsageError, match="--ports"):
            named(wrong)


# Saying beforehand and afterwards.


def test_plan_says_what_would_be_done_and_touches_nothing(rig):
    text = sheet_text(4) + f"Other,{chip_id(8)},5,,,adc:pin=34\n"
    yard = Boards(rig.platform, 2)
    rig.provision(rig.sheet(text)[:2], yard)
    rig.platform.devices[f"esp32-{chip_id(3)}"] = {"device_id": f"esp32-{chip_id(3)}"}
    sensors = rig.source / "firmware" / "sensors"
    (sensors / "simulated.py").write_text(
        "from firmware.reading import Datapoint\n"
        "def open(board, options):\n    return Datapoint(options.pop('key', 'simulated'), '')\n"
    )
    (sensors / "adc.py").write_text("from firmware.sensors import simulated\n")
    rig.platform.requests.clear()
    rig.platform.limit = 4
    found = command.plan(rig.sheet(text), rig.shop())
    assert {method for method, _ in rig.platform.requests} == {"GET"}
    assert [row["state"] for row in found["rows"]] == ["done", "done", "new", "conflict", "new"]
    assert found["to_make"] == {"profiles": [], "datapoints": [], "groups": ["hall 2"]}
    assert found["room"] == {"plan": "iot-test", "limit": 4, "left": 1, "needed": 2}
    assert found["problems"] == [
        "1 rows have ids that this computer cannot use",
        "the plan has room for 1 of 2 new devices",
    ]


def test_plan_of_an_empty_account_names_all_that_is_to_be_made(rig):
    text = "name,device_id,profile,interval_s,group,sensors\n"
    text += "One,d-1,,7,G,simulated:key=cellar\nTwo,d-2,none,,,magic\n"
    sensors = rig.source / "firmware" / "sensors"
    (sensors / "simulated.py").write_text("Datapoint(options.pop('key', 'temperature'), 'C')\n")
    found = command.plan(rig.sheet(text), rig.shop())
    assert found["to_make"] == {
        "profiles": ["ways-device every 7 s"],
        "datapoints": ["cellar"],
        "groups": ["G"],
    }
    assert any("profile none: there is none" in problem for problem in found["problems"])
    problem = (
        "sensors: this agent has no sensor magic; one of your own goes with --driver magic.py"
    )
    assert problem in found["problems"]


def test_row_that_was_begun_is_said_to_be(rig):
    yard = Boards(rig.platform, 1)
    yard.board(0).install_identity = lambda body: (_ for _ in ()).throw(BoardError("no"))
    rows = rig.sheet(sheet_text(2))
    rig.provision(rows, yard)
    found = command.plan(rows, rig.shop())
    assert [(row["state"], row["note"]) for row in found["rows"]] == [
        ("begun", "registered"),
        ("new", ""),
    ]


def test_report_says_what_is_online_and_what_is_missing(rig):
    yard = Boards(rig.platform, 3)
    yard.board(2).fills_at = 1
    rows = rig.sheet(sheet_text(4))
    rig.provision(rows, yard)
    rig.platform.devices[f"esp32-{chip_id(1)}"]["is_online"] = False
    lines = command.report(rows, rig.shop(), rig.result)
    assert [line["online"] for line in lines] == [True, False, False, False]
    assert [line["missing"].split(":")[0] for line in lines] == [
        "",
        "offline",
        "copying to the board",
        "not registered",
    ]
    assert lines[0]["readings"] == {"simulated": 21.5}
    assert lines[0]["last_seen"] == "t1"


def test_result_file_of_another_kind_is_not_overwritten(rig):
    rig.result.write_text("name,price\nx,1\n")
    with pytest.raises(UsageError, match="not a result of a fleet"):
        rig.provision(rig.sheet(sheet_text(1)), Boards(rig.platform, 1))
    assert rig.result.read_text() == "name,price\nx,1\n"
    with pytest.raises(UsageError, match="this is the sheet itself"):
        command.result_file(rig.folder / "devices.csv", rig.folder / "devices.csv")
    path = command.result_file(rig.folder / "devices.csv", None)
    assert path == rig.folder / "devices-result.csv"


def test_terminal_shows_what_everybody_is_doing_as_plain_text():
    lines = []
    console = Console(
        file=Lines(lines),
        force_terminal=True,
        width=80,
        markup=False,
        _environ={"TERM": "xterm"},  # a dumb one is shown nothing that changes
    )
    shown = "1 of 3 done  |  ttyUSB0 copying to the board: 1 of 2 [bold]"
    with Progress(console, lambda: "1 of 3 done") as progress:
        talk = BoardTalk(progress, "/dev/ttyUSB0", lambda: None)
        talk.name = "[red]Hall"
        with talk.step("copying to the board") as step:
            step.say("1 of 2 [bold]files")
            ends_s = time.monotonic() + 30
            while shown not in "".join(lines) and time.monotonic() < ends_s:
                time.sleep(0.05)
    text = "".join(lines)
    assert shown in text
    assert "ttyUSB0 [red]Hall: copying to the board: 1 of 2 [bold]files (" in text
