"""The calls about devices, groups, alarms and the plan: what is sent, and what is read."""

import json

import httpx
import pytest
from fakeplatform import KEY

from ways_device.api.client import Client
from ways_device.api.platform import Platform, Subscription
from ways_device.errors import ApiError, ConflictError


class Asked:
    """A platform that gives the replies one after the other; the last one stays."""

    def __init__(self, *replies):
        self._replies = list(replies)
        self.requests = []
        transport = httpx.MockTransport(self._answer)
        self.platform = Platform(Client("https://api.test", KEY, transport, lambda seconds: None))

    def _answer(self, request):
        path = request.url.raw_path.decode().removeprefix("/v1/iot/")
        body = json.loads(request.content) if request.content else None
        self.requests.append((request.method, path, body))
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        status, found = reply
        return httpx.Response(status, text="" if found is None else json.dumps(found))


PAGE = "page=1&page_size=100"


def test_devices_are_listed_with_what_filters_them():
    asked = Asked((200, {"devices": [{"device_id": "d1"}], "total": 1, "has_more": False}))
    assert asked.platform.devices.all(group_id="g") == [{"device_id": "d1"}]
    assert asked.requests == [("GET", f"devices?group_id=g&{PAGE}", None)]


@pytest.mark.parametrize("form", [lambda d: d, lambda d: {"device": d}, lambda d: {"data": d}])
def test_device_is_read_bare_or_in_an_envelope(form):
    asked = Asked((200, form({"device_id": "d1", "name": "n"})))
    assert asked.platform.devices.get("d1") == {"device_id": "d1", "name": "n"}


def test_device_that_is_not_there_is_none():
    assert Asked((404, {"detail": "no"})).platform.devices.get("d1") is None


def test_change_sends_only_what_changes():
    asked = Asked((200, {}))
    asked.platform.devices.change("d1", is_active=False, description=None)
    body = {"is_active": False, "description": None}
    assert asked.requests == [("PATCH", "devices/d1", body)]


@pytest.mark.parametrize("status", [200, 204, 404])
def test_deleted_is_deleted_whoever_did_it(status):
    asked = Asked((status, None))
    asked.platform.devices.delete("d1")
    asked.platform.devices.remove_tag("d1", "a/b")
    asked.platform.groups.remove("g", "d1")
    asked.platform.groups.delete("g")
    assert [path for _, path, _ in asked.requests] == [
        "devices/d1",
        "devices/d1/tags/a%2Fb",
        "groups/g/devices/d1",
        "groups/g",
    ]


def test_device_in_use_is_not_deleted_silently():
    with pytest.raises(ConflictError):
        Asked((409, {"detail": "in use"})).platform.devices.delete("d1")


@pytest.mark.parametrize("found", [{"tags": ["a", "b", 7]}, ["a", "b", None]])
def test_tags_are_read_bare_or_in_an_envelope(found):
    assert Asked((200, found)).platform.devices.tags("d1") == ["a", "b"]


@pytest.mark.parametrize("status", [400, 422])
def test_tags_are_sent_in_the_other_form_if_the_first_is_refused(status):
    asked = Asked((status, {"detail": "not a list"}), (200, {"added": ["a"]}))
    asked.platform.devices.add_tags("d1", ("a",))
    assert [body for _, _, body in asked.requests] == [["a"], {"tags": ["a"]}]


def test_tags_that_are_refused_for_another_reason_are_told():
    asked = Asked((404, {"detail": "no device"}))
    with pytest.raises(ApiError, match="no device"):
        asked.platform.devices.add_tags("d1", ["a"])
    assert len(asked.requests) == 1


def test_no_tags_ask_nothing():
    asked = Asked((500, None))
    asked.platform.devices.add_tags("d1", [])
    assert asked.requests == []


def test_adding_is_repeated_as_it_does_no_harm():
    asked = Asked(httpx.ReadTimeout("late"), (200, {}), httpx.ReadTimeout("late"), (200, {}))
    asked.platform.devices.add_tags("d1", ["a"])
    asked.platform.groups.add("g", ["d1"])
    assert [path for _, path, _ in asked.requests] == ["devices/d1/tags"] * 2 + [
        "groups/g/devices"
    ] * 2
    assert asked.requests[-1][2] == {"device_ids": ["d1"]}


def test_group_is_made_once_and_found_from_then_on():
    asked = Asked((200, {"groups": []}), (201, {"id": "g1", "name": "lab"}))
    assert asked.platform.groups.ensure("lab") == "g1"
    asked = Asked((200, {"groups": [{"id": "g0", "name": "x"}, {"id": "g1", "name": "lab"}]}))
    assert asked.platform.groups.ensure("lab") == "g1"
    assert [method for method, _, _ in asked.requests] == ["GET"]


@pytest.mark.parametrize("lost", [httpx.ReadTimeout("late"), (502, None), (409, None)])
def test_group_whose_answer_was_lost_is_looked_up_not_made_twice(lost):
    asked = Asked((200, []), lost, (200, [{"id": "g1", "name": "lab"}]))
    assert asked.platform.groups.ensure("lab") == "g1"
    assert [method for method, _, _ in asked.requests] == ["GET", "POST", "GET"]
    with pytest.raises(ApiError):
        Asked((200, []), lost, (200, [])).platform.groups.ensure("lab")


def test_health_and_alarms_are_what_the_platform_says():
    asked = Asked((200, {"device_id": "d1", "health_score": 92}))
    assert asked.platform.devices.health("d1")["health_score"] == 92
    asked = Asked((200, {"alarms": [{"id": "a1"}], "total": 1}))
    assert asked.platform.alarms(device_id="d1", status="active") == [{"id": "a1"}]
    assert asked.requests[0][1] == f"alarms?device_id=d1&status=active&{PAGE}"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"plan": "iot-50", "device_limit": 50, "device_count": 12}, ("iot-50", 50, 12)),
        ({"subscription": {"plan": "x", "device_limit": 1}}, ("x", 1, None)),
        ({"device_limit": True, "device_count": -1}, ("", None, None)),
        ([], ("", None, None)),
    ],
)
def test_plan_has_limits_where_they_are_told(found, expected):
    assert Asked((200, found)).platform.subscription() == Subscription(*expected)


def test_a_new_interval_is_sent_with_all_that_a_profile_has_and_read_back():
    whole = {"id": "p", "name": "n", "description": None, "expected_topics": ["t"]}
    before, after = ({**whole, "reporting_interval_seconds": s} for s in (60, 5))
    asked = Asked((200, before), (200, {}), (200, {"profile": after}))
    assert asked.platform.set_interval("p", 5).interval_s == 5
    sent = {"name": "n", "expected_topics": ["t"], "reporting_interval_seconds": 5}
    assert asked.requests[1] == ("PUT", "profiles/p", sent)
    with pytest.raises(ApiError, match="still says 60 s"):
        Asked((200, before)).platform.set_interval("p", 5)
