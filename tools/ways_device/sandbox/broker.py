"""mosquitto as a child process: TLS only, persistent, closed to whoever has no login.

It ends with the sandbox, however that ends, and is started again if it ends by itself.
"""

import asyncio
import getpass
import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ways_device.errors import ToolError
from ways_device.process import tied_to
from ways_device.sandbox.certs import Certs
from ways_device.sandbox.files import write_private
from ways_device.sandbox.wire import Json
from ways_device.toolchain import Mosquitto

_START_S = 10
_STOP_S = 10
_RESTART_S = 0.5
# So many ends in a row, each within this time of its start, and another try is not worth it.
_SETTLED_S = 5.0
_QUICK_ENDS_MAX = 5
_LINE_MAX_BYTES = 1 << 20

_CONFIG = """\
{user}log_dest stderr
log_timestamp false
log_type error
log_type notice
log_type information
per_listener_settings false
allow_anonymous false
plugin {plugin}
plugin_opt_config_file {folder}/dynsec.json
listener {port}{bind}
certfile {cert}
keyfile {key}
tls_version tlsv1.2
set_tcp_nodelay true
persistence true
persistence_location {folder}/
autosave_interval 5
max_packet_size 131072
message_size_limit 65536
max_inflight_messages 100
max_queued_messages 20000
max_queued_bytes 67108864
"""


@dataclass(frozen=True)
class Settings:
    program: Mosquitto
    folder: Path
    port: int
    # Whether other machines can reach it.
    is_open: bool
    certs: Certs
    # Held by the child too: nobody else takes the folder while it still writes there.
    lock_fd: int

    def text(self) -> str:
        """Return mosquitto's configuration."""
        return _CONFIG.format(
            # Started as root it becomes another user, who cannot read our 0600 files.
            user=f"user {getpass.getuser()}\n" if os.geteuid() == 0 else "",
            plugin=self.program.dynsec_plugin,
            folder=self.folder,
            port=self.port,
            bind="" if self.is_open else " 127.0.0.1",
            cert=self.certs.cert_file,
            key=self.certs.key_file,
        )


class Broker:
    """up is set while the child accepts connections.

    lock is held while the child starts or stops, and by whoever changes logins: a login changes
    in a running broker, or in what the next one starts with, never in between.
    """

    def __init__(
        self,
        settings: Settings,
        security: Callable[[], Json],
        on_line: Callable[[str], None],
        on_end: Callable[[], None],
    ) -> None:
        """security gives the dynamic-security document, asked for at each start."""
        self._settings = settings
        self._security = security
        self._on_line = on_line
        self._on_end = on_end
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._errors: deque[str] = deque(maxlen=3)
        self._ended = asyncio.Event()
        self._is_wanted = False
        self._started_s = 0.0
        self.lock = asyncio.Lock()
        self.up = asyncio.Event()

    async def start(self) -> None:
        """Start the child unless it runs. Raises ToolError with its own words if it cannot."""
        async with self.lock:
            if self._process is None:
                await self._spawn()
            self._is_wanted = True

    async def stop(self) -> None:
        """Have the child save its sessions and end; it is not started again."""
        async with self.lock:
            self._is_wanted = False
            await self._end()

    def kill(self) -> None:
        """End a child that does not answer; run() starts another."""
        self._signal(signal.SIGKILL)

    def save(self) -> None:
        """Have the child write its sessions to disk now."""
        self._signal(signal.SIGUSR1)

    async def run(self) -> None:
        """Start the child again whenever it ends by itself.

        Raises ToolError if it does so again and again, or cannot be started.
        """
        quick_ends = 0
        while True:
            await self._ended.wait()
            self._ended.clear()
            if self._reader is not None:
                await asyncio.shield(self._reader)  # its error, if it had one, is ours
            async with self.lock:
                if not self._is_wanted or self._process is not None:
                    continue
                is_quick = time.monotonic() - self._started_s < _SETTLED_S
                quick_ends = quick_ends + 1 if is_quick else 0
                if quick_ends > _QUICK_ENDS_MAX:
                    raise ToolError(f"the broker ends again and again: {self._why()}")
                print(
                    f"sandbox: the broker ended by itself ({self._why()}); it is started again",
                    file=sys.stderr,
                )
                await asyncio.sleep(_RESTART_S)
                await self._spawn()

    async def _spawn(self) -> None:
        settings = self._settings
        config = settings.folder / "mosquitto.conf"
        security = json.dumps(self._security()).encode()
        self._errors.clear()
        self._started_s = time.monotonic()
        try:
            write_private(config, settings.text().encode())
            write_private(settings.folder / "dynsec.json", security)
            self._process = await asyncio.create_subprocess_exec(
                settings.program.program,
                "-c",
                config,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                limit=_LINE_MAX_BYTES,
                pass_fds=(settings.lock_fd,),
                # Ctrl-C in the terminal is for us: we stop the child in our own order.
                start_new_session=True,
                preexec_fn=tied_to(os.getpid()),
            )
        except OSError as exc:
            raise ToolError(f"mosquitto cannot be started: {exc}") from exc
        self._reader = asyncio.create_task(self._read(self._process))
        await self._wait_up(self._reader)

    async def _wait_up(self, reader: "asyncio.Task[None]") -> None:
        up = asyncio.ensure_future(self.up.wait())
        first = asyncio.FIRST_COMPLETED
        await asyncio.wait({up, reader}, timeout=_START_S, return_when=first)
        if not up.done():
            up.cancel()
            await self._end()
            self._ended.clear()
            raise ToolError(f"the broker did not start: {self._why()}; try another --mqtt-port")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Follow the child's log to its end."""
        assert process.stderr is not None
        try:
            async for raw in process.stderr:
                self._read_line(raw.decode(errors="replace").rstrip())
        except BaseException:
            process.kill()  # it would stand still once nobody reads its log
            raise
        finally:
            await process.wait()
            self.up.clear()
            self._process = None
            self._ended.set()
        self._on_end()

    def _read_line(self, line: str) -> None:
        if line.startswith("Error"):
            self._errors.append(line)
        elif line.startswith("mosquitto version") and line.endswith(" running"):
            self.up.set()
        self._on_line(line)

    async def _end(self) -> None:
        reader = self._reader
        if reader is None or reader.done():
            return
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(reader), _STOP_S)
        except asyncio.TimeoutError:
            self._signal(signal.SIGKILL)
            await reader

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    def _why(self) -> str:
        return "; ".join(self._errors) or "it said nothing"
