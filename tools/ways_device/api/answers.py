"""What an answer of the API means: its JSON, its error text, its exception."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from ways_device.errors import ApiError, AuthError, ConflictError, NotFoundError
from ways_device.secrets import one_line

_REFUSED = "the platform refused {what} ({told})"
_KEY = (
    "the platform refused the API key at {what} ({told}); "
    "check the key and that it has the iot permission"
)
_ABSENT = "{what}: there is no such thing on the platform ({told})"
_CONFLICT = "{what}: it exists already or is in another state ({told})"
_LIMIT = "{what}: too many requests, or the plan's limit is reached ({told}); try again later"
_FAULT = "{what}: the platform has a fault ({told}); try again later"
_REDIRECT = (
    "{what}: the API redirects to {told}, where the key must not go; "
    "give the final address with --api-url"
)
_MEANINGS: dict[int, tuple[type[ApiError], str]] = {
    HTTPStatus.UNAUTHORIZED: (AuthError, _KEY),
    HTTPStatus.FORBIDDEN: (AuthError, _KEY),
    HTTPStatus.NOT_FOUND: (NotFoundError, _ABSENT),
    HTTPStatus.CONFLICT: (ConflictError, _CONFLICT),
    HTTPStatus.PAYMENT_REQUIRED: (ApiError, _LIMIT),
    HTTPStatus.TOO_MANY_REQUESTS: (ApiError, _LIMIT),
}


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. location is where a redirect points, which is never followed; date the
    time at the server, as it writes it.
    """

    status: int
    text: str
    retry_after: str = ""
    location: str = ""
    date: str = ""

    @property
    def is_success(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_json(self) -> bool:
        try:
            json.loads(self.text)
        except (ValueError, RecursionError):
            return False
        return True

    @property
    def is_page(self) -> bool:
        """True for a success that says something, but not as the platform would."""
        return self.is_success and bool(self.text.strip()) and not self.is_json

    def json(self, what: str) -> Any:
        """Return the body's JSON. Raises ApiError: a proxy's page is not an answer."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError) as exc:
            raise not_json(self, what) from exc


def not_json(answer: Answer, what: str) -> ApiError:
    return ApiError(
        f"the answer to {what} is not JSON; is this the platform's address?",
        answer.status,
        answer.text,
    )


def detail(text: str) -> str:
    """Return what an error body says, whatever its shape; one redacted line."""
    try:
        return one_line(_words(json.loads(text)))
    except (ValueError, RecursionError):
        # A gateway's HTML page says nothing a person wants to read here.
        return "" if text.lstrip().startswith("<") else one_line(text)


def _words(found: Any) -> str:
    if isinstance(found, str):
        return found
    if isinstance(found, list):
        return "; ".join(_words(item) for item in found[:3])
    if not isinstance(found, dict):
        return ""
    if "msg" in found:
        loc = found.get("loc")
        parts = loc if isinstance(loc, list) else []
        place = ".".join(str(part) for part in parts if part != "body")
        return f"{place}: {found['msg']}" if place else str(found["msg"])
    for key in ("detail", "error", "message"):
        if found.get(key):
            words = _words(found[key])
            code = found.get("code")
            return f"{code}: {words}" if isinstance(code, str) and key == "message" else words
    return str(found.get("code", ""))


def refusal(answer: Answer, what: str) -> ApiError:
    """Return the exception for an answer that is not a success. what names the call."""
    said = detail(answer.text)
    told = f"HTTP {answer.status}: {said}" if said else f"HTTP {answer.status}"
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        kind, form = ApiError, _REDIRECT
        told = one_line(answer.location) or told
    elif answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind, form = ApiError, _FAULT
    else:
        kind, form = _MEANINGS.get(answer.status, (ApiError, _REFUSED))
    return kind(form.format(what=what, told=told), answer.status, answer.text)
