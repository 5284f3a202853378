"""Provisioning that is killed anywhere, over a network that is not to be relied on.

One computer, one account with a neighbour's device in it, and one board, all in memory but for
the journal, which is on the disk. A kill is an exception that nothing may hold back, at any of
the moments that reach the outside: requests, files, the board. After it nothing reaches the
outside any more, so what the program would still tidy up is not tidied, as with a real kill.
"""

import contextlib
import functools
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
from fakeboard import FakeBoard
from fakeplatform import KEY, FakePlatform, flat
from provisioning import CA, DEVICE_ID, ORIGIN, WIFI, Killed, Killer, make_agent
from rich.console import Console

from ways_device import journal as journal_module
from ways_device import secrets
from ways_device.api.client import Client
from ways_device.api.platform import Platform
from ways_device.context import Context
from ways_device.deploy import compile_code
from ways_device.errors import ToolError
from ways_device.journal import Journal
from ways_device.provision import command, plan
from ways_device.provision.request import Request
from ways_device.talk import Talk

NEIGHBOUR = {"device_id": "neighbour", "name": "Not ours", "metadata": {"board": "another"}}
# So often a person would run the same command again, over a bad network.
RUNS_MAX = 25
PAGE = "<html><body>Welcome to the hotel</body></html>"
Plan = Callable[[int, str, str], Any]

_compiled = functools.cache(compile_code)


def no_faults(number: int, method: str, path: str) -> Any:
    return None


@dataclass(frozen=True)
class Workload:
    """What a person does: prepare() is the past, change the command, faults the network."""

    name: str
    prepare: Callable[["World"], None] = lambda world: None
    faults: Callable[[], Plan] = lambda: no_faults
    request: dict[str, Any] = field(default_factory=dict)
    shape: Callable[[str, str], dict[str, Any]] = flat
    expected: tuple[str, ...] = (DEVICE_ID,)


class World:
    """A computer, an account and a board; run() is one call of the command."""

    def __init__(self, folder: Path, workload: Workload) -> None:
        self.platform = FakePlatform(workload.shape)
        self.platform.devices["neighbour"] = dict(NEIGHBOUR)
        self.board = FakeBoard(self.platform)
        self.journal_folder = folder / "journal"
        self.source, ca_file = agent()
        self.request = Request("My device", ca_file=ca_file, interval_s=5, wait_s=0.01)
        self._changes = workload.request
        self._workload = workload
        workload.prepare(self)

    def run(self, killer: Killer, faults: Plan = no_faults, **changes: Any) -> Exception | None:
        """Return None if the command ended well, else what it told. Raises Killed."""
        self.board.around = killer
        client = Client(
            ORIGIN, KEY, transport(self.platform, killer, faults), lambda seconds: None
        )
        context = Context(
            Platform(client),
            self.board,
            Journal(self.journal_folder),
            self.source,
            Talk(Console(file=open(os.devnull, "w"), markup=False)),  # noqa: SIM115
        )
        request = replace(self.request, **{**self._changes, **changes})
        try:
            with disk(killer), mock.patch.object(plan, "compile_code", _compiled):
                command.provision(request, WIFI, context)
        except ToolError as exc:
            return exc
        finally:
            client.close()
            context.talk._console.file.close()
        return None

    def complaints(self) -> list[str]:
        """Return what is wrong now that the command has ended well."""
        platform, board = self.platform, self.board
        wrong = []
        ours = sorted(set(platform.devices) - {"neighbour"})
        if ours != sorted(self._workload.expected):
            wrong.append(f"devices {ours}")
        if platform.devices.get("neighbour") != NEIGHBOUR:
            wrong.append("the neighbour's device was touched")
        body = board.body or {}
        current = platform.passwords.get(body.get("device_id", ""))
        if body.get("device_id") != self._workload.expected[-1] or body["password"] != current:
            wrong.append("the board cannot log in")
        elif not platform.devices[body["device_id"]]["is_online"]:
            wrong.append("the board is not online")
        if board.held:
            wrong.append("the board is held")
        return wrong + self._journal_complaints()

    def _journal_complaints(self) -> list[str]:
        wrong = []
        for path in self.journal_folder.iterdir():
            if path.stat().st_mode & 0o077:
                wrong.append(f"{path.name} is open to others")
            if b"mqtt-canary" in path.read_bytes():
                wrong.append(f"{path.name} holds a password after all is done")
        entries = Journal(self.journal_folder).entries(ORIGIN)
        if {entry.state for entry in entries} - {"done"}:
            wrong.append(f"journal: {[entry.state for entry in entries]}")
        return wrong


