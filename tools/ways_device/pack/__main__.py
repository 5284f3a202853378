"""Writes the packed agent as sources: `python -m ways_device.pack FOLDER`.

That is of use to look at, and for an image of one's own: package("firmware", base_path=FOLDER)
in its manifest freezes it.
"""

import sys
from pathlib import Path

from ways_device.errors import ToolError
from ways_device.pack import pack
from ways_device.pack.module import PACKAGE
from ways_device.resources import device_source


def main(words: list[str]) -> int:
    """Write below the folder that words name. Returns the exit status."""
    if len(words) != 1:
        print("usage: python -m ways_device.pack FOLDER", file=sys.stderr)
        return 2
    try:
        texts = pack(device_source()).texts
    except ToolError as exc:
        print(f"pack: {exc}", file=sys.stderr)
        return exc.exit_code
    for name, text in texts.items():
        path = Path(words[0]) / PACKAGE / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(text), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
