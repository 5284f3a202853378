"""The two programs a demo plays on: a sandbox and a virtual board, as anybody would start them."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ways_device.errors import ToolError
from ways_device.process import tied_to, uninterrupted

_READY_S = 60
_STOP_S = 15


@contextlib.contextmanager
def program(name: str, folder: Path, *options: str) -> Iterator[dict[str, Any]]:
    """Run `ways-device NAME start`; yield its info once it is ready, and end it afterwards.

    folder holds its info file and its log. Raises ToolError if it does not become ready.
    """
    info_file = folder / f"{name}.json"
    info_file.unlink(missing_ok=True)
    log_file = folder / f"{name}.log"
    process = None
    try:
        with log_file.open("wb") as log, uninterrupted():
            # A session of its own: Ctrl-C reaches the demo alone, which then ends things in order.
            process = subprocess.Popen(
                [*_WAYS_DEVICE, name, "start", *options, "--info-file", str(info_file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=tied_to(os.getpid()),  # noqa: PLW1509 - no thread runs yet
            )
        yield _when_ready(process, info_file, log_file)
    finally:
        if process is not None:
            _end(process)


_WAYS_DEVICE = (sys.executable, "-m", "ways_device.cli")


def provision(folder: Path, sandbox: Path, port: str, *options: str) -> dict[str, Any]:
    """Run the real provision command, its progress shown; return the record it prints.

    Raises ToolError if it fails: it has said why by then.
    """
    done = subprocess.run(
        [
            *_WAYS_DEVICE,
            "provision",
            "--port",
            port,
            "--sandbox",
            str(sandbox),
            "--json",
            *options,
        ],
        env={**os.environ, "WAYS_DEVICE_HOME": str(folder / "home")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise ToolError("the demo ends here: the board could not be provisioned (see above)")
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def _when_ready(process: subprocess.Popen[bytes], info: Path, log: Path) -> dict[str, Any]:
    end_s = time.monotonic() + _READY_S
    while not info.exists():
        if process.poll() is not None or time.monotonic() > end_s:
            last = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
            raise ToolError(" ".join(last) or f"{info.stem} did not become ready: see {log}")
        time.sleep(0.05)
    found: dict[str, Any] = json.loads(info.read_text("utf-8"))
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
