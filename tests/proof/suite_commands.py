"""100,000 commands, documents and files of settings, mutated by their grammar; power cuts, too.

What the device makes of each message is compared with a second reading of the rules, on CPython's
own JSON (command_oracle.py): nothing may be taken that is not strictly right, nothing right may be
refused, nothing may raise or stay in the heap. The cuts are those of device/command_cuts.py.
"""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import command_oracle as oracle
from driver import Sum, programs

SECONDS = 120
FULL = 100_000
CUTS = 1_200
PLANTED = 3_000
# Words of the 32-bit interpreter are half as long.
HEAPS = ("700k", "380k")

_TEXTS = ("", "a", "x" * 33, "x" * 65, "äö", "\u20ac", "\U0001f600", 'q"\\/', "\n", "\x00",
          "devices/+/telemetry", "devices/+/sensors/t", "devices/+/x", "oldest", "E",
          "id_1", "+")  # fmt: skip
_NUMBERS = (0, 1, -1, 5, 60, 64, 65, 100, 86400, 86401, 1795399999, 1795400000, 9999999999,
            10**10, 1.5, -0.0, 1e300, 10**400)  # fmt: skip
_ODD = (b"NaN", b"Infinity", b"01", b"-", b"1.", b".5", b"1e5", b"+1", b"0x1", b"1" * 400, b"'a'",
        b'"\\x"', b'"\\u12"', b'"\\ud83d\\ude00"', b'"\\ud800"', b'"\n"', b'"\t"', b'"\xff"',
        b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf5\x80\x80\x80"', b'"\xe2\x82"', b"[1:2]", b"[1 2]",
        b"[1,]", b"[,1]", b"{}", b"[]", b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b"yes", b"nul",
        b"[" * 5 + b"]" * 5, b"[" * 300 + b"]" * 300, b"/*x*/1", b"{1:2}", b'"\\u0000"',
        b"")  # fmt: skip
_SPACE = (b" ", b"\t", b"\r\n", b"\v", b"\f", b"\xc2\xa0", b"\xef\xbb\xbf", b"\x00")


def run(seed: int, scale: float, scratch: Path) -> dict[str, object]:
    total = Sum()
    interpreters = programs()
    with ThreadPoolExecutor(len(interpreters)) as pool:
        for part in pool.map(
            lambda number: _share(number, interpreters, seed, scale, scratch),
            range(len(interpreters)),
        ):
            total.tried += part.tried
            total.failed += part.failed
            total.notes += part.notes
            total.is_caught &= part.is_caught
    return total.result()


def _share(number: int, interpreters: list[str], seed: int, scale: float, scratch: Path) -> Sum:
    """Try what one interpreter is to try."""
    part, program = Sum(), interpreters[number]
    rng = random.Random(seed + number)
    count = max(1000, int(FULL * scale / len(interpreters)))
    words = [str(one) for one in _files(scratch / str(number), rng, count)]
    part.add(program, "command_fuzz", words[0], words[2], heap=HEAPS[number])
    cuts = max(40, int(CUTS * scale / len(interpreters)))
    part.add(program, "command_cuts", seed + number, cuts)
    planted = Sum()
    planted.add(program, "command_fuzz", words[1], words[2], "planted", heap=HEAPS[number])
    part.is_caught &= planted.failed > 0 and planted.tried > 0
    if part.failed:
        part.notes.append(f"seed {seed}, interpreter {program}")
    return part


def _files(folder: Path, rng: random.Random, count: int) -> tuple[Path, Path, Path]:
    """Write what is to be tried: all of it, and what the planted fault has to be met with."""
    device = folder / "device"
    device.mkdir(parents=True)
    paths = folder / "messages", folder / "planted"
    for path, size in zip(paths, (count, PLANTED), strict=True):
        with path.open("w") as file:
            for _ in range(size):
                file.write(message(rng) + "\n")
    return *paths, device


def message(rng: random.Random) -> str:
    """Return a line as device/command_fuzz.py wants it."""
    kind = rng.choice("CCCCSSSF")
    while True:
        document = _command(rng) if kind == "C" else _settings(rng)
        data = _mutated(rng, json.dumps(document, ensure_ascii=rng.random() < 0.5).encode())
        if kind == "C":
            wanted = oracle.command(data)
        elif kind == "F":
            wanted = "any"
        else:
            judged = oracle.settings(data)
            if judged is not None and oracle.UNJUDGED & set(judged):
                continue
            wanted = "none" if judged is None else (json.dumps(judged).encode().hex())
        # An empty message clears a topic, and is nobody's.
        if data:
            return f"{kind} {data.hex()} {wanted}"


