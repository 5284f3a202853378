"""What the host asks of a board, in the words of the task; boardlink carries it."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ways_device import identity
from ways_device.api.platform import Datapoint
from ways_device.boardlink import BoardLink, Copy, Run
from ways_device.bytecode import DeviceFile
from ways_device.devicelog import Listener
from ways_device.errors import BoardError, FlashFullError
from ways_device.onboard import program

CONFIG_PATH = "/config.json"
_CANDIDATE_PATH = "/config.new"
_IDENTITY_PATH = "/identity.new"
# How long a board may be silent: at a short program, and while one file goes over (100 kB at
# 115200 baud take 10 s, a slow bridge several times that).
_BRIEF_S = 15.0
_COPY_S = 60.0
# A board that is only to be let go, after something failed.
_LET_GO_S = 5.0
_RESET_S = 0.5
# Between the reset command and the reset: the time to begin to listen.
_RESTART_AFTER_MS = 700
_CHECK = "from firmware import setup\nsetup.check({!r})\n"
_IDENTITY = "from firmware import setup\nsetup.install_identity({!r})\n"
_CLOCK = "from firmware import setup\nsetup.seed_clock({})\n"


@dataclass(frozen=True)
class Facts:
    """What a board is and holds. config is the text of its settings file."""

    platform: str
    name: str
    version: tuple[int, ...]
    bytecode: int
    stray: tuple[str, ...]
    machine: str = ""
    unique_id: str = ""
    free_bytes: int = 0
    hashes: dict[str, str | None] = field(default_factory=dict)
    identity: str | None = None
    config: str | None = None
    starts_agent: bool = False


@dataclass(frozen=True)
class Installed:
    """Where an identity went, and the hash of both its copies as read back."""

    slot: int
    generation: int
    sha256: str


@dataclass(frozen=True)
class Judgement:
    """What settings come to: the datapoints that readings have, the keys nobody knows."""

    datapoints: tuple[Datapoint, ...]
    unknown: tuple[str, ...]


class Board:
    """One board. Every call soft-resets it first, but listen(), which only reads."""

    def __init__(self, link: BoardLink) -> None:
        self._link = link

    @property
    def port(self) -> str:
        return self._link.port

    def facts(self, names: Iterable[str], paths: Iterable[str]) -> Facts:
        """Ask what is there. Changes nothing. Raises BoardError if nothing answers."""
        self._link.greet()
        args = {"names": sorted(names), "paths": sorted(paths)}
        found = self._run(program("probe", args))
        known = {key: value for key, value in found.items() if key in Facts.__annotations__}
        for key in ("version", "stray"):
            known[key] = tuple(known[key])
        return Facts(**known)

    def hold(self, seconds: int) -> None:
        """Keep the agent from starting for so long; 0 lets it start at the next reset."""
        self._run(program("hold", {"seconds": seconds}))

    def install(
        self,
        files: list[DeviceFile],
        hiding: list[str],
        copied: Callable[[str], None] | None = None,
    ) -> dict[str, str | None]:
        """Put the files on the board and return their hashes as read back.

        All of them come over under another name first: until then the old ones stay whole.
        hiding lists paths to remove because they would be imported instead.
        """
        staged = [f"{file.path}.new" for file in files]
        args = {"files": {file.path: file.sha256 for file in files}, "hiding": hiding}
        try:
            answers = self._link.session(
                [
                    Run(program("folders", {"folders": _folders(files), "leftovers": staged})),
                    *(Copy(file.data, f"{file.path}.new") for file in files),
                    Run(program("commit", args)),
                ],
                _COPY_S,
                copied,
            )
        except FlashFullError:
            # Give the room back: what was there before still works.
            self._link.session(
                [Run(program("folders", {"folders": [], "leftovers": staged}))], _BRIEF_S
            )
            raise
        committed = answers[-1]
        if committed.get("damaged"):
            raise BoardError(
                f"{committed['damaged'][0]} arrived damaged; try another cable or port"
            )
        return dict(committed["hashes"])

    def check_config(self, text: bytes, drivers: Mapping[str, str] | None = None) -> Judgement:
        """Let the agent's own code judge a settings file. The file itself is not replaced.

        drivers     {kind: source} of sensor drivers that it may use besides those on the board
        Raises BoardError with the agent's words if it refuses it.
        """
        lend = [Run(program("lend", {"drivers": dict(drivers)}))] if drivers else []
        check = Run(_CHECK.format(_CANDIDATE_PATH))
        answer = self._last([Copy(text, _CANDIDATE_PATH), *lend, check], _BRIEF_S)
        if "error" in answer:
            raise BoardError(f"the device refuses these settings: {answer['error']}")
        points = tuple(Datapoint(**point) for point in answer["datapoints"])
        return Judgement(points, tuple(answer["unknown"]))

    def install_identity(self, body: bytes) -> Installed:
        """Give the board its login, CA and networks, and read both copies back."""
        answer = self._last(
            [Copy(body, _IDENTITY_PATH), Run(_IDENTITY.format(_IDENTITY_PATH))], _BRIEF_S
        )
        if "error" in answer:
            raise BoardError(f"the board did not take its identity: {answer['error']}")
        return Installed(answer["slot"], answer["generation"], answer["sha256"])

    def adopt_identity(self, body: bytes) -> Installed:
        """As install_identity, with the networks that the board knows in place of the body's none.

        They stay on the board, which compares the rest with what was sent: sha256 is then that
        of the body as it was sent.
        """
        run = Run(program("adopt", {"path": _IDENTITY_PATH}))
        answers = self._link.session([Copy(body, _IDENTITY_PATH), run], _BRIEF_S)
        for answer in answers:
            if "error" in answer:
                raise BoardError(f"the board did not take its identity: {answer['error']}")
        if len(answers) != 2 or not answers[1].get("holds"):  # noqa: PLR2004 - stored, compared
            raise BoardError("the identity on the board is not what was sent; try again")
        slot, generation = answers[0]["slot"], answers[0]["generation"]
        return Installed(slot, generation, identity.sha256(body, generation))

    def ask(
        self, name: str, args: object, silent_s: float = _BRIEF_S, resets: bool = True
    ) -> list[dict[str, Any]]:
        """Run a program of onboard/ and return its answers, one for each line.

        resets  whether after a soft reset, as all others
        """
        return self._link.session([Run(program(name, args))], silent_s, resets=resets)

    def greet(self) -> None:
        """See that a board answers, with whatever ran on it stopped. Raises BoardError."""
        self._link.greet()

    def seed_clock(self, now_s: Callable[[], float]) -> None:
        """Set the board's clock to UTC; now_s is asked as late as possible."""
        self._run(_CLOCK.format(round(now_s())))

    def hold_and_reset(self, seconds: int) -> None:
        """As hold(), and return when the board has come up held: no watchdog runs any more."""
        self._restart(seconds, 0)
        # Until the reset is over the prompt that answers is the old one.
        time.sleep(_RESET_S)
        self._link.greet()

    def release(self) -> None:
        """Reset the board, to run, shortly after this returns: listen() at once."""
        self._restart(0, _RESTART_AFTER_MS)

    def let_go(self) -> None:
        """As release(), of a board that may not answer any more: give up soon."""
        self._restart(0, 0, _LET_GO_S)

    def _restart(self, hold_s: int, after_ms: int, silent_s: float = _BRIEF_S) -> None:
        hold = Run(program("hold", {"seconds": hold_s}))
        reset = Run(program("restart", {"after_ms": after_ms}), ends=False)
        self._link.session([hold, reset], silent_s)

    def listen(self) -> Listener:
        return Listener(self._link.port)

    def _run(self, source: str) -> dict[str, Any]:
        return self._last([Run(source)], _BRIEF_S)

    def _last(self, actions: list[Copy | Run], silent_s: float) -> dict[str, Any]:
        answers = self._link.session(actions, silent_s)
        if not answers:
            raise BoardError(f"the board at {self.port} gave no answer; try again")
        return answers[-1]


def _folders(files: list[DeviceFile]) -> list[str]:
    """Return the folders of these files, outermost first."""
    found = {str(folder) for file in files for folder in PurePosixPath(file.path).parents}
    return sorted(found - {"/"}, key=len)
