"""No secret is anywhere but where it belongs: a whole day of commands, searched afterwards.

The API key, the Wi-Fi password and the MQTT passwords of two boards are the canaries. They must
not be in the arguments or the environment of any program that is started, in any output at the
highest verbosity, in any file once all is done, or on a board that they are not for.
"""

import contextlib
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from killreal import descendants
from realparts import COMMAND, WHOLE_COMMAND, World, part, world

WIFI_PASSWORD = "ways-sandbox-password"
SAMPLE_S = 0.002
BEFORE_SECRETS = "applying the profile"


class Watched:
    """Commands that are run, with all that could be seen of them from outside."""

    def __init__(self, here: World) -> None:
        self._world = here
        self.scratch = here.folder / "scratch"
        self.scratch.mkdir()
        self.output = ""
        # Of the programs that the commands started, by process: arguments and environment.
        self.children: dict[tuple[int, bytes], bytes] = {}

    def run(self, *arguments: str, kill_after: str = "", whole: bool = False) -> int:
        """Return the exit status; the command is killed after the step of this name.

        If that is the last step before the board gets its secrets: while they are on their way.
        """
        environment = {
            **self._world.environment,
            "WAYSCLOUD_API_KEY": self._world.key,
            "TMPDIR": str(self.scratch),
        }
        with subprocess.Popen(
            [*(WHOLE_COMMAND if whole else COMMAND), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as child:
            assert child.stdout is not None
            with self._sampled(child.pid):
                for line in child.stdout:
                    self.output += line
                    if kill_after and line.startswith(kill_after):
                        if kill_after == BEFORE_SECRETS:
                            self._wait_for_secrets()
                        child.send_signal(signal.SIGKILL)
                        break
                self.output += child.stdout.read()
                return child.wait(90)

    def _wait_for_secrets(self) -> None:
        """Return as soon as a file for the board has the Wi-Fi password."""
        end_s = time.monotonic() + 20
        while time.monotonic() < end_s:
            for path in (self._world.folder / "home" / "tmp").rglob("*"):
                # It may be gone by now.
                with contextlib.suppress(OSError):
                    if WIFI_PASSWORD.encode() in path.read_bytes():
                        return
        raise AssertionError("no secret was ever on its way")

    @contextmanager
    def _sampled(self, pid: int) -> Iterator[None]:
        ended = threading.Event()

        def sample() -> None:
            while not ended.wait(SAMPLE_S):
                for one in descendants(pid):
                    self._note(one, pid)

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(10)

    def _note(self, pid: int, command_pid: int) -> None:
        try:
            own = Path(f"/proc/{command_pid}/cmdline").read_bytes()
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            # It has ended.
            return
        # Between fork and exec it is the command itself.
        if arguments not in (own, b""):
            self.children[pid, arguments] = environment

    def programs(self, name: bytes) -> int:
        return len([words for _, words in self.children if name in words])


def files(*folders: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def password_of(here: World) -> str:
    body = here.mpremote("exec", "print(open('/identity.0', 'rb').read()[10:-4].decode())")
    found = json.loads(body)["password"]
    assert len(found) > 10
    return str(found)


def go_wrong(watched: Watched, here: World, info: str) -> None:
    """Refusals of every kind, and kills: a password to lose, on its way, and on the board."""
    key = here.folder / "wrong-key"
    key.write_text(f"{here.key}-wrong")
    key.chmod(0o600)
    assert watched.run(*here.arguments("--api-key-file", str(key)), whole=True) == 4
    assert watched.run("api", "GET", "no/such/thing", "--sandbox", info) == 4
    key.chmod(0o644)
    assert watched.run("api", "GET", "x", "--sandbox", info, "--api-key-file", str(key)) == 2
    assert watched.run(*here.arguments("--set", "window=99")) == 3
    for step in ("registering", BEFORE_SECRETS, "starting the board"):
        assert watched.run(*here.arguments(), kill_after=step) == -signal.SIGKILL


def go_well(watched: Watched, here: World, other: World, info: str) -> None:
    """Two boards become devices, one of them twice; the first is finished after the kills."""
    end_s = time.monotonic() + 60
    # It may still be busy with what it was told before the kill.
    while (status := watched.run(*here.arguments())) == 3:
        assert time.monotonic() < end_s, watched.output
    assert status == 0, watched.output
    assert watched.run(*here.arguments("--log-level", "D")) == 0, watched.output
    assert watched.run("deploy", "--port", here.board["port"], "--json", whole=True) == 0
    assert watched.run(*other.arguments()) == 0, watched.output
    assert watched.run("api", "GET", "devices", "--sandbox", info) == 0


@dataclass
class Day:
    """What is left of a day: what was seen, the two boards' files, and the secrets."""

    watched: Watched
    boards: list[dict[Path, bytes]]
    key: str
    passwords: list[str]

    def found_in(self, data: bytes) -> list[str]:
        secrets = [self.key, WIFI_PASSWORD, *self.passwords]
        return [secret for secret in secrets if secret.encode() in data]


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day")
    words = ["vboard", "start", "--dir", str(folder / "other" / "chip")]
    with world(folder) as here, part(folder / "other", *words) as board:
        other = World(folder, here.sandbox, board)
        info = str(folder / "sandbox" / "info.json")
        watched = Watched(here)
        go_wrong(watched, here, info)
        go_well(watched, here, other, info)
        passwords = [password_of(here), password_of(other)]
        other.api.close()
        boards = [files(Path(one.board["dir"])) for one in (here, other)]
        yield Day(watched, boards, here.key, passwords)


def test_no_program_gets_a_secret_as_argument_or_in_its_environment(day):
    assert day.watched.programs(b"mpremote") > 10
    assert day.watched.programs(b"mpy-cross") > 0
    for (_, arguments), environment in day.watched.children.items():
        assert not day.found_in(arguments), arguments
        assert not day.found_in(environment), arguments


def test_no_output_tells_a_secret_at_the_highest_verbosity(day):
    assert day.watched.output.count("Traceback") >= 4
    assert "others can read this API key" in day.watched.output
    assert not day.found_in(day.watched.output.encode())


def test_no_file_holds_a_secret_once_all_is_done(day):
    folder = day.watched.scratch.parent
    home = files(folder / "home")
    assert len([path for path in home if path.suffix == ".json"]) == 2
    assert not list((folder / "home" / "tmp").iterdir())
    assert not list(day.watched.scratch.iterdir())
    # The virtual board tells its network's password to whoever starts it, as a router's label.
    logs = files(folder / "sandbox")
    logs = {path: data for path, data in logs.items() if path.suffix in (".log", ".txt")}
    assert logs
    for path, data in {**home, **logs}.items():
        assert not day.found_in(data), path
    assert {path.stat().st_mode & 0o077 for path in (folder / "home").rglob("*")} == {0}


def test_board_holds_its_own_login_and_no_secret_of_others(day):
    for own, board_files in enumerate(day.boards):
        whole = b"".join(board_files.values())
        found = day.found_in(whole)
        assert found == [WIFI_PASSWORD, day.passwords[own]]
