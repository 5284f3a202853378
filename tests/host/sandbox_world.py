"""The shipped sandbox in this process, called over HTTP, with its broker stopped."""

import asyncio
from contextlib import closing, contextmanager
from pathlib import Path

import httpx

from ways_device.sandbox import api
from ways_device.sandbox.broker import Settings
from ways_device.sandbox.certs import Certs
from ways_device.sandbox.db import Db
from ways_device.sandbox.keys import ApiKey
from ways_device.sandbox.wiring import wire
from ways_device.toolchain import Mosquitto

NOWHERE = Mosquitto(Path("/nonexistent"), Path("/nonexistent"))


class Api:
    """Calls with the key, each through the whole application."""

    def __init__(self, app, key):
        self.app = app
        self.key = key

    def call(self, method, path, headers=None, **options):
        async def send():
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
                return await client.request(method, path, headers=headers, **options)

        headers = {"X-API-Key": self.key} if headers is None else headers
        return asyncio.run(send())

    def __getattr__(self, method):
        def call(path, **options):
            path = path if path.startswith("/sandbox") else f"/v1/iot{path}"
            return self.call(method.upper(), path, **options)

        return call


@contextmanager
def sandbox_in(folder, **options):
    """Yield (Api, parts) of the sandbox whose state is in this folder; options are wire()'s."""
    settings = Settings(NOWHERE, folder, 28883, False, Certs(folder, ["localhost"]), lock_fd=0)
    key_file = folder / "api-key"
    key = ApiKey(key_file)
    with closing(Db(folder / "sandbox.db")) as db:
        parts = wire(db, settings, "127.0.0.1", **options)
        yield Api(api.build(parts.platform, key.matches), key_file.read_text().strip()), parts
