"""The request bodies of channels and policies. Unknown fields are ignored."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ways_device.sandbox.bodies import Document, Name, Text
from ways_device.sandbox.channel_config import ChannelType
from ways_device.sandbox.wire import Json

Id = Annotated[str, Field(min_length=1, max_length=255)]
Ids = Annotated[list[Id], Field(max_length=1000)]
ChannelIds = Annotated[list[Id], Field(min_length=1, max_length=100)]
Severity = Literal["critical", "warning", "info"]
EventType = Literal["triggered", "acknowledged", "resolved"]
Scope = Literal["fleet", "group", "profile", "device"]
Severities = Annotated[list[Severity], Field(max_length=20)]
EventTypes = Annotated[list[EventType], Field(max_length=20)]
Cooldown = Annotated[int, Field(ge=0, le=31_536_000)]


class _Body(BaseModel):
    def given(self) -> Json:
        """Return the fields that the caller sent. null clears a description, else says nothing."""
        sent = self.model_dump(exclude_unset=True)
        return {
            key: value for key, value in sent.items() if value is not None or key == "description"
        }


class ChannelChange(_Body):
    """The type stays as it was made."""

    name: Name | None = None
    config: Document | None = None
    is_enabled: bool | None = None


class NewChannel(ChannelChange):
    name: Name
    channel_type: ChannelType
    config: Document


class PolicyChange(_Body):
    """Rules and scope stay as they were made: fields for that are unknown."""

    name: Name | None = None
    description: Text | None = None
    severity_filter: Severities | None = None
    event_types: EventTypes | None = None
    channel_ids: ChannelIds | None = None
    cooldown_seconds: Cooldown | None = None
    is_enabled: bool | None = None


class NewPolicy(PolicyChange):
    name: Name
    channel_ids: ChannelIds
    rule_ids: Ids | None = None
    scope_type: Scope | None = None
    scope_ids: Ids | None = None
