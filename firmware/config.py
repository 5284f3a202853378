"""Settings: one table says what exists; the file holds what differs from the defaults.

The file is /config.json, {"rev": n, key: value ...}. A file that does not load is replaced by
the last one that did, /config.last, so that a bad edit does not silence a device.
"""

import json

from micropython import const

from firmware.errors import ConfigError

# key, type, lowest and highest value (number) or length (text, list), default.
# REQUIRED: the key must be there; None: it may be absent. The comment is unit; meaning, for the
# README: a tuple would hold it in the board's RAM.
REQUIRED = ...
TABLE = (
    ("rev", int, 0, 0x3FFFFFFF, 0),  # -; revision of this file
    ("mqtt_host", str, 1, 253, REQUIRED),  # -; the broker's name, as its certificate has it
    ("mqtt_port", int, 1, 65535, 8883),  # -; the broker's TLS port
    ("keepalive_s", int, 10, 600, 60),  # s; a silent broker is noticed within this time
    ("interval_s", int, 1, 86400, 60),  # s; reporting interval, the profile's
    ("sensors", list, 0, 16, []),  # -; objects: kind, then the options of that kind
    ("topics", list, 1, 17, ["devices/+/telemetry"]),  # -; where readings go, the profile's
    ("window", int, 1, 64, 16),  # messages; sent and not yet acknowledged, at most
    ("budget_per_min", int, 0, 6000, 600),  # messages/min; limit for all messages, 0 = off
    ("flush_after_s", int, 5, 3600, 60),  # s; what an unplanned reset may take, at most
    ("front_bytes", int, 512, 65536, 2048),  # bytes; RAM for readings on their way
    ("log_kb", int, 16, 16384, 1024),  # KB; flash for readings that wait
    ("when_full", str, 1, 6, "oldest"),  # -; what is dropped then: oldest or newest
    ("batch", int, 1, 64, 1),  # readings; in one message, as a JSON array; 1 = an object each
    ("telemetry_sequence", bool, 0, 0, False),  # -; send boot and seq with each reading
    ("log_level", str, 1, 9, "I"),  # -; E, W, I or D
    ("ntp_hosts", list, 1, 8, ["pool.ntp.org", "time.google.com"]),  # -; name or name:port
    ("dns_servers", list, 0, 4, []),  # -; addresses; empty = the network's own
    ("battery_pin", int, 0, 64, None),  # -; ADC pin; absent = mains powered
    ("battery_divider_milli", int, 1000, 20000, 2000),  # 1/1000; battery over pin voltage
    ("battery_chemistry", str, 1, 9, "li-ion"),  # -; li-ion, lifepo4, 2xaa or 3xaa
    ("retry_min_ms", int, 100, 60000, 500),  # ms; first step of the reconnect delay
    ("retry_max_ms", int, 1000, 3600000, 300000),  # ms; last step of the reconnect delay
)

_CHOICES = {
    "log_level": ("E", "W", "I", "D"),
    "when_full": ("oldest", "newest"),
    "battery_chemistry": ("li-ion", "lifepo4", "2xaa", "3xaa"),
}
_MAX_SIZE = const(8192)


class Config:
    """The settings as attributes, complete and checked. unknown lists keys nobody knows."""

    unknown = []


def checked(values):
    """Return the Config of a dict. Raises ConfigError; its message starts with the key."""
    if not isinstance(values, dict):
        raise ConfigError("config: not a JSON object")
    config = Config()
    known = []
    for key, kind, low, high, default in TABLE:
        known.append(key)
        if key in values:
            value = check(key, kind, low, high, values[key])
        elif default is REQUIRED:
            raise ConfigError(key + ": missing")
        else:
            value = default
        setattr(config, key, value)
    config.unknown = [key for key in values if key not in known]
    return config


def check(key, kind, low, high, value):
    """Return value if it is of this kind and range, else raise ConfigError."""
    # bool is an int in Python, but no number for a person who writes a setting.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _wrong_type(key, kind, value)
    choices = _CHOICES.get(key)
    if choices and value not in choices:
        raise ConfigError("%s: %r is not one of %s" % (key, value, ", ".join(choices)))
    if kind is int and not low <= value <= high:
        raise ConfigError("%s: %d is not in %d..%d" % (key, value, low, high))
    if kind in (str, list) and not low <= len(value) <= high:
        raise ConfigError("%s: length %d is not in %d..%d" % (key, len(value), low, high))
    entry = dict if key == "sensors" else str
    for item in value if kind is list else ():
        if not isinstance(item, entry):
            raise _wrong_type(key, entry, item)
    return value


def _wrong_type(key, kind, value):
    return ConfigError("%s: %r is not of type %s" % (key, value, kind.__name__))


def load(root, log, name="config.json"):
    """Return the Config of root + name, or of the last good file if that one is unusable.

    Raises ConfigError if neither loads; its message is about the first.
    """
    try:
        return _read(root + name)
    except ConfigError as exc:
        try:
            last = _read(root + "config.last")
        except ConfigError:
            raise exc
        log.error("config_replaced", by="config.last", why=exc)
        return last


def _read(path):
    try:
        with open(path, "rb") as file:
            # read() takes memory for all that it is allowed to read, before it reads.
            size = file.seek(0, 2)
            file.seek(0)
            data = file.read(min(size, _MAX_SIZE))
    except OSError:
        raise ConfigError("config: no file")
    if size > _MAX_SIZE:
        raise ConfigError("config: over %d bytes" % _MAX_SIZE)
    try:
        # MicroPython's parser takes the end of the text for the end of whatever is open.
        values = json.loads(data) if data.strip().endswith(b"}") else None
    except ValueError:  # UnicodeError is one
        values = None
    if values is None:
        raise ConfigError("config: not JSON")
    return checked(values)
