"""A sleeper's world: what wire() builds, wake after wake, on time that passes when none can go on.

Real are the agent, littlefs over a flash that can be cut, RTC memory and NVS as long as there is
power; the access point, the socket and the broker are those of the other fakes.
"""

import asyncio
import json
import struct
import time as real_time

from fakes.board import Nvs
from fakes.flaky_socket import RESET, UP, Cut, Net
from fakes.flash import Flash
from fakes.looptime import START_S, Killed, time  # first: firmware.clock keeps that time
from fakes.strict_broker import StrictBroker
from fakes.wlan import Ap, Wlan
from firmware import config, dns, keeping, transport, wiring

Y2000_S = 946684800
BROKER = "192.0.2.1"
worlds = []  # the one there is


async def _ask(_server, _port, request, parse, _timeout_ms):
    """A time server that tells the truth."""
    world = worlds[0]
    if world.has_time_server:
        await asyncio.sleep_ms(40)
        reply = bytearray(48)
        reply[0], reply[1] = 0x24, 2
        reply[24:32] = request[40:48]
        seconds = START_S + time.passed_ms // 1000 + 2208988800
        struct.pack_into("!I", reply, 40, seconds & 0xFFFFFFFF)
        world.syncs += 1
        return parse(bytes(reply), request)
    await asyncio.sleep_ms(1600)
    raise OSError(110)


dns.ask = _ask


class Broker(StrictBroker):
    late_ms = 0  # how much later than its acknowledgements it sends messages, and answers pings

    def send(self, data):
        usual_ms = self.latency_ms
        if data[0] >> 4 in (3, 13):
            self.latency_ms += self.late_ms
        super().send(data)
        self.latency_ms = usual_ms

    def feed(self, sock, data):
        if not self._time.is_dead:
            super().feed(sock, data)

    def keep(self, message):
        """Have a message for a device that sleeps."""
        self._open.append((self._next_id, message))
        self._next_id += 1

    def _push(self, message):
        if message:
            super()._push(message)

    def _complain(self, about):
        # A sleeper forgets its window: what was not acknowledged comes again as new.
        if about != "again, but not marked as such":
            super()._complain(about)


class CutFlash(Flash):
    """It stops the chip after so many changes, with the last one done in part."""

    left = None
    tear = 4
    loses_power = True

    def _change(self, at, data):
        if self.left is not None and not time.is_dead:
            if self.left == 0:
                part = len(data) * self.tear // 4
                super()._change(at, data[:part])
                worlds[0].kill(self.loses_power)
                return
            self.left -= 1
        super()._change(at, data)


class _Nvs(Nvs):
    def set_i32(self, key, value):
        if not time.is_dead:
            super().set_i32(key, value)


class Board:
    model, root, has_own_time = "fake", "/flash/", False

    def __init__(self, world):
        self.world = world
        self.nvs = world.nvs
        self.wlan = Wlan(time, world.ap)

    def unique_id(self):
        return b"abcdef"

    def watchdog(self, _limit_ms):
        return lambda: None

    def reset_cause(self):
        return self.world.cause

    def rtc_memory(self):
        return self.world.memory

    def set_rtc_memory(self, data):
        if not time.is_dead:
            if len(data) > 2048:
                raise ValueError("buffer too long")
            self.world.memory = bytes(data)

    def set_rtc(self, when):
        year, month, day, weekday, hour, minute, second, _ = when
        set_s = int(real_time.mktime((year, month, day, hour, minute, second, weekday, 0, 0)))
        time.rtc_off_s += set_s - time.time()

    def chip_temperature_c(self):
        return 20


class Identity:
    device_id = client_id = username = "d1"
    password = "secret"
    ca = b""
    wifi = ({"ssid": "lab", "password": "password", "priority": 0},)


class _Keeper(keeping.Keeper):
    def append(self, record):
        seq = super().append(record)
        if not time.is_dead:
            worlds[0].taken.append((self.boot, seq))
        return seq


