"""A new network by command: tried first, and kept only if it brings a session.

In memory only meanwhile. The device is without its old network for some two minutes at most,
and has it again whatever happens: the list in flash changes only when the new one works.
"""

import binascii
import json

from micropython import const

from firmware import identity, slots, unload
from firmware.errors import CorruptError, LinkError

_LEAVE_MS = const(5_000)
_LINK_MS = const(45_000)
_SESSION_MS = const(90_000)
_POLL_MS = const(50)
# What fits an identity, and what the host's tool takes too.
_MOST = const(8)
_LOWEST = const(-1000)
_HIGHEST = const(1000)


async def add(agent, ssid, password, priority=0):
    """Join a network, and keep it beside the others once a session came over it.

    One at a time. Raises LinkError with the reason if it is refused, or did not work; the device
    is then on its way back to the networks it had.
    """
    wifi = agent.wifi
    old = wifi.networks
    entry = _checked(ssid, password, priority)
    known = [one for one in old if one["ssid"] != ssid] + [entry]
    if not old:
        raise LinkError("this machine manages its network itself")
    if len(known) > _MOST:
        raise LinkError("%d networks are known already" % _MOST)
    is_kept = False
    try:
        # What does not fit, or for which there is no memory, is refused before anything is left.
        _packed(agent.board, known)
        await _try(agent, entry)
        _keep(agent.board, known)
        is_kept = True
    except (CorruptError, MemoryError, OSError) as exc:
        raise LinkError(str(exc) or "no memory")
    finally:  # on cancellation too
        wifi.why = None
        if is_kept:
            wifi.networks[:] = known
        else:
            wifi.networks = old
        unload("slots")
        unload("identity")


def _checked(ssid, password, priority):
    # Limits of IEEE 802.11 and WPA, in bytes; 64 are a key in hex digits.
    if not isinstance(ssid, str) or not 1 <= len(ssid.encode()) <= 32:
        raise LinkError("ssid: not a text of 1 to 32 bytes")
    if not isinstance(password, str) or not (
        not password or 8 <= len(password.encode()) <= 63 or _is_key(password)
    ):
        raise LinkError("password: not a text of 8 to 63 bytes, or empty for an open network")
    if (
        not isinstance(priority, int)
        or isinstance(priority, bool)
        or not _LOWEST <= priority <= _HIGHEST
    ):
        raise LinkError("priority: not a number of %d to %d" % (_LOWEST, _HIGHEST))
    return {"ssid": ssid, "password": password, "priority": priority}


def _is_key(password):
    try:
        return len(binascii.unhexlify(password)) == 32
    except ValueError:
        return False


async def _try(agent, entry):
    """Return once there is a session over this network. Raises LinkError."""
    wifi, session, clock = agent.wifi, agent.session, agent.clock
    wifi.why = "no link"
    wifi.networks = [entry]
    await _within(clock, _LEAVE_MS, lambda: not wifi.up.is_set())
    # It would take the session the keepalive to see that its link leads nowhere any more.
    await session.disconnect()
    if not await _within(clock, _LINK_MS, wifi.up.is_set):
        raise LinkError(wifi.why)
    if not await _within(clock, _SESSION_MS, session.up.is_set):
        raise LinkError("no session within %d s" % (_SESSION_MS // 1000))


async def _within(clock, limit_ms, is_so):
    """Return whether it is so, as soon as it is, or not within the time."""
    started = clock.ticks_ms()
    while not is_so():
        if clock.ticks_diff(clock.ticks_ms(), started) >= limit_ms:
            return False
        await clock.sleep_ms(_POLL_MS)
    return True


def _packed(board, networks):
    """Return (slot, its new bytes): the identity in use with these networks."""
    found = identity.load(board)
    body = {}
    for name in identity.FIELDS:
        body[name] = getattr(found, name)
    body["ca"] = binascii.b2a_base64(found.ca).decode().strip()
    body["wifi"] = networks
    data = identity.pack(json.dumps(body).encode(), found.generation + 1)
    if len(data) > identity.MAX_SIZE:
        raise LinkError("no room for another network")
    return slots.slot_of(board, found.generation), data


def _keep(board, networks):
    slot, data = _packed(board, networks)
    if not slots.write(board, slot, data):
        raise LinkError("what was written does not read back")
