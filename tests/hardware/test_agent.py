"""The agent on the chip, with one sensor that tells its memory: minutes of it, and reconnects."""

import re
import time

import pytest

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(3600)]

HEAP_FREE_BYTES = 8 * 1024
LARGEST_BYTES = 2 * 1024
IDF_LARGEST_BYTES = 4 * 1024
# A value of 32 bits; mem_info counts blocks of four words.
BLOCK_BYTES = 16
# What a heap may seem to lose while it is collected at other moments.
FLAT_BYTES = 2 * 1024
RECONNECT_S = 60


def memory_of(device):
    return device.latest("hw_heap_free"), device.latest("hw_idf_largest")


def test_ten_minutes_leave_it_memory(device, results, is_short):
    """Only the chip's two heaps tell whether they hold out, and in what pieces."""
    lasts_s = 10 if is_short else 600
    device.run()
    device.wait_readings(2)
    with device.bench.listening() as heard:
        heard.take(lasts_s)
    said = "\n".join(heard.lines)
    assert "MemoryError" not in said
    largest = [int(found) for found in re.findall(r"max free sz: (\d+)", said)]
    assert largest, "the sensor was not asked:\n" + said[-2000:]
    free, idf = memory_of(device)
    results.told("the agent ran for", lasts_s, "s")
    results.judge("heap free as it runs", free, "B", at_least=HEAP_FREE_BYTES)
    block = largest[-1] * BLOCK_BYTES
    results.judge("largest block of the heap as it runs", block, "B", at_least=LARGEST_BYTES)
    results.judge("largest block of ESP-IDF as it runs", idf, "B", at_least=IDF_LARGEST_BYTES)


def test_a_hundred_reconnects_cost_neither_memory_nor_readings(device, results, is_short):
    """Only the chip's own TLS and sockets tell whether a hundred of them leave anything behind."""
    count = 3 if is_short else 100
    device.run()
    device.wait_readings(2)
    before_free, before_idf = memory_of(device)
    began_s = time.monotonic()
    try:
        with device.bench.listening() as heard:
            for _ in range(count):
                device.kick()
                heard.wait("I mqtt session_up", RECONNECT_S)
    finally:
        device.end_faults()
    took_s = round((time.monotonic() - began_s) / count, 1)
    results.told("reconnects", count)
    results.judge("time of a reconnect", took_s, "s", at_most=RECONNECT_S)
    assert "MemoryError" not in "\n".join(heard.lines)
    device.wait_readings(3)
    device.wait(lambda: device.ledger()["adds_up"], "ledger that adds up", 120)
    results.judge("readings missing", device.missing(), "", at_most=0)
    free, idf = memory_of(device)
    results.judge("heap lost", before_free - free, "B", at_most=FLAT_BYTES)
    results.judge("largest block of ESP-IDF lost", before_idf - idf, "B", at_most=FLAT_BYTES)
