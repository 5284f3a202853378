"""Battery days: sums that are made by hand here, and what must hold for any figures."""

import ast
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from ways_device import cli
from ways_device.batterylife.budget import SECONDS, Plan, budget
from ways_device.batterylife.figures import BOARDS, CELLS, Board, Cell, Figure
from ways_device.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]


def figure(value):
    return Figure(value, "the test")


BOARD = Board(
    chip="the test",
    always_ma=figure(1),
    sleep_ma=figure(0.5),
    boot_ma=figure(36),
    radio_ma=figure(100),
    joined_ma=figure(30),
    needs_v=3.0,
    fed_v=3.3,
)
CELL = Cell(figure(1000), figure(80), figure(0), mean_v=3.7)
TIMES = {"boot": 6, "start": 4, "join": 8, "login": 7, "publish": 5}


def plan(**changes):
    base = Plan(BOARD, CELL, 3600, 1, sensors_ms=0, sensors_ma=0, seconds=TIMES)
    return replace(base, **changes)


@pytest.fixture
def told(capsys):
    def call(*words, expected=0):
        assert cli.run(["battery-life", *words]) == expected
        said = capsys.readouterr()
        return said.err if expected else said.out

    return call


def test_an_hourly_device_by_hand():
    # 24 wakes a day, each 10 s at 36 mA, then 20 s at 100 mA; asleep for the rest.
    awake_mah = 24 * 10 * 36 / 3600 + 24 * 20 * 100 / 3600  # 2.4 + 13.333
    asleep_mah = (86400 - 24 * 30) * 0.5 / 3600  # 11.9
    sum_mah = 24 * 1 + awake_mah + asleep_mah  # 51.633
    made = budget(plan())
    assert made.mah_per_day == pytest.approx(sum_mah) == pytest.approx(51.633, abs=0.001)
    assert made.days == pytest.approx(800 / sum_mah) == pytest.approx(15.494, abs=0.001)
    assert made.awake_s == 30
    assert made.most.name == "regulator etc." and made.share_pct(made.most) == pytest.approx(
        46.48, abs=0.01
    )


def test_a_login_every_fourth_wake_by_hand():
    # Only the 20 s at 100 mA are rarer: 6 a day for 24.
    made = budget(plan(connect_every=4))
    asleep_mah = (86400 - 24 * 10 - 6 * 20) * 0.5 / 3600
    assert made.mah_per_day == pytest.approx(24 + 2.4 + 40 / 3 / 4 + asleep_mah)


def test_sensors_self_discharge_and_booster_by_hand():
    # The chip runs at 36 mA while they take 14: 24 times 2 s at 50 mA.
    with_sensors = budget(plan(sensors_ms=2000, sensors_ma=14))
    taken = {phase.name: phase.mah for phase in with_sensors.phases}
    assert taken["sensors"] == pytest.approx(24 * 2 * 50 / 3600)
    # 3 % of 1000 mAh in 30.44 days.
    leaking = budget(plan(cell=replace(CELL, monthly_loss_pct=figure(3))))
    assert leaking.mah_per_day - budget(plan()).mah_per_day == pytest.approx(30 / 30.44)
    # 3.3 V out of 2.5 V, of which 85 % arrive: 1.553 mA for one.
    boosted = budget(plan(cell=replace(CELL, mean_v=2.5)))
    assert boosted.mah_per_day == pytest.approx(budget(plan()).mah_per_day * 3.3 / 2.5 / 0.85)


def test_always_on_by_hand():
    # A reading a minute: 1440 times 0.1 s at 70 mA more than the 30 of a joined chip.
    made = budget(plan(connect_every=0, interval_s=60))
    assert made.mah_per_day == pytest.approx(24 * 1 + 24 * 30 + 1440 * 0.1 * 70 / 3600)
    assert made.awake_s == 0


def test_the_command_by_hand(told):
    # esp32: 4 uA of regulator, 31.1 mA joined, 96 readings of 100 ms at 2 mA and of 0.1 s with
    # 120 - 31.1 mA; 2 % of 1000 mAh a month; 85 % of them usable.
    load_mah = 0.004 * 24 + 31.1 * 24 + 96 * 0.1 * 2 / 3600 + 96 * 0.1 * 88.9 / 3600
    days = 850 / (load_mah + 20 / 30.44)
    words = ("--board", "esp32", "--battery-mah", "1000", "--connect-every", "0")
    found = json.loads(told(*words, "--json"))
    assert found["days"] == round(days, 1) == 1.1
    assert found["mah_per_day"] == pytest.approx(load_mah + 20 / 30.44, abs=0.001)
    assert "always on" in told(*words)


