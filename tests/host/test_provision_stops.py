"""Provisioning that is stopped anywhere, or meets devices that are not its own to touch."""

from contextlib import suppress

import pytest
from fakeboard import UNIQUE_ID, FakeBoard
from fakeplatform import FakePlatform, flat
from provisioning import DEVICE_ID, Killed, Killer, Rig

from ways_device.errors import AmbiguousError, ApiError, ConflictError


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


# Every way to stop.


def test_killed_at_any_contact_the_same_command_ends_with_one_working_device(tmp_path):
    whole = Killer()
    Rig(tmp_path / "whole").run(whole)
    assert whole.contacts > 40
    for at in range(1, whole.contacts + 1):
        rig = Rig(tmp_path / str(at))
        with pytest.raises(Killed):
            rig.run(Killer(at))
        rig.run()
        rig.assert_one_working_device()
        assert rig.entry.state == "done", at
        assert "mqtt-canary" not in rig.journal_text(), at


def test_killed_twice_in_a_row_it_still_ends_well(tmp_path):
    for first in range(15, 45, 5):
        for second in range(10, 40, 7):
            rig = Rig(tmp_path / f"{first}-{second}")
            for at in (first, second):
                # The second run may have less to do than this, and end well.
                with suppress(Killed):
                    rig.run(Killer(at))
            rig.run()
            rig.assert_one_working_device()


def registering(rig):
    """Return how many requests there are before the one that registers."""
    twin = FakePlatform()
    twin_rig = object.__new__(Rig)
    twin_rig.__dict__.update(rig.__dict__)
    twin_rig.platform, twin_rig.board = twin, FakeBoard(twin)
    twin_rig.folder = rig.folder.with_name("twin")
    twin_rig.run()
    return twin.requests.index(("POST", "/v1/iot/devices"))


@pytest.mark.parametrize("fault", ["lost", (500, {}, ""), (504, {}, "<html>")])
def test_register_without_a_clear_answer_leaves_no_orphan(rig, fault):
    rig.platform.faults = [*[None] * registering(rig), fault]
    rig.run()
    rig.assert_one_working_device()


def test_register_that_never_answers_clearly_is_finished_by_the_next_run(rig):
    before = registering(rig)
    # Each lost answer is followed by a look and the removal of what it made.
    rig.platform.faults = [*[None] * before, "lost", None, None, "lost", None, None, "lost"]
    with pytest.raises(AmbiguousError):
        rig.run()
    assert rig.entry.state == "intent"
    assert DEVICE_ID in rig.platform.devices
    rig.run()
    rig.assert_one_working_device()


def test_lost_login_is_removed_before_the_device_is_made_again(rig):
    killer = Killer()
    rig.run(killer)
    twin = Rig(rig.folder.parent / "twin")
    with pytest.raises(Killed):
        twin.run(Killer(killer.places.index("before registered") + 1))
    twin.platform.requests.clear()
    twin.run()
    changes = [request for request in twin.platform.requests if "/devices" in request[1]]
    changes = [method for method, path in changes if method in ("DELETE", "POST")]
    assert changes[:2] == ["DELETE", "POST"]
    assert changes.count("DELETE") == 1


def test_id_that_the_platform_chose_is_the_devices_id_from_then_on(rig):
    rig.platform.names_devices_itself = True
    assert rig.run().device_id == "server-made"
    assert rig.run().device_id == "server-made"
    assert rig.platform.made == 1
    assert rig.board.body["device_id"] == "server-made"


@pytest.mark.parametrize("status", [402, 403, 422, 429])
def test_clear_refusal_leaves_no_trace(rig, status):
    rig.platform.faults = [*[None] * registering(rig), (status, {}, '{"detail": "limit"}')]
    with pytest.raises(ApiError, match="limit"):
        rig.run()
    assert rig.entry is None
    assert rig.platform.devices == {}
    assert not rig.board.held
    rig.run()
    rig.assert_one_working_device()


def test_answer_without_a_password_is_kept_and_the_next_run_starts_anew(rig):
    rig.platform.shape = lambda device_id, password: {"note": "no login here"}
    with pytest.raises(ApiError, match="holds no MQTT password") as caught:
        rig.run()
    (kept,) = rig.folder.glob("*.answer")
    assert str(kept) in str(caught.value)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "no login here" in kept.read_text()
    rig.platform.shape = flat
    rig.run()
    rig.assert_one_working_device()


def test_page_of_a_proxy_as_register_answer_is_looked_into_at_once(rig):
    rig.platform.faults = [*[None] * registering(rig), (200, {}, "<html>hello</html>")]
    rig.run()
    rig.assert_one_working_device()
    assert rig.platform.made == 1
    assert list(rig.folder.glob("*.answer")) == []


def test_page_of_a_proxy_that_stays_is_kept_and_the_next_run_goes_on(rig):
    page = (200, {}, "<html>hello</html>")
    rig.platform.faults = [*[None] * registering(rig), page, None, page, None, page]
    with pytest.raises(AmbiguousError, match="is not JSON; it is kept in") as caught:
        rig.run()
    (kept,) = rig.folder.glob("*.answer")
    assert str(kept) in str(caught.value)
    assert kept.read_text() == "<html>hello</html>"
    rig.run()
    rig.assert_one_working_device()
    assert list(rig.folder.glob("*.answer")) == []