@functools.cache
def agent() -> tuple[Path, Path]:
    """Make one small agent and one CA for all worlds of this process."""
    folder = Path(tempfile.mkdtemp(prefix="killpoints-"))
    _made.append(folder)
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(CA.pem)
    return make_agent(folder / "agent"), ca_file


_made: list[Path] = []


def clean() -> None:
    """Remove what agent() made."""
    agent.cache_clear()
    while _made:
        shutil.rmtree(_made.pop())


# The outside.


class _Seam:
    """A module whose named functions tell killer before and after they run."""

    def __init__(self, module: Any, names: tuple[str, ...], killer: Killer) -> None:
        self._module = module
        self._names = names
        self._killer = killer

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if name not in self._names:
            return found

        def told(*args: Any, **options: Any) -> Any:
            self._killer(f"before {name}")
            result = found(*args, **options)
            self._killer(f"after {name}")
            return result

        return told


@contextlib.contextmanager
def disk(killer: Killer) -> Iterator[None]:
    """Let killer know of all that is done to files."""
    seam = _Seam(os, ("replace", "unlink", "fsync", "mkdir"), killer)
    journal_seam = _Seam(os, ("open",), killer)
    files = _Seam(tempfile, ("mkstemp",), killer)
    with (
        mock.patch.object(secrets, "os", seam),
        mock.patch.object(secrets, "tempfile", files),
        mock.patch.object(journal_module, "os", journal_seam),
    ):
        yield


def transport(platform: FakePlatform, killer: Killer, faults: Plan) -> httpx.MockTransport:
    """Answer requests; faults says for each (number, method, path) what happens to it."""
    counted = iter(range(1_000_000))

    def answer(request: httpx.Request) -> httpx.Response:
        killer(f"before {request.method}")
        method, path = request.method, request.url.path
        fault = faults(next(counted), method, path)
        if isinstance(fault, tuple) and fault[0] == "instead":
            killer(f"after {method}")
            return _refused(*fault[1:])
        status, headers, text = platform.handle(
            method, path, request.headers, request.content.decode()
        )
        killer(f"after {method}")
        return _spoiled(fault, status, headers, text)

    return httpx.MockTransport(answer)


def _refused(status: int, headers: dict[str, str], text: str) -> httpx.Response:
    if not status:
        raise httpx.ConnectError("Connection refused")
    return httpx.Response(status, headers=headers, text=text)


def _spoiled(fault: Any, status: int, headers: dict[str, str], text: str) -> httpx.Response:
    """Return the answer of a request that was carried out, or what is left of it."""
    match fault:
        case "lost":
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        case "late":
            raise httpx.ReadTimeout("The read operation timed out")
        case "broken":
            return httpx.Response(502, text=PAGE)
        case "cut", at:
            return httpx.Response(status, content=_breaking(text.encode()[:at]))
        case "short", at:
            return httpx.Response(status, content=text.encode()[:at])
    return httpx.Response(status, headers=headers, text=text)


def _breaking(data: bytes) -> Iterator[bytes]:
    yield data
    raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


# What the network does.

REGISTER = ("POST", "/v1/iot/devices")


def at_register(*wanted: Any) -> Callable[[], Plan]:
    """Return plans that spoil the registrations, one after the other, and nothing else."""

    def made() -> Plan:
        left = list(wanted)

        def decide(number: int, method: str, path: str) -> Any:
            return left.pop(0) if (method, path) == REGISTER and left else None

        return decide

    return made


_WAITS = ("0", "1", "60", "Wed, 21 Oct 2026 07:28:00 GMT", "1000000000", "soon")


