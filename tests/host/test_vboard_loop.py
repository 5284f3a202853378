"""Deadlines, files and signals in one thread."""

import os
import signal
import threading

from ways_device.vboard.loop import Loop


def test_calls_come_in_the_order_of_their_deadlines():
    seen = []
    with Loop() as loop:
        loop.call_later("late", 0.05, loop.stop)
        loop.call_later("second", 0.02, lambda: seen.append("second"))
        loop.call_later("first", 0.01, lambda: seen.append("first"))
        loop.run()
    assert seen == ["first", "second"]


def test_call_of_the_same_name_is_replaced_or_cancelled():
    seen = []
    with Loop() as loop:
        loop.call_later("once", 0.01, lambda: seen.append("old"))
        loop.call_later("once", 0.02, lambda: seen.append("new"))
        loop.call_later("never", 0.01, lambda: seen.append("never"))
        loop.cancel("never")
        assert loop.is_set("once")
        assert not loop.is_set("never")
        loop.call_later("end", 0.05, loop.stop)
        loop.run()
    assert seen == ["new"]


def test_due_call_can_cancel_or_put_off_another_that_is_due():
    seen = []
    with Loop() as loop:

        def first():
            loop.cancel("cancelled")
            loop.call_later("put off", 0.02, lambda: seen.append("later"))

        loop.call_later("first", 0, first)
        loop.call_later("cancelled", 0, lambda: seen.append("cancelled"))
        loop.call_later("put off", 0, lambda: seen.append("at once"))
        loop.call_later("end", 0.05, loop.stop)
        loop.run()
    assert seen == ["later"]


def test_file_that_an_earlier_call_gave_up_is_not_served():
    seen = []
    first, second = os.pipe(), os.pipe()
    with Loop() as loop:

        def serve(mine, other):
            seen.append(mine)
            os.read(mine, 1)
            loop.unwatch(other)

        loop.watch(first[0], lambda: serve(first[0], second[0]))
        loop.watch(second[0], lambda: serve(second[0], first[0]))
        os.write(first[1], b"x")
        os.write(second[1], b"x")
        loop.call_later("end", 0.02, loop.stop)
        loop.run()
    assert len(seen) == 1
    for fd in (*first, *second):
        os.close(fd)


def test_signal_stops_it_and_the_old_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with Loop() as loop:
        sender = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGTERM))
        sender.start()
        loop.call_later("too late", 10, lambda: (_ for _ in ()).throw(AssertionError))
        loop.run()
        sender.join()
    assert signal.getsignal(signal.SIGTERM) is before
