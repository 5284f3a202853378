"""How long the flash lasts, and what a reading takes of it, with the settings as they are."""

from ground import DEVICE, ROOT, Device, micropython

_DAYS = 60
_CYCLES = 100_000
_DAYS_A_YEAR = 365.25
_ANSWER_S = 240


def measure(_ground, _last):
    command = micropython(64, DEVICE / "flashlife.py", _DAYS, heap_kb=16384)
    path = f"{ROOT}:{ROOT}/tests:{ROOT}/lib:.frozen"
    told = Device(command, {"MICROPYPATH": path}).answer(_ANSWER_S)
    return {
        "erases_per_record_backlog": round(told["erases"] / told["backlog"], 3),
        "flash_years_default": round(_CYCLES / told["worst"] * told["days"] / _DAYS_A_YEAR, 1),
        "flash_writes_while_healthy": told["healthy"],
        "flash_bytes_per_record": round(told["bytes_per_record"], 2),
    }
