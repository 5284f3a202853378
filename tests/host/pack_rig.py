"""Small agents that are packed, compiled, and run by the real interpreter."""

import os
import subprocess

from ways_device import bytecode
from ways_device.pack import pack

MAIN = """
from firmware import wiring
agent = wiring.wire(5)
wiring.forget()
agent.run()
"""
# What an agent has to have, besides what a test is about.
LEAST = {
    "__init__": 'VERSION = "1"\n',
    "errors": "class SensorError(Exception):\n    pass\n",
    "reading": 'from firmware.errors import SensorError\nclass Datapoint:\n    unit = ""\n',
    "wiring": "from firmware.agent import Agent\n\n\n"
    "def wire(size):\n    return Agent(size)\n\n\ndef forget():\n    pass\n",
}


def writer(folder):
    """Return what writes an agent of these modules; a name x__in_y is a file y of a folder x."""

    def write(main=MAIN, **modules):
        (folder / "boot.py").write_text("")
        (folder / "main.py").write_text(main)
        for name, text in {**LEAST, **modules}.items():
            path = folder / "firmware" / f"{name.replace('__in_', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return folder

    return write


def run(source):
    """Compile the agent into lib/ beside it and run main.py; return all that it printed."""
    for file in bytecode.device_files(source):
        target = source / "board" / file.path[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)
    done = subprocess.run(
        [os.environ["MICROPYTHON"], "main.py"],
        cwd=source / "board",
        env={**os.environ, "MICROPYPATH": "./lib:.frozen"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return done.stdout + done.stderr


def text(source, name="__init__"):
    return str(pack(source).texts[name])
