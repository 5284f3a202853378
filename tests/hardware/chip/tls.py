# type: ignore
# ruff: noqa: F821 (common.py, ticker.py, join.py and those of onboard/network.py go before it)
"""Measure how long a TLS handshake with the sandbox's broker holds the thread up."""

# A login without a name, which is refused: the refusal shows that the handshake is over.
_HELLO = b"\x04\x02\x00\x3c"


def main(args):
    """args: ssid, password, host, port, ca (DER in base64), now_s (Unix time, for certificates)"""
    set_clock(args["now_s"])
    ms, status = joined(station(), args["ssid"], args["password"])
    if ms is None:
        answer({"error": f"the network does not let it in: status {status}"})
        return
    said = []

    async def visit():
        import tls

        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        context.verify_mode = tls.CERT_REQUIRED
        context.load_verify_locations(binascii.a2b_base64(args["ca"]))
        reader, writer = await asyncio.open_connection(
            args["host"], args["port"], ssl=context, server_hostname=args["host"]
        )
        try:
            writer.write(packet(0x10, text("MQTT") + _HELLO + text("hardware-check")))
            await writer.drain()
            said.append(await reader.read(4))
        finally:
            writer.close()

    started = time.ticks_ms()
    told = measured(visit, 30_000)
    told["whole_ms"] = time.ticks_diff(time.ticks_ms(), started)
    told["answered"] = bool(said and said[0][:1] == b"\x20")
    answer(told)
