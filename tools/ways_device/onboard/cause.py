# type: ignore
# ruff: noqa: F821 (common.py goes before it)
"""Tell why the chip started last. It has to be asked before a soft reset becomes the cause."""


def main(args):
    import machine

    names = ("PWRON_RESET", "HARD_RESET", "WDT_RESET", "DEEPSLEEP_RESET", "SOFT_RESET")
    known = {getattr(machine, name, None): name for name in names}
    answer({"cause": known.get(machine.reset_cause(), "unknown")})
