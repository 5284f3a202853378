"""What the session promises whatever the network does: it goes on, it is bounded, it repeats."""

import asyncio
import errno
import gc
import sys
import time

import tls
from test_mqtt import Hurried, Rig, until

from fakes import faultysocket
from fakes.clock import Ticks
from fakes.faultysocket import plan
from firmware import transport
from firmware.backoff import Backoff

RESUMED = b"\x20\x02\x01\x00"


class Impatient(Ticks):
    """Waits of the session are short, and kept: the ticks by which it looks, and its delays."""

    asked_ms = []

    @staticmethod
    def sleep_ms(ms):
        if ms not in (0, 1, 250):  # 0 and 1 only give others a turn
            Impatient.asked_ms.append(ms)
        return asyncio.sleep_ms(min(ms, 3))


def delays_ms():
    asked, Impatient.asked_ms = Impatient.asked_ms, []
    return asked


def faulty(**options):
    """Return a Rig whose session has sockets that do what the plan says."""
    transport.socket = faultysocket
    plan.reset()
    return Rig(clock=Impatient, backoff=Backoff(2, 2, lambda limit: 1), **options)


ERRORS = (
    OSError(errno.ECONNRESET),
    OSError(118),
    OSError(-2),
    OSError(-29312),
    OSError(errno.ENOMEM),
    ValueError("The certificate validity has expired"),
    MemoryError(),
    IndexError("x"),
    EOFError(),
    KeyError("x"),
    AttributeError("x"),
    RuntimeError(),
)


async def whole_session(rig):
    """Log in, publish, hear a message, and publish again."""
    acks = len(rig.owner.acks)
    await asyncio.wait_for_ms(rig.session.up.wait(), 3000)
    rig.put(1)
    await until(lambda: len(rig.owner.acks) > acks or rig.owner.rewinds)


async def test_an_exception_at_any_socket_call_costs_a_link_and_nothing_else():
    async with faulty() as rig:
        rig.broker.greeting = b"\x32\x09\x00\x03a/b\x12\x34yo"
        await whole_session(rig)
        calls = plan.total
        assert {"socket", "setblocking", "connect", "setsockopt", "write", "readinto"} == set(
            plan.calls
        )
        for number in range(1, calls + 2):
            for exc in [ERRORS[(number + at) % len(ERRORS)] for at in (0, 5, 7)]:
                before = plan.closed
                plan.reset()

                def fail(name, count, number=number, exc=exc):
                    if count == number:
                        raise exc

                rig.session._fail(OSError("again"))
                await until(lambda before=before: plan.closed > before)
                plan.reset()
                plan.before = fail

                def reached(number=number):
                    return plan.total >= number or (rig.session.has_room and rig.put(0) and False)

                await until(reached)
                plan.before = lambda name, count: None
                # What this test keeps must not be what fills the memory.
                rig.owner.acks.clear()
                rig.broker.packets.clear()
                rig.lines.clear()
                rig.messages.clear()
                delays_ms()
                await asyncio.wait_for_ms(rig.session.up.wait(), 3000)
                await until(lambda: rig.session.has_room)
                assert rig.put(number)
                await until(lambda number=number: number in rig.owner.acks)
                assert not rig.task.done(), (number, exc)
                assert plan.opened - plan.closed <= 1, (number, exc, plan.opened, plan.closed)


async def test_no_memory_to_say_why_a_link_has_ended_is_no_reason_to_stop():
    class Full:
        def warn(self, event, **fields):
            raise MemoryError

        def info(self, event, **fields):
            pass

    async with Rig(clock=Impatient) as rig:
        rig.session.log = Full()
        await rig.session.up.wait()
        await rig.broker.cut()
        await until(lambda: rig.session.logins == 2)
        assert not rig.task.done()


async def test_what_judges_a_link_is_not_in_memory_beside_what_opens_one():
    beside = []
    async with Rig(clock=Impatient) as rig:
        judge = rig.session._judge
        rig.session._judge = lambda: beside.append("firmware.login" in sys.modules) or judge()
        rig.broker.connack = [b""]
        await until(lambda: rig.session.stage == "connack")
        assert "firmware.login" in sys.modules
        rig.session._fail(OSError(5))  # not by the task that logs in, which would end of itself
        await until(lambda: beside)
        assert beside[0] is False


