"""The account of readings, with planted losses, duplicates, drops and power cuts."""

import pytest
from ledger_book import book_of

from ways_device.sandbox.db import Db
from ways_device.sandbox.wire import dump

START = 1_800_000_000.0


class Rig:
    """A device that publishes, and its ledger."""

    def __init__(self, db):
        self.ledger, self.ingest = book_of(db, "d")

    def reads(self, boot, *seqs, at=None, topic="telemetry", key="t"):
        for seq in seqs:
            taken = START + seq if at is None else at
            document = {key: 1, "boot": boot, "seq": seq, "timestamp": taken}
            self.ingest.take(f"devices/d/{topic}", dump(document).encode(), START + 100)

    def says(self, event_type, **metadata):
        document = {"event_type": event_type, "metadata": metadata}
        self.ingest.take("devices/d/events", dump(document).encode(), START)

    def opens(self, boot, next_seq, lost=(None, None), durable=None, **more):
        self.says(
            "store_opened",
            boot=boot,
            next_seq=next_seq,
            lost_from=lost[0],
            lost_to=lost[1],
            last_durable=durable,
            dropped_total=0,
            **more,
        )

    def drops(self, boot, first, last, count=None, reason="full"):
        count = last - first + 1 if count is None else count
        self.says(
            "readings_dropped",
            boot=boot,
            count=count,
            reason=reason,
            **{"from": first, "to": last},
        )

    def boots(self):
        return {row["boot"]: row for row in self.ledger.report("d")["boots"]}

    def boot(self, number):
        return self.boots()[number]

    @property
    def adds_up(self):
        return self.ledger.report("d")["adds_up"]


@pytest.fixture
def rig():
    db = Db(":memory:")
    yield Rig(db)
    db.close()


def test_a_whole_run_adds_up(rig):
    rig.opens(3, 0)
    rig.reads(3, *range(20))
    assert rig.ledger.report("d") == {
        "device_id": "d",
        "boots": [
            {
                "boot": 3,
                "highest_seq": 19,
                "delivered": 20,
                "duplicates": 0,
                "late": 0,
                "partial": 0,
                "dropped": 0,
                "volatile": 0,
                "tail_unknown": False,
                "flush_after_s": 60,
                "missing": [],
            }
        ],
        "adds_up": True,
    }


@pytest.mark.parametrize("hole", range(10))
def test_a_lost_reading_is_missing_wherever_it_was(rig, hole):
    rig.opens(1, 0)
    rig.reads(1, *(seq for seq in range(11) if seq != hole))
    assert rig.boot(1)["missing"] == [[hole, hole]]
    assert not rig.adds_up


def test_losses_are_shown_as_ranges(rig):
    rig.reads(1, 0, 4, 5, 9)
    assert rig.boot(1)["missing"] == [[1, 3], [6, 8]]


def test_duplicates_are_counted_and_change_nothing_else(rig):
    rig.reads(1, 0, 1, 2, 1, 1, 0)
    assert (rig.boot(1)["delivered"], rig.boot(1)["duplicates"]) == (3, 3)
    assert rig.adds_up


def test_a_reading_after_a_later_one_is_late_once(rig):
    rig.reads(1, 0, 5, 1, 2, 3, 4, 4, 6)
    assert rig.boot(1)["late"] == 4
    rig.reads(2, 0)
    rig.reads(1, 7)
    assert rig.boot(1)["late"] == 5
    assert rig.adds_up


def test_a_loss_that_arrives_after_all_is_no_loss(rig):
    rig.reads(1, 0, 2)
    assert not rig.adds_up
    rig.reads(1, 1)
    assert rig.adds_up


def test_a_reported_drop_closes_its_gap(rig):
    rig.reads(1, 0, 1, 5)
    rig.drops(1, 2, 4)
    assert (rig.boot(1)["dropped"], rig.boot(1)["missing"]) == (3, [])
    assert rig.adds_up


def test_a_report_that_arrives_twice_counts_once(rig):
    rig.reads(1, 0, 9)
    rig.drops(1, 1, 4)
    rig.drops(1, 1, 4)
    assert rig.boot(1)["dropped"] == 4
    assert rig.boot(1)["missing"] == [[5, 8]]


def test_overlapping_reports_count_each_reading_once(rig):
    rig.reads(1, 0, 9)
    rig.drops(1, 1, 6)
    rig.drops(1, 4, 8)
    assert (rig.boot(1)["dropped"], rig.boot(1)["missing"]) == (8, [])


def test_a_drop_report_explains_no_more_than_it_counts(rig):
    rig.reads(1, 0, 9)
    rig.drops(1, 1, 8, count=5)
    assert rig.boot(1)["dropped"] == 5
    assert rig.boot(1)["missing"] == [[6, 8]]


