import asyncio
import sys

from fakes.board import FakeBoard
from fakes.flash import Flash, cuts
from fakes.station import SECRET, Rig
from fakes.wlan import Ap
from firmware import addnetwork, identity

HEAP_KB = 2000


def names(networks):
    return [entry["ssid"] for entry in networks]


def test_a_new_network_that_works_is_kept_beside_the_old_ones_and_in_use():
    rig = Rig(Ap("home"), Ap("yard", SECRET))

    async def story():
        reason, took_ms = await rig.add("yard", priority=1)
        assert reason is None and took_ms < 10_000
        assert rig.wlan.ap.ssid == "yard" and rig.session.up.is_set()
        await rig.time.sleep_ms(60_000)
        assert rig.wlan.ap.ssid == "yard"  # what works is not left
        assert names(rig.wifi.networks) == ["home", "yard"]
        # From now on the other one is where it goes when this one is gone.
        rig.wlan.aps[1].state = "down"
        rig.wlan.look()
        rig.session.up.clear()
        assert await rig.back_at_home() < 20_000

    rig.run(story)
    kept = identity.load(rig.board)
    assert kept.wifi == [
        {"ssid": "home", "password": "password", "priority": 5},
        {"ssid": "yard", "password": SECRET, "priority": 1},
    ]
    assert (kept.device_id, kept.password, kept.ca, kept.generation) == ("d1", "p", b"hi", 8)
    # Both copies of the slot that was in use, and no other.
    with open("/flash/identity.1", "rb") as file:
        assert file.read() == rig.board.nvs.values["id1"]
    assert list(rig.board.nvs.values) == ["id1"]
    assert "firmware.slots" not in sys.modules and "firmware.identity" not in sys.modules


def test_one_that_does_not_work_is_left_for_the_old_one_and_changes_nothing():
    for trouble, expected in (
        (lambda ap: setattr(ap, "password", "another one"), "wrong_password ssid=yard"),
        (lambda ap: setattr(ap, "state", "down"), "no_ap_found ssid=yard"),
        (lambda ap: setattr(ap, "has_dhcp", False), "no_address ssid=yard"),
        (lambda ap: setattr(ap, "leads_somewhere", False), "no session within 90 s"),
    ):
        yard = Ap("yard", SECRET)
        trouble(yard)
        rig = Rig(Ap("home"), yard)

        async def story(rig=rig, expected=expected):
            reason, took_ms = await rig.add("yard")
            assert reason == expected and took_ms < 141_000, (reason, took_ms)
            assert await rig.back_at_home() < 30_000
            assert rig.wifi.networks == rig.networks

        rig.run(story)
        assert rig.flash.journal == [] and rig.board.nvs.values == rig.stored


def test_one_that_is_given_up_half_way_is_left_for_the_old_one():
    rig = Rig(Ap("home"), Ap("yard", SECRET))
    rig.wlan.aps[1].leads_somewhere = False

    async def story():
        for after_ms in (100, 700, 1500, 4000, 60_000):
            task = asyncio.create_task(addnetwork.add(rig, "yard", SECRET))
            await rig.time.sleep_ms(after_ms)
            task.cancel()
            assert await rig.back_at_home() < 30_000
            assert rig.wifi.networks == rig.networks

    rig.run(story)
    assert rig.flash.journal == [] and rig.board.nvs.values == rig.stored


def test_what_cannot_be_a_network_is_refused_without_leaving_the_link():
    rig = Rig(Ap("home"))
    hexadecimal = "0123456789abcdef" * 4

    async def story():
        for ssid, password, priority, key in (
            ("", SECRET, 0, "ssid"),
            ("x" * 33, SECRET, 0, "ssid"),
            (5, SECRET, 0, "ssid"),
            ("x", SECRET[:7], 0, "password"),
            ("x", SECRET * 4, 0, "password"),
            ("x", hexadecimal[:-1] + "g", 0, "password"),
            ("x", None, 0, "password"),
            ("x", SECRET, "1", "priority"),
            ("x", SECRET, True, "priority"),
            ("x", SECRET, 1001, "priority"),
        ):
            reason, took_ms = await rig.add(ssid, password, priority)
            assert reason.startswith(key + ": not a ") and not took_ms, reason
        rig.wifi.networks += [{"ssid": str(n), "password": "", "priority": 0} for n in range(7)]
        assert await rig.add("x") == ("8 networks are known already", 0)
        rig.wifi.networks[1]["ssid"] = "x" * 3900
        del rig.wifi.networks[3:]
        assert await rig.add("x") == ("no room for another network", 0)
        assert rig.session.up.is_set() and rig.wlan.ap.ssid == "home"

    rig.run(story)
    assert rig.wlan.tried == [("home", None)]


def test_the_limits_are_those_of_wpa():
    for password in ("", "12345678", "x" * 63, "0123456789abcdef" * 4):
        assert addnetwork._checked("x" * 32, password, -3)["password"] == password


def test_a_new_password_takes_the_place_of_the_old_one():
    rig = Rig(Ap("home", SECRET), Ap("home", bssid=b"\2\0\0\0\0\2"))
    rig.wlan.aps[0].state = "down"

    async def story():
        rig.wlan.aps[0].state, rig.wlan.aps[1].state = "up", "down"
        rig.wlan.look()
        reason, _ = await rig.add("home")
        assert reason is None

    rig.run(story)
    assert identity.load(rig.board).wifi == [{"ssid": "home", "password": SECRET, "priority": 0}]


def test_flash_that_refuses_leaves_the_old_list():
    rig = Rig(Ap("home"), Ap("yard", SECRET))

    async def story():
        rig.flash.fails = OSError(28)
        reason, _ = await rig.add("yard")
        assert "28" in reason and await rig.back_at_home() < 30_000

    rig.run(story)
    rig.flash.fails = None
    assert names(identity.load(rig.board).wifi) == ["home"]


def test_a_power_cut_at_any_moment_leaves_the_old_list_or_the_new_one():
    rig = Rig(Ap("home"), Ap("yard", SECRET))
    set_blob = rig.board.nvs.set_blob

    states = [rig.stored]

    def marked(key, value):
        set_blob(key, value)
        states.append(dict(rig.board.nvs.values))
        rig.flash.mark = len(states) - 1

    rig.board.nvs.set_blob = marked

    async def story():
        assert (await rig.add("yard"))[0] is None

    rig.run(story)
    seen = []
    for image, mark, number, tear in cuts(rig.image, rig.flash.journal):
        Flash(image=image).mount()
        after = FakeBoard("/flash/")
        after.nvs.values = states[mark]
        found = identity.load(after)
        assert names(found.wifi) in (["home"], ["home", "yard"]), (number, tear)
        assert found.device_id == "d1" and found.password == "p"
        seen.append(len(found.wifi))
    assert len(seen) > 10 and set(seen) == {1, 2} and seen == sorted(seen)
    rig.flash.mount()
