"""What can go wrong, named by what the caller should do about it.

LinkError           Wi-Fi or the broker session is down; its owner is rebuilding it
RejectedError       these bytes can never be sent; do not try them again
SensorError         this value is unusable; go on without it
CorruptError        stored bytes fail their checksum; use another copy
ConfigError         a setting is missing or out of range; the message starts with its key
"""


class LinkError(OSError):
    """Who catches the network's own errors catches this one with them."""


class RejectedError(Exception):
    pass


class SensorError(Exception):
    pass


class CorruptError(Exception):
    pass


class ConfigError(Exception):
    pass
