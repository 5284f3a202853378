"""Code onto a board: look, hold, copy what changed, verify, restart. Also `deploy` itself."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ways_device.board import CONFIG_PATH, Board, Facts
from ways_device.bytecode import AGENT_PATH, MPY_VERSION, DeviceFile, build, imported_names
from ways_device.errors import BoardError, FlashFullError, ToolError
from ways_device.pack.trace import Lines
from ways_device.resources import checkout, device_source
from ways_device.talk import Talk

MIN_VERSION = (1, 25, 0)
# Long enough for the slowest set-up; if this computer dies, the board frees itself after it.
HOLD_S = 900
_BLOCK_BYTES = 4096
# The agent's settings, identity and log need room beside the code.
_RESERVE_BYTES = 32 * 1024
# Frozen or built in, and needed by modules the agent does not name itself.
_ALWAYS_NEEDED = frozenset({"asyncio", "errno", "io", "os", "select", "socket", "ssl", "umqtt"})


@dataclass(frozen=True)
class Code:
    """The agent, compiled, and the names that nothing on a board may hide from it."""

    files: list[DeviceFile]
    needs: list[str]
    lines: Lines = field(default_factory=dict)  # see keep_lines()

    @property
    def paths(self) -> list[str]:
        """Return all paths on the board that matter: ours, and those that would hide ours."""
        return [file.path for file in self.files] + self._hiders()

    def changed(self, hashes: dict[str, str | None]) -> list[DeviceFile]:
        return [file for file in self.files if hashes.get(file.path) != file.sha256]

    def hiding(self, hashes: dict[str, str | None]) -> list[str]:
        """Return the paths on the board that would be imported instead of our files."""
        return [path for path in self._hiders() if hashes.get(path)]

    def _hiders(self) -> list[str]:
        return [path for file in self.files for path in file.hiding]


def compile_code(source: Path, drivers: Sequence[DeviceFile] = ()) -> Code:
    """Pack and compile the agent; keep what makes its tracebacks readable.

    drivers     sensor drivers of somebody's own that go with it (see drivers.py)
    """
    built = build(source)
    needs = sorted({*imported_names(source), *_ALWAYS_NEEDED})
    code = Code([*built.files, *drivers], needs, built.lines)
    with suppress(OSError):  # a full disk of the host is no reason not to go on
        keep_lines(code, lines_folder())
    return code


def lines_folder() -> Path:
    """Return where keep_lines() keeps the lines of what was deployed."""
    if device_source() == checkout():
        return checkout() / "build" / "lines"
    from platformdirs import user_cache_path

    return user_cache_path("ways-device") / "lines"


def keep_lines(code: Code, folder: Path) -> Path:
    """Keep what makes the tracebacks of this code readable (see pack/trace.py); return the file.

    It is named by the hash of the agent's code, which the board can tell too. Raises OSError.
    """
    agent = next(file for file in code.files if file.path == AGENT_PATH)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{agent.sha256[:16]}.json"
    path.write_text(json.dumps(code.lines), "utf-8")
    return path


class Visit:
    """A board whose agent is stopped while we are there."""

    def __init__(self, board: Board, facts: Facts) -> None:
        self.board = board
        self.facts = facts
        self._held = False
        self._is_left = False

    def hold(self) -> None:
        """Keep the agent from starting until release(), with no watchdog left running."""
        self._held = True
        if self.facts.starts_agent:
            self.board.hold_and_reset(HOLD_S)
        else:
            self.board.hold(HOLD_S)

    def release(self) -> None:
        """Let the agent run; after this nothing but listening is allowed."""
        self.board.release()
        self._is_left = True

    def abandon(self) -> None:
        """Let the board run again, if it does not yet, with whatever it has."""
        if not self._is_left and (self._held or self.facts.starts_agent):
            with suppress(ToolError):
                self.board.let_go()


@contextmanager
def visit(board: Board, code: Code, talk: Talk) -> Iterator[Visit]:
    """Stop the board's agent and look at it; whatever goes wrong inside, let it run again.

    Raises BoardError before anything is changed if the agent could not run there.
    """
    with talk.step("looking at the board") as step:
        facts = look(board, code.needs, [*code.paths, CONFIG_PATH])
        step.say(f"{facts.machine or facts.platform}, MicroPython {_dotted(facts.version)}")
    visited = Visit(board, facts)
    try:
        refuse_unfit(facts, board.port)
        refuse_full(facts, code)
        yield visited
    except BaseException:
        visited.abandon()
        raise


def look(board: Board, needs: list[str], paths: list[str]) -> Facts:
    """Return board.facts(); whoever stops us meanwhile does not leave the agent stopped."""
    try:
        return board.facts(needs, paths)
    except KeyboardInterrupt:
        # Looking has stopped the agent already.
        with suppress(ToolError):
            board.let_go()
        raise


def refuse_unfit(facts: Facts, port: str) -> None:
    """Raise BoardError that says why the agent cannot run on this board, if it cannot."""
    version = _dotted(facts.version)
    if facts.name != "micropython":
        raise BoardError(f"the board runs {facts.name} {version}; flash MicroPython 1.25 or newer")
    if facts.version < MIN_VERSION:
        raise BoardError(f"the board runs MicroPython {version}; flash 1.25 or newer")
    if facts.platform != "esp32":
        raise BoardError(f"the board is of the {facts.platform} family; an ESP32 is needed")
    if facts.bytecode != MPY_VERSION:
        raise BoardError(
            f"the board reads bytecode version {facts.bytecode}, this tool writes "
            f"{MPY_VERSION}; flash another MicroPython or update ways-device"
        )
    if facts.stray:
        path = facts.stray[0]
        raise BoardError(
            f"{path} on the board hides a module that the agent needs; remove it: "
            f"mpremote connect {port} rm -r :{path}"
        )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def refuse_full(facts: Facts, code: Code) -> None:
    """Raise FlashFullError if what is to be copied does not fit."""
    needed = _room_bytes(code.changed(facts.hashes))
    if facts.free_bytes < needed:
        raise FlashFullError(_full(needed, facts.free_bytes))


def _room_bytes(files: list[DeviceFile]) -> int:
    # The new files lie beside the old ones for a moment, each in whole blocks.
    blocks = sum(1 + len(file.data) // _BLOCK_BYTES for file in files)
    return blocks * _BLOCK_BYTES + _RESERVE_BYTES


def _full(needed: int, free: int) -> str:
    return (
        f"the board's flash is full: {needed // 1024} kB are needed, {free // 1024} kB are "
        "free; remove files of yours with mpremote rm, or use a board with more flash"
    )


def install(visited: Visit, files: list[DeviceFile], hiding: list[str], talk: Talk) -> None:
    """Copy the files and verify them by the hashes read back. Raises BoardError."""
    board = visited.board
    with talk.step("copying to the board") as step:
        if not files and not hiding:
            step.say("everything is there already")
            return

        def copied(path: str) -> None:
            numbers = {f"{file.path}.new": n for n, file in enumerate(files, 1)}
            step.say(f"{numbers.get(path, 0)} of {len(files)} files")

        try:
            hashes = board.install(files, hiding, copied)
        except FlashFullError as exc:
            free = visited.facts.free_bytes
            raise FlashFullError(_full(_room_bytes(files), free)) from exc
        verify(files, hashes)
        kilobytes = sum(len(file.data) for file in files) / 1024
        step.say(f"{len(files)} files, {kilobytes:.0f} kB")


def verify(files: list[DeviceFile], hashes: dict[str, str | None]) -> None:
    """Raise BoardError if the board does not hold exactly these files."""
    for file in files:
        if hashes.get(file.path) != file.sha256:
            raise BoardError(
                f"{file.path} on the board is not what was sent; run the same command again"
            )


def deploy(
    board: Board, source: Path, talk: Talk, drivers: Sequence[DeviceFile] = ()
) -> list[str]:
    """Bring the agent's code on a board up to date and restart it; return what was copied."""
    with talk.step("compiling"):
        code = compile_code(source, drivers)
    with visit(board, code, talk) as visited:
        changed = code.changed(visited.facts.hashes)
        hiding = code.hiding(visited.facts.hashes)
        if changed or hiding:
            with talk.step("stopping the agent"):
                visited.hold()
        install(visited, changed, hiding, talk)
        with talk.step("restarting the board"):
            visited.release()
        return [file.path for file in changed]
