"""Which messages become rows: the topic, the datapoint, the time, keys nobody knows."""

import time
from datetime import datetime

from ways_device.api import pages
from ways_device.probe.bench import Bench
from ways_device.probe.finding import Deadline, Told, UnansweredError

_BACK_S = 600
_NEAR_S = 120


def rows(bench: Bench, deadline: Deadline) -> Told:
    """Which of telemetry and sensors/KEY makes rows, with and without a datapoint."""
    top = f"devices/{bench.own()}"
    keys = {
        "telemetry": bench.datapoint("telemetry"),
        "telemetry_without_datapoint": bench.unknown_key("telemetry_alone"),
        "sensors_object": bench.datapoint("sensors"),
        "sensors_bare": bench.datapoint("bare"),
        "sensors_without_datapoint": bench.unknown_key("sensors_alone"),
    }
    with bench.connected() as session:
        for name, key in keys.items():
            deadline.check()
            topic = f"{top}/telemetry" if name.startswith("tele") else f"{top}/sensors/{key}"
            if not session.publish(topic, 1 if name == "sensors_bare" else {key: 1}):
                raise UnansweredError(f"a message on {name.split('_')[0]} was not acknowledged")
        took_s = _settle(bench, deadline, set(keys.values()))
    there = bench.latest()
    told: dict[str, bool | list[str]] = {name: key in there for name, key in keys.items()}
    made = _datapoints(bench) & {key for name, key in keys.items() if "without" in name}
    told["makes_datapoints_of_unknown_keys"] = bool(made)
    which = ", ".join(name.replace("_", " ") for name in keys if told[name])
    after = f" (the first after {took_s:.1f} s)" if took_s is not None else ""
    return Told(f"rows from {which}{after}" if which else "no message made a row", dict(told))


def _settle(bench: Bench, deadline: Deadline, keys: set[str]) -> float | None:
    """Wait until all keys have rows, or until no more come. Returns how long the first took."""
    first_s = deadline.until(lambda: bool(keys & set(bench.latest())), bench.pace.rows_s)
    if first_s is None:
        return None
    # Others that take as long as this one have not had their time yet.
    calm_s = min(max(bench.pace.settle_s, 3 * first_s), bench.pace.rows_s)
    seen: set[str] = set()

    def has_more() -> bool:
        here = keys & set(bench.latest())
        is_more = here > seen
        seen.update(here)
        return is_more

    while seen < keys and deadline.until(has_more, calm_s) is not None:
        pass
    return first_s


def _datapoints(bench: Bench) -> set[str]:
    found = pages.every(bench.client, "datapoints")
    return {str(item.get("name") or item.get("key")) for item in found}


def measured_at(bench: Bench, deadline: Deadline) -> Told:
    """Whether a reading's own timestamp is when it was measured, or its arrival."""
    key = bench.datapoint("time")
    sent_s = time.time()
    stamp_s = int(sent_s) - _BACK_S
    with bench.connected() as session:
        session.publish(f"devices/{bench.own()}/telemetry", {key: 1, "timestamp": stamp_s})
        if deadline.until(lambda: key in bench.latest(), bench.pace.rows_s) is None:
            raise UnansweredError(
                f"a reading of {_BACK_S // 60} minutes ago made no row within "
                f"{bench.pace.rows_s:.0f} s"
            )
    source = _source(bench.latest()[key].measured_at, stamp_s, sent_s)
    return Told(f"measured_at is {source}", {"measured_at": source})


def _source(text: str, stamp_s: float, sent_s: float) -> str:
    try:
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return "no time that can be read"
    if found.tzinfo is None:
        return "a time without a zone"
    shown_s = found.timestamp()
    if abs(shown_s - stamp_s) <= _NEAR_S:
        return "the reading's timestamp"
    return "the arrival" if abs(shown_s - sent_s) <= _NEAR_S else "neither timestamp nor arrival"


def unknown_keys(bench: Bench, deadline: Deadline) -> Told:
    """Whether keys without a datapoint, as boot and seq are, harm the reading they ride on."""
    key = bench.datapoint("beside")
    strangers = [bench.unknown_key("boot"), bench.unknown_key("seq")]
    document = {key: 1, **dict.fromkeys(strangers, 1)}
    with bench.connected() as session:
        is_taken = session.publish(f"devices/{bench.own()}/telemetry", document)
        came_s = deadline.until(lambda: key in bench.latest(), bench.pace.rows_s)
        is_up = session.is_up
    there = set(bench.latest())
    told = {
        "acknowledged": is_taken,
        "reading_kept": came_s is not None,
        "session_stays": is_up,
        "makes_rows_of_them": bool(there & set(strangers)),
        "makes_datapoints_of_them": bool(_datapoints(bench) & set(strangers)),
    }
    if came_s is None:
        return Told("they harm: the reading beside them made no row", told)
    tail = "are kept as datapoints" if told["makes_datapoints_of_them"] else "are left out"
    return Told(f"no harm: the reading is kept, the unknown keys {tail}", told)
