"""HTTP to the platform: one key, one origin, no redirects, a deadline on everything.

Calls that may be repeated are, after the server's own wait, capped, and a random one on top: many
that were refused together must not come back together. A call that must not be repeated (a POST
that makes something) is sent once: if the answer does not say what became of it, AmbiguousError,
and the caller looks.
"""

import json
import math
import random
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from ways_device import __version__
from ways_device.api.answers import Answer, not_json, refusal
from ways_device.errors import AmbiguousError, ApiError, UsageError
from ways_device.secrets import one_line

LIMIT_BYTES = 1_000_000
_ATTEMPTS = 4
_ATTEMPT_S = 20.0
_WAIT_BASE_S = 0.5
_WAIT_CAP_S = 20.0
# After these a request may have been carried out all the same.
_UNCLEAR = frozenset(
    {
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_TRANSIENT = _UNCLEAR | {HTTPStatus.TOO_MANY_REQUESTS}
_HOST_PATTERN = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1")
# These fail before the request is out: nothing can have happened.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def origin_of(url: str, allow_http: bool) -> str:
    """Return scheme://host[:port] of an API's address. Raises UsageError.

    allow_http  whether the key may go over http to this computer; to others it never may
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as exc:
        raise UsageError(f"{one_line(url)}: not an address ({one_line(str(exc))})") from exc
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise UsageError(f"{one_line(url)}: an address such as https://host is expected")
    if not _HOST_PATTERN.fullmatch(host):
        raise UsageError(f"{one_line(url)}: an address such as https://host is expected")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise UsageError(f"{one_line(url)}: give the address without a path")
    if parts.scheme == "http" and not (allow_http and _LOOPBACK.fullmatch(host)):
        raise UsageError(
            f"{one_line(url)}: over http the API key could be read on the way; use https, "
            "or --sandbox INFO for a sandbox on this computer"
        )
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


class Client:
    """Calls below /v1/iot of one origin."""

    def __init__(
        self,
        origin: str,
        key: str,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        attempts: int = _ATTEMPTS,
        gate: AbstractContextManager[object] | None = None,
    ) -> None:
        """Connect nowhere yet.

        attempts    how often a call that may be repeated is made at most
        gate        held while a request is under way: bounds how many are
        """
        self.origin = origin
        self._sleep = sleep
        self._attempts = attempts
        self._gate = gate or nullcontext()
        self._http = httpx.Client(
            headers={
                "X-API-Key": key,
                "User-Agent": f"ways-device/{__version__}",
                "Accept": "application/json",
                # What is packed can be a thousand times as large as what comes over the wire.
                "Accept-Encoding": "identity",
            },
            timeout=httpx.Timeout(_ATTEMPT_S / 2),
            follow_redirects=False,
            # We are nobody's session: the platform has nothing to remember on this computer.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            transport=transport,
            # Over http nothing may go through a proxy: it would read the key.
            trust_env=origin.startswith("https:"),
        )

    def close(self) -> None:
        self._http.close()

    def get(self, *parts: str, params: dict[str, str] | None = None) -> Answer:
        return self.call("GET", *parts, params=params)

    def call(
        self,
        method: str,
        *parts: str,
        body: Any = None,
        params: dict[str, str] | None = None,
        repeat: bool | None = None,
    ) -> Answer:
        """Return the successful answer of one call.

        parts   of the path after /v1/iot, unquoted
        repeat  whether it does no harm to send it twice; default: all methods but POST
        Raises ApiError or the subclass that tells more.
        """
        what = one_line(f"{method} /v1/iot/{'/'.join(parts)}")
        may_repeat = method != "POST" if repeat is None else repeat
        for attempt in range(1, self._attempts + 1):
            asked_s = 0.0
            final = attempt == self._attempts
            try:
                with self._gate:
                    answer = self._once(method, self._url(parts), body, params)
            except httpx.HTTPError as exc:
                if not may_repeat and not isinstance(exc, _NOT_SENT):
                    raise AmbiguousError(f"{what}: no answer ({_reason(exc)})") from exc
                if final or _is_untrusted(exc):
                    raise self._unreachable(exc) from exc
            else:
                if final or not _passes(answer, method, may_repeat):
                    return _success(answer, what, may_repeat)
                asked_s = _retry_after_s(answer.retry_after)
            self._sleep(asked_s + random.uniform(0, min(_WAIT_CAP_S, _WAIT_BASE_S * 2**attempt)))
        raise AssertionError("the last attempt returns or raises")

    def _once(self, method: str, url: str, body: Any, params: dict[str, str] | None) -> Answer:
        sent = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = {} if sent is None else {"Content-Type": "application/json"}
        query = {key: _storable(value) for key, value in (params or {}).items()} or None
        try:
            with self._http.stream(
                method, url, content=sent, headers=headers, params=query
            ) as response:
                return _read(response)
        except httpx.InvalidURL as exc:
            # It looks where a redirect points, though it must not go there.
            raise httpx.RemoteProtocolError(f"redirects to no address: {exc}") from exc

    def _url(self, parts: tuple[str, ...]) -> str:
        if any(part in ("", ".", "..") for part in parts):
            raise ApiError(f"the platform gave an id that is no id: {one_line(repr(parts))}")
        quoted = (quote(_storable(part), safe="") for part in parts)
        return f"{self.origin}/v1/iot/" + "/".join(quoted)

    def _unreachable(self, exc: httpx.HTTPError) -> ApiError:
        if _is_untrusted(exc):
            return ApiError(f"the certificate of {self.origin} is not trusted ({_reason(exc)})")
        return ApiError(
            f"cannot reach the API at {self.origin} ({_reason(exc)}); check the network and "
            "the address"
        )


def _read(response: httpx.Response) -> Answer:
    """Return the answer once all of it is there. Raises httpx.HTTPError if it is too much."""
    end_s = time.monotonic() + _ATTEMPT_S
    told = response.headers
    packing = told.get("Content-Encoding", "identity")
    if packing.strip().lower() not in ("", "identity"):
        raise httpx.DecodingError(f"answer is packed ({packing}), which was not asked for")
    data = bytearray()
    for chunk in response.iter_bytes():
        data += chunk
        if len(data) > LIMIT_BYTES:
            raise httpx.ReadError(f"answer over {LIMIT_BYTES} bytes")
        if time.monotonic() > end_s:
            raise httpx.ReadTimeout(f"not complete after {_ATTEMPT_S:.0f} s")
    return Answer(
        response.status_code,
        data.decode("utf-8", "replace"),
        told.get("Retry-After", ""),
        told.get("Location", ""),
        told.get("Date", ""),
    )


def _storable(text: str) -> str:
    """Return text without halves of characters, which JSON and arguments can hold."""
    return text.encode("utf-8", "replace").decode()


def _passes(answer: Answer, method: str, may_repeat: bool) -> bool:
    """Tell whether the same call may be made again, and be answered otherwise."""
    if not may_repeat:
        # Refused before it was done. Without a time to wait for, it may be the plan's limit.
        return answer.status == HTTPStatus.TOO_MANY_REQUESTS and bool(answer.retry_after)
    if answer.is_success:
        # The page of a gateway in place of an answer passes as a 502 does.
        return answer.is_page or (method == "GET" and not answer.is_json)
    return answer.status in _TRANSIENT


def _success(answer: Answer, what: str, may_repeat: bool) -> Answer:
    """Return an answer that is not asked for again, or raise what it means."""
    if answer.is_success and not answer.is_page:
        return answer
    refused = not_json(answer, what) if answer.is_page else refusal(answer, what)
    if may_repeat or not (answer.is_page or answer.status in _UNCLEAR):
        raise refused
    raise AmbiguousError(str(refused), answer.status, answer.text)


def _is_untrusted(exc: httpx.HTTPError) -> bool:
    return "CERTIFICATE_VERIFY_FAILED" in str(exc)


def _reason(exc: httpx.HTTPError) -> str:
    return one_line(str(exc)) or type(exc).__name__


def _retry_after_s(text: str) -> float:
    """Return how long the server asks to wait, from seconds or a date, capped; 0 if it is junk."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return 0.0
    return 0.0 if math.isnan(seconds) else min(max(seconds, 0.0), _WAIT_CAP_S)
