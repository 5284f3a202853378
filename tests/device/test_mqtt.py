"""The session against a scripted broker: what is on the wire, and what the owners are told."""

import asyncio
import errno

from fakes.broker import Broker
from fakes.clock import Ticks
from fakes.log import Lines
from firmware.backoff import Backoff
from firmware.client import Client

RESUMED = b"\x20\x02\x01\x00"


class Owner:
    """Keeps numbered messages and notes what becomes of them."""

    def __init__(self):
        self.acks = []
        self.rewinds = 0

    def message(self, ref):
        return b"t", b"m%d" % ref, False

    def acked(self, ref):
        self.acks.append(ref)

    def rewind(self):
        self.rewinds += 1


class Rig:
    def __init__(self, **options):
        self.broker = Broker()
        self.lines = Lines()
        self.ready = asyncio.Event()
        self.doubted = asyncio.Event()
        self.owner = Owner()
        self.messages = []
        self.options = options

    async def __aenter__(self):
        await self.broker.start()

        async def gate():
            pass

        async def resolve(host):
            return host

        options = {
            "keepalive": 60,
            "window": 16,
            "clock": Ticks,
            "backoff": Backoff(20, 20, lambda limit: 10),
        }
        options.update(self.options)
        self.session = Client(
            b"d1", "127.0.0.1", self.broker.port, b"user", b"secret",
            gate=gate, resolve=resolve, log=self.lines.log("mqtt"),
            ready=self.ready, doubted=self.doubted, **options
        )  # fmt: skip
        self.session.set_callback(lambda topic, msg: self.messages.append((topic, msg)))
        self.session.set_last_will(b"d1/status", b"gone", True, 1)
        self.task = asyncio.create_task(self.session.run())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()

    def put(self, ref):
        return self.session.try_publish(b"t", b"m%d" % ref, False, self.owner, ref)

    def wire(self):
        return [(p["message"], p["id"], p["dup"]) for p in self.broker.having("publish")]


