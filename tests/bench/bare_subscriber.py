"""The sandbox's own broker, and one who does nothing with what devices publish there but count.

`bare_subscriber.py FOLDER LOGINS`: LOGINS is JSON, {device id: password}. Prints one JSON object
with the port and the CA when it is ready, then the count ten times a second until it is ended.
"""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path

from ways_device import toolchain
from ways_device.sandbox import dynsec
from ways_device.sandbox.account import Account
from ways_device.sandbox.broker import Broker, Settings
from ways_device.sandbox.certs import Certs
from ways_device.sandbox.devices import Login
from ways_device.sandbox.keys import hashed, new_password
from ways_device.sandbox.subscriber import TOPIC

TOLD_S = 0.1


async def main(folder, logins):
    certs = Certs(folder, ["localhost", "127.0.0.1"])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lock_fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    settings = Settings(toolchain.mosquitto(), folder, port, False, certs, lock_fd)
    password = new_password()
    known = [Login(name, True, hashed(secret)) for name, secret in logins.items()]
    document = dynsec.document(hashed(new_password()), hashed(password), known)
    broker = Broker(settings, lambda: document, lambda _line: None, lambda: None)
    await broker.start()
    tls = certs.client_context()
    account = Account("127.0.0.1", port, dynsec.INGEST, password, tls)
    client = account.client(clean_session=False)
    client._client.manual_ack_set(True)
    counted = 0

    async def tell():
        while True:
            print(counted, flush=True)
            await asyncio.sleep(TOLD_S)

    try:
        async with client:
            await client.subscribe(TOPIC, qos=1)
            info = {"mqtt_host": "127.0.0.1", "mqtt_tls_port": port, "ca_file": str(certs.ca_file)}
            print(json.dumps(info), flush=True)
            told = asyncio.create_task(tell())
            async for message in client.messages:
                counted += 1
                client._client.ack(message.mid, message.qos)
            told.cancel()
    finally:
        await broker.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), json.loads(sys.argv[2])))
