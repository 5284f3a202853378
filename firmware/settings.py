"""Settings from the platform: checked one by one, kept in flash, in use at once where that can be.

A document is {"rev": n, key: value ...}; the good ones of its keys are taken whatever the others
are. What the agent can only begin with has it restart, on trial: should no session come of it,
config.py takes the former settings back, and that is told here.
"""

import binascii
import json
import os
import struct

from micropython import const

from firmware import config, files, live, report, strictjson
from firmware.errors import ConfigError

# A wrong one would cut the device off from where it could be put right.
_OVER_USB = (
    "mqtt_host mqtt_port dns_servers static_address wifi_country commands_topic config_topic"
)
_RESTARTS = "ok, restarts"
_MOST_REV = const(0x3FFFFFFF)
_WHY_CHARS = const(60)
_SHORT_CHARS = const(20)
# A sleeper that comes so rarely is as good as gone.
_RAREST_S = const(7 * 86400)


async def follow(down, document):
    """Handle a document and tell the results; None is one that was too large."""
    rev, check = None, 0
    try:
        if document is None:
            raise ValueError("oversize")
        check = binascii.crc32(document)
        given = strictjson.parse(document)
        rev = _rev(given)
    except ValueError as exc:
        down.log.warn("settings_refused", why=exc)
        told = {"rev": None, "keys": {}, "reason": str(exc)}
        await report.tell(down, "config_result", told)
        _note(down, down.seen()[0], check)
        return
    if rev <= down.seen()[0]:
        down.log.info("settings_old", rev=rev)
        return
    result = await change(down, given, rev)
    await report.tell(down, "config_result", {"rev": rev, "keys": _fitting(down, result)})
    _note(down, rev, check)
    if _RESTARTS in result.values():
        await report.restart(down)


async def tell_taken_back(down):
    """Tell which settings were taken back, if some were: see config.take_back()."""
    path = down.folder + "config.bad"
    try:
        bad, values = config.raw(path), in_use(down)[0]
    except ConfigError:
        _remove(path)
        return
    rev = bad.pop("rev", 0)
    keys = {}
    for key in bad:
        if bad[key] != values.get(key):
            keys[key] = "taken back: no session with it"
    if keys:
        down.log.warn("settings_taken_back", rev=rev)
        told = {"rev": rev, "keys": _fitting(down, keys)}
        await report.tell(down, "config_result", told)
        # Should its document come again, it is not tried again.
        old_rev, check = down.seen()
        if rev > old_rev:
            _note(down, rev, check or 0)
    _remove(path)


def in_use(down):
    """Return ({key: value} of the settings in use that differ from the defaults, the table)."""
    return _load(down).values, config.TABLE


def _load(down):
    agent = down.agent
    return config.usable(down.folder, agent.log, down.name, agent.board.nvs)


async def change(down, given, rev):
    """Take settings, as far as they are good; return {key: "ok" or what else became of it}.

    rev is the document's, None for a change that is in none.
    """
    found = _load(down)
    old = found.values
    new = dict(old)
    result, changed = {}, {}
    for key in given:
        result[key] = _judge(down, key, given[key], old)
        if result[key] == "ok" and given[key] != _value(old, key):
            new[key] = changed[key] = given[key]
    _bound(new, changed, old, result)
    if rev is not None and rev != old.get("rev"):
        new["rev"] = rev
    if new == old:
        return result
    try:
        await _take(down, found.source, new, changed, result)
    except OSError as exc:
        down.log.error("settings_not_kept", why=exc)
        for key in changed:
            result[key] = "not kept: %s" % exc
    return result


def _note(down, rev, check):
    """Note the settings that were handled last."""
    down.agent.board.nvs.set_blob("settings_seen", struct.pack("<IiI", down.owner, rev, check))


def _rev(given):
    rev = given.pop("rev", None)
    if not isinstance(rev, int) or not 0 <= rev <= _MOST_REV:
        raise ValueError("rev: no number of 0..%d" % _MOST_REV)
    return rev


def _row(key):
    for row in config.TABLE:
        if row[0] == key:
            return row
    return None


def _value(values, key):
    return values.get(key, _row(key)[4])


def _judge(down, key, value, old):
    """Return "ok", or why this is no setting to take."""
    row = _row(key)
    if row is None or key == "rev":
        return "unknown"
    if value == _value(old, key) and type(value) is type(_value(old, key)):
        return "ok"
    if key in _OVER_USB.split():
        return "refused: over USB only"
    try:
        config.check(*row[:4], value)
        if key == "topics":
            live.parts(down, value)
    except ConfigError as exc:
        # It begins with the key.
        return str(exc)[len(key) + 2 :][:_WHY_CHARS]
    return "ok"


def _bound(new, changed, old, result):
    """Refuse what would have a sleeper come too rarely."""
    rarely_s = _value(new, "connect_every") * _value(new, "interval_s")
    for key in ("connect_every", "interval_s"):
        if rarely_s > _RAREST_S and key in changed:
            result[key] = "refused: a session every %d s" % rarely_s
            del changed[key], new[key]
            if key in old:
                new[key] = old[key]


async def _take(down, source, new, changed, result):
    """Keep the new settings, then have them in use. Raises OSError: nothing is changed."""
    restarts = [key for key in changed if key not in live.KEYS.split()]
    path = down.folder + down.name
    if restarts:
        # The settings in use have brought a session: these came over it.
        if source == path:
            files.copy(path, down.folder + "config.last")
        down.agent.board.nvs.set_i32("trial", 1)
    files.replace(path, json.dumps(new).encode())
    for key in changed:
        if key in restarts or not await live.use(down, key, changed[key]):
            result[key] = _RESTARTS
    down.log.info("settings_changed", keys=",".join(sorted(changed)))


def _fitting(down, keys):
    """Return keys so that they fit a message: what is left out is counted."""
    left = report.room(down)
    told = {}
    for number, key in enumerate(sorted(keys, key=lambda key: keys[key] == "unknown")):
        text = keys[key]
        if len(keys) > _SHORT_CHARS:
            text = text[:_SHORT_CHARS]
        left -= len(json.dumps([key[:32], text]).encode()) + 4
        if left < 0:
            told["..."] = "%d more" % (len(keys) - number)
            break
        told[key[:32]] = text
    return told


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        pass
