# type: ignore
"""Tell the chip's own time, then sleep if asked to."""


def main(args):
    """args: wait_ms, the time to begin to listen; sleep_ms, of deep sleep, 0 = none"""
    import time

    import machine

    time.sleep_ms(args["wait_ms"])
    # Whole microseconds: a float of the chip has 24 bits.
    print("hardware-check us=%d" % (time.time_ns() // 1000))  # noqa: UP031
    if args["sleep_ms"]:
        time.sleep_ms(100)  # the line goes out first
        machine.deepsleep(args["sleep_ms"])
