# type: ignore
"""Reset the board after a moment in which the host begins to listen."""


def main(args):
    import time

    import machine

    time.sleep_ms(args["after_ms"])
    machine.reset()
