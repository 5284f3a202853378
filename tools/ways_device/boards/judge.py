"""Settings judged without a board: the agent's own code does it, on this computer."""

import json
import subprocess
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from ways_device import onboard, scratch, toolchain
from ways_device.api.platform import Datapoint
from ways_device.board import Judgement
from ways_device.bytecode import DeviceFile
from ways_device.errors import ToolError, UsageError
from ways_device.secrets import child_environ, home, one_line, private_folder

_LIMIT_S = 30
_MAX_BYTES = 8192


def judge(
    text: bytes, source: Path, name: str = "the settings", drivers: Sequence[DeviceFile] = ()
) -> Judgement:
    """Return what the agent in source makes of a settings file.

    drivers are sensor drivers besides its own. Raises UsageError with the agent's words if it
    refuses it; name is what it is called then.
    """
    with scratch.folder(private_folder(home() / "tmp")) as folder:
        path = folder / "config.json"
        path.write_bytes(text)
        for driver in drivers:
            target = folder / driver.path.lstrip("/")
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(driver.data)
        with as_file(files(onboard).joinpath("judge.py")) as program:
            answer = _asked([str(program), str(source), str(path), f"{folder}/"], folder)
    if "error" in answer:
        raise UsageError(f"{one_line(name, 60)}: the device would refuse it: {answer['error']}")
    points = tuple(Datapoint(**point) for point in answer["datapoints"])
    return Judgement(points, tuple(answer["unknown"]))


def _asked(words: list[str], folder: Path) -> dict[str, Any]:
    try:
        done = subprocess.run(
            [str(toolchain.micropython()), *words],
            cwd=folder,
            env=child_environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise ToolError(f"judging the settings took over {_LIMIT_S} s; try again") from exc
    for line in done.stdout.splitlines():
        if line.startswith(onboard.MARK):
            found: dict[str, Any] = json.loads(line[len(onboard.MARK) :])
            return found
    said = (done.stdout + done.stderr).strip().splitlines()
    raise ToolError(
        f"the settings cannot be judged: {one_line(said[-1] if said else 'no answer')}"
    )


def settings_text(path: Path) -> bytes:
    """Return a settings file as it is. Raises UsageError if it is no JSON object, or too long.

    The place of a mistake is told here: MicroPython's parser does not know it.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise UsageError(f"cannot read {path}: {exc.strerror}") from exc
    if len(data) > _MAX_BYTES:
        raise UsageError(f"{path}: {len(data)} bytes; the device reads {_MAX_BYTES} at most")
    try:
        found = json.loads(data.decode())
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path}: not text in UTF-8") from exc
    except ValueError as exc:
        where = f"line {exc.lineno}" if isinstance(exc, json.JSONDecodeError) else "somewhere"
        raise UsageError(f"{path}: not JSON ({where})") from exc
    if not isinstance(found, dict):
        raise UsageError(f'{path}: a JSON object is expected: {{"key": value, ...}}')
    return data
