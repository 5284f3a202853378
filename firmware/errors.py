"""What can go wrong, named by what the caller should do about it.

AgentError
    LinkError           Wi-Fi or the broker session is down; its owner is rebuilding it
        RefusedError    the broker understood the login and refused it; try again slowly
    RejectedError       these bytes can never be sent; do not try them again
    SensorError         this value is unusable; go on without it
    CorruptError        stored bytes fail their checksum; use another copy
    ConfigError         a setting is missing or out of range; the message starts with its key
"""


class AgentError(Exception):
    pass


class LinkError(AgentError):
    pass


class RefusedError(LinkError):
    pass


class RejectedError(AgentError):
    pass


class SensorError(AgentError):
    pass


class CorruptError(AgentError):
    pass


class ConfigError(AgentError):
    pass
