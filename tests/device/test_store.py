"""The store on a real littlefs in RAM: what is kept, what wears the flash, what is told."""

import os

from fakes.board import FakeBoard
from fakes.flash import Flash
from fakes.store import BACKLOG, LIVE, StoreRig
from firmware import segment
from firmware.reading import Datapoint

FOLDER = "/flash/data"


def rig(flash=None, **options):
    if not isinstance(flash, Flash):
        flash = Flash(options.pop("blocks", 32)).format()
    flash.mount()
    made = StoreRig(FOLDER, **options)
    made.device = flash
    return made


def again(old, is_power_cut=True, **options):
    """Start anew on the same flash, as after a power cut or another reset."""
    if is_power_cut:
        old.board.power_cut()
    return rig(old.device, board=old.board, **options)


def segments():
    return sorted(name for name in os.listdir(FOLDER) if name.endswith(".log"))


def test_a_healthy_link_writes_nothing_to_flash():
    r = rig()
    before = r.device.programs
    for _ in range(300):
        r.take()
        assert r.peek(LIVE, 0) and r.peek(BACKLOG, 0) is None
        r.store.ack(LIVE, 1)
        r.clock.now += 1000
        assert r.store.front.age_s(r.clock.now // 1000) == 0
    assert r.device.programs == before
    assert r.store.flush("reset") and r.device.programs == before


def test_what_waits_is_flushed_in_time_and_survives_a_power_cut():
    import asyncio

    r = rig(flush_after_s=10)

    async def story():
        task = asyncio.create_task(r.store.run())
        r.take(3)
        while r.clock.now < 8000:
            assert segments() == []
            await asyncio.sleep_ms(0)
        while r.clock.now < 10_000:
            await asyncio.sleep_ms(0)
        task.cancel()

    asyncio.run(story())
    assert segments() == ["1.log"] and r.seqs(LIVE) == []
    r = again(r)
    assert r.open_event["last_durable"] == {"boot": 1, "seq": 2}
    assert (r.open_event["boot"], r.open_event["lost_from"]) == (2, None)
    assert r.open_event["flush_after_s"] == r.store.flush_after_s
    assert r.waiting(BACKLOG) == [(1, 0), (1, 1), (1, 2)]


def test_a_full_front_becomes_one_group_in_flash():
    r = rig(front_bytes=512)
    r.take(200)
    assert len(segments()) == 1 and r.drops() == []
    assert r.seqs(BACKLOG) + r.seqs(LIVE) == list(range(200))


def test_a_reset_takes_the_front_only_and_says_what_that_was():
    r = rig()
    r.take(4)
    r.store.flush("age")
    r.take(3)
    r.peek(LIVE, 0)
    r.store.ack(LIVE, 1)
    r = again(r, is_power_cut=False)
    told = r.open_event
    assert (told["boot"], told["next_seq"], told["lost_from"], told["lost_to"]) == (1, 7, 5, 6)
    assert r.seqs(BACKLOG) == [0, 1, 2, 3]
    # Until the platform knows, also of what went the same way meanwhile.
    r.take(1)
    r = again(r, is_power_cut=False)
    assert (r.open_event["lost_from"], r.open_event["lost_to"]) == (5, 7)
    r.store.opened_told()
    assert again(r, is_power_cut=False).open_event["lost_from"] is None


def test_in_flight_readings_that_are_flushed_are_delivered_once():
    r = rig()
    r.take(5)
    assert r.peek(LIVE, 0) == (1, 0) and r.peek(LIVE, 1) == (1, 1)
    r.store.flush("age")
    # Two stay in the front, on the way; the log waits for what becomes of them.
    assert r.peek(BACKLOG, 0) is None
    r.store.ack(LIVE, 1)
    assert r.peek(BACKLOG, 0) is None
    r.store.ack(LIVE, 1)
    assert r.seqs(LIVE) == [] and r.seqs(BACKLOG) == [2, 3, 4]


def test_in_flight_readings_of_a_lost_session_are_left_to_the_log():
    r = rig()
    r.take(5)
    r.peek(LIVE, 0), r.peek(LIVE, 1)
    r.store.flush("age")
    r.store.ack(LIVE, 1)
    r.store.rewind(LIVE)
    assert r.seqs(LIVE) == [] and r.seqs(BACKLOG) == [1, 2, 3, 4]


def test_a_second_flush_does_not_copy_again_what_the_log_has():
    r = rig()
    r.take(2)
    r.peek(LIVE, 0)
    r.store.flush("age")
    r.take(2)
    r.store.flush("age")
    r.store.rewind(LIVE)
    assert r.seqs(BACKLOG) == [0, 1, 2, 3]


def test_the_backlog_is_drained_in_order_across_segments_and_leaves_nothing():
    r = rig()
    r.take(1000)
    r.store.flush("age")
    assert len(segments()) > 2
    assert [seq for _, seq in r.drain()] == list(range(1000))
    assert segments() == [] and r.peek(BACKLOG, 0) is None
    r.take(3)
    r.store.flush("age")
    assert r.seqs(BACKLOG) == [1000, 1001, 1002]


def test_a_power_cut_in_the_middle_of_a_drain_repeats_one_cursor_step_at_most():
    r = rig()
    r.take(200)
    r.store.flush("age")
    for _ in range(150):
        r.peek(BACKLOG, 0)
        r.store.ack(BACKLOG, 1)
    left = again(r).waiting(BACKLOG)
    assert left[-1] == (1, 199) and 150 - 64 <= left[0][1] <= 150
    assert left == [(1, seq) for seq in range(left[0][1], 200)]


def test_a_record_of_two_numbers_takes_sixteen_bytes_at_most():
    r = rig(blocks=64)
    for _ in range(3000):
        r.take()
    r.store.flush("age")
    assert len(segments()) * segment.SIZE <= 16 * 3000


def test_a_full_log_gives_up_its_oldest_segment_and_reports_it():
    r = rig(segments=4)
    r.take(2500)
    r.store.flush("age")
    assert len(segments()) == 4
    drops = r.drops()
    left = r.seqs(BACKLOG)
    assert [(d["boot"], d["from"], d["reason"]) for d in drops] == [(1, 0, "full")]
    assert drops[0]["to"] + 1 == left[0] == drops[0]["count"]
    assert left == list(range(left[0], 2500))
    assert r.account.dropped_total == drops[0]["count"]


def test_drops_are_told_after_a_power_cut_too_and_then_no_more():
    r = rig(segments=4)
    r.take(2500)
    r.store.flush("age")
    r = again(r, segments=4)
    assert r.open_event["dropped_total"] > 0
    drops = r.drops()
    assert drops[0]["count"] == r.open_event["dropped_total"]
    assert again(r, segments=4).drops() == []


def test_what_is_in_flight_is_never_dropped():
    r = rig(segments=4)
    r.take(300)
    r.store.flush("age")
    flying = [r.peek(BACKLOG, skip) for skip in range(16)]
    r.take(3000)
    r.store.flush("age")
    assert [r.peek(BACKLOG, skip) for skip in range(16)] == flying
    r.store.ack(BACKLOG, 16)
    left = r.seqs(BACKLOG)
    dropped = sum(drop["count"] for drop in r.drops())
    assert 16 + len(left) + dropped == 3300
    # The rest of the segment that was in flight is kept as well.
    assert left[0] == 16


def test_the_other_policy_keeps_the_oldest_and_drops_the_new():
    r = rig(segments=4, drops_oldest=False)
    r.take(2500)
    r.store.flush("age")
    kept = r.seqs(BACKLOG) + r.seqs(LIVE)
    dropped = r.drops()
    assert kept == list(range(len(kept)))
    assert sum(drop["count"] for drop in dropped) == 2500 - len(kept)
    assert dropped[0]["from"] == len(kept) and dropped[-1]["to"] == 2499


def test_a_disk_that_others_filled_costs_the_oldest_readings_and_heals():
    r = rig(blocks=24)
    r.take(600)
    r.store.flush("age")
    room = os.statvfs("/flash")[3]
    with open("/flash/ballast", "wb") as file:
        for _ in range(room - 4):
            file.write(b"x" * 4096)
    r.take(600)
    r.store.flush("age")
    assert os.statvfs("/flash")[3] >= 3
    left = r.seqs(BACKLOG) + r.seqs(LIVE)
    drops = r.drops()
    assert len(left) + sum(drop["count"] for drop in drops) == 1200
    assert left[-1] == 1199
    os.remove("/flash/ballast")
    r.store.rewind(BACKLOG)
    r.drain()
    r.clock.now += 120_000
    r.take(600)
    assert r.store.flush("age") and len(r.seqs(BACKLOG)) == 600


def test_flash_that_refuses_every_write_leaves_the_front_at_work():
    r = rig(front_bytes=512)
    r.take(5)
    r.device.fails = OSError(5)
    r.take(100)
    live = r.seqs(LIVE)
    assert live[-1] == 104 and live == list(range(live[0], 105))
    assert [line for line in r.lines if "log_unusable" in line] == [
        "0 E store log_unusable reason=full why=[Errno 5] EIO"
    ]
    drop = r.store.next_drop()
    assert (drop["from"], drop["to"], drop["count"]) == (0, live[0] - 1, live[0])
    # A reset now takes the report with it, so it says what it took.
    assert r.board.memory and again(r, is_power_cut=False).open_event["lost_from"] == 0


def test_flash_that_comes_back_takes_what_waited():
    r = rig(front_bytes=512)
    r.device.fails = OSError(5)
    r.take(20)
    assert not r.store.flush("age")
    r.device.fails = None
    r.clock.now += 60_000
    assert r.store.flush("age")
    assert r.seqs(BACKLOG) == list(range(20))


def test_a_folder_that_is_a_file_costs_the_log_and_not_the_agent():
    flash = Flash(16).format()
    flash.mount()
    with open("/flash/data", "wb") as file:
        file.write(b"junk")
    r = rig(flash)
    assert "log_unusable" in r.lines[0] and r.open_event["last_durable"] is None
    r.take(100)
    assert r.seqs(LIVE)[-1] == 99 and r.drops()[0]["count"] > 0


def test_what_interrupted_writes_left_in_the_folder_and_beside_it_goes():
    flash = Flash(16).format()
    flash.mount()
    os.mkdir("/flash/data")
    for path in ("/flash/identity.0.tmp", "/flash/data/account.tmp", "/flash/config.json"):
        with open(path, "wb") as file:
            file.write(b"part")
    r = rig(flash)
    assert sorted(os.listdir("/flash")) == ["config.json", "data"]
    assert "account.tmp" not in os.listdir("/flash/data") and r.lines == []


def test_another_device_does_not_send_what_this_one_took():
    r = rig()
    r.take(50)
    r.store.flush("age")
    r = again(r, owner=8)
    assert r.open_event["last_durable"] is None and r.drain() == []
    assert segments() == []
    r.take(2)
    r.store.flush("age")
    assert r.waiting(BACKLOG) == [(2, 0), (2, 1)]


def test_records_are_read_after_the_datapoints_have_changed():
    from firmware.reading import Reading, described

    r = rig()
    r.take(3)
    r.store.flush("age")
    r = again(r, points=(Datapoint("pressure"),))
    shape = rig(Flash(16).format()).reading.shape
    r.device.mount()
    view = memoryview(bytearray(300))
    assert r.store.peek_into(view, BACKLOG, 0)
    from firmware.store import HEADER_SIZE, header

    size, boot, seq, told = header(view)
    assert (boot, seq, told) == (1, 0, shape)
    old = Reading(described(r.store.points(told)))
    old.unpack(view[HEADER_SIZE:size])
    assert [point.key for point in old.points] == ["t", "h"] and old.values == [0, 500]
    # What is new goes to a segment of its own, and the old text goes with the last old record.
    r.reading.values[:] = [5]
    r.store.append(r.reading.pack())
    r.store.flush("age")
    assert len(segments()) == 2
    r.store.rewind(BACKLOG)
    assert len(r.drain()) == 4
    r.peek(BACKLOG, 0)
    assert [name for name in os.listdir("/flash/data") if name.endswith(".pts")] == [
        "%08x.pts" % r.reading.shape
    ]


def test_times_that_jump_and_many_boots_are_kept_exactly():
    board = FakeBoard()
    r = rig(board=board)
    taken = []
    for stamp in (1795392000, 1795392000 - 9 * 86400, 946684800, 4294900000 - 2000):
        for _ in range(3):
            seq = r.store.retained.next_seq
            r.reading.stamp, r.reading.time_known = stamp + seq, bool(seq % 2)
            r.reading.values[:] = [seq, -seq]
            record = r.reading.pack()
            r.store.append(record)
            taken.append((r.store.boot, seq, record))
        r.store.flush("age")
        r = again(r)
    from firmware.store import HEADER_SIZE, header

    view = memoryview(bytearray(300))
    for number, (boot, seq, record) in enumerate(taken):
        assert r.store.peek_into(view, BACKLOG, number)
        size, found_boot, found_seq, _ = header(view)
        assert (found_boot, found_seq) == (boot, seq)
        assert view[HEADER_SIZE:size] == record


def test_memory_stays_the_same_at_any_backlog():
    import gc

    r = rig(blocks=200, segments=250)
    r.take(50)
    r.store.flush("age")
    r.peek(BACKLOG, 0)
    gc.collect()
    before = gc.mem_alloc()
    r.take(30_000)
    r.store.flush("age")
    for skip in range(16):
        r.peek(BACKLOG, skip)
    r.store.rewind(BACKLOG)
    gc.collect()
    assert gc.mem_alloc() - before < 2048


HEAP_KB = 2000
