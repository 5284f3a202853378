"""Which devices a rule is for, as SQL: the active ones of its scope."""

from ways_device.sandbox.db import Db
from ways_device.sandbox.rules import Rule

_SCOPES = {
    "fleet": "{scope} IS NULL",
    "device": "d.device_id = {scope}",
    "profile": "d.profile_id = {scope}",
    "group": (
        "EXISTS (SELECT 1 FROM group_members m"
        " WHERE m.group_id = {scope} AND m.device_id = d.device_id)"
    ),
}


def covered(rule: Rule, scope: str = "?") -> str:
    """Return the condition on a device d; scope stands for rule.scope_id."""
    return f"d.is_active AND {_SCOPES[rule.scope_type].format(scope=scope)}"


def covers(db: Db, rule: Rule, device_id: str) -> bool:
    sql = f"SELECT 1 FROM devices d WHERE d.device_id = ? AND {covered(rule)}"
    return db.one(sql, device_id, rule.scope_id) is not None
