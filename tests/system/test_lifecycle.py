"""The life of a device for real: the commands, mpremote, a virtual board, a sandbox."""

import json
import subprocess

import pytest
from codedflash import coded_world
from realparts import COMMAND

HOLD = "import esp32; print(esp32.NVS('ways').get_i32('hold'))"
SLOTS = (
    "import json, struct\n"
    "for n in (0, 1):\n"
    "    try: d = open('/identity.%d' % n, 'rb').read()\n"
    "    except OSError: continue\n"
    "    print(json.dumps([n, struct.unpack_from('<I', d, 4)[0], json.loads(d[10:-4])]))\n"
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with coded_world(tmp_path_factory.mktemp("life")) as made:
        # Between two questions a command runs: a connection that is kept ends meanwhile.
        made.api.headers["Connection"] = "close"
        yield made


@pytest.fixture
def real(shared):
    """A board that is a device with tags, a group and metadata, and nothing else there."""
    for device_id in shared.devices():
        shared.api.delete(f"/v1/iot/devices/{device_id}").raise_for_status()
    for name in ("journal", "lifecycle"):
        for path in (shared.folder / "home" / name).glob("*.json"):
            path.unlink()
    done = shared.provision("--sensor", "simulated:key=cellar", "--set", "window=5")
    assert done.returncode == 0, done.stderr
    path = f"/v1/iot/devices/{shared.device_id}"
    metadata = {**shared.get(path)["metadata"], "room": "B1"}
    shared.api.patch(path, json={"metadata": metadata}).raise_for_status()
    shared.api.post(f"{path}/tags", json=["floor-3"]).raise_for_status()
    group = shared.api.post("/v1/iot/groups", json={"name": "Cellars"}).json()["id"]
    body = {"device_ids": [shared.device_id]}
    shared.api.post(f"/v1/iot/groups/{group}/devices", json=body).raise_for_status()
    shared.group_id = group
    return shared


def arguments(real, *words, port=True):
    info = ["--sandbox", str(real.folder / "sandbox" / "info.json"), "--json"]
    return [*words, *info, *(["--port", real.board["port"]] if port else [])]


def ok(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def slots(real):
    """Return {slot: (generation, identity)} of what the board's files hold."""
    lines = real.mpremote("exec", SLOTS).splitlines()
    return {slot: (generation, body) for slot, generation, body in map(json.loads, lines)}


def assert_replaced(real, device_id):
    """Check that this device alone is there, reports, and has what the old one had."""
    assert real.devices() == [device_id]
    real.device_id, before = device_id, real.device_id
    try:
        real.wait_until_reporting()
    finally:
        real.device_id = before
    path = f"/v1/iot/devices/{device_id}"
    device = real.get(path)
    assert device["is_online"] is True
    assert device["metadata"]["room"] == "B1"
    assert device["tags"] == ["floor-3"]
    members = real.get(f"/v1/iot/devices?group_id={real.group_id}")["devices"]
    assert [member["device_id"] for member in members] == [device_id]
    assert real.get(f"/sandbox/devices/{device_id}")["profile_id"]


def test_device_gets_another_id_in_the_spare_slot(real):
    old_id, new_id = real.device_id, f"{real.device_id}-2"
    config = json.loads(real.mpremote("cat", ":/config.json"))
    done = real.run(*arguments(real, "replace", old_id, "--name", "New cellar", "--yes"))
    outcome = ok(done)
    assert outcome["device_id"] == new_id
    assert "history" in done.stderr
    assert_replaced(real, new_id)
    assert real.get(f"/v1/iot/devices/{new_id}")["name"] == "New cellar"
    held = slots(real)
    newest = max(held.values(), key=lambda one: one[0])[1]
    assert {body["device_id"] for _, body in held.values()} == {old_id, new_id}
    assert newest["device_id"] == new_id
    # The networks went over on the board; nobody was asked for them.
    assert newest["wifi"][0]["ssid"] == "ways-sandbox"
    kept = json.loads(real.mpremote("cat", ":/config.json"))
    assert {**kept, "rev": 0} == {**config, "rev": 0}
    for secret in (newest["password"], newest["wifi"][0]["password"]):
        assert secret not in done.stdout + done.stderr
        for path in (real.folder / "home").rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    # The same command again says the same and does nothing.
    again = ok(real.run(*arguments(real, "replace", old_id, "--name", "New cellar", "--yes")))
    assert again["device_id"] == new_id
    assert real.devices() == [new_id]


@pytest.mark.parametrize("after", ["registering", "writing identity"])
def test_killed_in_the_middle_the_same_command_finishes(real, after):
    words = arguments(real, "replace", real.device_id, "--yes")
    with subprocess.Popen(
        [*COMMAND, *words], env=real.environment, stderr=subprocess.PIPE, text=True
    ) as child:
        for line in child.stderr:
            if line.startswith(after):
                child.kill()
                break
        child.stderr.read()
        assert child.wait(30) == -9
    outcome = ok(real.run(*words))
    assert_replaced(real, outcome["device_id"])
    journal = "".join(path.read_text() for path in (real.folder / "home").rglob("*.json"))
    assert '"password"' not in journal


def test_same_id_gets_another_login_only_if_that_is_meant(real):
    before = max(slots(real).values(), key=lambda one: one[0])[1]["password"]
    words = ["replace", real.device_id, "--same-id"]
    refused = real.run(*arguments(real, *words))
    assert refused.returncode == 2
    assert "the board can log in with neither" in refused.stderr
    assert real.devices() == [real.device_id]
    outcome = ok(real.run(*arguments(real, *words, "--yes")))
    assert outcome["device_id"] == real.device_id
    assert_replaced(real, real.device_id)
    assert max(slots(real).values(), key=lambda one: one[0])[1]["password"] != before


def test_nothing_is_done_that_nobody_agreed_to(real):
    for words in (
        ["replace", real.device_id],
        ["decommission", real.device_id, "--wipe-board"],
    ):
        done = real.run(*arguments(real, *words))
        assert done.returncode == 2
        assert "give --yes if that is meant" in done.stderr
        assert real.devices() == [real.device_id]
    ok(real.run(*arguments(real, "replace", real.device_id, "--dry-run")))
    ok(real.run(*arguments(real, "decommission", real.device_id, "--dry-run", port=False)))
    assert real.devices() == [real.device_id]
    assert list((real.folder / "home" / "lifecycle").glob("*.json")) == []
    real.wait_until_reporting()


def test_device_is_listed_shown_and_taken_out_of_service(real):
    (listed,) = ok(real.run(*arguments(real, "list", "--tag", "floor-3", "--online", port=False)))
    assert listed["device_id"] == real.device_id
    assert ok(real.run(*arguments(real, "list", "--search", "attic", port=False))) == []
    shown = ok(real.run(*arguments(real, "show", real.device_id, port=False)))
    assert shown["tags"] == ["floor-3"]
    assert [one["name"] for one in shown["latest"]] == ["cellar"]
    assert shown["open_alarms"] == []
    assert ok(real.run(*arguments(real, "audit"))) == []
    real.wait_until_reporting()
    words = ["decommission", real.device_id, "--wipe-board", "--yes"]
    (ended,) = ok(real.run(*arguments(real, *words)))
    assert ended["deleted"] and ended["board_wiped"]
    assert real.devices() == []
    assert slots(real) == {}
    with pytest.raises(subprocess.CalledProcessError):
        real.mpremote("exec", "import esp32; esp32.NVS('ways').get_blob('id0', bytearray(4096))")
    assert real.mpremote("resume", "exec", HOLD).strip() == "0"
    (spare,) = ok(real.run(*arguments(real, "audit")))
    assert spare["finding"] == "board_spare"


def test_orphan_of_a_killed_provisioning_is_found_and_deleted(real):
    words = real.arguments("--device-id", "lost-one", "--sensor", "simulated:key=cellar")
    with subprocess.Popen(
        [*COMMAND, *words], env=real.environment, stderr=subprocess.PIPE, text=True
    ) as child:
        for line in child.stderr:
            if line.startswith("registering"):
                child.kill()
                break
        child.stderr.read()
        assert child.wait(30) == -9
    found = ok(real.run(*arguments(real, "audit", "--no-boards", port=False)))
    assert [(one["finding"], one["device_id"]) for one in found] == [("orphan", "lost-one")]
    refused = real.run(*arguments(real, "audit", "--no-boards", "--delete-orphans", port=False))
    assert refused.returncode == 2
    words = ["audit", "--no-boards", "--delete-orphans", "--yes"]
    (deleted,) = ok(real.run(*arguments(real, *words, port=False)))
    assert deleted["deleted"] is True
    assert real.devices() == [real.device_id]