def random_plan(rng):
    return Plan(
        BOARDS[rng.choice(list(BOARDS))],
        CELLS[rng.choice(list(CELLS))],
        rng.randrange(30, 86_400),
        rng.randrange(0, 100),
        rng.choice(("fast", "full")),
        rng.uniform(0, 5000),
        rng.uniform(0, 50),
        rng.uniform(0, 500),
        {name: rng.uniform(0, 3) for name in SECONDS if rng.random() < 0.5},
    )


def test_what_spares_the_battery_never_shortens_its_life():
    rng = random.Random(3)
    for _ in range(2000):
        one = random_plan(rng)
        days = budget(one).days
        slower = replace(one, interval_s=min(86_400, one.interval_s + rng.randrange(1, 9000)))
        capacity = replace(one.cell.capacity_mah, value=one.cell.capacity_mah.value * 2)
        better = [slower, replace(one, join="fast"), replace(one, rtt_ms=one.rtt_ms / 2)]
        better += [
            replace(one, sensors_ma=0),
            replace(one, cell=replace(one.cell, capacity_mah=capacity)),
        ]
        if one.connect_every:
            better.append(replace(one, connect_every=one.connect_every + rng.randrange(1, 100)))
        for other in better:
            assert budget(other).days >= days * (1 - 1e-9), (one, other)


def test_the_parts_make_the_whole_and_nothing_is_negative():
    rng = random.Random(4)
    for _ in range(500):
        made = budget(random_plan(rng))
        assert sum(made.share_pct(phase) for phase in made.phases) == pytest.approx(100)
        assert all(phase.mah >= 0 and phase.seconds >= 0 for phase in made.phases)
        assert 0 < made.days < 10_000


def test_every_figure_has_a_source_and_every_phase_shows_its_own(told):
    for board in BOARDS.values():
        assert all(part.source for part in vars(board).values() if isinstance(part, Figure))
    for name in BOARDS:
        for every in ("0", "1"):
            words = ("--board", name, "--connect-every", every)
            found = json.loads(told(*words, "--json"))
            assert all(phase["sources"] for phase in found["phases"])
            text = " ".join(told(*words).split())
            for phase in found["phases"]:
                for source in phase["sources"]:
                    assert source in text


def test_assumed_times_are_marked_until_measured_ones_are_given(told):
    found = {p["phase"]: p for p in json.loads(told("--json"))["phases"]}
    assert found["agent start"]["assumed"] and found["publish"]["assumed"]
    assert not found["deep sleep"]["assumed"]
    words = ("--seconds", "start=0.5", "--seconds", "publish=1", "--json")
    found = {p["phase"]: p for p in json.loads(told(*words))["phases"]}
    assert not found["agent start"]["assumed"] and not found["publish"]["assumed"]
    assert found["agent start"]["seconds_per_day"] == 48.0  # 96 wakes


def marks(told, *words):
    """Return the phases that are marked as assumed."""
    found = json.loads(told(*words, "--json"))
    return {phase["phase"] for phase in found["phases"] if phase["assumed"]}


def test_a_time_of_another_chip_is_marked_and_said_to_be():
    boot_s = Figure(0.6, "of a test", chip="ESP32-S3")
    assert boot_s.on("ESP32-S3") == boot_s
    assert boot_s.on("ESP32") == Figure(0.6, "of a test, taken for an ESP32", True, "ESP32-S3")


def test_what_is_not_given_is_marked(told):
    guessed = {"agent start", "sensors", "publish"}
    assert marks(told, "--board", "esp32") == guessed | {"boot", "TLS and login"}
    sensors = ("--sensors-ms", "100", "--sensors-ma", "2")
    assert marks(told, "--board", "esp32", *sensors, "--rtt-ms", "50") == guessed - {"sensors"} | {
        "boot"
    }
    # An S3's boot was measured, but neither its join nor its TLS.
    online = {"join (fast)", "TLS and login"}
    assert marks(told, "--board", "esp32-s3", *sensors) == guessed - {"sensors"} | online


def test_a_wake_longer_than_the_device_allows_is_refused(told, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"interval_s": 600, "connect_every": 6, "awake_limit_s": 10}))
    assert json.loads(told("--settings", str(path), "--json"))["awake_s"] < 10
    words = ("--settings", str(path), "--seconds", "login=9")
    assert "awake_limit_s: a wake with a login takes" in told(*words, expected=2)
    path.write_text(json.dumps({"awake_limit_s": 9}))
    assert "from 10 to 600" in told("--settings", str(path), expected=2)


