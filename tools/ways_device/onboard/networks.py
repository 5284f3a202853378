# type: ignore
# ruff: noqa: F821 (common.py and slots.py go before it)
"""Change the Wi-Fi networks of the identity in use, on the board: passwords never leave it."""

_BODY_PATH = "/identity.new"
_MOST_NETWORKS = 8
# What NVS takes, less the identity's own frame.
_MOST_BYTES = 3986


def main(args):
    """args: add, networks with their passwords (one of a known name replaces it); remove, names;
    device_id, whose identity it must be, or null
    """
    old = current()
    if old is None:
        answer({"error": "it has no identity; run provision first"})
    elif args["device_id"] not in (None, old["device_id"]):
        answer({"error": f"it is {old['device_id']}, not {args['device_id']}"})
    else:
        why, networks = changed(old.get("wifi") or [], args["add"], args["remove"])
        if not why and networks != old.get("wifi"):
            why = install(dict(old, wifi=networks))
        answer(dict({"error": why} if why else {}, **told(old)))


def changed(networks, add, remove):
    """Return (why it cannot be, the networks as they are to be)."""
    names = [one["ssid"] for one in networks]
    for name in remove:
        if name not in names:
            return f"it knows no network {name}; it knows: {', '.join(names)}", None
    fresh = {one["ssid"]: one for one in add}
    kept = [fresh.pop(one["ssid"], one) for one in networks if one["ssid"] not in remove]
    kept += [one for one in add if one["ssid"] in fresh]
    if not kept:
        return "this is its only network; add another one first", None
    if len(kept) > _MOST_NETWORKS:
        return f"it keeps {_MOST_NETWORKS} networks; remove one first", None
    return "", kept


def install(body):
    """Store the body as every identity is stored; return why that failed."""
    text = json.dumps(body)
    if len(text.encode()) > _MOST_BYTES:
        return "these networks do not fit beside the rest of its identity; remove one first"
    with open(_BODY_PATH, "w") as file:
        file.write(text)
    # The agent's own code stores it, as at every other time.
    sys.path[:] = [".frozen", "/lib", "/"]
    from firmware import setup

    setup.install_identity(_BODY_PATH)
    newest = current()
    same = [found for found in (opened(data)[1] for _, _, data in copies()) if found == body]
    # In NVS and as a file.
    return "" if newest == body and len(same) > 1 else "what was written does not read back"


def told(old):
    """Return what may be told of the identity that is in use now."""
    now = current()
    networks = [
        {
            "ssid": one["ssid"],
            "priority": one.get("priority", 0),
            "security": "password" if one["password"] else "open",
        }
        for one in now.get("wifi") or []
    ]
    return {"device_id": now["device_id"], "networks": networks, "changed": now != old}
