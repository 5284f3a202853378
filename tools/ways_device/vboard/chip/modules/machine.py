"""The ESP32 port's module machine, as far as the virtual board has the hardware."""

import time

import umachine as _native
from _chip import clock, host, params, timers, wires

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
SLEEP, DEEPSLEEP = 2, 4
PIN_WAKE, EXT0_WAKE, EXT1_WAKE, TIMER_WAKE, TOUCHPAD_WAKE, ULP_WAKE = 2, 2, 3, 4, 5, 6

SoftI2C = wires.SoftI2C
mem8, mem16, mem32 = _native.mem8, _native.mem16, _native.mem32

_frequency_hz = 160_000_000


def reset():
    host.leave({"reset": "hard"})


def soft_reset():
    raise SystemExit


def deepsleep(time_ms=None):
    """Stop; start again after time_ms, or by nothing but a power cut."""
    host.leave({"reset": "sleep", "ms": time_ms or None})


def lightsleep(time_ms=0):
    time.sleep_ms(time_ms)


def idle():
    time.sleep_ms(1)


def reset_cause():
    return params.reset_cause


def wake_reason():
    return TIMER_WAKE if params.reset_cause == DEEPSLEEP_RESET else 0


def unique_id():
    return params.unique_id


def freq(hz=None):
    global _frequency_hz
    if hz is None:
        return _frequency_hz
    if hz not in (20_000_000, 40_000_000, 80_000_000, 160_000_000, 240_000_000):
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    _frequency_hz = hz
    return None


def disable_irq():
    return 0


def enable_irq(state):
    pass


class RTC:
    """The clock and 2048 bytes that live through everything but a power cut."""

    _FILE = "rtc"
    _SIZE = 2048

    def datetime(self, when=None):
        """Set to, or return, (year, month, day, weekday, hour, minute, second, microsecond)."""
        if when is None:
            seconds, microseconds = divmod(clock.now_us(), 1_000_000)
            t = clock.gmtime(seconds)
            return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], microseconds)
        year, month, day, _, hour, minute, second, microseconds = when
        seconds = clock.mktime((year, month, day, hour, minute, second, 0, 0))
        return clock.set_us(seconds * 1_000_000 + microseconds)

    init = datetime

    def memory(self, data=None):
        if data is None:
            return host.run_dir.read(self._FILE)
        if len(data) > self._SIZE:
            raise ValueError("buffer too long")
        return host.run_dir.replace(self._FILE, data)


class Pin:
    """A pin that keeps its level; interrupts are accepted and never come."""

    IN, OUT, OPEN_DRAIN = 1, 3, 7
    PULL_UP, PULL_DOWN, PULL_HOLD = 2, 1, 4
    IRQ_RISING, IRQ_FALLING, WAKE_LOW, WAKE_HIGH = 1, 2, 4, 5
    DRIVE_0, DRIVE_1, DRIVE_2, DRIVE_3 = 0, 1, 2, 3
    _MISSING = (20, 24, 28, 29, 30, 31)
    _COUNT = 40
    _levels = {}

    def __init__(self, id, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if isinstance(id, Pin):
            id = id._number
        if not isinstance(id, int) or not 0 <= id < self._COUNT or id in self._MISSING:
            raise ValueError("invalid pin")
        self._number = id
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if value is not None:
            self.value(value)
        elif pull == self.PULL_UP:
            self._levels.setdefault(self._number, 1)

    def value(self, level=None):
        if level is None:
            return self._levels.get(self._number, 0)
        self._levels[self._number] = 1 if level else 0
        return None

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def irq(self, handler=None, trigger=3, wake=None, hard=False):
        pass

    def __repr__(self):
        return "Pin(%d)" % self._number


class ADC:
    """A pin's voltage, as the control socket sets it; a pin nobody set reads 0."""

    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3
    WIDTH_9BIT, WIDTH_10BIT, WIDTH_11BIT, WIDTH_12BIT = 9, 10, 11, 12
    _PINS = (0, 2, 4, 12, 13, 14, 15, 25, 26, 27, 32, 33, 34, 35, 36, 37, 38, 39)
    # Full scale of each attenuation.
    _FULL_UV = (950_000, 1_250_000, 1_750_000, 2_450_000)
    _LINEAR_UV = 3_100_000
    _adc_mv = {}

    def __init__(self, pin, atten=ATTN_0DB):
        self._pin = Pin(pin)._number
        if self._pin not in self._PINS:
            raise ValueError("invalid pin")
        self._atten = atten

    def init(self, atten=ATTN_0DB):
        self._atten = atten

    atten = init

    def width(self, bits):
        pass

    def _full_uv(self):
        return self._LINEAR_UV if self._atten == self.ATTN_11DB else self._FULL_UV[self._atten]

    def read_uv(self):
        host.wire.receive()
        return min(self._full_uv(), self._adc_mv.get(str(self._pin), 0) * 1000)

    def read_u16(self):
        return self.read_uv() * 65535 // self._full_uv()

    def read(self):
        return self.read_u16() >> 4


class Timer:
    """One of the four hardware timers; the callback runs between two bytecodes."""

    ONE_SHOT, PERIODIC = 0, 1
    _COUNT = 4

    def __init__(self, id, **settings):
        if not 0 <= id < self._COUNT:
            raise ValueError("invalid timer number")
        self._number = id
        if settings:
            self.init(**settings)

    def init(self, *, mode=PERIODIC, period=None, freq=None, callback=None, **_):
        period_ms = int(1000 / freq) if freq else period
        if period_ms is None:
            raise ValueError("period or freq is needed")
        timers.arm(self._number, period_ms, mode == self.PERIODIC, lambda: callback(self))

    def deinit(self):
        timers.disarm(self._number)


class WDT:
    """The task watchdog, kept by the supervisor: it bites whatever this interpreter does.

    It cannot be stopped, and stays armed over a soft reset.
    """

    _FEED = b'{"feed": true}\n'
    _FEED_STEP_MS = 2

    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError("WDT(%s) doesn't exist" % id)
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        host.wire.send({"wdt_ms": timeout})
        self._fed_ms = time.ticks_ms()

    def feed(self):
        # A loop that does nothing but feed must not keep the supervisor busy.
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._fed_ms) >= self._FEED_STEP_MS:
            self._fed_ms = now_ms
            host.wire.send(self._FEED)


def _on_message(message):
    ADC._adc_mv = message["adc_mv"]


host.wire.listen(_on_message)