async def test_cancelled_anywhere_the_session_leaves_no_socket_and_no_task_behind():
    for turns in range(60):
        gc.collect()
        rig = faulty(tx_bytes=256, rx_bytes=256)
        rig.broker.greeting = b"\x30\x07\x00\x03a/bhi" * 3
        async with rig:
            for turn in range(turns):
                if turn % 7 == 6 and rig.session.has_room:
                    rig.put(turn)
                await asyncio.sleep_ms(0)
            rig.task.cancel()
            try:
                await rig.task
                raise AssertionError("still there")
            except asyncio.CancelledError:
                pass
            assert plan.opened == plan.closed, turns
            assert not rig.session.up.is_set()
            calls = plan.total
            await asyncio.sleep_ms(2)
            assert plan.total == calls, turns
        rig.broker.stop()


async def test_what_the_socket_did_not_take_goes_first_and_nothing_comes_between():
    async with faulty() as rig:
        await rig.session.up.wait()
        plan.most_bytes = 3
        text = b"abcdefgh" * 12

        async def talk(number):
            for _ in range(5):
                plan.refusals = 2
                await rig.session.publish(b"t%d" % number, text, qos=number % 2)

        talks = [asyncio.create_task(talk(number)) for number in range(4)]
        for _ in range(10):
            await rig.broker.send(b"\x32\x09\x00\x03a/b\x12\x34yo")
            await asyncio.sleep_ms(1)
        for task in talks:
            await asyncio.wait_for_ms(task, 5000)
        sent = rig.broker.having("publish")
        assert len(sent) == 20 and all(p["message"] == text for p in sent)
        await until(lambda: len(rig.broker.having("puback")) == 10)
        assert rig.broker.connections == 1


async def test_each_packet_is_one_write():
    async with faulty() as rig:
        await rig.session.up.wait()
        assert plan.calls.get("write", 0) == 1
        for number in range(5):
            assert rig.put(number)
        await until(lambda: len(rig.owner.acks) == 5)
        assert plan.calls.get("write", 0) == 6


async def test_a_broken_off_write_ends_the_link_and_the_rest_is_never_sent():
    async with faulty() as rig:
        rig.broker.acks = False
        await rig.session.up.wait()
        plan.most_bytes = 4
        plan.refusals = 1
        rig.put(1)
        assert rig.session.link.unsent is not None
        rig.session._fail(OSError(errno.ETIMEDOUT))
        plan.reset()
        await until(lambda: rig.broker.connections == 2)
        assert rig.session.link.unsent is None
        assert rig.wire() == []


# Each wait has an end of its own, and nobody else waits for it.


class Beat:
    """Another task of the agent: it wants to run all the time."""

    def __init__(self):
        self.longest_ms = 0
        self.count = 0
        self.task = asyncio.create_task(self.run())

    async def run(self):
        last = time.ticks_ms()
        while True:
            await asyncio.sleep_ms(5)
            now = time.ticks_ms()
            self.longest_ms = max(self.longest_ms, time.ticks_diff(now, last))
            self.count += 1
            last = now


async def left_because(rig, why):
    beat = Beat()
    line = "0 W mqtt session_failed why=" + why
    await until(lambda: line in rig.lines, 8000)
    # On a busy machine a beat may be late; what must not happen is that there is none.
    assert beat.count >= 10, beat.count
    beat.task.cancel()


async def test_a_look_up_that_never_ends_is_left():
    async with Rig(clock=Hurried) as rig:

        async def resolve(_host):
            await asyncio.Event().wait()

        rig.session.resolve = resolve
        await left_because(rig, "dns:timeout")


async def test_a_peer_that_never_answers_the_connection_is_left():
    transport.socket = faultysocket
    plan.is_stuck = True
    async with Rig(clock=Hurried) as rig:
        await left_because(rig, "tcp:timeout")
        assert plan.closed >= 1


class Mute:
    """A server that takes connections and says nothing, or dribbles."""

    def __init__(self, dribble=b""):
        self.dribble = dribble

    async def serve(self, reader, writer):
        try:
            for byte in self.dribble:
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep_ms(20)
            await reader.read(-1)
        except OSError:
            pass

    async def start(self):
        port = 24000
        while True:
            try:
                self.server = await asyncio.start_server(self.serve, "127.0.0.1", port)
                return port
            except OSError:
                port += 1


def no_trust():
    """Return a context that trusts nobody: enough for a server that never shows a certificate."""
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    return context


