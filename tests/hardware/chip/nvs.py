# type: ignore
# ruff: noqa: F821 (common.py goes before it)
"""Use NVS in a namespace of this checklist's own; "kept" stays for a look after a reset."""

_MOST = 4000  # what an identity may take
_FAR_TOO_MUCH = 32768  # more than the whole partition of stock images


def main(args):
    """args: step, "write", "look" or "clear" """
    import esp32

    nvs = esp32.NVS("hwcheck")
    answer({"write": write, "look": look, "clear": clear}[args["step"]](nvs))


def write(nvs):
    nvs.set_i32("kept", -123456789)
    nvs.set_blob("blob", bytes(range(250)) * (_MOST // 250))
    nvs.set_i32("erased", 1)
    nvs.commit()
    nvs.erase_key("erased")
    nvs.commit()
    return dict(
        look(nvs),
        erased=failure(lambda: nvs.get_i32("erased")),
        short_buffer=failure(lambda: nvs.get_blob("blob", bytearray(100))),
        too_much=failure(lambda: too_much(nvs)),
        kept_beside=failure(lambda: nvs.get_i32("kept")),
    )


def look(nvs):
    buf = bytearray(_MOST)
    size = nvs.get_blob("blob", buf)
    is_whole = size == _MOST and bytes(buf) == bytes(range(250)) * (_MOST // 250)
    return {"kept": nvs.get_i32("kept"), "blob_is_whole": is_whole}


def too_much(nvs):
    nvs.set_blob("huge", bytes(_FAR_TOO_MUCH))
    nvs.commit()


def clear(nvs):
    for key in ("kept", "blob", "erased", "huge"):
        failure(lambda name=key: nvs.erase_key(name))
    nvs.commit()
    return {"left": failure(lambda: nvs.get_i32("kept"))}


def failure(act):
    """Return the number of the OSError that act ends in, None if it does not."""
    try:
        act()
    except OSError as exc:
        return exc.errno
    return None
