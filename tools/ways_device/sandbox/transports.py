"""Brings one message to its channel, within a deadline, or says why not.

webhook, slack, teams and sms are one JSON POST each, made here with httpx: what the library for
mail has for them goes to fixed hosts only, reads answers without a limit, has no deadline over
the whole call, and keeps the reason of a failure to itself. Redirects are not followed, TLS is
verified (against the system's roots, or SSL_CERT_FILE), no proxy and no netrc is used. Only the
status of an answer counts; of its body at most 64 KB are read and thrown away.

A webhook's headers (ours):

    X-Ways-Delivery   id of the delivery, the same in each attempt
    X-Ways-Event      event_type of the document
    X-Ways-Timestamp  Unix seconds of this attempt
    X-Ways-Signature  sha256=HEX, HMAC-SHA256 with the channel's secret over the timestamp, a dot
                      and the body as sent; absent if the channel has no secret
"""

import asyncio
import functools
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from ways_device.sandbox import wire
from ways_device.sandbox.channel_config import (
    ChatConfig,
    EmailConfig,
    SmsConfig,
    WebhookConfig,
    check_url,
    parse,
)
from ways_device.sandbox.mail import Mailer
from ways_device.sandbox.messages import words
from ways_device.sandbox.send_errors import FinalError, SendError
from ways_device.sandbox.wire import Json

DEADLINE_S = 10.0
_ANSWER_MAX_BYTES = 65_536
_SMS_MAX = 480
_AGENT = "ways-device-sandbox"
# Another attempt may meet a better answer; any other refusal will be repeated.
_PASSING = frozenset((408, 425, 429))


@dataclass(frozen=True)
class Gateway:
    """Where SMS go that name no gateway of their own."""

    url: str | None = None
    token: str | None = None


def tls_context() -> ssl.SSLContext:
    """Return what verifies the servers that messages go to, over TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Transports:
    """deadline_s bounds each send as a whole, from the look-up of the name to the answer."""

    def __init__(
        self,
        mailer: Mailer,
        gateway: Gateway,
        clock: Callable[[], float] = time.time,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._mailer = mailer
        self._gateway = gateway
        self._clock = clock
        self._deadline_s = deadline_s
        self._ways: dict[str, Callable[[Json, Json], Awaitable[None]]] = {
            "webhook": self._webhook,
            "email": self._email,
            "slack": self._slack,
            "teams": self._teams,
            "sms": self._sms,
        }

    async def send(self, channel_type: str, config: Json, document: Json) -> None:
        """Raises SendError; FinalError if another attempt makes no sense."""
        try:
            await asyncio.wait_for(self._ways[channel_type](config, document), self._deadline_s)
        except asyncio.TimeoutError as exc:
            raise SendError(f"no answer within {self._deadline_s:g} s") from exc

    async def _webhook(self, config: Json, document: Json) -> None:
        channel: WebhookConfig = parse("webhook", config)
        body = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
        timestamp = str(int(self._clock()))
        headers = {
            "X-Ways-Delivery": document["id"],
            "X-Ways-Event": document["event_type"],
            "X-Ways-Timestamp": timestamp,
        }
        if channel.secret is not None:
            headers["X-Ways-Signature"] = signature(channel.secret, timestamp, body)
        await self._post(channel.url, body, headers)

    async def _slack(self, config: Json, document: Json) -> None:
        channel: ChatConfig = parse("slack", config)
        said = words(document)
        text = f"*{_slack_plain(said.title)}*\n{_slack_plain(said.body)}"
        await self._post_json(channel.url, {"text": text})

    async def _teams(self, config: Json, document: Json) -> None:
        channel: ChatConfig = parse("teams", config)
        said = words(document)
        await self._post_json(channel.url, _card(said.title, said.body))

    async def _sms(self, config: Json, document: Json) -> None:
        channel: SmsConfig = parse("sms", config)
        url, token = channel.url, channel.token
        if url is None:
            # The gateway that was set for all gets its own token, never a channel's.
            url, token = self._gateway.url, self._gateway.token
        if url is None:
            raise FinalError(
                "there is no SMS gateway: give the channel a url, or set WAYS_SANDBOX_SMS_URL"
            )
        said = words(document)
        text = f"{said.title}\n{said.body}"[:_SMS_MAX]
        body = {"to": channel.to, "from": channel.sender, "message": text}
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        await self._post_json(url, {**body, "id": document["id"]}, headers)

    async def _email(self, config: Json, document: Json) -> None:
        channel: EmailConfig = parse("email", config)
        await self._mailer.send(channel, words(document), self._deadline_s)

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        # Made once, where first needed: reading all the roots takes a while.
        return tls_context()

    async def _post_json(self, url: str, body: Json, headers: Json | None = None) -> None:
        await self._post(url, wire.dump(body).encode(), headers or {})

    async def _post(self, url: str, body: bytes, headers: Json) -> None:
        try:
            check_url(url)
        except ValueError as exc:
            raise FinalError(f"the URL {exc}") from exc
        headers = {"Content-Type": "application/json", "User-Agent": _AGENT, **headers}
        try:
            async with httpx.AsyncClient(
                verify=self._tls,
                follow_redirects=False,
                trust_env=False,
                timeout=self._deadline_s,
            ) as client:
                request = client.build_request("POST", url, content=body, headers=headers)
                answer = await client.send(request, stream=True)
                try:
                    await _drain(answer)
                finally:
                    await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
            raise SendError(_reason(exc)) from exc
        _check_status(answer.status_code)


async def _drain(answer: httpx.Response) -> None:
    """Let the other side finish, up to a limit: one that talks on for ever is cut off."""
    seen_bytes = 0
    async for piece in answer.aiter_raw():
        seen_bytes += len(piece)
        if seen_bytes > _ANSWER_MAX_BYTES:
            return


def _check_status(status: int) -> None:
    if 200 <= status <= 299:  # noqa: PLR2004 - the statuses that mean success
        return
    if status in _PASSING or status >= 500:  # noqa: PLR2004 - the server's own trouble
        raise SendError(f"answered {status}")
    if 300 <= status <= 399:  # noqa: PLR2004 - the redirects
        raise FinalError(f"answered {status}: redirects are not followed")
    raise FinalError(f"answered {status}")


def _reason(exc: Exception) -> str:
    """Return what went wrong, without the URL."""
    if isinstance(exc, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(exc, httpx.ConnectError):
        return f"cannot connect: {exc}"
    return f"the connection failed: {exc or type(exc).__name__}"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of X-Ways-Signature."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _slack_plain(text: str) -> str:
    """Return text that Slack shows as it is: what a device sends must not call a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _card(title: str, body: str) -> Json:
    """Return a message with an adaptive card, as Teams' workflows and webhooks take it."""
    blocks = [
        {"type": "TextBlock", "text": title, "weight": "Bolder", "wrap": True},
        {"type": "TextBlock", "text": body.replace("\n", "\n\n"), "wrap": True},
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}
