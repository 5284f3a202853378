"""Sensors: one file per kind, imported only when config.json names it.

A sensor file has open(board, options), which returns an object with

    points              the Datapoints it tells
    read_into(reading)  coroutine: reading.set(key, value) for each; raises SensorError, OSError

options is the sensor's object of config.json less its kind; open() takes what it knows out of
it, so that what is left over can be refused. open() touches no chip yet: a sensor that is not
there costs its own values only.

A kind that is none of these files is somebody's own: sensors/KIND.py or .mpy in the board's root
folder. Kinds are letters, digits and _, so that nothing outside these two folders is found.
"""

from firmware.errors import ConfigError


def open_all(entries, board):
    """Return [(kind, sensor)] for the entries of config.json.

    Raises ConfigError for a kind that does not exist, or options that do not fit it.
    """
    opened = []
    for entry in entries:
        options = dict(entry) if isinstance(entry, dict) else {}
        kind = options.pop("kind", None)
        if not _is_kind(kind):
            raise ConfigError("sensors: %r is no kind of sensor" % kind)
        try:
            sensor = _module(kind, board.root).open(board, options)
            if not sensor.points or not sensor.read_into:
                raise ValueError("it tells nothing")
        except ConfigError:
            raise
        except Exception as exc:
            from firmware import owndriver

            raise ConfigError("sensors: %s: %s" % (kind, owndriver.why(exc)))
        if options:
            from firmware import filters

            sensor = filters.wrap(kind, sensor, options)
        opened.append((kind, sensor))
    return opened


# To go through a text letter by letter makes a name of each, which a board never forgets.
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"


def _is_kind(kind):
    if not isinstance(kind, str) or not kind[:1].isalpha():
        return False
    return not kind.lower().strip(_LETTERS)


def _module(kind, root):
    """Return the module of a kind: ours, or else one from the folder of somebody's own."""
    try:
        return __import__("firmware.sensors." + kind, None, None, ("open",))
    except ImportError as exc:
        from firmware import owndriver

        return owndriver.find(kind, root, exc)
