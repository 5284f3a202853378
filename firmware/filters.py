"""What becomes of a sensor's samples: options that every kind of sensor has besides its own.

    every_s      s; the sensor is asked this often, not at the reporting interval
    aggregate    what a reading has of the samples since the last one: last (the default), mean,
                 min, max or count; or a list: the first under the datapoint's own key, the
                 others as datapoints of their own, KEY_min and so on
    deadband     a value is not told unless it moved by this much since it was last told
    heartbeat_s  s; but it is told at least this often
    low, high    a sample beyond a limit, and the one that is back, becomes a reading at once

Each but every_s may be an object too, by the keys of the sensor's datapoints. A boolean or a text
knows only last and count, and any change of it leaves a deadband. Values are integers of
10**-decimals here, as in a reading: a mean is rounded to that, halves up.
"""

from micropython import const

from firmware.errors import ConfigError
from firmware.reading import Datapoint, Reading

_AGGREGATES = ("last", "mean", "min", "max", "count")
_MOST_S = const(86400)
_MOST_UNITS = const(0x3FFFFFFF)
# A sample beyond a limit becomes a reading at once no more often; the one that is back always.
_CROSSING_S = const(60)


def wrap(kind, sensor, options):
    """Return the sensor with what all of its options ask for.

    Raises ConfigError, also for an option that is left over.
    """
    try:
        wrapped = Filtered(sensor, options)
        if options:
            raise ValueError("unknown option %s" % sorted(options)[0])
    except ValueError as exc:
        raise ConfigError("sensors: %s: %s" % (kind, exc))
    return wrapped


class Filtered:
    """A sensor whose samples go through the windows of its channels, one per datapoint."""

    due = 0  # ticks; when it is to be asked next, if it has its own interval

    def __init__(self, sensor, options):
        """Take the general options out of options. Raises ValueError."""
        self.read_into = sensor.read_into
        # What the driver fills.
        self.raw = Reading(sensor.points)
        self.channels = [Channel(point) for point in sensor.points]
        self.every_ms = 0
        if "every_s" in options:
            self.every_ms = _seconds("every_s", options.pop("every_s")) * 1000
        for name in ("aggregate", "deadband", "low", "high", "heartbeat_s"):
            if name in options:
                self._give(name, options.pop(name))
        self.points = []
        for channel in self.channels:
            channel.settle()
            self.points.extend(channel.points)

    def _give(self, name, value):
        by_key = value if isinstance(value, dict) else None
        takers = []
        for channel in self.channels:
            if by_key is not None:
                if channel.point.key in by_key:
                    takers.append((channel, by_key[channel.point.key]))
            # A heartbeat for all is one for those that a deadband keeps silent.
            elif name != "heartbeat_s" or channel.deadband:
                takers.append((channel, value))
        if by_key is not None and len(takers) < len(by_key):
            known = [channel.point.key for channel in self.channels]
            unknown = sorted([key for key in by_key if key not in known])
            raise ValueError("%s: there is no datapoint %s" % (name, unknown[0]))
        if by_key is None and not takers:
            raise ValueError("%s: there is no deadband" % name)
        for channel, its_value in takers:
            channel.set(name, its_value)


