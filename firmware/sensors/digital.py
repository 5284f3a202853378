"""A digital input: a door's contact, a float switch, a motion sensor.

Options: pin; key ("state"); pull ("up", "down" or "none"; "up"), inverted (false: true is a high
pin).
"""

from firmware.reading import Datapoint


class Digital:
    def __init__(self, pin, inverted, point):
        self.points = (point,)
        self.pin = pin
        self.inverted = inverted

    async def read_into(self, reading):
        reading.set(self.points[0].key, bool(self.pin.value()) != self.inverted)


def open(board, options):
    pin = board.pin
    pulls = {"up": pin.PULL_UP, "down": pin.PULL_DOWN, "none": None}
    pull = options.pop("pull", "up")
    if pull not in pulls:
        raise ValueError("pull: up, down or none is expected")
    return Digital(
        pin(options.pop("pin"), pin.IN, pulls[pull]),
        bool(options.pop("inverted", False)),
        Datapoint(options.pop("key", "state"), data_type="boolean"),
    )
