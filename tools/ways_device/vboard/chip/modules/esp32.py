"""The ESP32 port's module esp32: NVS, chip temperature and what else a program may ask for."""

import binascii
import json
import time

from _chip import host, wear

HEAP_DATA, HEAP_EXEC = 4, 1
WAKEUP_ALL_LOW, WAKEUP_ANY_HIGH = False, True

_NVS_FILE = "nvs.json"
_NVS_BYTES = 16384
_NAME_MAX = 15
_NOT_FOUND = (-0x1102, "ESP_ERR_NVS_NOT_FOUND")
_NOT_ENOUGH_SPACE = (-0x1105, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
_INVALID_NAME = (-0x1106, "ESP_ERR_NVS_INVALID_NAME")
_KEY_TOO_LONG = (-0x1109, "ESP_ERR_NVS_KEY_TOO_LONG")
_INVALID_LENGTH = (-0x110C, "ESP_ERR_NVS_INVALID_LENGTH")

_TEMPERATURE_STEP_MS = 5000
_TEMPERATURES_C = (53, 53, 54, 54, 55, 54, 54, 53, 53, 52, 52, 52)


def _check_name(name):
    if not name:
        raise OSError(*_INVALID_NAME)
    if len(name) > _NAME_MAX:
        raise OSError(*_KEY_TOO_LONG)


class NVS:
    """Small values by name. What was not committed is gone with the object, or at a reset."""

    def __init__(self, namespace):
        _check_name(namespace)
        self._namespace = namespace
        # key: [type, value] to set, or None to erase
        self._changes = {}

    def _committed(self):
        return json.loads(host.board_dir.read(_NVS_FILE) or b"{}")

    def _get(self, key, kind):
        _check_name(key)
        if key in self._changes:
            entry = self._changes[key]
        else:
            entry = self._committed().get(self._namespace, {}).get(key)
        if entry is None or entry[0] != kind:
            raise OSError(*_NOT_FOUND)
        return entry[1]

    def set_i32(self, key, value):
        _check_name(key)
        if not -0x80000000 <= value <= 0x7FFFFFFF:
            raise OverflowError("overflow converting long int to machine word")
        self._changes[key] = ["i32", value]

    def get_i32(self, key):
        return self._get(key, "i32")

    def set_blob(self, key, value):
        _check_name(key)
        self._changes[key] = ["blob", binascii.hexlify(value).decode()]

    def get_blob(self, key, buf):
        value = binascii.unhexlify(self._get(key, "blob"))
        if len(value) > len(buf):
            raise OSError(*_INVALID_LENGTH)
        buf[: len(value)] = value
        return len(value)

    def erase_key(self, key):
        _check_name(key)
        if key not in self._changes and key not in self._committed().get(self._namespace, {}):
            raise OSError(*_NOT_FOUND)
        self._changes[key] = None

    def commit(self):
        everything = self._committed()
        values = everything.setdefault(self._namespace, {})
        before = dict(values)
        for key, entry in self._changes.items():
            if entry is None:
                values.pop(key, None)
            else:
                values[key] = entry
        text = json.dumps(everything)
        if len(text) > 2 * _NVS_BYTES:
            raise OSError(*_NOT_ENOUGH_SPACE)
        host.board_dir.replace(_NVS_FILE, text.encode())
        if values != before:  # what is there already is not written again
            wear.note("commit", self._namespace)
        self._changes.clear()


def mcu_temperature():
    """Return the die's temperature in degC, as the later chips do; it wanders slowly."""
    step = time.ticks_ms() // _TEMPERATURE_STEP_MS
    return _TEMPERATURES_C[step % len(_TEMPERATURES_C)]


def raw_temperature():
    """Return the die's temperature in degF, as the first ESP32 does."""
    return round(mcu_temperature() * 1.8 + 32)


def idf_heap_info(capabilities):
    """Return (total, free, largest free, lowest free ever) of each region, in bytes."""
    return [(7288, 0, 0, 0), (16648, 1324, 1136, 1108), (113840, 63640, 45056, 61744)]


def wake_on_ext0(pin=None, level=None):
    pass


def wake_on_ext1(pins=None, level=None):
    pass


def wake_on_touch(wake):
    pass


class Partition:
    """The default layout of a 4 MB board, to be looked at."""

    BOOT, RUNNING, TYPE_APP, TYPE_DATA = 0, 1, 0, 1
    # by label: type, subtype, address, size
    _table = {
        "nvs": (1, 2, 0x9000, 0x6000),
        "phy_init": (1, 1, 0xF000, 0x1000),
        "factory": (0, 0, 0x10000, 0x1F0000),
        "vfs": (1, 0x81, 0x200000, 0x200000),
    }

    def __init__(self, which, block_size=4096):
        self._label = "factory" if which in (self.BOOT, self.RUNNING) else which
        if self._label not in self._table:
            raise OSError(2)

    def info(self):
        return self._table[self._label] + (self._label, False)

    @classmethod
    def find(cls, type=TYPE_APP, subtype=0xFF, label=None, block_size=4096):
        found = []
        for name, row in cls._table.items():
            if row[0] == type and subtype in (0xFF, row[1]) and label in (None, name):
                found.append(cls(name))
        return found

    @staticmethod
    def mark_app_valid_cancel_rollback():
        pass
