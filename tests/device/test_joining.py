import asyncio

from test_wifi import Rig as Joined

from fakes.wlan import Ap
from firmware import joining

A, B, C = b"\2\0\0\0\0\xa0", b"\2\0\0\0\0\xb0", b"\2\0\0\0\0\xc0"
_TEN_MINUTES_MS = 600_000


class Rig(Joined):
    async def round(self):
        """Try to join once; return what kept it from that, None if it worked."""
        try:
            await joining.join(self.wifi)
        except (OSError, RuntimeError) as exc:
            return str(exc)
        return None


async def test_one_network_without_trouble_is_joined_without_a_scan():
    rig = Rig([Ap("home")], ("home", "password", 0))
    assert await rig.round() is None
    assert rig.wlan.scans == 0 and rig.wlan.tried == [("home", None)]
    assert rig.clock.now < 2000 and rig.wlan.settings["reconnects"] == 0


async def test_networks_are_tried_by_priority_then_by_signal_and_unseen_ones_last():
    aps = [
        Ap("a", "-another-", A, -40),
        Ap("b", "-another-", B, -70),
        Ap("c", "-another-", C, -50),
        Ap("hidden"),
    ]
    aps[3].is_hidden = True
    rig = Rig(
        aps,
        ("hidden", "password", 9),
        ("gone", "password", 5),
        ("b", "password", 1),
        ("a", "password", 0),
        ("c", "password", 1),
    )
    assert await rig.round() is None
    assert rig.wlan.tried == [("c", C), ("b", B), ("a", A), ("hidden", None)]
    assert rig.wlan.scans == 1


async def test_the_strongest_access_point_of_a_network_is_chosen_and_then_the_next():
    aps = [Ap("home", "password", A, -80, 1), Ap("home", "password", B, -50, 11)]
    aps.append(Ap("home", "password", C, -90, 3))
    rig = Rig(aps, ("home", "password", 0), ("x", "password", 0))
    assert await rig.round() is None
    assert rig.wlan.ap.bssid == rig.wifi.bssid == B
    aps[1].state = 203
    rig.wlan.look()
    assert await rig.round() is None
    # One that has led nowhere yet is not the first: the round goes on behind it.
    assert rig.wlan.ap.bssid == rig.wifi.bssid == A


async def test_strong_access_points_that_have_taken_the_name_do_not_keep_it_out():
    aps = [Ap("home", "-another-", bytes([2, 0, 0, 0, 0, n]), -30 - n) for n in range(5)]
    aps.append(Ap("home", bssid=C, rssi=-90))
    rig = Rig(aps, ("home", "password", 1), ("other", "password", 0))
    assert await rig.round() is None
    assert [bssid for _, bssid in rig.wlan.tried] == [ap.bssid for ap in aps]


async def test_a_network_with_a_password_is_not_joined_without_one():
    rig = Rig([Ap("home", "", A, -30), Ap("home", "password", B, -80)], ("home", "password", 0))
    rig.wifi.rounds = 1
    assert await rig.round() is None
    assert rig.wlan.tried == [("home", B)]
    rig = Rig([Ap("home", "")], ("home", "password", 0))
    assert await rig.round() == "security ssid=home"
    rig = Rig([Ap("guests", "")], ("guests", "", 0))
    assert await rig.round() is None


async def test_a_scan_that_fails_costs_the_order_and_no_more():
    for failure in (OSError("Wifi Internal State Error"), RuntimeError("0x0101"), []):
        rig = Rig([Ap("a"), Ap("b")], ("b", "password", 0), ("a", "password", 1))
        rig.wlan.scan_fails = failure
        assert await rig.round() is None
        assert rig.wlan.tried == [("a", None)]


async def test_the_reason_of_the_last_attempt_is_not_taken_for_this_ones():
    # The driver goes on telling that nothing was found while it joins the next network.
    rig = Rig([Ap("there")], ("gone", "password", 1), ("there", "password", 0))
    rig.wlan.scan_fails = []
    assert await rig.round() is None
    assert rig.wlan.tried == [("gone", None), ("there", None)]
    # And when it is true again, that takes a few seconds, not the whole time of an attempt.
    rig = Rig([], ("gone", "password", 0), ("too", "password", 0))
    started_ms = rig.clock.now
    assert await rig.round() == "no_ap_found ssid=too"
    assert rig.clock.now - started_ms < 14_000


