"""E-mail through apprise, which makes the message and speaks SMTP.

It blocks, so each mail has a thread. A thread cannot be ended: one that has missed its deadline
goes on until the server's silence ends it. There are never more than a few, and none of them keeps
the sandbox from stopping. apprise tells whether a mail went out, and only its log tells why not.
"""

import asyncio
import functools
import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import ValidationError

from ways_device.errors import ToolError
from ways_device.sandbox.channel_config import EmailConfig, SmtpServer
from ways_device.sandbox.messages import Words
from ways_device.sandbox.secrecy import scrub
from ways_device.sandbox.send_errors import FinalError, SendError

VARIABLE = "WAYS_SANDBOX_SMTP_URL"
_SECURITY = {"smtp": None, "smtps": "tls", "smtp+starttls": "starttls"}
_MODES = {"starttls": "starttls", "tls": "ssl", "none": "insecure"}
_THREADS_MAX = 8
_FROM = "ways-sandbox@localhost"


class Mailer:
    """default is the server for channels that bring none along."""

    def __init__(self, default: SmtpServer | None = None) -> None:
        self._default = default
        self._alive = 0

    async def send(self, channel: EmailConfig, said: Words, deadline_s: float) -> None:
        """Raises SendError, FinalError. The caller sees to the deadline of the whole."""
        server = channel.server() or self._default
        if server is None:
            raise FinalError(
                f"there is no mail server: give the channel an smtp_host, or set {VARIABLE}"
            )
        sender = channel.sender or server.sender or _default_sender(server)
        if self._alive >= _THREADS_MAX:
            raise SendError(f"{self._alive} mails wait for their servers already")
        problem = await self._in_thread(
            functools.partial(_send, server, sender, channel.to, said, deadline_s)
        )
        if problem is not None:
            raise SendError(scrub(problem, {"password": server.password}))

    async def _in_thread(self, call: Callable[[], str | None]) -> str | None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str | None] = loop.create_future()

        def finish(problem: str | None) -> None:
            self._alive -= 1
            if not done.cancelled():
                done.set_result(problem)

        def run() -> None:
            try:
                problem = call()
            except Exception as exc:
                # A thread has nobody above it, and a library may raise anything.
                problem = f"{type(exc).__name__}: {exc}"
            if not loop.is_closed():
                loop.call_soon_threadsafe(finish, problem)

        self._alive += 1
        threading.Thread(target=run, name="mail", daemon=True).start()
        return await done


def _send(
    server: SmtpServer, sender: str, to: list[str], said: Words, deadline_s: float
) -> str | None:
    """Hand one mail over. Blocks. Returns None, or what went wrong; may raise anything."""
    # This plugin alone: asking for one by its name loads all of them.
    from apprise import AppriseAsset
    from apprise.plugins.email.base import NotifyEmail

    make: Callable[..., Any] = NotifyEmail
    with _Overheard() as overheard:
        asset = AppriseAsset(app_id="ways-device sandbox", storage_mode="memory")
        service = make(**_service(server, sender, to), asset=asset)
        # It takes a float for the silence of the server, whatever its URLs say.
        service.socket_connect_timeout = deadline_s
        is_sent = service.notify(title=said.title, body=said.body, body_format="text")
    return None if is_sent else overheard.reason()


def _service(server: SmtpServer, sender: str, to: list[str]) -> dict[str, Any]:
    return {
        "host": sender.rpartition("@")[2],
        "smtp_host": server.host,
        "port": server.port,
        "secure_mode": _MODES[server.mode],
        "user": server.user,
        "password": server.password,
        "from_addr": sender,
        "targets": to,
    }


class _Overheard(logging.Handler):
    """Collects what apprise logs in this thread."""

    _logger = logging.getLogger("apprise")

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._thread = threading.get_ident()
        self._lines: list[str] = []

    def __enter__(self) -> "_Overheard":
        self._logger.setLevel(logging.DEBUG)
        self._logger.propagate = False
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        is_telling = record.levelno >= logging.WARNING or text.startswith("Socket Exception")
        if record.thread == self._thread and is_telling:
            self._lines.append(text)

    def reason(self) -> str:
        return "; ".join(self._lines) or "the mail server did not take it"


def _default_sender(server: SmtpServer) -> str:
    try:
        return EmailConfig.model_validate({"to": server.user or ""}).to[0]
    except ValidationError:
        return _FROM


def from_environment(environment: Mapping[str, str] = os.environ) -> SmtpServer | None:
    """Return the server in WAYS_SANDBOX_SMTP_URL, None if it is not set.

    smtp://[USER:PASSWORD@]HOST[:PORT][?from=ADDRESS]; smtps:// speaks TLS from the first byte,
    smtp+starttls:// insists on STARTTLS, as smtp:// does where HOST is not this machine.
    Raises ToolError, without the text of the variable.
    """
    text = environment.get(VARIABLE)
    if not text:
        return None
    try:
        url = urlsplit(text)
        server = SmtpServer.model_validate(
            {
                "host": url.hostname,
                "port": url.port,
                "user": unquote(url.username) if url.username else None,
                "password": unquote(url.password) if url.password else None,
                "sender": parse_qs(url.query).get("from", [None])[0],
                "security": _SECURITY[url.scheme],
            }
        )
    except (ValueError, KeyError):
        # From None: the causes quote the URL with its password.
        raise ToolError(
            f"{VARIABLE} is no URL of the form smtp://USER:PASSWORD@HOST:PORT?from=ADDRESS"
        ) from None
    return server