async def test_a_handshake_that_is_mute_or_dribbles_is_left():
    for dribble in (b"", b"\x16\x03\x03\x40\x00" + bytes(5000)):
        async with Rig(clock=Hurried, ssl=no_trust()) as rig:
            rig.session.port = await Mute(dribble).start()
            await left_because(rig, "tls:timeout")


async def test_a_handshake_cut_or_answered_by_something_else_is_named():
    for greeting in (b"HTTP/1.1 302 Found\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x28", b"\x16\x03"):
        async with Rig(ssl=no_trust()) as rig:
            server = Mute(greeting)

            async def serve(reader, writer, greeting=greeting):
                await reader.read(5)
                writer.write(greeting)
                await writer.drain()
                writer.close()
                await writer.wait_closed()

            server.serve = serve
            rig.session.port = await server.start()
            await until(lambda: len(rig.lines) >= 2)
            for line in rig.lines:
                assert " why=t" in line, line
            assert not rig.task.done()


async def test_a_broker_that_never_answers_the_login_is_left():
    async with Rig(clock=Hurried) as rig:
        rig.broker.mute = True
        await left_because(rig, "connack:timeout")


async def test_a_broker_that_dribbles_its_answer_is_left():
    async with Rig(clock=Hurried) as rig:
        rig.session.port = await Mute(b"\x20\x80\x80\x80\x01" + bytes(5000)).start()
        await left_because(rig, "connack:timeout")


async def test_a_peer_that_does_not_read_what_is_sent_again_is_left():
    transport.socket = faultysocket
    plan.reset()
    async with Rig(clock=Hurried) as rig:
        rig.broker.acks = False
        rig.broker.connack = [b"\x20\x02\x00\x00", RESUMED]
        await rig.session.up.wait()
        for number in range(3):
            rig.put(number)
        await until(lambda: len(rig.wire()) == 3)

        def before(name, number):
            # The login is the first write of a link.
            plan.is_full = plan.calls.get("write", 0) > 1

        await rig.broker.cut()
        plan.reset()
        plan.before = before
        await left_because(rig, "resend:timeout")


async def test_a_peer_that_stops_reading_is_left_while_publishing():
    transport.socket = faultysocket
    plan.reset()
    async with Rig(clock=Hurried, keepalive=10) as rig:
        await rig.session.up.wait()
        plan.is_full = True
        rig.put(1)
        await until(lambda: any("silent: " in line for line in rig.lines), 8000)


async def test_a_peer_that_floods_does_not_own_the_loop():
    transport.socket = faultysocket
    plan.reset()
    async with Rig(tx_bytes=128, rx_bytes=128) as rig:
        await rig.session.up.wait()
        rig.session.set_callback(None)
        flood = b"\x30\x07\x00\x03a/bhi" * 14
        beats = []

        def endless(buf):
            plan.total += 1
            if plan.total > 5000:  # nobody else gets a turn: there has to be an end of it
                raise OSError(errno.ECONNRESET)
            buf[:126] = flood
            return 126

        rig.session.link._sock.readinto = endless
        await rig.broker.send(flood)
        plan.total = 0
        for _ in range(20):
            await asyncio.sleep_ms(0)
            beats.append(plan.total)
        assert 100 <= beats[-1] <= 20 * 16 and rig.session.up.is_set(), beats


async def test_an_answer_wakes_who_waits_for_it_and_no_clock_is_asked():
    class Stopped(Ticks):
        @staticmethod
        def sleep_ms(ms):
            return asyncio.Event().wait() if ms else asyncio.sleep_ms(0)

    async with Rig(clock=Stopped, window=1) as rig:
        for number in range(20):
            await asyncio.wait_for_ms(rig.session.publish(b"t", b"%d" % number, qos=1), 3000)
            await asyncio.wait_for_ms(rig.session.publish(b"t", b"-", qos=0), 3000)
        assert await asyncio.wait_for_ms(rig.session.subscribe(b"c", 1), 3000) == 1
        assert len(rig.wire()) == 40


# Sessions kept, sessions lost.


async def test_a_session_that_the_broker_already_holds_is_taken_up_at_the_first_login():
    async with Rig() as rig:
        rig.broker.connack = [RESUMED]
        await rig.session.up.wait()
        assert rig.lines == ["0 I mqtt session_up resumed=True"]
        rig.put(1)
        await until(lambda: rig.owner.acks == [1])
        await rig.broker.cut()
        await until(lambda: rig.session.logins == 2)
        assert rig.broker.connections == 2


