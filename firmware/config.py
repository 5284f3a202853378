"""Settings: one table says what exists; the file holds what differs from the defaults.

The file is /config.json, {"rev": n, key: value ...}. A file that does not load is replaced by
the last one that did, /config.last, so that a bad edit does not silence a device.

Settings that came over the network are on trial (NVS, number of starts with them) until a session
is up. Those that bring none are taken back: the file becomes /config.bad, until that is told.
"""

import json
import os

from micropython import const

from firmware import files, unload
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
    ("front_bytes", int, 512, 65536, 1024),  # bytes; RAM for readings on their way
    ("log_kb", int, 16, 16384, 1024),  # KB; flash for readings that wait
    ("when_full", str, 1, 6, "oldest"),  # -; what is dropped then: oldest or newest
    ("batch", int, 1, 64, 1),  # readings; in one message, as a JSON array; 1 = an object each
    ("telemetry_sequence", bool, 0, 0, False),  # -; send boot and seq with each reading
    ("log_level", str, 1, 9, "I"),  # -; E, W, I or D
    ("log_ring_bytes", int, 0, 16384, 1024),  # bytes; RAM for the last log lines, for get_logs
    ("commands_topic", str, 0, 64, ""),  # -; devices/+/commands, or another; empty = takes none
    ("config_topic", str, 0, 64, ""),  # -; devices/+/config, or another; empty = takes none
    ("ntp_hosts", list, 1, 8, ["pool.ntp.org", "time.google.com"]),  # -; name or name:port
    ("dns_servers", list, 0, 4, []),  # -; addresses; empty = the network's own
    ("wifi_country", str, 0, 2, ""),  # -; two letters, for the channels; empty = the chip's own
    ("hostname", str, 0, 32, ""),  # -; the name in the network; empty = the chip's own
    ("wifi_power_save", str, 1, 9, "auto"),  # -; auto, none or max; auto = the chip's own
    ("static_address", list, 0, 4, []),  # -; address, netmask, gateway, name server; empty = DHCP
    ("battery_pin", int, 0, 64, None),  # -; ADC pin; absent = mains powered
    ("battery_divider_milli", int, 1000, 20000, 2000),  # 1/1000; battery over pin voltage
    ("battery_offset_mv", int, -500, 500, 0),  # mV; added to what is measured
    ("battery_chemistry", str, 1, 9, "li-ion"),  # -; li-ion, lipo, lifepo4, 2xaa or 3xaa
    ("battery_low_pct", int, 0, 90, 20),  # %; below it an event tells; 0 = never
    ("connect_every", int, 0, 1000, 0),  # readings; for each login of a sleeper; 0 = never sleeps
    ("awake_limit_s", int, 10, 600, 45),  # s; a sleeper is awake at most
    ("watchdog_s", int, 0, 600, 60),  # s; without progress the board restarts; 0 = off
    ("led_pin", int, 0, 64, None),  # -; blinks on identify; absent = none
    ("retry_min_ms", int, 100, 60000, 500),  # ms; first step of the reconnect delay
    ("retry_max_ms", int, 1000, 3600000, 300000),  # ms; last step of the reconnect delay
)

_CHOICES = {
    "log_level": ("E", "W", "I", "D"),
    "when_full": ("oldest", "newest"),
    "battery_chemistry": ("li-ion", "lipo", "lifepo4", "2xaa", "3xaa"),
    "wifi_power_save": ("auto", "none", "max"),
}
_MAX_SIZE = const(8192)
_MAX_BROKER = const(260)  # bytes; name, colon, port
_TRIALS = const(3)


class Config:
    """The settings as attributes, complete and checked. unknown lists keys nobody knows.

    values   what the file has; source is its path, place the (folder, name) it should have
    replaced what is told if the file was not usable: by what it is replaced, and why
    refused  the ConfigError of who could not use them, see usable()
    """

    unknown = []
    values = {}
    source = replaced = refused = by = why = None
    place = ("", "config.json")


def checked(values):
    """Return the Config of a dict. Raises ConfigError; its message starts with the key."""
    if not isinstance(values, dict):
        raise ConfigError("config: not a JSON object")
    config = Config()
    config.values = values  # pyright: ignore[reportAttributeAccessIssue]
    known = []
    for name, (key, kind, low, high, default) in zip(attributes(), TABLE):
        known.append(key)
        if key in values:
            value = check(key, kind, low, high, values[key])
        elif default is REQUIRED:
            raise ConfigError(key + ": missing")
        else:
            value = default
        setattr(config, name, value)
    config.unknown = [key for key in values if key not in known]
    return config


