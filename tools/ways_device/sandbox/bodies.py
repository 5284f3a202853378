"""The request bodies, as far as they are checked. Unknown fields are ignored."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from ways_device.sandbox import wire
from ways_device.sandbox.datapoints import KEY_PATTERN, RESERVED
from ways_device.sandbox.devices import ID_PATTERN
from ways_device.sandbox.wire import Json


def _plain(value: Json) -> Json:
    wire.check(value)
    return value


def _not_reserved(key: str) -> str:
    if key in RESERVED:
        raise ValueError(f"{key} is reserved")
    return key


Text = Annotated[str, Field(max_length=4096)]
Name = Annotated[str, Field(min_length=1, max_length=255)]
Tag = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^/]+$")]
Topic = Annotated[str, Field(min_length=1, max_length=255)]
Document = Annotated[dict[str, Any], AfterValidator(_plain)]
Id = Annotated[str, Field(min_length=1, max_length=255)]
Severity = Literal["critical", "warning", "info"]
Scope = Literal["fleet", "group", "profile", "device"]
Cooldown = Annotated[int, Field(ge=0, le=31_536_000)]
Interval = Annotated[int, Field(ge=1, le=31_536_000)]
Key = Annotated[str, Field(pattern=KEY_PATTERN), AfterValidator(_not_reserved)]


# null in place of one of these changes nothing; anything else it clears.
_NOT_CLEARED = ("name", "is_active")


class _Body(BaseModel):
    def given(self) -> Json:
        """Return the fields that the caller sent."""
        sent = self.model_dump(exclude_unset=True)
        return {
            key: value
            for key, value in sent.items()
            if value is not None or key not in _NOT_CLEARED
        }


class DescribedBody(BaseModel):
    """A body of which only the description can be cleared."""

    def given(self) -> Json:
        """Return the fields that the caller sent. null clears a description, else says nothing."""
        sent = self.model_dump(exclude_unset=True)
        return {
            key: value for key, value in sent.items() if value is not None or key == "description"
        }


class NewDevice(_Body):
    name: Name
    device_id: Annotated[str, Field(pattern=ID_PATTERN)] | None = None
    description: Text | None = None
    device_type: Text | None = None
    metadata: Document | None = None


class DeviceChange(_Body):
    name: Name | None = None
    description: Text | None = None
    device_type: Text | None = None
    metadata: Document | None = None
    is_active: bool | None = None


class Tags(BaseModel):
    tags: Annotated[list[Tag], Field(max_length=100)]


class ProfileChange(_Body):
    name: Name | None = None
    description: Text | None = None
    expected_topics: Annotated[list[Topic], Field(max_length=100)] | None = None
    reporting_interval_seconds: Interval | None = None
    metadata: Document | None = None


class NewProfile(ProfileChange):
    name: Name


class NewDatapoint(_Body):
    key: Key
    label: Text | None = None
    unit: Text | None = None
    data_type: Literal["number", "string", "boolean"] = "number"


class DatapointChange(_Body):
    label: Text | None = None
    unit: Text | None = None


class Remark(BaseModel):
    """What is said with a step of an alarm."""

    note: Text | None = None
