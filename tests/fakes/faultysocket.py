"""A socket module whose sockets are real, and do at each call what a test has in mind for it."""

import io
import select
import socket as real

SOCK_DGRAM = getattr(real, "SOCK_DGRAM", None)
AF_INET = real.AF_INET
getaddrinfo = real.getaddrinfo


class Plan:
    """What is to happen: before(name, number) is called before each call, and may raise."""

    def __init__(self):
        self.reset()
        self.opened = self.closed = 0

    def reset(self):
        self.calls = {}  # how often each was called
        self.total = 0
        self.before = lambda name, number: None
        self.most_bytes = None  # that a write takes
        self.is_stuck = False  # nothing is ready, ever
        self.refusals = 0  # writes that are told to come again
        self.is_full = False  # nothing is taken, and nothing said of when it will be


plan = Plan()


class Socket(io.IOBase):
    def __init__(self, *_):
        self._step("socket")
        self._sock = real.socket()
        plan.opened += 1

    def _step(self, name):
        plan.calls[name] = plan.calls.get(name, 0) + 1
        plan.total += 1
        plan.before(name, plan.total)

    def setblocking(self, flag):
        self._step("setblocking")
        self._sock.setblocking(flag)

    def setsockopt(self, *arguments):
        self._step("setsockopt")
        self._sock.setsockopt(*arguments)

    def connect(self, address):
        self._step("connect")
        self._sock.connect(address)

    def write(self, data, at, size):
        self._step("write")
        if plan.refusals or plan.is_full:
            plan.refusals = max(0, plan.refusals - 1)
            return None
        return self._sock.write(data, at, min(size, plan.most_bytes or size))

    def readinto(self, buf):
        self._step("readinto")
        return self._sock.readinto(buf)

    def ioctl(self, request, flags):
        if request != 3:  # asked for the number of its file, by which it would be polled
            return -1
        if plan.is_stuck:
            return 0
        poll = select.poll()
        poll.register(self._sock, flags & ~select.POLLOUT if plan.is_full else flags)
        ready = poll.poll(0)
        return ready[0][1] if ready else 0

    def close(self):
        if self._sock:
            plan.closed += 1
            self._sock.close()
            self._sock = None
            self._step("close")


def socket(*arguments):
    return Socket(*arguments)
