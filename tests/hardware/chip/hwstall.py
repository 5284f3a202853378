"""A sensor that holds the thread up for ever at its third reading. Options: none."""

import time

from firmware.reading import Datapoint


class HwStall:
    points = (Datapoint("hw_stall", "", decimals=0),)
    count = 0

    async def read_into(self, reading):
        self.count += 1
        if self.count > 2:
            print("hardware-check stalls")
            while True:
                time.sleep_ms(1000)
        reading.set("hw_stall", self.count)


def open(board, options):
    return HwStall()
