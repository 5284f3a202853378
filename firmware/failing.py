"""What is known and told of sensors that fail. In memory only while one does."""

import errno

from micropython import const

from firmware import unload
from firmware.errors import SensorError
from firmware.reading import Reading

# A sensor that comes and goes is told as failing no more often, and so many things are told of
# all sensors within this time at most: the publisher does not keep many events.
_TELL_S = const(600)
_MAX_TOLD = const(6)
_MAX_WHY = const(80)


def judge(sampler, number, why, reading, task):
    """Have Failing.judge() judge; forget all this when no sensor is in trouble any more."""
    failing = sampler.failing
    if failing is None:
        failing = Failing(sampler.sensors, sampler.clock, sampler.log, sampler.tell)
        sampler.failing = failing
    reading = failing.judge(number, why, reading, task)
    if not failing.troubles:
        sampler.failing = None
        unload("failing")
    return reading


def tell_disabled(sampler):
    """Tell which sensors are not read any more because they stalled the board."""
    log = sampler.log
    for number, entry in enumerate(sampler.sensors):
        if sampler.store.retained.disabled >> number & 1:
            fields = {"sensor": name_of(entry), "why": "stalled"}
            log.error("sensor_disabled", **fields)
            sampler.tell("sensor_disabled", fields)
    unload("failing")


class _Trouble:
    why = ""  # of the last failure
    count = 0  # failures since it was last told to be well
    is_told = False  # it was told to fail, and not yet to be well again
    told_s = None  # when it was told to fail
    task = None  # a read that was given up


class Failing:
    def __init__(self, sensors, clock, log, tell):
        """Take what the sampler has; keep the troubles of sensors by their number."""
        self.sensors = sensors
        self.clock = clock
        self.log = log
        self.tell = tell
        self.troubles = {}
        self._told = 0
        self._since_s = 0

    def reads(self, number):
        """Return True if a read that was given up still goes on. That is a failure again."""
        trouble = self.troubles.get(number)
        if trouble is None or trouble.task is None:
            return False
        if trouble.task.done():
            trouble.task = None
            return False
        trouble.task.cancel()
        self._failed(number, trouble, "still reading")
        return True

    def judge(self, number, why, reading, task):
        """Note what came of a read, why = None if it was well; return the reading to go on with.

        A task that is not done shall not set anything in that one any more.
        """
        trouble = self.troubles.get(number)
        if why is None:
            if trouble is not None:
                self._is_well(number, trouble)
            return reading
        if trouble is None:
            trouble = self.troubles[number] = _Trouble()
        self._failed(number, trouble, _text(why))
        if task.done():
            return reading
        trouble.task = task
        fresh = Reading(reading.points)
        fresh.values[:] = reading.values
        fresh.stamp, fresh.time_known = reading.stamp, reading.time_known
        return fresh

    def _failed(self, number, trouble, why):
        trouble.why = why
        trouble.count += 1
        now_s = self.clock.uptime_ms() // 1000
        if trouble.is_told or (trouble.told_s is not None and now_s - trouble.told_s < _TELL_S):
            return
        if self._may_tell(now_s):
            trouble.is_told, trouble.told_s = True, now_s
            fields = self._fields(number, trouble)
            self.log.warn("sensor_failed", **fields)
            self.tell("sensor_failed", fields)

    def _is_well(self, number, trouble):
        now_s = self.clock.uptime_ms() // 1000
        if trouble.is_told:
            if self._may_tell(now_s):
                trouble.is_told = False
                fields = self._fields(number, trouble)
                self.log.info("sensor_recovered", **fields)
                self.tell("sensor_recovered", fields)
                trouble.count = 0
        elif trouble.told_s is None or now_s - trouble.told_s >= _TELL_S:
            del self.troubles[number]

    def _fields(self, number, trouble):
        return {
            "sensor": name_of(self.sensors[number]),
            "why": trouble.why,
            "count": trouble.count,
        }

    def _may_tell(self, now_s):
        if now_s - self._since_s >= _TELL_S:
            self._told, self._since_s = 0, now_s
        self._told += 1
        return self._told <= _MAX_TOLD


def name_of(entry):
    """Return how a sensor is told from its like: by its kind and its first datapoint."""
    kind, sensor = entry
    return "%s:%s" % (kind, sensor.points[0].key) if sensor.points else kind


def _text(why):
    """Return what went wrong as short text."""
    if isinstance(why, OSError) and why.args and why.args[0] in errno.errorcode:
        return errno.errorcode[why.args[0]]
    # The text of other exceptions says little without their names.
    is_plain = isinstance(why, (str, SensorError, OSError))
    return (str(why) if is_plain else repr(why))[:_MAX_WHY]