def test_registration_that_is_carried_out_late_is_known_as_ours(rig):
    handle, late = rig.platform.handle, []

    def answered(method, path, headers, body):
        if (method, path) != ("POST", "/v1/iot/devices"):
            return handle(method, path, headers, body)
        late.append((method, path, headers, body))
        if len(late) == 1:
            return None
        if len(late) == 2:
            handle(*late[0])
        return handle(method, path, headers, body)

    rig.platform.handle = answered
    rig.run()
    assert len(late) == 3
    rig.assert_one_working_device()


def test_device_that_appeared_meanwhile_for_another_board_is_left_alone(rig):
    theirs = {"device_id": DEVICE_ID, "name": "theirs", "metadata": {"board": "ffffffffffff"}}
    at = registering(rig)
    handle = rig.platform.handle

    def answered(method, path, headers, body):
        reply = handle(method, path, headers, body)
        if len(rig.platform.requests) == at + 1:
            rig.platform.devices[DEVICE_ID] = dict(theirs)
        return reply

    rig.platform.faults = [*[None] * at, (500, {}, "")]
    rig.platform.handle = answered
    with pytest.raises(ConflictError, match="made for another board \\(ffffffffffff\\)"):
        rig.run()
    assert rig.platform.devices[DEVICE_ID] == theirs


def test_begun_device_that_the_platform_forgot_for_a_moment_is_made_anew(rig):
    killer = Killer()
    Rig(rig.folder.parent / "whole").run(killer)
    with pytest.raises(Killed):
        rig.run(Killer(killer.places.index("before written") + 1))
    assert rig.entry.state == "registered"
    handle, forgotten = rig.platform.handle, [404]

    def answered(method, path, headers, body):
        if (method, path) == ("GET", f"/v1/iot/devices/{DEVICE_ID}") and forgotten:
            return forgotten.pop(), {}, '{"detail": "Device not found"}'
        return handle(method, path, headers, body)

    rig.platform.handle = answered
    rig.run()
    assert forgotten == []
    rig.assert_one_working_device()


def test_refused_registration_leaves_the_journal_of_a_finished_device(rig):
    rig.run()
    first = rig.entry
    del rig.platform.devices[DEVICE_ID]
    rig.platform.requests.clear()
    rig.run()
    at = rig.platform.requests.index(("POST", "/v1/iot/devices"))
    del rig.platform.devices[DEVICE_ID]
    rig.platform.faults = [*[None] * at, (422, {}, '{"detail": "limit"}')]
    with pytest.raises(ApiError, match="limit"):
        rig.run()
    assert rig.entry == first


# Devices that are not ours to touch.


def test_device_of_somebody_else_is_left_alone(rig):
    rig.platform.devices[DEVICE_ID] = {"device_id": DEVICE_ID, "name": "theirs"}
    with pytest.raises(ConflictError, match="did not register it; give another --device-id"):
        rig.run()
    assert rig.platform.devices[DEVICE_ID]["name"] == "theirs"
    assert rig.board.files == {}
    assert rig.entry is None


def test_id_that_another_account_holds_is_told(rig):
    rig.platform.faults = [*[None] * registering(rig), (409, {}, '{"detail": "exists"}')]
    with pytest.raises(ConflictError, match="taken, perhaps by another account"):
        rig.run()
    assert rig.entry is None


def test_done_device_whose_board_lost_its_identity_stops_with_the_way_out(rig):
    rig.run()
    rig.board.body = None
    with pytest.raises(ConflictError, match="its password is neither on this board nor"):
        rig.run()
    assert rig.platform.made == 1


def test_device_deleted_on_the_platform_is_registered_anew(rig):
    rig.run()
    del rig.platform.devices[DEVICE_ID]
    rig.run()
    rig.assert_one_working_device()
    assert rig.platform.made == 2


def test_board_set_up_elsewhere_is_updated_without_its_secret(rig):
    rig.run()
    for path in rig.folder.iterdir():
        path.unlink()
    (rig.source / "firmware" / "agent.py").write_text("import asyncio\nVERSION = 3\n")
    rig.run()
    rig.assert_one_working_device()
    assert rig.platform.made == 1


def test_begun_device_refuses_another_board(rig):
    whole = Killer()
    Rig(rig.folder.parent / "whole").run(whole)
    with pytest.raises(Killed):
        rig.run(Killer(whole.places.index("after registered") + 2))
    assert rig.entry.state == "registered"
    other = FakeBoard(rig.platform)
    other.unique_id = "ffffffffffff"
    rig.board = other
    with pytest.raises(ConflictError, match=f"begun on another board \\({UNIQUE_ID}\\)"):
        rig.run(device_id=DEVICE_ID)
    assert other.files == {}
    assert other.body is None


def test_second_device_on_a_board_leaves_the_first_alone(rig):
    rig.run()
    rig.run(device_id="second")
    assert rig.board.body["device_id"] == "second"
    assert sorted(rig.platform.devices) == sorted([DEVICE_ID, "second"])
