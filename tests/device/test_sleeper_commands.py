"""What waited for a sleeper at the broker: acted upon and answered in the wake that gets it."""

import json

from fakes.sleepworld import World

HEAP_KB = 2048


def asked(**settings):
    world = World(commands_topic="devices/+/commands", connect_every=2, **settings)
    world.wakes(3)
    return world


def command(command_id, name="read_now", **more):
    return json.dumps(dict(id=command_id, name=name, **more)).encode()


def states(world, command_id):
    told = [one for one in world.events("command_result") if one["id"] == command_id]
    return [one["state"] for one in told]


def test_a_command_is_answered_in_the_wake_that_gets_it():
    world = asked()
    world.broker.keep(command("a"))
    world.wakes(1)
    assert states(world, "a") == []  # this one only samples
    world.wakes(1)
    assert states(world, "a") == ["accepted", "done"] and not world.broker.is_owed
    world.wakes(4)
    assert states(world, "a") == ["accepted", "done"]


def test_all_that_waited_is_done_before_it_sleeps():
    world = asked()
    for number in range(5):
        world.broker.keep(command("c%d" % number))
    world.wakes(2)
    assert [states(world, "c%d" % number) for number in range(5)] == [["accepted", "done"]] * 5
    assert world.agent.delivery.is_done and not world.said("awake_limit_reached")


def test_what_comes_long_after_all_is_delivered_is_waited_for():
    world = asked()
    world.broker.late_ms = 400
    world.broker.keep(command("a"))
    world.wakes(2)
    assert states(world, "a") == ["accepted", "done"] and world.awake_ms[-1] < 3_000


def test_it_stays_awake_for_a_command_that_takes_its_time():
    world = asked()
    world.has_time_server = False
    world.broker.keep(command("slow", "sync_time"))
    world.wakes(2)
    assert states(world, "slow") == ["accepted", "refused"] and world.awake_ms[-1] > 1500


class Led:
    OUT = 1

    def __init__(self, number, mode):
        self.value = lambda level: None


def test_a_command_that_takes_too_long_is_ended_by_the_limit_and_told_as_interrupted():
    world = asked(awake_limit_s=10, led_pin=2)
    world.broker.keep(command("long", "identify", args={"seconds": 60}))
    world.change = lambda agent: setattr(agent.board, "pin", Led)
    world.wakes(2)
    assert 7_000 < world.awake_ms[-1] <= 10_000 and states(world, "long") == ["accepted"]
    # Readings have arrived: it connects as usual.
    world.wakes(2)
    assert states(world, "long") == ["accepted", "interrupted"]
    assert world.taken[: len(world.telemetry())] == world.telemetry()


def test_settings_are_followed_in_the_wake_that_gets_them():
    world = World(config_topic="devices/+/config", connect_every=2)
    world.wakes(3)
    world.broker.keep(json.dumps({"rev": 7, "interval_s": 300}).encode())
    world.wakes(2)
    assert world.events("config_result") == [{"rev": 7, "keys": {"interval_s": "ok"}}]
    # This interval has begun.
    assert world.slept_ms < 60_000
    with open("/flash/config.json") as file:
        world.settings = json.load(file)
    world.wakes(1)
    assert world.slept_ms > 250_000


def test_settings_on_trial_are_trusted_after_a_wake_with_a_session():
    world = World(config_topic="devices/+/config", connect_every=2)
    world.wakes(3)
    world.nvs.set_i32("trial", 1)
    world.wakes(2)
    assert world.nvs.get_i32("trial") == 0 and world.awake_ms[-1] < 2_000


def test_settings_that_it_can_only_begin_with_have_it_restart_instead_of_sleep():
    world = World(config_topic="devices/+/config", connect_every=2)
    world.wakes(3)
    world.broker.keep(json.dumps({"rev": 7, "window": 8}).encode())
    world.wakes(2)
    assert world.slept_ms == 0 and world.nvs.get_i32("trial")
    world.wakes(1)
    assert not world.nvs.get_i32("trial") and len(world.events("config_result")) == 1
    assert world.taken[: len(world.telemetry())] == world.telemetry()
