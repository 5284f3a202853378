"""The request bodies of groups and rules. Unknown fields are ignored."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ways_device.sandbox.bodies import Document, Name, Text
from ways_device.sandbox.wire import Json

Id = Annotated[str, Field(min_length=1, max_length=255)]
RuleType = Literal["missing_data", "offline", "threshold", "message_rate", "reconnect_rate"]
ScopeType = Literal["fleet", "group", "profile", "device"]
Severity = Literal["critical", "warning", "info"]
Action = Literal["create_alarm", "send_webhook", "mark_unhealthy"]
Actions = Annotated[list[Action], Field(max_length=20)]
Cooldown = Annotated[int, Field(ge=0, le=31_536_000)]


class _Body(BaseModel):
    def given(self) -> Json:
        """Return the fields that the caller sent. null clears a description, else says nothing."""
        sent = self.model_dump(exclude_unset=True)
        return {
            key: value for key, value in sent.items() if value is not None or key == "description"
        }


class GroupChange(_Body):
    name: Name | None = None
    description: Text | None = None


class NewGroup(GroupChange):
    name: Name


class Members(BaseModel):
    device_ids: Annotated[list[Id], Field(max_length=1000)]


class RuleChange(_Body):
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
    scope_type: ScopeType | None = None
    scope_device_id: Id | None = None
    scope_group_id: Id | None = None
    scope_profile_id: Id | None = None
