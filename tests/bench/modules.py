"""What each module of the firmware takes: heap that stays taken, and time to import.

They are the modules of the sources, each a file: a board has most of them packed into one.
"""

import os

import size
from ground import can_run_32_bit
from image import modules
from progress import say

_TIMES = 5


def measure(ground, _last):
    if not can_run_32_bit():
        say("modules: this machine cannot run the 32-bit interpreter")
        return {}
    folder = modules(ground.folder / "modules")
    program = os.environ["MICROPYTHON32"]
    runs = [size.imports(program, folder) for _ in range(_TIMES)]
    figures = {"names_32bit": sum(one.names for one in runs[0])}
    for same in sorted(zip(*runs, strict=True), key=lambda some: -some[0].heap_bytes):
        key = same[0].name.removeprefix("firmware.").replace(".", "_")
        figures[f"heap_bytes_{key}"] = min(one.heap_bytes for one in same)
        figures[f"import_ms_{key}"] = round(min(one.us for one in same) / 1000, 2)
    return figures
