"""Waiting for a device's first reading: the platform is asked, the board is listened to."""

import time
from collections.abc import Sequence

from ways_device.api.platform import Latest, Platform
from ways_device.devicelog import Listener, parse
from ways_device.errors import ApiError, BoardError
from ways_device.provision.causes import Faults
from ways_device.talk import Step

_POLL_S = 1.0
# A failed look is no news about the device; the API client has tried several times by then.
_LOOKS_FAILED = 3


class Watch:
    """What the platform showed before the restart, to tell a new reading from an old one."""

    def __init__(self, platform: Platform, device_id: str, keys: Sequence[str]) -> None:
        self._platform = platform
        self._device_id = device_id
        self._keys = frozenset(keys)
        self._before = self._seen()
        self._failed = 0

    def wait(self, listener: Listener, limit_s: float, step: Step) -> list[Latest]:
        """Return the first values once the platform shows the device online with them.

        Raises BoardError with the cause and its remedy, from the board's own log if it tells.
        """
        faults = Faults()
        heard = False
        end_s = time.monotonic() + limit_s
        while True:
            for text in listener.lines(_POLL_S):
                line = parse(text)
                if line is not None:
                    heard = True
                    step.say(f"{line.module} {line.event}")
                    faults.hear(line, time.monotonic())
            fresh = self._look()
            if fresh:
                return fresh
            cause = faults.verdict(time.monotonic())
            if cause is not None:
                raise BoardError(str(cause))
            if time.monotonic() > end_s:
                raise BoardError(_late(limit_s, faults, heard))

    def _look(self) -> list[Latest]:
        """Return the values that are new, if the platform also shows the device online."""
        try:
            now = self._seen()
            fresh = [value for key, value in now.items() if value != self._before.get(key)]
            if not fresh or not (self._platform.device(self._device_id) or {}).get("is_online"):
                fresh = []
            self._failed = 0
        except ApiError:
            self._failed += 1
            if self._failed == _LOOKS_FAILED:
                raise
            return []
        return fresh

    def _seen(self) -> dict[str, Latest]:
        latest = self._platform.latest(self._device_id)
        return {value.name: value for value in latest if value.name in self._keys}


def _late(limit_s: float, faults: Faults, heard: bool) -> str:
    waited = f"no reading after {limit_s:.0f} s"
    cause = faults.latest()
    if cause is not None:
        return f"{waited}: {cause}"
    if faults.online:
        return (
            f"{waited}: the board is connected to the broker, but the platform shows nothing; "
            "look at the device on the platform, then run the same command again"
        )
    if heard:
        return f"{waited}: the board is still busy; run the same command again, or with --wait S"
    return f"{waited}: the board says nothing; press its reset button and run this again"
