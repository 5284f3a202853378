import asyncio
import sys

from fakes.clock import FakeClock
from fakes.log import Lines
from fakes.wlan import Wlan
from firmware.wifi import Wifi


def made():
    clock = FakeClock()
    return Wifi(Wlan(clock), [], clock, Lines().log("wifi"), None)


async def test_a_name_is_looked_up_by_what_is_in_memory_only_then():
    wifi = made()
    wifi.servers = ["192.0.2.1"]
    assert await wifi.resolve("10.1.2.3") == "10.1.2.3"
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
        assert await wifi.resolve("broker.example") == "10.9.8.7"
    assert asked == ["192.0.2.1"] * 2
    assert sys.modules["firmware.dns"] is dns  # somebody else's: it stays


async def test_two_look_ups_at_a_time_share_what_they_need():
    wifi = made()
    found = await asyncio.gather(wifi.resolve("localhost"), wifi.resolve("10.1.2.3"))
    assert found == ["127.0.0.1", "10.1.2.3"] and "firmware.dns" not in sys.modules
    assert await wifi.resolve("localhost") == "127.0.0.1"


async def test_the_servers_that_are_configured_come_before_the_networks_own():
    wifi = made()
    wifi.wlan.address = ("10.0.0.2", "255.0.0.0", "10.0.0.3", "10.0.0.1")
    assert wifi.dns_servers() == ["10.0.0.1"]
    wifi.servers = ["192.0.2.1"]
    assert wifi.dns_servers() == ["192.0.2.1"]
