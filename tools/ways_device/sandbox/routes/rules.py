"""/v1/iot/rules"""

from fastapi import APIRouter

from ways_device.sandbox.platform import The
from ways_device.sandbox.rule_bodies import NewRule, RuleChange
from ways_device.sandbox.rules import RuleFilter
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/v1/iot/rules")


@router.get("")
async def list_rules(
    the: The,
    scope_type: str | None = None,
    rule_type: str | None = None,
    is_enabled: bool | None = None,
    severity: str | None = None,
) -> Json:
    return {"rules": the.rules.all(RuleFilter(scope_type, rule_type, is_enabled, severity))}


@router.post("", status_code=201)
async def create(the: The, body: NewRule) -> Json:
    return the.rules.create(body.given())


@router.get("/{rule_id}")
async def get(the: The, rule_id: str) -> Json:
    return the.rules.get(rule_id)


@router.put("/{rule_id}")
async def update(the: The, rule_id: str, body: RuleChange) -> Json:
    return the.rules.update(rule_id, body.given())


@router.delete("/{rule_id}", status_code=204)
async def delete(the: The, rule_id: str) -> None:
    the.rules.delete(rule_id)


@router.post("/{rule_id}/enable")
async def enable(the: The, rule_id: str) -> Json:
    return the.rules.update(rule_id, {"is_enabled": True})


@router.post("/{rule_id}/disable")
async def disable(the: The, rule_id: str) -> Json:
    return the.rules.update(rule_id, {"is_enabled": False})
