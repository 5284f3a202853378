import asyncio
import json

from harness import scratch

from fakes.store import BACKLOG, LIVE, StoreRig
from firmware import publisher as publisher_module
from firmware.composer import Composer
from firmware.errors import RejectedError
from firmware.publisher import Publisher
from firmware.reading import Datapoint, Reading
from firmware.topics import topics_of

POINTS = (Datapoint("t", decimals=1), Datapoint("h"))


class Session:
    """Takes messages into a window; the test acknowledges them, or forgets the session."""

    def __init__(self, size=16, limit=1024):
        self.up = asyncio.Event()
        self.logins = 0
        self.size = size
        self.limit = limit
        self.open = []
        self.sent = []

    @property
    def has_room(self):
        return self.up.is_set() and len(self.open) < self.size

    def try_publish(self, topic, msg, retain, owner, ref):
        if len(msg) > self.limit:
            raise RejectedError("too big")
        self.open.append((owner, ref))
        self.sent.append((topic.decode()[len("devices/device1") :], json.loads(msg), retain))
        return True

    def ack(self, number=0):
        owner, ref = self.open.pop(number)
        owner.acked(ref)

    def again(self):
        return [json.loads(owner.message(ref)[1]) for owner, ref in self.open]


class Status:
    def __init__(self):
        self.due = False

    def is_due(self):
        return self.due

    def forget(self):
        self.due = True

    def document(self):
        self.due = False
        return b'{"status": "online"}'

    def attributes(self):
        return b'{"firmware_version": "1"}'


class Rig:
    def __init__(self, patterns=("devices/+/telemetry",), budget=0, sequence=True, batch=1,
                 most_bytes=900, board=None, points=POINTS, **session):  # fmt: skip
        self.session = Session(**session)
        self.kept = StoreRig(scratch(), board, points)
        self.clock = self.kept.clock
        self.lines = self.kept.lines
        self.ready = self.kept.filled
        self.store = self.kept.store
        self.status = Status()
        topics = topics_of("device1", patterns)
        log = self.lines.log("publisher")
        composer = Composer(
            self.store, Reading(points), topics, self.clock, log, sequence, batch, most_bytes
        )
        self.publisher = Publisher(
            self.session, self.store, composer, topics, self.status, self.clock, log, self.ready,
            budget,
        )  # fmt: skip

    def take(self, count=1, **values):
        for _ in range(count):
            reading = Reading(self.kept.reading.points)
            for key, value in (values or {"t": 20, "h": 50}).items():
                reading.set(key, value)
            reading.stamp, reading.time_known = 1795392000, True
            self.store.append(reading.pack())

    async def run(self, ms=5):
        task = asyncio.create_task(self.publisher.run())
        await asyncio.sleep_ms(ms)
        task.cancel()
        await asyncio.sleep_ms(0)

    async def connect(self):
        self.session.logins += 1
        self.session.up.set()
        self.ready.set()
        await self.run()

    def sent(self, kind="telemetry"):
        return [msg for topic, msg, _ in self.session.sent if topic == "/" + kind]

    def seqs(self):
        return [msg["seq"] for msg in self.sent()]


async def test_birth_comes_first_then_events_then_readings():
    rig = Rig()
    rig.publisher.add_event("store_opened", {"boot": 1})
    rig.take(2)
    await rig.connect()
    assert [(topic, retain) for topic, _, retain in rig.session.sent] == [
        ("/attributes", True), ("/status", True), ("/events", False),
        ("/telemetry", False), ("/telemetry", False),
    ]  # fmt: skip


async def test_a_reading_is_kept_until_it_is_acknowledged():
    rig = Rig()
    rig.take(3)
    await rig.connect()
    assert rig.seqs() == [0, 1, 2]
    assert len(rig.kept.waiting(LIVE)) == 3
    rig.session.open = rig.session.open[2:]
    rig.session.ack()
    rig.session.ack()
    assert len(rig.kept.waiting(LIVE)) == 1


async def test_acknowledgements_out_of_order_free_nothing_too_early():
    rig = Rig()
    rig.take(3)
    await rig.connect()
    rig.session.open = rig.session.open[2:]
    rig.session.ack(2)
    assert len(rig.kept.waiting(LIVE)) == 3
    rig.session.ack(0)
    assert len(rig.kept.waiting(LIVE)) == 2
    rig.session.ack(0)
    assert len(rig.kept.waiting(LIVE)) == 0


async def test_no_more_than_the_window_leaves_and_the_rest_follows():
    rig = Rig(size=4)
    rig.take(10)
    await rig.connect()
    assert rig.seqs() == [0, 1]  # behind attributes and status
    for _ in range(12):
        rig.session.ack()
        rig.ready.set()
        await rig.run(1)
    assert rig.seqs() == list(range(10))


