# type: ignore
# ruff: noqa: F821 (common.py goes before it)
"""Remove the sensor drivers of this checklist."""


def main(args):
    """args: drivers, their kinds"""
    for kind in args["drivers"]:
        remove(f"/sensors/{kind}.mpy")
    answer({})
