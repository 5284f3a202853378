"""What a line of a packed board's traceback was in the source.

Run as `python -m ways_device.pack.trace [MAP]`, it reads a board's output and prints it with
every such line made readable. MAP is what deploy kept; else that of this version's own agent.
"""

import json
import re
import sys
from pathlib import Path

from ways_device.pack import Packed, pack
from ways_device.pack.module import PACKAGE
from ways_device.resources import device_source

Lines = dict[str, list[str]]
_PLACE = re.compile(r'File "([\w.]+)", line (\d+)(?:, in \S+)?')


def lines_of(packed: Packed) -> Lines:
    """Return {module as tracebacks call it: what each of its lines was, "" for nothing}."""
    return {
        f"{PACKAGE}.{path}".replace("/", ".").removesuffix(".__init__"): [
            origin.text for origin in text.origins
        ]
        for path, text in packed.texts.items()
    } | {name: [origin.text for origin in text.origins] for name, text in packed.scripts.items()}


def readable(line: str, lines: Lines) -> str:
    """Return a line of output with the place in the packed code replaced by that in the source."""

    def place(match: re.Match[str]) -> str:
        known = lines.get(match[1], [])
        number = int(match[2])
        text = known[number - 1] if 0 < number <= len(known) else ""
        if not text:
            return match[0]
        where, _, function = text.partition(" in ")
        path, _, span = where.partition(":")
        return f'File "{path}", line {span}, in {function or "<module>"}'

    return _PLACE.sub(place, line)


def main() -> None:
    """Copy standard input to standard output, readable."""
    if len(sys.argv) > 1:
        lines: Lines = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    else:
        lines = lines_of(pack(device_source()))
    for line in sys.stdin:
        sys.stdout.write(readable(line, lines))


if __name__ == "__main__":
    main()
