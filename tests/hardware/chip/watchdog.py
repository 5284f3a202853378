# type: ignore
"""Arm the chip's watchdog and stand still."""


def main(args):
    """args: timeout_ms; wait_ms, before it: the time to begin to listen"""
    import time

    import machine

    time.sleep_ms(args["wait_ms"])
    machine.WDT(timeout=args["timeout_ms"])
    print("hardware-check stalls")
    while True:
        pass
