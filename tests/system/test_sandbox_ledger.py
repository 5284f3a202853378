"""`ways-device sandbox ledger` and `faults` against a real sandbox that real devices speak to."""

import json

import pytest
from sandbox_rig import Device, eventually, running

from ways_device import cli
from ways_device.sandbox.ledger_cli import MISSING

LONG_ID = "a" * 64


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("ledger")) as sandbox:
        for device_id, seqs in (
            (LONG_ID, range(3)),
            ("holes", (0, 1, 1, 4, 3, 9)),
            ("silent", ()),
        ):
            device = Device(sandbox, sandbox.register(device_id))
            for seq in seqs:
                device.publish(f"devices/{device_id}/telemetry", {"boot": 7, "seq": seq})
            device.leave()
        wanted = [3, 5, 0]
        eventually(lambda: [row["delivered"] for row in listed(sandbox)["devices"]], wanted)
        yield sandbox


def listed(sandbox, query=""):
    return sandbox.get(f"/sandbox/ledger{query}")


@pytest.fixture
def command(sandbox, capsys, monkeypatch):
    """Run `ways-device sandbox ...`; return its status and what it printed, 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments):
        status = cli.run(["sandbox", *arguments, "--sandbox", str(sandbox.info_file)])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return run


def test_all_devices_are_one_table_of_80_columns(command):
    status, text = command("ledger")
    assert status == MISSING
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == [
        *("device", "delivered", "gaps", "dupl.", "dropped", "volatile", "late", "tail?", "adds"),
        "up",
    ]
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:]}
    assert rows["holes"] == ["5", "5", "1", "0", "0", "1", "0", "NO"]
    assert rows["silent"] == ["0", "0", "0", "0", "0", "0", "0", "yes"]
    # A long id is folded, not cut off.
    assert text.count("a" * 10) and sum(line.count("a" * 3) > 0 for line in lines[1:]) > 1


def test_one_device_is_shown_by_boot_with_what_it_lacks(command):
    status, text = command("ledger", "holes")
    assert status == MISSING
    assert "boot 7 lacks 2, 5-8" in text
    status, text = command("ledger", LONG_ID)
    assert (status, "everything adds up" in text) == (0, True)
    status, text = command("ledger", "silent")
    assert (status, text.strip()) == (0, "no reading that carries boot and seq has arrived")


def test_it_prints_json_for_programs(command):
    status, text = command("ledger", "holes", "--json")
    assert status == MISSING
    assert json.loads(text)["boots"][0]["missing"] == [[2, 2], [5, 8]]
    status, text = command("ledger", "--json")
    assert [row["adds_up"] for row in json.loads(text)["devices"]] == [True, False, True]


def test_it_goes_through_all_parts_of_the_list(command, monkeypatch):
    monkeypatch.setattr("ways_device.sandbox.ledger_cli._PAGE", 1)
    _, text = command("ledger", "--json")
    rows = json.loads(text)["devices"]
    assert [row["device_id"] for row in rows] == [LONG_ID, "holes", "silent"]


def test_a_device_that_is_not_there_and_a_sandbox_that_is_not_there(command, tmp_path, capsys):
    status, text = command("ledger", "nobody")
    assert (status, "nobody not found" in text) == (4, True)
    missing = tmp_path / "nowhere.json"
    assert cli.run(["sandbox", "ledger", "--info-file", str(missing)]) == 2
    assert f"no running sandbox at {missing}" in capsys.readouterr().err


def test_the_list_comes_in_parts(sandbox):
    first = listed(sandbox, "?page_size=2")
    assert (first["total"], first["has_more"], len(first["devices"])) == (3, True, 2)
    rest = listed(sandbox, "?page_size=2&page=2")
    assert (rest["has_more"], len(rest["devices"])) == (False, 1)
    assert (first["adds_up"], rest["adds_up"]) == (False, True)


def test_the_plan_of_faults_is_set_shown_and_ended(command, sandbox, tmp_path):
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"seed": 3, "http": [{"fault": "status", "status": 503}]}))
    assert command("faults", "--set", str(file))[0] == 0
    assert sandbox.http.get("/v1/iot/devices").status_code == 503
    assert "(1 of 1 requests)" in command("faults")[1]
    assert json.loads(command("faults", "--log", "--json")[1])["http"][0]["status"] == 503
    file.write_text('{"http": [{"fault": "status", "status": "no"}]}')
    status, text = command("faults", "--set", str(file))
    assert (status, "http.0.status.status" in text) == (1, True)
    assert "no faults" in command("faults", "--clear")[1]
    assert sandbox.http.get("/v1/iot/devices").status_code == 200
