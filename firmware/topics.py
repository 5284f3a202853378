"""The topics of one device, and which of them a reading goes to. In memory only for that."""

from micropython import const

from firmware.errors import ConfigError

_PREFIX = const("devices/+/")
_SENSORS = const("sensors/")


class Topics:
    """status, attributes, events: whole topics, as bytes.

    parts   what a reading is sent as: (topic, None) the whole of it, (topic, key) one value
    """

    status = attributes = events = b""
    parts = []


def topics_of(device_id, patterns):
    """Return the Topics of a device; patterns are the profile's expected ones, see config.json.

    Raises ConfigError for one that a device cannot serve.
    """
    base = "devices/%s/" % device_id
    found = Topics()
    found.status = (base + "status").encode()
    found.attributes = (base + "attributes").encode()
    found.events = (base + "events").encode()
    found.parts = []
    for pattern in patterns:
        tail = pattern[len(_PREFIX) :]
        if not pattern.startswith(_PREFIX):
            raise ConfigError("topics: %s is not below %s" % (pattern, _PREFIX))
        if tail == "telemetry":
            found.parts.append(((base + tail).encode(), None))
        elif tail.startswith(_SENSORS) and "/" not in tail[len(_SENSORS) :]:
            found.parts.append(((base + tail).encode(), tail[len(_SENSORS) :]))
        elif tail not in ("status", "attributes", "events"):
            raise ConfigError("topics: %s is none a device sends to" % pattern)
    if not found.parts:
        raise ConfigError("topics: none of them takes readings")
    return found