async def test_a_link_that_dies_before_the_acknowledgement_does_not_hang_who_waits_for_it():
    for connack in (RESUMED, b"\x20\x02\x00\x00"):
        async with Rig() as rig:
            rig.broker.connack = [b"\x20\x02\x00\x00", connack]
            rig.broker.acks = False
            task = asyncio.create_task(rig.session.publish(b"t", b"sure", qos=1))
            await until(lambda: len(rig.wire()) == 1)
            rig.broker.acks = True
            await rig.broker.cut()
            await asyncio.wait_for_ms(task, 3000)
            assert rig.wire()[-1] == (b"sure", 1 if connack == RESUMED else 2, connack == RESUMED)


async def test_packet_ids_go_round_and_never_through_0():
    async with Rig() as rig:
        await rig.session.up.wait()
        rig.session.window._last_id = 65533
        for number in range(4):
            await until(lambda: rig.session.has_room)
            rig.put(number)
        await until(lambda: len(rig.owner.acks) == 4)
        assert [packet_id for _, packet_id, _ in rig.wire()] == [65534, 65535, 1, 2]


async def test_subscriptions_come_back_with_a_new_session_and_not_with_a_kept_one():
    async with Rig() as rig:
        rig.broker.connack = [b"\x20\x02\x00\x00", RESUMED, b"\x20\x02\x00\x00"]
        assert await rig.session.subscribe(b"d1/commands", 1) == 1
        await rig.broker.cut()
        await until(lambda: rig.session.logins == 2)
        await asyncio.sleep_ms(20)
        assert rig.broker.having("subscribe") == [b"d1/commands"]
        await rig.broker.cut()
        await until(lambda: rig.session.logins == 3)
        await until(lambda: len(rig.broker.having("subscribe")) == 2)
        # This time it is refused: the feature is off, the device is not.
        rig.broker.suback = 0x80
        await rig.broker.cut()
        await until(lambda: rig.lines.having("subscription_refused"))
        assert rig.lines[-1] == "0 W mqtt subscription_refused topic=d1/commands"
        await rig.session.publish(b"t", b"still here", qos=1)
        await rig.broker.cut()
        await until(lambda: rig.session.logins == 5)
        await asyncio.sleep_ms(20)
        assert len(rig.broker.having("subscribe")) == 3


async def test_a_subscription_without_its_answer_is_asked_for_on_the_next_link():
    async with Rig() as rig:
        rig.broker.suback = None
        rig.broker.connack = [b"\x20\x02\x00\x00", RESUMED]
        task = asyncio.create_task(rig.session.subscribe(b"c", 1))
        await until(lambda: rig.broker.having("subscribe"))
        rig.broker.suback = 1
        await rig.broker.cut()
        assert await asyncio.wait_for_ms(task, 3000) == 1


async def test_a_missing_answer_to_a_subscription_ends_the_link():
    async with Rig(clock=Hurried, keepalive=10) as rig:
        rig.broker.suback = None
        task = asyncio.create_task(rig.session.subscribe(b"c", 1))
        await until(lambda: rig.broker.connections == 2, 8000)
        assert rig.lines.having("session_failed")[0].endswith("why=silent: no PUBACK")
        task.cancel()


# How it comes back.


async def test_a_login_refused_twice_is_tried_slowly_and_every_code_has_its_name():
    for code in range(1, 6):
        async with Rig(clock=Impatient) as rig:
            delays_ms()
            rig.broker.acks = False
            await rig.session.up.wait()
            rig.put(7)
            await until(lambda: len(rig.wire()) == 1)
            rig.broker.connack = [bytes((0x20, 2, 0, code)) for _ in range(3)] + [RESUMED]
            await rig.broker.cut()
            rig.broker.acks = True
            await until(lambda: rig.owner.acks == [7])
            lines = rig.lines.having("session_failed")
            assert lines[1:4] == ["0 W mqtt session_failed why=auth:%d" % code] * 3, rig.lines
            asked = delays_ms()
            assert asked[1] <= 20 and asked[2] >= 300_000 and asked[3] >= 300_000
            # It kept everything meanwhile.
            assert rig.wire()[-1] == (b"m7", 1, True) and rig.owner.rewinds == 0


