"""What the sandbox's page is made of: its files without a key, its data with one."""

import asyncio

import httpx
import pytest
from sandbox_world import sandbox_in

FILES = (
    "/",
    "/style.css",
    "/icon.svg",
    *(
        f"/{name}.js"
        for name in (
            "alarms",
            "api",
            "chart",
            "deliveries",
            "device",
            "devices",
            "dom",
            "downlink",
            "format",
            "ledger",
            "main",
            "parts",
            "plot",
        )
    ),
)
TRANSFER_MAX_BYTES = 60_000
NOW = 1_800_000_000.0


@pytest.fixture
def sandbox(tmp_path):
    with sandbox_in(tmp_path, clock=lambda: NOW) as sandbox:
        yield sandbox


@pytest.fixture
def the(sandbox):
    return sandbox[0]


@pytest.fixture
def add(the, sandbox):
    """A function that keeps a value of device d1; the datapoint is made where it is new."""
    the.post("/devices", json={"name": "A", "device_id": "d1"})
    ids = {}

    def add(key, value, age_s, data_type="number"):
        if key not in ids:
            body = {"key": key, "data_type": data_type, "unit": "x", "label": key.upper()}
            ids[key] = the.post("/datapoints", json=body).json()["id"]
        sandbox[1].platform.telemetry.add("d1", ids[key], value, NOW - age_s, NOW)

    return add


def raw(the, method, path, **headers):
    """Returns the answer as it travels, asked for without a key."""

    async def send():
        transport = httpx.ASGITransport(the.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            return await client.request(method, path, headers={"Accept-Encoding": "", **headers})

    return asyncio.run(send())


@pytest.mark.parametrize("path", FILES)
def test_the_files_need_no_key_and_may_only_speak_to_their_own_origin(the, path):
    answer = raw(the, "GET", path)
    assert answer.status_code == 200 and answer.content
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy[0] == "default-src 'none'"
    assert "frame-ancestors 'none'" in policy and "script-src 'self'" in policy
    assert not any("unsafe" in part or "http" in part or "*" in part for part in policy)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"),
        ("DELETE", "/main.js"),
        ("GET", "/index.html"),
        ("GET", "/shell.py"),
        ("GET", "/../shell.py"),
        ("GET", "/%2e%2e/api.py"),
        ("GET", "/main.js/"),
        ("GET", "/sandbox/devices"),
        ("GET", "/sandbox/devices/d1/series"),
        ("GET", "/v1/iot/stats"),
    ],
)
def test_nothing_else_is_had_without_a_key(the, method, path):
    assert raw(the, method, path).status_code == 401


def test_the_whole_page_is_small_and_loaded_once(the):
    zipped = [raw(the, "GET", path, **{"Accept-Encoding": "br, gzip"}) for path in FILES]
    assert all(answer.headers["content-encoding"] == "gzip" for answer in zipped)
    assert sum(int(answer.headers["content-length"]) for answer in zipped) < TRANSFER_MAX_BYTES
    etag = zipped[0].headers["etag"]
    again = raw(the, "GET", "/", **{"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert raw(the, "GET", "/").text == zipped[0].text


def test_no_file_holds_inline_script_or_asks_another_origin(the):
    for path in FILES:
        text = raw(the, "GET", path).text
        assert not any(word in text for word in ("innerHTML", "outerHTML", "insertAdjacent"))
        assert "https://" not in text
        assert text.count("http://") == text.count("http://www.w3.org/2000/svg")
        assert path != "/" or ("<style" not in text and text.count("<script") == 1)
        assert len(text.splitlines()) <= 250


def test_the_overview_tells_of_each_device_what_the_list_does_not(the):
    for number in range(3):
        the.post("/devices", json={"name": f"N{number}", "device_id": f"d{number}"})
    answer = the.get("/sandbox/devices?page_size=2&search=n").json()
    assert (answer["total"], answer["has_more"], len(answer["devices"])) == (3, True, 2)
    first = answer["devices"][0]
    assert {**the.get("/devices/d0").json(), **first} == first
    health = the.get("/devices/d0/health").json()
    assert first["health_score"] == health["health_score"]
    assert first["health_status"] == health["health_status"]
    assert the.get("/sandbox/devices?page_size=51").status_code == 422


def test_a_series_is_the_last_of_each_step_with_its_lowest_and_highest(the, add):
    for value, age_s in ((5, 100), (9, 99), (7, 98), (1, 30), (99, 901)):
        add("t", value, age_s)
    answer = the.get("/sandbox/devices/d1/series?seconds=900&steps=90").json()
    assert (answer["start"], answer["end"]) == (NOW - 900, NOW)
    (series,) = answer["series"]
    assert (series["name"], series["label"], series["unit"]) == ("t", "T", "x")
    assert series["points"] == [[NOW - 98, 7, 5.0, 9.0], [NOW - 30, 1, 1.0, 1.0]]
    assert series["is_whole"] is True


def test_states_come_with_whether_others_were_between(the, add):
    for value, age_s in ((True, 52), (False, 51), (True, 20)):
        add("door", value, age_s, "boolean")
    add("mode", "x" * 5000, 10, "string")
    door, mode = the.get("/sandbox/devices/d1/series?steps=90").json()["series"]
    assert door["points"] == [[NOW - 51, False, True], [NOW - 20, True, False]]
    assert mode["points"] == [[NOW - 10, "x" * 120, False]]


def test_a_long_series_is_bounded_and_says_so(the, add, monkeypatch):
    monkeypatch.setattr("ways_device.sandbox.series.ROWS_MAX", 5)
    for age_s in range(8):
        add("t", age_s, age_s)
    (series,) = the.get("/sandbox/devices/d1/series?seconds=60&steps=60").json()["series"]
    assert [point[1] for point in series["points"]] == [4, 3, 2, 1, 0]
    assert series["is_whole"] is False


def test_a_series_of_nobody_is_absent_and_bad_ranges_are_refused(the):
    assert the.get("/sandbox/devices/nobody/series").status_code == 404
    the.post("/devices", json={"name": "A", "device_id": "d1"})
    assert the.get("/sandbox/devices/d1/series").json()["series"] == []
    for query in ("seconds=1", "seconds=99999999", "steps=0", "steps=1001", "seconds=x"):
        assert the.get(f"/sandbox/devices/d1/series?{query}").status_code == 422
