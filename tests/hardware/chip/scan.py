# type: ignore
# ruff: noqa: F821 (common.py and ticker.py go before it)
"""Measure how long a scan for networks holds the thread up."""


def main(args):
    import network

    wlan = network.WLAN(network.WLAN.IF_STA)
    wlan.active(True)
    seen = []

    async def scan():
        wlan.disconnect()
        await asyncio.sleep_ms(300)
        seen.extend(wlan.scan())

    told = measured(scan, 30_000)
    told["networks"] = len(seen)
    answer(told)
