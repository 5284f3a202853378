"""The request bodies of channels and policies. Unknown fields are ignored."""

from typing import Annotated, Literal

from pydantic import Field

from ways_device.sandbox.bodies import (
    Cooldown,
    DescribedBody,
    Document,
    Id,
    Name,
    Scope,
    Severity,
    Text,
)
from ways_device.sandbox.channel_config import ChannelType

Ids = Annotated[list[Id], Field(max_length=1000)]
ChannelIds = Annotated[list[Id], Field(min_length=1, max_length=100)]
EventType = Literal["triggered", "acknowledged", "resolved"]
Severities = Annotated[list[Severity], Field(max_length=20)]
EventTypes = Annotated[list[EventType], Field(max_length=20)]


class ChannelChange(DescribedBody):
    """The type stays as it was made."""

    name: Name | None = None
    config: Document | None = None
    is_enabled: bool | None = None


class NewChannel(ChannelChange):
    name: Name
    channel_type: ChannelType
    config: Document


class PolicyChange(DescribedBody):
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
