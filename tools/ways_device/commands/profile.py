"""`profile`: what the platform expects of devices, and which device follows it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ways_device.commands import options
from ways_device.commands.output import print_record, print_table
from ways_device.errors import NotFoundError, UsageError
from ways_device.secrets import one_line
from ways_device.talk import Talk

if TYPE_CHECKING:
    from ways_device.api.platform import Platform, Profile
    from ways_device.context import Place

app = typer.Typer(
    no_args_is_help=True, help="Profiles of the account: show, apply to a device, set."
)

_COLUMNS = ("name", "interval_s", "id")
_NAMES_SHOWN = 8
_Wanted = Annotated[str, typer.Argument(metavar="PROFILE", help="Its name or id.")]


@app.command()
def show(
    profile: Annotated[
        str | None, typer.Argument(metavar="[PROFILE]", help="Its name or id.  [default: all]")
    ] = None,
    *,
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
    as_json: options.AsJson = False,
) -> None:
    """List the account's profiles, or show one with the topics it expects."""
    with _platform(sandbox, api_url, api_key_file) as (platform, _):
        if profile is None:
            # Lists leave the topics out.
            rows = [{key: asdict(one)[key] for key in _COLUMNS} for one in platform.profiles()]
            print_table(rows, _COLUMNS, as_json)
        else:
            print_record(_record(_found(platform, profile)), as_json)


@app.command()
def apply(
    profile: _Wanted,
    device_id: Annotated[str, typer.Argument(metavar="DEVICE", help="The device's id.")],
    *,
    dry_run: options.DryRun = False,
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
    as_json: options.AsJson = False,
) -> None:
    """Have a device follow a profile, instead of any other."""
    with _platform(sandbox, api_url, api_key_file) as (platform, where):
        found = _found(platform, profile)
        if platform.device(device_id) is None:
            raise NotFoundError(f"the account has no device {one_line(device_id, 64)}")
        if not dry_run:
            platform.apply_profile(found.id, device_id)
            _warn(where)
    print_record({"device": device_id, **_record(found), **_dry(dry_run)}, as_json)


@app.command("set")
def set_(
    profile: _Wanted,
    *,
    interval: Annotated[
        int, typer.Option(min=1, max=86_400, help="Seconds between two readings.")
    ],
    dry_run: options.DryRun = False,
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
    as_json: options.AsJson = False,
) -> None:
    """Change how often devices of a profile are to report."""
    with _platform(sandbox, api_url, api_key_file) as (platform, where):
        found = _found(platform, profile)
        if not dry_run and found.interval_s != interval:
            found = platform.set_interval(found.id, interval)
            _warn(where)
    record = {**_record(found), "interval_s": interval, **_dry(dry_run)}
    print_record(record, as_json)


def _record(profile: "Profile") -> dict[str, Any]:
    shown = asdict(profile)
    return {"profile": shown.pop("name"), **shown, "topics": list(profile.topics)}


def _dry(dry_run: bool) -> dict[str, bool]:
    return {"dry_run": True} if dry_run else {}


def _warn(where: "Place") -> None:
    if not where.is_sandbox:
        Talk().note(
            "the platform's reference tells devices nothing of this: set interval_s on the board "
            "too, with ways-device config set"
        )


def _found(platform: "Platform", wanted: str) -> "Profile":
    """Return the profile of this id or name, whole. Raises UsageError, NotFoundError."""
    known = platform.profiles()
    found = [one for one in known if one.id == wanted] or [
        one for one in known if one.name == wanted
    ]
    if len(found) > 1:
        ids = ", ".join(one_line(one.id, 64) for one in found[:_NAMES_SHOWN])
        raise UsageError(f"{len(found)} profiles have this name; give an id: {ids}")
    if not found:
        names = ", ".join(sorted(one_line(one.name, 40) for one in known)[:_NAMES_SHOWN])
        raise NotFoundError(
            f"no profile has the name or id {one_line(wanted, 64)}; there are: {names or 'none'}"
        )
    return platform.profile(found[0].id)


@contextmanager
def _platform(
    sandbox: Path | None, api_url: str | None, key_file: Path | None
) -> Iterator[tuple["Platform", "Place"]]:
    from ways_device import context
    from ways_device.api.platform import Platform

    where = context.place(sandbox, api_url, key_file)
    with context.client(where) as made:
        yield Platform(made), where