def test_a_dropped_reading_that_did_arrive_is_delivered_only(rig):
    rig.reads(1, 0, 1, 2, 3)
    rig.drops(1, 1, 2)
    boot = rig.boot(1)
    assert (boot["delivered"], boot["dropped"]) == (4, 0)


def test_a_drop_at_the_end_is_known_too(rig):
    rig.reads(1, 0)
    rig.drops(1, 1, 3)
    assert (rig.boot(1)["highest_seq"], rig.boot(1)["dropped"]) == (3, 3)


def test_what_an_unplanned_reset_took_is_volatile(rig):
    rig.opens(1, 0)
    rig.reads(1, *range(5))
    rig.opens(1, 9, lost=(5, 8))
    rig.opens(1, 9, lost=(5, 8))
    rig.reads(1, 9, 10)
    assert (rig.boot(1)["volatile"], rig.boot(1)["missing"]) == (4, [])
    assert rig.adds_up


def test_what_was_in_flash_at_a_reset_must_still_arrive(rig):
    rig.reads(1, *range(5))
    rig.opens(1, 9, lost=(7, 8))
    assert rig.boot(1)["missing"] == [[5, 6]]
    rig.reads(1, 5, 6)
    assert rig.adds_up


def test_the_tail_before_a_power_cut_is_unknown_and_no_loss(rig):
    rig.reads(1, *range(5))
    rig.opens(2, 0, durable={"boot": 1, "seq": 2})
    rig.reads(2, 0)
    assert [rig.boot(1)["tail_unknown"], rig.boot(2)["tail_unknown"]] == [True, False]
    assert rig.adds_up


def test_what_was_durable_at_a_power_cut_is_no_tail(rig):
    rig.reads(1, *range(5))
    rig.opens(2, 0, durable={"boot": 1, "seq": 7})
    assert rig.boot(1)["highest_seq"] == 7
    assert rig.boot(1)["missing"] == [[5, 7]]


def test_a_gap_in_the_last_minute_before_a_power_cut_is_volatile(rig):
    rig.reads(1, *range(100))
    rig.reads(1, 103, 104)
    assert rig.boot(1)["missing"] == [[100, 102]]
    rig.opens(2, 0, durable={"boot": 1, "seq": 50})
    assert (rig.boot(1)["volatile"], rig.boot(1)["missing"]) == (3, [])


def test_a_gap_before_that_minute_is_missing(rig):
    rig.reads(1, *range(10))
    rig.reads(1, *range(13, 200))
    rig.opens(2, 0)
    assert rig.boot(1)["missing"] == [[10, 12]]


def test_a_durable_reading_is_never_excused_by_a_power_cut(rig):
    rig.reads(1, *range(100))
    rig.reads(1, 103, 104)
    rig.opens(2, 0, durable={"boot": 1, "seq": 104})
    assert rig.boot(1)["missing"] == [[100, 102]]


def test_the_first_reading_of_a_short_boot_is_no_tail(rig):
    rig.opens(1, 0)
    rig.reads(1, 1, 2, 3)
    rig.opens(2, 0)
    assert rig.boot(1)["missing"] == [[0, 0]]


def test_a_device_that_comes_from_elsewhere_owes_nothing_from_before(rig):
    rig.opens(7, 57)
    rig.reads(7, 57, 58)
    assert rig.adds_up
    assert rig.boot(7)["missing"] == []


def test_what_such_a_device_still_brings_along_counts_from_its_first(rig):
    rig.opens(7, 57, durable={"boot": 6, "seq": 100})
    rig.reads(7, 57)
    assert rig.adds_up
    assert list(rig.boots()) == [7]
    rig.reads(6, 80, 81, 83)
    assert rig.boot(6)["missing"] == [[82, 82], [84, 100]]
    rig.reads(6, 82, *range(84, 101))
    assert rig.adds_up


def test_what_it_brings_along_of_the_same_boot_counts_too(rig):
    rig.opens(7, 57, lost=(50, 56))
    rig.reads(7, 40, 42, 57)
    assert (rig.boot(7)["missing"], rig.boot(7)["volatile"]) == ([[41, 41], [43, 49]], 7)


def test_the_next_boot_owes_its_first_readings(rig):
    rig.opens(7, 57)
    rig.reads(7, 57)
    rig.opens(8, 0)
    rig.reads(8, 1)
    assert rig.boot(8)["missing"] == [[0, 0]]


def test_a_reading_on_sensor_topics_is_one_reading(rig):
    for seq in range(3):
        for key in ("t", "h"):
            rig.reads(1, seq, topic=f"sensors/{key}", key=key)
    rig.reads(1, 1, topic="sensors/h", key="h")
    boot = rig.boot(1)
    assert (boot["delivered"], boot["duplicates"], boot["late"]) == (3, 1, 0)


def test_both_topic_trees_beside_each_other_are_no_duplicates(rig):
    rig.reads(1, 0, 1)
    rig.reads(1, 0, 1, topic="sensors/t")
    assert (rig.boot(1)["delivered"], rig.boot(1)["duplicates"]) == (2, 0)


