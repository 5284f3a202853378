"""What `provision` has to show for itself."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Record:
    """What was done, for people and for --json."""

    device_id: str
    name: str
    profile: str
    interval_s: int
    datapoints: list[str]
    broker: str
    port: str
    first_reading: dict[str, Any]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