def attributes():
    """Return what the settings are called in Config. Who packs it for a board writes this anew."""
    return [row[0] for row in TABLE]


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
    if value and key in ("wifi_country", "hostname", "static_address"):
        from firmware import radio  # few devices have one of them

        try:
            radio.check(key, value)
        finally:
            unload("radio")
    return value


def _wrong_type(key, kind, value):
    return ConfigError("%s: %r is not of type %s" % (key, value, kind.__name__))


def usable(root, log, name="config.json", nvs=None, refused=None):
    """Return the best Config there is to try, or the next best to one that was refused.

    The file; the last one that was good; the file with defaults in place of what is wrong; the
    defaults alone, with the broker that NVS remembers. nvs is given at a start of the agent, which
    counts then. Raises ConfigError about the file when there is no other.
    """
    kinds = [name, "config.last", "mended", "defaults"]
    why = None
    if refused:
        why = refused.why or refused.refused
        if refused.by == name and nvs:
            take_back(root, log, name, nvs)
        kinds = kinds[kinds.index(refused.by) + 1 :]
    for by in kinds:
        try:
            if by in (name, "config.last"):
                config = _read(root + by)
            else:
                config = _mended(root + name if by == "mended" else None, nvs)
            if by == name and nvs and _is_over(config, nvs):
                take_back(root, log, name, nvs)
                config = _read(root + by)
        except ConfigError as exc:
            why = why or exc
            continue
        config.place = (root, name)  # pyright: ignore[reportAttributeAccessIssue]
        config.by, config.why = by, why  # pyright: ignore[reportAttributeAccessIssue]
        if why:
            told = {"by": by, "why": str(why)}
            config.replaced = told  # pyright: ignore[reportAttributeAccessIssue]
            log.error("config_replaced", by=by, why=why)
        return config
    raise why  # pyright: ignore[reportGeneralTypeIssues] - it was not without a reason


def _is_over(config, nvs):
    """Count a start with settings that are on trial; return whether there were enough of them."""
    starts = nvs.get_i32("trial")
    if not starts:
        return False
    nvs.set_i32("trial", starts + 1)
    return starts > _TRIALS * max(1, config.connect_every)


def take_back(root, log, name, nvs):
    """Have the last good settings again if those in use are on trial; return whether they are."""
    if not nvs.get_i32("trial"):
        return False
    log.error("config_taken_back")
    try:
        os.rename(root + name, root + "config.bad")
        files.copy(root + "config.last", root + name)
    except OSError as exc:
        log.error("config_not_kept", why=exc)
    nvs.set_i32("trial", 0)
    return True


def _mended(path, nvs):
    """Return the Config of what is right in a file, None for no file. Raises ConfigError."""
    try:
        values = raw(path) if path else {}
    except ConfigError:
        values = {}
    mended = {}
    for key, kind, low, high, _ in TABLE:
        if key in values:
            try:
                mended[key] = check(key, kind, low, high, values[key])
            except ConfigError:
                pass
    if "mqtt_host" not in mended and nvs:
        buf = bytearray(_MAX_BROKER)
        size = nvs.get_blob_into("broker", buf)
        host, _, port = bytes(buf[: max(0, size)]).decode().rpartition(":")
        if host:
            mended["mqtt_host"], mended["mqtt_port"] = host, int(port)
    return checked(mended)


def _read(path):
    config = checked(raw(path))
    config.source = path
    return config


def raw(path):
    """Return the object in a file of settings. Raises ConfigError if there is none."""
    size = 0
    try:
        with open(path, "rb") as file:
            # read() takes memory for all that it is allowed to read, before it reads.
            size = file.seek(0, 2)
            if size > _MAX_SIZE:
                raise ConfigError("config: over %d bytes" % _MAX_SIZE)
            file.seek(0)
            data = file.read(size)
    except OSError:
        raise ConfigError("config: no file")
    except MemoryError:
        raise ConfigError("config: no memory for %d bytes" % size)
    try:
        # MicroPython's parser takes the end of the text for the end of whatever is open.
        values = json.loads(data) if data.strip().endswith(b"}") else None
    except (ValueError, MemoryError):  # UnicodeError is a ValueError
        values = None
    if not isinstance(values, dict):
        raise ConfigError("config: not JSON" if values is None else "config: not a JSON object")
    return values
