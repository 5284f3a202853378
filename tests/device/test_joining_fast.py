from fakes.clock import FakeClock
from fakes.log import Lines
from fakes.wlan import Ap, Wlan
from firmware import fastjoin, joining
from firmware.backoff import Backoff
from firmware.wifi import Wifi

LIMIT_MS = 4_000
A, B = b"\2\0\0\0\0\xa0", b"\2\0\0\0\0\xb0"
NETWORKS = [
    {"ssid": "home", "password": "password", "priority": 1},
    {"ssid": "yard", "password": "password", "priority": 0},
]


class Board:
    """A chip that wakes up: nothing of the last time is there but what is handed over."""

    def __init__(self, aps, now=0):
        self.clock = FakeClock(now)
        self.wlan = Wlan(self.clock, *aps)
        backoff = Backoff(500, 8000, lambda limit: limit - 1)
        log = Lines().log("wifi")
        self.wifi = Wifi(self.wlan, list(NETWORKS), self.clock, log, backoff)

    async def joined(self, hint=None):
        """Return how long it took to join."""
        self.wifi.fast = hint
        started_ms = self.clock.now
        await joining.join(self.wifi)
        self.wifi.up.set()
        return self.clock.now - started_ms


async def hint_of(aps):
    board = Board(aps)
    await board.joined()
    return fastjoin.hint(board.wifi)


async def test_a_hint_brings_the_same_link_back_without_scan_and_dhcp():
    aps = [Ap("home", bssid=A, rssi=-80, channel=1), Ap("home", bssid=B, rssi=-50, channel=9)]
    hint = await hint_of(aps)
    assert len(hint) <= 40
    aps[0].has_dhcp = aps[1].has_dhcp = False
    board = Board(aps, 600_000)
    assert await board.joined(hint) < 1000
    assert board.wlan.scans == 0 and board.wlan.tried == [("home", B)]
    assert board.wlan.ifconfig() == ("10.0.0.2", "255.0.0.0", "10.0.0.1", "10.0.0.1")
    # The next hint is as old as the address is.
    assert fastjoin.hint(board.wifi) == hint


async def test_a_hint_that_does_not_help_costs_its_limit_at_most_and_is_dropped():
    aps = [Ap("home", bssid=A), Ap("yard", bssid=B)]
    hint = await hint_of(aps)
    for trouble in ("down", 203, 39):
        aps[0].state = trouble
        board = Board(aps, 600_000)
        took_ms = await board.joined(hint)
        aps[0].state = "up"
        assert board.wlan.ap.ssid == "yard" and board.wlan.ifconfig()[0] == "10.0.0.2"
        assert not board.wlan.is_static and board.wlan.faults == []
        assert took_ms <= LIMIT_MS + 9000
        assert fastjoin.hint(board.wifi) not in (b"", hint)


async def test_an_attempt_that_never_ends_is_given_up_in_time():
    aps = [Ap("home", bssid=A)]
    hint = await hint_of(aps)
    board = Board(aps, 600_000)
    board.wlan._found = lambda: (203, 10_000_000)
    started_ms = board.clock.now
    found = await fastjoin.join(board.wifi, hint, attempt_on(board))
    assert not found and board.clock.now - started_ms <= LIMIT_MS + 500


def attempt_on(board):
    board.wlan.active(True)
    board.wlan.config(reconnects=0)
    return joining._attempt


async def test_a_hint_that_is_damaged_too_old_or_of_another_network_is_not_tried():
    aps = [Ap("home", bssid=A)]
    hint = await hint_of(aps)
    damaged = bytearray(hint)
    damaged[17] ^= 1  # another address
    for bad in (b"x", hint[:-1], hint + b"x", bytes(damaged)):
        board = Board(aps, 600_000)
        await board.joined(bad)
        assert board.wlan.scans == 1 and not board.wlan.is_static
    board = Board(aps, 3_700_000)
    await board.joined(hint)
    assert board.wlan.scans == 1 and not board.wlan.is_static
    board = Board([Ap("yard")], 600_000)
    board.wifi.networks = NETWORKS[1:]
    await board.joined(hint)
    assert board.wlan.tried == [("yard", None)]


async def test_an_address_of_ones_own_never_grows_old():
    static = ("192.168.1.7", "255.255.255.0", "192.168.1.1", "9.9.9.9")
    aps = [Ap("home", bssid=A)]
    hint = await hint_of(aps)
    board = Board(aps, 900_000_000)
    board.wifi.settings = (None, static)
    assert await board.joined(hint) < 1000
    assert board.wlan.ifconfig() == static and board.wlan.scans == 0


async def test_a_link_that_led_nowhere_is_not_sought_by_its_hint_again():
    aps = [Ap("home", bssid=A)]
    hint = await hint_of(aps)
    board = Board(aps, 600_000)
    await board.joined(hint)
    assert board.wlan.is_static
    await joining.join(board.wifi)
    assert not board.wlan.is_static and fastjoin.hint(board.wifi) != hint


async def test_without_a_link_there_is_nothing_to_keep():
    board = Board([Ap("home")])
    assert fastjoin.hint(board.wifi) == b""
