import random

from fakes.board import FakeBoard
from fakes.clock import FakeClock
from fakes.log import Lines
from firmware import power
from firmware.config import checked
from firmware.power import CURVES, Battery, percent

SECOND_MS = 1000


class Rig:
    """A Li-ion cell behind a divider by two at pin 34, looked at once a second."""

    def __init__(self, battery_mv, board=None, **settings):
        self.board = board or FakeBoard()
        self.set(battery_mv)
        values = {"mqtt_host": "h", "battery_pin": 34}
        values.update(settings)
        self.clock = FakeClock()
        self.battery = Battery(self.board, checked(values), self.clock)
        self.lines = Lines()
        self.battery.log = self.lines.log("power")
        self.battery.tell = self.tell
        self.told = []
        self.pending = []

    def tell(self, event_type, metadata, done):
        self.told.append((event_type, metadata))
        self.pending.append(done)

    def set(self, battery_mv):
        self.board.voltages_mv[34] = battery_mv // 2

    def look(self, times=1):
        for _ in range(times):
            self.clock.now += SECOND_MS
            level_pct = self.battery.level_pct()
        return level_pct

    def settle(self, battery_mv):
        """Return the level once the median is all of this voltage."""
        self.set(battery_mv)
        return self.look(power.SAMPLES)

    def events(self):
        return [event_type for event_type, _ in self.told]


def test_points_of_the_sources_are_met():
    # Li-ion: Samsung 40T and Molicel P42A, each within 5 % of the mean of the three.
    for mv, pct in ((3582, 29), (3694, 45), (4066, 84), (4112, 95), (3573, 29), (3701, 46)):
        assert abs(percent(mv, "li-ion") - pct) <= 5, mv
    # Sony VTC6.
    for mv, pct in ((3268, 10), (3416, 20), (3558, 30), (3756, 50), (3922, 70), (4091, 90)):
        assert abs(percent(mv, "li-ion") - pct) <= 5, mv
    assert [percent(mv, "lipo") for mv in (4177, 3821, 3741, 3306)] == [100, 50, 20, 0]
    assert [percent(mv, "lifepo4") for mv in (3420, 3277, 3194, 2010)] == [100, 30, 9, 0]
    # Duracell MN1500 at 100 mA: 2.13, 4.32 and 7.26 hours of 22.
    assert [percent(2 * mv, "2xaa") for mv in (1414, 1354, 1300)] == [90, 80, 67]
    assert [percent(3 * mv, "3xaa") for mv in (1414, 1354, 1300, 1000)] == [90, 80, 67, 0]


def test_points_fall_and_start_and_end_at_the_ends():
    for _, curve in CURVES.values():
        assert curve[1] == 100 and curve[-1] == 0
        for at in range(2, len(curve), 2):
            assert curve[at] < curve[at - 2] and curve[at + 1] < curve[at - 1]


def test_any_voltage_is_a_percentage_and_a_falling_one_never_raises_it():
    for chemistry in CURVES:
        assert percent(66_000, chemistry) == 100
        last_pct = 100
        for mv in range(4800, -1, -1):
            level_pct = percent(mv, chemistry)
            # No step of a millivolt is a leap either: straight lines join all points.
            assert last_pct - 2 <= level_pct <= last_pct, (chemistry, mv)
            last_pct = level_pct
        assert last_pct == 0


def test_divider_and_offset_are_undone():
    assert Rig(3840).battery.level_pct() == 60
    board = FakeBoard()
    board.voltages_mv[34] = 960
    settings = {"battery_divider_milli": 3900, "battery_offset_mv": 96}
    rig = Rig(1920, board, **settings)
    assert rig.battery.level_pct() == 60  # 960 * 3.9 + 96 = 3840
    settings = {"battery_offset_mv": -140}
    assert Rig(3840, **settings).battery.level_pct() == 45


def test_four_samples_of_nine_in_a_burst_change_nothing():
    rig = Rig(3840)
    rig.set(3000)
    assert rig.look(4) == 60
    rig.set(3840)
    assert rig.look(20) == 60


def test_a_lasting_change_is_followed_within_five_looks():
    rig = Rig(3840)
    rig.set(3700)
    assert rig.look(5) == 45


