# type: ignore
# ruff: noqa: F821, PLR2004, SIM105 (common.py and slots.py go before it; no contextlib here)
"""Tell how a board is: its flash, its identity slots, the readings it keeps. No secret in it."""

_FIELDS = ("username", "password", "client_id", "ca", "wifi")


def main(args):
    import gc
    import time

    gc.collect()
    stat = os.statvfs("/")
    nvs = nvs_numbers(("boot", "time_floor", "hold"))
    answer(
        {
            "build": os.uname().version,
            "flash_bytes": stat[0] * stat[2],
            "free_bytes": stat[0] * stat[3],
            "heap_free_bytes": gc.mem_free(),
            "clock_s": int(time.time()) + (946684800 if time.gmtime(0)[0] == 2000 else 0),
            "copies": [told(*copy) for copy in copies()],
            "identity": public(current()),
            "stored": stored(),
            "nvs": nvs,
        }
    )


def told(slot, place, data):
    generation, body = opened(data)
    return {
        "slot": slot,
        "place": place,
        "state": "valid" if body else "damaged" if data else "absent",
        "generation": generation,
        "device_id": body and body["device_id"],
    }


def public(body):
    """Return what may be shown of an identity: no login, no Wi-Fi password."""
    if body is None:
        return None
    wifi = body.get("wifi")
    return {
        "device_id": body["device_id"],
        "ca": body.get("ca"),
        "ssids": [entry["ssid"] for entry in wifi] if isinstance(wifi, list) else [],
        "lacks": [name for name in _FIELDS if not body.get(name)],
    }


def nvs_numbers(names):
    import esp32

    nvs = esp32.NVS("ways")
    found = {}
    for name in names:
        try:
            found[name] = nvs.get_i32(name)
        except OSError:
            found[name] = None
    return found


def stored():
    """Return what of the log of readings is not delivered, in bytes, and what was dropped."""
    cursor = dropped = 0
    data = from_file("/data/account")
    try:
        _, cursor, _, dropped, _ = json.loads(data[:-4])
    except (TypeError, ValueError):
        pass
    unsent = segments = 0
    try:
        for entry in os.ilistdir("/data"):
            number, _, kind = entry[0].partition(".")
            if kind != "log" or not number.isdigit():
                continue
            segments += 1
            begun = cursor & 8191 if int(number) == cursor >> 13 else 56
            if int(number) >= cursor >> 13:
                unsent += max(0, entry[3] - begun)
    except OSError:
        pass
    return {"segments": segments, "unsent_bytes": unsent, "dropped_total": dropped}
