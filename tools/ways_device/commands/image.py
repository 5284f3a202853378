"""`image`: a device as a file, for flashing many boards side by side."""

from pathlib import Path
from typing import Annotated

import typer

from ways_device import wifi
from ways_device.commands import options
from ways_device.commands.output import confirm, print_record
from ways_device.talk import Talk

app = typer.Typer()


@app.command()
def image(
    *,
    name: Annotated[str, typer.Option(help="The device's name on the platform.")],
    device_id: Annotated[str, typer.Option(help="Its id: no board is there to give one.")],
    output: Annotated[Path, typer.Option(help="The image; it holds the device's login.")],
    firmware: Annotated[
        Path | None, typer.Option(help="MicroPython for the boards (.bin): place and size.")
    ] = None,
    merged: Annotated[
        bool, typer.Option("--merged", help="One image of firmware and files together.")
    ] = False,
    flash_mb: Annotated[
        int | None,
        typer.Option(min=1, max=128, help="The boards' flash, if the firmware leaves it open."),
    ] = None,
    size_kb: Annotated[
        int | None,
        typer.Option(min=128, max=131072, help="The file system's size, without --firmware."),
    ] = None,
    profile: options.Profile = None,
    interval: Annotated[
        int | None, typer.Option(help="Seconds between readings.  [default: 60]")
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
    yes: options.Yes = False,
    as_json: options.AsJson = False,
) -> None:
    """Register a device and make one file of all that it is: code, settings, identity.

    For example: ways-device image --name Cellar --device-id cellar-1 --output cellar-1.bin
    --firmware ESP32_GENERIC-v1.26.1.bin --merged --wifi-file wifi.json
    """
    from ways_device import context, drivers, secrets
    from ways_device.api.platform import Platform
    from ways_device.boards import firmware as firmwares
    from ways_device.boards.image import shape
    from ways_device.boards.imaging import Maker, refuse_unwritable
    from ways_device.journal import Journal
    from ways_device.provision.request import Request, sensors, settings
    from ways_device.resources import device_source

    talk = Talk()
    where = context.place(sandbox, api_url, api_key_file)
    of = shape(firmwares.read(firmware) if firmware else None, size_kb, flash_mb, merged)
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
    )
    refuse_unwritable(output)
    if output.exists():
        confirm(f"{output} exists. Put the new image in its place?", yes)
    with context.client(where) as client:
        journal = Journal(secrets.home() / "journal")
        maker = Maker(Platform(client), journal, device_source(), talk)
        record = maker.make(request, wifi.load(wifi_file, talk.note), of, output)
    print_record(record, as_json)
