import asyncio
import sys

from fakes.clock import FakeClock
from fakes.log import Lines
from fakes.wlan import Wlan
from firmware.backoff import Backoff
from firmware.wifi import Wifi


class Rig:
    def __init__(self, known, *networks):
        self.lines = Lines()
        self.clock = FakeClock()
        self.wlan = Wlan(known)
        entries = [
            {"ssid": ssid, "password": password, "priority": priority}
            for ssid, password, priority in networks
        ]
        backoff = Backoff(500, 8000, lambda limit: limit - 1)
        self.wifi = Wifi(self.wlan, entries, self.clock, self.lines.log("wifi"), backoff)

    async def waits_ms(self, count):
        """Run until it has waited count times between attempts; return how long."""
        task = asyncio.create_task(self.wifi.run())
        waits_ms = []
        for _ in range(2000):
            await asyncio.sleep_ms(0)
            waits_ms += [ms for ms in self.clock.naps_ms if ms != 100]
            self.clock.naps_ms.clear()
            if len(waits_ms) >= count:
                break
        task.cancel()
        return waits_ms[:count]


async def test_a_known_network_is_joined_and_told():
    rig = Rig({"home": "pw"}, ("home", "pw", 0))
    task = asyncio.create_task(rig.wifi.run())
    await asyncio.wait_for_ms(rig.wifi.up.wait(), 1000)
    assert rig.wifi.rssi_dbm() == -61 and rig.wifi.dns_servers() == ["10.0.0.1"]
    assert rig.lines == ["0 I wifi link_up rssi_dbm=-61"]
    task.cancel()


async def test_the_reason_of_a_failure_is_named_and_the_delay_grows():
    for known, reason in (
        ({"home": "other"}, "wrong_password"),
        ({}, "no_ap_found"),
        ({"home": 203}, "assoc_failed"),
        ({"home": 204}, "handshake"),
        ({"home": 1001}, "timeout"),
    ):
        rig = Rig(known, ("home", "pw", 0))
        assert await rig.waits_ms(4) == [500, 1000, 2000, 4000]
        assert rig.lines[0] == "0 W wifi join_failed why=%s ssid=home" % reason
        assert not rig.wifi.up.is_set()


async def test_networks_are_tried_by_priority():
    rig = Rig({"b": "pw"}, ("a", "pw", 1), ("b", "pw", 5), ("c", "pw", 9))
    task = asyncio.create_task(rig.wifi.run())
    await asyncio.wait_for_ms(rig.wifi.up.wait(), 1000)
    assert rig.wlan.tried == ["c", "b"]
    task.cancel()


async def test_a_lost_link_is_told_and_joined_again():
    rig = Rig({"home": "pw"}, ("home", "pw", 0))
    task = asyncio.create_task(rig.wifi.run())
    await asyncio.wait_for_ms(rig.wifi.up.wait(), 1000)
    rig.wlan.is_joined = False
    while rig.wifi.up.is_set():
        await asyncio.sleep_ms(0)
    await asyncio.wait_for_ms(rig.wifi.up.wait(), 1000)
    assert [line.split()[3] for line in rig.lines] == ["link_up", "link_down", "link_up"]
    task.cancel()


async def test_a_driver_that_complains_is_not_the_end():
    rig = Rig({"home": "pw"}, ("home", "pw", 0))
    connect = rig.wlan.connect
    errors = [OSError("Wifi Internal Error")]

    def grumpy(ssid, password):
        if errors:
            raise errors.pop()
        connect(ssid, password)

    rig.wlan.connect = grumpy
    task = asyncio.create_task(rig.wifi.run())
    await asyncio.wait_for_ms(rig.wifi.up.wait(), 1000)
    assert rig.lines[0] == "0 W wifi join_failed why=Wifi Internal Error"
    task.cancel()


async def test_a_wired_machine_is_up_when_its_link_is():
    rig = Rig({})
    rig.wlan.is_joined = True
    task = asyncio.create_task(rig.wifi.run())
    await asyncio.wait_for_ms(rig.wifi.up.wait(), 1000)
    assert rig.wifi.rssi_dbm() is None and rig.wlan.tried == []
    task.cancel()


async def test_a_reason_that_is_known_is_told_at_once_and_the_next_network_is_tried():
    rig = Rig({"home": "other"}, ("home", "pw", 0))
    task = asyncio.create_task(rig.wifi.run())
    while not rig.lines:
        await asyncio.sleep_ms(0)
    assert rig.clock.now <= 1000
    task.cancel()


async def test_a_driver_that_is_already_joining_something_is_stopped_first():
    rig = Rig({"home": "pw"}, ("home", "pw", 0))
    rig.wlan.is_on = rig.wlan.is_connecting = True
    task = asyncio.create_task(rig.wifi.run())
    await asyncio.wait_for_ms(rig.wifi.up.wait(), 1000)
    assert not rig.lines.having("join_failed")
    task.cancel()


async def test_a_name_is_looked_up_by_what_is_in_memory_only_then():
    rig = Rig({})
    rig.wifi.servers = ["192.0.2.1"]
    assert await rig.wifi.resolve("10.1.2.3") == "10.1.2.3"
    assert "firmware.dns" not in sys.modules
    from firmware import dns

    asked = []

    async def ask(server, _port, _request, _parse, _timeout_ms):
        asked.append(server)
        if len(asked) > 1:
            raise OSError(110)
        return "10.9.8.7"

    dns.ask = ask
    # The second time no server answers: the last good address serves.
    for _ in range(2):
        assert await rig.wifi.resolve("broker.example") == "10.9.8.7"
    assert asked == ["192.0.2.1"] * 2
    assert sys.modules["firmware.dns"] is dns  # somebody else's: it stays


async def test_two_look_ups_at_a_time_share_what_they_need():
    rig = Rig({})
    found = await asyncio.gather(rig.wifi.resolve("localhost"), rig.wifi.resolve("10.1.2.3"))
    assert found == ["127.0.0.1", "10.1.2.3"] and "firmware.dns" not in sys.modules
    assert await rig.wifi.resolve("localhost") == "127.0.0.1"


async def test_the_servers_that_are_configured_come_before_the_networks_own():
    rig = Rig({})
    assert rig.wifi.dns_servers() == ["10.0.0.1"]
    rig.wifi.servers = ["192.0.2.1"]
    assert rig.wifi.dns_servers() == ["192.0.2.1"]


async def test_a_session_makes_sense_with_a_link_and_a_time_only():
    rig = Rig({})
    rig.clock.settled = asyncio.Event()
    task = asyncio.create_task(rig.wifi.online())
    for event in (rig.wifi.up, rig.clock.settled):
        await asyncio.sleep_ms(5)
        assert not task.done()
        event.set()
    await asyncio.wait_for_ms(task, 1000)


async def test_what_joins_is_in_memory_only_then_and_no_memory_for_it_is_a_failure_like_others():
    rig = Rig({"home": "pw"}, ("home", "pw", 0))

    class Joining:
        @staticmethod
        async def join_any(wlan, networks, clock):
            raise MemoryError

    import firmware

    sys.modules["firmware.joining"] = firmware.joining = Joining
    task = asyncio.create_task(rig.wifi.run())
    await asyncio.wait_for_ms(rig.wifi.up.wait(), 1000)
    task.cancel()
    assert rig.lines[0].startswith("0 W wifi join_failed why=")
    assert len(rig.lines) == 2 and rig.lines[1].endswith("I wifi link_up rssi_dbm=-61")
    assert "firmware.joining" not in sys.modules