async def until(true, limit_ms=3000):
    for _ in range(limit_ms // 5):
        if true():
            return
        await asyncio.sleep_ms(5)
    raise AssertionError("not within %d ms" % limit_ms)


async def test_the_login_carries_will_keepalive_and_a_session_to_keep():
    async with Rig() as rig:
        await rig.session.up.wait()
        login = rig.broker.having("connect")[0]
        assert login["fields"] == [b"d1", b"d1/status", b"gone", b"user", b"secret"]
        assert login["flags"] == 0xC0 | 0x20 | 0x08 | 0x04
        assert login["keepalive_s"] == 60
        assert rig.lines == ["0 I mqtt session_up resumed=False"]


async def test_messages_are_acknowledged_to_their_owner_in_order():
    async with Rig() as rig:
        await rig.session.up.wait()
        for ref in range(10):
            await until(lambda: rig.session.has_room)
            assert rig.put(ref)
        await until(lambda: len(rig.owner.acks) == 10)
        assert rig.owner.acks == list(range(10))
        assert rig.wire() == [(b"m%d" % ref, ref + 1, False) for ref in range(10)]


async def test_no_more_than_the_window_is_on_the_way():
    async with Rig(window=3) as rig:
        rig.broker.acks = False
        await rig.session.up.wait()
        assert [rig.put(ref) for ref in range(5)] == [True, True, True, False, False]
        await until(lambda: len(rig.wire()) == 3)
        rig.ready.clear()
        await rig.broker.send(b"\x40\x02\x00\x01")
        await rig.ready.wait()
        assert rig.put(3) and rig.owner.acks == [0]


async def test_a_resumed_session_gets_the_same_ids_again_marked_as_duplicates():
    async with Rig() as rig:
        rig.broker.connack = [b"\x20\x02\x00\x00", RESUMED]
        rig.broker.acks = False
        await rig.session.up.wait()
        for ref in range(3):
            rig.put(ref)
        await until(lambda: len(rig.wire()) == 3)
        await rig.broker.send(b"\x40\x02\x00\x02")
        await until(lambda: rig.owner.acks == [1])
        rig.broker.acks = True
        await rig.broker.cut()
        await until(lambda: len(rig.owner.acks) == 3)
        assert rig.wire()[3:] == [(b"m0", 1, True), (b"m2", 3, True)]
        assert rig.owner.rewinds == 0


async def test_a_new_session_hands_everything_back_and_resends_nothing_by_itself():
    async with Rig() as rig:
        rig.broker.acks = False
        await rig.session.up.wait()
        rig.put(0)
        await until(lambda: len(rig.wire()) == 1)
        await rig.broker.cut()
        await until(lambda: rig.owner.rewinds == 1)
        await rig.session.up.wait()
        await asyncio.sleep_ms(50)
        assert len(rig.wire()) == 1


async def test_a_late_acknowledgement_is_no_reason_to_send_twice():
    async with Rig() as rig:
        rig.broker.acks = False
        await rig.session.up.wait()
        rig.put(0)
        await asyncio.sleep_ms(300)
        await rig.broker.send(b"\x40\x02\x00\x01" * 3 + b"\x40\x02\x30\x39")
        await until(lambda: rig.owner.acks == [0])
        await asyncio.sleep_ms(50)
        assert len(rig.wire()) == 1 and rig.broker.connections == 1


async def test_a_peer_that_stops_acknowledging_is_left_and_the_message_goes_again():
    async with Rig(keepalive=10, clock=Hurried) as rig:
        rig.broker.acks = False
        await rig.session.up.wait()
        rig.put(0)
        await until(lambda: rig.broker.connections == 2)
        assert "0 W mqtt session_failed why=silent: no PUBACK" in rig.lines


class Hurried(Ticks):
    """Fifty times as fast, for waits of many seconds."""

    ticks_ms = staticmethod(lambda: Ticks.ticks_ms() * 50 % (1 << 29))
    ticks_diff = staticmethod(lambda end, start: end - start)
    sleep_ms = staticmethod(lambda ms: asyncio.sleep_ms(ms // 50))


async def test_a_silent_broker_is_left_at_each_stage():
    async with Rig(clock=Hurried) as rig:
        rig.broker.mute = True
        await until(lambda: rig.broker.connections >= 2)
        assert rig.lines[0] == "0 W mqtt session_failed why=connack:timeout"


async def test_a_port_where_nobody_listens_is_named():
    async with Rig() as rig:
        rig.session.port = 1
        await until(lambda: rig.lines)
        assert rig.lines[0] == "0 W mqtt session_failed why=tcp:ECONNREFUSED"


async def test_a_refused_login_is_tried_once_more_and_then_slowly():
    async with Rig() as rig:
        rig.broker.connack = [b"\x20\x02\x00\x05"]
        await until(lambda: len(rig.lines) == 2)
        await asyncio.sleep_ms(200)
        assert rig.lines == ["0 W mqtt session_failed why=auth:5"] * 2
        assert rig.broker.connections == 2


async def test_every_protocol_error_closes_the_link():
    for bad in (
        b"\x20\x02\x00\x00",  # a second CONNACK
        b"\x10\x00",  # CONNECT from a broker
        b"\x00\x00",
        b"\xf0\x00",
        b"\x40\x03\x00\x01\x00",  # PUBACK of a wrong length
        b"\x42\x02\x00\x01",  # PUBACK with flags
        b"\xd0\x01\x00",  # PINGRESP with a body
        b"\x36\x05\x00\x01a\x00\x01",  # QoS 3
        b"\x30\xff\xff\xff\xff\x7f",  # length of five bytes
        b"HTTP/1.1 302 Found\r\nLocation: x\r\n\r\n" * 40,
    ):
        async with Rig() as rig:
            rig.broker.greeting = bad
            await until(lambda: rig.lines.having("session_failed"))
            assert "protocol" in rig.lines.having("session_failed")[0], (bad, rig.lines)


async def test_inbound_messages_reach_the_callback_and_are_acknowledged():
    async with Rig() as rig:
        rig.broker.greeting = b"\x30\x07\x00\x03a/bhi" + b"\x32\x09\x00\x03a/b\x12\x34yo"
        await until(lambda: len(rig.messages) == 2)
        assert rig.messages == [(b"a/b", b"hi"), (b"a/b", b"yo")]
        await until(lambda: rig.broker.having("puback") == [b"\x12\x34"])


async def test_packets_cut_anywhere_are_put_together_again():
    stream = b"\x30\x07\x00\x03a/bhi" + b"\x30\x85\x01\x00\x03a/b" + b"z" * 128
    for step in (1, 2, 3, 7):
        async with Rig() as rig:
            await rig.session.up.wait()
            for at in range(0, len(stream), step):
                await rig.broker.send(stream[at : at + step])
                await asyncio.sleep_ms(0)
            await until(lambda: len(rig.messages) == 2)
            assert rig.messages == [(b"a/b", b"hi"), (b"a/b", b"z" * 128)]


async def test_a_message_over_the_buffer_is_drained_acknowledged_and_counted():
    # Made first, and once: later no piece of memory is so large.
    greeting = b"\x32\xf7\x4e\x00\x03a/b\x12\x34" + b"q" * 10_096 + b"\x30\x07\x00\x03a/bhi"
    async with Rig(tx_bytes=128, rx_bytes=128) as rig:
        rig.broker.greeting = greeting
        await until(lambda: len(rig.messages) == 2)
        assert rig.messages == [(b"a/b", None), (b"a/b", b"hi")]
        assert rig.lines[-1] == "0 W mqtt message_oversize bytes=10096"
        assert rig.broker.connections == 1
        await until(lambda: rig.broker.having("puback") == [b"\x12\x34"])


async def test_an_idle_session_pings_and_stays_up():
    async with Rig(keepalive=10, clock=Hurried) as rig:
        await until(lambda: len(rig.broker.having("ping")) >= 3)
        assert rig.broker.connections == 1


async def test_a_subscription_granted_and_one_refused():
    async with Rig() as rig:
        assert await rig.session.subscribe(b"d1/commands", 1) == 1
        assert rig.broker.having("subscribe") == [b"d1/commands"]
        rig.broker.suback = 0x80
        try:
            await rig.session.subscribe(b"d2/commands", 1)
        except Exception as exc:
            assert str(exc) == "subscription refused"
        else:
            raise AssertionError("granted")
        assert rig.session.up.is_set()


async def test_publish_waits_for_the_acknowledgement_and_survives_a_lost_link():
    async with Rig() as rig:
        await rig.session.publish(b"a", b"quick", qos=0)
        rig.broker.acks = False
        task = asyncio.create_task(rig.session.publish(b"a", b"sure", qos=1))
        await until(lambda: len(rig.wire()) == 2)
        assert not task.done()
        rig.broker.acks = True
        await rig.broker.cut()
        await asyncio.wait_for_ms(task, 3000)
        assert [message for message, _, _ in rig.wire()] == [b"quick", b"sure", b"sure"]


class Broken:
    """A socket that takes nothing any more, and gives what the one below it has."""

    def __init__(self, below):
        self.below = below

    def write(self, *_):
        raise OSError(errno.ECONNRESET)

    def readinto(self, buf):
        count = self.below.readinto(buf)
        if count is None:
            raise OSError(errno.ENOTCONN)
        return count

    def close(self):
        self.below.close()


async def test_a_write_that_fails_in_any_task_ends_the_link_and_not_the_agent():
    async with Rig() as rig:
        await rig.session.up.wait()
        rig.session.link._sock = Broken(rig.session.link._sock)
        rig.session.ping()  # from this task
        await until(lambda: rig.broker.connections == 2)
        await rig.session.up.wait()
        rig.session.link._sock = Broken(rig.session.link._sock)
        await rig.broker.send(b"\x32\x09\x00\x03a/b\x12\x34yo")  # its PUBACK: from the reader
        await until(lambda: rig.broker.connections == 3)
        assert not rig.task.done()
        assert (
            rig.lines.having("session_failed")
            == ["0 W mqtt session_failed why=tcp:ECONNRESET"] * 2
        )


async def test_dates_that_do_not_fit_raise_doubt_about_the_clock():
    for text, is_doubted in (
        ("The certificate validity starts in the future", True),
        ("The certificate validity has expired", True),
        ("The certificate is not correctly signed by the trusted CA", False),
    ):
        async with Rig() as rig:

            async def refuse(_host, text=text):
                raise ValueError(text)

            rig.session.resolve = refuse
            await until(lambda: rig.lines)
            assert rig.doubted.is_set() == is_doubted, text


async def test_disconnect_says_goodbye():
    async with Rig() as rig:
        await rig.session.up.wait()
        await rig.session.disconnect()
        await until(lambda: rig.broker.having("disconnect"))


async def test_a_message_that_never_fits_is_refused_and_takes_no_room():
    async with Rig(tx_bytes=128, rx_bytes=128) as rig:
        await rig.session.up.wait()
        try:
            rig.session.try_publish(b"t", b"x" * 200, False, rig.owner, 0)
        except Exception as exc:
            assert "the buffer holds 128" in str(exc)
        else:
            raise AssertionError("taken")
        assert rig.put(1)
        await until(lambda: rig.owner.acks == [1])
