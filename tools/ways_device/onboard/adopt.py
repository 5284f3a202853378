# type: ignore
# ruff: noqa: F821, PLR2004 (common.py and slots.py go before it; two copies are two)
"""Install an identity that has no networks with those the board knows: they never leave it."""


def main(args):
    """args: path of the identity's body, which is removed in any case"""
    with open(args["path"], "rb") as file:
        asked = json.loads(file.read())
    old = current()
    if not old or not old.get("wifi"):
        remove(args["path"])
        answer({"error": "it knows no Wi-Fi network; give --wifi-file FILE"})
        return
    with open(args["path"], "w") as file:
        json.dump(dict(asked, wifi=old["wifi"]), file)
    # The agent's own code stores it, as at every other time.
    sys.path[:] = [".frozen", "/lib", "/"]
    from firmware import setup

    setup.install_identity(args["path"])
    del asked["wifi"]
    answer({"holds": holds(asked)})


def holds(asked):
    """Tell whether the identity in use has all that was asked for, in both its copies."""
    found = [body for body in (opened(data)[1] for _, _, data in copies()) if body]
    same = [body for body in found if all(body.get(key) == asked[key] for key in asked)]
    return len(same) >= 2 and current() in same