async def test_a_forgotten_session_sends_everything_again_from_the_oldest():
    rig = Rig()
    rig.take(3)
    await rig.connect()
    rig.session.open = rig.session.open[2:]
    rig.session.ack()
    rig.session.up.clear()
    await rig.run()
    rig.session.open.clear()
    rig.publisher.rewind()
    await rig.connect()
    assert rig.seqs() == [0, 1, 2, 1, 2]
    assert len(rig.sent("status")) == 2


async def test_a_resumed_session_is_given_the_same_readings_again():
    rig = Rig()
    rig.take(3)
    await rig.connect()
    rig.session.open = rig.session.open[2:]
    rig.session.ack(1)
    assert [msg["seq"] for msg in rig.session.again()] == [0, 2]
    assert rig.session.again()[1] == rig.sent()[2]


async def test_a_profile_with_topics_of_their_own_gets_each_value_there():
    rig = Rig(("devices/+/sensors/h", "devices/+/sensors/t"))
    rig.take(1)
    rig.take(1, t=5)  # no humidity: one message only
    await rig.connect()
    assert rig.sent("sensors/h") == [{"h": 50, "timestamp": 1795392000, "boot": 1, "seq": 0}]
    assert [msg["seq"] for msg in rig.sent("sensors/t")] == [0, 1]
    # The first reading is gone only when both of its messages are acknowledged.
    rig.session.open = rig.session.open[2:]
    rig.session.ack(0)
    assert len(rig.kept.waiting(LIVE)) == 2
    rig.session.ack(0)
    assert len(rig.kept.waiting(LIVE)) == 1


async def test_without_the_sequence_boot_and_seq_stay_here():
    rig = Rig(sequence=False)
    rig.take(1)
    await rig.connect()
    assert rig.sent() == [{"t": 20.0, "h": 50, "timestamp": 1795392000}]


async def test_dropped_readings_are_reported_until_that_is_acknowledged():
    rig = Rig()
    rig.kept.account.drop(1, 0, 4, 5, "full")
    rig.kept.account.drop(1, 9, 9, 1, "damaged")
    wanted = [
        {"boot": 1, "from": 0, "to": 4, "count": 5, "reason": "full"},
        {"boot": 1, "from": 9, "to": 9, "count": 1, "reason": "damaged"},
    ]
    await rig.connect()
    assert [msg["metadata"] for msg in rig.sent("events")] == wanted[:1]
    # The session is lost before it was acknowledged: it is told again.
    rig.session.open.clear()
    rig.publisher.rewind()
    await rig.connect()
    assert [msg["metadata"] for msg in rig.sent("events")] == wanted[:1] * 2
    while rig.session.open:
        rig.session.ack()
        rig.ready.set()
        await rig.run(1)
    assert [msg["metadata"] for msg in rig.sent("events")] == wanted[:1] * 2 + wanted[1:]
    assert rig.store.next_drop() is None


async def test_the_live_lane_goes_first_and_the_backlog_beside_it():
    rig = Rig(size=6)
    rig.take(5)
    rig.store.flush("age")
    rig.take(3)
    await rig.connect()
    assert rig.seqs() == [5, 6, 7, 0]
    rig.take(1)
    for _ in range(20):
        if rig.session.open:
            rig.session.ack()
        rig.ready.set()
        await rig.run(1)
    assert rig.seqs() == [5, 6, 7, 0, 8, 1, 2, 3, 4]
    assert rig.kept.waiting(LIVE) == rig.kept.waiting(BACKLOG) == []


async def test_a_reading_flushed_while_it_was_on_its_way_is_sent_once():
    rig = Rig()
    rig.take(3)
    await rig.connect()
    rig.store.flush("age")
    rig.ready.set()
    await rig.run()
    assert rig.seqs() == [0, 1, 2]
    while rig.session.open:
        rig.session.ack()
        rig.ready.set()
        await rig.run(1)
    assert rig.seqs() == [0, 1, 2] and rig.kept.waiting(BACKLOG) == []


async def test_a_session_forgotten_in_an_outage_sends_what_the_flash_has():
    rig = Rig()
    rig.take(3)
    await rig.connect()
    rig.store.flush("age")
    rig.session.up.clear()
    await rig.run()
    rig.session.open.clear()
    rig.publisher.rewind()
    rig.take(1)
    await rig.connect()
    assert rig.seqs() == [0, 1, 2, 3, 0, 1, 2]


async def test_a_batch_is_an_array_that_fits_and_is_acknowledged_as_one():
    rig = Rig(batch=10, most_bytes=220)
    rig.take(7)
    await rig.connect()
    sent = rig.sent()
    assert [[one["seq"] for one in array] for array in sent] == [[0, 1, 2], [3, 4, 5], [6]]
    assert len(json.dumps(sent[0])) <= 222
    rig.session.open = rig.session.open[2:]
    # The same readings in the same message, when a resumed session asks for it again.
    assert rig.session.again() == sent
    rig.session.ack()
    assert [seq for _, seq in rig.kept.waiting(LIVE)] == [3, 4, 5, 6]


