"""The request bodies of groups and rules. Unknown fields are ignored."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

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

RuleType = Literal["missing_data", "offline", "threshold", "message_rate", "reconnect_rate"]
Action = Literal["create_alarm", "send_webhook", "mark_unhealthy"]
Actions = Annotated[list[Action], Field(max_length=20)]


class GroupChange(DescribedBody):
    name: Name | None = None
    description: Text | None = None


class NewGroup(GroupChange):
    name: Name


class Members(BaseModel):
    device_ids: Annotated[list[Id], Field(max_length=1000)]


class RuleChange(DescribedBody):
    """What a rule is and whom it is for stay as they were made: fields for that are unknown."""

    name: Name | None = None
    description: Text | None = None
    config: Document | None = None
    severity: Severity | None = None
    actions: Actions | None = None
    cooldown_seconds: Cooldown | None = None
    is_enabled: bool | None = None
    auto_resolve: bool | None = None


class NewRule(RuleChange):
    name: Name
    rule_type: RuleType
    scope_type: Scope | None = None
    scope_device_id: Id | None = None
    scope_group_id: Id | None = None
    scope_profile_id: Id | None = None
