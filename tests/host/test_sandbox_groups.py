"""Groups of devices over the API."""

import pytest
from rules_rig import rig_in


@pytest.fixture
def rig(tmp_path):
    with rig_in(tmp_path) as rig:
        yield rig


@pytest.fixture
def the(rig):
    return rig.the


@pytest.fixture
def group_id(rig):
    rig.register("d1", "d2", "d3")
    return rig.call("post", "/groups", {"name": "Floor 3", "description": "North"})["id"]


def test_a_group_is_shown_as_the_reference_does_and_with_its_size(the):
    answer = the.post("/groups", json={"name": "Floor 3", "color": "red", "id": "mine"})
    assert answer.status_code == 201
    group = answer.json()
    assert group["color"] == "#FF5733"
    assert list(group) == [
        *("id", "name", "description", "color", "device_count", "created_at", "updated_at")
    ]
    assert group["created_at"] == group["updated_at"] == "2027-01-15T08:00:00Z"
    assert the.get(f"/groups/{group['id']}").json() == group
    item = {"id": group["id"], "name": "Floor 3", "description": None, "color": "#FF5733"}
    assert the.get("/groups").json() == {"groups": [{**item, "device_count": 0}]}


def test_groups_have_colors_of_their_own(the):
    colors = [the.post("/groups", json={"name": "g"}).json()["color"] for _ in range(9)]
    assert len(set(colors)) == 8


def test_an_update_sets_what_is_given(rig, the, group_id):
    rig.now += 60
    path = f"/groups/{group_id}"
    changed = the.put(path, json={"name": "Roof", "color": "red"}).json()
    assert (changed["name"], changed["description"]) == ("Roof", "North")
    assert (changed["color"], changed["updated_at"]) == ("#FF5733", "2027-01-15T08:01:00Z")
    cleared = the.put(path, json={"name": None, "description": None}).json()
    assert (cleared["name"], cleared["description"]) == ("Roof", None)
    assert the.put(path, json={}).status_code == 200


@pytest.mark.parametrize("wrap", [lambda ids: {"device_ids": ids}, list], ids=["object", "array"])
def test_devices_are_added_in_either_form_and_counted_once(the, group_id, wrap):
    path = f"/groups/{group_id}/devices"
    assert the.post(path, json=wrap(["d1", "d2", "d1"])).json() == {
        "count": 2,
        "added": ["d1", "d2"],
    }
    assert the.post(path, json=wrap(["d2", "d3"])).json() == {"count": 1, "added": ["d3"]}
    assert the.post(path, json=wrap([])).json() == {"count": 0, "added": []}
    assert the.get(f"/groups/{group_id}").json()["device_count"] == 3


def test_one_unknown_device_keeps_all_of_a_call_out(the, group_id):
    answer = the.post(f"/groups/{group_id}/devices", json={"device_ids": ["d1", "nobody"]})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Device nobody not found"})
    assert the.get(f"/groups/{group_id}").json()["device_count"] == 0


@pytest.mark.parametrize(
    "body", [{}, {"device_ids": "d1"}, {"device_ids": [7]}, [None], [""], ["d"] * 1001, "d1", 5]
)
def test_a_body_that_is_no_list_of_ids_is_refused(the, group_id, body):
    assert the.post(f"/groups/{group_id}/devices", json=body).status_code == 422


def test_a_device_leaves_once(the, group_id):
    the.post(f"/groups/{group_id}/devices", json=["d1"])
    path = f"/groups/{group_id}/devices/d1"
    assert (the.delete(path).status_code, the.delete(path).status_code) == (204, 404)
    assert the.delete(f"/groups/nothing/devices/{group_id}").status_code == 404
    assert the.get(f"/groups/{group_id}").json()["device_count"] == 0


def test_a_group_and_its_devices_go_apart(the, group_id):
    the.post(f"/groups/{group_id}/devices", json=["d1", "d2"])
    assert the.delete("/devices/d1").status_code == 204
    assert the.get(f"/groups/{group_id}").json()["device_count"] == 1
    assert the.delete(f"/groups/{group_id}").status_code == 204
    assert the.get("/devices/d2").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", ""), ("put", ""), ("delete", ""), ("post", "/devices"), ("delete", "/devices/d1")],
)
def test_an_absent_group_is_404(the, group_id, method, path):
    body = {"put": {"json": {"name": "x"}}, "post": {"json": []}}.get(method, {})
    answer = getattr(the, method)(f"/groups/0{path}", **body)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Group 0 not found"})


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": None}, {"name": "x" * 256}, [], 5])
def test_a_group_needs_a_name(the, body):
    assert the.post("/groups", json=body).status_code == 422
