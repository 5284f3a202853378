"""HTTP to the platform: one key, one origin, no redirects, a deadline on everything.

Calls that may be repeated are, with full jitter and the server's own wait, capped. A call
that must not be (a POST that makes something) is sent once: if the answer does not say what
became of it, AmbiguousError, and the caller looks.
"""

import math
import random
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from ways_device import __version__
from ways_device.api.answers import Answer, refusal
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
# These fail before the request is out: nothing can have happened.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def origin_of(url: str, allow_http: bool) -> str:
    """Return scheme://host[:port] of an API's address. Raises UsageError."""
    parts = urlsplit(url.strip())
    try:
        port = parts.port
    except ValueError as exc:
        raise UsageError(f"{one_line(url)}: the port is not a number") from exc
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise UsageError(f"{one_line(url)}: an address such as https://host is expected")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise UsageError(f"{one_line(url)}: give the address without a path")
    if parts.scheme == "http" and not allow_http:
        raise UsageError(
            f"{one_line(url)}: over http the API key could be read on the way; use https, "
            "or --sandbox INFO for a sandbox on this computer"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


class Client:
    """Calls below /v1/iot of one origin."""

    def __init__(
        self,
        origin: str,
        key: str,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.origin = origin
        self._sleep = sleep
        self._http = httpx.Client(
            headers={
                "X-API-Key": key,
                "User-Agent": f"ways-device/{__version__}",
                "Accept": "application/json",
            },
            timeout=httpx.Timeout(_ATTEMPT_S / 2),
            follow_redirects=False,
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
        what = f"{method} /v1/iot/{'/'.join(parts)}"
        may_repeat = method != "POST" if repeat is None else repeat
        for attempt in range(1, _ATTEMPTS + 1):
            asked_s = 0.0
            final = attempt == _ATTEMPTS
            try:
                answer = self._once(method, parts, body, params)
            except httpx.HTTPError as exc:
                if not may_repeat and not isinstance(exc, _NOT_SENT):
                    raise AmbiguousError(f"{what}: no answer ({_reason(exc)})") from exc
                if final or _is_untrusted(exc):
                    raise self._unreachable(exc) from exc
            else:
                if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                    return answer
                if final or not may_repeat or answer.status not in _TRANSIENT:
                    raise _final(answer, what, may_repeat)
                asked_s = _retry_after_s(answer.retry_after)
            jitter_s = random.uniform(0, min(_WAIT_CAP_S, _WAIT_BASE_S * 2**attempt))
            self._sleep(max(asked_s, jitter_s))
        raise AssertionError("the last attempt returns or raises")

    def _once(
        self, method: str, parts: tuple[str, ...], body: Any, params: dict[str, str] | None
    ) -> Answer:
        end_s = time.monotonic() + _ATTEMPT_S
        data = bytearray()
        with self._http.stream(method, self._url(parts), json=body, params=params) as response:
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > LIMIT_BYTES:
                    raise httpx.ReadError(f"answer over {LIMIT_BYTES} bytes")
                if time.monotonic() > end_s:
                    raise httpx.ReadTimeout(f"not complete after {_ATTEMPT_S:.0f} s")
        headers = response.headers
        return Answer(
            response.status_code,
            data.decode("utf-8", "replace"),
            headers.get("Retry-After", ""),
            headers.get("Location", ""),
        )

    def _url(self, parts: tuple[str, ...]) -> str:
        if any(part in ("", ".", "..") for part in parts):
            raise ApiError(f"the platform gave an id that is no id: {parts!r}")
        return f"{self.origin}/v1/iot/" + "/".join(quote(part, safe="") for part in parts)

    def _unreachable(self, exc: httpx.HTTPError) -> ApiError:
        if _is_untrusted(exc):
            return ApiError(f"the certificate of {self.origin} is not trusted ({_reason(exc)})")
        return ApiError(
            f"cannot reach the API at {self.origin} ({_reason(exc)}); check the network and "
            "the address"
        )


def _final(answer: Answer, what: str, may_repeat: bool) -> ApiError:
    """Return the exception for an answer that is not tried again."""
    refused = refusal(answer, what)
    if may_repeat or answer.status not in _UNCLEAR:
        return refused
    return AmbiguousError(str(refused), answer.status, answer.text)


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
