"""Imports the modules named on the command line in that order; tells what each one takes.

Prints for each a line "name bytes us": heap that stays taken, and time of the import; before the
first and behind each one comes what micropython.qstr_info() says of the table of names. That
table doubles when it is full, which would be charged to whatever module comes then: here it has
room for all names before the first module.
"""

import gc
import sys
import time

import micropython

ROOM_FROM = 2551  # names: 10, 20, 40 ... 1280 in its parts so far; the next part has 2560

# The image has these: they are not what is measured.
for name in ("asyncio", "asyncio.stream", "binascii", "json", "socket", "struct", "tls"):
    __import__(name)
for number in range(ROOM_FROM):
    hasattr(gc, "name%d" % number)

names = sys.argv[1:]
micropython.qstr_info()
for name in names:
    gc.collect()
    before = gc.mem_alloc()
    started = time.ticks_us()
    __import__(name)
    us = time.ticks_diff(time.ticks_us(), started)
    gc.collect()
    print(name, gc.mem_alloc() - before, us)
    micropython.qstr_info()
