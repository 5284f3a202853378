"""Battery: voltage to percent by chemistry, and the event when it runs low.

Each curve is mV, percent, mV, percent ... of one cell at rest, falling, straight lines between.

li-ion      Cylindrical cells (NMC, NCA): the mean of three, discharged and charged within 20 to
            32 hours at room temperature, which lie within 5 % of it.
            Source: Sunil, Pattipati, Balasingam, "Piecewise Linear Approximation of Battery
            Open-Circuit Voltage Characteristics", IEEE Trans. Instrum. Meas. 2025, tables at
            github.com/soorajsunil/Piecewise-Battery-OCV (Molicel P42A, Samsung 40T);
            github.com/derlucae98/US18650VTC6_OCV_SOC_Curve (Sony VTC6).
lipo        Pouches (LiCoO2), up to 30 % from the curve above.
            Source: Maxim (Analog Devices) application note 4189; read where others quote it.
lifepo4     Lithium Werks APR18650M1B in 32 hours at room temperature, from the tables of Sunil.
            From 98 to 30 % it is flat, 1 mV per percent, and tells no more than "not empty".
2xaa, 3xaa  Alkaline, down to 1.0 V. Above 67 %: Duracell's data sheet MN1500 at 100 mA and
            21 degC, as digitized at pastebin.com/ZAV8ZhSn, out of the 2.2 Ah that
            powerstream.com/AA-tests.htm measured at 100 mA. Below no table with its conditions
            was found: those are points of Meshtastic's firmware (src/power.h), which names no
            source. Ten percent off at best.

Load, cold and age move all of them by another ten percent and more.
"""

from micropython import const

# A transmission takes 3 ms or so. Of nine samples, a second apart, four may be taken while the
# radio pulls the voltage down, and do not count.
SAMPLES = const(9)
_APART_MS = const(1000)
# How far above the limit a battery is all right again.
_CLEAR_PCT = const(10)

_LI_ION = (
    4190, 100, 4105, 95, 4065, 84, 3840, 60, 3700, 45, 3575, 30, 3400, 15, 3315, 10, 3155, 5,
    2500, 0,
)  # fmt: skip
_LIPO = (
    4177, 100, 4086, 90, 4008, 80, 3945, 70, 3884, 60, 3821, 50, 3793, 40, 3775, 30, 3741, 20,
    3687, 10, 3306, 0,
)  # fmt: skip
_LIFEPO4 = (3420, 100, 3350, 98, 3277, 30, 3194, 9, 3087, 5, 2930, 3, 2740, 1, 2010, 0)
_AA = (1560, 100, 1414, 90, 1354, 80, 1300, 67, 1250, 50, 1190, 30, 1100, 10, 1000, 0)
# Number of cells, curve of one.
CURVES = {
    "li-ion": (1, _LI_ION),
    "lipo": (1, _LIPO),
    "lifepo4": (1, _LIFEPO4),
    "2xaa": (2, _AA),
    "3xaa": (3, _AA),
}


def percent(battery_mv, chemistry):
    """Return the charge left in a battery of this chemistry, 0..100."""
    cells, curve = CURVES[chemistry]
    cell_mv = battery_mv // cells
    if cell_mv >= curve[0]:
        return 100
    for at in range(2, len(curve), 2):
        low_mv, low_pct = curve[at], curve[at + 1]
        if cell_mv >= low_mv:
            span_mv, span_pct = curve[at - 2] - low_mv, curve[at - 1] - low_pct
            return low_pct + (cell_mv - low_mv) * span_pct // span_mv
    return 0


def battery_mv(samples_mv, divider_milli, offset_mv, chemistry):
    """Return the battery's voltage from what its pin has seen, their median.

    None for what no battery of this chemistry has: under half of an empty one's voltage, as an
    open pin tells, or over 1.2 times a full one's.
    """
    median_mv = sorted(samples_mv)[len(samples_mv) // 2]
    found_mv = median_mv * divider_milli // 1000 + offset_mv
    cells, curve = CURVES[chemistry]
    if 2 * found_mv < cells * curve[-2] or 5 * found_mv > 6 * cells * curve[0]:
        return None
    return found_mv


class Battery:
    # Where events and warnings go, once there are such places.
    tell = log = None
    _is_warned = False

    def __init__(self, board, config, clock):
        """Measure for the first time: nothing else is on yet, the radio least of all."""
        self.board = board
        self.clock = clock
        self.pin = config.battery_pin
        self.divider_milli = config.battery_divider_milli
        self.offset_mv = config.battery_offset_mv
        self.chemistry = config.battery_chemistry
        self.low_pct = config.battery_low_pct
        # In NVS, for a sleeper starts anew at each wake. A flash that forgets tells once more.
        self.is_low = bool(self.low_pct and board.nvs.get_i32("battery_low"))
        self.samples_mv = []
        for _ in range(SAMPLES):
            self._sample()

    def level_pct(self):
        """Return the charge in percent, None without a measurement that can be believed.

        It follows the battery within five looks. Crossing low_pct is told.
        """
        since_ms = self.clock.ticks_diff(self.clock.ticks_ms(), self._sampled)
        if since_ms >= _APART_MS or not self.samples_mv:
            self._sample()
        found_mv = None
        if self.samples_mv:
            found_mv = battery_mv(
                self.samples_mv, self.divider_milli, self.offset_mv, self.chemistry
            )
        if found_mv is None:
            if self.log and not self._is_warned:
                self._is_warned = True
                pin_mv = self.samples_mv[-1] if self.samples_mv else None
                self.log.warn("battery_implausible", pin=self.pin, pin_mv=pin_mv)
            return None
        level_pct = percent(found_mv, self.chemistry)
        self._compare(level_pct, found_mv)
        return level_pct

    def _sample(self):
        self._sampled = self.clock.ticks_ms()
        try:
            self.samples_mv.append(self.board.adc_mv(self.pin))
        except OSError:
            self.samples_mv.clear()
        if len(self.samples_mv) > SAMPLES:
            self.samples_mv.pop(0)

    def _compare(self, level_pct, found_mv):
        """Tell when the charge has fallen to the limit, or is well above it again."""
        if not self.low_pct or self.tell is None:
            return
        if self.is_low:
            has_crossed = level_pct >= self.low_pct + _CLEAR_PCT
        else:
            has_crossed = level_pct <= self.low_pct
        if not has_crossed:
            return
        self.is_low = now = not self.is_low
        self.tell(
            "battery_low" if now else "battery_ok",
            {"battery_pct": level_pct, "battery_mv": found_mv},
            # Only what the platform knows is not told again.
            lambda: self._keep(now),
        )

    def _keep(self, is_low):
        try:
            self.board.nvs.set_i32("battery_low", int(is_low))
        except OSError:
            pass
