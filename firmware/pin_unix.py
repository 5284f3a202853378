"""Linux: what stands for a pin, loaded when a sensor asks for one."""


class Pin:
    """There is none."""

    IN = OUT = PULL_UP = PULL_DOWN = IRQ_RISING = IRQ_FALLING = None

    def __init__(self, *_settings):
        raise ValueError("this machine has no pins")
