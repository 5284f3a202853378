"""What became of a fleet: sheet, journal, results and platform side by side."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from ways_device.api.platform import Platform
from ways_device.fleet.stop import REQUESTS_AT_ONCE
from ways_device.fleet.survey import Found, State, Survey


@dataclass(frozen=True)
class Line:
    """One device. missing is "" if it is online and the platform has a reading."""

    name: str
    device_id: str
    state: str
    online: bool
    last_seen: str
    readings: dict[str, Any]
    missing: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def lines(survey: Survey, platform: Platform, errors: dict[str, str]) -> list[Line]:
    """Return a line for each row, in order. errors are those of the last run, by name."""

    def line(found: Found) -> Line:
        readings = (
            {value.name: value.value for value in platform.latest(found.platform_id)}
            if found.device
            else {}
        )
        return Line(
            name=found.row.name,
            device_id=found.platform_id,
            state=found.state.value,
            online=bool(found.device.get("is_online")),
            last_seen=str(found.device.get("last_seen") or ""),
            readings=readings,
            missing=_missing(found, readings, errors.get(found.row.name, "")),
        )

    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        return list(pool.map(line, survey.rows))


def _missing(found: Found, readings: dict[str, Any], error: str) -> str:
    if not found.device:
        return error or "not registered"
    if found.state in (State.BEGUN, State.CONFLICT):
        return error or f"{found.state.value}: {found.note}"
    if not readings:
        return "no reading"
    return "" if found.device.get("is_online") else "offline"
