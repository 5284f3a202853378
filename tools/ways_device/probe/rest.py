"""What the REST API answers: registration, repeats, tags, lists, errors, changed rules."""

from http import HTTPStatus
from typing import Any

from ways_device.api import pages
from ways_device.api.answers import Answer
from ways_device.api.credentials import read_credentials
from ways_device.probe.bench import Bench, device_id_in, found_in
from ways_device.probe.finding import Deadline, Told, UnansweredError
from ways_device.secrets import one_line

_LOGIN_FIELDS = ("password", "username", "client_id")
_FEW = 2
_SHOWN_MAX = 8
# A rule that nothing can ever meet, and that is off besides.
_OUT_OF_REACH = 1e12


def register(bench: Bench, _deadline: Deadline) -> Told:
    """Where a new device's login is, and with which status the answer comes."""
    bench.device = bench.made.intend("device", f"ways-probe-{bench.run}")
    answer = bench.register(bench.device)
    if answer.is_success:
        bench.take_login(read_credentials(found_in(answer), bench.device.id))
    bench.record("POST devices", answer)
    if not answer.is_success:
        raise UnansweredError(f"registering was refused (HTTP {answer.status})")
    fields = sorted(_login_paths(found_in(answer)))
    told = {
        "status": answer.status,
        "login": login_form(fields),
        "login_fields": fields,
        "id_is_the_one_asked_for": bench.device.id == bench.device.name,
    }
    where = ", ".join(fields) or "no login in it"
    return Told(f"HTTP {answer.status}; {where}", told)


def login_form(fields: list[str]) -> str:
    """Return how the sandbox calls this place of a login; "" if it has no such form."""
    if "mqtt_password" in fields:
        return "flat"
    return "nested" if "mqtt_credentials.password" in fields else ""


def _login_paths(found: Any, above: str = "", depth: int = 3) -> list[str]:
    if not isinstance(found, dict) or depth == 0:
        return []
    here = [above + key for key in found if key.removeprefix("mqtt_") in _LOGIN_FIELDS]
    deeper = (_login_paths(item, f"{above}{key}.", depth - 1) for key, item in found.items())
    return here + [path for paths in deeper for path in paths]


def repeat(bench: Bench, _deadline: Deadline) -> Told:
    """What becomes of a second registration under an id that is taken."""
    own = bench.own()
    # A platform that gives ids of its own makes another device of it.
    thing = bench.made.intend("device", f"ways-probe-{bench.run}-r")
    body = {"device_id": own, "name": thing.name, "device_type": "ESP32"}
    answer = bench.ask("POST", "devices", body=body)
    if answer.is_success:
        bench.made.note(thing, device_id_in(answer) or own)
    elif answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        bench.made.strike(thing)
    login = read_credentials(found_in(answer), own) if answer.is_success else None
    old = bench.login
    bench.take_login(login)
    bench.record("POST devices, the same id again", answer)
    has_new = login is not None and (old is None or login.password != old.password)
    told = {"status": answer.status, "error": error_form(answer), "gives_new_login": has_new}
    tail = "and gives a new login" if has_new else "and gives no new login"
    return Told(f"HTTP {answer.status}, {tail}", told)


def tags(bench: Bench, _deadline: Deadline) -> Told:
    """Whether tags go in as a bare list or as an object."""
    own = bench.own()
    forms: dict[str, Any] = {"array": ["probe-a"], "object": {"tags": ["probe-b"]}}
    taken = {}
    for form, body in forms.items():
        answer = bench.ask("POST", "devices", own, "tags", body=body)
        bench.record(f"POST devices/ID/tags, {form}", answer)
        shown = found_in(bench.ask("GET", "devices", own, "tags")).get("tags")
        tag = body["tags"][0] if isinstance(body, dict) else body[0]
        taken[form] = answer.is_success and isinstance(shown, list) and tag in shown
    which = " and ".join(form for form, is_so in taken.items() if is_so)
    return Told(which or "neither form is taken", dict(taken))


