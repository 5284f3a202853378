"""The health of a device: what burdens it, and what the broker's record says of its link."""

import pytest
from sandbox_world import sandbox_in

NOW = 1_800_000_000.0
HOUR_S = 3600


class World:
    def __init__(self):
        self.now = NOW
        self.the = None
        self.parts = None

    def health(self):
        return self.the.get("/devices/d/health").json()

    def device(self):
        return self.the.get("/devices/d").json()

    def rule(self, severity="warning", **fields):
        body = {"name": "R", "rule_type": "offline", "config": {}, "severity": severity, **fields}
        answer = self.the.post("/rules", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def trigger(self, severity):
        """Open an alarm of a new rule. Returns its id."""
        rule_id = self.rule(severity, is_enabled=False)
        rules, alarms = self.parts.platform.rules, self.parts.platform.alarms
        self.the.post(f"/rules/{rule_id}/enable")
        (rule,) = (one for one in rules.enabled() if one.id == rule_id)
        return alarms.trigger(rule, "d", "t", "m")["id"]

    def publish(self, category, payload):
        self.parts.subscriber._ingest.take(f"devices/d/{category}", payload, self.now)

    def breaks(self, count):
        for _ in range(count):
            self.parts.presence.opened("d")
            self.parts.presence.closed("d", is_clean=False)


@pytest.fixture
def world(tmp_path):
    world = World()
    with sandbox_in(tmp_path, clock=lambda: world.now) as (the, parts):
        world.the, world.parts = the, parts
        the.post("/datapoints", json={"key": "t"})
        the.post("/devices", json={"name": "D", "device_id": "d"})
        yield world


def online(world):
    world.parts.presence.opened("d")
    world.publish("telemetry", b'{"t": 1}')


@pytest.mark.parametrize(
    ("severities", "burden"),
    [
        ([], 100),
        (["info"], 95),
        (["warning"], 80),
        (["critical"], 50),
        (["critical", "warning", "info"], 25),
        (["critical", "critical", "info"], 0),
    ],
)
def test_open_alarms_burden_by_severity(world, severities, burden):
    for severity in severities:
        world.trigger(severity)
    assert world.health()["components"]["alarm_burden"] == burden


def test_an_alarm_burdens_until_it_is_resolved_and_its_own_device_only(world):
    alarm_id = world.trigger("critical")
    world.the.post("/devices", json={"name": "E", "device_id": "e"})
    other = world.the.get("/devices/e/health").json()
    assert other["components"]["alarm_burden"] == 100
    steps = [("acknowledge", 50), ("resolve", 100), ("reopen", 50)]
    for step, burden in steps:
        world.the.post(f"/alarms/{alarm_id}/{step}")
        assert world.health()["components"]["alarm_burden"] == burden


def test_the_score_is_the_mean_of_the_parts(world):
    online(world)
    assert (world.health()["health_score"], world.health()["health_status"]) == (100, "healthy")
    world.trigger("critical")
    assert (world.health()["health_score"], world.health()["health_status"]) == (88, "healthy")
    world.now += 10 * HOUR_S
    health = world.health()
    assert health["components"]["telemetry_freshness"] == 0
    assert (health["health_score"], health["health_status"]) == (62, "degraded")


def test_a_rule_that_marks_a_device_makes_it_unhealthy_at_any_score(world):
    online(world)
    rule_id = world.rule(actions=["mark_unhealthy"], config={"timeout_seconds": 1})
    assert world.health()["health_status"] == "healthy"
    world.now += 10 * HOUR_S
    world.publish("telemetry", b'{"t": 2}')
    world.parts.presence.closed("d", is_clean=True)
    for _ in range(70):
        world.now += 1
        world.parts.engine.tick()
    marked = world.health()
    assert (marked["health_score"] >= 80, marked["health_status"]) == (True, "unhealthy")
    online(world)
    world.parts.engine.tick()
    assert world.health()["health_status"] == "healthy"
    world.the.delete(f"/rules/{rule_id}")
    assert world.health()["health_status"] == "healthy"


def test_a_device_that_never_came_can_be_marked_too(world):
    assert world.health()["health_status"] == "unknown"
    rule_id = world.rule(actions=["mark_unhealthy"])
    db = world.parts.platform.alarms._db
    db.run(
        "INSERT INTO rule_states (rule_id, device_id, is_unhealthy) VALUES (?, 'd', 1)", rule_id
    )
    health = world.health()
    assert (health["health_score"], health["health_status"]) == (None, "unhealthy")


def test_freshness_goes_by_the_profiles_interval(world):
    online(world)
    profile = {"name": "P", "reporting_interval_seconds": 600}
    profile_id = world.the.post("/profiles", json=profile).json()["id"]
    world.now += 1200
    assert world.health()["components"]["telemetry_freshness"] == 0
    world.the.post(f"/profiles/{profile_id}/apply/d")
    assert world.health()["components"]["telemetry_freshness"] == 100
    world.now += 2400
    assert world.health()["components"]["telemetry_freshness"] == 50


def test_status_and_will_are_shown_and_do_not_decide_who_is_online(world):
    world.publish("status", b'{"status": "online"}')
    assert (world.device()["is_online"], world.device()["connection_status"]) == (False, None)
    world.parts.presence.opened("d")
    # The will of the session before comes when this one is open.
    world.publish("status", b'{"status": "offline"}')
    assert (world.device()["is_online"], world.device()["connection_status"]) == (
        True,
        "connected",
    )
    details = world.the.get("/sandbox/devices/d").json()
    assert details["status"] == {"status": "offline"}
    world.publish("status", b'{"status": "online"}')
    world.parts.presence.closed("d", is_clean=False)
    assert world.device()["is_online"] is False


def test_a_link_that_breaks_often_is_unstable_for_an_hour(world):
    world.breaks(2)
    world.parts.presence.opened("d")
    assert (world.device()["connection_status"], world.device()["stability_score"]) == (
        "connected",
        90,
    )
    world.parts.presence.closed("d", is_clean=False)
    assert world.device()["connection_status"] == "disconnected"
    world.parts.presence.opened("d")
    assert (world.device()["connection_status"], world.device()["stability_score"]) == (
        "unstable",
        85,
    )
    assert world.device()["is_online"] is True
    world.now += HOUR_S
    assert (world.device()["connection_status"], world.device()["stability_score"]) == (
        "connected",
        85,
    )
    world.now += 23 * HOUR_S
    assert world.device()["stability_score"] == 100


def test_sessions_that_end_as_they_should_keep_a_link_stable(world):
    for _ in range(5):
        world.parts.presence.opened("d")
        world.parts.presence.closed("d", is_clean=True)
    world.parts.presence.opened("d")
    assert (world.device()["connection_status"], world.device()["stability_score"]) == (
        "connected",
        100,
    )
