"""What a device takes from its battery in a day, phase by phase, and how long that lasts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ways_device.batterylife import figures
from ways_device.batterylife.figures import Board, Cell, Figure
from ways_device.errors import UsageError

_DAY_S = 86_400
_HOUR_S = 3600
_MONTH_DAYS = 30.44
SECONDS = ("boot", "start", "join", "login", "publish")


@dataclass(frozen=True)
class Plan:
    """What is asked. connect_every counts readings per login; 0 = the device never sleeps.

    None stands for a figure that is assumed.
    """

    board: Board
    cell: Cell
    interval_s: int
    connect_every: int
    join: str = "fast"
    sensors_ms: float | None = None
    sensors_ma: float | None = None
    rtt_ms: float | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)  # measured ones, by SECONDS
    awake_limit_s: float | None = None  # a device's own; None = not checked


@dataclass(frozen=True)
class Phase:
    """One line of the budget: what it takes from the battery in a day."""

    name: str
    seconds: float
    ma: float
    mah: float
    sources: tuple[str, ...]
    is_assumed: bool


@dataclass(frozen=True)
class Budget:
    """The phases of a day, the battery, and how long it lasts."""

    phases: tuple[Phase, ...]
    usable_mah: float
    awake_s: float  # a wake with a login; 0 = always
    factor: float  # of the battery's current over the board's: above 1 with a booster

    @property
    def mah_per_day(self) -> float:
        return sum(phase.mah for phase in self.phases)

    @property
    def days(self) -> float:
        return self.usable_mah / self.mah_per_day

    @property
    def most(self) -> Phase:
        return max(self.phases, key=lambda phase: phase.mah)

    def share_pct(self, phase: Phase) -> float:
        return 100 * phase.mah / self.mah_per_day


def budget(plan: Plan) -> Budget:
    """Return the budget of a plan. Raises UsageError if a wake is longer than it can be."""
    if plan.connect_every:
        phases, awake_s = _asleep(plan)
    else:
        phases, awake_s = _always_on(plan), 0.0
    factor = _factor(plan)
    phases = [replace(one, ma=one.ma * factor, mah=one.mah * factor) for one in phases]
    cell = plan.cell
    loss_mah = cell.capacity_mah.value * cell.monthly_loss_pct.value / 100 / _MONTH_DAYS
    loss = replace(cell.monthly_loss_pct, value=loss_mah * _HOUR_S / _DAY_S)
    phases.append(_phase("self-discharge", _DAY_S, loss))
    usable_mah = cell.capacity_mah.value * cell.usable_pct.value / 100
    return Budget(tuple(phases), usable_mah, awake_s, factor)


def _asleep(plan: Plan) -> tuple[list[Phase], float]:
    """Return the phases of a device that wakes for each reading, and its longest wake."""
    board = plan.board
    wakes = _DAY_S / plan.interval_s
    logins = wakes / plan.connect_every
    boot, start = _timed(plan, "boot", figures.BOOT_S), _timed(plan, "start", figures.START_S)
    join = _timed(plan, "join", figures.JOINS_S[plan.join])
    login, publish = _timed(plan, "login", _login(plan)), _timed(plan, "publish", _publish(plan))
    sensors_s = _given(plan.sensors_ms, figures.SENSORS_MS).value / 1000
    wake_s = boot.value + start.value + sensors_s
    online_s = join.value + login.value + publish.value
    if wake_s + online_s >= plan.interval_s:
        raise UsageError(
            f"interval: a wake with a login takes {wake_s + online_s:.1f} s, which leaves no "
            f"sleep in {plan.interval_s} s; give a longer one, or --connect-every 0"
        )
    if plan.awake_limit_s is not None and wake_s + online_s > plan.awake_limit_s:
        raise UsageError(
            f"awake_limit_s: a wake with a login takes {wake_s + online_s:.1f} s, and the device "
            f"ends it after {plan.awake_limit_s:g} s; give it more"
        )
    asleep_s = _DAY_S - wakes * wake_s - logins * online_s
    return [
        _phase("regulator etc.", _DAY_S, board.always_ma),
        _phase("deep sleep", asleep_s, board.sleep_ma),
        _phase("boot", wakes * boot.value, board.boot_ma, boot),
        _phase("agent start", wakes * start.value, board.boot_ma, start),
        # The chip runs while its sensors measure.
        _sensors(plan, wakes, board.boot_ma),
        _phase(f"join ({plan.join})", logins * join.value, board.radio_ma, join),
        _phase("TLS and login", logins * login.value, board.radio_ma, login),
        _phase("publish", logins * publish.value, board.radio_ma, publish),
    ], wake_s + online_s


def _always_on(plan: Plan) -> list[Phase]:
    board = plan.board
    readings = _DAY_S / plan.interval_s
    extra = Figure(
        max(0, board.radio_ma.value - board.joined_ma.value),
        board.radio_ma.source,
        board.radio_ma.is_assumed,
    )
    message_s = min(figures.MESSAGE_S.value, plan.interval_s)
    return [
        _phase("regulator etc.", _DAY_S, board.always_ma),
        _phase("joined", _DAY_S, board.joined_ma),
        _sensors(plan, readings, Figure(0, "")),
        _phase("messages", readings * message_s, extra, figures.MESSAGE_S),
    ]


def _sensors(plan: Plan, readings: float, chip: Figure) -> Phase:
    time_ms = _given(plan.sensors_ms, figures.SENSORS_MS)
    current_ma = _given(plan.sensors_ma, figures.SENSORS_MA)
    source = f"{time_ms.value:g} ms at {current_ma.value:g} mA, beside the chip's"
    is_assumed = time_ms.is_assumed or current_ma.is_assumed or chip.is_assumed
    together = Figure(chip.value + current_ma.value, source, is_assumed)
    return _phase("sensors", readings * time_ms.value / 1000, together)


def _factor(plan: Plan) -> float:
    """Return how many mA the battery gives for one of the board's.

    A regulator passes the current on; a booster makes volts of it, and loses some.
    """
    mean_v = plan.cell.mean_v
    if mean_v >= plan.board.needs_v:
        return 1.0
    return plan.board.fed_v / mean_v * 100 / figures.BOOSTER_PCT


def _timed(plan: Plan, name: str, figure: Figure) -> Figure:
    given = plan.seconds.get(name)
    return figure.on(plan.board.chip) if given is None else Figure(given, f"{given:g} s, as given")


def _given(value: float | None, figure: Figure) -> Figure:
    return figure if value is None else Figure(value, "as given")


def _login(plan: Plan) -> Figure:
    trips, tls_s = figures.LOGIN_ROUND_TRIPS, figures.TLS_S.on(plan.board.chip)
    rtt_ms = _given(plan.rtt_ms, figures.RTT_MS)
    return Figure(
        tls_s.value + trips.value * rtt_ms.value / 1000,
        f"{tls_s.source}; {trips.value:g} round trips of {rtt_ms.value:g} ms ({trips.source})",
        tls_s.is_assumed or rtt_ms.is_assumed,
    )


def _publish(plan: Plan) -> Figure:
    # The window of messages is kept full: one round trip, and one more for each window of them.
    trips = 1 + plan.connect_every / figures.WINDOW
    rtt_ms = _given(plan.rtt_ms, figures.RTT_MS)
    return Figure(
        figures.PUBLISH_S.value + trips * rtt_ms.value / 1000,
        f"{figures.PUBLISH_S.source}; round trips: {trips:.1f}",
        True,
    )


def _phase(name: str, seconds: float, current: Figure, *times: Figure) -> Phase:
    sources, is_assumed = _origin(current, *times)
    mah = current.value * seconds / _HOUR_S
    return Phase(name, seconds, current.value, mah, sources, is_assumed)


def _origin(*parts: Figure) -> tuple[tuple[str, ...], bool]:
    told = (f"{part.source} (assumed)" if part.is_assumed else part.source for part in parts)
    return tuple(told), any(part.is_assumed for part in parts)
