# type: ignore
# ruff: noqa: F821 (common.py goes before it)
"""Tell what RTC memory holds, and put something else there."""


def main(args):
    """args: data, base64 of what it is to hold, None = leave it"""
    import machine

    rtc = machine.RTC()
    answer({"data": binascii.b2a_base64(rtc.memory()).decode().strip()})
    if args["data"] is not None:
        rtc.memory(binascii.a2b_base64(args["data"]))
