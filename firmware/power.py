"""Battery voltage to percent, by chemistry.

Each curve lists (mV, percent) of one battery at rest, falling, straight lines between: typical
round figures, not measured by this project. Load, cold and age move them by ten percent and
more. The dry cells' curve is the one cell's times their number.
"""

_AA_MV = ((1500, 100), (1350, 75), (1250, 50), (1150, 25), (1000, 5), (900, 0))
_CURVES = {
    "li-ion": ((4200, 100), (4000, 80), (3850, 55), (3750, 35), (3650, 15), (3500, 5), (3200, 0)),
    "lifepo4": ((3400, 100), (3320, 80), (3280, 50), (3220, 25), (3150, 10), (2500, 0)),
    "2xaa": tuple((2 * mv, pct) for mv, pct in _AA_MV),
    "3xaa": tuple((3 * mv, pct) for mv, pct in _AA_MV),
}


def percent(battery_mv, chemistry):
    """Return the charge left in a battery of this chemistry, 0..100."""
    curve = _CURVES[chemistry]
    if battery_mv >= curve[0][0]:
        return 100
    for (high_mv, high_pct), (low_mv, low_pct) in zip(curve, curve[1:]):
        if battery_mv >= low_mv:
            span_mv = high_mv - low_mv
            return low_pct + (battery_mv - low_mv) * (high_pct - low_pct) // span_mv
    return 0


class Battery:
    def __init__(self, adc_mv, pin, divider_milli, chemistry):
        """adc_mv(pin) returns what the pin sees, 1000 / divider_milli of the battery's voltage."""
        self.adc_mv = adc_mv
        self.pin = pin
        self.divider_milli = divider_milli
        self.chemistry = chemistry

    def level_pct(self):
        """Return the charge in percent, or None without a battery or a measurement."""
        if self.pin is None:
            return None
        try:
            return percent(self.adc_mv(self.pin) * self.divider_milli // 1000, self.chemistry)
        except OSError:
            return None
