"""`replace`: another id, or another login, for a device."""

from typing import Annotated

import typer

from ways_device import wifi
from ways_device.commands import options
from ways_device.commands.output import confirm, print_record
from ways_device.errors import UsageError
from ways_device.talk import Talk

app = typer.Typer()


@app.command()
def replace(
    old: Annotated[str, typer.Argument(help="The id of the device to replace.")],
    *,
    name: Annotated[
        str | None, typer.Option(help="The new device's name.  [default: the old one's]")
    ] = None,
    port: options.Port = None,
    device_id: Annotated[
        str | None, typer.Option(help="The new id.  [default: made from the board's own]")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="Its profile's name or id.  [default: the old one's]")
    ] = None,
    same_id: Annotated[
        bool, typer.Option("--same-id", help="A new login under the same id; leaves a gap.")
    ] = False,
    wifi_file: options.WifiFile = None,
    sensor: Annotated[
        list[str] | None,
        typer.Option(help="For a board that has none yet: KIND:key=value,...; can repeat."),
    ] = None,
    ca_file: options.CaFile = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of its settings; can repeat.")
    ] = None,
    wait: options.Wait = 120,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
    as_json: options.AsJson = False,
) -> None:
    """Give a device a new id and login, on the board that is plugged in.

    The new device takes over name, tags, groups, profile and metadata; the old one is deleted,
    with its readings, once the new one reports. A board that reported as the old device keeps
    its settings and its networks. Stopped half-way, the same command again goes on from there.

    For example: ways-device replace cellar-1 --name Cellar
    """
    from ways_device import context, secrets
    from ways_device.lifecycle import replace as lifecycle
    from ways_device.lifecycle.record import Records
    from ways_device.lifecycle.wish import Wish
    from ways_device.provision.request import Request, sensors, settings

    talk = Talk()
    if same_id and device_id:
        raise UsageError("--same-id and --device-id: give one of them")
    if same_id and not (yes or dry_run):
        raise UsageError(f"--same-id: {lifecycle.GAP}; give --yes if that is meant")
    where = context.place(sandbox, api_url, api_key_file)
    wish = Wish(
        old,
        Request(
            name=name or "as it was",
            device_id=device_id,
            sensors=sensors(sensor or []),
            ca_file=ca_file or where.ca_file,
            settings=settings(setting or []),
            for_sandbox=where.is_sandbox,
            wait_s=wait,
        ),
        name,
        device_id,
        profile,
        same_id,
        wifi.load(wifi_file, talk.note) if wifi_file else None,
    )
    with context.opened(where, port, talk) as opened:
        records = Records(secrets.home() / "lifecycle")
        command = lifecycle.Replacement(wish, lambda: wifi.load(None, talk.note), opened, records)
        if not command.is_done:
            record = command.look()
            becomes = lifecycle.GAP if same_id else lifecycle.HISTORY
            talk.note(f"{old} becomes {record.new_id}: {becomes}")
            if dry_run:
                print_record({"old_id": old, "device_id": record.new_id, "done": False}, as_json)
                return
            confirm(f"Replace {old} and delete all it ever reported?", yes)
        print_record(command.run().as_json(), as_json)