def test_looks_within_one_burst_are_one_sample():
    rig = Rig(3840)
    rig.set(3000)
    rig.look()
    for _ in range(50):
        assert rig.battery.level_pct() == 60
    assert rig.look(3) == 60


def test_what_no_battery_has_is_no_level_and_logged_once():
    # An open pin, under half of an empty cell's, over 1.2 times a full one's.
    for battery_mv in (0, 1248, 5030):
        rig = Rig(battery_mv)
        assert rig.look(30) is None
        pin_mv = battery_mv // 2
        assert rig.lines == ["0 W power battery_implausible pin=34 pin_mv=%d" % pin_mv]
        assert rig.told == []
    for battery_mv, level_pct in ((1250, 0), (5028, 100)):
        assert Rig(battery_mv).look() == level_pct
    # Three dry cells are read as three.
    assert Rig(1400, battery_chemistry="3xaa").look() is None
    assert Rig(1500, battery_chemistry="3xaa").look() == 0


def test_a_pin_that_cannot_be_read_is_no_level_and_no_end():
    rig = Rig(3840)
    del rig.board.voltages_mv[34]
    assert rig.look(5) is None
    assert rig.lines == ["0 W power battery_implausible pin=34 pin_mv=None"]
    rig.set(3840)
    assert rig.look() == 60


def test_low_is_told_once_and_ok_once_when_ten_percent_above():
    rig = Rig(3700)
    rig.settle(3470)
    assert rig.told == []
    rig.settle(3468)
    assert rig.told == [("battery_low", {"battery_pct": 20, "battery_mv": 3468})]
    for battery_mv in (3400, 3480, 3466, 3574, 3000):
        rig.settle(battery_mv)
    assert rig.events() == ["battery_low"]
    rig.settle(3576)
    assert rig.told[1] == ("battery_ok", {"battery_pct": 30, "battery_mv": 3576})
    rig.settle(4100)
    assert rig.events() == ["battery_low", "battery_ok"]
    rig.settle(3300)
    assert rig.events() == ["battery_low", "battery_ok", "battery_low"]


def test_noise_around_either_limit_does_not_flap():
    random.seed(7)
    # A slow discharge through the lower limit, then a slow charge through the upper one, under
    # noise of some six percent.
    rig = Rig(3700)
    for battery_mv in list(range(3700, 3300, -1)) + list(range(3300, 3800)):
        rig.set(battery_mv + random.randrange(-40, 41))
        rig.look()
    assert rig.events() == ["battery_low", "battery_ok"]


def test_zero_turns_the_events_off():
    rig = Rig(3400, battery_low_pct=0)
    assert rig.settle(2500) == 0
    assert rig.told == [] and rig.board.nvs.values == {}


def test_what_the_platform_knows_is_not_told_again_after_a_restart():
    rig = Rig(3300)
    rig.look()
    assert rig.events() == ["battery_low"]
    # Not acknowledged: it is told again.
    assert rig.board.nvs.values == {}
    again = Rig(3300, rig.board)
    again.look()
    assert again.events() == ["battery_low"]
    again.pending[0]()
    # Acknowledged: a thousand wakes tell nothing more, nor write.
    for _ in range(1000):
        wake = Rig(3300, rig.board)
        wake.look()
        assert wake.told == []
    # A fresh battery, after a power cut.
    fresh = Rig(4100, rig.board)
    fresh.look()
    assert fresh.events() == ["battery_ok"]
    fresh.pending[0]()
    assert rig.board.nvs.values == {"battery_low": 0}


def test_a_flash_that_refuses_costs_no_more_than_a_repetition():
    rig = Rig(3300)
    rig.look()

    def refuse(_key, _value):
        raise OSError(5)

    rig.board.nvs.set_i32 = refuse
    rig.pending[0]()
    rig.look(30)
    assert rig.events() == ["battery_low"]


def test_before_anybody_listens_nothing_is_lost():
    rig = Rig(3300)
    rig.battery.tell = rig.battery.log = None
    rig.look(3)
    rig.battery.tell = rig.tell
    rig.look()
    assert rig.events() == ["battery_low"]
