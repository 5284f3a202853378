"""The life of a sandbox: start everything, say that it is ready, stop everything."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from ways_device import toolchain
from ways_device.errors import ToolError
from ways_device.sandbox import api
from ways_device.sandbox.broker import Settings
from ways_device.sandbox.certs import Certs
from ways_device.sandbox.db import Db
from ways_device.sandbox.dialect import PRESETS, Dialect
from ways_device.sandbox.fault_plan import Plan, load
from ways_device.sandbox.files import write_private
from ways_device.sandbox.keys import ApiKey
from ways_device.sandbox.link import Cuttable
from ways_device.sandbox.state import State
from ways_device.sandbox.subscription import DEVICES_DEFAULT
from ways_device.sandbox.wiring import Parts, wire

_LOOPBACK = "127.0.0.1"
_GRACE_S = 2
_AGAIN_S = 0.5
_CONCURRENT_MAX = 200


@dataclass(frozen=True)
class Options:
    folder: Path
    port: int
    mqtt_port: int | None = None
    # The address boards reach this machine by; None keeps the broker on this machine.
    host: str | None = None
    info_file: Path | None = None
    # The plan of faults to begin with.
    faults: Path | None = None
    device_limit: int = DEVICES_DEFAULT
    dialect: Dialect = PRESETS["reference"]


def serve(options: Options) -> None:
    """Run a sandbox until SIGTERM or Ctrl-C. Raises ToolError if it cannot start or go on."""
    os.umask(0o077)
    if options.info_file is not None and not options.info_file.absolute().parent.is_dir():
        raise ToolError(f"{options.info_file} cannot be written: its folder does not exist")
    plan = Plan() if options.faults is None else load(options.faults)
    with contextlib.ExitStack() as stack:
        state = stack.enter_context(contextlib.closing(State(options.folder)))
        listener = stack.enter_context(_api_socket(options.port))
        if options.info_file is not None:
            options.info_file.unlink(missing_ok=True)
        db = stack.enter_context(contextlib.closing(Db(state.database)))
        asyncio.run(_run(options, state, db, listener, plan))


async def _run(
    options: Options, state: State, db: Db, listener: socket.socket, plan: Plan
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = _broker_settings(options, state)
    parts = wire(
        db,
        settings,
        options.host or _LOOPBACK,
        device_limit=options.device_limit,
        dialect=options.dialect,
    )
    is_key = ApiKey(state.api_key_file).matches
    parts.presence.all_closed()
    server = _Api(
        api.build(parts.platform, is_key), lambda: _announce(options, state, settings, listener)
    )
    tasks = [
        asyncio.create_task(part)
        for part in (
            parts.broker.run(),
            parts.control.run(),
            parts.subscriber.run(),
            parts.engine.run(),
            parts.sender.run(),
            parts.platform.broker_faults.run(),
            parts.platform.downlink.run(),
            _open(parts, server, listener, plan),
            stop.wait(),
        )
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if options.info_file is not None:
            options.info_file.unlink(missing_ok=True)
        parts.platform.faults.put(Plan())  # answers that it holds back go out now
        await server.close()
        await _cancelled(tasks)
        if options.info_file is not None:  # it may have become ready in the meantime
            options.info_file.unlink(missing_ok=True)
        await parts.broker.stop()
    for task in done:
        task.result()  # the error that ended us, if it was one


async def _cancelled(tasks: list["asyncio.Task[Any]"]) -> None:
    """Cancel tasks until all have ended.

    Once is not enough: up to Python 3.11 a wait_for() in a task, or in a library that it uses,
    forgets a cancellation that comes in the moment when what it waits for is there.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_AGAIN_S)


async def _open(parts: Parts, server: "_Api", listener: socket.socket, plan: Plan) -> None:
    """Let devices in, then users: whoever has an answer of the API can rely on the broker."""
    await parts.platform.access.start_broker()
    parts.platform.faults.put(plan)
    await server.serve([listener])


def _broker_settings(options: Options, state: State) -> Settings:
    names = ["localhost", _LOOPBACK, *([options.host] if options.host else [])]
    return Settings(
        program=toolchain.mosquitto(),
        folder=state.folder,
        port=state.mqtt_port(options.mqtt_port),
        is_open=options.host is not None,
        certs=Certs(state.folder, list(dict.fromkeys(names))),
        lock_fd=state.lock_fd,
    )


class _Api(uvicorn.Server):
    """uvicorn that leaves the signals to us and says when it serves."""

    def __init__(self, app: ASGIApp, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                lifespan="off",
                ws="none",
                http=Cuttable,
                limit_concurrency=_CONCURRENT_MAX,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._on_ready = on_ready
        self._closed = asyncio.Event()
        self._closed.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._closed.clear()
        try:
            await super().serve(sockets)
        finally:
            self._closed.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def close(self) -> None:
        """Let calls that are being answered end, for a moment; take no others."""
        self.should_exit = True
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._closed.wait(), _GRACE_S + 1)


def _announce(options: Options, state: State, settings: Settings, listener: socket.socket) -> None:
    """Say on stderr, and in the info file, that the sandbox is ready."""
    info = {
        "api_url": f"http://{_LOOPBACK}:{listener.getsockname()[1]}",
        "api_key_file": str(state.api_key_file),
        "mqtt_host": options.host or _LOOPBACK,
        "mqtt_tls_port": settings.port,
        "ca_file": str(settings.certs.ca_file),
        "pid": os.getpid(),
    }
    if options.info_file is not None:
        try:
            write_private(options.info_file, json.dumps(info).encode())
        except OSError as exc:
            raise ToolError(f"{options.info_file} cannot be written: {exc.strerror}") from exc
    if settings.is_open:
        _say(
            f"WARNING: the broker is open to the network on port {settings.port}, on every"
            " address of this machine. Each device still needs its own login; the API is not open."
        )
    _say(f"API     {info['api_url']}  (key in {state.api_key_file})")
    _say(f"page    {info['api_url']}/  (asks for the key)")
    _say(f"broker  {info['mqtt_host']}:{settings.port}, TLS  (CA in {settings.certs.ca_file})")
    _say("ready; Ctrl-C ends it")


def _say(line: str) -> None:
    print(f"sandbox: {line}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _api_socket(port: int) -> Iterator[socket.socket]:
    """Yield a socket that listens on the loopback interface; port 0 takes a free one."""
    listener = socket.socket()
    with contextlib.closing(listener):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_LOOPBACK, port))
            listener.listen()
        except OSError as exc:
            raise ToolError(
                f"port {port} is taken ({exc.strerror}): give another --port, or 0 for a free one"
            ) from exc
        yield listener