def test_reports_of_nonsense_are_ignored(rig):
    rig.reads(1, 0, 2)
    rig.drops(1, 2, 0, count=3)
    rig.drops(-1, 0, 9)
    rig.drops(1, "1", 1, count=1)
    rig.drops(1, 0, 2**40, count=1)
    rig.drops(1, True, True, count=1)
    rig.says("store_opened", boot=1)
    rig.says("store_opened", boot=None, next_seq={})
    rig.opens(1, 0, lost=(9, 1), durable=[1])
    assert list(rig.boots()) == [1]
    assert rig.boot(1)["missing"] == [[1, 1]]


def test_a_range_of_all_numbers_is_no_burden(rig):
    rig.reads(1, 0)
    rig.drops(1, 0, 2**32 - 2)
    assert rig.boot(1)["dropped"] == 2**32 - 2


def test_a_device_that_never_spoke_adds_up(rig):
    assert rig.ledger.report("d") == {"device_id": "d", "boots": [], "adds_up": True}


def cut_off(rig, **more):
    """Have a boot with a gap 50 s before its last reading, ended by a power cut."""
    rig.opens(1, 0, **more)
    rig.reads(1, *range(50), *range(60, 111))
    rig.opens(2, 0, durable={"boot": 1, "seq": 40})


def test_a_device_says_how_far_back_a_power_cut_reaches(rig):
    cut_off(rig, flush_after_s=61)
    assert (rig.boot(1)["flush_after_s"], rig.boot(1)["volatile"]) == (61, 10)
    assert rig.boot(2)["flush_after_s"] == 61


def test_a_sleeper_may_say_that_a_power_cut_reaches_back_for_a_week(rig):
    week_s = 7 * 86400 + 600
    rig.opens(1, 0, flush_after_s=week_s)
    rig.reads(1, 0, 1, 7, at=START)  # 2 to 6 are missing, six days before the last
    rig.reads(1, 8, at=START + 6 * 86400)
    rig.opens(2, 0, flush_after_s=week_s)
    assert (rig.boot(1)["flush_after_s"], rig.boot(1)["volatile"]) == (week_s, 5)
    assert rig.adds_up


def test_a_device_that_flushes_sooner_has_less_of_an_excuse(rig):
    cut_off(rig, flush_after_s=55)
    assert (rig.boot(1)["missing"], rig.boot(1)["volatile"]) == ([[50, 54]], 5)


def test_the_pace_between_its_neighbours_tells_when_a_missing_reading_was_taken(rig):
    for seq in (0, 1, 3):  # every 25 s: the one that is missing was taken at 50, 25 s ago
        rig.reads(1, seq, at=START + 25 * seq)
    rig.opens(2, 0)
    assert (rig.boot(1)["volatile"], rig.adds_up) == (1, True)


def test_what_a_boot_says_is_for_itself_and_those_after_it(rig):
    rig.opens(1, 0)
    rig.reads(1, 0)
    rig.opens(2, 0, flush_after_s=600)
    rig.opens(2, 0, flush_after_s=300)
    rig.opens(3, 0)
    assert [boot["flush_after_s"] for boot in rig.boots().values()] == [60, 300, 300]


def test_the_attributes_are_asked_where_no_start_told(rig):
    rig.ingest.take("devices/d/attributes", b'{"flush_after_s": 61}', START)
    cut_off(rig)
    assert rig.adds_up


@pytest.mark.parametrize("said", [0, 4, 605401, -60, True, None, "61", [61], 1e300])
def test_a_time_that_cannot_be_is_not_taken_over(rig, said):
    rig.ingest.take("devices/d/attributes", dump({"flush_after_s": said}).encode(), START)
    cut_off(rig, flush_after_s=said)
    assert (rig.boot(1)["flush_after_s"], rig.adds_up) == (60, True)


def test_a_reading_with_fewer_messages_than_others_is_partial(rig):
    for seq in range(4):
        rig.reads(1, seq, topic="sensors/t", key="t")
        if seq != 2:
            rig.reads(1, seq, topic="sensors/h", key="h")
    boot = rig.boot(1)
    assert (boot["delivered"], boot["partial"], rig.adds_up) == (4, 1, True)


def test_the_sums_of_a_device_are_those_of_its_boots(rig):
    rig.opens(1, 0)
    rig.reads(1, 0, 1, 1, 3, 2, 9)
    rig.drops(1, 4, 5)
    rig.opens(2, 0)
    rig.reads(2, 0, 5)
    assert rig.ledger.summary("d") == {
        "device_id": "d",
        "boots": 2,
        "delivered": 7,
        "duplicates": 1,
        "late": 1,
        "partial": 0,
        "dropped": 2,
        "volatile": 3,
        "tail_unknown": 1,
        "missing": 4,
        "adds_up": False,
    }
