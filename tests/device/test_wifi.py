import asyncio
import sys

from fakes.clock import FakeClock
from fakes.log import Lines
from fakes.wlan import Ap, Wlan
from firmware.backoff import Backoff
from firmware.wifi import Wifi


class Rig:
    def __init__(self, aps, *networks):
        """networks are (SSID, password, priority)."""
        self.lines = Lines()
        self.clock = FakeClock()
        self.wlan = Wlan(self.clock, *aps)
        entries = [
            {"ssid": ssid, "password": password, "priority": priority}
            for ssid, password, priority in networks
        ]
        backoff = Backoff(500, 8000, lambda limit: limit - 1)
        self.wifi = Wifi(self.wlan, entries, self.clock, self.lines.log("wifi"), backoff)

    def start(self):
        return asyncio.create_task(self.wifi.run())

    async def until(self, is_so):
        for _ in range(20_000):
            if is_so():
                return
            await asyncio.sleep_ms(0)
        raise AssertionError(self.lines)

    async def linked(self):
        await self.until(self.wifi.up.is_set)

    async def down(self):
        await self.until(lambda: not self.wifi.up.is_set())


HOME = ("home", "password", 0)


async def test_a_known_network_is_joined_and_told():
    rig = Rig([Ap("home")], HOME)
    task = rig.start()
    await rig.linked()
    assert rig.wifi.rssi_dbm() == -61 and rig.wifi.dns_servers() == ["10.0.0.1"]
    assert rig.lines == ["0 I wifi link_up rssi_dbm=-61"]
    task.cancel()


async def test_the_reason_of_a_failure_is_named_and_the_delay_grows():
    ap = Ap("home")
    for change, reason in (
        (lambda: setattr(ap, "password", "another"), "wrong_password"),
        (lambda: setattr(ap, "state", "down"), "no_ap_found"),
        (lambda: setattr(ap, "state", 203), "assoc_failed"),
        (lambda: setattr(ap, "state", 204), "handshake"),
        (lambda: setattr(ap, "state", 39), "reason_39"),
        (lambda: setattr(ap, "password", ""), "security"),
        (lambda: setattr(ap, "has_dhcp", False), "no_address"),
    ):
        ap.__init__("home")
        change()
        rig = Rig([ap], HOME)
        task = rig.start()
        await rig.until(lambda rig=rig: len(rig.lines) >= 4)
        task.cancel()
        told = [line for line in rig.lines if "radio_reset" not in line]
        assert told[0] == "0 W wifi join_failed why=%s ssid=home" % reason, told
        waits_ms = [ms for ms in rig.clock.naps_ms if ms not in (100, 300)]
        assert waits_ms[:3] == [500, 1000, 2000]
        assert not rig.wifi.up.is_set() and rig.wlan.faults == []


async def test_a_lost_link_is_told_and_joined_again():
    rig = Rig([Ap("home")], HOME)
    task = rig.start()
    await rig.linked()
    rig.wlan.drop()
    await rig.down()
    await rig.linked()
    assert [line.split(" ", 3)[3] for line in rig.lines] == [
        "link_up rssi_dbm=-61",
        "link_down why=lost",
        "link_up rssi_dbm=-61",
    ]
    task.cancel()


async def test_a_link_that_goes_at_once_is_not_sought_ever_faster():
    rig = Rig([Ap("home")], HOME)
    rig.wifi.in_use = asyncio.Event()
    task = rig.start()
    for _ in range(5):
        await rig.linked()
        rig.wlan.drop()
        await rig.down()
    waits_ms = [ms for ms in rig.clock.naps_ms if ms > 500]
    assert waits_ms == [1000, 2000, 4000, 8000]
    rig.wifi.in_use.set()
    await rig.linked()
    await rig.until(lambda: rig.clock.naps_ms[-2:] == [500, 500])
    rig.wlan.drop()
    rig.clock.naps_ms.clear()
    await rig.down()
    await rig.linked()
    assert max(rig.clock.naps_ms) == 500
    task.cancel()


async def test_a_driver_that_complains_is_not_the_end():
    for complaint in (OSError("Wifi Internal Error"), RuntimeError("Wifi Unknown Error 0x0101")):
        rig = Rig([Ap("home")], HOME)
        rig.wlan.complaints.append(complaint)
        task = rig.start()
        await rig.linked()
        assert rig.lines[0] == "0 W wifi join_failed why=%s" % complaint
        task.cancel()


