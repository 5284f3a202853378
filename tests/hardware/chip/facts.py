# type: ignore
# ruff: noqa: F821 (common.py goes before it)
"""Tell how much memory is left once the agent's code is loaded and the radio is on."""


def main(args):
    import gc

    import esp32
    import network

    sys.path[:] = [".frozen", "/lib", "/"]  # as boot.py makes it
    network.WLAN(network.WLAN.IF_STA).active(True)
    gc.collect()
    before = gc.mem_free()
    import firmware

    gc.collect()
    regions = esp32.idf_heap_info(esp32.HEAP_DATA)
    answer(
        {
            "agent": firmware.__name__,
            "before_bytes": before,
            "after_bytes": gc.mem_free(),
            "largest_bytes": max(region[2] for region in regions),
        }
    )