def paging(bench: Bench, _deadline: Deadline) -> Told:
    """Which parameters choose a part of the list of devices, and what counts its parts."""
    bench.other = bench.made.intend("device", f"ways-probe-{bench.run}-b")
    bench.register(bench.other)
    plain = bench.ask("GET", "devices")
    found = found_in(plain)
    count = len(pages.items(plain.json("GET /v1/iot/devices"), "devices"))
    if count < _FEW:
        raise UnansweredError("the account shows fewer than two devices")
    by_page = _chooses(bench, {"page": "1", "page_size": "1"}, {"page": "2", "page_size": "1"})
    by_limit = _chooses(bench, {"limit": "1", "offset": "0"}, {"limit": "1", "offset": "1"})
    told = {
        "page_and_page_size": by_page,
        "limit_and_offset": by_limit,
        "counters": sorted(one_line(key, 40) for key in set(found) - {"devices"})[:_SHOWN_MAX],
        "default_size": _default_size(found),
    }
    names = {"page and page_size": by_page, "limit and offset": by_limit}
    which = "; ".join(name for name, is_so in names.items() if is_so)
    return Told(which or "no parameter chooses a part", told)


def _default_size(found: dict[str, Any]) -> int | None:
    sizes = [found.get(key) for key in ("page_size", "limit")]
    return next((size for size in sizes if isinstance(size, int)), None)


def _chooses(bench: Bench, first: dict[str, str], second: dict[str, str]) -> bool:
    parts = []
    for params in (first, second):
        answer = bench.ask("GET", "devices", params=params)
        if not answer.is_success:
            return False
        parts.append(pages.items(answer.json("GET /v1/iot/devices"), "devices"))
    one, other = parts
    return len(one) == len(other) == 1 and one != other


def errors(bench: Bench, _deadline: Deadline) -> Told:
    """What the answers to wrong calls look like; a 429 only if one came by itself."""
    answers = {
        "401": bench.ask("GET", "subscription", client=bench.stranger),
        "404": bench.ask("GET", "devices", f"ways-probe-{bench.run}-absent"),
        # A change of our own device: unlike a registration it leaves nothing behind.
        "422": bench.ask("PATCH", "devices", bench.own(), body={"is_active": "perhaps"}),
    }
    if bench.limited is not None:
        answers["429"] = bench.limited
    told: dict[str, Any] = {"429": "not met"}
    for expected, answer in answers.items():
        bench.record(f"an error, {expected} expected", answer)
        told[expected] = {"status": answer.status, "form": error_form(answer)}
    parts = [f"{one['status']} as {one['form']}" for one in told.values() if one != "not met"]
    return Told(", ".join(parts), told)


def error_form(answer: Answer) -> str:
    """Return which of the known forms an error's body has."""
    if answer.is_success:
        return "none"
    found = found_in(answer)
    detail = found.get("detail")
    if detail is not None:
        return "detail"
    if isinstance(found.get("error"), dict):
        return "error"
    if found:
        return "object with " + ", ".join(sorted(one_line(key, 40) for key in found)[:_SHOWN_MAX])
    return "no JSON object"


def rule_config(bench: Bench, _deadline: Deadline) -> Told:
    """Whether PUT of part of a rule's config keeps the rest of it."""
    config = {
        "datapoint_id": _datapoint_id(bench),
        "operator": "gt",
        "value": _OUT_OF_REACH,
        "duration_seconds": 60,
    }
    rule_id = _make_rule(bench, config)
    change = {"value": 2 * _OUT_OF_REACH}
    answer = bench.ask("PUT", "rules", rule_id, body={"config": change})
    bench.record("PUT rules/ID, one key of config", answer)
    now = found_in(bench.ask("GET", "rules", rule_id)).get("config")
    effect = _effect(answer, now, config, change)
    return Told(f"HTTP {answer.status}: {effect}", {"status": answer.status, "effect": effect})


def _datapoint_id(bench: Bench) -> str:
    key = bench.datapoint("limit")
    return next(thing.id for thing in bench.made.things if thing.name == key)


def _make_rule(bench: Bench, config: dict[str, Any]) -> str:
    """Make a rule that is off, for the throwaway device; return its id."""
    own = bench.own()
    thing = bench.made.intend("rule", bench.key("rule"))
    body = {
        "name": thing.name,
        "rule_type": "threshold",
        "config": config,
        "scope_type": "device",
        "scope_device_id": own,
        "is_enabled": False,
    }
    answer = bench.ask("POST", "rules", body=body)
    rule_id = str(found_in(answer).get("id") or "")
    if not answer.is_success or not rule_id:
        bench.record("POST rules", answer)
        raise UnansweredError(f"a rule cannot be made (HTTP {answer.status})")
    bench.made.note(thing, rule_id)
    return rule_id


def _effect(answer: Answer, now: Any, old: dict[str, Any], change: dict[str, float]) -> str:
    if not answer.is_success:
        return "refused"
    if not isinstance(now, dict):
        return "the rule shows no config"
    if now.get("value") != change["value"]:
        return "not changed"
    return "merged" if set(old) <= set(now) else "replaced"
