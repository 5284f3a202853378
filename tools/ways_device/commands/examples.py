"""An example for each command, shown at the end of its --help.

A command whose own help has one ("For example: ...") needs none here.
"""

from typing import Any

EXAMPLES: dict[str, tuple[str, ...]] = {
    "demo": ("ways-device demo --seconds 60",),
    "provision": (
        "ways-device provision --name 'Cold room' --wifi-file wifi.json",
        "ways-device provision --name Bench --sandbox sandbox.json \\\n"
        "    --wifi-file wifi.json --port /dev/ttyUSB0 --interval 10",
    ),
    "deploy": ("ways-device deploy --port u0",),
    "probe": (
        "ways-device probe --dry-run",
        "ways-device probe --out mine.json",
        "ways-device sandbox start --dialect mine.dialect.json",
    ),
    "sandbox start": (
        "ways-device sandbox start --info-file sandbox.json",
        "ways-device sandbox start --info-file sandbox.json --host 192.168.1.20",
    ),
    "sandbox ledger": ("ways-device sandbox ledger esp32-0a1b2c3d4e5f",),
    "sandbox faults": (
        "ways-device sandbox faults --set plan.json",
        "ways-device sandbox faults --log",
    ),
    "vboard start": ("ways-device vboard start --info-file board.json",),
    "config show": ("ways-device config show --port u0",),
    "config set": ("ways-device config set telemetry_interval_s=30",),
    "config validate": ("ways-device config validate config.json",),
    "wifi list": ("ways-device wifi list",),
    "wifi add": ("ways-device wifi add --wifi-file wifi.json",),
    "wifi remove": ("ways-device wifi remove 'Old network'",),
    "command": (
        "ways-device command esp32-0a1b2c3d4e5f read_now --sandbox sandbox.json",
        "ways-device command esp32-0a1b2c3d4e5f add_wifi ssid=cellar \\\n"
        "    --password-file cellar.txt --sandbox sandbox.json --wait 120",
    ),
    "profile show": (
        "ways-device profile show",
        "ways-device profile show 'Cold rooms' --json",
    ),
    "profile apply": ("ways-device profile apply 'Cold rooms' esp32-0a1b2c3d4e5f",),
    "profile set": ("ways-device profile set 'Cold rooms' --interval 300",),
    "sensor list": ("ways-device sensor list --json",),
    "fleet plan": ("ways-device fleet plan devices.csv",),
    "fleet provision": ("ways-device fleet provision devices.csv --ports auto",),
    "fleet report": ("ways-device fleet report devices.csv --json",),
    "list": ("ways-device list", "ways-device list --sandbox sandbox.json --json"),
    "show": ("ways-device show esp32-0a1b2c3d4e5f",),
    "audit": ("ways-device audit --sandbox sandbox.json",),
    "decommission": ("ways-device decommission esp32-0a1b2c3d4e5f",),
    "replace": ("ways-device replace esp32-0a1b2c3d4e5f --port u0",),
    "doctor": ("ways-device doctor --sandbox sandbox.json",),
    "monitor": ("ways-device monitor --port u0",),
}
_OWN = "For example"


def attach(command: Any, path: tuple[str, ...] = ()) -> None:
    """Put the examples under the help of a command and of all below it.

    command is one of the parser's, which has no type that all its versions export.
    """
    for name, below in getattr(command, "commands", {}).items():
        attach(below, (*path, name))
    examples = EXAMPLES.get(" ".join(path))
    if examples and _OWN not in (command.help or ""):
        command.epilog = epilog("For example:", examples)


def epilog(title: str, lines: tuple[str, ...]) -> str:
    """Return text that the parser prints line by line as it is."""
    body = "\n".join(lines).replace("\n", "\n  ")
    return f"\b\n{title}\n  {body}"
