"""The port of the virtual board, read by a host or by nobody."""

import os
import time

import pytest

from ways_device.vboard import port as port_module
from ways_device.vboard.port import Port


@pytest.fixture
def port(monkeypatch):
    monkeypatch.setattr(port_module, "_PATIENCE_S", 0.3)
    made = Port()
    yield made
    made.close()


def host(port):
    return os.open(port.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)


def read_all(fd, port, size, seconds=10):
    """Return size bytes, fewer only if they do not come."""
    data = b""
    end_s = time.monotonic() + seconds
    while len(data) < size and time.monotonic() < end_s:
        port.flush()
        try:
            data += os.read(fd, 4096)
        except BlockingIOError:
            time.sleep(0.005)
    return data


def test_bytes_pass_unchanged_both_ways(port):
    fd = host(port)
    every = bytes(range(256))
    port.write(every)
    os.write(fd, every)
    assert read_all(fd, port, 256) == every
    assert port.read() == every
    assert port.read() == b""
    os.close(fd)


def test_host_that_reads_gets_everything_however_much(port):
    fd = host(port)
    data = os.urandom(200_000)
    port.write(data)
    assert port.is_blocked
    assert read_all(fd, port, len(data)) == data
    assert not port.is_blocked
    os.close(fd)


def test_host_that_comes_late_finds_the_last_of_it(port):
    end_s = time.monotonic() + 1
    number = 0
    while time.monotonic() < end_s:
        number += 1
        port.write(b"line %06d\n" % number)
        time.sleep(0.001)
    time.sleep(0.1)
    port.flush()
    assert not port.is_blocked
    fd = host(port)
    found = read_all(fd, port, 1 << 20, seconds=0.3)
    assert len(found) <= 2048
    assert found.endswith(b"line %06d\n" % number)
    # It reads now, so nothing is lost any more.
    data = os.urandom(50_000)
    port.write(data)
    assert read_all(fd, port, len(data)) == data
    os.close(fd)


def test_port_stays_raw_between_two_hosts(port):
    for _ in range(2):
        fd = host(port)
        port.write(b"a\r\n\x03\x04")
        assert read_all(fd, port, 5) == b"a\r\n\x03\x04"
        os.close(fd)
    # An echo would come back as if the host had sent it.
    assert port.read() == b""


def test_kernel_that_is_behind_with_handing_over_costs_nothing(port, monkeypatch):
    """A terminal can look empty while it takes no more: what it refuses waits."""
    fd = host(port)
    data = os.urandom(300_000)
    with monkeypatch.context() as blind:
        blind.setattr(port_module.pty_pair, "unread", lambda _: 0)
        for at in range(0, len(data), 4000):
            port.write(data[at : at + 4000])
    assert port.has_more
    assert read_all(fd, port, len(data)) == data
    os.close(fd)
