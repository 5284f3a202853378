# type: ignore
"""Reset the board after a moment in which the host begins to listen."""


def main(args):
    import time

    import machine

    time.sleep_ms(args["after_ms"])
    plan()
    machine.reset()


def plan():
    """Note that the reset is planned, as the agent's retained.py has it: it may not have run."""
    import binascii
    import struct

    import machine

    data = bytearray(machine.RTC().memory())
    if data[:3] == b"WRM":
        data[28] = 1
        data[32:36] = struct.pack("<I", binascii.crc32(data[:32]))
        machine.RTC().memory(data)
