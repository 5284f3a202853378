"""The Wi-Fi networks of a fleet: one list for all, or sets by name.

[{"ssid": ..., "password": ..., "priority": ...}, ...]
{"sets": {"hall": [...], "yard": [...]}}
"""

import json
from collections.abc import Callable
from pathlib import Path

from ways_device import wifi
from ways_device.errors import UsageError
from ways_device.fleet.sheet import Sets
from ways_device.secrets import one_line

_SETS_MAX = 100
# Passwords never make it into a message: what is wrong is told by its place.
_FORM = 'a list of networks, or {"sets": {"name": [networks]}} is expected'


def load(path: Path | None, warn: Callable[[str], None]) -> Sets:
    """Return the sets by name; a plain list is the set "". Without a file it is asked for."""
    if path is None:
        return {"": wifi.load(None, warn)}
    text = wifi.read(path, warn)
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return {"": wifi.parse(text, str(path))}
    sets = found.get("sets")
    if set(found) != {"sets"} or not isinstance(sets, dict) or not 0 < len(sets) <= _SETS_MAX:
        raise UsageError(f"{path}: {_FORM}, 1 to {_SETS_MAX} sets")
    return {
        name.strip(): wifi.parse(json.dumps(networks), f"{path}: set {one_line(name, 40)}")
        for name, networks in sets.items()
    }
