"""`provision` and `deploy`: one board, from blank to a device that reports."""

from typing import Annotated

import typer

from ways_device import wifi
from ways_device.commands import options
from ways_device.commands.output import print_record
from ways_device.talk import Talk

app = typer.Typer()


@app.command()
def provision(
    *,
    name: Annotated[str, typer.Option(help="The device's name on the platform.")],
    port: options.Port = None,
    device_id: Annotated[
        str | None, typer.Option(help="Its id.  [default: esp32-<the board's own id>]")
    ] = None,
    profile: options.Profile = None,
    interval: Annotated[
        int | None,
        typer.Option(
            help="Seconds between readings; uses or makes such a profile.  [default: 60]"
        ),
    ] = None,
    wifi_file: options.WifiFile = None,
    sensor: options.Sensors = None,
    driver: options.Drivers = None,
    ca_file: options.CaFile = None,
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
    log_level: options.LogLevel = "I",
    setting: options.Settings = None,
    wait: options.Wait = 120,
    as_json: options.AsJson = False,
) -> None:
    """Register a device, set up a board as it, and wait for its first reading.

    Stopped half-way, the same command again goes on from there.
    """
    from ways_device import context, drivers
    from ways_device.provision import command
    from ways_device.provision.request import Request, sensors, settings
    from ways_device.resources import device_source

    talk = Talk()
    where = context.place(sandbox, api_url, api_key_file)
    request = Request(
        name=name,
        device_id=device_id,
        profile=profile,
        interval_s=interval,
        sensors=sensors(sensor or []),
        drivers=[one.file for one in drivers.load(driver or [], device_source())],
        ca_file=ca_file or where.ca_file,
        settings=settings(setting or []),
        log_level=log_level,
        for_sandbox=where.is_sandbox,
        wait_s=wait,
    )
    with context.opened(where, port, talk) as opened:
        record = command.provision(request, wifi.load(wifi_file, talk.note), opened)
    print_record(record.as_json(), as_json)


@app.command()
def deploy(
    port: options.Port = None,
    driver: options.Drivers = None,
    as_json: options.AsJson = False,
) -> None:
    """Bring the code on a board up to date: compile, copy what changed, verify, restart.

    Sensor drivers of your own that are on the board stay there.
    """
    from ways_device import context, drivers
    from ways_device.deploy import deploy as run_deploy
    from ways_device.resources import device_source

    source = device_source()
    own = [one.file for one in drivers.load(driver or [], source)]
    board = context.open_board(port)
    copied = run_deploy(board, source, Talk(), own)
    print_record({"port": board.port, "copied": copied}, as_json)