def _value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.randrange(8)
    if kind < 3:
        return rng.choice(_NUMBERS) if rng.random() < 0.7 else rng.randrange(-(10**6), 10**6)
    if kind < 5:
        return rng.choice(_TEXTS)
    if kind == 5 or depth > 4:
        return rng.choice((True, False, None))
    if kind == 6:
        return [_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(_TEXTS): _value(rng, depth + 1) for _ in range(rng.randrange(4))}


_GOOD: dict[str, Any] = {
    "read_now": lambda rng: {},
    "reboot": lambda rng: {},
    "sync_time": lambda rng: {},
    "set_interval": lambda rng: {"interval_s": rng.randrange(1, 86401)},
    "identify": lambda rng: {"seconds": rng.randrange(1, 61)},
    "get_config": lambda rng: {"keys": ["rev", "x"], "skip": rng.randrange(100)},
    "get_logs": lambda rng: {"lines": rng.randrange(1, 101)},
    "add_wifi": lambda rng: {"ssid": "näme", "password": "12345678", "priority": -3},
}


def _command(rng: random.Random) -> dict[str, Any]:
    name = rng.choice(list(_GOOD))
    found = {"id": f"id-{rng.randrange(10**6)}", "name": name, "args": _GOOD[name](rng)}
    if rng.random() < 0.3:
        found["not_after"] = oracle.NOW_S + rng.randrange(-5, 5)
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        where = found if rng.random() < 0.5 else found.get("args")
        if not isinstance(where, dict):
            continue
        key = rng.choice([*where, "id", "name", "args", "not_after", "x", "skip", "priority"])
        if rng.random() < 0.2:
            where.pop(key, None)
        else:
            where[key] = _value(rng)
    return found


def _settings(rng: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {"rev": rng.randrange(1, 1000), "mqtt_host": "x"}
    for _ in range(rng.randrange(1, 8)):
        key = rng.choice([*oracle.TABLE, "x"])
        if key in oracle.TABLE and rng.random() < 0.6:
            kind, low, high = oracle.TABLE[key]
            found[key] = {
                "int": rng.randint(low, high),
                "bool": rng.random() < 0.5,
                "str": rng.choice(_TEXTS),
                "list": [rng.choice(_TEXTS) for _ in range(rng.randrange(3))],
            }[kind]
        else:
            found[key] = _value(rng)
    return found


def _mutated(rng: random.Random, data: bytes) -> bytes:
    """Return data, mostly changed once or more often."""
    for _ in range(rng.choice((0, 0, 1, 1, 1, 2, 3))):
        data = rng.choice(_MUTATIONS)(rng, data)
    return data[:1000]


def _places(data: bytes, of: bytes) -> list[int]:
    return [at for at, byte in enumerate(data) if byte in of] or [0]


def _drop(rng: random.Random, data: bytes) -> bytes:
    at = rng.choice(_places(data, b'{}[]:,"\\'))
    return data[:at] + data[at + 1 :]


def _insert(rng: random.Random, data: bytes) -> bytes:
    at = rng.choice(_places(data, b'{}[]:,"\\'))
    return data[:at] + bytes((rng.choice(b'{}[]:,"\\0'),)) + data[at:]


def _flip(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) or 1)
    return data[:at] + bytes((rng.randrange(256),)) + data[at + 1 :]


def _odd(rng: random.Random, data: bytes) -> bytes:
    at = rng.choice(_places(data, b":["))
    return data[: at + 1] + rng.choice(_ODD) + data[at + 1 + rng.choice((0, 0, 1, 4)) :]


def _instead(rng: random.Random, data: bytes) -> bytes:
    """Put something odd in place of a whole value."""
    starts = _places(data, b":")
    at = rng.choice(starts) + 1
    ends = [end for end in _places(data, b",}") if end > at] or [len(data)]
    return data[:at] + rng.choice(_ODD) + data[ends[0] :]


def _again(rng: random.Random, data: bytes) -> bytes:
    """Say a key twice."""
    at = rng.choice(_places(data, b","))
    end = (_places(data[at + 1 :], b",}"))[0] + at + 1
    return data[:at] + data[at:end] + data[at:]


def _space(rng: random.Random, data: bytes) -> bytes:
    at = rng.choice([0, len(data), *_places(data, b"{}[]:,")])
    return data[:at] + rng.choice(_SPACE) + data[at:]


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) or 1)]


def _more(rng: random.Random, data: bytes) -> bytes:
    return data + rng.choice((b"}", b" {}", b"x", data))


_MUTATIONS = (_drop, _insert, _flip, _odd, _instead, _instead, _again, _space, _cut, _more)
