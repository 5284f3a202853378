# type: ignore
# ruff: noqa: ASYNC230, F821 (the file is what stalls; common.py and ticker.py go before it)
"""Measure the stalls of writing to flash: blocks of a file, each flushed, so that it erases."""

_PATH = "/hardware.tmp"
_BLOCK = 4096


def main(args):
    """args: blocks, how many of 4 kB are written and flushed; there has to be room for them"""
    block = bytes(_BLOCK)

    async def write():
        with open(_PATH, "wb") as file:
            for _ in range(args["blocks"]):
                file.write(block)
                file.flush()
                await asyncio.sleep_ms(20)

    try:
        answer(measured(write, 60_000))
    finally:
        remove(_PATH)
