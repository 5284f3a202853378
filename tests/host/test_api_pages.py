"""Lists that come in pages, of every platform that counts them differently."""

import json

import httpx
import pytest
from fakeplatform import KEY

from ways_device.api import pages
from ways_device.api.client import Client
from ways_device.errors import ApiError

MANY = [{"device_id": f"d{number}"} for number in range(250)]


def listing(answer):
    """Return what every() makes of a platform that answers (page, page_size) so, and the asks."""
    asked = []

    def reply(request):
        query = dict(request.url.params)
        asked.append((int(query["page"]), int(query["page_size"])))
        assert len(asked) < 20, "it goes on for ever"
        return httpx.Response(200, text=json.dumps(answer(*asked[-1])))

    client = Client("https://api.test", KEY, httpx.MockTransport(reply), lambda _s: None)
    return list(pages.every(client, "devices", identity="device_id")), asked


def part(page, size):
    return MANY[(page - 1) * size : page * size]


def test_pages_are_followed_while_there_are_more():
    found, asked = listing(
        lambda page, size: {"devices": part(page, size), "has_more": page * size < 250}
    )
    assert (found, asked) == (MANY, [(1, 100), (2, 100), (3, 100)])


def test_a_total_alone_is_enough():
    found, asked = listing(lambda page, size: {"devices": part(page, size), "total": 250})
    assert (found, len(asked)) == (MANY, 3)


def test_smaller_pages_than_asked_for_are_followed_too():
    found, asked = listing(lambda page, _: {"devices": part(page, 20), "total": 250})
    assert (found, len(asked)) == (MANY, 13)


@pytest.mark.parametrize("extra", [{}, {"total": 250}, {"has_more": True}])
def test_a_platform_that_ignores_the_page_is_asked_twice_at_most(extra):
    found, asked = listing(lambda _page, _size: {"devices": MANY[:20], **extra})
    assert found == MANY[:20]
    assert len(asked) <= 2


def test_a_bare_list_is_all_there_is():
    assert listing(lambda _page, _size: MANY[:3]) == (MANY[:3], [(1, 100)])


def test_what_moves_to_the_next_page_meanwhile_comes_once():
    found, _ = listing(
        lambda page, size: {
            "devices": MANY[max(0, (page - 1) * size - 1) :][:size],
            "total": 250,
        }
    )
    assert found == MANY


@pytest.mark.parametrize("odd", [{}, None, "text", 7, {"devices": 3}, {"devices": [1, None]}])
def test_what_is_no_list_is_empty(odd):
    assert listing(lambda _page, _size: odd)[0] == []


def test_endless_pages_end_with_an_error(monkeypatch):
    monkeypatch.setattr(pages, "_PAGES_MAX", 3)
    with pytest.raises(ApiError, match="over 3 pages"):
        listing(lambda page, _size: {"devices": [{"device_id": str(page)}], "has_more": True})