async def test_a_driver_that_a_soft_reset_left_at_work_is_stopped_first():
    rig = Rig([Ap("home"), Ap("old")], ("home", "password", 0))
    for left in ("old", "gone", "home"):
        wlan = rig.wlan
        wlan.active(True)
        wlan.settings["reconnects"] = -1
        wlan.connect(left, "password")
        rig.clock.now += 400
        assert await rig.round() is None
        assert wlan.ap.ssid == "home" and wlan.faults == []
        wlan.disconnect()
        rig.clock.now += 1000


async def test_the_radio_is_switched_off_and_on_after_three_rounds_and_not_often():
    rig = Rig([], ("home", "password", 0))
    ends_ms = 3_600_000
    task = asyncio.create_task(rig.wifi.run())
    while rig.clock.now < ends_ms:
        rig.clock.naps_ms.clear()
        await asyncio.sleep_ms(0)
    task.cancel()
    switched_ms = rig.wlan.radio_ms
    assert len(rig.lines.having("join_failed")) > 4 * len(switched_ms)
    assert switched_ms[0] < 60_000 and 10 <= len(switched_ms) <= 12
    for last, now in zip(switched_ms, switched_ms[1:]):
        assert 300_000 <= now - last < 340_000
    assert rig.lines.having("radio_reset")[0] == "0 W wifi radio_reset rounds=3"


async def test_a_network_that_leads_nowhere_is_left_for_the_next_after_ten_minutes():
    rig = Rig(
        [Ap("a", rssi=-30), Ap("b", rssi=-60), Ap("c", rssi=-90)],
        ("a", "password", 0), ("b", "password", 0), ("c", "password", 0),
    )  # fmt: skip
    wifi = rig.wifi
    wifi.in_use = asyncio.Event()
    task = asyncio.create_task(wifi.run())
    for ssid in ("a", "b", "c", "a"):
        while not (wifi.up.is_set() and rig.wlan.ap and rig.wlan.ap.ssid == ssid):
            rig.clock.naps_ms.clear()
            await asyncio.sleep_ms(0)
        since_ms = rig.clock.now
        while wifi.up.is_set() and rig.clock.now - since_ms < _TEN_MINUTES_MS + 5000:
            rig.clock.naps_ms.clear()
            await asyncio.sleep_ms(0)
        stayed_ms = rig.clock.now - since_ms
        # The clock stands at the end of the wait before the next attempt.
        assert _TEN_MINUTES_MS - 1000 <= stayed_ms <= _TEN_MINUTES_MS + 4500, (ssid, stayed_ms)
    # With a session it stays, and the preferred one is the first again.
    wifi.in_use.set()
    for _ in range(5000):
        rig.clock.naps_ms.clear()
        await asyncio.sleep_ms(0)
    assert wifi.up.is_set() and wifi.place == wifi.rounds == 0
    task.cancel()


async def test_the_settings_are_made_before_it_joins_and_after_each_reset_of_the_radio():
    rig = Rig([Ap("home")], ("home", "password", 0))
    static = ("192.168.1.7", "255.255.255.0", "192.168.1.1", "9.9.9.9")
    rig.wifi.settings = (0, static)
    rig.wlan.aps[0].has_dhcp = False
    assert await rig.round() is None
    assert rig.wlan.settings["pm"] == 0 and rig.wlan.ifconfig() == static
    rig.wlan.settings.pop("pm")
    rig.wifi.rounds = 3
    assert await rig.round() is None
    assert rig.wlan.radio_ms and rig.wlan.settings["pm"] == 0


async def test_an_address_that_an_earlier_program_had_set_is_not_kept():
    rig = Rig([Ap("home")], ("home", "password", 0))
    rig.wlan.ifconfig(("192.168.1.7", "255.255.255.0", "192.168.1.1", "9.9.9.9"))
    assert await rig.round() is None
    assert rig.wlan.ifconfig()[0] == "10.0.0.2" and "pm" not in rig.wlan.settings
