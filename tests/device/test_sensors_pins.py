"""Pulses, contacts and voltages at a pin."""

import micropython

from fakes.bus import opened, rig, told
from fakes.wires import Pin, Time
from firmware.errors import ConfigError


def pin(number):
    return Pin.made[number, "pin"]


def pulses(count, number=14, every_ms=10):
    for _ in range(count):
        Time.now_ms += every_ms
        pin(number).pulse()


async def test_pulses_since_the_last_reading():
    sensor, reading = opened(rig(), kind="pulse", pin=14)
    assert pin(14).trigger == Pin.IRQ_FALLING and pin(14).pull == Pin.PULL_UP
    for count in (0, 3, 1, 0, 250):
        pulses(count)
        assert await told(sensor, reading) == {"pulses": count}


async def test_a_pulse_that_comes_while_it_is_read_is_in_the_next_reading():
    sensor, reading = opened(rig(), kind="pulse", pin=14, total="total")
    pulses(5)
    set_value = reading.set
    seen = []
    for _ in range(3):

        def set_and_pulse(key, value):
            pin(14).pulse()
            set_value(key, value)

        reading.set = set_and_pulse
        seen.append((await told(sensor, reading))["pulses"])
    reading.set = set_value
    values = await told(sensor, reading)
    assert sum(seen) + values["pulses"] == 5 + 3 * 2 == values["total"]


async def test_pulses_of_a_reading_that_failed_are_in_the_next_one():
    sensor, reading = opened(rig(), kind="pulse", pin=14, rate="rate")
    pulses(4)
    set_value = reading.set

    def broken(_key, _value):
        raise OSError(5)

    reading.set = broken
    try:
        await sensor.read_into(reading)
    except OSError:
        reading.set = set_value
    pulses(1)
    assert (await told(sensor, reading))["pulses"] == 5


async def test_rate_is_per_minute_of_the_time_that_passed():
    sensor, reading = opened(rig(), kind="pulse", pin=14, rate="rpm", key="n")
    pulses(30, every_ms=500)
    assert await told(sensor, reading) == {"n": 30, "rpm": 12000}
    Time.now_ms += 60_000
    assert await told(sensor, reading) == {"n": 0, "rpm": 0}
    assert [point.unit for point in sensor.points] == ["", "/min"]


async def test_a_bouncing_contact_counts_once():
    sensor, reading = opened(rig(), kind="pulse", pin=14, debounce_ms=50)
    for _ in range(10):
        pulses(4, every_ms=3)
        Time.now_ms += 100
    assert await told(sensor, reading) == {"pulses": 10}


async def test_the_count_wraps_without_a_loss():
    sensor, reading = opened(rig(), kind="pulse", pin=14, total="total")
    sensor._total = sensor._read = 0x3FFFFFFE
    pulses(5)
    assert await told(sensor, reading) == {"pulses": 5, "total": 3}


def test_counting_takes_no_memory():
    # An interrupt may come while memory is collected.
    opened(rig(), kind="pulse", pin=14, debounce_ms=5)
    contact = pin(14)
    micropython.heap_lock()
    try:
        for _ in range(100):
            Time.now_ms += 3
            contact.pulse()
    finally:
        micropython.heap_unlock()


async def test_edge_and_pull_are_what_was_asked_for():
    opened(rig(), kind="pulse", pin=14, rising=True, pull="none")
    assert pin(14).trigger == Pin.IRQ_RISING and pin(14).pull is None
    for kind in ("pulse", "digital"):
        try:
            opened(rig(), kind=kind, pin=14, pull="sideways")
        except ConfigError as exc:
            assert str(exc) == "sensors: %s: pull: up, down or none is expected" % kind
            continue
        raise AssertionError(kind)


async def test_a_contact_is_true_or_false():
    sensor, reading = opened(rig(), kind="digital", pin=13, pull="down", key="door")
    assert pin(13).pull == Pin.PULL_DOWN and sensor.points[0].data_type == "boolean"
    for level in (1, 0, 1):
        pin(13).line.level = level
        assert await told(sensor, reading) == {"door": bool(level)}


async def test_a_contact_to_ground_may_be_inverted():
    sensor, reading = opened(rig(), kind="digital", pin=13, inverted=True)
    assert pin(13).pull == Pin.PULL_UP
    for level in (1, 0):
        pin(13).line.level = level
        assert await told(sensor, reading) == {"state": not level}


async def test_voltage_is_the_mean_of_samples_with_offset_and_divider():
    board = rig()
    noise = iter((990, 1010) * 8)
    board.adc_mv = lambda pin: next(noise)
    sensor, reading = opened(board, kind="adc", pin=34, offset_mv=-25, divider_milli=4000)
    assert await told(sensor, reading) == {"voltage": 3900}
    assert next(noise, None) is None


def test_samples_have_their_limits():
    for samples in (0, 257):
        try:
            opened(rig(), kind="adc", pin=34, samples=samples)
        except ConfigError as exc:
            assert "samples: 1 to 256" in str(exc)
            continue
        raise AssertionError(samples)
