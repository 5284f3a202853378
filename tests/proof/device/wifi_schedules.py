"""Random troubles of a WLAN, after which one access point is good: the agent has to be on it.

wifi_schedules.py FIRST COUNT SEED: that many schedules, each from its own number. A schedule is
up to ten minutes of troubles: access points that go, refuse, give no address or lead nowhere,
links that are lost, a driver that complains, scans that fail, soft resets. Then all troubles but
those of other access points end. Time is skipped in which nothing can change.

What has to hold, besides that: connect() is never called while the driver is at work, the radio
is not switched off twice within five minutes of a run, and no line of the log has a password.
"""

import json
import sys

sys.path[:] = [".frozen", ".", "lib", "tests", "tests/proof/device"]

from wifi_world import World

import firmware.wifi

PLANTED = ("radio", "busy", "stuck")


def schedules(first, count, seed, plant=None):
    """Return (how many were tried, what failed, how often there was a link)."""
    # Loading the module anew for each attempt is tried elsewhere.
    firmware.wifi.unload = lambda name: None
    failures = []
    links = 0
    for number in range(first, first + count):
        world = World(number, seed)
        world.plant = plant
        for fault in world.play()[:1]:
            failures.append("schedule %d of seed %d: %s" % (number, seed, fault))
        links += len(world.lines.having("link_up"))
    return count, failures, links


def main(first, count, seed):
    caught = all(schedules(first, 40, seed, plant)[1] for plant in PLANTED)
    tried, failures, links = schedules(first, count, seed)
    if links < count:
        failures.append("only %d links" % links)
    print(
        json.dumps(
            {"tried": tried, "failed": len(failures), "failures": failures[:10], "caught": caught}
        )
    )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
