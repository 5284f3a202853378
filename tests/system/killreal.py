"""The command itself, ended by SIGKILL at random moments, with mpremote on virtual boards.

Half of the time the computer goes down with all programs, half of the time the command alone: its
mpremote then goes on with what it was told.
"""

import json
import os
import random
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packonce import kept_in
from realparts import COMMAND, World, part

BOARDS_AT_ONCE = 4
KILLS_EACH = 5
# The same command is given again so often: a board may still be busy with what it was told.
RUNS_MAX = 8
RUN_S = 150
# From the first step until the reading is there, with room for a slow machine.
REACH_S = 4.0


def kill_for_real(folder: Path, chance: random.Random, kills: int) -> tuple[int, list[str]]:
    """Return how often a run was killed (at least `kills`), and what is wrong in the end."""
    words = ["sandbox", "start", "--state", str(folder / "sandbox" / "state"), "--port", "0"]
    folder.mkdir(parents=True, exist_ok=True)
    with (
        kept_in(folder),
        part(folder / "sandbox", *words) as sandbox,
        ThreadPoolExecutor(BOARDS_AT_ONCE) as pool,
    ):
        killed, wrong, made, told = 0, [], [], 0
        while killed < kills and not wrong:
            stories = []
            for _ in range(BOARDS_AT_ONCE):
                told += 1
                left = min(KILLS_EACH, max(1, (kills - killed) // BOARDS_AT_ONCE))
                seed = chance.randrange(1 << 30)
                stories.append(pool.submit(_story, folder / f"story-{told}", sandbox, seed, left))
            for story in stories:
                count, device_id, complaints = story.result()
                killed += count
                made.append(device_id)
                wrong += complaints
        with World(folder, sandbox, {"unique_id": "", "port": ""}).api as api:
            there = api.get("/v1/iot/devices", params={"page_size": "100"}).json()["devices"]
        if sorted(item["device_id"] for item in there) != sorted(made):
            wrong.append(f"devices {there}, boards {made}")
        return killed, wrong


def _story(folder: Path, sandbox: dict, seed: int, kills: int) -> tuple[int, str, list[str]]:
    """Make a new board a device, killed so often on the way."""
    chance = random.Random(seed)
    folder.mkdir(parents=True)
    (folder / "sandbox").symlink_to(folder.parent / "sandbox")
    with part(folder / "board", "vboard", "start", "--dir", str(folder / "chip")) as board:
        world = World(folder, sandbox, board)
        killed = sum(_killed(world, chance) for _ in range(kills))
        wrong = [f"seed {seed}, {killed} kills: {what}" for what in _finish(world)]
        world.api.close()
        return killed, world.device_id, wrong


def _killed(world: World, chance: random.Random) -> bool:
    """Run the command and kill it; False if it had ended before."""
    with subprocess.Popen(
        [*COMMAND, *world.arguments()],
        env=world.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stderr is not None
        child.stderr.readline()
        try:
            child.wait(chance.uniform(0, REACH_S))
            return False
        except subprocess.TimeoutExpired:
            victims = [*descendants(child.pid)] if chance.random() < 0.5 else []
            for pid in (child.pid, *victims):
                # One that ended by itself meanwhile is as dead.
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            return child.wait() == -signal.SIGKILL


def _finish(world: World) -> list[str]:
    """Run the command until it ends well; return what is wrong then."""
    told = ""
    for _ in range(RUNS_MAX):
        done = subprocess.run(
            [*COMMAND, *world.arguments()],
            env=world.environment,
            capture_output=True,
            text=True,
            timeout=RUN_S,
            check=False,
        )
        if done.returncode == 0:
            return _complaints(world)
        told = done.stderr.strip().splitlines()[-1]
        time.sleep(1)
    return [f"not done after {RUNS_MAX} runs: {told}"]


def _complaints(world: World) -> list[str]:
    wrong = []
    home = world.folder / "home"
    body = world.mpremote("exec", "print(open('/identity.0', 'rb').read()[10:-4].decode())")
    identity = json.loads(body)
    if identity["device_id"] != world.device_id:
        wrong.append(f"the board is {identity['device_id']}")
    secrets = {"MQTT": identity["password"], "key": world.key, "Wi-Fi": "ways-sandbox-password"}
    for path in (path for path in home.rglob("*") if path.is_file()):
        data = path.read_bytes()
        wrong += [
            f"{name} secret in {path}" for name, text in secrets.items() if text.encode() in data
        ]
    (entry,) = home.glob("journal/*.json")
    if json.loads(entry.read_text())["state"] != "done":
        wrong.append(f"journal: {entry.read_text()}")
    return wrong


def descendants(pid: int) -> list[int]:
    """Return the ids of all processes below one, whatever their sessions."""
    found = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    for child in map(int, children):
        found += [child, *descendants(child)]
    return found