class World:
    """One device and its broker. A test reads what is public here."""

    def __init__(self, **settings):
        worlds[:] = [self]
        self.settings = {
            "mqtt_host": BROKER,
            "interval_s": 60,
            "sensors": [{"kind": "simulated"}],
            "telemetry_sequence": True,
            "connect_every": 5,
            "log_level": "D",
            "ntp_hosts": ["192.0.2.2"],
            "commands_topic": "",
            "config_topic": "",
        }
        self.settings.update(settings)
        self.flash = CutFlash(64).format()
        self.flash.mount()
        with open("/flash/config.json", "w") as file:
            json.dump(self.settings, file)
        self.nvs = _Nvs()
        self.ap = Ap("lab")
        self.broker = Broker(time, greets=None)
        self.net = Net(time, self.broker)
        self.has_time_server = True
        self.syncs = 0
        self.lines = []
        self.taken = []
        self.kills = 0
        self.slept_ms = None
        self.awake_ms = []
        self.change = None  # called with the agent before it runs
        self.killed = None  # called with whether power is lost, when the chip is stopped
        self.power_on()

    def power_on(self):
        self.memory = b""
        self.cause = "power"
        time.rtc_off_s = Y2000_S - START_S - time.passed_ms // 1000

    def kill(self, loses_power=True):
        """Stop the chip: from now on nothing it does lasts."""
        if not time.is_dead:
            time.is_dead = True
            self.kills += 1
            if self.killed:
                self.killed(loses_power)
            self._image = bytes(self.flash.data)
            self._loses_power = loses_power

    def broker_down(self):
        self.net.cuts = [Cut(UP, 1, RESET) for _ in range(9)]

    def broker_up(self):
        self.net.cuts = []

    def wake(self):
        """Live through one wake and the sleep after it; return whether it was not stopped."""
        time.is_dead = False
        self.flash.mount()
        wiring_keeper, keeping.Keeper = keeping.Keeper, _Keeper
        transport.socket = self.net
        time.boot_ms = started_ms = time.passed_ms
        time.limit_ms = started_ms + 700_000
        time.passed_ms += 300  # importing
        try:
            settings = config.checked(self.settings)
            settings.place = "/flash/", "config.json"
            agent = wiring.wire(Board(self), settings, Identity, self.lines.append)
            self.agent = agent
            if self.change:
                self.change(agent)
            self.slept_ms = time.run(agent.run())
            agent.store.flush("reset")
        except Killed:
            self._died()
            return False
        finally:
            keeping.Keeper = wiring_keeper
            for sock in self.net.socks:
                if not sock.is_closed:
                    self.broker.lost(sock)
            self.net.socks.clear()
            self.awake_ms.append(time.passed_ms - started_ms)
        if time.is_dead:  # in what it did last
            self._died()
            return False
        self.cause = "sleep" if self.slept_ms else "hard"
        time.passed_ms += self.slept_ms
        return True

    def _died(self):
        self.flash.data[:] = self._image
        self.flash.left = None
        self.cause = "watchdog"
        if self._loses_power:
            self.power_on()

    def wakes(self, count):
        for _ in range(count):
            assert self.wake()

    def drain(self):
        """Live on until all is delivered; return what of the readings taken never came."""
        for _ in range(140):
            self.wakes(1)
            delivery = self.agent.delivery
            if delivery and delivery.is_done and not self.agent.store.front.count:
                break
        came = set(self.telemetry())
        return [one for one in self.taken if one not in came]

    def repeats(self):
        came = self.telemetry()
        return len(came) - len(set(came))

    # What the platform got.

    def messages(self):
        return [json.loads(text) for text in self.broker.received]

    def telemetry(self):
        """Return (boot, seq) of the readings in the order they came."""
        return [(one["boot"], one["seq"]) for one in self.messages() if "seq" in one]

    def events(self, kind):
        return [one["metadata"] for one in self.messages() if one.get("event_type") == kind]

    def attributes(self):
        return [one for one in self.messages() if "firmware_version" in one]

    def said(self, event):
        return [line for line in self.lines if event in line]
