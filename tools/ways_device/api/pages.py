"""All items of a list that the platform gives in pages, whichever way it counts them.

The reference documents no query parameter and four shapes of answer. page and page_size are sent;
a platform that ignores them repeats itself, which ends the listing instead of going on for ever.
"""

import json
from collections.abc import Iterator
from typing import Any

from ways_device.api.client import Client
from ways_device.errors import ApiError

PAGE_SIZE = 100
# A platform that always promises more would keep us for ever.
_PAGES_MAX = 10_000


def items(found: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects of one list answer, bare or in an envelope."""
    if isinstance(found, dict):
        found = next((found[key] for key in (name, "items", "data") if key in found), [])
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def inner(found: Any, name: str) -> dict[str, Any]:
    """Return the one object of an answer, bare or in an envelope; empty where there is none."""
    for key in (name, "data"):
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            return dict(found[key])
    return found if isinstance(found, dict) else {}


def every(
    client: Client, *parts: str, identity: str = "id", **filters: str
) -> Iterator[dict[str, Any]]:
    """Yield the items of all pages, each once; identity is the key that tells them apart.

    filters go into the query beside the page.

    Raises ApiError where a page cannot be had: a list with a hole is no list.
    """
    what = f"GET /v1/iot/{'/'.join(parts)}"
    seen: set[str] = set()
    for page in range(1, _PAGES_MAX + 1):
        params = {**filters, "page": str(page), "page_size": str(PAGE_SIZE)}
        answer = client.get(*parts, params=params).json(what)
        fresh = []
        for item in items(answer, parts[-1]):
            # One without an id is known again by all that it says.
            key = str(item.get(identity) or json.dumps(item, sort_keys=True))
            if key not in seen:
                seen.add(key)
                fresh.append(item)
        yield from fresh
        if not fresh or not _has_more(answer, len(seen)):
            return
    raise ApiError(f"{what}: over {_PAGES_MAX} pages; is this the platform's address?")


def _has_more(answer: Any, seen: int) -> bool:
    if not isinstance(answer, dict):
        return False
    if isinstance(answer.get("has_more"), bool):
        return bool(answer["has_more"])
    total = answer.get("total")
    return isinstance(total, int) and seen < total
