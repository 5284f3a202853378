"""The topics of one device, and which of them a reading goes to. Pure."""

from micropython import const

from firmware.errors import ConfigError

_PREFIX = const("devices/+/")
_SENSORS = const("sensors/")


class Topics:
    def __init__(self, device_id, patterns):
        """patterns are the profile's expected topics, as config.json lists them.

        Raises ConfigError for one that a device cannot serve.
        """
        base = "devices/%s/" % device_id
        self.status = (base + "status").encode()
        self.attributes = (base + "attributes").encode()
        self.events = (base + "events").encode()
        # What a reading is sent as: (topic, None) the whole of it, (topic, key) one value.
        self.parts = []
        for pattern in patterns:
            tail = pattern[len(_PREFIX) :]
            if not pattern.startswith(_PREFIX):
                raise ConfigError("topics: %s is not below %s" % (pattern, _PREFIX))
            if tail == "telemetry":
                self.parts.append(((base + tail).encode(), None))
            elif tail.startswith(_SENSORS) and "/" not in tail[len(_SENSORS) :]:
                self.parts.append(((base + tail).encode(), tail[len(_SENSORS) :]))
            elif tail not in ("status", "attributes", "events"):
                raise ConfigError("topics: %s is none a device sends to" % pattern)
        if not self.parts:
            raise ConfigError("topics: none of them takes readings")