async def test_a_wired_machine_is_up_when_its_link_is():
    rig = Rig([])
    rig.wlan._is_connected = True
    task = rig.start()
    await rig.linked()
    assert rig.wifi.rssi_dbm() is None and rig.wlan.tried == []
    task.cancel()


async def test_an_address_that_has_run_out_is_noticed_when_the_session_is_gone():
    rig = Rig([Ap("home")], HOME)
    rig.wifi.in_use = asyncio.Event()
    rig.wifi.in_use.set()
    task = rig.start()
    await rig.linked()
    rig.wlan.lose_address()
    assert rig.wlan.isconnected()
    rig.wifi.in_use.clear()
    lost_ms = rig.clock.now
    await rig.down()
    assert rig.clock.now - lost_ms <= 1000
    await rig.linked()
    assert rig.wlan.ifconfig()[0] == "10.0.0.2"
    assert rig.lines[1] == "0 W wifi link_down why=left"
    task.cancel()


async def test_the_signal_is_smoothed_in_whole_numbers_and_comes_to_what_it_is():
    rig = Rig([Ap("home", rssi=-60)], HOME)
    task = rig.start()
    await rig.linked()
    assert rig.wifi.rssi_dbm() == -60
    rig.wlan.aps[0].rssi = -80
    told = [rig.wifi.rssi_dbm() for _ in range(60)]
    assert told[0] == -63 and all(now <= last for last, now in zip(told, told[1:]))
    assert told[-1] == -80
    rig.wlan.aps[0].rssi = -50
    assert [rig.wifi.rssi_dbm() for _ in range(60)][-1] == -50
    rig.wlan.drop()
    await rig.down()
    rig.wlan.aps[0].rssi = -90
    await rig.linked()
    assert rig.wifi.rssi_dbm() == -90  # a new link begins anew
    rig.wlan.drop()
    assert rig.wifi.rssi_dbm() is None
    task.cancel()


async def test_it_says_that_it_goes_on_before_it_said_it_would():
    # A network that is there now and then, and two that give no addresses, on a chip that stands
    # still as long as it may.
    ap = Ap("home")
    aps = [ap, Ap("other"), Ap("third")]
    aps[1].has_dhcp = aps[2].has_dhcp = False
    rig = Rig(aps, HOME, ("other", "password", 3), ("third", "password", 3))
    rig.wifi.backoff = Backoff(500, 60_000, lambda limit: limit - 1)
    rig.wlan.active_ms = 3000
    clock = rig.clock
    said = [0, 20_000]
    slept = clock.sleep_ms

    def alive(name, within_ms):
        assert name == "wifi" and clock.now <= said[0] + said[1], (clock.now, said)
        said[:] = [clock.now, within_ms]

    async def sleep_ms(ms):
        ap.state = "up" if clock.now % 900_000 < 60_000 else "down"
        rig.wlan.look()
        clock.naps_ms.clear()
        await slept(ms)

    clock.alive, clock.sleep_ms = alive, sleep_ms
    task = rig.start()
    await rig.until(lambda: clock.now > 3_000_000)
    assert len(rig.lines.having("link_up")) >= 3 and rig.lines.having("radio_reset")
    task.cancel()


async def test_a_session_makes_sense_with_a_link_and_a_time_only():
    rig = Rig([])
    rig.clock.settled = asyncio.Event()
    task = asyncio.create_task(rig.wifi.online())
    for event in (rig.wifi.up, rig.clock.settled):
        await asyncio.sleep_ms(5)
        assert not task.done()
        event.set()
    await asyncio.wait_for_ms(task, 1000)


async def test_what_joins_is_in_memory_only_then_and_no_memory_for_it_is_a_failure_like_others():
    rig = Rig([Ap("home")], HOME)

    class Joining:
        @staticmethod
        async def join(wifi):
            raise MemoryError

    import firmware

    sys.modules["firmware.joining"] = firmware.joining = Joining
    task = rig.start()
    await rig.linked()
    task.cancel()
    assert rig.lines[0].startswith("0 W wifi join_failed why=")
    assert len(rig.lines) == 2 and rig.lines[1].endswith("I wifi link_up rssi_dbm=-61")
    assert "firmware.joining" not in sys.modules
