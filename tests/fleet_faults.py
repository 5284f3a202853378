"""A fleet through a platform that fails half of the time, and what must be right afterwards."""

from fleet_rig import Boards, FleetFake, FleetRig, sheet_text

from ways_device.errors import AmbiguousError, ToolError
from ways_device.fleet.client import FleetPlatform

JOBS = 8
# A run that was stopped or left rows is what a person repeats.
RUNS = 3


class Careless(FleetPlatform):
    """The planted fault."""

    def register(self, device_id, name, metadata):
        while True:
            try:
                return super().register(device_id, name, metadata)
            except AmbiguousError:
                device_id = f"{device_id}-again"[:64]


def faulty(folder, count, seed, platform_class):
    """Provision so many boards. Returns what is wrong, the requests it took, and the runs."""
    folder.mkdir()
    platform = FleetFake(seed)
    rig = FleetRig(folder, platform)
    rig.platform_class = platform_class
    yard = Boards(platform, count)
    rows = rig.sheet(sheet_text(count))
    runs, is_done = 0, False
    while runs < RUNS and not is_done:
        runs += 1
        try:
            is_done = rig.provision(rows, yard, JOBS)["done"] == count
        except ToolError as exc:
            rig.said.append(str(exc))
    return wrong(rig, yard, rows), len(platform.requests), runs


def wrong(rig, yard, rows):
    """Return a line for each row that does not work, each orphan, each that is there twice."""
    platform = rig.platform
    working = rig.working(yard)
    results = rig.results()
    # A row that failed says why; the names of the boards' devices say which is which.
    lines = [
        f"{row.name}: {results[row.name].error or results[row.name].state}"
        for row in rows
        if f"esp32-{row.chip_id}" not in working or results[row.name].state != "done"
    ]
    lines += [f"{one}: no board is this device" for one in set(platform.devices) - working]
    names = [device["name"] for device in platform.devices.values()]
    lines += [f"{name}: twice" for name in {name for name in names if names.count(name) > 1}]
    for row in rows:
        device_id, group = row.device_id, platform.groups.get(row.request.group)
        if not platform.members[group, device_id]:
            lines.append(f"{row.name}: not in its group")
        if platform.tags.get(device_id, []) != sorted(row.request.tags):
            lines.append(f"{row.name}: not its tags")
    journal = "".join(path.read_text() for path in (rig.folder / "journal").glob("*.json"))
    if "mqtt-canary" in journal:
        lines.append("the journal still has a password")
    return lines


def requests_per_device(folder, count):
    folder.mkdir()
    platform = FleetFake()
    rig = FleetRig(folder, platform)
    rig.provision(rig.sheet(sheet_text(count)), Boards(platform, count), JOBS)
    return len(platform.requests) / count
