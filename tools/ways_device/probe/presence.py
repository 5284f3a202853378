"""What makes a device online or offline, and what ends its right to be there."""

from typing import Any

from ways_device.errors import ApiError
from ways_device.probe import made
from ways_device.probe.bench import Bench, Session
from ways_device.probe.finding import Deadline, Told, UnansweredError


def presence(bench: Bench, deadline: Deadline) -> Told:
    """What flips is_online, and how long after a silent end the platform sees it."""
    own, pace = bench.own(), bench.pace
    told: dict[str, Any] = {}
    with bench.connected(pace.keepalive_s) as session:
        session_s = deadline.until(bench.is_online, pace.flip_s)
        told["session_makes_online"] = session_s is not None
        told["status_flips"] = _status_flips(bench, deadline, session, own, session_s is not None)
        if not bench.is_online():
            raise UnansweredError("neither a session nor a status message made it online")
        session.fall_silent()
        gone_s = deadline.until(lambda: not bench.is_online(), pace.silence_s)
    told["silent_end_is_seen"] = gone_s is not None
    told["keepalive_s"] = pace.keepalive_s
    told["offline_after_s"] = None if gone_s is None else round(gone_s, 1)
    cause = "the session" if told["session_makes_online"] else "the status message"
    if told["session_makes_online"] and told["status_flips"]:
        cause = "the session and the status message"
    seen = f"after {gone_s:.0f} s" if gone_s is not None else f"not within {pace.silence_s:.0f} s"
    return Told(
        f"{cause}; a silent end is seen {seen} (keepalive {pace.keepalive_s} s)",
        told,
    )


def _status_flips(
    bench: Bench, deadline: Deadline, session: Session, own: str, is_online: bool
) -> bool:
    """Tell whether what a device says in its status changes is_online. It ends online, if so."""
    topic = f"devices/{own}/status"
    if is_online:
        session.publish(topic, {"status": "offline"})
        gone_s = deadline.until(lambda: not bench.is_online(), bench.pace.flip_s)
        if gone_s is None:
            return False
    session.publish(topic, {"status": "online"})
    return deadline.until(bench.is_online, bench.pace.flip_s) is not None


def inactive(bench: Bench, deadline: Deadline) -> Told:
    """What is_active=false does to a live session and to the next login."""
    own = bench.own()
    with bench.connected() as session:
        answer = bench.ask("PATCH", "devices", own, body={"is_active": False})
        bench.record("PATCH devices/ID, is_active false", answer)
        if not answer.is_success:
            raise UnansweredError(f"it cannot be set (HTTP {answer.status})")
        ended_s = deadline.until(lambda: not session.is_up, bench.pace.flip_s)
    refused = _login(bench)
    bench.ask("PATCH", "devices", own, body={"is_active": True})
    again = _login(bench)
    told = {"session_ends": ended_s is not None, "next_login": refused, "when_active_again": again}
    first = "ends the session" if ended_s is not None else "leaves the session"
    return Told(f"{first}; the next login is {refused}, once active again {again}", told)


def deletion(bench: Bench, _deadline: Deadline) -> Told:
    """What deleting a device leaves: its login, its id, its readings."""
    thing = bench.device
    own = bench.own()
    assert thing is not None
    had_rows = bool(bench.latest())
    try:
        made.delete(bench.client, thing.kind, own)
    except ApiError as exc:
        raise UnansweredError(str(exc)) from exc
    after = bench.ask("GET", "devices", own)
    login = _login(bench) if bench.login and bench.broker else "not tried"
    # Its entry stays on disk: the id is about to be used once more.
    again = bench.register(thing)
    kept = bool(bench.latest()) if again.is_success and had_rows else None
    told = {
        "get_afterwards": after.status,
        "old_login": login,
        "id_again": again.status,
        "rows_kept": kept,
    }
    reuse = "may be used again" if again.is_success else "cannot be used again"
    return Told(f"the old login is {login}; its id {reuse} (HTTP {again.status})", told)


def _login(bench: Bench) -> str:
    session = bench.session()
    try:
        return session.connect()
    finally:
        session.close()