async def test_a_batch_of_the_backlog_goes_on_where_the_last_one_ended():
    rig = Rig(batch=4, size=4)
    rig.take(10)
    rig.store.flush("age")
    await rig.connect()
    for _ in range(20):
        if rig.session.open:
            rig.session.ack()
        rig.ready.set()
        await rig.run(1)
    seqs = [[one["seq"] for one in array] for array in rig.sent()]
    assert seqs == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_readings_of_former_settings_are_sent_with_their_own_keys():
    rig = Rig()
    rig.take(2)
    rig.store.flush("age")
    board = rig.kept.board
    board.power_cut()
    rig = Rig(board=board, points=(Datapoint("pressure"),))
    rig.take(1, pressure=7)
    await rig.connect()
    assert [(msg.get("t"), msg.get("h"), msg.get("pressure")) for msg in rig.sent()] == [
        (None, None, 7), (20.0, 50, None), (20.0, 50, None),
    ]  # fmt: skip


async def test_an_event_is_sent_again_until_it_is_acknowledged():
    rig = Rig()
    rig.publisher.add_event("a", {})
    await rig.connect()
    rig.session.open.clear()
    rig.publisher.rewind()
    rig.ready.set()
    await rig.run()
    assert len(rig.sent("events")) == 2
    rig.session.ack()
    rig.publisher.rewind()
    rig.ready.set()
    await rig.run()
    assert len(rig.sent("events")) == 2


async def test_too_many_events_lose_the_oldest_and_say_so():
    rig = Rig()
    for number in range(40):
        rig.publisher.add_event("e%d" % number, {})
    await rig.connect()
    for _ in range(40):
        if rig.session.open:
            rig.session.ack()
        rig.ready.set()
        await rig.run(1)
    names = [msg["event_type"] for msg in rig.sent("events")]
    assert names == ["e%d" % number for number in range(24, 40)]
    assert len(rig.lines.having("event_lost")) == 24


async def test_the_budget_spaces_what_exceeds_it():
    rig = Rig(budget=4)
    rig.take(10)
    await rig.connect()
    # Four at once, then one in every 15 s of the clock's time.
    assert len(rig.session.sent) >= 4
    assert rig.clock.naps_ms and all(nap_ms == 15_000 for nap_ms in rig.clock.naps_ms)
    assert len(rig.session.sent) <= 4 + len(rig.clock.naps_ms)


async def test_a_reading_that_never_fits_is_said_and_does_not_block_the_rest():
    rig = Rig(limit=48, sequence=False)
    rig.take(1, t=123456, h=1234567)
    rig.take(1, h=1)
    await rig.connect()
    assert len(rig.lines.having("message_rejected")) == 1
    assert rig.sent() == [{"h": 1, "timestamp": 1795392000}]
    assert len(rig.kept.waiting(LIVE)) == 1


async def test_a_record_that_does_not_fit_the_datapoints_is_skipped_aloud():
    rig = Rig()
    rig.store.append(b"\x01\x00\x00\x00\x00junk")
    rig.take(1)
    await rig.connect()
    assert rig.seqs() == [1]
    assert rig.lines.having("record_skipped") == [
        "0 E publisher record_skipped boot=1 seq=0 why=record does not fit the datapoints"
    ]


async def test_an_event_that_never_fits_is_said_once_and_holds_nothing_up():
    rig = Rig(limit=90)
    rig.publisher.add_event("long", {"text": "x" * 200})
    rig.take(1)
    await rig.connect()
    assert len(rig.lines.having("message_rejected")) == 1
    assert rig.seqs() == [0]
    rig.session.up.clear()
    rig.publisher.rewind()
    await rig.run()
    await rig.connect()
    assert len(rig.lines.having("message_rejected")) == 1


async def test_a_link_that_was_gone_for_a_moment_is_a_new_birth_all_the_same():
    rig = Rig()
    task = asyncio.create_task(rig.publisher.run())
    for _ in range(2):
        rig.session.logins += 1
        rig.session.up.set()
        rig.ready.set()
        await asyncio.sleep_ms(5)
        # Nothing wakes the publisher while there is no link.
        rig.session.up.clear()
    task.cancel()
    assert len(rig.sent("attributes")) == len(rig.sent("status")) == 2


async def test_a_status_falls_due_without_any_reading():
    publisher_module._LOOK_MS = 5
    rig = Rig()
    rig.session.logins += 1
    rig.session.up.set()
    task = asyncio.create_task(rig.publisher.run())
    await asyncio.sleep_ms(20)
    assert len(rig.sent("status")) == 1
    rig.status.due = True
    await asyncio.sleep_ms(40)
    task.cancel()
    assert len(rig.sent("status")) == 2