def test_text_is_honest_says_what_dominates_and_fits(told):
    for words in ((), ("--board", "esp32", "--chemistry", "2xaa"), ("--connect-every", "0")):
        text = told(*words)
        assert "not measured on this code" in " ".join(text.split())
        assert [line for line in text.splitlines() if len(line) > 80] == []
    assert "regulator etc. takes 88 % of it" in told()
    assert "age of the cell" in told(
        "--board", "esp32", "--chemistry", "2xaa", "--battery-mah", "900000"
    )


def test_settings_of_a_device_count_and_options_count_more(told, tmp_path):
    path = tmp_path / "config.json"
    settings = {"interval_s": 600, "connect_every": 6, "battery_chemistry": "3xaa"}
    path.write_text(json.dumps(settings))
    found = json.loads(told("--settings", str(path), "--json"))
    assert [found[key] for key in ("interval_s", "connect_every", "chemistry")] == [600, 6, "3xaa"]
    found = json.loads(told("--settings", str(path), "--interval", "60", "--json"))
    assert [found[key] for key in ("interval_s", "connect_every")] == [60, 6]
    # What a device does by itself: always on, a reading a minute.
    path.write_text("{}")
    found = json.loads(told("--settings", str(path), "--json"))
    assert [found[key] for key in ("interval_s", "connect_every")] == [60, 0]


def test_what_cannot_be_computed_is_refused_with_its_name(told, tmp_path):
    assert "esp33 is none of esp32-devkit, esp32," in told("--board", "esp33", expected=2)
    assert "--chemistry: lead is none of" in told("--chemistry", "lead", expected=2)
    assert "--join: slow is none of" in told("--join", "slow", expected=2)
    assert "leaves no sleep in 4 s" in told("--interval", "4", expected=2)
    for words in (("--interval", "0"), ("--battery-mah", "-1"), ("--connect-every", "x")):
        told(*words, expected=2)
    for pair in ("boot", "boot=x", "boot=-1", "boot=nan", "boot=inf", "sleep=1", "=1"):
        assert "--seconds" in told("--seconds", pair, expected=2)
    path = tmp_path / "config.json"
    for key, value in (
        ("interval_s", "60"), ("interval_s", True), ("interval_s", 0), ("connect_every", 1001),
        ("battery_chemistry", 3), ("battery_chemistry", "lead"),
    ):  # fmt: skip
        path.write_text(json.dumps({key: value}))
        assert told("--settings", str(path), expected=2)
    path.write_text("[1]")
    assert "JSON object" in told("--settings", str(path), expected=2)
    assert "cannot read" in told("--settings", str(tmp_path / "none"), expected=2)


def test_a_wake_as_long_as_the_interval_is_refused_not_negative():
    with pytest.raises(UsageError, match=r"30\.0 s, which leaves no sleep in 30 s"):
        budget(plan(interval_s=30))
    assert budget(plan(interval_s=31)).days > 0


def curve_of(chemistry):
    """Return (cells, [(mV, percent)]) out of the agent's own file."""
    values = {}
    for node in ast.parse((ROOT / "firmware" / "power.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            values[node.targets[0].id] = ast.literal_eval(node.value)
    name, cells = {
        "li-ion": ("_LI_ION", 1), "lifepo4": ("_LIFEPO4", 1), "3xaa": ("_AA", 3),
    }[chemistry]  # fmt: skip
    flat = values[name]
    return cells, list(zip(flat[::2], flat[1::2], strict=True))


@pytest.mark.parametrize(
    ("chemistry", "least_mv"), [("li-ion", 3400), ("lifepo4", 3000), ("3xaa", 3400)]
)
def test_usable_share_is_that_of_the_agents_curve(chemistry, least_mv):
    cells, points = curve_of(chemistry)
    cell_mv = least_mv / cells
    at = next(i for i, (mv, _) in enumerate(points) if mv <= cell_mv)
    (high_mv, high_pct), (low_mv, low_pct) = points[at - 1], points[at]
    left_pct = low_pct + (cell_mv - low_mv) * (high_pct - low_pct) / (high_mv - low_mv)
    assert CELLS[chemistry].usable_pct.value == pytest.approx(100 - left_pct, abs=1)


def test_the_example_in_the_readme_is_what_the_command_prints(told):
    readme = (ROOT / "README.md").read_text()
    example = readme.split("$ ways-device battery-life ")[1].split("```")[0]
    words, _, shown = example.partition("\n")
    assert told(*words.split()).startswith(shown)
