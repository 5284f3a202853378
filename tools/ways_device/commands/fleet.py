"""`fleet`: many boards into devices from one sheet."""

from pathlib import Path
from typing import Annotated

import typer

from ways_device.commands import options
from ways_device.commands.output import print_record, print_table
from ways_device.talk import Talk

app = typer.Typer(no_args_is_help=True, help="Many boards into devices, from one sheet.")

_Devices = Annotated[
    Path,
    typer.Argument(
        help="CSV with the columns name, device_id or chip_id, and as need be profile or "
        "interval_s, group, tags, sensors, wifi, set.KEY."
    ),
]
_Result = Annotated[
    Path | None, typer.Option(help="What became of each row.  [default: DEVICES-result.csv]")
]
_FleetWifi = Annotated[
    Path | None,
    typer.Option(
        help='Networks as for provision, or {"sets": {"NAME": [networks]}}.  [default: asks]'
    ),
]


@app.command()
def plan(
    devices: _Devices,
    *,
    wifi_file: _FleetWifi = None,
    driver: options.Drivers = None,
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
    as_json: options.AsJson = False,
) -> int:
    """Say what provision would do, and what the account lacks. Changes nothing.

    Its status is 1 if it could not succeed.
    """
    from ways_device import context, drivers
    from ways_device.fleet import command, sheet, wifisets
    from ways_device.fleet.stop import Stop
    from ways_device.provision.request import Request
    from ways_device.resources import device_source

    note = Talk().note
    own = drivers.load(driver or [], device_source())
    where = context.place(sandbox, api_url, api_key_file)
    sets = wifisets.load(wifi_file, note) if wifi_file else None
    rows = sheet.load(devices, Request("fleet"), sets, note)
    with command.opened(where, Stop(), own) as shop:
        found = command.plan(rows, shop)
    if as_json:
        print_record(found, True)
    else:
        columns = ["name", "device_id", "chip_id", "state", "note"]
        print_table(found["rows"], columns, False)
        print()
        print_record({**found["to_make"], **found["room"], "problems": found["problems"]}, False)
    return 1 if found["problems"] else 0


@app.command()
def provision(
    devices: _Devices,
    *,
    ports: Annotated[str, typer.Option(help="auto, or ports with commas between them.")] = "auto",
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Boards at a time.")] = 8,
    wait_boards: Annotated[
        float,
        typer.Option(
            min=0, max=86400, help="Seconds to wait for the next board to be plugged in."
        ),
    ] = 0,
    wifi_file: _FleetWifi = None,
    driver: options.Drivers = None,
    ca_file: options.CaFile = None,
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
    log_level: Annotated[str, typer.Option(help="What the boards log: E, W, I or D.")] = "I",
    wait: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds to wait for a first reading.")
    ] = 120,
    again: Annotated[
        bool, typer.Option("--again", help="Bring boards whose rows are done up to date too.")
    ] = False,
    result: _Result = None,
    as_json: options.AsJson = False,
) -> int:
    """Make devices of all boards that are plugged in; stopped half-way, it goes on from there.

    For example: ways-device fleet provision devices.csv --wifi-file wifi.json --wait-boards 60

    A board goes to the row of its chip_id, to the row it is already, or to the next free one. Its
    status is 0 when every row is done, 1 when some have failed or are left.
    """
    from ways_device import context, drivers
    from ways_device.fleet import command, sheet, wifisets, yard
    from ways_device.fleet.stop import Stop
    from ways_device.provision.request import Request
    from ways_device.resources import device_source

    note = Talk().note
    own = drivers.load(driver or [], device_source())
    stop = Stop()
    where = context.place(sandbox, api_url, api_key_file)
    named = yard.Yard(yard.named(ports))
    result_file = command.result_file(devices, result)
    defaults = Request(
        "fleet",
        ca_file=ca_file or where.ca_file,
        log_level=log_level,
        for_sandbox=where.is_sandbox,
        wait_s=wait,
    )
    rows = sheet.load(devices, defaults, wifisets.load(wifi_file, note), note)
    with command.opened(where, stop, own) as shop:
        tally = command.provision(rows, shop, named, stop, result_file, jobs, wait_boards, again)
    print_record({**tally, "result": str(result_file)}, as_json)
    return 0 if tally["done"] == len(rows) else 1


@app.command()
def report(
    devices: _Devices,
    *,
    result: _Result = None,
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
    as_json: options.AsJson = False,
) -> int:
    """Say which devices of the sheet are online, what they told last, and what is missing.

    Its status is 1 if anything is missing.
    """
    from ways_device import context
    from ways_device.fleet import command, sheet
    from ways_device.fleet.stop import Stop
    from ways_device.provision.request import Request

    where = context.place(sandbox, api_url, api_key_file)
    result_file = command.result_file(devices, result)
    rows = sheet.load(devices, Request("fleet"), None, Talk().note)
    with command.opened(where, Stop()) as shop:
        found = command.report(rows, shop, result_file)
    print_table(found, ["name", "online", "last_seen", "readings", "missing"], as_json)
    return 1 if any(line["missing"] for line in found) else 0