def weather(seed: int, share: float = 0.45) -> Callable[[], Plan]:
    """Return plans in which a share of all requests goes wrong, in every way there is."""

    def made() -> Plan:
        chance = random.Random(seed)

        def decide(number: int, method: str, path: str) -> Any:
            if chance.random() >= share:
                return None
            return chance.choice(
                (
                    ("instead", 429, {"Retry-After": chance.choice(_WAITS)}, '{"detail": "slow"}'),
                    ("instead", chance.choice((500, 502, 503, 504)), {}, '{"detail": "no"}'),
                    ("instead", 0, {}, ""),
                    ("instead", 200, {}, PAGE),
                    "lost",
                    "late",
                    "broken",
                    ("cut", chance.randrange(200)),
                    ("short", chance.randrange(1, 40)),
                )
            )

        return decide

    return made


# Trying it.


def contacts(folder: Path, workload: Workload) -> int:
    """Return how many moments there are to kill the command at, if it is not killed."""
    killer = Killer()
    world = World(folder, workload)
    world.run(killer, workload.faults())
    return killer.contacts


class Interrupter(Killer):
    """Ctrl-C at the n-th contact with the outside: what is tidied up then is tidied up."""

    def __call__(self, place: str) -> None:
        self.contacts += 1
        if self.contacts == self.at:
            raise KeyboardInterrupt(place)


def attempt(folder: Path, workload: Workload, kills: tuple[int, ...]) -> tuple[int, list[str]]:
    """Kill the command at these contacts, one run after the other; then let it end.

    At -n it is not killed at n, but interrupted: the board must be free at once.
    Returns how often it was stopped, and what is wrong in the end.
    """
    world = World(folder, workload)
    faults = workload.faults()
    killed = 0
    for at in kills:
        try:
            # A later run may have less to do than this, and end well.
            world.run(Killer(at) if at > 0 else Interrupter(-at), faults)
        except Killed:
            killed += 1
        except KeyboardInterrupt:
            killed += 1
            if world.board.held:
                return killed, [f"{workload.name} {kills}: interrupted, and the board is held"]
    told = ""
    for _ in range(RUNS_MAX):
        failure = world.run(Killer(), faults)
        if failure is None:
            return killed, [f"{workload.name} {kills}: {what}" for what in world.complaints()]
        told = f"{type(failure).__name__}: {failure}"
    return killed, [f"{workload.name} {kills}: not done after {RUNS_MAX} runs: {told}"]


Case = tuple[Workload, tuple[int, ...]]
# For worker processes, which are forked: what is in a case cannot be sent to them.
cases: list[Case] = []


def try_case(job: tuple[Path, int]) -> tuple[int, list[str]]:
    """Try cases[number] in a folder of its own below another."""
    folder = job[0] / f"case-{job[1]}"
    folder.mkdir()
    try:
        return attempt(folder, *cases[job[1]])
    finally:
        shutil.rmtree(folder)


def _done_before(world: World) -> None:
    assert world.run(Killer(), interval_s=60) is None


def _deleted_since(world: World) -> None:
    _done_before(world)
    del world.platform.devices[DEVICE_ID]


def _other_id_before(world: World) -> None:
    assert world.run(Killer(), device_id="first") is None


def nested(device_id: str, password: str) -> dict[str, Any]:
    login = {"username": device_id, "password": password, "client_id": device_id}
    return {"mqtt_credentials": {"broker": "broker.test", "port": 1883, **login}}


BUSY = ("instead", 429, {"Retry-After": "1"}, '{"detail": "slow down"}')
WORKLOADS = (
    Workload("fresh"),
    Workload("nested login", shape=nested),
    Workload("again", _done_before),
    Workload("deleted since", _deleted_since),
    Workload(
        "second device",
        _other_id_before,
        request={"device_id": "second"},
        expected=("first", "second"),
    ),
    Workload("answer lost", faults=at_register("lost")),
    Workload("answers lost", faults=at_register("lost", "late")),
    Workload("answer late", faults=at_register("late")),
    Workload("done and 502", faults=at_register("broken")),
    Workload("answer cut", faults=at_register(("cut", 60))),
    Workload("answer short", faults=at_register(("short", 60))),
    Workload("busy, then lost", faults=at_register(BUSY, "lost", BUSY)),
    Workload("page", faults=at_register(("instead", 200, {}, PAGE))),
)


def cut_everywhere() -> list[Workload]:
    """Return a workload for each byte at which the answer to the registration can end."""
    answer = len('{"device_id": "", "name": "My device", "is_online": false}') + 260
    return [
        Workload(f"{kind} at byte {at}", faults=at_register((kind, at)))
        for at in range(answer)
        for kind in ("cut", "short")
    ]
