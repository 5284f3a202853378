"""A sensor that tells what memory there is, as a driver of one's own. Options: none."""

import gc

import esp32
import micropython

from firmware.reading import Datapoint


class HwHeap:
    points = (
        Datapoint("hw_heap_free", "B", decimals=0),
        Datapoint("hw_idf_largest", "B", decimals=0),
    )

    async def read_into(self, reading):
        gc.collect()
        reading.set("hw_heap_free", gc.mem_free())
        regions = esp32.idf_heap_info(esp32.HEAP_DATA)
        reading.set("hw_idf_largest", max(region[2] for region in regions))
        # The largest block within the heap is told nowhere else.
        micropython.mem_info()


def open(board, options):
    return HwHeap()
