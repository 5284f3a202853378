"""What each command does. Its arguments have been checked, see intake.py.

Raises RejectedError or LinkError with the reason if it cannot be done.
"""

from micropython import const

from firmware import unload
from firmware.errors import RejectedError

_SYNC_MS = const(30_000)
_POLL_MS = const(250)
_BLINK_MS = const(250)
_BLINK_S = const(10)


async def run(down, name, args):
    """Do it; return what there is to tell, an object or None."""
    if name in ("get_config", "get_logs"):
        from firmware import lookup

        return lookup.run(down, name, args)
    return await _ACTIONS[name](down, args)


async def _read_now(down, _args):
    told = await down.agent.sampler.sample()
    if not told:
        raise RejectedError("no sensor tells anything")
    return told


async def _set_interval(down, args):
    from firmware import settings

    result = await settings.change(down, args, None)
    if result["interval_s"] != "ok":
        raise RejectedError(result["interval_s"])
    return args


async def _identify(down, args):
    from firmware import settings

    number = settings.in_use(down)[0].get("led_pin")
    if number is None:
        raise RejectedError("no led_pin")
    board, clock = down.agent.board, down.agent.clock
    try:
        pin = board.pin(number, board.pin.OUT)
    except (OSError, ValueError) as exc:
        raise RejectedError("led_pin: %s" % exc)
    try:
        for _ in range(2 * args.get("seconds", _BLINK_S)):
            pin.value(1)
            await clock.sleep_ms(_BLINK_MS)
            pin.value(0)
            await clock.sleep_ms(_BLINK_MS)
    finally:
        pin.value(0)


async def _sync_time(down, _args):
    clock = down.agent.clock
    if down.agent.board.has_own_time:
        raise RejectedError("this machine keeps its own time")
    clock.doubted.set()
    for _ in range(_SYNC_MS // _POLL_MS):
        await clock.sleep_ms(_POLL_MS)
        if not clock.doubted.is_set():
            return {"time": clock.now_s()}
    raise RejectedError("no answer within %d s" % (_SYNC_MS // 1000))


async def _add_wifi(down, args):
    from firmware import addnetwork

    try:
        await addnetwork.add(down.agent, args["ssid"], args["password"], args.get("priority", 0))
    finally:
        unload("addnetwork")


_ACTIONS = {
    "read_now": _read_now,
    "set_interval": _set_interval,
    "identify": _identify,
    "sync_time": _sync_time,
    "add_wifi": _add_wifi,
}
