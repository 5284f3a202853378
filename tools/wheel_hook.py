"""Put the device's files into a wheel. An editable installation finds them in the checkout."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_DEVICE_FILES = ("boot.py", "main.py", "firmware", "lib/lib.lock")


class DeviceFiles(BuildHookInterface[Any]):
    """hatchling finds the class by its base."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to the build. version is hatchling's name for the kind of wheel."""
        if version != "editable":
            for name in _DEVICE_FILES:
                build_data["force_include"][name] = f"ways_device/device/{name}"
