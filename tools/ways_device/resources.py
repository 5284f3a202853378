"""Where the device's own files are: inside the installed package, else in the checkout."""

from pathlib import Path


def device_source() -> Path:
    """Return the folder that holds boot.py, main.py, firmware/ and lib/lib.lock."""
    packaged = Path(__file__).parent / "device"
    return packaged if (packaged / "main.py").is_file() else checkout()


def checkout() -> Path:
    """Return the top of the source checkout (meaningless in an installed wheel)."""
    return Path(__file__).parents[2]