class Channel:
    """One datapoint of a sensor: its window since the last reading, and what was told of it."""

    kinds = ("last",)
    deadband = heartbeat_ms = low = high = None
    slack = 0  # how far back from a limit it takes to be back
    at = 0  # the place of its first value in the readings
    count = total = 0
    last = least = most = None
    told = None  # the values that were told last
    quiet_ms = 0  # for how long nothing was told
    zone = None  # as it was told: 1 = above high, -1 = below low, 0 = between, None = not yet
    beyond_s = None  # when a sample beyond a limit was told at once
    crossed_stamp = None  # the time of the last sample that was told at once

    def __init__(self, point):
        self.point = point

    def set(self, name, value):
        """Take one option. Raises ValueError; the message starts with its name."""
        point = self.point
        if name == "aggregate":
            self._set_kinds(value if isinstance(value, list) else [value])
        elif name == "heartbeat_s":
            self.heartbeat_ms = _seconds(name, value) * 1000
        elif name == "deadband":
            self.deadband = _units(name, value, point)
            if self.deadband < 1:
                raise ValueError("deadband: %s is less than a step of %s" % (value, point.key))
        elif point.data_type != "number":
            raise ValueError("%s: %s is no number" % (name, point.key))
        elif name == "low":
            self.low = _units(name, value, point)
        else:
            self.high = _units(name, value, point)

    def _set_kinds(self, kinds):
        is_number = self.point.data_type == "number"
        for kind in kinds:
            if kind not in _AGGREGATES:
                known = ", ".join(_AGGREGATES)
                raise ValueError("aggregate: %r is not one of %s" % (kind, known))
            if kinds.count(kind) > 1:
                raise ValueError("aggregate: %s twice" % kind)
            if not is_number and kind not in ("last", "count"):
                raise ValueError("aggregate: %s has no %s" % (self.point.key, kind))
        if not kinds:
            raise ValueError("aggregate: empty")
        self.kinds = kinds

    def settle(self):
        """Make the points once all options are there. Raises ValueError."""
        low, high = self.low, self.high
        if self.heartbeat_ms and not self.deadband:
            raise ValueError("heartbeat_s: %s has no deadband" % self.point.key)
        if self.kinds[0] == "count" and (self.deadband or low is not None or high is not None):
            raise ValueError("aggregate: count cannot be the first with a deadband or limits")
        self.slack = self.deadband or max(1, abs(low or 0) // 200, abs(high or 0) // 200)
        if low is not None and high is not None:
            if low >= high:
                raise ValueError("low: not below high")
            self.slack = min(self.slack, (high - low) // 2)
        self.points = [self._point(number) for number in range(len(self.kinds))]

    def _point(self, number):
        point, kind = self.point, self.kinds[number]
        key = "%s_%s" % (point.key, kind) if number else point.key
        if kind == "count":
            return Datapoint(key)
        return Datapoint(key, point.unit, point.data_type, point.decimals)

    def take(self, value):
        """Have a sample in the window."""
        self.last = value
        if self.point.data_type == "number":
            if not self.count:
                self.total, self.least, self.most = 0, value, value
            self.total += value
            self.least = min(self.least, value)  # pyright: ignore[reportArgumentType]
            self.most = max(self.most, value)  # pyright: ignore[reportArgumentType]
        self.count += 1

    def report(self, interval_ms, is_forced):
        """Return the values of its points, None if they are not told; begin a new window.

        interval_ms     since the last call and until the next one
        is_forced       tell them though they have not moved
        """
        self.quiet_ms = min(self.quiet_ms + interval_ms, _MOST_S * 1000)
        if not self.count:
            return None
        values = [self._value(kind) for kind in self.kinds]
        self.count = 0
        if self.deadband and not is_forced and self.told and not self._moved(values):
            is_due = self.heartbeat_ms and self.quiet_ms + interval_ms > self.heartbeat_ms
            if not is_due:
                return None
        self.told = values
        self.quiet_ms = 0
        return values

    def _value(self, kind):
        if kind == "mean":
            return (2 * self.total + self.count) // (2 * self.count)
        if kind == "last":
            return self.last
        if kind == "count":
            return self.count
        return self.least if kind == "min" else self.most

    def _moved(self, values):
        for kind, value, told in zip(self.kinds, values, self.told):  # pyright: ignore[reportArgumentType]
            if kind == "count":
                continue  # it comes with the others
            if self.point.data_type != "number":
                if value != told:
                    return True
            elif abs(value - told) >= self.deadband:
                return True
        return False

    def crosses(self, value, now_s):
        """Return True if a sample is to be told at once: it is beyond a limit, or back."""
        zone = self._zone(value)
        before = self.zone
        if before is None:  # the first of all: nothing is known to have changed
            self.zone = zone
        if before is None or zone == before:
            return False
        if zone:
            if self.beyond_s is not None and now_s - self.beyond_s < _CROSSING_S:
                return False
            self.beyond_s = now_s
        self.zone = zone
        if self.told:
            self.told[0] = value
        return True

    def _zone(self, value):
        low, high = self.low, self.high
        if high is not None and value > high - (self.slack if self.zone == 1 else 0):
            return 1
        if low is not None and value < low + (self.slack if self.zone == -1 else 0):
            return -1
        return 0


def _seconds(name, value):
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("%s: %r is not of type int" % (name, value))
    if not 1 <= value <= _MOST_S:
        raise ValueError("%s: %d is not in 1..%d" % (name, value, _MOST_S))
    return value


def _units(name, value, point):
    """Return a number of the settings as an integer of the datapoint's units."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ValueError("%s: %r is not a number" % (name, value))
    value = value * 10**point.decimals
    # Also for what is not a number at all: it compares to nothing.
    if not -_MOST_UNITS <= value <= _MOST_UNITS:
        raise ValueError("%s: out of range" % name)
    return round(value)
