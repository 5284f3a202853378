"""Sensors: one file per kind, imported only when config.json names it.

A sensor file has open(board, options), which returns an object with

    points              the Datapoints it tells
    read_into(reading)  coroutine: reading.set(key, value) for each; raises SensorError

options is the sensor's object of config.json less its kind; open() takes what it knows out of
it, so that what is left over can be refused.
"""

from firmware.errors import ConfigError


def open_all(entries, board):
    """Return [(kind, sensor)] for the entries of config.json.

    Raises ConfigError for a kind that does not exist, or options that do not fit it.
    """
    opened = []
    for entry in entries:
        options = dict(entry)
        kind = options.pop("kind", None)
        if not isinstance(kind, str) or "." in kind:
            raise ConfigError("sensors: %r is no kind of sensor" % kind)
        try:
            module = __import__("firmware.sensors." + kind, None, None, ("open",))
        except ImportError as exc:
            raise ConfigError("sensors: %s: %s" % (kind, exc))
        try:
            sensor = module.open(board, options)
        except (KeyError, TypeError, ValueError) as exc:
            raise ConfigError("sensors: %s: %s" % (kind, exc))
        if options:
            raise ConfigError("sensors: %s: unknown option %s" % (kind, sorted(options)[0]))
        opened.append((kind, sensor))
    return opened
