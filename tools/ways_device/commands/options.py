"""Options that several commands take, with the same names and the same words everywhere."""

from pathlib import Path
from typing import Annotated

import typer

Port = Annotated[
    str | None,
    typer.Option(help="The board's port, or a0, u0, c0 ...  [default: the only board found]"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Sandbox = Annotated[
    Path | None, typer.Option(help="The info file of a running sandbox, to use that.")
]
ApiUrl = Annotated[str | None, typer.Option(help="The API's address.")]
ApiKeyFile = Annotated[
    Path | None,
    typer.Option(help="File with the API key, mode 0600.  [default: environment or keyring]"),
]
WifiFile = Annotated[
    Path | None,
    typer.Option(help='[{"ssid", "password", "priority"}], mode 0600.  [default: asks]'),
]
CaFile = Annotated[
    Path | None, typer.Option(help="The CA of the broker.  [default: found by asking it]")
]
Profile = Annotated[str | None, typer.Option(help="A profile's name or id.")]
Sensors = Annotated[
    list[str] | None,
    typer.Option(help="KIND:key=value,...; can repeat.  [default: internal_temperature]"),
]
Drivers = Annotated[
    list[Path] | None,
    typer.Option("--driver", help="KIND.py, a sensor driver of your own; can repeat."),
]
LogLevel = Annotated[str, typer.Option(help="What the board logs: E, W, I or D.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="key=value of the device's settings; can repeat."),
]
Wait = Annotated[
    float, typer.Option(min=1, max=3600, help="Seconds to wait for the first reading.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before what cannot be undone.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")
]
OnlyDevice = Annotated[
    str | None,
    typer.Option("--device-id", help="Whose board it must be; another one is left alone."),
]
