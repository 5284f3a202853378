"""The settings of the radio and the address: checked, and set before anything is joined.

In memory only where one of them is set. On an ESP32 MicroPython up to 1.27 remembers the country
and tells it to nobody: the radio keeps to what is allowed everywhere.
"""

from firmware.errors import ConfigError

# As network.WLAN.PM_*, which are the numbers of the chip's driver.
_POWER_SAVE = {"auto": None, "none": 0, "max": 2}


def check(key, value):
    """Raise ConfigError if this is no country, hostname or static_address; empty is each."""
    if key == "wifi_country":
        is_good = len(value) == 2 and all("A" <= one <= "Z" for one in value)
        form = "two capital letters, as DE"
    elif key == "hostname":
        # Source: RFC 1123, 2.1. Longer than 32 the driver does not take it.
        is_good = len(value) <= 32 and value[0] != "-" and value[-1] != "-"
        is_good = is_good and all(one == "-" or _is_plain(one) for one in value)
        form = "up to 32 letters, digits and hyphens"
    else:
        is_good = len(value) == 4 and all(_is_address(text) for text in value)
        form = "address, netmask, gateway and name server, as 192.168.1.7"
    if not is_good:
        raise ConfigError("%s: %r is not %s" % (key, value, form))


def prepare(board, config):
    """Tell the board its country and name; return (power save mode, address), None for neither.

    The mode is the driver's number, None = its own; the address is what ifconfig() takes.
    """
    if config.wifi_country:
        board.country(config.wifi_country)
    if config.hostname:
        board.hostname(config.hostname)
    mode = _POWER_SAVE[config.wifi_power_save]
    if mode is None and not config.static_address:
        return None
    return mode, tuple(config.static_address)


def _is_plain(one):
    return "a" <= one <= "z" or "A" <= one <= "Z" or "0" <= one <= "9"


def _is_address(text):
    parts = text.split(".")
    return len(parts) == 4 and all(
        1 <= len(part) <= 3 and all("0" <= one <= "9" for one in part) and int(part) < 256
        for part in parts
    )
