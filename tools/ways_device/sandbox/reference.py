"""The calls of the platform's API reference, all 59, in its order. Paths are below /v1/iot."""

BASE = "/v1/iot"

_TABLE = """
GET    /devices
POST   /devices
GET    /devices/{device_id}
PATCH  /devices/{device_id}
DELETE /devices/{device_id}
GET    /devices/{device_id}/health
GET    /devices/{device_id}/tags
POST   /devices/{device_id}/tags
DELETE /devices/{device_id}/tags/{tag}
GET    /groups
POST   /groups
GET    /groups/{group_id}
PUT    /groups/{group_id}
DELETE /groups/{group_id}
POST   /groups/{group_id}/devices
DELETE /groups/{group_id}/devices/{device_id}
GET    /profiles
POST   /profiles
GET    /profiles/{profile_id}
PUT    /profiles/{profile_id}
DELETE /profiles/{profile_id}
POST   /profiles/{profile_id}/apply/{device_id}
GET    /rules
POST   /rules
GET    /rules/{rule_id}
PUT    /rules/{rule_id}
DELETE /rules/{rule_id}
POST   /rules/{rule_id}/enable
POST   /rules/{rule_id}/disable
GET    /alarms
GET    /alarms/summary
GET    /alarms/{alarm_id}
GET    /alarms/{alarm_id}/timeline
POST   /alarms/{alarm_id}/acknowledge
POST   /alarms/{alarm_id}/resolve
POST   /alarms/{alarm_id}/reopen
GET    /datapoints
POST   /datapoints
GET    /datapoints/{datapoint_id}
PUT    /datapoints/{datapoint_id}
DELETE /datapoints/{datapoint_id}
GET    /devices/{device_id}/telemetry
GET    /devices/{device_id}/telemetry/latest
GET    /notifications/channels
POST   /notifications/channels
GET    /notifications/channels/{channel_id}
PUT    /notifications/channels/{channel_id}
DELETE /notifications/channels/{channel_id}
POST   /notifications/channels/{channel_id}/test
GET    /notifications/policies
POST   /notifications/policies
GET    /notifications/policies/{policy_id}
PUT    /notifications/policies/{policy_id}
DELETE /notifications/policies/{policy_id}
GET    /notifications/deliveries
GET    /credentials
GET    /subscription
GET    /usage
GET    /stats
"""

CALLS: tuple[tuple[str, str], ...] = tuple(
    (method, BASE + path) for method, path in map(str.split, _TABLE.strip().splitlines())
)
