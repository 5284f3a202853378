# type: ignore
# ruff: noqa: F821 (common.py and join.py go before it)
"""Try the radio: its settings, a join by name, joins by what is known, and a wrong password."""


def main(args):
    """args: ssid, password, rounds; a line of answer for each part as soon as it is done"""
    wlan = station()
    answer(settings(wlan))
    answer(joins(wlan, args))
    answer(refusal(wlan, args))
    wlan.disconnect()


def settings(wlan):
    """Set what the agent can be told to set, and tell what reads back. A reset undoes it."""
    import network

    network.country("DE")
    network.hostname("hardware-check")
    told = {"country": network.country(), "hostname": network.hostname()}
    was = wlan.config("pm")
    modes = (wlan.PM_NONE, wlan.PM_POWERSAVE, wlan.PM_PERFORMANCE)
    told["modes"] = list(modes)
    told["read_back"] = []
    for mode in modes:
        wlan.config(pm=mode)
        told["read_back"].append(wlan.config("pm"))
    wlan.config(pm=was)
    return told


def joins(wlan, args):
    """Time joins by name with DHCP, then by access point with the address that DHCP gave."""
    ssid, password = args["ssid"], args["password"]
    wlan.ipconfig(dhcp4=True)
    full = [joined(wlan, ssid, password)[0] for _ in range(args["rounds"])]
    told = {"full_ms": full, "fast_ms": [], "rssi_dbm": None, "seen": False}
    if full[-1] is None:
        return told
    told["rssi_dbm"] = wlan.status("rssi")
    address = wlan.ifconfig()
    found = [one for one in wlan.scan() if one[0] == ssid.encode()]
    told["seen"] = bool(found)
    if found:
        bssid = max(found, key=lambda one: one[3])[1]
        for _ in range(args["rounds"]):
            wlan.disconnect()
            time.sleep_ms(300)
            wlan.ifconfig(address)
            told["fast_ms"].append(joined(wlan, ssid, password, bssid)[0])
        wlan.ipconfig(dhcp4=True)
    return told


def refusal(wlan, args):
    """Tell what the driver says of a wrong password, and how the right one goes afterwards."""
    ms, status = joined(wlan, args["ssid"], "hardware-check-wrong")
    again, _ = joined(wlan, args["ssid"], args["password"])
    return {"let_in": ms is not None, "reason": status, "again_ms": again}