async def test_delays_grow_until_a_session_was_stable():
    rig = Rig(clock=Impatient, backoff=Backoff(1000, 60_000, lambda limit: limit - 1))
    async with rig:
        delays_ms()
        rig.session.port, port = 1, rig.session.port
        await until(lambda: len(Impatient.asked_ms) >= 4)
        rig.session.port = port
        await rig.session.up.wait()
        grown = delays_ms()
        assert grown[:4] == [1000, 2000, 4000, 8000]
        await asyncio.sleep_ms(50)  # for the session to look at its age a few times
        await rig.broker.cut()
        await until(lambda: Impatient.asked_ms)
        assert delays_ms()[0] > grown[-1]
        await rig.session.up.wait()
        rig.session.since = time.ticks_add(time.ticks_ms(), -30_001)  # it has been up for long
        await asyncio.sleep_ms(20)
        await rig.broker.cut()
        await until(lambda: Impatient.asked_ms)
        assert delays_ms()[0] == 1000


async def kicked(rig, times, between=lambda: None):
    for _ in range(times):
        logins = rig.session.logins
        await until(lambda: rig.session.has_room)
        await rig.broker.cut()
        between()
        await until(lambda logins=logins: rig.session.logins > logins)


async def test_a_session_that_somebody_else_takes_over_and_over_is_told_and_waits():
    told = []
    rig = Rig(
        clock=Impatient,
        backoff=Backoff(10, 50_000, lambda limit: 5),
        contested=lambda kind, _: told.append(kind),
    )
    async with rig:
        delays_ms()
        await rig.session.up.wait()
        await kicked(rig, 3)
        assert not told and max(delays_ms()) < 100
        await kicked(rig, 1)
        assert told == ["session_contested"] and rig.lines.having("session_contested") == [
            "0 E mqtt session_contested"
        ]
        assert max(delays_ms()) >= 50_000


async def test_a_broker_that_restarts_is_not_taken_for_somebody_else():
    rig = Rig(clock=Impatient)
    async with rig:
        await rig.session.up.wait()
        port = rig.session.port

        def down():
            # Nobody listens for one attempt.
            rig.session.port = 1
            rig.session.resolve, resolve = once, rig.session.resolve
            down.resolve = resolve

        async def once(host):
            rig.session.resolve = later
            return host

        async def later(host):
            rig.session.port = port
            return host

        await kicked(rig, 8, down)
        assert not rig.lines.having("session_contested")


async def test_kicks_far_apart_are_no_contest():
    rig = Rig(clock=Impatient)
    async with rig:
        for _ in range(6):
            await kicked(rig, 1)
            rig.session.kicks = [time.ticks_add(kick, -200_000) for kick in rig.session.kicks]
        assert not rig.lines.having("session_contested")


# What it costs.


async def test_an_idle_session_leaves_next_to_no_garbage():
    async with Rig() as rig:
        await rig.session.up.wait()
        ticks = []

        class Counted(Ticks):
            @staticmethod
            def sleep_ms(ms):
                ticks.append(ms)
                return asyncio.sleep_ms(1)

        rig.session.clock = Counted
        await until(lambda: rig.session._tasks)
        rig.session._tasks[1].cancel()
        watch = asyncio.create_task(rig.session._watch())
        while len(ticks) < 5:
            await asyncio.sleep_ms(1)
        gc.collect()
        gc.disable()
        ticks.clear()
        before = gc.mem_alloc()
        await asyncio.sleep_ms(150)
        used, count = gc.mem_alloc() - before, len(ticks)
        gc.enable()
        watch.cancel()
        # Four ticks a second. The list of this test, and the one sleep of it, are in the sum.
        assert count >= 20 and used / count * 4 <= 250, (used, count)


async def test_many_links_leave_nothing_behind():
    async with Rig(clock=Impatient, backoff=Backoff(2, 2, lambda limit: 1)) as rig:
        rig.broker.packets = Forgetful()

        async def some(count):
            for _ in range(count):
                await until(lambda: rig.session.has_room)
                logins = rig.session.logins
                await rig.broker.cut()
                await until(lambda logins=logins: rig.session.logins > logins)
                rig.lines.clear()
                delays_ms()
            rig.session.kicks.clear()
            gc.collect()
            return gc.mem_alloc()

        first = await some(30)
        assert await some(100) - first <= 512


class Forgetful(list):
    def append(self, _):
        pass
